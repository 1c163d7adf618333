"""Values that programs, people and attackers send, and what a column is to keep of them."""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from app.base.addresses import read_network
from app.schema.tables import WHOLE_RANGES, Column

Pairs = list[tuple[str, Any]]

_NOT_IN_A_LINE: Any = ("Cc", "Cs", "Zl", "Zp")
_HALF: Any = ("Cs",)
_PLAIN = st.characters(exclude_categories=_NOT_IN_A_LINE)
_PLAIN_TEXT = st.text(_PLAIN, max_size=8)


class Long(str):
    """A text that is not written out where a failure is shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{self[0]!r} * {len(self)}"


# Everything but halves of surrogate pairs, and now and then those too (as \ud800 in JSON).
_ANY_TEXT = st.text(st.characters(exclude_categories=_HALF), max_size=30)
_HALVES = st.text(st.characters(min_codepoint=0xD7FF, max_codepoint=0xE000), max_size=4)
_ODD_TEXTS = st.sampled_from(
    ["", " ", "null", "NaN", "None", "true", "0", "-0", "\0", "a\0b", "\n", "a\r\nb", "\x1b[2J",
     "\u202etxt.exe", "\u200b", "\u0085", "\u2028", "e\u0301", "\ufeffx", "😀" * 20, "𐍈", "İı",
     "ﷺ", "' or 1=1 -- ", '"', "\\", "%", "_%", "${1}$", "$[1]$", "{{7*7}}", "<script>", "../../x",
     "１２", "١٢", " 12 ", "1_000", "0x10", "1e3", "1e400", "-1", "Infinity", "-inf", "1,5",
     "2026-02-30", "0000-00-00", "9999-12-31T23:59:59.999999+14:00", "1000-01-01",
     "2026-11-24T06:00:00+08:00", "2026-11-24 06:00", "0", "10.0.0.0/8, ::/0", "{}", "[]",
     "{\"a\":"]
)  # fmt: skip
_LONG_TEXTS = st.sampled_from(
    [(33, "x"), (65, "0"), (129, "字"), (256, "a"), (501, "é"), (4001, " "), (65_536, "字"),
     (65_537, "z"), (300_000, "😀"), (1_000_000, "9")]
).map(lambda spec: Long(spec[1] * spec[0]))  # fmt: skip
TEXTS = st.one_of(_ANY_TEXT, _ANY_TEXT, _ODD_TEXTS, _ODD_TEXTS, _HALVES, _LONG_TEXTS)
NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.sampled_from(
        [2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63) - 1, 10**400, -(10**400)]
    ),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-5, max_value=10**6).map(
        float
    ),
)
_SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
VALUES = st.one_of(
    _SCALARS,
    _SCALARS,
    st.recursive(
        _SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.integers(1, 3).map(lambda n: json.loads('{"a":' * (300 * n) + "1" + "}" * (300 * n))),
)
# Amounts, times and the like that may well be right: else only refusals would be seen.
LIKELY = st.one_of(
    st.sampled_from(["1", "0", "12.5", "0.000001", "999999999999.999999", "2026-11-24T06:00:00Z",
                     "2027-01-01", "unit", "package", "discount", "active", "suspended", "day",
                     "month", "USD", "call", "image", "1.25", "10.0.0.1", "a@b", "+86 (10) 1",
                     "true", "false", "draft", "model", "http", "{}"]),
    st.integers(0, 100),
    st.booleans(),
    st.decimals(0, 10, places=4).map(str),
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.isoformat() + "Z"),
    st.text(st.characters(categories=("Lu", "Ll", "Lo", "So", "Nd")), min_size=1, max_size=20),
)  # fmt: skip


def fitting(column: Column) -> st.SearchStrategy[Any]:
    """Values that the column is to take, up to its very limits."""
    if column.choices:
        return st.sampled_from([*column.choices])
    if column.kind in ("str", "text"):
        return _fitting_text(column)
    if column.kind in ("int", "bigint"):
        low, high = WHOLE_RANGES[column.kind]
        low = low if column.minimum is None else max(low, int(column.minimum))
        high = high if column.maximum is None else min(high, int(column.maximum))
        return (st.integers(low, high) | st.sampled_from([low, high])).flatmap(
            lambda n: st.sampled_from([n, str(n), f" {n}", f"+{n}" if n > 0 else n])
        )
    if column.kind == "decimal":
        assert column.precision is not None
        assert column.scale is not None
        top = Decimal(10) ** (column.precision - column.scale) - Decimal(1).scaleb(-column.scale)
        return st.decimals(0, top, places=column.scale).map(str) | st.just(str(top))
    if column.kind == "datetime":
        zones = st.sampled_from(["", "Z", "+08:00", "-11:30"])
        moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30))
        return st.tuples(moments, zones).map(lambda pair: pair[0].isoformat() + pair[1])
    if column.kind == "bool":
        return st.sampled_from([True, False, 1, 0, "1", "0", "true", "FALSE"])
    inner = st.dictionaries(_PLAIN_TEXT, _PLAIN_TEXT | st.integers(), max_size=3)
    return inner | inner.map(json.dumps)


def _fitting_text(column: Column) -> st.SearchStrategy[Any]:
    if column.format == "cidr_list":
        networks = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.0/8", "2001:db8::/32"])
        return st.lists(networks, max_size=4).map(", ".join)
    length = column.length or 3000
    if column.pattern is not None:
        texts = st.from_regex(column.pattern, fullmatch=True)
        return texts.filter(lambda text: len(text) <= length and _is_plain(text))
    edge = st.sampled_from(["字", "😀", "a", "\u202e", "é"]).map(
        lambda letter: Long(letter * length)
    )
    return st.text(_PLAIN, min_size=1, max_size=min(length, 40)) | edge


def _is_plain(text: str) -> bool:
    return not any(unicodedata.category(letter) in _NOT_IN_A_LINE for letter in text)


def as_json(pairs: Pairs) -> bytes:
    """An object with these members, in this order; a name may come twice."""
    members = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs)
    return ("{" + ", ".join(members) + "}").encode()


def as_form(pairs: Pairs) -> tuple[bytes, Pairs]:
    """The same as a form, and what a form can say of it: texts, a list as the name repeated."""
    result: Pairs = []
    for name, value in pairs:
        items = value if isinstance(value, list) else [value]
        result += [(_form_text(name), _form_text(item)) for item in items]
    return urlencode(result).encode(), result


def _form_text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return "" if value is None else json.dumps(value)


def effective(pairs: Pairs, *, form: bool) -> dict[str, Any]:
    """What a server is to understand: the last of repeated members, all of a form's fields."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if form and name in values:
            before = values[name]
            values[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            values[name] = value
    return values


class Unclear(Exception):
    """What was sent has no meaning for the column: it should have been refused."""


def is_nothing(column: Column, value: Any) -> bool:
    """Whether *value* is a way to say that the column shall be empty or keep its default."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    if column.kind in ("str", "text"):
        is_choice = column.references is not None or bool(column.choices)
        return (
            value == ""
            or (value == "null" and is_choice)
            or (column.required and not value.strip())
        )
    return value.strip() in ("", "null")


def meaning(column: Column, value: Any) -> Any:
    """What the column is to hold after *value* was taken, as the driver reads it."""
    return _MEANINGS[column.kind](column, value)


def _text(column: Column, value: Any) -> Any:
    if column.format == "cidr_list":
        parts = value if isinstance(value, list) else value.replace(",", " ").split()
        names = filter(None, map(str.strip, parts))
        networks = (str(read_network(part)) for part in names)
        return ",".join(dict.fromkeys(networks))
    if not isinstance(value, str):
        raise Unclear
    return value


def _number(column: Column, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise Unclear
    return Decimal(str(value).strip())


def _moment(column: Column, value: Any) -> Any:
    if not isinstance(value, str):
        raise Unclear
    moment = datetime.fromisoformat(value.strip())
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return moment.replace(tzinfo=None) - timedelta(microseconds=moment.microsecond % 1000)


def _boolean(column: Column, value: Any) -> Any:
    return {True: 1, False: 0, "1": 1, "0": 0, "true": 1, "false": 0}[
        value.strip().lower() if isinstance(value, str) else value
    ]


def _json(column: Column, value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_MEANINGS = {
    "str": _text, "text": _text, "int": _number, "bigint": _number, "decimal": _number,
    "datetime": _moment, "bool": _boolean, "json": _json,
}  # fmt: skip


def stored_value(column: Column, row: Mapping[str, Any]) -> Any:
    """What the row holds, in the same words as `meaning`."""
    value = row[column.name]
    if column.format == "cidr_list":
        return value or ""
    if column.kind == "json" and isinstance(value, str):
        return json.loads(value)
    if column.kind in ("int", "bigint", "decimal") and value is not None:
        return Decimal(value)
    return value
