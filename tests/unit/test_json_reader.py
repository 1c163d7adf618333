"""The one reader of JSON that comes in: what it refuses, and where it says that is."""

import gzip
import json
import re
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.base import json_codec as jsontext
from app.base.json_codec import (
    JsonError,
    canonical_json,
    json_bytes,
    parse_json,
    to_json,
)
from app.base.json_numbers import MAX_NUMBER_CHARACTERS, kept_json
from app.schema.coercion import coerce, to_decimal
from app.schema.field_rules import CoercionError, FieldRule
from app.web.body import unpack

DUPLICATE = "The name {name} stands twice in one object: line {line}, column {column}."
BOUNDS = "The number {number} is too large or too small: line {line}, column {column}."
LONG = "A number has more than {most} characters: line {line}, column {column}."
CONSTANT = "{name} is not allowed in JSON: line {line}, column {column}."
HALF = "A \\u escape names half of a character only: line {line}, column {column}."
DEEP = "There are more than {depth} levels of nesting: line {line}, column {column}."
MARK = "The text begins with a byte order mark, which JSON has not: line {line}, column {column}."
GRAMMAR = "This is not valid JSON: line {line}, column {column}."
HUGE = [
    f"{sign}{digits}{exponent}"
    for sign in ("", "-")
    for digits in ("0", "1", "0.0", "1.5")
    for exponent in ("e-100000000", "e50000000", "E+402", "e-403", "e9999999999999999999999999")
]


@pytest.mark.parametrize(
    ("text", "template", "line", "column"),
    [
        ('{"a":1,"a":2}', DUPLICATE, 1, 8),
        ('{"a": {"b": 1},\n "c": [{"b": 1, "x": "b", "\\u0062": 2}]}', DUPLICATE, 2, 27),
        ('{"a":1,"a":2', DUPLICATE, 1, 8),
        ('{"":1,"":2}', DUPLICATE, 1, 7),
        ('{"a":\n NaN}', CONSTANT, 2, 2),
        ('{"a":[1, -Infinity]}', CONSTANT, 1, 10),
        ('{"a": "NaN", "b": Infinity}', CONSTANT, 1, 19),
        ('{"n": "1e500",\n"m": 1e500}', BOUNDS, 2, 6),
        ('{"n": 1' + "0" * MAX_NUMBER_CHARACTERS + "}", LONG, 1, 7),
        ('{"n": 0.' + "0" * MAX_NUMBER_CHARACTERS + "}", LONG, 1, 7),
        ('{"a":\n"\\ud800"}', HALF, 2, 1),
        ('{"\\udfff": 1}', HALF, 1, 2),
        ('["\\ud83d\\ude00", "\\ud83d\\ud83d"]', HALF, 1, 18),
        ("[" * 200, DEEP, 1, 101),
        ('{"a":' * 100_000, DEEP, 1, 501),
        ("[" * 101 + "]" * 101, DEEP, 1, 101),
        ("\ufeff{}", MARK, 1, 1),
        ("{bad", GRAMMAR, 1, 2),
        ("{} {}", GRAMMAR, 1, 4),
        ('{"a": "x\ny"}', GRAMMAR, 1, 9),
        ("", GRAMMAR, 1, 1),
        ('{"a": 01}', GRAMMAR, 1, 8),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_with_its_place(text: str, template: str, line: int, column: int):
    for source in (text, text.encode()):
        with pytest.raises(JsonError) as error:
            parse_json(source)

        assert error.value.message.template == template
        assert (error.value.message.params["line"], error.value.message.params["column"]) == (
            line,
            column,
        )


def test_what_stands_behind_the_fault_is_not_looked_at(monkeypatch: pytest.MonkeyPatch):
    """A megabyte of marks would take seconds, and says nothing."""
    looked: list[int] = []
    pattern = jsontext._TOKEN

    class Counting:
        @staticmethod
        def match(text: str, position: int) -> re.Match[str] | None:
            looked.append(position)
            return pattern.match(text, position)

    monkeypatch.setattr(jsontext, "_TOKEN", Counting)
    for text in ('{"a":[' + ":" * 1000, "{} " + "[]," * 1000, '{"a" 1' + ',"b":1' * 1000):
        looked.clear()
        with pytest.raises(JsonError, match="not valid JSON"):
            parse_json(text)
        assert 0 < len(looked) < 9


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        (b"\xff\xfe", 1, 1),
        ("{\n\"名\": \"é".encode() + b"\xed\xa0\x80", 2, 8),
        (b'{"a": "' + "é".encode("latin-1") + b'"}', 1, 8),
    ],
)  # fmt: skip
def test_what_is_not_utf_8_is_told_with_its_place(raw: bytes, line: int, column: int):
    with pytest.raises(JsonError) as error:
        parse_json(raw)

    assert error.value.message.template == "This is not UTF-8: line {line}, column {column}."
    assert (error.value.message.params["line"], error.value.message.params["column"]) == (
        line,
        column,
    )


