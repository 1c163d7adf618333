"""
The SQL that the simulated database understands: what admission sends, and no more.

A text is cut into its shape and its values; a shape is made a plan once. An unknown shape is an
error that shows the text, so that a new statement of the application is noticed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tests.simulation.tables import Table

_VALUE = re.compile(
    # The first letter alone tells most places that none begins there.
    r"(?=['0-9nxTF-])(?:'[^'\\]*(?:\\.[^'\\]*)*'|x'[0-9a-f]*'"
    r"|(?<![\w.`])-?\d+(?:\.\d+)?(?![\w.])|\bnull\b(?<!is null)(?<!is not null)"
    r"|\bTrue\b|\bFalse\b)",
    re.DOTALL,
)
_TOKEN = re.compile(r"\s*(\?|[a-z_][a-z0-9_]*|<=|>=|<>|[=<>(),.*+-])")
_INSERT = re.compile(
    r"insert into `(\w+)` \(([^)]*)\) values (.*?)( on duplicate key update .*)?", re.DOTALL
)
_WORDS = {"null": None, "True": True, "False": False}
_LETTERS = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a"}
_AFTER_TABLE = frozenset({"force", "left", "where", "set", "on", "for", "order", "group", "limit"})

Expression = Callable[..., Any]


class UnknownStatement(Exception):
    """The simulated database was sent what it does not know; it has to learn it."""


def value_of(text: str) -> Any:
    """Return the value that a literal stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith("x'"):
        return bytes.fromhex(text[2:-1])
    if text.startswith("'"):
        body = text[1:-1]
        if "\\" not in body:
            return body
        return re.sub(r"\\(.)", lambda m: _LETTERS.get(m[1], m[1]), body, flags=re.DOTALL)
    return Decimal(text) if "." in text else int(text)


@dataclass(slots=True)
class Source:
    """A table in a statement, by its alias; `condition` of a left join."""

    table: str
    alias: str
    condition: Expression | None = None


@dataclass(slots=True)
class Plan:
    """What a statement does; expressions take the values and a row of each source."""

    kind: str
    sources: list[Source]
    where: Expression | None = None
    # Of a query: name, type and expression of each column.
    items: list[tuple[str, str, Expression]] = field(default_factory=list)
    is_sum: bool = False
    is_distinct: bool = False
    group: Expression | None = None
    order: Expression | None = None
    limit: Expression | None = None
    locks: bool = False
    # Of a change: alias, column and expression of each.
    sets: list[tuple[str, str, Expression]] = field(default_factory=list)


@dataclass(slots=True)
class Insert:
    """Rows that are to be inserted, and what is set where one is there already."""

    table: str
    rows: list[dict[str, Any]]
    on_duplicate: Plan | None


def parse(text: str, tables: dict[str, Table]) -> tuple[Plan | Insert, Sequence[Any]]:
    """Return what the statement *text* does, and its values."""
    if text.startswith("insert"):
        return _insert(text, tables), ()
    values: list[Any] = []

    def keep(match: re.Match[str]) -> str:
        values.append(value_of(match[0]))
        return "?"

    shape = _VALUE.sub(keep, text.replace("`", ""))
    try:
        return _plan(shape, _Tables(tables)), values
    except (UnknownStatement, IndexError, KeyError) as exc:
        raise UnknownStatement(f"{exc!r} in: {text[:2000]}") from exc


