"""Texts in cells: what goes out runs nowhere, and comes back as it was."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from app.records.cell_texts import (
    MAX_CELL_UNITS,
    escape_controls,
    escape_formula,
    fit,
    is_cut,
    unescape_controls,
    unguard,
    units,
)

ROOT = Path(__file__).resolve().parents[2]
PIECES = st.sampled_from(
    ["=", "+", "-", "@", "＝", "'", '"', " ", ";", ",", "\t", "\n", "\r", "a", "1", "|", "\u3000"]
)
SIGNS = ("=", "+", "-", "@", "＝")
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@given(TEXTS)
def test_what_is_guarded_comes_back(text: str) -> None:
    assert unguard(escape_formula(text)) == text


@given(TEXTS, st.sampled_from(",;\t"))
def test_no_separator_makes_a_formula_of_a_guarded_text(text: str, separator: str) -> None:
    """As a program reads the file that looks for quotes, and as one that does not."""
    out = io.StringIO()
    csv.writer(out).writerow(["x", escape_formula(text), escape_formula(f"{text};=1")])
    content = out.getvalue()

    rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
    cells = [cell for row in rows for cell in row] + re.split(f"[{separator}\r\n]", content)
    assert [cell for cell in cells if cell.strip().strip('"').strip()[:1] in SIGNS] == []


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("first\n=2+2", "first\n'=2+2"),
        ("a\t@SUM(1)", "a\t'@SUM(1)"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("a - b; c = d", "a - b; c = d"),
        ("for (;;) {\r\n\treturn;\r\n}", "for (;;) {\r\n\treturn;\r\n}"),
    ],
)
def test_a_quote_stands_where_a_cell_could_begin(text: str, guarded: str) -> None:
    assert escape_formula(text) == guarded


def test_numbers_are_no_texts() -> None:
    assert (escape_formula(-5), escape_formula(Decimal("-1E-7")), escape_formula(None)) == (
        "-5",
        "-0.0000001",
        "",
    )


ESCAPES = st.sampled_from(
    ["_", "x", "0", "4", "1", "F", "_x0041_", "\x01", "\r", "\ufffe", "é", "😀"]
)


@given(st.lists(ESCAPES, max_size=12).map("".join))
def test_what_no_xml_can_hold_comes_back(text: str) -> None:
    escape = escape_controls(text)

    assert unescape_controls(escape) == text
    assert re.search("[\x00-\x08\x0b-\x1f\ufffe\uffff]", escape) is None


def test_a_long_text_says_that_it_is_cut() -> None:
    whole = "😀" * (MAX_CELL_UNITS // 2)
    assert fit(whole) == (whole, 0)
    assert not is_cut(whole)
    for text in ("x" * (MAX_CELL_UNITS + 1), "😀" * MAX_CELL_UNITS, "a" + "😀" * MAX_CELL_UNITS):
        short, size = fit(text)
        assert size == units(text)
        assert MAX_CELL_UNITS - 1 <= units(short) <= MAX_CELL_UNITS
        assert short.endswith(f" ✂ {MAX_CELL_UNITS}/{size}")
        assert text.startswith(short.split(" ✂")[0])
        assert is_cut(short)


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_the_document_tells_how_to_take_the_quotes_away(language: str) -> None:
    document = (ROOT / f"docs/api{language}.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(import re\n\nsign.*?)```", document, re.DOTALL)
    for text in ("x;=1+1;'y", "'=1", "\tx", "first\n  -2+2,@x", "plain, text", "＝1;\r\n"):
        names = {"cell": escape_formula(text)}
        exec(code, names)  # noqa: S102  what a reader of the document would do
        assert names["text"] == text
