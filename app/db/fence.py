"""
The fence around money: what a version of before cannot know of, it cannot write past.

While a migration runs beside which nobody may serve, triggers on the tables that say `fenced`
refuse every change that is not this migration's. So a worker of any earlier version, also one of
before there was a fence, gets an error for what it would write on tables that are half another
version's; it stays so when the migration ends half-way, until it has been run to its end.
"""

from collections.abc import Iterable
from typing import Any

import aiomysql

from app.db.errors import FENCE_SENTENCE
from app.db.numbered import MigrationError, Tell
from app.db.table_changes import change_table
from app.schema.tables import tables

_EVENTS = ("insert", "update", "delete")
_EXISTS = 1359
# No right to make a trigger.
_CANNOT = frozenset({1142, 1227, 1419})
_OTHERS = (
    "select count(*) from information_schema.processlist where db = database()"
    " and id <> connection_id()"
)
_PRESENT = (
    "select trigger_name, event_object_table from information_schema.triggers"
    " where trigger_schema = database() and action_statement like %s"
)


async def put_up(connection: Any, present: Iterable[str], tell: Tell) -> None:
    """
    Let nobody but *connection* write to the fenced tables among those that are *present*.

    Raise MigrationError where this user may make no triggers while anybody else is connected.
    """
    for name, table in tables().items():
        if table.fenced and name in present:
            for event in _EVENTS:
                await _add(connection, name, event, tell)


async def pass_through(connection: Any) -> None:
    """Let *connection* write past the fence."""
    async with connection.cursor() as cursor:
        await cursor.execute("set @pipeline_migrates = 1")


async def take_down(connection: Any, tell: Tell) -> None:
    """Let everybody write again."""
    async with connection.cursor() as cursor:
        await cursor.execute(_PRESENT, (f"%{FENCE_SENTENCE}%",))
        triggers = await cursor.fetchall()
    for trigger, table in triggers:
        await change_table(connection, table, f"drop trigger if exists `{trigger}`", tell)


async def _add(connection: Any, table: str, event: str, tell: Tell) -> None:
    sql = (
        f"create trigger `{table}_fence_{event}` before {event} on `{table}` for each row\n"
        "begin if @pipeline_migrates is null then"
        f" signal sqlstate '45000' set message_text = '{FENCE_SENTENCE}'; end if; end"
    )
    try:
        await change_table(connection, table, sql, tell)
    except aiomysql.MySQLError as exc:
        code = exc.args[0] if exc.args else None
        if code == _EXISTS:
            return
        if code not in _CANNOT:
            raise
        await _require_nobody_else(connection)


async def _require_nobody_else(connection: Any) -> None:
    async with connection.cursor() as cursor:
        await cursor.execute(_OTHERS)
        (others,) = await cursor.fetchone()
    if others:
        raise MigrationError(
            f"{others} other connection(s) to this database are open, and this user may make no"
            " triggers that keep them from writing meanwhile. Stop all workers, then migrate again"
        )
