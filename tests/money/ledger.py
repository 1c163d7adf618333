"""
Section 4 of money over time: rows that are only added, numbered in the order of settlement, and the
one definition of calls, quantities and amounts over them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.money.prices import Match, Terms

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Item:
    """What a call says it has used."""

    unit: str
    quantity: Decimal
    step: str = ""
    model: str = ""


@dataclass(slots=True, kw_only=True)
class Row:
    """A row of the ledger. `calls` is 1 on the header of each call that keeps its quota."""

    entry_type: str
    call: str = ""
    line_no: int = 0
    distributor: str
    pipeline: str = ""
    entry_no: int | None = None
    item: Item | None = None
    match: Match | None = None
    amount: Decimal = NOTHING
    calls: int = 0
    day_key: str
    month_key: str
    started_at: datetime
    settled_at: datetime | None = None
    currency: str
    reverses: "Row | None" = None
    reason: str = ""
    reference: str = ""
    # Where its packages are kept, of a line that is charged in packages.
    package_key: tuple[str, ...] | None = None

    @property
    def quantity(self) -> Decimal:
        """Units used; those of a reversal are given back."""
        if self.item is None:
            return NOTHING
        return -self.item.quantity if self.entry_type == "reversal" else self.item.quantity

    @property
    def terms(self) -> Terms | None:
        """The terms at which it was charged."""
        return self.match.terms if self.match else None


@dataclass(slots=True, kw_only=True)
class Call:
    """A call: its header, its further items, and the terms that it began under."""

    ref: str
    header: Row
    status: str
    mode: str
    rate: Decimal | None
    number: int
    lease_end: datetime | None = None
    estimate: Decimal = NOTHING
    rows: list[Row] = field(default_factory=list)
    # What its end was asked with, for one that is asked again.
    end_body: tuple[str, tuple[Item, ...]] | None = None
    first_amount: Decimal = NOTHING

    @property
    def items(self) -> list[Row]:
        """The rows that were charged for an item, in their order."""
        return [row for row in self.rows if row.item and row.entry_type == "charge"]

    @property
    def next_line(self) -> int:
        """The number of the next row."""
        return max(row.line_no for row in self.rows) + 1


@dataclass(frozen=True, slots=True)
class Sums:
    """Calls and amount over rows; adjustments are in the amount."""

    calls: int
    amount: Decimal
    running: int


def sums(rows: Iterable[Row], calls: dict[str, Call]) -> Sums:
    """The one definition: over all rows but top-ups, whatever their status."""
    own_rows = [row for row in rows if row.entry_type != "topup"]
    return Sums(
        sum(row.calls for row in own_rows),
        sum((row.amount for row in own_rows), NOTHING),
        sum(
            row.line_no == 0 and row.entry_type == "charge" and calls[row.call].status == "reserved"
            for row in own_rows
        ),
    )


def is_item(row: Row) -> bool:
    """Whether it is a metered item, or the reversal of one."""
    return row.item is not None


GroupKey = tuple[object, ...]


def sums_by(
    rows: Iterable[Row], key: Callable[[Row], GroupKey]
) -> dict[GroupKey, tuple[int, Decimal, Decimal]]:
    """
    Distinct calls with an item that is not reversed, quantity and amount, by *key*.

    A group of which everything is reversed is left out, unless something remains to be paid in it.
    """
    rows = list(rows)
    reversals = {id(row.reverses) for row in rows if row.reverses is not None}
    result: dict[GroupKey, tuple[int, Decimal, Decimal]] = {}
    groups: dict[GroupKey, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    for group, members in groups.items():
        names = {
            row.call for row in members
            if row.entry_type == "charge" and is_item(row) and id(row) not in reversals
        }  # fmt: skip
        quantity = sum((row.quantity for row in members), NOTHING)
        amount = sum((row.amount for row in members), NOTHING)
        if names or quantity or amount:
            result[group] = len(names), quantity, amount
    return result
