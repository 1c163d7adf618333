"""
Excel files, read by openpyxl as far as it goes: what a person sees in the first sheet.

Its parts are put together anew, since `load_workbook`, streaming or not, leaves out what decides
here: formulas without a result, escapes of shared texts, merged cells (streaming), the dates of
East Asia. It makes cells of every gap, however wide, and refuses a sheet for a filter or a style it
does not know, which nobody wants to import.
"""

import bisect
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.utils import range_boundaries
from openpyxl.utils.datetime import from_excel
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import fromstring, iterparse

from app.base.catalogue.fields import (
    CELL_NO_DATE,
    CUT_TEXT,
    FORMULA_WITHOUT_RESULT,
    MERGED_COLUMNS,
    MERGED_HEADING,
    NOT_A_NUMBER,
)
from app.base.catalogue.records import (
    FILE_DAMAGED,
    FILE_STRICT_EXCEL,
    FILE_WITH_PASSWORD,
    FILE_WITHOUT_SHEET,
)
from app.base.errors import AppError
from app.records.cell_texts import MAX_CELL_UNITS, is_cut, unescape_controls
from app.records.csv_files import error_cell
from app.records.sheet_rows import (
    MAX_CELLS,
    MAX_COLUMNS,
    Cell,
    CellProblem,
    FileRow,
    FileRows,
    is_blank,
    too_large,
)

log = logging.getLogger("pipeline.files")

MAX_UNPACKED_BYTES = 64 * 1_048_576
MAX_PARTS = 2_000
# Each begins with `<`; openpyxl makes an object of it.
MAX_ELEMENTS = 4_000_000
MAX_STYLE_ELEMENTS = 200_000
MAX_SHEET_ROW = 1_048_576
_PIECE = 1_048_576
_MAX_NUMBER_CHARACTERS = 400
# Excel calculates with so many digits; what stands behind them is noise of its floats.
EXCEL_DIGITS = 15
# Dates whose look the language of the computer decides: no code for them stands in the file.
_LOCAL_DATES = frozenset((*range(27, 37), *range(50, 59)))
# What a format says as it is: in quotes, after a backslash, in brackets.
_SAID = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_STRICT = b"http://purl.oclc.org/ooxml/"


def _tag(name: str) -> str:
    return f"{{{SHEET_MAIN_NS}}}{name}"


_ITEM, _TEXT, _RUN, _INLINE = _tag("si"), _tag("t"), _tag("r"), _tag("is")
_ROW, _CELL, _VALUE, _FORMULA, _MERGES = map(_tag, ("row", "c", "v", "f", "mergeCells"))
_STYLES = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"


def read_xlsx(data: bytes) -> FileRows:
    """
    Read the rows of the first sheet that is not hidden.

    Takes time: call it in a thread. Raises BadRequest `bad_file` and `file_too_large`.
    """
    try:
        return _read_workbook(data)
    except AppError:
        raise
    except Exception as exc:  # noqa: BLE001  what a file may make the libraries raise is endless
        log.info("an Excel file cannot be read: %s: %s", type(exc).__name__, exc)
        raise FILE_DAMAGED() from None


def _read_workbook(data: bytes) -> FileRows:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        _check_parts(archive)
    book = _Book(BytesIO(data))
    with book.archive:
        return book.first_sheet()


