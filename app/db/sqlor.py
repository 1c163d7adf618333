"""
A light sqlor object on a pooled connection, with sqlor's own interface.

Replaces what the audit found in sqlor 2.1.2: `maskingSQL` evaluates Python found in SQL text
(INJ-1 to INJ-5), `sort` goes into the text as it is, DECIMAL becomes float (TYPE-1), U and D
change all rows for a numeric id (AZ-7) and none silently (CR-5), metadata are read again for
every request and without the schema's name (META-1, META-3).
"""

import inspect
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from appPublic.registerfunction import RegisterFunction
from sqlor.mysqlor import MySqlor

from app.base.catalogue.records import (
    BAD_PAGING,
    BAD_SORT,
    KEY_MISSING,
    NO_TABLE,
    NOTHING_TO_CHANGE,
    ROW_NOT_FOUND,
    UNKNOWN_COLUMN,
    WRONG_TYPE,
)
from app.db.bound_values import bindable, expand, fits
from app.db.cursor import BufferedCursor
from app.db.errors import translate_errors
from app.db.results import Query, Rows
from app.db.time_limit import TimeLimit
from app.db.twins import rename, rename_template, twins_in_use

MAX_ROWS = 1000
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_]\w*)\}\$")
_SORT = re.compile(r"^\s*([A-Za-z_]\w*)(?:\s+(asc|desc))?\s*$", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,40}")


