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
from typing import Any

import aiomysql
from pymysql.constants import CLIENT, COMMAND, FIELD_TYPE
from pymysql.converters import conversions
from sqlor.dbpools import DBPools

from app.base.catalogue.requests import BUSY
from app.base.settings import DatabaseSettings, settings
from app.db.errors import unreachable
from app.db.settlement import settle
from app.db.sqlor import SafeSqlor, to_utc
from app.db.two_trips import look_at_server, settle_in_two_trips

IDLE_CHECK_SECONDS = 30
RECYCLE_SECONDS = 1800
# As many as admission has transactions at the same time.
TWO_TRIP_SIZE = 2
# Whoever holds a row longer than this is stuck, and those who want it are not to be stuck with it.
LOCK_WAIT_SECONDS = 5
# MYSQL_OPTION_MULTI_STATEMENTS_OFF of the protocol.
_ONE_STATEMENT = b"\x01\x00"
# Quoted, since aiomysql puts it into its SET statement as it is.
_SQL_MODE = "'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'"

_CONVERTERS = dict(conversions) | {FIELD_TYPE.DATETIME: to_utc, FIELD_TYPE.TIMESTAMP: to_utc}


def session_statement(isolation: str) -> str:
    """Return what each new connection is told first; *isolation* is the variable's name on this
    server."""
    return (
        f"set time_zone='+00:00', {isolation}='READ-COMMITTED',"
        f" innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}"
    )


class Pool:
    """A bounded pool of connections to one database, made in the running loop at first use."""

    def __init__(self, place: DatabaseSettings, size: int, wait_seconds: float) -> None:
        self._place = place
        self._size = size
        self._wait_seconds = wait_seconds
        self._slots = asyncio.Semaphore(size)
        self._pool: aiomysql.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend a working connection in autocommit mode; raises Unavailable when none can be had."""
        await _take_slot(self._slots, self._wait_seconds)
        try:
            pool = self._pool or await self._open()
            connection = await self._acquire(pool)
            try:
                yield connection
            finally:
                await pool.release(connection)
        finally:
            self._slots.release()

    async def _open(self) -> aiomysql.Pool:
        async with self._opening:
            if self._pool is None:
                try:
                    isolation = await _isolation_variable(self._place)
                    self._pool = await aiomysql.create_pool(
                        minsize=1,
                        maxsize=self._size,
                        pool_recycle=RECYCLE_SECONDS,
                        init_command=session_statement(isolation),
                        **_connect_args(self._place),
                    )
                except (aiomysql.MySQLError, OSError) as exc:
                    raise unreachable(exc) from exc
            return self._pool

    async def _acquire(self, pool: aiomysql.Pool) -> Any:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection = await pool.acquire()
            except (aiomysql.MySQLError, OSError, RuntimeError) as exc:
                raise unreachable(exc) from exc
            if not hasattr(connection, "takes_one_statement"):
                try:
                    await _take_one_statement(connection)
                except (aiomysql.MySQLError, OSError, RuntimeError) as exc:
                    connection.close()
                    await pool.release(connection)
                    raise unreachable(exc) from exc
            if loop.time() - connection.last_usage < IDLE_CHECK_SECONDS:
                return connection
            if await _answers(connection):
                return connection
            connection.close()
            await pool.release(connection)

    @asynccontextmanager
    async def context(self) -> AsyncIterator[SafeSqlor]:
        """Give what sqlor's DBPools asks of a pool: one sqlor object, one transaction."""
        async with self.connection() as connection, settle(connection, self._place.name) as sor:
            yield sor

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()
            self._pool = None


