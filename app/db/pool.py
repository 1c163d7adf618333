"""
The database layer: sqlor on a real, bounded connection pool.

Replaces sqlor's pool, which opens two connections for each use and returns them before the
commit (findings PL-1 to PL-6), and `DBPools.sqlorContext`, which swallows exceptions and keeps
the last one in an attribute shared by all requests (ER-1 to ER-5). Here a transaction is settled
before its connection goes back, whatever happens, cancellation included, and errors come through.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import aiomysql
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.converters import conversions
from sqlor.dbpools import DBPools

from app.base.errors import Unavailable
from app.base.settings import DatabaseSettings, settings
from app.db.errors import RETRIED, failure_code, translated, unreachable
from app.db.sqlor import SafeSqlor, to_utc

T = TypeVar("T")

IDLE_CHECK_SECONDS = 30
RECYCLE_SECONDS = 1800
# Whoever holds a row longer than this is stuck, and those who want it are not to be stuck with it.
LOCK_WAIT_SECONDS = 5
TRIES = 5
# Quoted, since aiomysql puts it into its SET statement as it is.
_SQL_MODE = "'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'"

_CONVERTERS = dict(conversions) | {FIELD_TYPE.DATETIME: to_utc, FIELD_TYPE.TIMESTAMP: to_utc}


def session_statement(isolation: str) -> str:
    """What each new connection is told first; *isolation* is the variable's name on this server."""
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
        """A working connection in autocommit mode; raises Unavailable when none can be had."""
        try:
            await asyncio.wait_for(self._slots.acquire(), self._wait_seconds)
        except TimeoutError:
            raise Unavailable(
                "busy",
                "All database connections are in use. Try again in a moment.",
                headers={"Retry-After": "1"},
            ) from None
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
            if loop.time() - connection.last_usage < IDLE_CHECK_SECONDS:
                return connection
            try:
                await connection.ping(reconnect=False)
            except (aiomysql.MySQLError, OSError, RuntimeError):
                connection.close()
                await pool.release(connection)
            else:
                return connection

    @asynccontextmanager
    async def context(self) -> AsyncIterator[SafeSqlor]:
        """What sqlor's DBPools asks of a pool: one sqlor object, one transaction."""
        async with self.connection() as connection, _settled(connection, self._place.name) as sor:
            yield sor

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()
            self._pool = None


class Pools(DBPools.klass):
    """sqlor's DBPools with our pools in it; errors come through `sqlorContext`."""

    def __init__(self) -> None:
        # The parent opens an event loop of its own at import time; nothing of it is needed.
        self._pools: dict[str, Pool] = {}
        self.databases: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}

    e_except = None

    def pool(self, name: str) -> Pool:
        """The pool of database *name*: `pipeline`, or the Sage database."""
        found = self._pools.get(name)
        if found is None:
            config = settings()
            place = config.pipeline_database if name == "pipeline" else config.sage_database
            found = Pool(place, config.options.pool_size, config.options.pool_wait_seconds)
            self._pools[name] = found
        return found

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


def pools() -> Pools:
    """The pools of this process, also where sqlor and generated scripts look for them."""
    if not isinstance(DBPools.instance, Pools):
        DBPools.instance = Pools()
    return DBPools.instance


@asynccontextmanager
async def transaction(database: str = "pipeline") -> AsyncIterator[SafeSqlor]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    async with pools().pool(database).context() as sor:
        yield sor


@asynccontextmanager
async def reading(
    database: str = "pipeline", *, snapshot: bool = False
) -> AsyncIterator[SafeSqlor]:
    """
    Reads without a transaction; with *snapshot* several reads see one and the same state.
    """
    pool = pools().pool(database)
    name = pool._place.name
    async with pool.connection() as connection:
        sor = SafeSqlor(connection, name)
        with translated():
            if not snapshot:
                yield sor
                return
            await sor.statement("set transaction isolation level repeatable read")
            await sor.statement("start transaction with consistent snapshot, read only")
            try:
                yield sor
            finally:
                await _end(connection, "rollback")


async def in_transaction(
    work: Callable[[SafeSqlor], Awaitable[T]], database: str = "pipeline"
) -> T:
    """
    Run *work* in one transaction and answer what it answers.

    The whole of it is repeated, at most 5 times with growing random pauses, when the database
    gave up because of others: deadlock, lock time-out, failed certification. *work* must
    therefore have no effect outside the database. Raises Unavailable when all tries failed.

    Inside `as_one` it is a part of that transaction: what it did is undone when it raises.
    """
    whole = _whole.get()
    if whole is not None and database == "pipeline":
        return await _part(whole, work)
    for attempt in range(TRIES):
        try:
            async with transaction(database) as sor:
                return await work(sor)
        except (aiomysql.MySQLError, Unavailable) as exc:
            if failure_code(exc) not in RETRIED or attempt == TRIES - 1:
                raise
        await asyncio.sleep(random.uniform(0.002, 0.02) * 2**attempt)
    raise AssertionError("unreachable")


_whole: ContextVar[SafeSqlor | None] = ContextVar("whole", default=None)


async def as_one(work: Callable[[], Awaitable[T]]) -> T:
    """
    Run *work* so that every `in_transaction` in it is a part of one transaction: all is
    committed at the end, or nothing when it raises. Repeated like `in_transaction`.
    """

    async def within(sor: SafeSqlor) -> T:
        token = _whole.set(sor)
        try:
            return await work()
        finally:
            _whole.reset(token)

    return await in_transaction(within)


async def _part(sor: SafeSqlor, work: Callable[[SafeSqlor], Awaitable[T]]) -> T:
    await sor.statement("savepoint part")
    try:
        with translated():
            return await work(sor)
    except Exception as exc:
        # After a deadlock the database has rolled back all of it, savepoints included.
        if failure_code(exc) not in RETRIED:
            await sor.statement("rollback to savepoint part")
        raise


@asynccontextmanager
async def raw_connection(database: str = "pipeline") -> AsyncIterator[aiomysql.Connection]:
    """A plain aiomysql connection of its own, in autocommit mode; for schema work."""
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


@asynccontextmanager
async def _settled(connection: Any, name: str) -> AsyncIterator[SafeSqlor]:
    sor = SafeSqlor(connection, name)
    with translated():
        await sor.statement("start transaction")
        try:
            yield sor
        except BaseException:  # a cancelled request must roll back too
            sor.dataChanged = False
            await _end(connection, "rollback")
            raise
        sor.dataChanged = False
        await _end(connection, "commit")


async def _end(connection: Any, how: str) -> None:
    if connection.closed:
        if how == "commit":
            raise _unknown_outcome()
        return
    try:
        await getattr(connection, how)()
    except BaseException as exc:
        # Nobody may get a connection whose transaction is in an unknown state.
        connection.close()
        if how != "commit":
            return
        if failure_code(exc) in RETRIED or not isinstance(exc, aiomysql.MySQLError | OSError):
            raise
        raise _unknown_outcome() from exc


def _unknown_outcome() -> Unavailable:
    return Unavailable(
        "database_unavailable",
        "The connection broke while saving: the change may be there or not. Look first; a call to"
        " the distributor API may simply be sent again with the same Idempotency-Key.",
        headers={"Retry-After": "2"},
    )


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
