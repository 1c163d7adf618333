"""
A statement as CSV, for programs and for people, and as an Excel file; no cell can be taken for a
formula.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo
from zoneinfo import ZoneInfo

from app.global_func import (
    BYTE_ORDER_MARK,
    ExcelCells,
    Message,
    escape_formula,
    iso,
    translate,
)
from pipeline_dist.reports.statement import LINE_COLUMNS, MonthStatus

# Of the whole statement, said in every row: a program reads a table, not what stands around it.
_ABOUT = ("month", "from", "to", "time_zone", "final", "number", "status")
# What kind of row it is, and of one that came too late for the statement of its own month (or an
# adjustment) which call it is of, what month, and why.
_LATE = ("kind", "call_no", "of_month", "reason", "reference")
# Only in the last row, so that the sum over any other column is the one over the lines.
_TOTALS = ("total_calls", "exact_total", "total")
_TIMES = re.compile(rb"(<dcterms:(?:created|modified)\b[^>]*>)[^<]*")
_WIDTHS = (18, 24, 16, 24, 16, 12, 14, 12, 12, 14, 10, 18, 20, 10, 28, 12, 32, 18)
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
# Of the columns that only rows have which do not belong to the month by their date.
LATE_HEADINGS = {
    "call_no": "Call",
    "of_month": "Of month",
    "reason": "Reason",
    "reference": "Reference",
}
# What people read in the place of a value that programs read.
STATUS_WORDS = {
    MonthStatus.OPEN: Message("the month is not over"),
    MonthStatus.ENDED: Message("not closed yet"),
    MonthStatus.CLOSED: Message("closed"),
}
_PRICING_WORDS = {"unit": Message("By unit"), "package": Message("Package")}
_KIND_WORDS = {
    "line": Message("Line item"),
    "correction": Message("Correction"),
    "adjustment": Message("Adjustment"),
    "total": Message("Total"),
}
# In columns of their own: a sum over those of the lines is to be right.
_TOTAL_HEADINGS = {"calls": "Calls in total", "amount": "Exact sum", "total": "Total"}


def late_rows(statement: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the corrections and the adjustments of a statement with the columns of its lines and
    of LATE_HEADINGS."""
    corrections = [
        {**row, "of_month": row["month"], "reference": None} for row in statement["corrections"]
    ]
    adjustments = [
        {**dict.fromkeys(LINE_COLUMNS), **row, "call_no": None, "of_month": None}
        for row in statement["adjustments"]
    ]
    return corrections, adjustments


