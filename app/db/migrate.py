"""
Bringing the database to the models: creates and extends, never drops or narrows.

    python -m app.db.migrate [--plan]

A table that does not exist is made by what `json2ddl` generates, without its `drop table`; what
exists is compared column by column. What would lose data or could fail on data (a narrower type, a
column that no model names) is told and left alone. What no comparison can find out, the numbered
migrations do (app/db/numbered.py), each before or after the tables are changed. Run it as often and
as parallel as you like.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiomysql

from app.base.clock import now
from app.base.errors import AppError
from app.base.settings_checks import ConfigError
from app.db import fence, numbered, schema_state
from app.db.errors import RETRIED, failure_code
from app.db.migration_turn import migration_turn
from app.db.numbered import Migration, MigrationError, Tell
from app.db.pool import raw_connection
from app.db.server_kind import is_cluster_node
from app.db.sqlor import SafeSqlor
from app.db.table_changes import (
    LOCK_WAIT,
    PAUSE_SECONDS,
    TRIES,
    change_table,
    wait_shortly,
)
from app.schema.collation import name_collation
from app.schema.inspect import FoundTable, read_schema
from app.schema.plan import Plan, Step, create_statements, make_plan
from app.schema.tables import table, tables

ROUNDS = 3
# Somebody else did it between our look and our statement: table, column, key, constraint exists.
_DONE_ALREADY = frozenset({1050, 1060, 1061, 1359, 1826, 3822})
# What a migration on another node of a cluster does to this one: also that what is to be dropped is
# gone, and that what is to be recorded is.
_DONE_ELSEWHERE = RETRIED | _DONE_ALREADY | {1054, 1062, 1091}
CLUSTER_TRIES = 6
CLUSTER_PAUSE_SECONDS = 1.0
# No right to do it, or a server without it.
_CANNOT = frozenset({1064, 1142, 1227, 1235, 1419})
# How a line begins of what could not be done.
NOT_DONE = "NOT done"
# Two rows would be one under the new collation.
_ALIKE = 1062


async def migrate(connection: Any = None, tell: Tell = lambda _: None) -> list[str]:
    """
    Create and extend the tables; one line for each thing done, or left for a person to do.

    *connection*: an aiomysql connection or a sqlor object; None opens one. *tell* gets each line as
    soon as it is known: a large table takes its time. Two migrations at the same time wait for each
    other, on two nodes of a cluster too. Raises MigrationError when a statement fails.
    """
    steps: list[str] = []

    def note(line: str) -> None:
        steps.append(line)
        tell(line)

    async with _connection(connection) as conn, _turn(conn, tell) as tries:
        await wait_shortly(conn)
        await fence.pass_through(conn)
        for attempt in range(1, tries + 1):
            try:
                await _migrate(conn, note)
                await fence.take_down(conn, tell)
                await _record(conn, steps)
                break
            except (aiomysql.MySQLError, MigrationError) as exc:
                # A host of a version before knows nothing of the turn (migration_turn.py). What it
                # does meanwhile on another node is looked at anew: nothing is done twice.
                if failure_code(exc) not in _DONE_ELSEWHERE or attempt == tries:
                    raise
                await conn.rollback()
            await asyncio.sleep(CLUSTER_PAUSE_SECONDS * attempt)
    SafeSqlor.forget_tables()
    return steps


async def _migrate(connection: Any, note: Tell) -> None:
    present = await read_schema(connection)
    todo = await _pending(connection, present)
    is_new = await _is_new(connection, present)
    needed = [item for item in todo if item.is_for_all or not is_new]
    new_tables: set[str] = set()
    await _settle_record(connection, present, new_tables, note)
    if alone := [item for item in needed if item.serving == numbered.NOBODY]:
        await fence.put_up(connection, present.keys(), note)
        for item in alone:
            await numbered.note_beginning(connection, item)
    for item in needed:
        if item.is_early:
            await _run_migration(connection, item, note)
    late = [item for item in needed if not item.is_early]
    # Triggers keep the past as it is, so what moves old data comes before them.
    await _settle(connection, new_tables, note, with_triggers=not late)
    for item in todo:
        if item not in needed:
            await numbered.record(connection, item, "not_needed")
    await connection.commit()
    for item in late:
        await _run_migration(connection, item, note)
    if late:
        await _settle(connection, new_tables, note)


async def _pending(connection: Any, present: dict[str, FoundTable]) -> list[Migration]:
    has_record = numbered.TABLE in present
    done_before = await numbered.names_of_record(connection) if has_record else frozenset()
    migrations = numbered.read_migrations(numbered.migration_files())
    return [item for item in migrations if item.name not in done_before]


async def _is_new(connection: Any, present: dict[str, FoundTable]) -> bool:
    """
    Return whether the database never held anything.

    Not by its tables: json2ddl may have made them, or a migration that failed half-way.
    """
    async with connection.cursor() as cursor:
        for name in tables().keys() & present.keys() - {numbered.TABLE}:
            await cursor.execute(f"select 1 from `{name}` limit 1")  # noqa: S608  # a model's name
            if await cursor.fetchone():
                return False
    return True


async def _settle_record(
    connection: Any, present: dict[str, FoundTable], new_tables: set[str], note: Tell
) -> None:
    """Make the table that says what was migrated, or bring it to its model, before all others."""
    if numbered.TABLE in present:
        for step in make_plan(present).steps:
            if step.table == numbered.TABLE:
                note(await _run(connection, step, note))
        return
    async with connection.cursor() as cursor:
        for sql in create_statements(table(numbered.TABLE)):
            await cursor.execute(sql)
    new_tables.add(numbered.TABLE)
    note(f"{numbered.TABLE}: created the table")


async def _run_migration(connection: Any, item: Migration, note: Tell) -> None:
    """Run a numbered migration; again, where it could not have a table that others use."""
    for attempt in range(TRIES):
        try:
            await numbered.run(connection, item, note)
        except MigrationError as exc:
            if failure_code(exc) != LOCK_WAIT or attempt == TRIES - 1:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


async def _settle(
    connection: Any, new_tables: set[str], note: Tell, *, with_triggers: bool = True
) -> None:
    """Bring the tables to the models, to all but new triggers without *with_triggers*; say nothing
    of a table's parts that is in *new_tables*."""
    lines: set[str] = set()
    names = await name_collation(connection)
    # A table just made still lacks what json2ddl cannot say: hence a second round.
    for _ in range(ROUNDS):
        schema = await read_schema(connection)
        todo = make_plan(schema, names)
        steps = [step for step in todo.steps if with_triggers or not step.is_trigger]
        if not steps:
            for item in todo.problems if with_triggers else ():
                note(f"left as it is: {item}")
            return
        for step in steps:
            if step.table not in schema and step.table not in new_tables:
                new_tables.add(step.table)
                note(f"{step.table}: created the table")
            line = await _run(connection, step, note)
            # What cannot be done is tried again in the next round, and told once.
            if (step.table not in new_tables or line.startswith(NOT_DONE)) and line not in lines:
                lines.add(line)
                note(line)
        if all(step.optional for step in steps):
            return
    raise MigrationError(f"these changes do not hold: {'; '.join(map(str, steps))}")


