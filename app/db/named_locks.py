"""
Locks by name: the database has them, a connection holds them, and they end with it.

They hold on one database node. So they spare work that two would do, and protect nothing: what
two must not both do, they are told apart by rows that they write.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.base.errors import AppError
from app.db.sqlor import SafeSqlor

# A server has one space of names for all its databases; a name has 64 letters at most.
_NAME = "concat(left(database(), 40), '.', ${lock}$)"
TAKE_LOCK = f"select get_lock({_NAME}, 0)"
IS_HELD = f"select is_used_lock({_NAME}) = connection_id()"
RELEASE_LOCK = f"select release_lock({_NAME})"


@asynccontextmanager
async def named_lock(sor: SafeSqlor, name: str) -> AsyncIterator[bool]:
    """Take the lock *name*, of at most 23 letters, of *sor*'s database on *sor*'s connection, and
    give it back at the end; whether it is held: nobody waits for it."""
    if await sor.firsts(TAKE_LOCK, {"lock": name}) != [1]:
        yield False
        return
    try:
        yield True
    finally:
        # A connection that is gone has given its lock back already.
        with suppress(AppError):
            await sor.firsts(RELEASE_LOCK, {"lock": name})


async def holds_lock(sor: SafeSqlor, name: str) -> bool:
    """Return whether *sor*'s connection holds the lock *name*, and thereby whether it lives."""
    return await sor.firsts(IS_HELD, {"lock": name}) == [1]
