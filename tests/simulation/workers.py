"""The simulated workers: each with its queue, its pools and its clock, on one event loop."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from typing import Any

from app.base.catalogue.requests import BUSY
from app.db.errors import unreachable
from app.db.settlement import settle
from app.db.two_trips import settle_in_two_trips
from pipeline_dist.admission.queue import AdmissionQueue
from tests.simulation import failures
from tests.simulation.connection import Connection
from tests.simulation.faults import Faults
from tests.simulation.server import Database

WAIT_SECONDS = 5
TWO_TRIP_SIZE = 2
POOL_SIZE = 4
# Which worker's code runs; what it starts inherits it.
WORKER: ContextVar["Worker"] = ContextVar("worker")


class Worker:
    """One worker process; after `kill` it is a new one."""

    def __init__(
        self, number: int, database: Database, faults: Faults, seconds_ahead: float
    ) -> None:
        self.number = number
        self.seconds_ahead = seconds_ahead
        self._database = database
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._start()

    def _start(self) -> None:
        self.queue = AdmissionQueue(self._loop, WAIT_SECONDS)
        self.pools = WorkerPools(self._database, self._faults)

    def run(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run *work* in this process."""
        context = copy_context()
        context.run(WORKER.set, self)
        task = self._loop.create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def kill(self) -> None:
        """End the process in the middle of all that it does, and start it anew."""
        tasks = [*self._tasks, *self.queue._running]
        self.queue._waiting = []
        self.pools.die()
        for task in tasks:
            task.cancel()
        self._start()


class WorkerPools:
    """What `pools()` is in a worker: connections to the simulated database."""

    def __init__(self, database: Database, faults: Faults) -> None:
        self._two_trips = ConnectionPool(database, faults, TWO_TRIP_SIZE, two_trips=True)
        self._pool = ConnectionPool(database, faults, POOL_SIZE, two_trips=False)

    def two_trips(self) -> "ConnectionPool":
        """Return the pool for transactions in two round trips."""
        return self._two_trips

    def pool(self, name: str) -> "ConnectionPool":
        """Return the pool of all else."""
        return self._pool

    def die(self) -> None:
        """Cut all connections, and open no more."""
        for pool in (self._two_trips, self._pool):
            pool.die()


class _Place:
    name = "pipeline"


class ConnectionPool:
    """So many connections, opened when they are needed."""

    _place = _Place()

    def __init__(self, database: Database, faults: Faults, size: int, *, two_trips: bool) -> None:
        self._database = database
        self._faults = faults
        self._slots = asyncio.Semaphore(size)
        self._free: list[Connection] = []
        self._all: list[Connection] = []
        self._is_dead = False
        self._has_two_trips = two_trips

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; raises Unavailable where none can be had."""
        if not self._slots.locked():
            await self._slots.acquire()
        else:
            try:
                await asyncio.wait_for(self._slots.acquire(), WAIT_SECONDS)
            except TimeoutError:
                raise BUSY(headers={"Retry-After": "1"}) from None
        try:
            connection = await self._take()
            try:
                yield connection
            finally:
                if connection.closed or connection.get_transaction_status():
                    connection.close()
                    self._all.remove(connection)
                else:
                    self._free.append(connection)
        finally:
            self._slots.release()

    @asynccontextmanager
    async def context(self) -> AsyncIterator[Any]:
        """Lend a sqlor object in a transaction."""
        how = settle_in_two_trips if self._has_two_trips else settle
        async with self.connection() as connection, how(connection, "pipeline") as sor:
            yield sor

    def die(self) -> None:
        """Cut all connections, and open no more."""
        self._is_dead = True
        for connection in self._all:
            connection.close()

    async def _take(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_cut:
                return connection
            connection.close()
            self._all.remove(connection)
        await asyncio.sleep(self._faults.way())
        if self._is_dead or self._database.is_down or self._faults.happens("refuse_connection"):
            raise unreachable(failures.unreachable())
        connection = Connection(self._database, self._faults)
        self._all.append(connection)
        return connection
