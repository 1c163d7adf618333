"""A statement as CSV and as an Excel file; no cell can be taken for a formula."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook

from app.global_func import (
    BYTE_ORDER_MARK,
    ExcelCells,
    Message,
    escape_formula,
    iso,
    settings,
    translate,
)
from pipeline_dist.reports.statement import LINE_COLUMNS

# Of the whole statement, said in every row: a program reads a table, not what stands around it.
_ABOUT = ("month", "from", "to", "time_zone", "final")
# Only in the last row, so that the sum over any other column is the one over the lines.
_TOTALS = ("total_calls", "exact_total", "total")
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


def as_csv(statement: Mapping[str, Any], *, bom: bool = False) -> str:
    """
    Return the statement's lines with column names as in JSON, its adjustments (`pipeline` is
    `adjustment`, the reason stands for the name), and a last line `total`.

    RFC 4180 in UTF-8, with a byte order mark if *bom*; in texts a quote stands before what a
    spreadsheet would run (app/records/cell_texts.py). The last line has the sums in columns of its
    own: `total_calls`, `exact_total` and `total`, rounded to two decimals. `month`, `from`, `to`,
    `time_zone` and `final` are the same in all lines.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*LINE_COLUMNS, *_TOTALS, *_ABOUT))
    about = {
        "month": statement["month"],
        "from": statement["from"],
        "to": statement["to"],
        "time_zone": _zone(),
        "final": "true" if statement["final"] else "false",
    }
    last = {
        "pipeline": "total",
        "currency": statement["currency"],
        "total_calls": statement["calls"],
        "exact_total": statement["amount"],
        "total": statement["total"],
    }
    for line in (*statement["lines"], *_adjustment_lines(statement, "adjustment"), last):
        row = {**line, **about}
        writer.writerow(_csv_cell(row.get(name)) for name in (*LINE_COLUMNS, *_TOTALS, *_ABOUT))
    return (BYTE_ORDER_MARK if bom else "") + out.getvalue()


def as_xlsx(statement: Mapping[str, Any], lang: str) -> bytes:
    """Return the statement as an Excel file in *lang*, times in the quota zone; takes time, call it
    in a thread. Numbers of more than 15 digits are texts, so that it says what the CSV says."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(statement["month"])
    for index, width in enumerate(_WIDTHS):
        sheet.column_dimensions["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]].width = width
    about = _about(statement, lang)
    sheet.freeze_panes = f"A{len(about) + 3}"
    cells = ExcelCells(sheet)

    def append(values: Any, *, bold: bool = False) -> None:
        sheet.append(cells.row(0, values, bold=bold))

    for label, value in about:
        append((translate(Message(label), lang), value))
    append(())
    append([translate(Message(HEADINGS[name]), lang) for name in LINE_COLUMNS], bold=True)
    for line in statement["lines"]:
        append([line[name] for name in LINE_COLUMNS])
    for line in _adjustment_lines(statement, translate(Message("Adjustment"), lang)):
        append([line.get(name) for name in LINE_COLUMNS])
    last = {"pipeline": translate(Message("Total"), lang), "calls": statement["calls"]}
    last |= {"amount": statement["total"], "currency": statement["currency"]}
    append([last.get(name) for name in LINE_COLUMNS], bold=True)
    exact = {"pipeline": translate(Message("Exact sum"), lang), "amount": statement["amount"]}
    append([exact.get(name) for name in LINE_COLUMNS])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _adjustment_lines(statement: Mapping[str, Any], word: str) -> list[dict[str, Any]]:
    """Return the statement's adjustments as lines, which *word* tells from those of a pipeline."""
    return [
        {
            "pipeline": word,
            "pipeline_name": item["reason"],
            "amount": item["amount"],
            "currency": item["currency"],
        }
        for item in statement["adjustments"]
    ]


def _about(statement: Mapping[str, Any], lang: str) -> list[tuple[str, Any]]:
    """Return what an Excel file says above the lines."""
    distributor = statement["distributor"]
    final = Message("yes") if statement["final"] else Message("no")
    return [
        ("Statement", statement["month"]),
        ("Distributor", f"{distributor['name']} ({distributor['code']})"),
        ("From", _local(statement["from"])),
        ("To (excluded)", _local(statement["to"])),
        ("Time zone", _zone()),
        ("Final", translate(final, lang)),
        ("Made at", _local(statement["made_at"])),
    ]


def _zone() -> str:
    return settings().quota_time_zone


def _local(moment: datetime) -> datetime:
    """Return *moment* on the clock of the quota zone: Excel knows no zones."""
    return moment.astimezone(ZoneInfo(_zone())).replace(tzinfo=None)


def _csv_cell(value: Any) -> str:
    return iso(value) if isinstance(value, datetime) else escape_formula(value)
