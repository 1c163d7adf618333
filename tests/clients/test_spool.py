"""The spool on the disk: torn, damaged, locked, full, killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_client import Line, SpoolError, SpoolLocked, spool as spool_file
from pipeline_client.operations import call_body
from pipeline_client.spool import Spool

CALLS = [call_body("line", status="succeeded", lines=[Line("second", n)]) for n in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def fill(path: Path) -> list[str]:
    spool = Spool(path)
    keys = spool.add(CALLS)
    spool.close()
    return keys


def keys_in(path: Path) -> list[str]:
    spool = Spool(path)
    keys = [key for key, _ in spool.waiting()]
    spool.close()
    return keys


def test_keeps_calls_and_their_keys(path: Path) -> None:
    keys = fill(path)
    spool = Spool(path)
    spool.end(keys[:2])

    assert [call["lines"] for _, call in spool.waiting()] == [
        [{"unit": "second", "quantity": str(n)}] for n in (2, 3, 4)
    ]
    spool.close()
    assert keys_in(path) == keys[2:]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_of_ones_own_waits_once(path: Path) -> None:
    spool = Spool(path)
    own = {**CALLS[0], "idempotency_key": "job-1"}

    assert spool.add([own, CALLS[1]])[0] == "job-1"
    assert spool.add([own]) == ["job-1"]
    assert len(spool) == 2
    spool.close()


def test_whatever_of_the_last_write_is_there_what_was_before_it_stays(path: Path) -> None:
    first = fill(path)
    size = path.stat().st_size
    spool = Spool(path)
    (last,) = spool.add([CALLS[0]])
    spool.close()
    content = path.read_bytes()

    for end in {size, size + 1, size + 8, size + 9, size + 40, len(content) - 1}:
        path.write_bytes(content[:end])
        assert keys_in(path) == first
        path.write_bytes(content[:end] + bytes(len(content) - end))  # as a power cut leaves it
        assert keys_in(path) == first
    path.write_bytes(content)
    assert keys_in(path) == [*first, last]
    assert not path.with_name("spool.refused").exists()


def test_after_a_torn_line_new_ones_are_whole(path: Path) -> None:
    first = fill(path)
    with path.open("ab") as file:
        file.write(b'1234abcd {"add":"x"')
    spool = Spool(path)
    (new,) = spool.add([CALLS[0]])
    spool.close()

    assert keys_in(path) == [*first, new]


def test_a_damaged_line_is_set_aside_and_said(path: Path) -> None:
    keys = fill(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"second", b"sekond")
    path.write_bytes(b"".join(lines))
    spool = Spool(path)

    assert [key for key, _ in spool.waiting()] == [keys[0], *keys[2:]]
    ((_, row),) = spool.refused_calls()
    assert row["reason"] == {"code": "damaged"}
    assert row["line"].encode() == lines[1]
    assert spool.take_refused_back() == 0
    assert len(spool.refused_calls()) == 1
    spool.close()


def test_one_program_has_it(path: Path) -> None:
    spool = Spool(path)
    with pytest.raises(SpoolLocked):
        Spool(path)
    spool.close()
    Spool(path).close()


def test_a_full_disk_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = fill(path)
    spool = Spool(path)
    write = os.write
    with monkeypatch.context() as context:
        parts = iter([lambda handle, view: write(handle, bytes(view[:10]))])

        def full(handle: int, view: memoryview) -> int:
            for part in parts:
                return part(handle, view)
            raise OSError(28, "No space left on device")

        context.setattr(os, "write", full)
        with pytest.raises(SpoolError, match="No space"):
            spool.add(CALLS)

    (new,) = spool.add([CALLS[0]])
    spool.close()
    assert keys_in(path) == [*keys, new]


def test_after_a_failed_sync_nothing_more_is_promised(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(path)
    with monkeypatch.context() as context:

        def failing(handle: int) -> None:
            raise OSError(5, "Input/output error")

        context.setattr(os, "fsync", failing)
        with pytest.raises(SpoolError, match="Input/output"):
            spool.add(CALLS)
    with pytest.raises(SpoolError, match="anew"):
        spool.add(CALLS)
    spool.close()


def test_begins_anew_when_nothing_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_file, "MAX_IDLE_BYTES", 1000)
    spool = Spool(path)
    for _ in range(20):
        spool.end(spool.add(CALLS))
    (last,) = spool.add([CALLS[0]])
    spool.close()

    assert path.stat().st_size < 2500
    assert keys_in(path) == [last]


def test_begins_anew_when_most_is_done_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_file, "MAX_WASTE_BYTES", 1000)
    spool = Spool(path)
    (stays,) = spool.add([CALLS[0]])
    for _ in range(20):
        spool.end(spool.add(CALLS))
    spool.close()

    assert path.stat().st_size < 2500
    assert keys_in(path) == [stays]


WRITER = """
import sys
from pipeline_client.spool import Spool
spool = Spool(sys.argv[1])
while True:
    for key in spool.add([{"pipeline": "line"}] * 3):
        print(key, flush=True)
"""


def test_what_was_promised_survives_kill_9(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        promises = [process.stdout.readline().strip() for _ in range(30)]
        os.kill(process.pid, signal.SIGKILL)
        promises += process.stdout.read().splitlines()

    # The very last line of the pipe may be torn as well.
    assert set(promises[:-1]) <= set(keys_in(path))


def test_the_file_of_what_was_refused_is_plain_json(path: Path) -> None:
    keys = fill(path)
    spool = Spool(path)
    spool.refuse([(keys[0], {"status": 404, "code": "pipeline_not_found"})])
    spool.close()

    (line,) = path.with_name("spool.refused").read_text("utf-8").splitlines()
    row = json.loads(line)
    assert (row["idempotency_key"], row["reason"]["code"]) == (keys[0], "pipeline_not_found")
    assert row["call"]["pipeline"] == "line"
    assert keys_in(path) == keys[1:]
