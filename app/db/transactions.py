"""Transactions as the rest of the code asks for them: read, change, repeat, all as one."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar

import aiomysql

from app.base.errors import ErrorCode, Unavailable
from app.base.metrics import Counter
from app.base.settings import settings
from app.db.errors import RETRIED, failure_code, translate_errors
from app.db.pool import pools
from app.db.settlement import end_transaction
from app.db.sqlor import SafeSqlor
from app.db.time_limit import TimeLimit

T = TypeVar("T")

TRIES = 5
_retries = Counter(
    "pipeline_transaction_retries",
    "Transactions begun again, by the database's error: 1213 deadlock or failed certification,"
    " 1205 lock wait, 1020 changed row, 1047 node not ready, 1317 statement ended from outside",
    ["error"],
)


@asynccontextmanager
async def transaction(database: str = "pipeline") -> AsyncIterator[SafeSqlor]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    async with pools().pool(database).context() as sor:
        yield sor


@asynccontextmanager
async def reading(
    database: str = "pipeline",
    *,
    snapshot: bool = False,
    refusal: ErrorCode | None = None,
    for_health: bool = False,
) -> AsyncIterator[SafeSqlor]:
    """
    Read without a transaction; with *snapshot* several reads see one and the same state.

    With *refusal* (TOO_SLOW, or a variant that says what to narrow) all of it may take
    `report_seconds` in the database: the statement that would take longer is ended there, the
    connection goes on to others, and the refusal is raised. *for_health* reads on a connection that
    is free also where all others are in use.
    """
    seconds = settings().options.report_seconds
    limit = TimeLimit.of(seconds, refusal) if refusal is not None else None
    pool = pools().health(database) if for_health else pools().pool(database)
    name = pool._place.name
    async with pool.connection() as connection:
        sor = SafeSqlor(connection, name, limit)
        with translate_errors():
            if not snapshot:
                yield sor
                return
            await sor.statement("set transaction isolation level repeatable read")
            await sor.statement("start transaction with consistent snapshot, read only")
            try:
                yield sor
            finally:
                await end_transaction(connection, "rollback")


async def in_transaction(
    work: Callable[[SafeSqlor], Awaitable[T]],
    database: str = "pipeline",
    *,
    two_trips: bool = False,
) -> T:
    """
    Run *work* in one transaction and answer what it answers.

    The whole of it is repeated, at most 5 times with growing random pauses, when the database
    gave up because of others: deadlock, lock time-out, failed certification. *work* must
    therefore have no effect outside the database. Raises Unavailable when all tries failed.

    *two_trips*, on the pipeline database: in two round trips, as far as *work* asks `together` and
    writes by `write_last` (app/db/two_trips.py).

    Inside `single_transaction` it is a part of that transaction: what it did is undone when it
    raises.
    """
    whole = _whole.get()
    if whole is not None and database == "pipeline":
        return await _part(whole, work)
    for attempt in range(TRIES):
        try:
            opening = pools().two_trips().context() if two_trips else transaction(database)
            async with opening as sor:
                return await work(sor)
        except (aiomysql.MySQLError, Unavailable) as exc:
            code = failure_code(exc)
            if code not in RETRIED or attempt == TRIES - 1:
                raise
            _retries.child(str(code)).add()
        await asyncio.sleep(random.uniform(0.002, 0.02) * 2**attempt)
    raise AssertionError("unreachable")


_whole: ContextVar[SafeSqlor | None] = ContextVar("whole", default=None)


async def single_transaction(work: Callable[[], Awaitable[T]]) -> T:
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
        with translate_errors():
            return await work(sor)
    except Exception as exc:
        # After a deadlock the database has rolled back all of it, savepoints included.
        if failure_code(exc) not in RETRIED:
            await sor.statement("rollback to savepoint part")
        raise