@pytest.mark.parametrize("number", HUGE)
def test_a_number_far_from_every_column_is_refused_wherever_it_is_read(number: str):
    for text in (number, f'{{"a": [{number}]}}', f'{{"a": {{"b": {number}, "c": 1}}}}'):
        with pytest.raises(JsonError, match="too large or too small"):
            parse_json(text)
    for rule in (FieldRule(kind="decimal", scale=6), FieldRule(kind="int"), FieldRule(kind="bool")):
        with pytest.raises(CoercionError):
            coerce(rule, number)
    with pytest.raises(CoercionError):
        coerce(FieldRule(kind="json"), f'{{"a": {number}}}')
    with pytest.raises(CoercionError):
        to_decimal(number)


@pytest.mark.parametrize("number", ["0e-400", "-0e400", "1e400", "-1e-400", "1E+400"])
def test_a_number_at_the_bound_is_read_and_never_written_out(number: str):
    value = parse_json(number)

    assert value == Decimal(number)
    for text in (to_json(value), json_bytes(value).decode(), canonical_json(value)):
        assert len(text) < 12
    with pytest.raises(CoercionError):
        to_decimal(Decimal("1e400"))


def test_amounts_are_written_in_full():
    for text in ("0.0000000001", "123456789012345678.1234567890", "0E-10", "1E+20", "-1E-20"):
        assert json.loads(to_json(Decimal(text))) == format(Decimal(text), "f")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_ordinary_json_is_read_as_it_was_written(value: Any, ascii_only: bool, indent: int | None):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert parse_json(text.encode(), keep_numbers=True) == kept_json(text)
    assert parse_json(text) == json.loads(text, parse_float=Decimal)


def _packed(coding: str, data: bytes) -> bytes:
    if coding == "raw":
        return zlib.compress(data, wbits=-15)
    return gzip.compress(data) if coding == "gzip" else zlib.compress(data)


@pytest.mark.parametrize(("coding", "kind"), [
    ("gzip", "gzip"), ("x-gzip", "gzip"), ("deflate", "zlib"), ("deflate", "raw"),
])  # fmt: skip
def test_a_packed_body_is_unpacked_whole_or_not_at_all(coding: str, kind: str):
    data = b'{"a": "' + b"x" * 5000 + b'"}'
    packed = _packed(kind, data)

    assert unpack(packed, coding, len(data)) == data
    assert unpack(packed, coding, len(data) - 1) is None
    assert unpack(_packed(kind, b""), coding, 10) == b""
    for broken in (packed[:-1], packed[:9], packed + b"x", b"", b"abc", b"x" + packed):
        with pytest.raises(zlib.error):
            unpack(broken, coding, 100_000)
    if kind == "gzip":
        assert unpack(packed + packed, coding, 2 * len(data)) == data + data
        assert unpack(packed + packed, coding, 2 * len(data) - 1) is None
        with pytest.raises(zlib.error):
            unpack(_packed(kind, b"") * 20_000, coding, 10)
