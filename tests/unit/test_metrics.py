"""Counters of all workers, also when one of them is killed."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.base.settings import ROOT
from app.server.metrics import Metrics, clear_metrics, metrics_folder

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
        metrics.count(int(line), 0.25)
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


def test_a_killed_worker_lives_no_longer_and_its_counts_stay(tmp_path: Path) -> None:
    with worker(tmp_path) as one, worker(tmp_path) as other:
        other.ask("200", "?")
        other.process.kill()
        other.process.wait()
        text = one.ask("200", "?")

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


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    with pytest.raises(OSError, match=r"No space left on device: '.*counter_\d+\.db'"):
        Metrics(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_start_begins_at_zero(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.ask("200", "!")
    clear_metrics(tmp_path)

    assert list(metrics_folder(tmp_path).iterdir()) == []


def test_the_files_have_their_room_from_the_start(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.ask("!")
        files = [file.stat() for file in metrics_folder(tmp_path).iterdir()]

    assert files
    assert all(file.st_blocks * 512 >= file.st_size for file in files)