class TwoTripPool:
    """
    The few connections of work that does a transaction in two round trips (app/db/two_trips.py),
    and no other: they alone take several statements in one text. One that is free is had without a
    turn of the loop, so that who waits for the rows of a transaction can follow in the turn of its
    commit.
    """

    def __init__(self, place: DatabaseSettings, size: int, wait_seconds: float) -> None:
        self._place = place
        self._wait_seconds = wait_seconds
        self._slots = asyncio.Semaphore(size)
        self._free: list[Any] = []
        self._isolation = ""

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
                # In the middle of a transaction it is of no use to anybody.
                if connection.closed or connection.get_transaction_status():
                    connection.close()
                else:
                    self._free.append(connection)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close every connection."""
        while self._free:
            self._free.pop().close()

    async def _take(self) -> Any:
        """Return a free connection that works, or a new one."""
        loop = asyncio.get_running_loop()
        while self._free:
            connection = self._free.pop()
            idle = loop.time() - connection.last_usage
            if idle < IDLE_CHECK_SECONDS and not _is_cut(connection):
                return connection
            if idle < RECYCLE_SECONDS and await _answers(connection):
                return connection
            connection.close()
        try:
            self._isolation = self._isolation or await _isolation_variable(self._place)
            arguments = _connect_args(self._place)
            arguments["client_flag"] |= CLIENT.MULTI_STATEMENTS
            connection = await aiomysql.connect(
                init_command=session_statement(self._isolation), **arguments
            )
            await look_at_server(connection)
            return connection
        except (aiomysql.MySQLError, OSError) as exc:
            raise unreachable(exc) from exc


async def _take_slot(slots: asyncio.Semaphore, wait_seconds: float) -> None:
    """Take one of *slots*; raises Unavailable where none comes free in time."""
    if not slots.locked():
        await slots.acquire()  # at once, which a task of its own, as below, would not
        return
    try:
        await asyncio.wait_for(slots.acquire(), wait_seconds)
    except TimeoutError:
        raise BUSY(headers={"Retry-After": "1"}) from None


async def _take_one_statement(connection: Any) -> None:
    """Let *connection* refuse texts of several statements, which aiomysql asks the server to
    take."""
    await connection._execute_command(COMMAND.COM_SET_OPTION, _ONE_STATEMENT)
    await connection._read_packet()
    connection.takes_one_statement = True


def _is_cut(connection: Any) -> bool:
    """Return whether the server has ended *connection*, as far as is known here."""
    reader = connection._reader
    return bool(reader.at_eof() or reader.exception() or reader.eof_received)


async def _answers(connection: Any) -> bool:
    try:
        await connection.ping(reconnect=False)
    except (aiomysql.MySQLError, OSError, RuntimeError):
        return False
    return True


class Pools(DBPools.klass):
    """sqlor's DBPools with our pools in it; errors come through `sqlorContext`."""

    def __init__(self) -> None:
        # The parent opens an event loop of its own at import time; nothing of it is needed.
        self._pools: dict[str, Pool] = {}
        self._two_trips: TwoTripPool | None = None
        self.databases: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}

    e_except = None

    def pool(self, name: str) -> Pool:
        """Return the pool of database *name*: `pipeline`, or the Sage database."""
        pool = self._pools.get(name)
        if pool is None:
            config = settings()
            place = config.pipeline_database if name == "pipeline" else config.sage_database
            pool = Pool(place, config.options.pool_size, config.options.pool_wait_seconds)
            self._pools[name] = pool
        return pool

    def two_trips(self) -> TwoTripPool:
        """Return the pool for transactions of two round trips on the pipeline database."""
        if self._two_trips is None:
            config = settings()
            self._two_trips = TwoTripPool(
                config.pipeline_database, TWO_TRIP_SIZE, config.options.pool_wait_seconds
            )
        return self._two_trips

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


def pools() -> Pools:
    """Return the pools of this process, also where sqlor and generated scripts look for them."""
    if not isinstance(DBPools.instance, Pools):
        DBPools.instance = Pools()
    return DBPools.instance


@asynccontextmanager
async def raw_connection(database: str = "pipeline") -> AsyncIterator[aiomysql.Connection]:
    """Open a plain aiomysql connection of its own, in autocommit mode; for schema work."""
    config = settings()
    place = config.pipeline_database if database == "pipeline" else config.sage_database
    try:
        connection = await aiomysql.connect(**_connect_args(place))
    except (aiomysql.MySQLError, OSError) as exc:
        raise unreachable(exc) from exc
    try:
        yield connection
    finally:
        connection.close()


async def _isolation_variable(place: DatabaseSettings) -> str:
    """MySQL 8 knows only transaction_isolation, MariaDB before 11.1 only tx_isolation."""
    connection = await aiomysql.connect(**_connect_args(place))
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("show variables like 'tx_isolation'")
            return "tx_isolation" if await cursor.fetchone() else "transaction_isolation"
    finally:
        connection.close()


def _connect_args(place: DatabaseSettings) -> dict[str, Any]:
    return place.connect_args() | {
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": 5,
        "client_flag": CLIENT.FOUND_ROWS,  # an update that changes nothing still found its row
        "conv": _CONVERTERS,
        "sql_mode": _SQL_MODE,
    }
