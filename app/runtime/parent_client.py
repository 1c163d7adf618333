"""Starting, asking and ending the parent process, as commands do it."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from app.base.settings import ROOT
from app.runtime import control, processes
from app.runtime.parent import parent_mark, parent_pid_file
from app.runtime.terminal import CommandError
from app.runtime.workers import DRAIN_SECONDS, READY_SECONDS, Workers

# What the environment of a running application is made of; the rest is the caller's.
_OWN_NAMES = ("PIPELINE_", "SAGE_RBAC_DB")
_ROLL_SECONDS = 4 * READY_SECONDS


class NothingChanged(CommandError):
    """The parent process has refused: what ran goes on, and nobody uses what was to follow."""


class ParentClient:
    """The parent process of one run-time folder, running or not."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.resolve()
        self.workers = Workers(var_dir)
        self.log = self.var_dir / "logs" / "parent.log"

    def state(self) -> dict[str, Any] | None:
        """Return what runs; None where no parent does. Raises CommandError when it is silent."""
        return control.ask(self.workers.run_dir, do="state")

    def launch(self, root: Path) -> None:
        """Start the parent process with the code in *root*; raises CommandError."""
        option, value = parent_mark(self.var_dir).split(" ", 1)
        pid = processes.spawn(
            [
                sys.executable,
                option,
                value,
                str(root / "app/pipeline_parent.py"),
                str(self.var_dir),
            ],
            self.log,
        )
        if not processes.wait_until(lambda: self.state() is not None, READY_SECONDS):
            processes.end({pid: parent_mark(self.var_dir)}, 5)
            tail = processes.last_lines(self.log)
            raise CommandError(
                f"The parent process did not start. Last lines of {self.log}:\n{tail}",
                f"父进程未能启动。{self.log} 的最后几行：\n{tail}",
            )

    def roll(self, root: Path, env: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """Have workers of the generation *root* with the environment *env*; raises NothingChanged,
        and the workers that ran go on; any other CommandError where nobody knows what runs now."""
        return self._ask(do="roll", root=str(root), env=dict(env), home=str(ROOT))

    def renew(self) -> int:
        """Put a new process in the place of each worker, with the same code and environment;
        return how many."""
        return len(self._ask(do="renew")["workers"])

    def scale(self, count: int) -> dict[str, Any]:
        """Have *count* workers of the code that runs."""
        return self._ask(do="scale", workers=count)

    def end(self) -> list[int]:
        """End the parent process and its workers; return its pid where it had to be killed."""
        pid = processes.recorded_pid(parent_pid_file(self.var_dir), parent_mark(self.var_dir))
        if pid is None:
            return []
        killed_pids = processes.end({pid: parent_mark(self.var_dir)}, DRAIN_SECONDS + 20)
        parent_pid_file(self.var_dir).unlink(missing_ok=True)
        return killed_pids

    def stop(self) -> tuple[int, list[int]]:
        """End the parent, then workers that no parent has; how many there were, who was killed."""
        before = self.workers.all_pids()
        killed_pids = self.end()
        return len(before), killed_pids + self.workers.end_all()[1]

    def _ask(self, **request: Any) -> dict[str, Any]:
        answer = control.ask(self.workers.run_dir, seconds=_ROLL_SECONDS, **request)
        if answer is None:
            raise CommandError(
                f"The parent process has ended. See {self.log}, then run start.sh.",
                f"父进程已退出。请查看 {self.log}，然后执行 start.sh。",
            )
        failure = answer.get("failure")
        if failure is None:
            return answer
        if "number" in failure:
            death = self.workers.death(
                failure["number"], failure["log_start"], is_late=failure["is_late"]
            )
            raise NothingChanged(str(death), str(death))
        raise NothingChanged(failure["reason"], failure["reason"])


def adopt_environment(state: dict[str, Any], env: MutableMapping[str, str] = os.environ) -> None:
    """Take over what the application was started with, but for what *env* names itself: a reload
    from another shell is no change of settings."""
    for name, value in state["env"].items():
        if name.startswith(_OWN_NAMES) and not env.get(name):
            env[name] = value
