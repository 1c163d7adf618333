"""Whether the tables of the database are those that this code works with."""

import hashlib
from enum import StrEnum
from functools import cache

import aiomysql

from app.db import numbered
from app.db.sqlor import SafeSqlor
from app.schema.plan import definition

_NO_SUCH_TABLE = 1146
_NO_SUCH_COLUMN = 1054


class SchemaState(StrEnum):
    """`older`: `migrate` has still to run; `newer`: it has run with later code, which has changed
    what this code cannot work with."""

    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


async def read_state(sor: SafeSqlor) -> SchemaState:
    """Return how the tables of the database stand to this code: two look-ups of a few rows."""
    if await is_newer(sor):
        return SchemaState.NEWER
    mark = fingerprint()
    try:
        row = await sor.one(
            "select fingerprint from app_schema where id = ${id}$", {"id": mark[:32]}
        )
    except aiomysql.MySQLError as exc:
        if exc.args and exc.args[0] == _NO_SUCH_TABLE:  # nothing was ever migrated
            return SchemaState.OLDER
        raise
    is_current = row is not None and row["fingerprint"] == mark
    return SchemaState.CURRENT if is_current else SchemaState.OLDER


async def is_newer(sor: SafeSqlor) -> bool:
    """Return whether a migration has run, or begun, that this code does not know and beside which
    the version before may not serve (docs/migrations.md)."""
    try:
        names = await sor.firsts(
            f"select name from {numbered.TABLE} where serving = ${{serving}}$",  # noqa: S608
            {"serving": numbered.NOBODY},
        )
    except aiomysql.MySQLError as exc:
        # Its table, or the column that says so, is still to come.
        if exc.args and exc.args[0] in (_NO_SUCH_TABLE, _NO_SUCH_COLUMN):
            return False
        raise
    return not own_names().issuperset(names)


@cache
def fingerprint() -> str:
    """
    Return the SHA-256 of what the schema is: of the statements, never of a source's text.

    The names of the numbered migrations belong to it: without them the data is not current.
    """
    names = map(numbered.migration_name, numbered.migration_files())
    return hashlib.sha256("\0".join([*definition(), *names]).encode()).hexdigest()


@cache
def own_names() -> frozenset[str]:
    """Return the names of all numbered migrations that this code has."""
    return frozenset(map(numbered.migration_name, numbered.migration_files()))
