"""Some rows of a table in an order, as statements: how many, a page, the rows behind a row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.db.sqlor import SafeSqlor
from app.records.keysets import behind, reverse
from app.records.plans import Reach, Terms
from app.records.table_sizes import count_up_to
from app.schema.tables import Table


@dataclass(frozen=True, slots=True)
class Code:
    """A table that is joined for its texts: `on` says which row, `alias` stands in the SQL."""

    alias: str
    join: str


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Rows of *table*: pieces of SQL made of the model's names, and the values they bind.

    `expressions` are the SQL of what may be sorted by. Of a large table (`is_large`) the ids come
    before anything else of a row; `indexes` are those by which the rows are read, `count_indexes`
    those by which they are counted.
    """

    table: Table
    columns: list[str]
    codes: list[Code]
    expressions: dict[str, str]
    where: str
    terms: Terms
    values: dict[str, Any]
    indexes: tuple[str, ...] = ()
    count_indexes: tuple[str, ...] = ()
    is_large: bool = False

    @property
    def _joins(self) -> str:
        return "".join(code.join for code in self.codes)

    def _source(self, order: str = "", indexes: Sequence[str] | None = None) -> str:
        """Return the table by its indexes, with what the filter and *order* look at."""
        names = self.indexes if indexes is None else indexes
        hint = f" force index ({', '.join(f'`{name}`' for name in names)})" if names else ""
        looks = f"{self.where} {order}"
        joins = "".join(code.join for code in self.codes if f"{code.alias}." in looks)
        return f"`{self.table.name}` a{hint}{joins}{self._where}"

    @property
    def _where(self) -> str:
        return f" where {self.where}" if self.where else ""

    def _order(self, terms: Terms) -> str:
        words = (
            f"{self.expressions[term.name]}{' desc' if term.is_descending else ''}"
            for term in terms
        )
        return ", ".join(words)

    async def reach(self, sor: SafeSqlor, indexes: Sequence[str]) -> Reach | None:
        """Return by which of *indexes* the database would find the rows, and how many it expects to
        read; None where none of them helps."""
        sql = f"explain select a.id from {self._source(indexes=indexes)}"  # noqa: S608
        rows = await sor.sqlExe(sql, self.values)
        row = next((one for one in rows if one["table"] == "a"), None)
        if row is None:  # it sees that there are none
            return Reach((), 0)
        if not row["key"]:
            return None
        return Reach(tuple(row["key"].split(",")), int(row["rows"] or 0))

    async def count(self, sor: SafeSqlor, limit: int | None = None) -> int:
        """Return how many rows there are; with *limit*, at most that and one."""
        if limit is not None:
            source = self._source(indexes=self.count_indexes)
            return await count_up_to(sor, source, self.values, limit)
        sql = f"select count(*) as total from {self._source()}"  # noqa: S608
        row = await sor.one(sql, self.values)
        return int(row["total"]) if row else 0

    async def page(self, sor: SafeSqlor, start: int, size: int) -> list[dict[str, Any]]:
        """Return *size* rows from *start* (0 is the first)."""
        return await self._rows(sor, self.terms, f"{start}, {size}")

    async def last(self, sor: SafeSqlor, size: int) -> list[dict[str, Any]]:
        """Return the last *size* rows, in order."""
        rows = await self._rows(sor, reverse(self.terms), str(size))
        return rows[::-1]

    async def after(self, sor: SafeSqlor, values: Sequence[Any], size: int) -> list[dict[str, Any]]:
        """Return the next *size* rows after one that has *values* in the order."""
        return await self._behind(values, self.terms)._rows(sor, self.terms, str(size))

    async def before(
        self, sor: SafeSqlor, values: Sequence[Any], size: int
    ) -> list[dict[str, Any]]:
        """Return the last *size* rows before one that has *values* in the order."""
        terms = reverse(self.terms)
        rows = await self._behind(values, terms)._rows(sor, terms, str(size))
        return rows[::-1]

    async def keys(self, sor: SafeSqlor, most: int) -> list[str]:
        """Return the ids of the first *most* rows, in order."""
        order = self._order(self.terms)
        sql = f"select a.id from {self._source(order)} order by {order} limit {most}"  # noqa: S608
        ids: list[str] = await sor.firsts(sql, self.values)
        return ids

    async def by_keys(self, sor: SafeSqlor, keys: list[str]) -> list[dict[str, Any]]:
        """Return the rows with these ids, in this order; those that are gone are left out."""
        sql = (
            f"select {', '.join(self.columns)} from `{self.table.name}` a{self._joins}"  # noqa: S608
            " where a.id in ${keys}$"
        )
        rows_by_id = {row["id"]: row for row in await sor.sqlExe(sql, {"keys": keys})}
        return [rows_by_id[key] for key in keys if key in rows_by_id]

    def _behind(self, values: Sequence[Any], terms: Terms) -> "Selection":
        own = self.table.columns
        places = [
            (self.expressions[term.name], term, term.name not in own or own[term.name].nullable)
            for term in terms
        ]
        sql, bound = behind(places, values)
        where = f"{self.where} and {sql}" if self.where else sql
        return replace(self, where=where, values=self.values | bound)

    async def _rows(self, sor: SafeSqlor, terms: Terms, limit: str) -> list[dict[str, Any]]:
        """
        Return the rows within *limit* (LIMIT's own words) in the order of *terms*.

        Of a large table the ids come first: what is skipped or sorted then is short, and often
        stands in the index.
        """
        order = self._order(terms)
        columns = ", ".join(self.columns)
        if self.is_large:
            ids = f"select a.id from {self._source(order)} order by {order} limit {limit}"  # noqa: S608
            sql = (
                f"select {columns} from ({ids}) page"  # noqa: S608
                f" join `{self.table.name}` a on a.id = page.id{self._joins} order by {order}"
            )
        else:
            sql = (
                f"select {columns} from `{self.table.name}` a{self._joins}"  # noqa: S608
                f"{self._where} order by {order} limit {limit}"
            )
        rows: list[dict[str, Any]] = await sor.sqlExe(sql, self.values)
        return rows
