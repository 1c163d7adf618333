"""Log files of a process: put aside when large, opened anew on request, readable by a group."""

import stat
import subprocess
import sys
from pathlib import Path

from app.base.settings import ROOT

_PROCESS = """
import os, sys
from app.base.log_options import LogOptions
from app.base.logs import log_file, reopen_logs, set_up_logging
import logging

set_up_logging(LogOptions(log_file_bytes=1000, log_old_files=2))
log = logging.getLogger("test")
"""


def run(folder: Path, code: str) -> Path:
    """The log file of a process that runs *code*, its standard error going there."""
    file = folder / "worker-1.log"
    with file.open("ab") as log:
        subprocess.run(
            [sys.executable, "-c", _PROCESS + code], cwd=folder, stdout=log, stderr=log,
            env={"PYTHONPATH": str(ROOT)}, check=True,
        )  # fmt: skip
    return file


def test_a_large_file_is_put_aside_and_so_many_are_kept(tmp_path: Path) -> None:
    code = 'for number in range(60): log.warning("line %02d", number)'
    file = run(tmp_path, code)
    files = [file, *(file.with_name(f"{file.name}.{number}") for number in (1, 2))]

    assert sorted(tmp_path.iterdir()) == sorted(files)
    texts = [path.read_text() for path in files]
    assert all(len(text) <= 1000 for text in texts)
    assert texts[0].endswith('"message": "line 59"}\n')
    lines = "".join(reversed(texts)).splitlines()
    numbers = [int(line[-4:-2]) for line in lines]
    assert numbers == list(range(numbers[0], 60))  # none is lost between two files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}


def test_after_a_move_lines_go_on_in_a_new_file(tmp_path: Path) -> None:
    code = """
log.warning("before")
os.rename("worker-1.log", "moved")
log.warning("moved")
reopen_logs()
log.warning("after")
print("printed", flush=True)
os.write(2, b"raw\\n")
"""
    file = run(tmp_path, code)

    old_text = (tmp_path / "moved").read_text()
    assert "before" in old_text
    assert '"moved"' in old_text
    assert "after" not in old_text
    assert "after" in file.read_text()
    assert file.read_text().endswith("printed\nraw\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_who_comes_second_only_follows(tmp_path: Path) -> None:
    """In a rolling restart two processes have the same file, and one of them puts it aside."""
    code = """
log.warning("x" * 700)
os.rename("worker-1.log", "worker-1.log.1")
open("worker-1.log", "w").write("of the other\\n")
log.warning("y" * 700)
"""
    file = run(tmp_path, code)

    assert file.read_text().startswith("of the other\n")
    assert "yyy" in file.read_text()
    assert not file.with_name("worker-1.log.2").exists()


def test_a_full_disk_costs_the_line_only(tmp_path: Path) -> None:
    file = run(tmp_path, 'os.dup2(os.open("/dev/full", os.O_WRONLY), 2)\nlog.warning("lost")')

    assert file.read_text() == ""
