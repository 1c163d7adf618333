"""The scripts as an operator runs them, on a run-time folder and a port of the test's own."""

import http.client
import os
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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing was ever started."""
    new_place = Place(tmp_path / "var")
    yield new_place
    new_place.run("stop.sh")
