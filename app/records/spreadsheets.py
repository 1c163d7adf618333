"""
Rows as CSV or as an Excel sheet, piece by piece. No cell can be taken for a formula.

openpyxl writes the whole workbook once it has all of it; here its sheet goes straight into the
file that is sent, so that neither memory nor disk holds more than some hundred rows.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from app.base.errors import Message
from app.base.i18n import translate
from app.records.cell_texts import FORMULA, escape_controls, escape_formula, fit, plain

# Excel takes a file without it for one in the computer's old encoding.
BYTE_ORDER_MARK = "\ufeff"
# Excel calculates with 15 digits; a longer number stays a text, so that no digit is lost.
EXCEL_DIGITS = 15
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
DATE_FORMAT = "yyyy-mm-dd"
MAX_NOTED = 1_000
# Excel counts days from here; what was before stays a text.
_FIRST_YEAR = 1900

Rows = Iterable[Sequence[Any]]


class File(Protocol):
    """A file that grows: what is to be sent after each step."""

    def add(self, rows: Rows) -> bytes: ...

    def end(self) -> bytes: ...

    def close(self) -> None:
        """Let go of what it holds, also where it has not come to its end."""


class CsvFile:
    """RFC 4180 in UTF-8 with a byte order mark; *head* names the columns."""

    def __init__(self, head: Sequence[str]) -> None:
        self._out = io.StringIO()
        self._out.write(BYTE_ORDER_MARK)
        self._writer = csv.writer(self._out)
        self._writer.writerow([escape_formula(name) for name in head])

    def add(self, rows: Rows) -> bytes:
        """What *rows* add; times are written as they are, so give them as texts."""
        self._writer.writerows([escape_formula(value) for value in row] for row in rows)
        return self._take()

    def end(self) -> bytes:
        """What is left."""
        return self._take()

    def close(self) -> None:
        """Nothing is held."""

    def _take(self) -> bytes:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode("utf-8", "replace")


class ExcelCells:
    """
    The cells of one sheet: each value as the kind of cell that shows all of it.

    A cell counts until the next of its kind is asked for: the sheet writes it before. Texts that
    do not fit are cut and say so; `cut` are their rows, columns and lengths.
    """

    def __init__(self, sheet: WriteOnlyWorksheet) -> None:
        self._sheet = sheet
        self._cells: dict[tuple[str, bool], Cell] = {}
        self.cuts: list[tuple[int, int, int]] = []

    def row(self, number: int, values: Sequence[Any], *, bold: bool = False) -> Iterator[Any]:
        """The cells of *values*, which are row *number* of the sheet (for `cut`)."""
        for column, value in enumerate(values, 1):
            if value is None or value == "":
                yield None
            elif isinstance(value, str):
                text, size = fit(value)
                if size and len(self.cuts) < MAX_NOTED:
                    self.cuts.append((number, column, size))
                yield self._text(text, bold=bold)
            else:
                yield self._other(value, bold=bold)

    def _other(self, value: Any, *, bold: bool) -> Cell:
        if isinstance(value, date) and value.year >= _FIRST_YEAR:
            kind = TIME_FORMAT if isinstance(value, datetime) else DATE_FORMAT
            return self._cell(kind, value, "d", bold=bold)
        if isinstance(value, int | Decimal) and _digits(value) <= EXCEL_DIGITS:
            return self._cell(_number_format(value), value, "n", bold=bold)
        return self._text(plain(value), bold=bold)

    def _text(self, text: str, *, bold: bool) -> Cell:
        # Texts that look like formulas stay texts also when somebody edits them.
        kind = "quoted" if FORMULA.match(text) else "General"
        return self._cell(kind, escape_controls(text), "s", bold=bold)

    def _cell(self, kind: str, value: Any, data_type: str, *, bold: bool) -> Cell:
        cell = self._cells.get((kind, bold))
        if cell is None:
            cell = WriteOnlyCell(self._sheet)
            if bold:
                cell.font = Font(bold=True)
            if kind == "quoted":
                cell.quotePrefix = True
            elif kind != "General":
                cell.number_format = kind
            if cell.has_style:  # openpyxl tries its values on one that has none
                self._cells[kind, bold] = cell
        # Not by `value`, which makes a formula of a text that begins with =.
        cell._value = value  # type: ignore[attr-defined]
        cell.data_type = data_type
        return cell


def _digits(value: int | Decimal) -> int:
    """How many digits *value* has from the first that is not zero to the last."""
    return len(plain(value).strip("-0").replace(".", "").strip("0"))


def _number_format(value: int | Decimal) -> str:
    """Shows all decimals that *value* has, zeros as well."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"0.{'0' * decimals}" if decimals else "0"


