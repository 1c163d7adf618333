"""
Filters that a request brings along, read as data and never pasted into SQL.

A `data_filter` is JSON: `{"field": …, "op": …, "const": … | "var": …}`, or
`{"AND": [...]}`, `{"OR": [...]}`, `{"NOT": {...}}` around such conditions, to a depth of 5 and at
most 50 conditions. A `var` names another parameter; its condition is left out when that
parameter is absent. `%` and `_` in a LIKE value are the caller's own wildcards.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlor.filter import DBFilter

from app.base.catalogue.records import (
    BAD_FILTER,
    FILTER_BAD_COUNT,
    FILTER_BAD_FIELD,
    FILTER_BAD_OPERATOR,
    FILTER_NOT_ONE_VALUE,
    FILTER_NOT_PLAIN_VALUES,
    FILTER_PART_NO_OBJECT,
    FILTER_TOO_DEEP,
    FILTER_TOO_LONG,
    FILTER_TOO_MANY_CONDITIONS,
    FILTER_UNKNOWN_MEMBER,
    FILTER_WITHOUT_CONST,
    FILTER_WITHOUT_LIST,
)
from app.base.json_codec import JsonError, parse_json

MAX_DEPTH = 5
MAX_CONDITIONS = 50
MAX_CHARACTERS = 65_536
MAX_LIST_VALUES = 500
COMPARISONS = ("=", "!=", "<>", ">", ">=", "<", "<=")
LISTS = ("IN", "NOT IN")
NULLS = ("IS NULL", "IS NOT NULL")
LIKES = ("LIKE", "NOT LIKE")
DENIALS = ("!=", "<>", "NOT IN", "NOT LIKE")
OPERATORS = (*COMPARISONS, *LISTS, *NULLS, *LIKES)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MISSING = object()
# Emoji, and Han characters of names and places.
_RARE = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `value` is a list for IN and NOT IN, None for IS NULL and IS NOT NULL."""

    field: str
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by AND or OR, or one under NOT."""

    op: str
    parts: tuple["Condition | Group", ...]


Node = Condition | Group
# The SQL of a condition's column, and its value as the column's type.
Placed = tuple[str, Any]


def parse_filter(data_filter: Any, params: Mapping[str, Any]) -> tuple[Node | None, frozenset[str]]:
    """
    Parse the conditions of *data_filter* (JSON text or parsed; None when there are none), and the
    names of the parameters that its `var` conditions use. Raises BadRequest `bad_filter`.
    """
    if isinstance(data_filter, str):
        if not data_filter.strip():
            return None, frozenset()
        if len(data_filter) > MAX_CHARACTERS:
            raise FILTER_TOO_LONG(most=MAX_CHARACTERS)
        try:
            data_filter = parse_json(data_filter)
        except JsonError as exc:
            raise BAD_FILTER(reason=exc.message) from None
    if data_filter is None or data_filter == {}:
        return None, frozenset()
    parser = _Parser(params)
    return parser.node(data_filter, MAX_DEPTH), frozenset(parser.names)


def render_filter(node: Node, place: Callable[[Condition], Placed]) -> tuple[str, dict[str, Any]]:
    """Return the SQL of *node* in brackets, and the values it binds as `${filter_<n>}$`."""
    values: dict[str, Any] = {}
    return _render(node, place, values), values


class _Parser:
    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._remaining = MAX_CONDITIONS
        self.names: set[str] = set()

    def node(self, item: Any, depth: int) -> Node | None:
        if not isinstance(item, dict):
            raise FILTER_PART_NO_OBJECT()
        if depth == 0:
            raise FILTER_TOO_DEEP(depth=MAX_DEPTH)
        if len(item) == 1:
            ((key, inner),) = item.items()
            op = str(key).upper()
            if op in ("AND", "OR"):
                if not isinstance(inner, list) or not inner:
                    raise FILTER_WITHOUT_LIST(op=op)
                return self._group(op, inner, depth)
            if op == "NOT":
                return self._group(op, [inner], depth)
        return self._condition(item)

    def _group(self, op: str, items: list[Any], depth: int) -> Node | None:
        nodes = [self.node(item, depth - 1) for item in items]
        parts = tuple(node for node in nodes if node is not None)
        return Group(op, parts) if parts else None

    def _condition(self, item: dict[str, Any]) -> Condition | None:
        if self._remaining == 0:
            raise FILTER_TOO_MANY_CONDITIONS(count=MAX_CONDITIONS)
        self._remaining -= 1
        field, op = item.get("field"), item.get("op")
        if not isinstance(field, str) or not _NAME.fullmatch(field):
            raise FILTER_BAD_FIELD(field=str(field)[:100])
        op = " ".join(op.upper().split()) if isinstance(op, str) else op
        if op not in OPERATORS:
            raise FILTER_BAD_OPERATOR(op=str(op)[:40], known=", ".join(OPERATORS))
        if unknown := item.keys() - {"field", "op", "const", "var"}:
            raise FILTER_UNKNOWN_MEMBER(name=str(min(unknown))[:100])
        if op in NULLS:
            return Condition(field, op)
        value = self._value(item)
        return None if value is _MISSING else _comparison(field, op, value)

    def _value(self, item: dict[str, Any]) -> Any:
        if "const" in item:
            return item["const"]
        name = item.get("var")
        if not isinstance(name, str):
            raise FILTER_WITHOUT_CONST(field=item["field"])
        self.names.add(name)
        return self._params.get(name, _MISSING)


def _comparison(field: str, op: str, value: Any) -> Condition:
    if op in LISTS:
        values = value if isinstance(value, list) else [value]
        if not values or len(values) > MAX_LIST_VALUES:
            raise FILTER_BAD_COUNT(op=op, count=MAX_LIST_VALUES)
        if any(item is None or isinstance(item, dict | list) for item in values):
            raise FILTER_NOT_PLAIN_VALUES(op=op)
        return Condition(field, op, values)
    if value is None and op in ("=", "!=", "<>"):
        return Condition(field, "IS NULL" if op == "=" else "IS NOT NULL")
    if value is None or isinstance(value, dict | list):
        raise FILTER_NOT_ONE_VALUE(op=op)
    return Condition(field, op, value)


def _render(node: Node, place: Callable[[Condition], Placed], values: dict[str, Any]) -> str:
    if isinstance(node, Group):
        parts = [_render(part, place, values) for part in node.parts]
        if node.op == "NOT":
            # What is empty is not equal to anything.
            return f"(not coalesce({parts[0]}, 0))"
        return "(" + f" {node.op.lower()} ".join(parts) + ")"
    column, value = place(node)
    if node.op in NULLS:
        return f"({column} {node.op.lower()})"
    name = f"filter_{len(values)}"
    values[name] = value
    sql = f"{column} {node.op.lower()} ${{{name}}}$"
    # `!= ''` asks for what is filled.
    return f"({sql} or {column} is null)" if node.op in DENIALS and value != "" else f"({sql})"


def any_case(expression: str, value: Any) -> tuple[str, Any]:
    """
    Return a text column's SQL and the value or values, so that capitals and small letters are the
    same and letters beyond U+FFFF are not: utf8mb4_unicode_ci takes all of these for one.
    """
    if not has_rare_letters(value):
        return f"{expression} collate utf8mb4_unicode_ci", value
    lower = [one.lower() for one in value] if isinstance(value, list) else value.lower()
    return f"lower({expression}) collate utf8mb4_bin", lower


def has_rare_letters(value: Any) -> bool:
    """Return whether a text, or one of a list of them, has letters beyond U+FFFF."""
    return any(_RARE.search(one) for one in (value if isinstance(value, list) else [value]))


def like_pattern(text: str) -> str:
    """Return *text* for a LIKE that finds it anywhere, as it is: `%`, `_` and `\\` mean
    themselves."""
    return f"%{like_prefix(text)}"


def like_prefix(text: str) -> str:
    """Return *text* for a LIKE that finds what begins with it, as it is."""
    literal = re.sub(r"([\\%_])", r"\\\1", text)
    return f"{literal}%"


class SafeDBFilter(DBFilter):
    """
    sqlor's DBFilter for scripts that xls2ui generated with its own templates.

    The parent writes `field` and `op` into the SQL text as they come, and loses the brackets of
    an upper-case OR. Here names must be plain, values are bound, brackets are kept.
    """

    def gen(self, ns: dict[str, Any] | None = None) -> str | None:
        """Return the SQL for the filter, or None; the values to bind are put into *ns* and
        `consts`."""
        params = {} if ns is None else ns
        node, _ = parse_filter(self.filterjson, params)
        if node is None:
            self.consts: dict[str, Any] = {}
            return None
        sql, self.consts = render_filter(
            node, lambda condition: (f"`{condition.field}`", condition.value)
        )
        params.update(self.consts)
        return sql
