"""The scripts as an operator runs them, on a run-time folder and a port of the test's own."""

import fcntl
import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.settings import ROOT
from app.runtime import processes
from app.runtime.embedded_db import EmbeddedDatabase
from app.runtime.parent import parent_mark, parent_pid_file
from app.runtime.workers import Workers
from tests.support.ports import free_port


class Place:
    """One run-time folder with its own port."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.port = free_port()
        self.database = EmbeddedDatabase(var_dir)
        self.workers = Workers(var_dir)
        self.extra_env: dict[str, str] = {}

    @property
    def env(self) -> dict[str, str]:
        """The environment an operator sets."""
        inherited = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith("PIPELINE_") and k != "SAGE_RBAC_DB"
        }
        return inherited | {
            "PIPELINE_VAR": str(self.var_dir),
            "PIPELINE_PORT": str(self.port),
            "PIPELINE_WORKERS": "2",
            "LC_ALL": "C.UTF-8",
            **self.extra_env,
        }

    def run(self, script: str, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout with bash; never raises for its exit code."""
        return subprocess.run(
            ["bash", str(ROOT / script), *argv],
            env=self.env | env,
            text=True,
            capture_output=True,
            check=False,
            timeout=180,
            stdin=subprocess.DEVNULL,
        )

    def manage(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run app/manage.py; never raises for its exit code."""
        return subprocess.run(
            [sys.executable, str(ROOT / "app/manage.py"), *argv],
            env=self.env,
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *argv: str, **env: str) -> str:
        """start.sh, which must succeed; what it printed."""
        process = self.run("start.sh", *argv, **env)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def kill_everything(self) -> None:
        """Kill -9 for every process of this place, as a power cut would."""
        pids = [self.parent_pid(), *self.workers.running().values(), self.database.pid()]
        for pid in filter(None, pids):
            os.kill(pid, signal.SIGKILL)
        assert processes.wait_until(
            lambda: not self.workers.running() and self.database.pid() is None, 30
        )

    def parent_pid(self) -> int | None:
        """The pid of the parent process, or None."""
        return processes.recorded_pid(parent_pid_file(self.var_dir), parent_mark(self.var_dir))

    def answers(self, path: str = "/readyz") -> int | None:
        """The HTTP status of *path*, or None without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def stop_all(self) -> None:
        """Stop what a test has left running."""
        if self.parent_pid() or self.workers.all_pids():
            self.run("stop.sh")
        elif self.database.pid():
            self.database.stop()


@pytest.fixture
def new_place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing was ever started."""
    place = Place(tmp_path / "var")
    yield place
    place.stop_all()


@pytest.fixture(scope="session")
def set_up_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The run-time folder of a place that was started once and stopped, to be copied.

    One for all processes of a test run. What belongs to one place only, how its database is
    reached, and what was going on in it, is not there.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, unfinished = shared / "set-up", shared / "set-up.new"
    with (shared / "set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            first = Place(unfinished / "var")
            first.start(PIPELINE_WORKERS="1")
            first.run("stop.sh")
            for name in ("run", "logs"):
                shutil.rmtree(first.var_dir / name)
            for path in (first.var_dir / "database").iterdir():
                if path.is_file():
                    path.unlink()
            unfinished.rename(folder)
    return folder / "var"


@pytest.fixture
def place(set_up_folder: Path, tmp_path: Path) -> Iterator[Place]:
    """
    A place where everything was started once and stopped: its database and its tables are there.

    To make these takes longer than all that a test does then. One worker is started, unless the
    test says otherwise.
    """
    copy = Place(tmp_path / "var")
    # Of a new database's log nearly all is zero, which need not be written.
    subprocess.run(["cp", "-a", "--sparse=always", set_up_folder, copy.var_dir], check=True)
    copy.extra_env["PIPELINE_WORKERS"] = "1"
    yield copy
    copy.stop_all()
