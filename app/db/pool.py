"""
The database layer: sqlor on a real, bounded connection pool.

Replaces sqlor's pool, which opens two connections for each use and returns them before the
commit (findings PL-1 to PL-6), and `DBPools.sqlorContext`, which swallows exceptions and keeps
the last one in an attribute shared by all requests (ER-1 to ER-5). Here a transaction is settled
before its connection goes back (settlement.py), and errors come through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import aiomysql
from sqlor.dbpools import DBPools

from app.base.catalogue.requests import BUSY
from app.base.settings import DatabaseSettings, settings
from app.db.connection import Connection
from app.db.errors import unreachable
from app.db.nodes import Nodes
from app.db.settlement import settle
from app.db.sqlor import SafeSqlor
from app.db.two_trips import settle_in_two_trips

P = TypeVar("P", bound="Connections")

IDLE_CHECK_SECONDS = 30
RECYCLE_SECONDS = 1800
# As many as admission has transactions at the same time, those that are stuck included.
TWO_TRIP_SIZE = 8


class Connections:
    """A bounded number of connections to one database, of which the free ones are kept. One that
    is free is had without a turn of the loop."""

    two_trips = False
    sees_all_nodes = True

    def __init__(
        self, place: DatabaseSettings, size: int, wait_seconds: float, nodes: Nodes | None = None
    ) -> None:
        self._place = place
        self._wait_seconds = wait_seconds
        self.size = size
        self._slots = asyncio.Semaphore(size)
        self._free: list[Connection] = []
        self._owns_nodes = nodes is None
        self._nodes = Nodes(place) if nodes is None else nodes

    async def close(self) -> None:
        """Close every connection that is free."""
        while self._free:
            self._free.pop().close()
        if self._owns_nodes:
            await self._nodes.close()

    async def _take(self) -> Connection:
        """Return a free connection that works, or a new one; raises Unavailable."""
        await self._nodes.current()
        loop = asyncio.get_running_loop()
        while self._free:
            connection = self._free.pop()
            idle = loop.time() - connection.last_usage
            if self._nodes.is_used(connection) and not connection.is_cut():
                if idle < IDLE_CHECK_SECONDS:
                    return connection
                if idle < RECYCLE_SECONDS and await connection.answers():
                    return connection
            connection.close()
        return await self._open()

    async def _open(self) -> Connection:
        return await self._nodes.connect(
            self._place.name, two_trips=self.two_trips, sees_all_nodes=self.sees_all_nodes
        )

    def _give_back(self, connection: Connection) -> None:
        # In the middle of a transaction it is of no use to anybody.
        if connection.closed or connection.get_transaction_status():
            connection.close()
        else:
            self._free.append(connection)


class Pool(Connections):
    """A bounded pool of connections to one database."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend a working connection in autocommit mode; raises Unavailable when none can be had."""
        await _take_slot(self._slots, self._wait_seconds)
        try:
            connection = await self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    @asynccontextmanager
    async def context(self) -> AsyncIterator[SafeSqlor]:
        """Give what sqlor's DBPools asks of a pool: one sqlor object, one transaction."""
        async with self.connection() as connection, settle(connection, self._place.name) as sor:
            yield sor

    async def _open(self) -> Connection:
        connection = await super()._open()
        try:
            await connection.take_one_statement()
        except (aiomysql.MySQLError, OSError, RuntimeError) as exc:
            connection.abort()
            raise unreachable(exc) from exc
        return connection


class HealthPool(Pool):
    """For those who look how the database is: what other nodes have written does not matter, and
    waiting for it would tell nothing of this one."""

    sees_all_nodes = False


class TwoTripPool(Connections):
    """
    The few connections of work that does a transaction in two round trips (app/db/two_trips.py),
    and no other: they alone take several statements in one text. Who waits for the rows of a
    transaction can follow in the turn of its commit.
    """

    two_trips = True

    @asynccontextmanager
    async def context(self) -> AsyncIterator[SafeSqlor]:
        """Lend a sqlor object in a transaction; raises Unavailable when none can be had."""
        await _take_slot(self._slots, self._wait_seconds)
        try:
            connection = await self._take()
            try:
                async with settle_in_two_trips(connection, self._place.name) as sor:
                    yield sor
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    async def _open(self) -> Connection:
        connection = await super()._open()
        # The commit of another node may end a transaction between two statements of one text, and
        # the server goes on with the rest outside of any.
        kind = connection.node.kind  # None once the server is away
        connection.takes_texts = kind is not None and not kind.is_galera
        return connection