def _check_parts(archive: zipfile.ZipFile) -> None:
    """Refuse too much; what a zip says of its parts is true: zipfile reads no byte more of them."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise too_large("The file has more than {most} parts.", most=MAX_PARTS)
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise too_large(
            "The file is larger than {most} MB when it is unpacked.",
            most=MAX_UNPACKED_BYTES // 1_048_576,
        )
    if any(part.flag_bits & 1 for part in parts):
        raise FILE_WITH_PASSWORD()
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            _check_elements(archive, part)


def _check_elements(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    is_large = part.filename.startswith("xl/worksheets/") or "haredStrings" in part.filename
    most = MAX_ELEMENTS if is_large else MAX_STYLE_ELEMENTS
    count = 0
    with archive.open(part) as source:
        while piece := source.read(_PIECE):
            if not count and _STRICT in piece[:8192] and part.filename == "xl/workbook.xml":
                raise FILE_STRICT_EXCEL()
            count += piece.count(b"<")
            if count > most:
                raise too_large("A part of the file has more than {most} elements.", most=most)


class _Book(ExcelReader):
    """A workbook of which only the texts, the looks of dates and one sheet are read."""

    def __init__(self, source: BytesIO) -> None:
        super().__init__(source, read_only=True, data_only=True, keep_links=False)
        self.rows = FileRows(guarded=False)

    def read_strings(self) -> None:
        """Read the texts that cells share, without their phonetic guides."""
        part = self.package.find(SHARED_STRINGS)
        if part is None:
            return
        with self.archive.open(part.PartName[1:]) as source:
            for _, node in iterparse(source):
                if node.tag == _ITEM:
                    self.shared_strings.append(_text_in(node))
                    node.clear()
                    self.rows.check_time()

    def first_sheet(self) -> FileRows:
        """Return the rows of the first sheet that can be seen."""
        self.read_manifest()
        self.read_strings()
        self.read_workbook()
        for sheet, relation in self.parser.find_sheets():
            if sheet.state == "visible" and "worksheet" in relation.Type:
                with self.archive.open(relation.target) as source:
                    return self._sheet(source)
        raise FILE_WITHOUT_SHEET()

    def _sheet(self, source: Any) -> FileRows:
        parser = _Sheet(source, self.shared_strings, self.wb.epoch, self._looks())
        last = 0
        for number, cells in parser.rows():
            if not last < number <= MAX_SHEET_ROW:
                raise ValueError(f"row {number} comes after row {last}")
            self.rows.add(number, cells)
            last = number
        _fill_merges(self.rows, parser.merges)
        return self.rows

    def _looks(self) -> "_Looks":
        """Return what the styles make of numbers."""
        looks = _Looks()
        part = self.package.find(_STYLES)
        if part is None:
            return looks
        root = fromstring(self.archive.read(part.PartName[1:]))
        codes = {
            int(one.get("numFmtId", 0)): one.get("formatCode") for one in root.iter(_tag("numFmt"))
        }
        styles = root.find(_tag("cellXfs"))
        for number, style in enumerate(styles if styles is not None else ()):
            kind = int(style.get("numFmtId", 0))
            code = codes.get(kind) or builtin_format_code(kind)
            if is_timedelta_format(code):
                looks.spans.add(number)
            elif is_date_format(code) or (kind in _LOCAL_DATES and kind not in codes):
                looks.dates.add(number)
            elif code and "%" in _SAID.sub("", code):
                looks.percents.add(number)
            elif code and re.fullmatch("00+", code):
                looks.widths[number] = len(code)
        return looks


@dataclass(slots=True)
class _Looks:
    """The numbers of the styles that show a number as a day or a time, as a span, as hundredths,
    and with zeros before it (how many digits there are at least)."""

    dates: set[int] = field(default_factory=set)
    spans: set[int] = field(default_factory=set)
    percents: set[int] = field(default_factory=set)
    widths: dict[int, int] = field(default_factory=dict)


class _Sheet:
    """A sheet as rows of cells; `merges` are known when all rows have been read."""

    def __init__(self, source: Any, texts: list[str], epoch: datetime, looks: _Looks) -> None:
        self._source = source
        self._texts = texts
        self._epoch = epoch
        self._looks = looks
        self._row = self._column = 0
        self.merges: list[str] = []

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows with their numbers; nothing else of the sheet is looked at but merged
        cells."""
        for _, element in iterparse(self._source):
            if element.tag == _ROW:
                yield self._cells(element)
                element.clear()
            elif element.tag == _MERGES:
                self.merges = [one.get("ref", "") for one in element]
                element.clear()

    def _cells(self, row: Element) -> tuple[int, list[Cell]]:
        """Return the number of *row* and its cells from the first column on."""
        number = row.get("r")
        self._row = int(number) if number else self._row + 1
        self._column = 0
        cells: list[Cell] = []
        last = 0
        for element in row.iter(_CELL):
            column, cell = self._cell(element)
            if column <= last:
                raise ValueError(f"column {column} comes after column {last}")
            last = column
            if is_blank(cell):
                continue
            if column > MAX_COLUMNS:
                raise too_large(
                    "Row {row} has more than {most} columns.",
                    row=self._row,
                    most=MAX_COLUMNS,
                )
            cells.extend([None] * (column - len(cells)))
            cells[column - 1] = cell
        return self._row, cells

    def _cell(self, element: Element) -> tuple[int, Cell]:
        """Return the column of a cell, counted from 1, and what it shows."""
        place = element.get("r")
        self._column = _column(place) if place else self._column + 1
        kind = element.get("t", "n")
        if kind == "inlineStr":
            inline = element.find(_INLINE)
            return self._column, None if inline is None else _whole_text(_text_in(inline))
        value = element.findtext(_VALUE)
        if value is None or (value == "" and kind != "str"):
            has_formula = element.find(_FORMULA) is not None
            problem = CellProblem.of("", FORMULA_WITHOUT_RESULT)
            return self._column, problem if has_formula else None
        return self._column, self._value(kind, value, int(element.get("s", 0)))

    def _value(self, kind: str, value: str, style: int) -> Cell:
        match kind:
            case "s":
                return _whole_text(self._texts[int(value)])
            case "str":
                return _whole_text(unescape_controls(value))
            case "b":
                return value.strip() in ("1", "true")
            case "e":
                return error_cell(value)
            case "d":
                return _moment(datetime.fromisoformat(value.removesuffix("Z")))
        if len(value) > _MAX_NUMBER_CHARACTERS:
            return CellProblem.of(value[:20], NOT_A_NUMBER)
        looks = self._looks
        if style in looks.dates or style in looks.spans:
            return self._date(value, style in looks.spans)
        if style in looks.percents:  # as it is seen in a text; a number is 0.85 of it again
            return f"{format((Decimal(number_text(value)) * 100).normalize(), 'f')}%"
        return number_text(value).zfill(looks.widths.get(style, 0))

    def _date(self, value: str, is_span: bool) -> Cell:
        try:
            days = float(value)
            if days < 0:  # Excel shows no date there either
                raise ValueError(value)
            moment = from_excel(days, self._epoch, timedelta=is_span)
        except (OverflowError, ValueError):
            return CellProblem.of(value[:20], CELL_NO_DATE, value=value[:20])
        return _moment(moment)


