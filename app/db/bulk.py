"""
Many rows in one statement: inserted, or changed each to values of its own.

Values go through the driver's own quoting, as bound values do; only names of tables and columns,
which come from the program, are text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.db.cursor import is_plain, sql_literal
from app.db.sqlor import SafeSqlor

ROW_BATCH_SIZE = 500
# So that writing one statement keeps no other request waiting.
CHARACTER_BATCH_SIZE = 400_000
CHANGE_BATCH_SIZE = 50
_NAME = re.compile(r"[a-z_]+")

Quote = Callable[[Any], str]


async def bulk_insert(
    sor: SafeSqlor, table: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert *rows*, up to 500 a statement; DuplicateKey where one is there already: rows of
    statements before it are written then, until the transaction is taken back."""
    await bulk_insert_tuples(sor, table, columns, ([row[name] for name in columns] for row in rows))


async def bulk_insert_tuples(
    sor: SafeSqlor,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    on_duplicate: str = "",
) -> None:
    """Do as `bulk_insert` with rows that are the values of *columns*, in their order; with
    *on_duplicate*, SQL that sets columns, a row that is there already is changed by that."""
    quote = quote_of(sor)
    groups = ("(" + ",".join([quote(value) for value in row]) + ")" for row in rows)
    for text in insert_texts(table, columns, groups, on_duplicate=on_duplicate):
        await sor.write(text)


def insert_texts(
    table: str, columns: Sequence[str], rows: Iterable[str], *, on_duplicate: str = ""
) -> Iterator[str]:
    """Return the statements that insert *rows*, each the text of its values (by `quote_of`) in
    brackets."""
    start = f"insert into {_name(table)} ({', '.join(map(_name, columns))}) values "  # noqa: S608
    end = f" on duplicate key update {on_duplicate}" if on_duplicate else ""
    for portion in _portions(rows):
        yield start + ",".join(portion) + end


async def bulk_update(
    sor: SafeSqlor, table: str, columns: Sequence[str], rows: Sequence[Any]
) -> None:
    """Set *columns* of each of *rows*, found by `id`, to what its attribute of that name has, up to
    50 a statement."""
    for text in update_texts(sor, table, columns, rows):
        await sor.write(text)


def update_texts(
    sor: SafeSqlor, table: str, columns: Sequence[str], rows: Sequence[Any]
) -> Iterator[str]:
    """Return the statements of `bulk_update`."""
    start = f"update {_name(table)} set "  # noqa: S608
    quote = quote_of(sor)
    for first in range(0, len(rows), CHANGE_BATCH_SIZE):
        some = rows[first : first + CHANGE_BATCH_SIZE]
        ids = [quote(row.id) for row in some]
        sets = [
            f"{_name(name)}={_case(ids, [quote(getattr(row, name)) for row in some])}"
            for name in columns
        ]
        yield f"{start}{', '.join(sets)} where id in ({','.join(ids)})"


def _portions(groups: Iterable[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    characters = 0
    for group in groups:
        portion.append(group)
        characters += len(group)
        if len(portion) >= ROW_BATCH_SIZE or characters >= CHARACTER_BATCH_SIZE:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


def _case(ids: Sequence[str], values: Sequence[str]) -> str:
    """Return the value of each row as SQL; one for all where they do not differ."""
    if len(set(values)) == 1:
        return values[0]
    pairs = [f"when {key} then {value}" for key, value in zip(ids, values, strict=True)]
    return f"case id {' '.join(pairs)} end"


def quote_of(sor: SafeSqlor) -> Quote:
    """Return how values are written in statements on this connection: the one door by which they
    come into a text."""
    connection = sor.conn

    def quote(value: Any) -> str:
        kind = type(value)
        if kind is str and is_plain(value):  # as most are: not worth another function
            return f"'{value}'"
        if value is None:
            return "null"
        if isinstance(value, str):
            return sql_literal(connection, value)
        if kind is int:
            return str(value)
        if kind is datetime:
            return _time(value)
        if kind is Decimal:
            return format(value, "f")
        if kind is bytes:
            return f"x'{value.hex()}'"
        raise TypeError(f"a {kind.__name__} cannot be written")

    return quote


@lru_cache(maxsize=1024)
def _time(value: datetime) -> str:
    at = value.astimezone(UTC) if value.tzinfo is not None else value
    return f"'{at.replace(tzinfo=None).isoformat(' ', 'milliseconds')}'"


@lru_cache(maxsize=256)
def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name: {name!r}")
    return f"`{name}`"