class SheetFile:
    """
    An Excel file with a sheet for the rows; *head* is its first row, bold and always in view.

    Where texts had to be cut, a second sheet says in *lang* where, and how long they are.
    """

    def __init__(self, head: Sequence[str], lang: str = "en", name: str = "Sheet1") -> None:
        self._lang = lang
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        self._book = Workbook(write_only=True)
        self._open(name)
        self._number = 0
        self._write([head], bold=True)

    def add(self, rows: Rows) -> bytes:
        """What *rows* add; times must be without zone: Excel knows none."""
        self._write(rows)
        return self._sink.take()

    def end(self) -> bytes:
        """The end of the file."""
        cuts = self._cells.cuts
        self._close()
        if cuts:
            self._open(translate(Message("Cut texts"), self._lang))
            head = [
                translate(Message(word), self._lang) for word in ("Row", "Column", "Characters")
            ]
            self._write([head], bold=True)
            self._write(cuts)
            self._close()
        _Parts(self._book, self._zip).save()
        return self._sink.take()

    def close(self) -> None:
        """Let go of the sheet and the zip, also where the file was given up."""
        if not self._sheet.closed:
            self._close()
        self._zip.close()

    def _open(self, name: str) -> None:
        self._sheet = _Sheet(self._book, name)
        self._book._add_sheet(self._sheet)  # type: ignore[attr-defined]
        self._sheet.freeze_panes = "A2"
        self._cells = ExcelCells(self._sheet)
        place = f"xl/worksheets/sheet{len(self._book.worksheets)}.xml"
        self._out = self._zip.open(place, "w", force_zip64=True)
        self._sheet._writer = _SheetWriter(self._sheet, self._out)
        self._sheet._writer.write_top()

    def _write(self, rows: Rows, *, bold: bool = False) -> None:
        for row in rows:
            self._number += 1
            self._sheet.append(self._cells.row(self._number, row, bold=bold))

    def _close(self) -> None:
        self._sheet.close()
        self._out.close()


class _Sheet(WriteOnlyWorksheet):
    """Takes cells only, which `ExcelCells` has made: nothing is left to find out about them."""

    _writer: WorksheetWriter

    def _values_to_row(self, values: Iterable[Cell | None], row_idx: int) -> Iterator[Cell]:
        for column, cell in enumerate(values, 1):
            if cell is not None:
                cell.column, cell.row = column, row_idx
                yield cell


class _SheetWriter(WorksheetWriter):
    """Writes a row as one text. An element for each cell, as openpyxl makes them, takes five times
    as long, and exports have hundreds of thousands of rows."""

    def write_row(self, xf: Any, row: Iterable[Any], row_idx: int) -> None:
        xf._file(f'<row r="{row_idx}">{"".join(map(_cell_xml, row))}</row>')


def _cell_xml(cell: Cell) -> str:
    value = cell._value  # type: ignore[attr-defined]
    style = f' s="{cell.style_id}"' if cell.has_style else ""
    if cell.data_type == "s":
        space = ' xml:space="preserve"' if value != value.strip() else ""
        text = f"<is><t{space}>{escape(value)}</t></is>"
        return f'<c r="{cell.coordinate}"{style} t="inlineStr">{text}</c>'
    number = to_excel(value) if cell.data_type == "d" else value
    return f'<c r="{cell.coordinate}"{style}><v>{plain(number)}</v></c>'


class _Parts(ExcelWriter):
    """Writes what belongs to a workbook besides its sheets, which are written already."""

    def write_worksheet(self, ws: Any) -> None:
        ws._drawing = None
        ws._rels = ws._writer._rels
        self.manifest.append(ws)


class _Sink(io.RawIOBase):
    """Takes what the zip writes and hands it on; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What came since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