def _column(place: str) -> int:
    """Return the number of a column: `BC7` is in column 55."""
    match = re.match(r"[A-Z]{1,3}", place)
    if match is None:
        raise ValueError(f"{place!r} is no place of a cell")
    column = 0
    for letter in match[0]:
        column = 26 * column + ord(letter) - 64
    return column


def _moment(value: Any) -> Cell:
    """Return a day or time as such; a time of day or a span as its text."""
    return value if isinstance(value, date) else str(value)


def number_text(value: str) -> str:
    """
    Return a number as Excel shows it with all its digits, without an exponent: 1.1 is written as
    1.1000000000000001, a tenth of a million as 1E-7. Whole numbers keep the digits they have.
    """
    if re.fullmatch(r"-?[0-9]+", value):
        return value
    return format(Decimal(f"{float(value):.{EXCEL_DIGITS}g}"), "f")


def _text_in(node: Element) -> str:
    """Return the text in *node* and its runs; phonetic guides are no part of it."""
    parts = []
    for child in node:
        if child.tag == _TEXT:
            parts.append(child.text or "")
        elif child.tag == _RUN:
            parts.append(child.findtext(_TEXT) or "")
    return unescape_controls("".join(parts))


def _whole_text(text: str) -> Cell:
    if is_cut(text):
        return CellProblem.of(text[:20], CUT_TEXT, most=MAX_CELL_UNITS)
    return text


def _fill_merges(rows: FileRows, merges: list[str]) -> None:
    """Give all rows of merged cells the value that is seen over them."""
    every = [rows.head, *rows.rows]
    numbers = [row.number for row in every]
    filled = 0
    for place in merges:
        left, first, right, last = (one or 0 for one in range_boundaries(place))
        start, end = bisect.bisect_left(numbers, first), bisect.bisect_right(numbers, last)
        if start == end or numbers[start] != first or left > MAX_COLUMNS:
            continue
        value = every[start].cells[left - 1] if left <= len(every[start].cells) else None
        if is_blank(value):
            continue
        right = min(right, MAX_COLUMNS)
        filled += (end - start) * (right - left + 1)
        if filled > MAX_CELLS:
            raise too_large("The file has more than {most} cells.", most=MAX_CELLS)
        for row in every[start:end]:
            _set_cell(row, left, _visible_value(value, row is every[start], start == 0))
            for column in range(left + 1, right + 1):
                _set_cell(row, column, CellProblem.of("", MERGED_COLUMNS))


def _visible_value(value: Cell, is_own: bool, is_heading: bool) -> Cell:
    if is_heading and not is_own:
        return CellProblem.of("", MERGED_HEADING)
    return value


def _set_cell(row: FileRow, column: int, value: Cell) -> None:
    row.cells.extend([None] * (column - len(row.cells)))
    row.cells[column - 1] = value
