"""
Changes of tables beside others who use them: nobody waits long for one.

A change waits for every transaction that has touched its table, and whoever comes after it waits
behind it. So it gives up after a few seconds, lets those go on, and is tried again.
"""

import asyncio
from typing import Any

import aiomysql

from app.db.numbered import MigrationError, Tell

# For so long all who want the table wait at most, and so often it is tried.
MAX_WAIT_SECONDS = 3
PAUSE_SECONDS = 2.0
TRIES = 60
LOCK_WAIT = 1205
# "This change cannot be made without locking the table."
_NEEDS_LOCK = frozenset({1845, 1846})


async def wait_shortly(connection: Any) -> None:
    """Let each change of a table on *connection* give up after MAX_WAIT_SECONDS."""
    async with connection.cursor() as cursor:
        await cursor.execute(f"set lock_wait_timeout = {MAX_WAIT_SECONDS}")


async def change_table(connection: Any, table: str, sql: str, tell: Tell) -> bool:
    """
    Run *sql*, which changes *table*, where that can be without keeping others from writing; *tell*
    that it waits.

    Return whether others could write meanwhile; raises MigrationError where the table stays in use,
    and else what the driver raises.
    """
    is_change = sql.lower().startswith("alter table")
    if is_change:
        try:
            await _insist(connection, table, f"{sql}, lock=none", tell)
        except aiomysql.MySQLError as exc:
            if not exc.args or exc.args[0] not in _NEEDS_LOCK:
                raise
        else:
            return True
    await _insist(connection, table, sql, tell)
    return not is_change


async def _insist(connection: Any, table: str, sql: str, tell: Tell) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(sql)
        except aiomysql.MySQLError as exc:
            if not exc.args or exc.args[0] != LOCK_WAIT:
                raise
        else:
            return
        if attempt == 1:
            tell(f"{table}: waiting for a transaction that uses it")
        await asyncio.sleep(PAUSE_SECONDS)
    raise MigrationError(
        f"{table}: a transaction uses it all the time. End it (show processlist), and migrate again"
    )
