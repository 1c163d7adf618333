"""
Texts in the cells of files, on their way out and back in: nothing runs, nothing is lost.

CSV has no types: a spreadsheet runs what begins like a formula, and where a cell begins depends on
the separator it was told. So a quote goes before each place that may begin one, and comes off
again when the file is read. XML cannot hold every character: OOXML spells the others `_x0001_`.
"""

import re
from decimal import Decimal
from typing import Any

# What makes a formula of a cell, whatever file it came in (OWASP, CSV injection); leading blanks
# and quotes are taken off by some programs.
_SIGN = r"[\s\"']*[=+\-@＝＋－＠]"
_START = rf"{_SIGN}|[\s\"']*[\t\r]"
FORMULA = re.compile(rf"^(?:{_START})")
# A cell of the text begins at its start, and where the file is read with another separator.
_SEPARATED = r"(?<=[,;\t\r\n])"
_RUNS = re.compile(rf"^(?={_START})|{_SEPARATED}(?={_SIGN})")
_MARKED = re.compile(rf"^'(?={_START})|{_SEPARATED}'(?={_SIGN})")

_UNSAYABLE = "\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff"
_CONTROL = re.compile(f"[{_UNSAYABLE}]")
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
# Also where the escape of what follows would complete it.
_ESCAPE_LIKE = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}[_{_UNSAYABLE}])")
_HALF = re.compile("[\ud800-\udfff]")


def plain(value: Any) -> str:
    """Return *value* as text, exact numbers without an exponent."""
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def escape_formula(value: Any) -> str:
    """Return *value* as a CSV cell: in texts, a quote stands before all that a spreadsheet would
    run, whichever of `,` `;` tab and line break it takes for the end of a cell."""
    text = plain(value)
    return _RUNS.sub("'", text) if isinstance(value, str) else text


def unguard(text: str) -> str:
    """Return the text that `escape_formula` made *text* of."""
    return _MARKED.sub("", text)


def escape_controls(text: str) -> str:
    """Return *text* as OOXML writes it: what no XML can hold as `_x0001_`, what looks so as
    `_x005F_x0001_`."""
    guarded = _ESCAPE_LIKE.sub("_x005F_", text)
    return _CONTROL.sub(lambda match: f"_x{ord(match[0]):04X}_", guarded)


def unescape_controls(text: str) -> str:
    """Return the text that OOXML writes as *text*; an escape for half a character stays as it
    is."""
    if "_x" not in text:
        return text
    whole = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if not _HALF.search(whole):
        return whole
    whole_text = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _HALF.sub(lambda match: f"_x{ord(match[0]):04X}_", whole_text)


# How many UTF-16 units a cell of Excel holds.
MAX_CELL_UNITS = 32_767
_CUT = re.compile(r" ✂ [0-9]+/[0-9]+$")


def units(text: str) -> int:
    """Return the length of *text* as Excel counts it: characters beyond U+FFFF are two."""
    return len(text) + sum(character > "\uffff" for character in text)


def fit(text: str) -> tuple[str, int]:
    """
    Return *text* as a cell of Excel can hold it, and 0; or where it is longer, its beginning, which
    says so at its end (` ✂ 32767/40000`), and how many units the whole has.
    """
    if 2 * len(text) <= MAX_CELL_UNITS:  # as nearly all; no need to count
        return text, 0
    size = units(text)
    if size <= MAX_CELL_UNITS:
        return text, 0
    mark = f" ✂ {MAX_CELL_UNITS}/{size}"
    room = MAX_CELL_UNITS - len(mark)
    raw = text.encode("utf-16-le", "surrogatepass")[: 2 * room]
    return raw.decode("utf-16-le", "ignore") + mark, size


def is_cut(text: str) -> bool:
    """Return whether *text* is the beginning of a longer one, as `fit` made it."""
    return units(text) >= MAX_CELL_UNITS - 1 and _CUT.search(text) is not None
