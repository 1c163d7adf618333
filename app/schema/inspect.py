"""The schema as the database has it now, read from information_schema in five queries."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of the database. `type` is normalised: `int(11)` and `int` read `int`."""

    type: str
    nullable: bool
    default: str | None
    collation: str | None
    comment: str


@dataclass(frozen=True, slots=True)
class FoundIndex:
    """An index of the database."""

    columns: tuple[str, ...]
    unique: bool


@dataclass(slots=True)
class FoundTable:
    """A table of the database."""

    columns: dict[str, FoundColumn] = field(default_factory=dict)
    indexes: dict[str, FoundIndex] = field(default_factory=dict)
    checks: set[str] = field(default_factory=set)
    triggers: dict[str, str] = field(default_factory=dict)


async def read_schema(connection: Any) -> dict[str, FoundTable]:
    """Return all tables of the connection's database, by name."""
    tables: dict[str, FoundTable] = {
        row[0]: FoundTable()
        for row in await _rows(
            connection,
            "select lower(table_name) from information_schema.tables"
            " where table_schema = database() and table_type = 'BASE TABLE'",
        )
    }
    for name, column, values in await _columns(connection):
        if name in tables:
            tables[name].columns[column] = values
    for name, index, entry in await _indexes(connection):
        if name in tables:
            tables[name].indexes[index] = entry
    for name, check in await _rows(
        connection,
        "select lower(table_name), lower(constraint_name) from"
        " information_schema.table_constraints"
        " where table_schema = database() and constraint_type = 'CHECK'",
    ):
        tables[name].checks.add(check)
    for name, trigger, body in await _rows(
        connection,
        "select lower(event_object_table), lower(trigger_name), action_statement"
        " from information_schema.triggers where trigger_schema = database()",
    ):
        tables[name].triggers[trigger] = body
    return tables


async def _columns(connection: Any) -> list[tuple[str, str, FoundColumn]]:
    rows = await _rows(
        connection,
        "select lower(table_name), lower(column_name), column_type, is_nullable, column_default,"
        " collation_name, column_comment from information_schema.columns"
        " where table_schema = database() order by table_name, ordinal_position",
    )
    return [
        (
            table,
            name,
            FoundColumn(_type(kind), null == "YES", _default(default_value), collation, comment),
        )
        for table, name, kind, null, default_value, collation, comment in rows
    ]


async def _indexes(connection: Any) -> list[tuple[str, str, FoundIndex]]:
    rows = await _rows(
        connection,
        "select lower(table_name), lower(index_name), non_unique, lower(column_name)"
        " from information_schema.statistics where table_schema = database()"
        " order by table_name, index_name, seq_in_index",
    )
    columns: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for table, name, non_unique, column in rows:
        columns[(table, name, not non_unique)].append(column)
    return [
        (table, name, FoundIndex(tuple(names), unique))
        for (table, name, unique), names in columns.items()
    ]


def _type(column_type: str) -> str:
    # MariaDB gives whole numbers a display width, MySQL 8 gives none; both keep tinyint(1).
    base, _, rest = column_type.lower().partition("(")
    return base + rest.partition(")")[2] if base in ("int", "bigint") else column_type.lower()


def _default(value: str | None) -> str | None:
    # MariaDB quotes texts and says NULL for none; MySQL does neither.
    if value is None or value == "NULL":
        return None
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    return value


async def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        return [tuple(row) for row in await cursor.fetchall()]
