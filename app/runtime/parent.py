"""
The program of the parent process: the supervisor, who it listens to, and the embedded database.

Signals: TERM and INT end everything; HUP is `start.sh --reload`; USR1 has all log files opened
anew, as logrotate needs it.
"""

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.base.log_options import LogOptions
from app.base.logs import log_info, log_warning, reopen_logs, set_up_logging
from app.base.pause import pause
from app.base.version import version
from app.runtime import control, embedded_db, processes
from app.runtime.embedded_db import EmbeddedDatabase, EmbeddedDatabaseError
from app.runtime.run_folder import keep_private
from app.runtime.supervisor import LOOK_SECONDS, StartFailure, Supervisor, pause_behind

log = logging.getLogger("pipeline.parent")

# Without a first task it is of no use.
IDLE_SECONDS = 60
DATABASE_LOOK_SECONDS = 1.0


class ParentProgram:
    """What one parent process does beside looking after its workers."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.run_dir = var_dir / "run"
        self.supervisor = Supervisor(var_dir)
        self.home: Path | None = None
        self._end = asyncio.Event()
        self._reloads: asyncio.Task[None] | None = None
        self._is_reload_due = False

    async def run(self) -> None:
        """Work until told to end, then end all workers."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_all)
        loop.add_signal_handler(signal.SIGUSR1, self._reopen_logs)
        server = await asyncio.start_unix_server(self._answer, sock=control.listen(self.run_dir))
        tasks = [
            asyncio.ensure_future(work())
            for work in (self.supervisor.watch, self._watch_database, self._end_if_idle)
        ]
        for task in tasks:
            task.add_done_callback(self._on_fault)
        log_info(log, "parent", "the parent process looks after the workers", version=version())
        await self._end.wait()
        server.close()
        await self.supervisor.stop()
        # The database's start, if one is on its way, ends before stop.sh stops it.
        await asyncio.wait(tasks[:2])
        log_info(log, "parent_ends", "all workers have ended")

    def _on_fault(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("the parent fails", exc_info=task.exception(), extra={"action": "ended"})
            self._end.set()

    async def _end_if_idle(self) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        if self.supervisor.plan is None:
            self._end.set()

    # Commands

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            answer = await self._do(request)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError) as exc:
            log_warning(log, "unreadable", "a command was not understood", reason=str(exc))
        finally:
            writer.close()

    async def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        supervisor = self.supervisor
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "roll": lambda: self._roll(request),
            "renew": self._renew,
            "scale": lambda: supervisor.scale(int(request["workers"])),
        }
        work = works.get(request["do"])
        try:
            if work is not None:
                await work()
        except StartFailure as exc:
            log_warning(log, "start_failure", "nothing was changed", **exc.about)
            if supervisor.plan is None:  # the first start has failed
                asyncio.get_running_loop().call_later(0.1, self._end.set)
            return {"failure": exc.about}
        return supervisor.state()

    async def _roll(self, request: dict[str, Any]) -> None:
        self.home = Path(request["home"])
        await self.supervisor.roll(Path(request["root"]), request["env"])
        plan = self.supervisor.plan
        if plan is not None:
            set_up_logging(plan.settings.options)

    async def _renew(self) -> None:
        plan = self.supervisor.plan
        if plan is not None:
            await self.supervisor.roll(plan.root, plan.env)

    # Signals

    def _reload_all(self) -> None:
        """Do what `start.sh --reload` does, by calling it: it asks us in turn. While one runs, the
        next is noted, once: what it is asked for may be what that one has read already."""
        self._is_reload_due = True
        if self._reloads is None or self._reloads.done():
            self._reloads = asyncio.ensure_future(self._reload_while_due())

    async def _reload_while_due(self) -> None:
        while self._is_reload_due and not self._end.is_set():
            self._is_reload_due = False
            process = self._start_reload()
            # Not waited for in a thread, whose end that of this process would wait for.
            while process is not None and process.poll() is None and not self._end.is_set():
                await pause(self._end, LOOK_SECONDS)

    def _start_reload(self) -> "subprocess.Popen[bytes] | None":
        plan = self.supervisor.plan
        if plan is None or self.home is None:
            return None
        return subprocess.Popen(
            ["bash", str(self.home / "start.sh"), "--reload"],
            env={**plan.env, "PIPELINE_VAR": str(self.var_dir)},
            stdin=subprocess.DEVNULL,
        )

    def _reopen_logs(self) -> None:
        reopen_logs()
        self.supervisor.signal_all(signal.SIGUSR1)

    # The embedded database

    async def _watch_database(self) -> None:
        """Start the embedded database again when it has died."""
        database = EmbeddedDatabase(self.var_dir)
        failures, due_at, pid = 0, 0.0, None
        while not self._end.is_set():
            await pause(self._end, DATABASE_LOOK_SECONDS)
            plan = self.supervisor.plan
            if plan is None or self._end.is_set():
                continue
            if not embedded_db.is_wanted(self.supervisor.workers.environment(plan.root, plan.env)):
                continue
            if database.pid() is not None:
                pid = database.pid()
                continue
            if pid is not None:
                processes.has_ended(pid)  # reaps it, if it was started here
            if time.monotonic() < due_at:
                continue
            log_warning(log, "database_died", "the embedded database is started again", pid=pid)
            self.supervisor.note_restart("database")
            failures += 1
            due_at = time.monotonic() + pause_behind(failures)
            try:
                await asyncio.to_thread(database.start)
                failures = 0
            except (EmbeddedDatabaseError, OSError) as exc:
                log_warning(log, "database_not_started", str(exc))


def main(var_dir: Path) -> int:
    """Run the parent process of *var_dir*; return 1 where another one runs."""
    keep_private(var_dir)
    set_up_logging(LogOptions())  # until settings are known
    with (var_dir / "run" / "parent.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"another parent process of {var_dir} runs\n")
            return 1
        pid_file = parent_pid_file(var_dir)
        processes.record_pid(pid_file, os.getpid())
        try:
            asyncio.run(_main(var_dir))
        finally:
            pid_file.unlink(missing_ok=True)
    return 0


async def _main(var_dir: Path) -> None:
    await ParentProgram(var_dir).run()


def parent_pid_file(var_dir: Path) -> Path:
    """Return where the parent's pid is written down; systemd's PIDFile=."""
    return var_dir / "run" / "parent.pid"


def parent_mark(var_dir: Path) -> str:
    """Return what the parent's command line holds and no other's does."""
    return f"-X pipeline_parent_of={var_dir}"