def as_csv(statement: Mapping[str, Any]) -> str:
    """
    Return the statement's lines with column names as in JSON, its corrections and adjustments, and
    a last line `total`.

    RFC 4180 in UTF-8; in texts a quote stands before what a spreadsheet would run
    (app/records/cell_texts.py). The last line has the sums in columns of its
    own: `total_calls`, `exact_total` and `total`, rounded to the currency's minor units. `month`,
    `from`, `to`, `time_zone`, `final`, `number` and `status` are the same in all lines; `kind` is
    line, correction, adjustment or total.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    columns = (*LINE_COLUMNS, *_TOTALS, *_ABOUT, *_LATE)
    writer.writerow(columns)
    about = {name: statement[name] for name in _ABOUT}
    about["final"] = "true" if statement["final"] else "false"
    corrections, adjustments = late_rows(statement)
    last = {
        "kind": "total",
        "pipeline": "total",
        "currency": statement["currency"],
        "total_calls": statement["calls"],
        "exact_total": statement["amount"],
        "total": statement["total"],
    }
    rows = [
        *({**line, "kind": "line"} for line in statement["lines"]),
        *({**line, "kind": "correction"} for line in corrections),
        *({**line, "kind": "adjustment"} for line in adjustments),
        last,
    ]
    for line in rows:
        row = {**line, **about}
        writer.writerow(_csv_cell(row.get(name)) for name in columns)
    return out.getvalue()


def as_readers_csv(statement: Mapping[str, Any], lang: str) -> str:
    """
    Return the statement as a table in *lang* for people and their spreadsheets, which need the byte
    order mark to read it as UTF-8.

    Headings and values are words, times are of the quota zone, numbers have no zeros at their end.
    The last row has the sums, in columns of their own.
    """

    def word(message: Message) -> str:
        return translate(message, lang)

    about = {
        "Month": statement["month"],
        "From": _minute(local_time(statement, "from")),
        "To (excluded)": _minute(local_time(statement, "to")),
        "Time zone": statement["time_zone"],
        "Month's status": word(STATUS_WORDS[statement["status"]]),
        "Number": statement["number"],
    }
    corrections, adjustments = late_rows(statement)
    rows = [
        *(("line", line) for line in statement["lines"]),
        *(("correction", row) for row in corrections),
        *(("adjustment", row) for row in adjustments),
        ("total", {"currency": statement["currency"]}),
    ]
    columns = (*HEADINGS, *LATE_HEADINGS)
    totals = readers_values(statement, _TOTAL_HEADINGS, lang)
    headings = (
        "Kind",
        *HEADINGS.values(),
        *LATE_HEADINGS.values(),
        *_TOTAL_HEADINGS.values(),
        *about,
    )
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(word(Message(name)) for name in headings)
    for kind, row in rows:
        values = readers_values(row, columns, lang)
        sums = totals if kind == "total" else [None] * len(totals)
        cells = (word(_KIND_WORDS[kind]), *values, *sums, *about.values())
        writer.writerow(escape_formula(value) for value in cells)
    return BYTE_ORDER_MARK + out.getvalue()


def readers_values(row: Mapping[str, Any], columns: Iterable[str], lang: str) -> list[Any]:
    """Return the values of *columns* as people read them: words in *lang*, numbers without zeros at
    their end."""
    return [_readers_value(name, row.get(name), lang) for name in columns]


def _readers_value(name: str, value: Any, lang: str) -> Any:
    if name == "pricing_type" and value in _PRICING_WORDS:
        return translate(_PRICING_WORDS[value], lang)
    return _without_zeros(value) if isinstance(value, Decimal) else value


def _without_zeros(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def as_xlsx(statement: Mapping[str, Any], lang: str) -> bytes:
    """Return the statement as an Excel file in *lang*, its values as people read them, times in the
    quota zone; takes time, call it in a thread. Numbers of more than 15 digits are texts, so that
    it says what the CSV says."""
    from openpyxl import Workbook

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
        append(readers_values(line, LINE_COLUMNS, lang))
    late_headings = [translate(Message(text), lang) for text in LATE_HEADINGS.values()]
    for heading, rows in late_parts(statement):
        no_headings = [None] * (len(LINE_COLUMNS) - 1)
        append([translate(heading, lang), *no_headings, *late_headings], bold=True)
        for row in rows:
            append(readers_values(row, (*LINE_COLUMNS, *LATE_HEADINGS), lang))
    last = {"pipeline": translate(Message("Total"), lang), "calls": statement["calls"]}
    last |= {"amount": statement["total"], "currency": statement["currency"]}
    append([last.get(name) for name in LINE_COLUMNS], bold=True)
    exact = {"pipeline": translate(Message("Exact sum"), lang), "amount": statement["amount"]}
    append(readers_values(exact, LINE_COLUMNS, lang))
    out = io.BytesIO()
    book.save(out)
    return _made_at(out.getvalue(), statement["made_at"])


def _made_at(workbook: bytes, moment: datetime) -> bytes:
    """Return the Excel file *workbook* as if it were made at *moment* (with a zone): openpyxl
    writes the time of day into it and into its parts' entries, so that no two were alike."""
    utc = moment.astimezone(UTC)
    out = io.BytesIO()
    with ZipFile(io.BytesIO(workbook)) as source, ZipFile(out, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = _TIMES.sub(rb"\g<1>" + f"{utc:%Y-%m-%dT%H:%M:%SZ}".encode(), part)
            target.writestr(ZipInfo(name, utc.timetuple()[:6]), part, ZIP_DEFLATED)
    return out.getvalue()


def late_parts(statement: Mapping[str, Any]) -> list[tuple[Message, list[dict[str, Any]]]]:
    """Return what stands behind the lines, as far as there is any of it, each under its heading."""
    corrections, adjustments = late_rows(statement)
    parts = [(Message("Corrections of closed months"), corrections)]
    parts.append((Message("Adjustments"), adjustments))
    return [(heading, rows) for heading, rows in parts if rows]


def _about(statement: Mapping[str, Any], lang: str) -> list[tuple[str, Any]]:
    """Return what an Excel file says above the lines."""
    distributor = statement["distributor"]
    return [
        ("Statement", statement["month"]),
        ("Number", statement["number"]),
        ("From whom", statement["sender"]),
        ("Distributor", f"{distributor['name']} ({distributor['code']})"),
        ("From", local_time(statement, "from")),
        ("To (excluded)", local_time(statement, "to")),
        ("Time zone", statement["time_zone"]),
        ("Month's status", translate(STATUS_WORDS[statement["status"]], lang)),
        ("Made at", local_time(statement, "made_at")),
    ]


def local_time(statement: Mapping[str, Any], name: str) -> datetime:
    """Return the time of this *name* on the clock of the statement's zone: Excel knows no zones."""
    moment: datetime = statement[name]
    return moment.astimezone(ZoneInfo(statement["time_zone"])).replace(tzinfo=None)


def _csv_cell(value: Any) -> str:
    return iso(value) if isinstance(value, datetime) else escape_formula(value)