async def plan(connection: Any = None) -> Plan:
    """Return what `migrate` would do now; changes nothing."""
    async with _connection(connection) as conn:
        present = await read_schema(conn)
        todo = make_plan(present, await name_collation(conn))
        is_new = todo.is_first = await _is_new(conn, present)
        for item in await _pending(conn, present):
            if item.is_for_all or not is_new:
                (todo.before if item.is_early else todo.after).append(str(item))
                todo.spares_version_before &= item.serving == numbered.VERSION_BEFORE
        return todo


async def _run(connection: Any, step: Step, note: Tell) -> str:
    try:
        is_online = await change_table(connection, step.table, step.sql, note)
    except aiomysql.MySQLError as exc:
        code = exc.args[0] if exc.args else None
        if code in _DONE_ALREADY:
            return f"{step} (somebody else did)"
        if step.optional and code == _ALIKE:
            return f"{NOT_DONE}, {step}: {exc.args[1]}. Rename one of the two, then migrate again."
        if step.optional and code in _CANNOT:
            return f"{NOT_DONE}, {step}: {exc.args[1]}. Have it made by a database administrator."
        raise MigrationError(f"{step}: {exc.args[-1] if exc.args else exc}") from exc
    return str(step) if is_online else f"{step} (writing to it waited)"


async def _record(connection: Any, steps: list[str]) -> None:
    mark = schema_state.fingerprint()
    async with connection.cursor() as cursor:
        await cursor.execute("select 1 from app_schema where fingerprint = %s", (mark,))
        if await cursor.fetchone() and not steps:
            return
        await cursor.execute(
            "insert into app_schema (id, fingerprint, changes, changed_at)"
            " values (%s, %s, %s, %s) on duplicate key update changes = values(changes),"
            " changed_at = values(changed_at)",
            (mark[:32], mark, json.dumps(steps, ensure_ascii=False), now().replace(tzinfo=None)),
        )
    await connection.commit()


@asynccontextmanager
async def _turn(connection: Any, tell: Tell) -> AsyncIterator[int]:
    """Keep the turn to migrate; yields how often it is worth trying."""
    is_cluster = await is_cluster_node(connection)
    async with migration_turn(connection, tell, is_cluster=is_cluster):
        yield CLUSTER_TRIES if is_cluster else 1


@asynccontextmanager
async def _connection(connection: Any) -> AsyncIterator[Any]:
    if connection is not None:
        yield connection.conn if isinstance(connection, SafeSqlor) else connection
        return
    async with raw_connection() as own_connection:
        yield own_connection


async def _main(only_plan: bool) -> None:
    if only_plan:
        lines = (await plan()).lines()
        print("\n".join(lines), end="\n" if lines else "")
    else:
        lines = await migrate(tell=partial(print, flush=True))
    if not lines:
        print("The database is as the models say.")


def main() -> None:
    """Entry point of `python -m app.db.migrate`."""
    parser = argparse.ArgumentParser(description="Bring the database to the models.")
    parser.add_argument("--plan", action="store_true", help="only say what would be done")
    try:
        asyncio.run(_main(parser.parse_args().plan))
    except (MigrationError, ConfigError, AppError) as exc:
        sys.exit(f"migrate: {exc}")


if __name__ == "__main__":
    main()