async def _take_slot(slots: asyncio.Semaphore, wait_seconds: float) -> None:
    """Take one of *slots*; raises Unavailable where none comes free in time."""
    if not slots.locked():
        await slots.acquire()  # at once, which a task of its own, as below, would not
        return
    try:
        await asyncio.wait_for(slots.acquire(), wait_seconds)
    except TimeoutError:
        raise BUSY(headers={"Retry-After": "1"}) from None


class Pools(DBPools.klass):
    """sqlor's DBPools with our pools in it; errors come through `sqlorContext`."""

    def __init__(self) -> None:
        # The parent opens an event loop of its own at import time; nothing of it is needed.
        self._pools: dict[str, Pool] = {}
        self._two_trips: TwoTripPool | None = None
        # By what is the same for all databases of one server.
        self._nodes: dict[DatabaseSettings, Nodes] = {}
        self.databases: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}

    e_except = None

    def pool(self, name: str) -> Pool:
        """Return the pool of database *name*: `pipeline`, or the Sage database."""
        pool = self._pools.get(name)
        if pool is None:
            options = settings().options
            pool = self._pools[name] = self._new(Pool, name, options.pool_size)
        return pool

    def health(self, name: str) -> Pool:
        """Return the pool of database *name* for those who look how it is: nobody else uses its
        connection up."""
        pool = self._pools.get(f"{name}.health")
        if pool is None:
            pool = self._pools[f"{name}.health"] = self._new(HealthPool, name, 1)
        return pool

    def two_trips(self) -> TwoTripPool:
        """Return the pool for transactions of two round trips on the pipeline database."""
        if self._two_trips is None:
            self._two_trips = self._new(TwoTripPool, "pipeline", TWO_TRIP_SIZE)
        return self._two_trips

    def nodes(self, name: str) -> Nodes:
        """Return the servers of database *name*, watched once for all databases there."""
        server = replace(place_of(name), name="")
        nodes = self._nodes.get(server)
        if nodes is None:
            nodes = self._nodes[server] = Nodes(server)
        return nodes

    def _new(self, kind: type[P], name: str, size: int) -> P:
        wait_seconds = settings().options.pool_wait_seconds
        return kind(place_of(name), size, wait_seconds, self.nodes(name))

    @asynccontextmanager
    async def sqlorContext(self, name: str) -> AsyncIterator[SafeSqlor]:
        """One transaction on database *name*; raises what its body raises."""
        async with self.pool(name).context() as sor:
            yield sor

    async def close(self) -> None:
        """Close all pools; for the end of the process."""
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
        if self._two_trips is not None:
            await self._two_trips.close()
            self._two_trips = None
        for nodes in self._nodes.values():
            await nodes.close()
        self._nodes.clear()


def place_of(name: str) -> DatabaseSettings:
    """Return where database *name* is: `pipeline`, or the Sage database."""
    config = settings()
    return config.pipeline_database if name == "pipeline" else config.sage_database


def pools() -> Pools:
    """Return the pools of this process, also where sqlor and generated scripts look for them."""
    if not isinstance(DBPools.instance, Pools):
        DBPools.instance = Pools()
    return DBPools.instance


@asynccontextmanager
async def raw_connection(database: str = "pipeline") -> AsyncIterator[aiomysql.Connection]:
    """Open a plain aiomysql connection of its own, in autocommit mode; for schema work."""
    nodes = Nodes(place_of(database))
    try:
        connection = await nodes.connect(place_of(database).name, session=False)
    finally:
        # A long change of a table may keep the server from answering anything else.
        await nodes.close()
    try:
        yield connection
    finally:
        connection.close()
