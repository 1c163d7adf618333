"""
CSV as it really comes: from Excel in China and elsewhere, from other programs, from hand.

A text is read in one encoding, strictly, or not at all: no character is ever replaced.
"""

import csv
import io
import re
from collections.abc import Iterator

from app.base.catalogue.fields import ERROR_CELL
from app.base.catalogue.records import (
    BAD_FILE,
    FILE_BAD_CHARACTER,
    FILE_BAD_QUOTE,
    FILE_CELL_TOO_LONG,
    FILE_OPEN_QUOTE,
)
from app.base.errors import AppError
from app.records.sheet_rows import CellProblem, FileRows

_SEPARATORS = (",", ";", "\t")
_HEAD_CHARACTERS = 65_536
# Longer marks first: that of UTF-32 begins with one of UTF-16.
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_OWN = "gb18030"  # what Chinese Windows writes; holds GBK and GB2312
# What else a file without a mark may be in, to be told from it.
_OTHERS = ("big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251")
_SEP_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?(?:\r\n|\r|\n)", re.IGNORECASE)
# What Excel writes where a formula failed or a column was too narrow for a number or a date.
_ERROR = re.compile(
    r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!"
    r"|EXTERNAL!|PYTHON!|UNKNOWN!|GETTING_DATA|##+)"
)


def read_csv(data: bytes) -> FileRows:
    """
    Read the rows of a CSV file: separated by what its first row is, or by what `sep=` says.

    Takes time: call it in a thread. Raises BadRequest `bad_file`, naming the row, for what is not
    in one of the encodings UTF-8, UTF-16 and UTF-32 with mark, GB18030, and for open quotes.
    """
    text = _decode(data)
    match = _SEP_LINE.match(text)
    if match:
        text = text[match.end() :]
    separator = match[1] if match else _separator(text)
    rows = FileRows(guarded=True)
    for number, record in _records(text, separator):
        rows.add(number, [_cell(text) for text in record])
    return rows


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for number, record in enumerate(lines, 1):
            yield number, record
    except csv.Error as exc:
        raise _bad_row(number + 1, str(exc)) from None


def _bad_row(number: int, reason: str) -> AppError:
    if "field limit" in reason:
        return FILE_CELL_TOO_LONG(row=number, most=csv.field_size_limit())
    if "end of data" in reason:
        return FILE_OPEN_QUOTE(row=number)
    return FILE_BAD_QUOTE(row=number)


def _cell(text: str) -> str | CellProblem:
    return error_cell(text) if is_error(text) else text


def is_error(text: str) -> bool:
    """Return whether a spreadsheet shows *text* where it has no value."""
    return text.startswith("#") and _ERROR.fullmatch(text) is not None


def error_cell(text: str) -> CellProblem:
    """Return a cell in which a spreadsheet shows an error instead of a value."""
    return CellProblem.of(text, ERROR_CELL, value=text[:20])


def _separator(text: str) -> str:
    """Return the separator that cuts the first row into most cells; quotes count."""
    head = text[:_HEAD_CHARACTERS].lstrip("\r\n")

    def cells(separator: str) -> int:
        return len(next(csv.reader(io.StringIO(head, newline=""), delimiter=separator), []))

    return max(_SEPARATORS, key=cells)


def _decode(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    if b"\0" in data:
        raise BAD_FILE()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        if (text := _in_own(data)) is not None:
            return text
        raise _bad_character(data[: exc.start].decode("utf-8"), "UTF-8") from None


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise _bad_character(data[: exc.start].decode(encoding), encoding.upper()) from None


def _in_own(data: bytes) -> str | None:
    """Return *data* read as Chinese Windows writes it; None where it is rather in another encoding.

    Most bytes mean something in GB18030, also those of a text in Latin letters or in UTF-8 with
    one bad byte: so it must read as well as any other."""
    from charset_normalizer import from_bytes

    try:
        text = data.decode(_OWN)
    except UnicodeDecodeError:
        return None
    disorder = {guess.encoding: guess.chaos for guess in from_bytes(data, cp_isolation=_all())}
    if _OWN not in disorder or disorder[_OWN] > min(disorder.values()):
        return None
    return text


def _all() -> list[str]:
    return [_OWN, *_OTHERS]


def _bad_character(before: str, encoding: str) -> AppError:
    """Return the refusal of a text that is readable as far as *before*."""
    lines = csv.reader(io.StringIO(f"{before}x", newline=""), delimiter=_separator(before))
    try:
        row = sum(1 for _ in lines)
    except csv.Error:
        row = before.count("\n") + 1
    return FILE_BAD_CHARACTER(row=row, encoding=encoding)
