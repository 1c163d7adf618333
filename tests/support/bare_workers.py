"""
Workers without a parent process, each with a socket of its own.

Nobody starts them again: tests that kill, count or look into workers have exactly those that they
started. What the parent does has tests of its own (tests/ops/test_parent.py).
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from app.base.settings import ROOT, Settings
from app.runtime import processes
from app.runtime.workers import READY_SECONDS, Workers, listeners


class BareWorkers(Workers):
    """The workers of one run-time folder, started and ended by the test."""

    def __init__(self, var_dir: Path, env: Mapping[str, str] = os.environ) -> None:
        super().__init__(var_dir)
        self._env = env

    def start(self, number: int) -> tuple[int, int]:
        """Start worker *number*; its pid, and where in its log file it begins."""
        log_start = self.log_start(number)
        env = {**self._env, "PIPELINE_VAR": str(self.var_dir)}
        pid = processes.spawn(self.command(ROOT), self.log_file(number), env)
        processes.record_pid(self.pid_file(number), pid)
        return pid, log_start

    def start_all(self, settings: Settings) -> None:
        """Start the workers that are missing and return when all of them take requests."""
        missing = [n for n in range(1, settings.workers + 1) if n not in self.running()]
        fresh: dict[int, tuple[int, int]] = {}
        try:
            for number in missing:
                fresh[number] = self.start(number)
            self._await_listening(settings, fresh)
            self.await_ready(settings)
        except BaseException:
            processes.end(dict.fromkeys([pid for pid, _ in fresh.values()], self.mark), 10)
            self.remove_stale_pid_files()
            raise

    def stop(self) -> None:
        """End all of them, letting them finish what runs."""
        self.end_all()

    def replace_all(self, settings: Settings) -> None:
        """Put a new process in the place of each, which ends when the new one listens."""
        for number, old in self.running().items():
            before = listeners(settings.port) or 0
            _, log_start = self.start(number)
            deadline = time.monotonic() + READY_SECONDS
            while (listeners(settings.port) or 0) <= before:
                if time.monotonic() > deadline:
                    raise self.death(number, log_start)
                time.sleep(0.05)
            processes.end({old: self.mark}, READY_SECONDS)

    def _await_listening(self, settings: Settings, fresh: dict[int, tuple[int, int]]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while (listeners(settings.port) or 0) < settings.workers:
            living = self.running()
            for number, (_, log_start) in fresh.items():
                if number not in living or time.monotonic() > deadline:
                    raise self.death(number, log_start)
            time.sleep(0.05)
