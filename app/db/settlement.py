"""
One transaction on one connection: settled, whatever happens, before the connection goes back.

Cancellation is included, and where nobody knows whether a commit arrived, that is told.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import aiomysql

from app.db.cursor import observe_round_trip
from app.db.errors import TAKEN_BACK, failure_code, translate_errors, unknown_outcome
from app.db.sqlor import SafeSqlor


@asynccontextmanager
async def settle(connection: Any, name: str) -> AsyncIterator[SafeSqlor]:
    """Yield a sqlor object in a transaction: committed at the end, rolled back by an error."""
    sor = SafeSqlor(connection, name)
    with translate_errors():
        await sor.statement("start transaction")
        try:
            yield sor
        except BaseException:  # a cancelled request must roll back too
            sor.dataChanged = False
            await end_transaction(connection, "rollback")
            raise
        sor.dataChanged = False
        await end_transaction(connection, "commit")


async def end_transaction(connection: Any, how: str) -> None:
    """Commit or roll back, as *how* says, or close the connection for good."""
    if connection.closed:
        if how == "commit":
            raise unknown_outcome()
        return
    started_at = perf_counter()
    try:
        await getattr(connection, how)()
        observe_round_trip(perf_counter() - started_at)
    except BaseException as exc:
        if how == "commit" and failure_code(exc) in TAKEN_BACK:
            # Nothing is committed: another database node's transaction came first.
            await end_transaction(connection, "rollback")
            raise
        # Nobody may get a connection whose transaction is in an unknown state.
        connection.close()
        if how != "commit":
            return
        if not isinstance(exc, aiomysql.MySQLError | OSError):
            raise
        raise unknown_outcome() from exc
