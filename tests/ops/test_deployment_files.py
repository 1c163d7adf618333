"""ops/systemd and ops/logrotate, as the programs that read them understand them."""

import getpass
import grp
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.settings import ROOT

UNIT = ROOT / "ops/systemd/pipeline.service"
SBIN = f"{os.environ['PATH']}:/usr/sbin"
LOGROTATE = shutil.which("logrotate", path=SBIN)
# Stands for the parent process: says that it listens, then which signal came.
LISTENER = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
print("ready", flush=True)
print(signal.sigwait({signal.SIGUSR1, signal.SIGTERM}), flush=True)
"""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is missing")
def test_systemd_takes_the_unit(tmp_path: Path):
    """Without a word: an unknown setting is only warned of, and then does nothing."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/srv/pipeline/", f"{ROOT}/"), "utf-8")
    process = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    own_lines = [line for line in process.stderr.splitlines() if UNIT.name in line]
    assert (process.returncode, own_lines) == (0, [])


def test_the_unit_calls_scripts_that_are_there():
    text = UNIT.read_text("utf-8")
    commands = re.findall(r"^Exec\w+=/bin/bash /srv/pipeline/(\S+(?: --\w+)?)", text, re.MULTILINE)

    assert commands == ["start.sh", "start.sh --reload", "stop.sh"]
    for name in commands:
        assert (ROOT / name.partition(" ")[0]).is_file()


@pytest.fixture
def listener() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.terminate()


@pytest.mark.skipif(LOGROTATE is None, reason="logrotate is missing")
def test_logrotate_moves_the_logs_and_has_new_ones_opened(
    tmp_path: Path, listener: "subprocess.Popen[str]"
):
    assert LOGROTATE is not None
    logs, run = tmp_path / "var/logs", tmp_path / "var/run"
    logs.mkdir(parents=True, mode=0o700)
    run.mkdir()
    for name in ("worker-1.log", "parent.log", "database.log"):
        (logs / name).write_text("a line\n")
    (run / "parent.pid").write_text(f"{listener.pid}\n")
    account = f"{getpass.getuser()} {grp.getgrgid(os.getegid()).gr_name}"
    text = (ROOT / "ops/logrotate").read_text("utf-8").replace("pipeline pipeline", account)
    configuration = tmp_path / "logrotate"
    configuration.write_text(text.replace("/srv/pipeline", str(tmp_path)))
    configuration.chmod(0o600)

    process = subprocess.run(
        [LOGROTATE, "--force", "--state", str(tmp_path / "state"), str(configuration)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (process.returncode, process.stderr) == (0, "")
    assert listener.stdout is not None
    assert listener.stdout.readline() == f"{signal.SIGUSR1.value}\n"
    assert sorted(file.name for file in logs.iterdir()) == [
        "database.log", "database.log.1.gz", "parent.log", "parent.log.1", "worker-1.log",
        "worker-1.log.1",
    ]  # fmt: skip
    assert (logs / "worker-1.log.1").read_text() == "a line\n"
    assert (logs / "worker-1.log").stat().st_mode & 0o777 == 0o600
