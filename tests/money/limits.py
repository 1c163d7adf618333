"""Section 6 of money over time: what is spent in the running period, and what is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.money.days import Calendar
from tests.money.ledger import NOTHING, Call, Row
from tests.money.refusal import Refusal


@dataclass(slots=True)
class SpendLimit:
    """What a distributor may spend: up to a limit by period, or what it has paid before."""

    limit: Decimal | None = None
    period: str = "none"
    # The last settlement before the switch to prepaid: those behind it are paid from the balance.
    prepaid_since: int | None = None

    def spend(self, rows: Iterable[Row], calendar: Calendar, now: datetime) -> Decimal:
        """Charges and adjustments settled in the running period, less the reversals of those."""
        period = calendar.period_key(self.period, now)

        def is_settled_now(row: Row) -> bool:
            moment = row.settled_at
            return moment is not None and calendar.period_key(self.period, moment) == period

        total = NOTHING
        for row in rows:
            if row.entry_type == "topup":
                continue
            source = row.reverses if row.entry_type == "reversal" else row
            if source is not None and is_settled_now(source):
                total += row.amount
        return total

    def balance(self, rows: Iterable[Row]) -> Decimal:
        """Top-ups less all other rows, of what was settled since prepayment began."""
        assert self.prepaid_since is not None
        total = NOTHING
        for row in rows:
            if row.entry_no is not None and row.entry_no > self.prepaid_since:
                total += row.amount if row.entry_type == "topup" else -row.amount
        return total

    def room(self, rows: list[Row], calls: Iterable[Call], calendar: Calendar,
             now: datetime) -> Decimal | None:  # fmt: skip
        """What may still be spent: None without a limit."""
        estimates = reserved_amount(calls)
        if self.prepaid_since is not None:
            return self.balance(rows) - estimates
        if self.limit is None:
            return None
        return self.limit - self.spend(rows, calendar, now) - estimates


def reserved_amount(calls: Iterable[Call]) -> Decimal:
    """The estimates on headers still reserved, whatever period they began in."""
    return sum((call.estimate for call in calls if call.status == "reserved"), NOTHING)


def check_amount(room: Decimal | None, amount: Decimal) -> None:
    """Refuse a finished call that would pass the limit; an amount of 0 is let in at the limit."""
    if room is not None and amount > 0 and amount > room:
        raise Refusal("spend_limit_reached")


def check_begin(room: Decimal | None, estimate: Decimal | None) -> None:
    """Refuse a call that begins: by its estimate, or without one at the limit."""
    if room is not None and (room <= 0 if estimate is None else estimate > room):
        raise Refusal("spend_limit_reached")
