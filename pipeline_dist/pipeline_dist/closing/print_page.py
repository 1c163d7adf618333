"""A statement as a document to print: all of it in one page of HTML, for A4, without a script."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Any

from app.global_func import Message, minor_units, translate
from pipeline_dist.reports.statement import MonthStatus
from pipeline_dist.reports.statement_files import local_time

NOT_FINAL = {
    MonthStatus.OPEN: Message("The month is not over: this is no final statement."),
    MonthStatus.ENDED: Message("The month is not closed yet: this is no final statement."),
}
# What stands at the foot of each page: texts of our own, and digits.
_PAGE_STYLE = """
@page {{ size: A4; margin: 16mm 14mm 18mm;
  @bottom-left {{ content: "{title}"; font: 8pt sans-serif; color: #555; }}
  @bottom-right {{ content: "{before}" counter(page) "{between}" counter(pages) "{after}";
    font: 8pt sans-serif; color: #555; }} }}
"""
# Around the page's number and the number of pages.
_PAGE_WORDS = {"zh": ("第 ", " 页，共 ", " 页"), "en": ("Page ", " of ", "")}
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 13px/1.45 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  color: #1a1a1a; background: #fff; margin: 0 auto; max-width: 210mm; padding: 10mm; }
@media print { body { padding: 0; max-width: none; font-size: 10.5px; } }
header { display: flex; flex-wrap: wrap; gap: 8px 24px; justify-content: space-between;
  border-bottom: 2px solid #1a1a1a; padding-bottom: 8px; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 14px; margin: 20px 0 4px; }
.sender { white-space: pre-line; text-align: right; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
.note { border: 1px solid #b45309; color: #92400e; padding: 4px 8px; }
table { border-collapse: collapse; width: 100%; } thead { display: table-header-group; }
@media screen { .wide { overflow-x: auto; } .wide table { min-width: 36rem; } }
tr { break-inside: avoid; }
th { text-align: left; border-bottom: 1px solid #1a1a1a; vertical-align: bottom; }
th, td { padding: 3px 8px 3px 0; } th { word-break: keep-all; }
td { border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere; min-width: 3em; }
small { color: #555; display: block; } .price { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number, td.number { padding: 3px 0 3px 8px; }
.sums { width: auto; margin: 16px 0 0 auto; } .sums td { border: 0; }
.sums .total td { border-top: 2px solid #1a1a1a; font-size: 16px; font-weight: 700; }
footer { margin-top: 20px; color: #555; font-size: 11px; overflow-wrap: anywhere; }
"""

Cell = tuple[str, bool]  # a text, and whether it is a number


def print_page(statement: Mapping[str, Any], lang: str) -> str:
    """Return the statement as an HTML document in *lang*; nothing in it depends on the day when it
    is made but what *statement* says."""
    page = _Page(statement, lang)
    title = f"{page.word('Statement')} {statement['number'] or statement['month']}"
    before, between, after = _PAGE_WORDS[lang]
    style = _PAGE_STYLE.format(title=title, before=before, between=between, after=after) + _STYLE
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else lang}"><head>'
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f"{page.head(title)}{page.lines()}{page.corrections()}{page.adjustments()}{page.sums()}"
        f"{page.foot()}</body></html>\n"
    )


class _Page:
    """The parts of one statement's page, in one language."""

    def __init__(self, statement: Mapping[str, Any], lang: str) -> None:
        self.statement = statement
        self.lang = lang
        self.decimals = minor_units(statement["currency"])

    def word(self, english: str) -> str:
        """Return a word of the page in its language."""
        return translate(Message(english), self.lang)

    def head(self, title: str) -> str:
        """Return who sends it to whom, for what time."""
        statement = self.statement
        distributor = statement["distributor"]
        first, after = local_time(statement, "from"), local_time(statement, "to")
        last = (after - timedelta(days=1)).date()
        facts = {
            "Distributor": f"{distributor['name']} ({distributor['code']})",
            "Number": statement["number"] or "–",
            "Time": f"{first.date()} – {last} ({statement['time_zone']})",
            "Currency": statement["currency"],
            "Calls": f"{statement['calls']:,}",
        }
        if statement["closed_at"]:
            facts["Closed at"] = _minute(local_time(statement, "closed_at"))
        rows = "".join(
            f"<dt>{escape(self.word(name))}</dt><dd>{escape(text)}</dd>"
            for name, text in facts.items()
        )
        note = NOT_FINAL.get(statement["status"])
        warning = f'<p class="note">{escape(translate(note, self.lang))}</p>' if note else ""
        return (
            f'<header><h1>{escape(title)}</h1><div class="sender">'
            f"{escape(statement['sender'])}</div></header><dl>{rows}</dl>{warning}"
        )

    def lines(self) -> str:
        """Return what belongs to the month."""
        names = ("Line", "Price", "Unit", "#Calls", "#Quantity", "#Amount")
        rows = [
            (*self._use_cells(row), _number(row["calls"]), _number(row["quantity"]),
             self._money(row["amount"]))
            for row in self.statement["lines"]
        ]  # fmt: skip
        if not rows:
            return f"<p>{escape(self.word('Nothing was used in this month.'))}</p>"
        return self._table(names, rows)

    def corrections(self) -> str:
        """Return what belongs to closed months, row by row."""
        names = ("Of month", "Line", "Price", "Unit", "Reason", "#Quantity", "#Amount")
        rows = [
            (_text(row["month"]), *self._use_cells(row, row["call_no"]), _text(row["reason"]),
             _number(row["quantity"]), self._money(row["amount"]))
            for row in self.statement["corrections"]
        ]  # fmt: skip
        return self._part("Corrections of closed months", names, rows)

    def adjustments(self) -> str:
        """Return what was adjusted by hand."""
        zone = {"time_zone": self.statement["time_zone"]}
        rows = [
            (_text(_minute(local_time({**row, **zone}, "booked_at"))), _text(row["reason"]),
             _text(row["reference"]), self._money(row["amount"]))
            for row in self.statement["adjustments"]
        ]  # fmt: skip
        return self._part("Adjustments", ("Booked", "Reason", "Reference", "#Amount"), rows)

    def sums(self) -> str:
        """Return the sums; the parts only where there is more than one."""
        statement = self.statement
        currency = escape(statement["currency"])
        parts = {"Lines": "lines_amount", "Corrections of closed months": "corrections_amount",
                 "Adjustments": "adjustments_amount"}  # fmt: skip
        rows = [(name, statement[key]) for name, key in parts.items() if statement[key]]
        rows = rows if len(rows) > 1 else []
        rows.append(("Exact sum", statement["amount"]))
        texts = "".join(
            f'<tr><td>{escape(self.word(name))}</td><td class="number">'
            f"{self._money(amount)[0]} {currency}</td></tr>"
            for name, amount in rows
        )
        return (
            f'<table class="sums">{texts}<tr class="total"><td>{escape(self.word("Total"))}</td>'
            f'<td class="number">{statement["total"]:,f} {currency}</td></tr></table>'
        )

    def foot(self) -> str:
        """Return how it can be told that nothing of it was changed."""
        checksum = self.statement.get("checksum")
        if not checksum:
            return ""
        return f"<footer>{escape(self.word('Checksum (SHA-256)'))}: {escape(checksum)}</footer>"

    def _use_cells(self, row: Mapping[str, Any], call_no: str = "") -> tuple[Cell, ...]:
        """Return a line's cells: its name with step and model (and call), its price, its unit."""
        details = (" · ".join(filter(None, (row["step_key"], row["model"]))), call_no)
        small = "".join(f"<small>{escape(text)}</small>" for text in details if text)
        name = f"{escape(row['pipeline_name'])}{small}"
        price = f'<span class="price">{self._price(row)}</span>'
        return (name, False), (price, False), _text(row["unit"])

    def _price(self, row: Mapping[str, Any]) -> str:
        if row["pricing_type"] is None:
            return "–"
        is_package = row["pricing_type"] == "package"
        price = row["package_price"] if is_package else row["unit_price"]
        size = row["package_size"] if is_package else row["unit_size"]
        money = self._money(price)[0]
        return money if not is_package and size in (None, 1) else f"{money} / {size:,}"

    def _money(self, amount: Decimal) -> Cell:
        return _plain(amount, self.decimals), True

    def _part(self, heading: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
        if not rows:
            return ""
        return f"<h2>{escape(self.word(heading))}</h2>{self._table(names, rows)}"

    def _table(self, names: Iterable[str], rows: Iterable[Sequence[Cell]]) -> str:
        heads = "".join(
            f"<th{_class(name.startswith('#'))}>{escape(self.word(name.removeprefix('#')))}</th>"
            for name in names
        )
        body = "".join(
            f"<tr>{''.join(f'<td{_class(is_number)}>{text}</td>' for text, is_number in row)}</tr>"
            for row in rows
        )
        return (
            f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
            "</table></div>"
        )


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _text(value: str | None) -> Cell:
    return (escape(value) if value else "–"), False


def _number(value: int | Decimal) -> Cell:
    return _plain(Decimal(value), 0), True


def _plain(value: Decimal, least: int) -> str:
    """Return *value* with all its digits but zeros at the end, and at least *least* decimals."""
    whole, _, decimals = f"{value:,f}".partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


def _minute(moment: datetime | date) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
