"""A statement as CSV and as an Excel file; no cell can be taken for a formula."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from app.global_func import FORMULA, Text, harmless, iso, say, storable
from pipeline_dist.statement import LINE_COLUMNS

_WIDTHS = (18, 24, 16, 24, 16, 12, 14, 12, 12, 14, 10, 18, 20, 10)
HEADINGS = {
    "pipeline": "Pipeline",
    "pipeline_name": "Name",
    "step_key": "Step",
    "model": "Model",
    "unit": "Unit",
    "pricing_type": "Pricing",
    "unit_price": "Unit price",
    "unit_size": "Per units",
    "package_size": "Package size",
    "package_price": "Package price",
    "calls": "Calls",
    "quantity": "Quantity",
    "amount": "Amount",
    "currency": "Currency",
}


def as_csv(statement: Mapping[str, Any]) -> str:
    """
    The statement's lines with column names as in JSON, and a last line `total`.

    RFC 4180, UTF-8, no byte order mark; texts that a spreadsheet would run get a quote in front.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(LINE_COLUMNS)
    for line in statement["lines"]:
        writer.writerow([_csv_cell(line[name]) for name in LINE_COLUMNS])
    last = {"pipeline": "total", "calls": statement["calls"], "amount": statement["total"]}
    last["currency"] = statement["currency"]
    writer.writerow([_csv_cell(last.get(name)) for name in LINE_COLUMNS])
    return out.getvalue()


def as_xlsx(statement: Mapping[str, Any], lang: str) -> bytes:
    """The statement as an Excel file in *lang*; takes time, call it in a thread."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(statement["month"])
    for index, width in enumerate(_WIDTHS):
        sheet.column_dimensions["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]].width = width
    distributor = statement["distributor"]
    for label, value in (
        ("Statement", statement["month"]),
        ("Distributor", f"{distributor['name']} ({distributor['code']})"),
        ("Made at", iso(statement["made_at"])),
    ):
        sheet.append([_cell(sheet, say(Text(label), lang), bold=True), _cell(sheet, value)])
    sheet.append([])
    sheet.append(
        [_cell(sheet, say(Text(HEADINGS[name]), lang), bold=True) for name in LINE_COLUMNS]
    )
    for line in statement["lines"]:
        sheet.append([_cell(sheet, line[name]) for name in LINE_COLUMNS])
    last = {"pipeline": say(Text("Total"), lang), "calls": statement["calls"]}
    last |= {"amount": statement["total"], "currency": statement["currency"]}
    sheet.append([_cell(sheet, last.get(name), bold=True) for name in LINE_COLUMNS])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    return iso(value) if isinstance(value, datetime) else harmless(value)


def _cell(sheet: WriteOnlyWorksheet, value: Any, *, bold: bool = False) -> Cell:
    if isinstance(value, str):
        value = storable(value)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl makes a formula of a text that begins with =
        cell.quotePrefix = bool(FORMULA.match(value))
    elif isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        cell.number_format = "0." + "0" * decimals if decimals else "0"
    if bold:
        cell.font = Font(bold=True)
    return cell
