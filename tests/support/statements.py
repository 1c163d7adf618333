"""
The statements that a list may send, as a grammar of their own: written from what a list is to do,
not from the code that makes them.

What a request brings along must have become a literal; a literal is all that `normalised` takes
away. So whatever else is in a statement was put there by the application, and has to be one of
few words in one of few orders.
"""

import re
from collections.abc import Callable, Iterator

from app.schema.tables import Table

_LITERAL = re.compile(
    r"_binary\s*'(?:[^'\\]|\\.|'')*'|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\""
    r"|(?<![\w`.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w`])",
    re.DOTALL,
)
_MANY = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)")
_TOKEN = re.compile(r"`[^`]*`|[A-Za-z_][A-Za-z0-9_]*|<=|>=|<>|!=|\S")
_COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">=", "like"})


class Unexpected(Exception):
    """A statement that no list may send."""


def normalised(sql: str) -> str:
    """*sql* with `?` for each literal, `(?)` for a list of them, and single blanks."""
    return " ".join(_MANY.sub("(?)", _LITERAL.sub("?", sql)).split())


def check_list_statement(sql: str, table: Table) -> None:
    """Raise Unexpected unless *sql* (normalised) reads a page, a total or keys of *table*."""
    _Reader(sql, table).statement()


class _Reader:
    def __init__(self, sql: str, table: Table) -> None:
        self._sql = sql
        self._tokens: Iterator[str] = iter(_TOKEN.findall(sql))
        self._here = ""
        self._table = table
        self._columns = {n for n, column in table.columns.items() if not column.confidential}
        self._next()

    def statement(self) -> None:
        """A select, perhaps only explained, and within a time that the application sets."""
        if self._maybe("set"):
            self._take("statement", "max_statement_time", "=", "?", "for")
        self._maybe("explain")
        self._take("select")
        if self._maybe("count"):
            self._take("(", "*", ")", "as", "total", "from")
            if self._maybe("("):
                self._take("select", "?", "from")
                self._source()
                self._take(")", "some")
            else:
                self._source()
        else:
            self._list(self._shown_column)
            self._take("from")
            if self._maybe("("):
                self._take("select", "a", ".", "id", "from")
                self._source()
                self._take(")", "page", "join", f"`{self._table.name}`", "a")
                self._take("on", "a", ".", "id", "=", "page", ".", "id")
                self._joins()
                self._order()
            else:
                self._source()
        if self._here:
            raise self._unexpected()

    def _source(self) -> None:
        """The table, by some of its indexes, [joins] [where …] [order by …] [limit …]"""
        self._take(f"`{self._table.name}`", "a")
        if self._maybe("force"):
            self._take("index", "(")
            self._list(self._index)
            self._take(")")
        self._joins()
        if self._maybe("where"):
            self._condition()
            while self._maybe("and"):
                self._condition()
        self._order()
        if self._maybe("limit"):
            self._list(lambda: self._take("?"))

    def _index(self) -> None:
        names = {f"`{index.name}`" for index in self._table.indexes} | {"`PRIMARY`"}
        self._take(*names & {self._here})

    def _joins(self) -> None:
        for number, code in enumerate(self._table.codes):
            if self._here != "left" or f" c{number} on " not in self._sql:
                continue
            self._take("left", "join", f"`{code.table}`", f"c{number}", "on", f"c{number}")
            self._take(".", f"`{code.valuefield}`", "=", "a", ".", f"`{code.field}`")

    def _order(self) -> None:
        if self._maybe("order"):
            self._take("by")
            self._list(self._order_by)

    def _shown_column(self) -> None:
        self._expression()
        if self._maybe("as"):
            self._take(*{f"`{code.field}_text`" for code in self._table.codes} & {self._here})

    def _condition(self) -> None:
        if not self._maybe("("):
            self._comparison()
            return
        if self._maybe("not"):
            self._take("coalesce", "(")
            self._condition()
            self._take(",", "?", ")")
        else:
            self._condition()
            while self._here in ("and", "or"):
                self._next()
                self._condition()
        self._take(")")

    def _comparison(self) -> None:
        self._operand()
        if self._maybe("is"):
            self._maybe("not")
            self._take("null")
            return
        self._maybe("not")
        if self._maybe("in"):
            self._take("(", "?", ")")
            return
        if self._here not in _COMPARISONS:
            raise self._unexpected()
        self._next()
        self._take("?")

    def _operand(self) -> None:
        """A column as it is, or in a form whose capitals are no other letters."""
        if self._maybe("lower"):
            self._take("(")
            self._expression()
            self._take(")", "collate", "utf8mb4_bin")
            return
        self._expression()
        if self._maybe("collate"):
            self._take("utf8mb4_unicode_ci")

    def _order_by(self) -> None:
        self._expression()
        self._maybe("desc")

    def _expression(self) -> None:
        alias = self._here
        self._next()
        self._take(".")
        name = self._here.strip("`")
        if alias == "a":
            is_column = name in self._columns
        else:
            codes = {f"c{n}": code.textfield for n, code in enumerate(self._table.codes)}
            is_column = codes.get(alias) == name
        if not is_column:
            raise self._unexpected()
        self._next()

    def _list(self, one: Callable[[], None]) -> None:
        one()
        while self._maybe(","):
            one()

    def _maybe(self, token: str) -> bool:
        if self._here != token:
            return False
        self._next()
        return True

    def _take(self, *tokens: str) -> None:
        if not tokens:
            raise self._unexpected()
        for token in tokens:
            if self._here != token:
                raise self._unexpected()
            self._next()

    def _next(self) -> None:
        self._here = next(self._tokens, "")

    def _unexpected(self) -> Unexpected:
        return Unexpected(f"{self._here!r} in: {self._sql[:1500]}")
