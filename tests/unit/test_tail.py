"""`manage.py tail`: the lines of all workers in the order of time, those that are asked for."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.cli.tail import Filter, Logs, readable, run_command
from app.runtime.terminal import CommandError


def add(file: Path, *entries: dict[str, object] | str) -> None:
    """Append lines to a log."""
    with file.open("a") as log:
        for entry in entries:
            log.write(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n")


def at(second: int, **about: object) -> dict[str, object]:
    return {"at": f"2026-11-30T01:00:{second:02d}.000Z", "level": "INFO", **about}


def seconds(logs: Logs, until: str | None = None) -> list[str]:
    """The seconds of the lines that come next."""
    logs.take_in()
    return [entry.at[17:19] for entry in logs.entries(until)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def logs(folder: Path) -> Iterator[Logs]:
    """The logs, which read nothing yet."""
    with closing(Logs(folder)) as new_logs:
        yield new_logs


def test_lines_of_all_workers_come_by_time(folder: Path, logs: Logs) -> None:
    add(folder / "worker-1.log", at(1), at(4))
    add(folder / "worker-2.log", at(3), at(2))

    assert seconds(logs) == ["01", "02", "03", "04"]
    add(folder / "worker-2.log", at(7))
    add(folder / "worker-1.log", at(6), at(9))
    assert seconds(logs, "2026-11-30T01:00:08.000Z") == ["06", "07"]
    assert seconds(logs) == ["09"]


def test_a_file_is_followed_when_it_is_put_aside_emptied_or_new(folder: Path, logs: Logs) -> None:
    file = folder / "worker-1.log"
    add(file, at(1))
    assert seconds(logs) == ["01"]

    add(file, at(2))
    file.rename(folder / "worker-1.log.1")
    add(file, at(3))
    assert seconds(logs) == ["02", "03"]

    file.write_text("")
    assert seconds(logs) == []
    add(file, at(4))
    add(folder / "worker-2.log", at(5))
    assert seconds(logs) == ["04", "05"]


def test_half_a_line_waits_for_the_rest(folder: Path, logs: Logs) -> None:
    file = folder / "worker-1.log"
    text = json.dumps(at(1))
    file.write_text(text[:20])
    assert seconds(logs) == []

    with file.open("a") as log:
        log.write(f"{text[20:]}\n")
    assert seconds(logs) == ["01"]


def test_what_is_no_json_has_the_time_of_the_line_before(folder: Path, logs: Logs) -> None:
    add(folder / "worker-1.log", at(1), "Traceback (most recent call last):", at(3))
    add(folder / "worker-2.log", at(2))
    logs.take_in()

    texts = [readable(entry) for entry in logs.entries()]

    assert texts[1] == "worker-1  Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        (Filter(), 3),
        (Filter(level="WARNING"), 1),
        (Filter(request_id="r1"), 1),
        (Filter(distributor="acme"), 1),
        (Filter(distributor="ppk_abcd"), 1),
        (Filter(path="/pipeline_dist/"), 2),
        (Filter(path="/pipeline_dist/", level="ERROR"), 0),
    ],
)
def test_only_what_is_asked_for_is_shown(condition: Filter, count: int) -> None:
    records = [
        at(1, request_id="r1", path="/pipeline_dist/v1/me", distributor="acme", key="ppk_abcd"),
        at(2, request_id="r2", path="/pipeline_dist/v1/calls") | {"level": "WARNING"},
        at(3, message="a message of no request"),
    ]

    assert sum(map(condition.lets_through, records)) == count


def test_a_terminal_obeys_nothing_that_is_shown(folder: Path, logs: Logs) -> None:
    escape = "\x1b[2J\x9b2J\u202e"
    add(
        folder / "worker-1.log",
        at(1, action="request", method="GET", path=f"/{escape}", status=404, ms=0.1),
        at(2, action="failed", message="m", error=f"trace\n{escape}"),
        f"raw {escape}",
    )
    logs.take_in()

    output = "\n".join(readable(entry) for entry in logs.entries())

    assert "GET /\\u001b[2J\\u009b2J\\u202e 404 0.1 ms" in output
    assert not set(escape) & set("\x1b\x9b\u202e") & set(output)
    assert "\ntrace\n" in output


def test_the_command_shows_the_last_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_VAR", str(folder.parent))
    add(folder / "worker-1.log", *(at(second, message=f"m{second}") for second in range(30)))

    assert run_command(["--no-follow", "-n", "2"]) == 0
    assert [line.split()[0][17:19] for line in capsys.readouterr().out.splitlines()] == ["28", "29"]

    assert run_command(["--no-follow", "--json", "-n", "1", "--level", "info"]) == 0
    assert json.loads(capsys.readouterr().out) == {"worker": "worker-1", **at(29, message="m29")}


def test_it_follows_until_it_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_VAR", str(folder.parent))
    add(folder / "worker-1.log", at(1))
    turns = iter([lambda: add(folder / "worker-1.log", at(2, message="new")), None])

    def pause(_: float) -> None:
        act = next(turns)
        if act is None:
            raise KeyboardInterrupt
        act()

    monkeypatch.setattr(time, "sleep", pause)

    assert run_command([]) == 0
    assert "new [" in capsys.readouterr().out


def test_without_logs_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_VAR", str(tmp_path))

    with pytest.raises(CommandError, match=r"Run start\.sh first|请先运行"):
        run_command([])
