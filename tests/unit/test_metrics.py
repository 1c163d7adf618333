"""Numbers of all workers, also when one of them is killed."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.base.metrics import Gauge, Histogram
from app.base.settings import ROOT
from app.server.metrics import Metrics, _merge, clear_metrics, metrics_folder

# A worker that counts what it reads and answers `?` with the text; the rest ends it in order.
_WORKER = """
import sys
from pathlib import Path
from app.server.metrics import Metrics, metrics_folder

metrics = Metrics(metrics_folder(Path(sys.argv[1])))
for line in sys.stdin:
    if line == "?\\n":
        print(metrics.text() + "end", flush=True)
    elif line == "!\\n":
        print("ready", flush=True)
    else:
        metrics.count("/a.dspy", int(line), 0.25)
metrics.remove()
"""


class _Worker:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, *lines: str) -> str:
        """What it answers to the last of *lines*."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()
        parts = []
        for line in self.process.stdout:
            if line in ("end\n", "ready\n"):
                break
            parts.append(line)
        return "".join(parts)

    def kill(self) -> None:
        """End it as a fault does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def worker(var_dir: Path) -> Iterator[_Worker]:
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(var_dir)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield _Worker(process)


def test_each_worker_answers_for_all(tmp_path: Path) -> None:
    with worker(tmp_path) as one, worker(tmp_path) as other:
        one.ask("200", "200", "404", "?")
        text = other.ask("200", "?")

    assert 'pipeline_requests_total{status="200"} 3.0\n' in text
    assert 'pipeline_requests_total{status="404"} 1.0\n' in text
    assert "pipeline_request_seconds_total 1.0\n" in text
    assert "pipeline_workers 2.0\n" in text
    assert "# TYPE pipeline_requests_total counter\n" in text
    assert "# TYPE pipeline_workers gauge\n" in text
    assert "# HELP pipeline_workers Living worker processes\n" in text
    series = 'pipeline_request_duration_seconds_%s{endpoint="/a.dspy",%sstatus="200"} %s\n'
    assert series % ("bucket", 'le="0.1",', "0.0") in text
    assert series % ("bucket", 'le="0.25",', "3.0") in text
    assert series % ("bucket", 'le="+Inf",', "3.0") in text
    assert series % ("count", "", "3.0") in text
    assert series % ("sum", "", "0.75") in text


def test_a_killed_worker_lives_no_longer_and_its_counts_stay(tmp_path: Path) -> None:
    with worker(tmp_path) as one, worker(tmp_path) as other:
        other.ask("200", "?")
        other.kill()
        texts = [one.ask("200", "?"), one.ask("?")]

    for text in texts:
        assert 'pipeline_requests_total{status="200"} 2.0\n' in text
        assert "pipeline_workers 1.0\n" in text


def test_many_workers_that_have_ended_leave_one_file(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        for _ in range(3):
            with worker(tmp_path) as other:
                other.ask("200", "?")
                other.kill()
        text = one.ask("?")
        files = {file.name for file in metrics_folder(tmp_path).glob("*.numbers")}

    assert 'pipeline_requests_total{status="200"} 3.0\n' in text
    assert len(files) == 2
    assert "ended.numbers" in files


def test_a_later_process_of_the_same_number_is_another(tmp_path: Path) -> None:
    """A number of a process is given again; the numbers left under it are of one that ended."""
    folder = metrics_folder(tmp_path)
    with worker(tmp_path) as one:
        one.ask("200", "?")
        one.kill()
        (file,) = folder.glob("*-*.numbers")
        file.rename(folder / f"{os.getpid()}-1.numbers")  # this process, at another time
    with worker(tmp_path) as other:
        text = other.ask("200", "?")

    assert 'pipeline_requests_total{status="200"} 2.0\n' in text
    assert "pipeline_workers 1.0\n" in text


def test_a_worker_that_ends_leaves_all_it_counted(tmp_path: Path) -> None:
    with worker(tmp_path) as other:
        other.ask("200", "200", "!")
    with worker(tmp_path) as one:
        text = one.ask("?")

    assert 'pipeline_requests_total{status="200"} 2.0\n' in text
    assert "pipeline_workers 1.0\n" in text


@pytest.mark.parametrize("name", ["a b", "目录", "[ab]", "a*", "a_1.db"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    with worker(folder) as one:
        with worker(folder) as other:
            other.ask("200", "!")
        text = one.ask("200", "?")

    assert 'pipeline_requests_total{status="200"} 2.0\n' in text
    assert "pipeline_workers 1.0\n" in text


def test_a_full_disk_is_told_with_the_file_and_leaves_the_last_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(tmp_path)
    metrics.count("/a.dspy", 200, 0.1)
    before = metrics._file.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)

    with pytest.raises(OSError, match=r"No space left on device: '.*\d+-\d+\.numbers'"):
        metrics.write()
    assert 'endpoint="/a.dspy"' in metrics.text()
    assert metrics._file.read_bytes() == before
    assert not list(tmp_path.glob("*.new"))


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.count("/a.dspy", 200, 0.1)
    metrics.write(only_changes=True)
    metrics._file.unlink()

    metrics.write(only_changes=True)

    assert not metrics._file.exists()
    metrics.count("/a.dspy", 200, 0.1)
    metrics.write(only_changes=True)
    assert metrics._file.exists()


def test_a_start_begins_at_zero(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.ask("200", "!")
    clear_metrics(tmp_path)

    assert list(metrics_folder(tmp_path).iterdir()) == []


def state(merging: str, *numbers: float, **other: object) -> dict[str, dict[str, object]]:
    family: dict[str, object] = {"type": "gauge", "help": "", "merging": merging, "labels": ["a"]}
    return {"m": family | {"bounds": [], "children": [(["x"], list(numbers))]} | other}


@pytest.mark.parametrize(
    ("merging", "one", "other", "result"),
    [
        ("latest", (5, 20.0), (9, 10.0), [5, 20.0]), ("latest", (5, 10.0), (9, 20.0), [9, 20.0]),
        ("max", (5, 20.0), (9, 10.0), [9, 10.0]), ("sum", (5, 1, 2), (9, 3, 0), [14, 4, 2]),
    ],
)  # fmt: skip
def test_numbers_of_two_workers_become_one(
    merging: str, one: list[float], other: list[float], result: list[float]
) -> None:
    family = _merge([state(merging, *one), state(merging, *other)])["m"]

    assert family["children"] == [(("x",), result)]


def test_what_another_version_counted_by_other_bounds_is_left_out() -> None:
    old = state("sum", 1, 2, bounds=[])
    new = state("sum", 3, 4, 5, bounds=[1])

    assert _merge([old, new])["m"]["children"] == [(("x",), [3, 4, 5])]


def test_a_size_is_counted_at_the_first_bound_that_it_is_not_above() -> None:
    spread = Histogram("test_sizes", "Sizes", bounds=(1, 2)).child()
    for size in (1, 1.5, 2, 3):
        spread.observe(size)

    assert spread.counts == [1, 2, 1]


def test_a_name_is_of_one_metric_and_labels_are_complete() -> None:
    gauge = Gauge("test_labels", "Labels", ["one"])

    with pytest.raises(ValueError, match="there is a metric test_labels already"):
        Gauge("test_labels", "Labels")
    with pytest.raises(ValueError, match="has the labels"):
        gauge.child("a", "b")
    assert gauge.child("a") is gauge.child("a")
    assert gauge.state()["children"] == [(("a",), [0.0, 0.0])]
