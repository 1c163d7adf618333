"""
Rows as CSV or as an Excel sheet, some hundred at a time. No cell can be taken for a formula.

CSV goes out as it comes. openpyxl gathers the sheet in a file of the system's folder for such files
and packs it at the end: memory holds no more than some hundred rows.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from app.base.errors import Message
from app.base.i18n import translate
from app.records.cell_texts import FORMULA, escape_controls, escape_formula, fit, plain

if TYPE_CHECKING:  # a worker imports openpyxl for its first sheet
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

# Excel takes a file without it for one in the computer's old encoding.
BYTE_ORDER_MARK = "\ufeff"
# Excel calculates with 15 digits; a longer number stays a text, so that no digit is lost.
EXCEL_DIGITS = 15
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
DATE_FORMAT = "yyyy-mm-dd"
MAX_NOTED = 1_000
PIECE_BYTES = 65_536
# Excel counts days from here; what was before stays a text.
_FIRST_YEAR = 1900

Rows = Iterable[Sequence[Any]]


class File(Protocol):
    """A file that grows: what is to be sent after each step."""

    def add(self, rows: Rows) -> bytes: ...

    def end(self) -> Iterator[bytes]: ...

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
        """Return the text that *rows* add; times are written as they are, so give them as texts."""
        self._writer.writerows([escape_formula(value) for value in row] for row in rows)
        return self._take()

    def end(self) -> Iterator[bytes]:
        """Return what is left."""
        return iter((self._take(),))

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _take(self) -> bytes:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode("utf-8", "replace")


class ExcelCells:
    """
    The cells of one sheet: each value as the kind of cell that shows all of it.

    A cell counts until the next of its kind is asked for: the sheet writes it before. Texts that
    do not fit are cut and say so; `cuts` are their rows, columns and lengths.
    """

    def __init__(self, sheet: "WriteOnlyWorksheet") -> None:
        self._sheet = sheet
        self._cells: dict[tuple[str, bool], Cell] = {}
        self.cuts: list[tuple[int, int, int]] = []

    def row(self, number: int, values: Sequence[Any], *, bold: bool = False) -> Iterator[Any]:
        """Yield the cells of *values*, which are row *number* of the sheet (for `cuts`)."""
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

    def _other(self, value: Any, *, bold: bool) -> "Cell":
        if isinstance(value, date) and value.year >= _FIRST_YEAR:
            kind = TIME_FORMAT if isinstance(value, datetime) else DATE_FORMAT
            return self._cell(kind, value, "d", bold=bold)
        if isinstance(value, int | Decimal) and _digits(value) <= EXCEL_DIGITS:
            return self._cell(_number_format(value), value, "n", bold=bold)
        return self._text(plain(value), bold=bold)

    def _text(self, text: str, *, bold: bool) -> "Cell":
        # Texts that look like formulas stay texts also when somebody edits them.
        kind = "quoted" if FORMULA.match(text) else "General"
        return self._cell(kind, escape_controls(text), "s", bold=bold)

    def _cell(self, kind: str, value: Any, data_type: str, *, bold: bool) -> "Cell":
        cell = self._cells.get((kind, bold))
        if cell is None:
            cell = _new_cell(self._sheet, kind, bold=bold)
            if cell.has_style:  # openpyxl tries its values on one that has none
                self._cells[kind, bold] = cell
        # Not by `value`, which makes a formula of a text that begins with =.
        cell._value = value  # type: ignore[attr-defined]
        cell.data_type = data_type
        return cell


def _new_cell(sheet: "WriteOnlyWorksheet", kind: str, *, bold: bool) -> "Cell":
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet)
    if bold:
        cell.font = Font(bold=True)
    if kind == "quoted":
        cell.quotePrefix = True
    elif kind != "General":
        cell.number_format = kind
    return cell


def _digits(value: int | Decimal) -> int:
    """Return how many digits *value* has from the first that is not zero to the last."""
    return len(plain(value).strip("-0").replace(".", "").strip("0"))


def _number_format(value: int | Decimal) -> str:
    """Return the format that shows all decimals of *value*, zeros as well."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"0.{'0' * decimals}" if decimals else "0"


class SheetFile:
    """
    An Excel file with a sheet for the rows; *head* is its first row, bold and always in view.

    Where texts had to be cut, a second sheet says in *lang* where, and how long they are. The first
    one of a process takes time: make it in a thread.
    """

    def __init__(self, head: Sequence[str], lang: str = "en", name: str = "Sheet1") -> None:
        from openpyxl import Workbook

        self._lang = lang
        self._book = Workbook(write_only=True)
        self._number = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._cells = self._open(name)
        self._write([head], bold=True)

    def add(self, rows: Rows) -> bytes:
        """Take *rows*, and have nothing to send yet; times without zone: Excel knows none."""
        self._write(rows)
        return b""

    def end(self) -> Iterator[bytes]:
        """Return the file, piece by piece; takes time before the first one."""
        if cuts := self._cells.cuts:
            self._cells = self._open(translate(Message("Cut texts"), self._lang))
            words = ("Row", "Column", "Characters")
            head = [translate(Message(word), self._lang) for word in words]
            self._write([head], bold=True)
            self._write(cuts)
        self._book.save(self._file)
        self._file.seek(0)
        return iter(partial(self._file.read, PIECE_BYTES), b"")

    def close(self) -> None:
        """Let go of all files, also where this one was given up."""
        self._file.close()
        for sheet in self._book.worksheets:
            if not sheet.closed:
                sheet.close()
                # Else openpyxl keeps its file of the sheet until the process ends.
                sheet._writer.cleanup()  # type: ignore[attr-defined]

    def _open(self, name: str) -> ExcelCells:
        self._sheet = self._book.create_sheet(name)
        self._sheet.freeze_panes = "A2"
        return ExcelCells(self._sheet)

    def _write(self, rows: Rows, *, bold: bool = False) -> None:
        for row in rows:
            self._number += 1
            self._sheet.append(self._cells.row(self._number, row, bold=bold))
