"""
Rows as CSV or as an Excel sheet, piece by piece. No cell can be taken for a formula.

An Excel file is a zip of XML; written here by hand, since openpyxl needs the whole file at once.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol
from xml.sax.saxutils import escape

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Excel takes a file without it for one in the computer's old encoding.
_BYTE_ORDER_MARK = "\ufeff"
# Spreadsheets run cells that begin so, whatever file they came in (OWASP, CSV injection).
FORMULA = re.compile(r"^[\s\"']*[=+\-@\t\r＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# Excel calculates with 15 digits; a longer number stays a text, so that no digit is lost.
_EXCEL_DIGITS = 15
_LONGEST_CELL = 32_767

Rows = Iterable[Sequence[Any]]


class File(Protocol):
    """A file that grows: what is to be sent after each step."""

    def add(self, rows: Rows) -> bytes: ...

    def end(self) -> bytes: ...


def plain(value: Any) -> str:
    """*value* as text, exact numbers without an exponent."""
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def harmless(value: Any) -> str:
    """*value* as a CSV cell: texts that a spreadsheet would run get a quote in front."""
    text = plain(value)
    return f"'{text}" if isinstance(value, str) and FORMULA.match(text) else text


def storable(text: str) -> str:
    """*text* without the characters that no XML can hold."""
    return _CONTROL.sub("", text)


class CsvFile:
    """RFC 4180 in UTF-8 with a byte order mark; *head* names the columns."""

    def __init__(self, head: Sequence[str]) -> None:
        self._out = io.StringIO()
        self._out.write(_BYTE_ORDER_MARK)
        self._writer = csv.writer(self._out)
        self._writer.writerow([harmless(name) for name in head])

    def add(self, rows: Rows) -> bytes:
        """What *rows* add."""
        self._writer.writerows([harmless(value) for value in row] for row in rows)
        return self._taken()

    def end(self) -> bytes:
        """What is left."""
        return self._taken()

    def _taken(self) -> bytes:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode("utf-8", "replace")


class SheetFile:
    """An Excel file of one sheet; *head* is its first row, bold and always in view."""

    def __init__(self, head: Sequence[str]) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        for name, text in _FRAME.items():
            self._zip.writestr(name, text)
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w")
        self._sheet.write(_SHEET_START.encode())
        self._write([head], bold=True)

    def add(self, rows: Rows) -> bytes:
        """What *rows* add."""
        self._write(rows)
        return self._sink.taken()

    def end(self) -> bytes:
        """The end of the file."""
        self._sheet.write(_SHEET_END.encode())
        self._sheet.close()
        self._zip.close()
        return self._sink.taken()

    def _write(self, rows: Rows, *, bold: bool = False) -> None:
        style = ' s="1"' if bold else ""
        lines = ("<row>" + "".join(_cell(value, style) for value in row) + "</row>" for row in rows)
        self._sheet.write("".join(lines).encode("utf-8", "replace"))


def _cell(value: Any, style: str) -> str:
    if value is None or value == "":
        return "<c/>"
    text = plain(value)
    if isinstance(value, int | Decimal) and len(text.strip("-0").replace(".", "")) <= _EXCEL_DIGITS:
        return f"<c{style}><v>{text}</v></c>"
    clean = escape(storable(text)[:_LONGEST_CELL])
    # A text is never a formula here: only <f> would be one.
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{clean}</t></is></c>'


class _Sink(io.RawIOBase):
    """Takes what the zip writes and hands it on; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What came since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FRAME = {
    "[Content_Types].xml": _XML
    + f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_PARTS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_PARTS}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_PARTS}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": _XML + f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": _XML + f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": _XML + f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_REL}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_REL}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": _XML
    + f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/></font>'
    '<font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/></border></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf xfId="0"/>'
    '<xf xfId="0" fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>",
}
_SHEET_START = (
    _XML + f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    "</sheetView></sheetViews><sheetData>"
)
_SHEET_END = "</sheetData></worksheet>"
