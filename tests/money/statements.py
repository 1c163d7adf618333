"""Section 5 of money over time: months that are closed in order, and what their statements say."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from tests.money.days import Calendar, next_month
from tests.money.ledger import Call, GroupKey, Row, Sums, is_item, sums, sums_by

# Minor units of ISO 4217 where they are not two.
MINOR_UNITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}


def round_total(amount: Decimal, currency: str) -> Decimal:
    """What is to be paid: the currency's minor units, half up, once."""
    return amount.quantize(_minor_unit(currency), ROUND_HALF_UP)


def cut_total(amount: Decimal, currency: str) -> Decimal:
    """What can be paid of *amount* without paying more: the rest is less than a minor unit."""
    return amount.quantize(_minor_unit(currency), ROUND_DOWN)


def _minor_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))


@dataclass(slots=True)
class Statement:
    """What a month's statement says."""

    sums: Sums
    total: Decimal
    lines: dict[GroupKey, tuple[int, Decimal, Decimal]]
    corrections: list[Row]
    status: str
    number: str | None


def price_key(row: Row) -> GroupKey:
    """By what the lines of a statement are grouped."""
    assert row.item is not None
    item, terms = row.item, row.terms
    price = (terms.pricing_type, terms.price, terms.size) if terms else ()
    return row.pipeline, item.step, item.model, item.unit, *price


def is_correction(row: Row, calendar: Calendar) -> bool:
    """Whether it stands in another month than that in which its call was made."""
    return row.entry_type in ("charge", "reversal") and row.month_key != calendar.month_key(
        row.started_at
    )


class Months:
    """The closed months of one distributor, and the numbers of its statements."""

    def __init__(self) -> None:
        self.closed_month: str | None = None
        self.numbers: dict[str, str] = {}

    def is_closed(self, month: str) -> bool:
        """Whether the month's statement is final."""
        return self.closed_month is not None and month <= self.closed_month

    def open_month(self, month: str) -> str:
        """Where something of *month* stands: there, or in the oldest month not closed."""
        if self.closed_month is None or not self.is_closed(month):
            return month
        return next_month(self.closed_month)

    def status(self, month: str, calendar: Calendar, now: datetime) -> str:
        """Open, ended or closed."""
        if self.is_closed(month):
            return "closed"
        return "ended" if calendar.month_end(month) <= now else "open"


def statement(rows: list[Row], calls: dict[str, Call], months: Months, month: str,
              currency: str, calendar: Calendar, now: datetime) -> Statement:  # fmt: skip
    """The statement of *month* out of a distributor's rows."""
    own_rows = [row for row in rows if row.month_key == month]
    total = sums(own_rows, calls)
    return Statement(
        total,
        round_total(total.amount, currency),
        sums_by(
            [row for row in own_rows if is_item(row) and not is_correction(row, calendar)],
            price_key,
        ),
        [row for row in own_rows if is_correction(row, calendar) and (is_item(row) or row.calls)],
        months.status(month, calendar, now),
        months.numbers.get(month),
    )
