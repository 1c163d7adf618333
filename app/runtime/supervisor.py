"""
The parent of the workers: it starts them, and starts again those that died or hang.

It has the listening sockets, so that nothing is lost where one worker follows another; it serves
nothing itself and reads no request. start.sh starts it and tells it what to do (`control.py`):

    roll    put workers of another generation in the place of all; the first time of none
    renew   the same with the generation that runs: its workers read secrets anew
    scale   another number of workers
    state   say what runs

A roll is all or nothing: the new workers are made while the old ones serve, and listen only when
all of them could be made; then the old ones finish what they have (app/server/draining.py).
"""

import asyncio
import logging
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.base.logs import log_info, log_warning
from app.base.pause import pause
from app.base.settings import ROOT, Settings, load_settings
from app.base.settings_checks import ConfigError
from app.base.version import version
from app.runtime import processes
from app.runtime.child import BEAT_SECONDS, LISTENING, PREPARED, Child
from app.runtime.generation import remove_generations
from app.runtime.listeners import Listeners
from app.runtime.workers import DRAIN_SECONDS, READY_SECONDS, Workers

log = logging.getLogger("pipeline.parent")

LOOK_SECONDS = 0.25
# Without a sign of life for so long, a worker gets no new connections.
QUIET_SECONDS = 3 * BEAT_SECONDS
# How long the old workers of a roll leave connections open that nothing is asked on: who asks
# meanwhile is answered, and told to come back with another.
HANDOVER_SECONDS = 10
# What the kernel had given to a worker's socket before it was told not to is accepted by then.
STEER_SECONDS = 0.3
# The pause before a worker that dies again and again is started; forgotten once it has lived.
FIRST_PAUSE, MAX_PAUSE = 0.5, 30.0
LIVED_SECONDS = 60


class StartFailure(Exception):
    """A worker could not be made; `about` is what to tell of it."""

    def __init__(self, **about: Any) -> None:
        super().__init__(str(about))
        self.about = about


@dataclass
class Plan:
    """What the workers are to be."""

    root: Path
    env: dict[str, str]
    settings: Settings
    listeners: Listeners


@dataclass
class Comeback:
    """When the worker of a number is started again, and how often in a row it died."""

    failures: int = 0
    due_at: float | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def pause_seconds(self) -> float:
        """How long it is waited before the next start: not at all behind the first failure."""
        return pause_behind(self.failures - 1)