class Row(dict[str, Any]):
    """One row; columns are readable as attributes too. A wrong name is an AttributeError."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        # sqlor's own description of tables (I) writes so.
        self[name] = value


def column_names(row_class: Any) -> tuple[str, ...]:
    """Return the columns that *row_class*, a dataclass of their values, is made of, in order."""
    return tuple(field.name for field in fields(row_class))


def to_utc(text: str) -> datetime | None:
    """Return a DATETIME as the server sends it, as an aware UTC datetime; None for a zero date."""
    if text.startswith("0000"):
        return None
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
def parse_sql(text: str) -> tuple[str, tuple[str, ...]]:
    """
    Turn SQL with `${name}$` placeholders into the driver's SQL and the names in order.

    Names are looked up, never evaluated; raises ValueError for sqlor's `$[…]$` and `$<…>$`.
    """
    names = tuple(_PLACEHOLDER.findall(text))
    bare = _PLACEHOLDER.sub("", text)
    for mark in ("$[", "$<", "${"):
        if mark in bare:
            raise ValueError(f"{mark} is not supported in SQL; bind values with ${{name}}$")
    return _PLACEHOLDER.sub("%s", text.replace("%", "%%")), names


def sort_terms(sort: Any) -> list[tuple[str, bool]]:
    """
    Return `col`, `col desc`, a list of them or comma-separated, as (name, descending) pairs.

    Raises BadRequest `bad_sort` for anything that is not a plain column name.
    """
    parts = sort if isinstance(sort, list | tuple) else str(sort).split(",")
    terms = []
    for part in parts:
        match = _SORT.match(part) if isinstance(part, str) else None
        if not match:
            raise BAD_SORT(sort=str(part)[:100])
        terms.append((match.group(1).lower(), (match.group(2) or "").lower() == "desc"))
    return terms


def whole_number(value: Any, name: str, low: int, high: int) -> int:
    """Return *value* as an int from *low* up, cut to *high*; raises BadRequest naming the
    parameter."""
    # int() alone takes blanks around it, underscores and digits of other scripts.
    number = int(value) if _DIGITS.fullmatch(str(value)) else low - 1
    if number < low:
        raise BAD_PAGING(name=name, low=low)
    return min(number, high)


class SafeSqlor(MySqlor):
    """sqlor's object for one use of one pooled connection. Statements run one after another."""

    _columns_cache: ClassVar[dict[tuple[str, str], dict[str, str]]] = {}
    _keys_cache: ClassVar[dict[tuple[str, str], list[str]]] = {}
    # Whether a row that is locked here is known to be locked for everybody, and not on one node.
    locks_hold = False

    def __init__(self, connection: Any, dbname: str, limit: TimeLimit | None = None) -> None:
        # The parent's constructor copies a connection description and decrypts its password.
        self.conn = connection
        self.limit = limit
        self.dbname = dbname
        self.cur = None
        self.dataChanged = False
        self.metadatas: dict[str, object] = {}
        self._uses_twins = twins_in_use()

    @classmethod
    def isMe(cls, name: str) -> bool:
        return name == "pipeline_mysql"

    @classmethod
    def forget_tables(cls) -> None:
        """Forget cached table descriptions; after a migration."""
        cls._columns_cache.clear()
        cls._keys_cache.clear()

    async def statement(self, sql: str) -> None:
        """Run a statement that has no values and no result."""
        async with self.conn.cursor(BufferedCursor) as cursor:
            await cursor.execute(sql)

    async def write(self, text: str) -> None:
        """Run *text*, a whole statement that changes rows; its values are written in it."""
        self.dataChanged = True
        with translate_errors():
            await self.statement(self._with_names(text))

    def _with_names(self, text: str) -> str:
        """Return *text*, a whole statement, with the tables that it means here."""
        return rename(text) if self._uses_twins else text

    async def write_last(self, texts: Iterable[str]) -> None:
        """Run *texts*, the last that this transaction writes."""
        for text in texts:
            await self.write(text)

    async def together(self, *queries: Query) -> list[Rows]:
        """Return the rows of each of *queries*, which are run in their order."""
        return [await self.tuples(query.text, query.values) for query in queries]

    def maskingSQL(self, org_sql: str, NS: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """Return the driver's SQL and its values; KeyError for a name that was not given."""
        if self._uses_twins:
            org_sql = rename_template(org_sql)
        text, names = parse_sql(org_sql)
        values = [bindable(name, NS[name]) for name in names]
        if any(isinstance(value, list) for value in values):
            return expand(text, values)
        return text, tuple(values)

    def getSqlType(self, sql: str) -> str:
        """Return `qry`, `dml` or `ddl`; unlike the parent, WITH reads and REPLACE writes."""
        word = sql.split(None, 1)[0].lower().lstrip("(")
        if word in ("select", "with", "show", "explain", "values"):
            return "qry"
        return "dml" if word in ("insert", "update", "delete", "replace") else "ddl"

    async def execute(self, sql: str, value: Mapping[str, Any]) -> int:
        """Run *sql*; the number of rows it matched."""
        text, args = self.maskingSQL(sql, value)
        if self.getSqlType(sql) == "dml":
            self.dataChanged = True
        async with self.conn.cursor(BufferedCursor) as cursor:
            return int(await _run(cursor, text, args, self.limit))

    async def sqlExe(self, sql: str, ns: Mapping[str, Any]) -> Any:
        """Return rows of a query, or the number of rows a change matched."""
        if self.getSqlType(sql) != "qry":
            return await self.execute(sql, ns)
        text, args = self.maskingSQL(sql, ns)
        async with self.conn.cursor(BufferedCursor) as cursor:
            await _run(cursor, text, args, self.limit)
            names = [column[0].lower() for column in cursor.description]
            return [Row(zip(names, values, strict=True)) for values in await cursor.fetchall()]

    async def tuples(self, sql: str, ns: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query as the values of its columns, in their order."""
        text, args = self.maskingSQL(sql, ns)
        async with self.conn.cursor(BufferedCursor) as cursor:
            await _run(cursor, text, args, self.limit)
            rows: Sequence[tuple[Any, ...]] = await cursor.fetchall()
            return rows

    async def firsts(self, sql: str, ns: Mapping[str, Any]) -> list[Any]:
        """Return the first column of all rows of a query, for many of them."""
        return [values[0] for values in await self.tuples(sql, ns)]

    async def one(self, sql: str, ns: Mapping[str, Any]) -> Row | None:
        """Return the first row of a query, or None."""
        rows = await self.sqlExe(sql, ns)
        return rows[0] if rows else None

    async def _get_data(self, sql: str, ns: Mapping[str, Any]) -> AsyncIterator[Row]:
        for row in await self.sqlExe(sql, ns):
            yield row

    def sortSQL(self, sql: str, NS: Mapping[str, Any]) -> str:
        """Return *sql* ordered by the parameter `sort`, which may only name columns."""
        if not NS.get("sort"):
            return sql
        return f"{sql} ORDER BY {_order_by(NS['sort'])}"

    def pagingSQL(self, sql: str, paging: Mapping[str, str], NS: Mapping[str, Any]) -> str:
        """One page of *sql*; page, rows and sort are checked, rows capped at 1,000."""
        page = whole_number(NS.get(paging["pagename"]) or 1, "page", 1, 10**9)
        rows = whole_number(NS.get(paging["rowsname"]) or 80, "rows", 1, MAX_ROWS)
        order = _order_by(NS.get(paging.get("sortname", "sort")) or "id")
        return f"select * from ({sql}) A order by {order} limit {(page - 1) * rows}, {rows}"

    async def columns(self, table: str) -> dict[str, str]:
        """Column names of *table* and their database types, remembered per process."""
        key = (self.dbname, table.lower())
        columns = self._columns_cache.get(key)
        if columns is None:
            rows = await self.sqlExe(
                "select lower(column_name) as name, data_type as type, column_key as keyed"
                " from information_schema.columns"
                " where table_schema = ${dbname}$ and table_name = ${name}$"
                " order by ordinal_position",
                {"dbname": key[0], "name": key[1]},
            )
            if not rows:
                raise NO_TABLE(name=table)
            columns = {row["name"]: row["type"].lower() for row in rows}
            self._columns_cache[key] = columns
            self._keys_cache[key] = [row["name"] for row in rows if row["keyed"] == "PRI"]
        return columns

    async def C(self, tablename: str, ns: Mapping[str, Any]) -> int:
        """Insert one row. Unknown columns and values of the wrong type are refused."""
        values = await self._run_hook(tablename, "c:before", ns)
        await self._check(tablename, values)
        names = ", ".join(f"`{name}`" for name in values)
        marks = ", ".join(f"${{{name}}}$" for name in values)
        count = await self.execute(f"insert into `{tablename}` ({names}) values ({marks})", values)
        await self._run_hook(tablename, "c:after", values)
        return count

    async def R(self, tablename: str, ns: Mapping[str, Any], filters: Any = None) -> list[Row]:
        """Return rows whose columns equal *ns*; an unknown name is refused, not ignored."""
        if filters:
            raise ValueError("filters are not supported here; write the SQL")
        await self._check(tablename, ns)
        rows: list[Row] = await self.sqlExe(f"select * from `{tablename}`{_where(ns)}", ns)
        return rows

    async def U(self, tablename: str, ns: Mapping[str, Any]) -> int:
        """Update the one row whose primary key is in *ns*; NotFound when there is none."""
        values = await self._run_hook(tablename, "u:before", ns)
        keys = await self._check(tablename, values, need_key=True)
        names = [name for name in values if name not in keys]
        if not names:
            raise NOTHING_TO_CHANGE()
        sets = ", ".join(f"`{name}` = ${{{name}}}$" for name in names)
        where = _where({name: values[name] for name in keys})
        await self._exactly_one(tablename, f"update `{tablename}` set {sets}{where}", values)
        await self._run_hook(tablename, "u:after", values)
        return 1

    async def D(self, tablename: str, ns: Mapping[str, Any]) -> int:
        """Delete the one row that has the primary key and all other values of *ns*."""
        values = await self._run_hook(tablename, "d:before", ns)
        await self._check(tablename, values, need_key=True)
        await self._exactly_one(tablename, f"delete from `{tablename}`{_where(values)}", values)
        await self._run_hook(tablename, "d:after", values)
        return 1

    async def _exactly_one(self, table: str, sql: str, values: Mapping[str, Any]) -> None:
        count = await self.execute(sql, values)
        if count == 0:
            raise ROW_NOT_FOUND(table=table)
        if count > 1:
            raise RuntimeError(f"{count} rows of {table} matched one primary key")

    async def _check(
        self, table: str, values: Mapping[str, Any], *, need_key: bool = False
    ) -> list[str]:
        columns = await self.columns(table)
        for name, value in values.items():
            if name not in columns:
                raise UNKNOWN_COLUMN(table=table, name=name)
            if value is not None and not fits(columns[name], value):
                raise WRONG_TYPE(name=name, type=type(value).__name__)
        keys = self._keys_cache[(self.dbname, table.lower())]
        if need_key and not all(
            isinstance(values.get(name), str) and values[name] for name in keys
        ):
            raise KEY_MISSING(name=", ".join(keys))
        return keys

    async def _run_hook(self, table: str, moment: str, ns: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(ns)
        hook = RegisterFunction().get(f"{self.dbname}:{table}:{moment}")
        if hook is not None:
            # The registry itself makes a coroutine of a plain function and never runs it (HOOK-1).
            result = hook(values)
            if inspect.isawaitable(result):
                result = await result
            if isinstance(result, dict):
                values.update(result)
        return values

    def pkSQL(self, tablename: str | None = None) -> str:
        """Read the primary key; the parent forgets the schema, and mixes in same-named tables of
        other databases."""
        return (
            "select column_name as name from information_schema.key_column_usage"
            f" where table_schema = '{_name(self.dbname)}' and table_name = '{_name(tablename)}'"
            " and constraint_name = 'PRIMARY'"
        )

    def indexesSQL(self, tablename: str | None = None) -> str:
        """Read the indexes; the parent swaps unique and plain ones."""
        return (
            "select lower(index_name) as index_name, case non_unique when 0 then 'unique' else ''"
            " end as is_unique, lower(column_name) as column_name"
            " from information_schema.statistics"
            f" where table_schema = '{_name(self.dbname)}' and table_name = '{_name(tablename)}'"
            " order by index_name, seq_in_index"
        )


async def _run(
    cursor: Any, text: str, args: tuple[Any, ...], limit: TimeLimit | None = None
) -> Any:
    # Here already, so that work inside a transaction can tell a repeated key from other faults.
    with translate_errors(limit):
        if limit is None:
            return await _execute(cursor, text, args)
        text = limit.bound(cursor.connection, text)
        with limit.count():
            return await _execute(cursor, text, args)


async def _execute(cursor: Any, text: str, args: tuple[Any, ...]) -> Any:
    # Without values the driver does not format, so doubled percent signs would stay doubled.
    if args:
        return await cursor.execute(text, args)
    return await cursor.execute(text.replace("%%", "%"))


def _name(name: str | None) -> str:
    if not name or not re.fullmatch(r"\w+", name):
        raise ValueError(f"not a name: {name!r}")
    return name.lower()


def _where(values: Mapping[str, Any]) -> str:
    terms = [
        f"`{name}` is null" if value is None else f"`{name}` = ${{{name}}}$"
        for name, value in values.items()
    ]
    return f" where {' and '.join(terms)}" if terms else ""


def _order_by(sort: Any) -> str:
    return ", ".join(f"`{name}`{' desc' if down else ''}" for name, down in sort_terms(sort))
