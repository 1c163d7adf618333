"""
Whose turn it is to migrate: one host's at a time.

On one server a lock by name says so. In a cluster such a lock holds on one node only, and hosts
that change tables from several nodes at once can halt all of it: on MariaDB 10.11 two that made the
same triggers left a node waiting for itself, and every commit of the cluster waiting for that node.
So the turn is a row there, in `app_lease`, which its holder writes anew every few seconds.

Who waits cannot go by the clock: while a table is changed, nobody's commit passes, the holder's
neither. So the waiting ones write too, and take the turn over once so many writes of their own have
passed beside a row that stayed as it was.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomysql

from app.base.errors import AppError
from app.db.errors import RETRIED, failure_code
from app.db.numbered import MigrationError, Tell
from app.db.pool import raw_connection
from app.schema.plan import create_statements
from app.schema.tables import table

WAIT_SECONDS = 120
BEAT_SECONDS = 2.0
LOOK_SECONDS = 1.0
# Writes of one's own beside a holder that writes nothing.
LOOKS = 20
_TABLE = "app_lease"
# A statement waits for what other nodes have committed.
_IN_STEP = "set session wsrep_sync_wait = 7"
_TAKE = (
    "update app_lease set holder = %s, beat = beat + 1 where name = 'migrate' and holder is null"
)
_TAKE_OVER = (
    "update app_lease set holder = %s, beat = beat + 1"
    " where name = 'migrate' and holder = %s and beat = %s"
)
_BEAT = "update app_lease set beat = beat + 1 where name = 'migrate' and holder = %s"
_GIVE_BACK = "update app_lease set holder = null where name = 'migrate' and holder = %s"
_LOOK = "select holder, beat from app_lease where name = 'migrate'"
_ADD = "insert ignore into app_lease (name, beat) values ('migrate', 0), ('migrate.waiting', 0)"
_WRITE = "update app_lease set beat = beat + 1 where name = 'migrate.waiting'"


@asynccontextmanager
async def migration_turn(
    connection: Any, tell: Tell, *, is_cluster: bool, wait_seconds: float = WAIT_SECONDS
) -> AsyncIterator[None]:
    """
    Keep the turn until the end of the block; *connection* is in autocommit mode.

    Raises MigrationError where another has it for longer than *wait_seconds*, and out of the block
    where another has taken it over from this one, which was silent for too long.
    """
    deadline = time.monotonic() + wait_seconds
    async with _node_lock(connection, wait_seconds):
        if not is_cluster:
            yield
            return
        for sql in create_statements(table(_TABLE)):
            await _write(connection, sql)
        holder = f"{socket.gethostname()[:64]} {os.getpid()} {secrets.token_hex(8)}"
        await _take(connection, holder, deadline, wait_seconds, tell)
        try:
            async with _beats(holder):
                yield
        finally:
            # Where it cannot be given back it is taken over.
            with suppress(aiomysql.MySQLError):
                await _write(connection, _GIVE_BACK, holder)


async def _take(
    connection: Any, holder: str, deadline: float, wait_seconds: float, tell: Tell
) -> None:
    before: tuple[str, int] | None = None
    looks = 0
    await _write(connection, _ADD)
    while not await _write(connection, _TAKE, holder):
        async with connection.cursor() as cursor:
            await cursor.execute(_LOOK)
            row = await cursor.fetchone()
        looks = looks + 1 if row == before else 0
        before = row
        if row is None:
            await _write(connection, _ADD)
        elif looks >= LOOKS and await _write(connection, _TAKE_OVER, holder, *row):
            tell(f"the migration of {row[0]} does nothing any more: its turn is taken over")
            return
        if time.monotonic() > deadline:
            raise _still_busy(wait_seconds)
        # Only what passed counts: otherwise it is a change of a table that keeps all waiting.
        if not await _write(connection, _WRITE):
            looks = 0
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _beats(holder: str) -> AsyncIterator[None]:
    """Write the turn's row anew until the end of the block, which is broken off where the turn is
    another's by then."""
    owner = asyncio.current_task()
    assert owner is not None
    beats = asyncio.create_task(_beat(holder))
    beats.add_done_callback(lambda task: None if task.cancelled() else owner.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if not beats.done():
            raise
        owner.uncancel()
        raise MigrationError(
            "another host has taken over, since this one was silent for too long; see that it is"
            " done there"
        ) from None
    finally:
        beats.cancel()


async def _beat(holder: str) -> None:
    """Write the row every few seconds; return when it is no longer *holder*'s."""
    while True:
        # A connection of its own: that of the migration is busy while a table is changed.
        with suppress(aiomysql.MySQLError, OSError, AppError):
            async with raw_connection() as connection:
                await _write(connection, _IN_STEP)
                while True:
                    await asyncio.sleep(BEAT_SECONDS)
                    async with connection.cursor() as cursor:
                        if not await cursor.execute(_BEAT, (holder,)):
                            return
        await asyncio.sleep(BEAT_SECONDS)


async def _write(connection: Any, sql: str, *values: Any) -> int:
    """Return how many rows *sql* changed; none where another node's commit took it back."""
    async with connection.cursor() as cursor:
        try:
            return int(await cursor.execute(sql, values or None))
        except aiomysql.MySQLError as exc:
            if failure_code(exc) not in RETRIED:
                raise
            return 0


@asynccontextmanager
async def _node_lock(connection: Any, wait_seconds: float) -> AsyncIterator[None]:
    async with connection.cursor() as cursor:
        await cursor.execute("select database()")
        (database,) = await cursor.fetchone()
        name = f"{database}.migrate"
        await cursor.execute("select get_lock(%s, %s)", (name, wait_seconds))
        (is_held,) = await cursor.fetchone()
    if is_held != 1:
        raise _still_busy(wait_seconds)
    try:
        yield
    finally:
        # A lost connection has no lock any more, and the reason of its loss is told, not this.
        with suppress(aiomysql.MySQLError):
            async with connection.cursor() as cursor:
                await cursor.execute("select release_lock(%s)", (name,))


def _still_busy(wait_seconds: float) -> MigrationError:
    return MigrationError(
        f"another migration has been running for over {wait_seconds:.0f} s; "
        "wait for it, or end its connection, and try again"
    )
