"""
The way on from a row of a list: a cursor, and the condition for the rows behind it.

A page by its number reads all rows before it and throws them away. A cursor holds the order and the
last row's values of it, so that the next page begins there, at any depth, and what others add or
delete before it moves nothing. It is no secret and no proof: whoever writes one by hand asks for
rows that a filter would give them.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.base.catalogue.records import CURSOR_UNREADABLE
from app.base.clock import iso
from app.base.json_codec import JsonError, parse_json
from app.records.plans import Term, Terms
from app.schema.coercion import check_characters, coerce
from app.schema.field_rules import CoercionError, FieldRule
from app.schema.tables import Column

MAX_CURSOR = 2_000
# The database compares only the beginning of longer texts when it sorts.
MAX_TEXT = 250


def write_cursor(terms: Terms, row: Mapping[str, Any]) -> str | None:
    """Return the cursor behind *row* in the order of *terms*; None where a value is too long."""
    values = [row[term.name] for term in terms]
    if any(isinstance(value, str) and len(value) > MAX_TEXT for value in values):
        return None
    content = json.dumps(
        [",".join(map(str, terms)), *map(_plain, values)], ensure_ascii=False, separators=(",", ":")
    )
    text = base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()
    return text if len(text) <= MAX_CURSOR else None


def read_cursor(text: Any) -> tuple[str, list[Any]]:
    """Return the order and the values of the cursor *text*, not yet checked against a table; raises
    BadRequest `bad_paging`."""
    try:
        if not isinstance(text, str) or len(text) > MAX_CURSOR:
            raise ValueError
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        order, *values = parse_json(content.decode())
    except (ValueError, binascii.Error, TypeError, JsonError):
        raise CURSOR_UNREADABLE() from None
    if not isinstance(order, str) or len(values) != order.count(",") + 1:
        raise CURSOR_UNREADABLE()
    return order, values


def value_of(column: Column, value: Any) -> Any:
    """Return the value of a cursor as *column* has it; raises BadRequest `bad_paging`."""
    if value is None:
        if not column.nullable:
            raise CURSOR_UNREADABLE()
        return None
    try:
        if column.kind in ("str", "text", "json"):
            if not isinstance(value, str):
                raise CURSOR_UNREADABLE()
            check_characters(value, one_line=False)
            return value
        kind = "bigint" if column.kind == "int" else column.kind
        return coerce(FieldRule(kind=kind, precision=65, scale=30), value)
    except CoercionError:
        raise CURSOR_UNREADABLE() from None


def behind(
    terms: Sequence[tuple[str, Term, bool]], values: Sequence[Any]
) -> tuple[str, dict[str, Any]]:
    """
    Return the SQL for the rows behind one with *values*, and what it binds as `${key_<n>}$`.

    *terms* are, in order, a column's SQL, its term and whether it may be NULL, which comes before
    every value.
    """
    bound = {f"key_{at}": value for at, value in enumerate(values) if value is not None}
    sql = ""
    for at in range(len(terms) - 1, -1, -1):
        expression, term, nullable = terms[at]
        place = None if values[at] is None else f"${{key_{at}}}$"
        further = _further(expression, place, nullable=nullable, is_descending=term.is_descending)
        same = f"{expression} is null" if place is None else f"{expression} = {place}"
        rest = f"({same} and {sql})" if sql else ""
        # Nothing is behind a NULL, which comes last, and no column is left to tell rows apart.
        parts = [part for part in (further, rest) if part] or ["1 = 0"]
        sql = f"({' or '.join(parts)})"
    return sql, bound


def reverse(terms: Terms) -> Terms:
    """Return the opposite order."""
    return tuple(Term(term.name, not term.is_descending) for term in terms)


def _further(expression: str, place: str | None, *, nullable: bool, is_descending: bool) -> str:
    if place is None:
        return "" if is_descending else f"{expression} is not null"
    if not is_descending:
        return f"{expression} > {place}"
    return f"{expression} < {place}" + (f" or {expression} is null" if nullable else "")


_PLAIN: Mapping[type, Callable[[Any], str]] = {Decimal: str, datetime: iso, date: str}


def _plain(value: Any) -> Any:
    return _PLAIN[type(value)](value) if type(value) in _PLAIN else value