class _Tables(dict[str, Table]):
    """The tables of the models, which are the same in every run: one key of a cache."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


@lru_cache(maxsize=5000)
def _plan(shape: str, tables: _Tables) -> Plan:
    return _Parser(shape, tables).statement()


def _insert(text: str, tables: dict[str, Table]) -> Insert:
    match = _INSERT.fullmatch(text)
    if match is None:
        raise UnknownStatement(text)
    name, columns, values, on_duplicate = match.groups()
    names = [column.strip(" `") for column in columns.split(",")]
    literals = [value_of(literal) for literal in _VALUE.findall(values)]
    rows = [
        dict(zip(names, literals[at : at + len(names)], strict=True))
        for at in range(0, len(literals), len(names))
    ]
    plan = None
    if on_duplicate:
        # `values(x)` is the row that was to be inserted.
        sets = re.sub(r"values\((\w+)\)", r"new.\1", on_duplicate.split("update ", 1)[1])
        sets = re.sub(r"\+ 1\b", "+ one", sets)
        plan = _plan(f"update {name}, {name} new set {sets}", _Tables(tables))
    return Insert(name, rows, plan)


def _eq(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a == b


def _ne(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a != b


def _lt(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a < b


def _le(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a <= b


def _add(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a + b


def _mul(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a * b


def _sum(items: list[Any]) -> Any:
    amounts = [item for item in items if item is not None]
    return sum(amounts[1:], amounts[0]) if amounts else None


_NAMES = {"eq": _eq, "ne": _ne, "lt": _lt, "le": _le, "add": _add, "mul": _mul, "sum_": _sum}


class _Parser:
    """One statement's shape, made a plan: expressions become Python text that is compiled."""

    def __init__(self, shape: str, tables: _Tables) -> None:
        self._tokens: list[str] = []
        at = 0
        shape = shape.strip()
        while at < len(shape):
            match = _TOKEN.match(shape, at)
            if match is None:
                raise UnknownStatement(shape[at : at + 40])
            self._tokens.append(match[1])
            at = match.end()
        self._tokens += ["", "", ""]
        self._at = 0
        self._values = 0
        self._tables = tables
        self._sources: list[Source] = []
        self._has_sum = False

    def statement(self) -> Plan:
        """Return the plan."""
        if self._take("select"):
            return self._select()
        if self._take("update"):
            return self._update()
        raise UnknownStatement(self._tokens[0])

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *words: str) -> bool:
        if tuple(self._tokens[self._at : self._at + len(words)]) == words:
            self._at += len(words)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise UnknownStatement(f"{word} expected, not {self._peek()}")

    def _select(self) -> Plan:
        plan = Plan("select", self._sources, is_distinct=self._take("distinct"))
        # The columns are read once the sources are known; their values come first all the same.
        start = self._at
        values_before = self._skip_items()
        self._need("from")
        self._read_sources(values_before)
        end = self._at
        values_after = self._values
        self._at, self._values = start, 0
        plan.items = [self._item()]
        while self._take(","):
            plan.items.append(self._item())
        self._at, self._values = end, values_after
        if self._take("where"):
            plan.where = self._compile(self._any())
        if self._take("group", "by"):
            plan.group = self._compile(self._any())
        plan.is_sum = self._has_sum
        if self._take("order", "by"):
            columns = [self._any()]
            while self._take(","):
                columns.append(self._any())
            plan.order = self._compile(f"({','.join(columns)},)")
        if self._take("limit"):
            plan.limit = self._compile(self._any())
        plan.locks = self._take("for", "update")
        self._need("")
        return plan

    def _skip_items(self) -> int:
        depth = values = 0
        while depth or self._peek() != "from":
            token = self._next()
            depth += {"(": 1, ")": -1}.get(token, 0)
            values += token == "?"
        return values

    def _read_sources(self, values: int) -> None:
        self._values = values
        self._source()
        while self._take("left", "join"):
            source = self._source()
            self._need("on")
            source.condition = self._compile(self._any())

    def _source(self) -> Source:
        table = self._next()
        self._tables[table]
        alias = table
        if self._peek() and self._peek() not in (*_AFTER_TABLE, ","):
            alias = self._next()
        if self._take("force", "index", "("):
            self._next()
            self._need(")")
        source = Source(table, alias)
        self._sources.append(source)
        return source

    def _item(self) -> tuple[str, str, Expression]:
        start, has_sum = self._at, self._has_sum
        self._has_sum = False
        text = self._any()
        tokens = self._tokens[start : self._at]
        name = kind = tokens[-1]
        if self._take("as"):
            name = self._next()
        if len(tokens) in (1, 3) and "(" not in tokens:
            kind = self._source_of(tokens).columns[kind].kind
        rows = ", ".join(source.alias for source in self._sources)
        if not self._has_sum:
            text = f"[{text} for ({rows},) in G[:1]][0]"
        function = self._compiled_text(f"lambda P, G: {text}")
        self._has_sum = self._has_sum or has_sum
        return name, kind, function

    def _source_of(self, tokens: Sequence[str]) -> Table:
        if len(tokens) == 1:
            return self._tables[self._sources[0].table]
        return next(self._tables[one.table] for one in self._sources if one.alias == tokens[0])

    def _update(self) -> Plan:
        plan = Plan("update", self._sources, locks=True)
        self._source()
        while self._take(","):
            self._source()
        self._need("set")
        plan.sets.append(self._set())
        while self._take(","):
            plan.sets.append(self._set())
        if self._take("where"):
            plan.where = self._compile(self._any())
        self._need("")
        return plan

    def _set(self) -> tuple[str, str, Expression]:
        alias, column = self._sources[0].alias, self._next()
        if self._take("."):
            alias, column = column, self._next()
        self._need("=")
        return alias, column, self._compile(self._any())

    def _compile(self, text: str) -> Expression:
        names = ", ".join(source.alias for source in self._sources)
        return self._compiled_text(f"lambda P, {names}: {text}")

    def _compiled_text(self, text: str) -> Expression:
        function: Expression = eval(text, dict(_NAMES))  # noqa: S307  text of this parser
        return function

    def _any(self) -> str:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"

    def _all(self) -> str:
        parts = [self._comparison()]
        while self._take("and"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else f"({' and '.join(parts)})"

    def _comparison(self) -> str:
        side = self._sum()
        for sign, text in (
            ("=", "eq({0},{1})"), ("<>", "ne({0},{1})"), ("<=", "le({0},{1})"),
            (">=", "le({1},{0})"), ("<", "lt({0},{1})"), (">", "lt({1},{0})"),
        ):  # fmt: skip
            if self._take(sign):
                return text.format(side, self._sum())
        if self._take("is", "not", "null"):
            return f"({side} is not None)"
        if self._take("is", "null"):
            return f"({side} is None)"
        if self._take("between"):
            low = self._sum()
            self._need("and")
            return f"(le({low},{side}) and le({side},{self._sum()}))"
        if self._take("in", "("):
            first = self._values
            count = 1
            self._need("?")
            while self._take(",", "?"):
                count += 1
            self._need(")")
            self._values += count
            return f"({side} in P[{first}:{first + count}])"
        return side

    def _sum(self) -> str:
        text = self._product()
        while self._take("+"):
            text = f"add({text},{self._product()})"
        return text

    def _product(self) -> str:
        text = self._primary()
        while self._take("*"):
            text = f"mul({text},{self._primary()})"
        return text

    def _primary(self) -> str:
        if self._take("?"):
            self._values += 1
            return f"P[{self._values - 1}]"
        if self._take("("):
            text = self._any()
            self._need(")")
            return f"({text})"
        word = self._next()
        if word == "one":
            return "1"
        if word == "case":
            return self._case()
        if self._take("("):
            return self._function(word)
        if self._take("."):
            return f'{word}["{self._next()}"]'
        return f'{self._sources[0].alias}["{word}"]'

    def _function(self, word: str) -> str:
        rows = ", ".join(source.alias for source in self._sources)
        if word == "count" and self._take("*", ")"):
            self._has_sum = True
            return "len(G)"
        if word == "sum":
            text = self._any()
            self._need(")")
            self._has_sum = True
            return f"sum_([{text} for ({rows},) in G])"
        parts = [self._any()]
        while self._take(","):
            parts.append(self._any())
        self._need(")")
        if word == "coalesce":
            return f"({parts[0]} if {parts[0]} is not None else {parts[1]})"
        if word == "if":
            return f"({parts[1]} if {parts[0]} else {parts[2]})"
        raise UnknownStatement(word)

    def _case(self) -> str:
        subject = "" if self._peek() == "when" else self._any()
        branches = []
        while self._take("when"):
            condition = self._any()
            self._need("then")
            value = self._any()
            test = f"eq({subject},{condition})" if subject else condition
            branches.append(f"{value} if {test} else ")
        other = self._any() if self._take("else") else "None"
        self._need("end")
        return f"({''.join(branches)}{other})"