def pause_behind(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, 0 for none: twice as long behind
    each, for days too, of which there may be thousands."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 30), MAX_PAUSE) if failures > 0 else 0.0


class Supervisor:
    """The parent process of one run-time folder."""

    def __init__(self, var_dir: Path) -> None:
        self.workers = Workers(var_dir)
        self.plan: Plan | None = None
        self.slots: dict[int, Child] = {}
        self.leaving: set[Child] = set()
        self.restarts: Counter[str] = Counter()
        self._before: set[Path] = set()
        self._comebacks: dict[int, Comeback] = {}
        self._work = asyncio.Lock()
        self._news = asyncio.Event()
        self._looked_at = time.monotonic()
        self.is_stopping = False

    # What start.sh asks for

    async def roll(self, root: Path, env: dict[str, str]) -> None:
        """Put workers of the generation *root* in the place of all; raises StartFailure, and
        changes nothing then."""
        async with self._work:
            before = self.plan
            plan = self._plan(root, env)
            fresh = await self._make(plan)
            orphans = [pid for pid in self.workers.all_pids() if not self._knows(pid, fresh)]
            await self._switch(plan, fresh)
            if before is not None and before.root != plan.root:
                self._before = {before.root}
            if before is not None and before.listeners is not plan.listeners:
                before.listeners.close()
        await self._until_gone(orphans)
        self._clear_up(plan)
        remove_generations(self.workers.var_dir, self._generations())

    async def scale(self, count: int) -> None:
        """Have *count* workers of the generation that runs."""
        assert self.plan is not None
        async with self._work:
            plan = self._plan(self.plan.root, {**self.plan.env, "PIPELINE_WORKERS": str(count)})
            numbers = [n for n in range(1, count + 1) if n not in self.slots]
            fresh = await self._make(plan, numbers)
            stay = {n: child for n, child in self.slots.items() if n <= count}
            await self._switch(plan, {**stay, **fresh})
        # Who dies meanwhile is started again.
        await self._until_gone([])
        self._clear_up(plan)

    def state(self) -> dict[str, Any]:
        """Return what runs, for commands."""
        plan = self.plan
        return {
            "version": version(),
            "root": None if plan is None else str(plan.root),
            "env": {} if plan is None else plan.env,
            "workers": {number: child.pid for number, child in sorted(self.slots.items())},
            "leaving": sorted(child.pid for child in self.leaving),
            "restarts": dict(self.restarts),
        }

    # How a set of workers follows another

    def _plan(self, root: Path, env: dict[str, str]) -> Plan:
        try:
            settings = load_settings(self.workers.environment(root, env))
        except ConfigError as exc:
            raise StartFailure(reason=str(exc)) from exc
        address = (settings.host, settings.port)
        if self.plan is not None and self.plan.listeners.address == address:
            return Plan(root, env, settings, self.plan.listeners)
        # Sockets of workers whose parent was killed come before ours in the kernel's order.
        listeners = Listeners(*address, may_steer=not self.workers.all_pids() or bool(self.slots))
        return Plan(root, env, settings, listeners)

    async def _make(self, plan: Plan, numbers: list[int] | None = None) -> dict[int, Child]:
        """Start workers and return when all wait to be let in; on failure end them. One after
        another where others serve meanwhile: they need the processors."""
        fresh: dict[int, Child] = {}
        count = plan.settings.workers
        try:
            for number in range(1, count + 1) if numbers is None else numbers:
                fresh[number] = self._spawn(plan, number)
                if self.slots:
                    await self._until_word(fresh[number], PREPARED)
            for child in fresh.values():
                await self._until_word(child, PREPARED)
                # Before it serves: one that nobody could end later must not begin.
                processes.record_pid(self.workers.pid_file(child.number), child.pid)
        except (OSError, StartFailure) as exc:
            await self._give_up(fresh)
            if self.plan is None or plan.listeners is not self.plan.listeners:
                plan.listeners.close()
            if isinstance(exc, StartFailure):
                raise
            raise StartFailure(reason=f"{exc.filename or exc}: {exc.strerror or exc}") from exc
        return fresh

    def _spawn(self, plan: Plan, number: int) -> Child:
        listener = plan.listeners.file_of(number)
        child = self.workers.spawn(number, plan.root, plan.env, listener)
        child.listen(self._news.set)
        return child

    async def _until_word(self, child: Child, word: str) -> None:
        deadline = child.began_at + READY_SECONDS
        while word not in child.words:
            is_late = time.monotonic() > deadline
            if child.has_ended() or is_late or self.is_stopping:
                raise StartFailure(number=child.number, log_start=child.log_start, is_late=is_late)
            self._news.clear()
            await pause(self._news, LOOK_SECONDS)

    async def _give_up(self, fresh: dict[int, Child]) -> None:
        """End workers that have served nobody, and return when they have ended."""
        for number, child in fresh.items():
            child.signal(signal.SIGKILL)
            self.leaving.add(child)
            old = self.slots.get(number)
            if old is not None and not old.has_ended():
                with suppress(OSError):
                    processes.record_pid(self.workers.pid_file(number), old.pid)
        while not all(child.has_ended() for child in fresh.values()):  # noqa: ASYNC110  a process sets no event
            await asyncio.sleep(0.02)

    async def _switch(self, plan: Plan, fresh: dict[int, Child]) -> None:
        """Let *fresh* serve, and the others finish what they have."""
        for child in fresh.values():
            if LISTENING not in child.words:
                child.tell(do="listen")
        for child in fresh.values():
            with suppress(StartFailure):  # one that dies now is started again as any other
                await self._until_word(child, LISTENING)
        old, self.slots, self.plan = self.slots, fresh, plan
        gone = [child for number, child in old.items() if fresh.get(number) is not child]
        self._steer()
        if any(child.number not in fresh for child in gone):
            await asyncio.sleep(STEER_SECONDS)
        for child in gone:
            self._let_go(child)
        self._tell_all()
        self.workers.remove_stale_pid_files()
        log_info(
            log, "workers", f"{len(fresh)} worker(s) serve", generation=plan.root.name,
            pids=[child.pid for child in fresh.values()],
        )  # fmt: skip

    def _let_go(self, child: Child) -> None:
        child.end_by = time.monotonic() + HANDOVER_SECONDS + DRAIN_SECONDS + 5
        child.tell(do="drain", seconds=HANDOVER_SECONDS)
        self.leaving.add(child)

    def _knows(self, pid: int, fresh: dict[int, Child]) -> bool:
        ours = {*self.slots.values(), *self.leaving, *fresh.values()}
        return any(child.pid == pid for child in ours)

    async def _until_gone(self, orphans: list[int]) -> None:
        """Return when the old workers have ended, and *orphans*, those of a parent before."""
        for pid in orphans:
            log_warning(log, "orphan", "a worker without a parent is replaced", pid=pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS + 5
        while not self.is_stopping:
            strays = set(orphans) & set(self.workers.all_pids()) if orphans else set()
            if not self.leaving and not strays:
                return
            for pid in strays if time.monotonic() > deadline else ():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)

    def _clear_up(self, plan: Plan) -> None:
        """Remove what the old workers of *plan* have left, unless another plan has come since."""
        self.workers.remove_stale_pid_files()
        if self.plan is plan:
            plan.listeners.close_behind(plan.settings.workers)

    def _generations(self) -> set[Path]:
        """Return the generations that somebody is made of, workers or this process itself, and
        the last one's, of which browsers have pages open."""
        children = {*self.slots.values(), *self.leaving}
        return {child.root for child in children} | {ROOT} | self._before

    # What is looked after all the time

    async def watch(self) -> None:
        """Look after the workers until the process is told to end."""
        while not self.is_stopping:
            self._look()
            await pause(self._news, LOOK_SECONDS)
            self._news.clear()

    def _look(self) -> None:
        now = time.monotonic()
        gap, self._looked_at = now - self._looked_at, now
        if gap > LOOK_SECONDS + BEAT_SECONDS:
            # We stood still ourselves, with the machine or by a signal, and heard nobody.
            for child in self.slots.values():
                child.heard_at = max(child.heard_at, now - BEAT_SECONDS)
        for number, child in list(self.slots.items()):
            self._look_at(number, child, now)
        for child in list(self.leaving):
            if child.end_by is not None and now > child.end_by:
                child.signal(signal.SIGKILL)
            if child.has_ended():
                self.leaving.discard(child)
                child.close()
        for number, comeback in self._comebacks.items():
            if comeback.due_at is not None and now >= comeback.due_at:
                comeback.due_at = None
                task = asyncio.ensure_future(self._start_again(number))
                comeback.tasks.add(task)
                task.add_done_callback(comeback.tasks.discard)
        self._steer()

    def _look_at(self, number: int, child: Child, now: float) -> None:
        assert self.plan is not None
        reason = "died"
        if not child.has_ended():
            if now - child.heard_at <= self.plan.settings.options.hang_seconds:
                return
            reason = "hung"
            child.signal(signal.SIGKILL)
        del self.slots[number]
        self.leaving.add(child)
        comeback = self._comebacks.setdefault(number, Comeback())
        comeback.failures = 1 if now - child.began_at > LIVED_SECONDS else comeback.failures + 1
        comeback.due_at = now + comeback.pause_seconds
        self.note_restart(reason)
        log_warning(
            log, f"worker_{reason}", f"worker {number} is started again", number=number,
            pid=child.pid, status=child.status, pause_seconds=comeback.pause_seconds,
        )  # fmt: skip

    async def _start_again(self, number: int) -> None:
        async with self._work:
            plan = self.plan
            if plan is None or number in self.slots or number > plan.settings.workers:
                return  # a roll came in between
            try:
                fresh = await self._make(plan, [number])
            except StartFailure as exc:
                if self.is_stopping:
                    return
                comeback = self._comebacks[number]
                comeback.failures += 1
                comeback.due_at = time.monotonic() + comeback.pause_seconds
                log_warning(log, "worker_not_started", f"worker {number} could not be started",
                            pause_seconds=comeback.pause_seconds, **exc.about)  # fmt: skip
                return
            await self._switch(plan, {**self.slots, **fresh})

    def _steer(self) -> None:
        if self.plan is None or (self._work.locked() and not self.slots):
            return
        now = time.monotonic()
        self.plan.listeners.steer(
            number for number, child in self.slots.items()
            if now - child.heard_at <= QUIET_SECONDS and not child.has_ended()
        )  # fmt: skip

    def note_restart(self, reason: str) -> None:
        """Count that something had to be started again, and tell the workers."""
        self.restarts[reason] += 1
        self._tell_all()

    def _tell_all(self) -> None:
        about = {"workers": len(self.slots), "restarts": dict(self.restarts)}
        for child in self.slots.values():
            child.tell(do="know", **about)

    # The end

    def signal_all(self, number: int) -> None:
        """Send a signal to every worker."""
        for child in {*self.slots.values(), *self.leaving}:
            child.signal(number)

    async def stop(self) -> None:
        """End all workers, letting them finish what runs."""
        self.is_stopping = True
        self._news.set()
        if self.plan is not None:
            self.plan.listeners.close()
        deadline = time.monotonic() + DRAIN_SECONDS + 5
        self.signal_all(signal.SIGTERM)
        async with self._work:  # what is being made is given up first
            children = {*self.slots.values(), *self.leaving}
        for child in children:
            child.signal(signal.SIGTERM)
        while any(not child.has_ended() for child in children):
            if time.monotonic() > deadline:
                for child in children:
                    child.signal(signal.SIGKILL)
            await asyncio.sleep(0.05)
        self.workers.remove_stale_pid_files()
