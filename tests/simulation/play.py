"""One run: a world, its workers and clients, and what goes wrong, all of one seed."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from app.base import clock, ids
from app.base.settings import Options
from app.db import transactions, two_trips
from pipeline_dist.admission import locking, service
from pipeline_dist.admission.account import PROVIDER
from pipeline_dist.admission.pending import PendingRequest
from pipeline_ops.calls import sweeper
from pipeline_ops.calls.account import ACCOUNT_PROVIDER
from tests.simulation.clients import Client
from tests.simulation.faults import Faults
from tests.simulation.history import History
from tests.simulation.plants import PLANTS
from tests.simulation.server import Database, Session
from tests.simulation.virtual_loop import Stuck, VirtualLoop
from tests.simulation.workers import WORKER, Worker
from tests.simulation.world import Plan, World, plan_of

# By then, in the run's own time, everybody has been told something.
MAX_SECONDS = 900.0


def play(seed: int, plant: str | None = None) -> History:
    """Play *seed*, with the fault *plant* in the application if one is named; its history."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        run = _Run(seed, loop)
        with _in_place(run, plant):
            try:
                loop.run_until_complete(run.go())
            except Stuck as exc:
                run.history.violate(str(exc))
            run.history.check_end()
            _end_all(loop)
        return run.history
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _end_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with suppress(Stuck):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


class _Run:
    """The parts of one run."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.chance = random.Random(seed)
        self.loop = loop
        self.plan: Plan = plan_of(self.chance)
        self.database = Database(loop)
        self.faults = Faults(self.chance, self.plan.rates)
        self.world = World(self.chance, self.database, self.plan.start)
        self.history = History(self.world, self.database, loop.time)
        self.history.fault_counts = self.faults.counts
        self.workers: list[Worker] = []

    def now(self) -> Any:
        """Return the time of the worker whose code runs."""
        worker = WORKER.get(None)
        ahead = 0.0 if worker is None else worker.seconds_ahead
        return self.plan.start + timedelta(seconds=self.loop.time() + ahead)

    async def go(self) -> None:
        """Let everything happen."""
        self.history.note(f"{self.plan}")
        self.workers += [
            Worker(number, self.database, self.faults, self._skew())
            for number in range(self.plan.workers)
        ]
        clients = [
            Client(number, self.chance, self.world, self.workers, self.faults, self.history)
            for number in range(self.plan.clients)
        ]
        tasks = [self.loop.create_task(one.work(self.plan.seconds)) for one in clients]
        background = [self.loop.create_task(self._trouble())]
        if self.plan.has_sweeper:
            background += [one.run(self._sweep()) for one in self.workers[:2]]
        _, waiting = await asyncio.wait(tasks, timeout=MAX_SECONDS)
        for task in background:
            task.cancel()
        for task in tasks:
            if task not in waiting:
                task.result()
        for task in waiting:
            self.history.violate("a client waits for ever")
            task.cancel()

    def _skew(self) -> float:
        return self.chance.uniform(-1.5, 1.5) if self.plan.has_skew else 0.0

    async def _sweep(self) -> None:
        for _ in range(8):
            await asyncio.sleep(1.0)
            with suppress(Exception):
                await sweeper.expire_overdue(clock.now())

    async def _trouble(self) -> None:
        """Let happen what no message brings: twice a second, and for a few seconds only."""
        for _ in range(8):
            await asyncio.sleep(self.chance.uniform(0.001, 1.0))
            if self.faults.happens("kill_worker"):
                worker = self.chance.choice(self.workers)
                self.history.note(f"worker {worker.number} is killed")
                worker.kill()
            if self.faults.happens("restart"):
                self.history.note("the database restarts")
                self.database.restart()
                self.database.is_down = True
                await asyncio.sleep(self.chance.uniform(0.1, 3.0))
                self.database.is_down = False
            if self.faults.happens("stranger"):
                await self._hold_a_row()
        self.faults.is_on = False

    async def _hold_a_row(self) -> None:
        """Be an operator's transaction that holds a row for a while."""
        session = Session(self.database)
        table, key = self.chance.choice((("distributors", "d0"), ("pipeline_capacity", "c-p0")))
        text = f"select id from {table} where id in ('{key}') for update"
        self.history.note(f"a stranger locks {key}")
        await session.start(["start transaction", text])
        await asyncio.sleep(self.chance.uniform(0.1, 8.0))
        await session.start(["rollback"])


@contextmanager
def _in_place(run: _Run, plant: str | None) -> Iterator[None]:
    """Put clock, chance, pools and border of *run* into their places."""
    places: list[tuple[Any, str, Any]] = [
        (two_trips, "run_statements", lambda connection, texts: connection.run(texts)),
        (transactions, "pools", lambda: WORKER.get().pools),
        (transactions, "settings", lambda: SimpleNamespace(options=Options())),
        (transactions, "random", run.chance),
        (service, "admission_queue", lambda: WORKER.get().queue),
        (ids, "_random", lambda: run.chance.getrandbits(74)),
        (ids, "time", SimpleNamespace(time_ns=lambda: round(run.now().timestamp() * 1e9))),
        (PendingRequest, "answer", _answer_once(run.history)),
    ]
    olds = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)
    locking._links.clear()
    ACCOUNT_PROVIDER.fill({"pipeline_dist": PROVIDER})
    clock.set_source(run.now)
    logging.disable(logging.CRITICAL)
    undo = PLANTS[plant](run.database) if plant is not None else None
    try:
        yield
    finally:
        if undo is not None:
            undo()
        logging.disable(logging.NOTSET)
        clock.set_source(None)
        for owner, name, value in olds:
            setattr(owner, name, value)


def _answer_once(history: History) -> Any:
    """Return the method of a pending request that notes where one is answered twice."""
    answer = PendingRequest.answer

    def checked_answer(self: PendingRequest, outcome: Any) -> None:
        if self.future.done() and not self.future.cancelled():
            history.violate(f"{self.command} is answered twice")
        answer(self, outcome)

    return checked_answer
