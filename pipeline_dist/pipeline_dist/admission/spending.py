"""
What a distributor may still spend: its limit of money for a period or in all, or its balance.

Everything is decided on the distributor's locked row. `spend_used` is what was settled in the
period `spend_key`, `spend_reserved` the estimates of calls that run, whenever they began; of a
prepaid distributor `balance` is what was paid in less what was settled since. A row of the ledger
says by its `spend_day` in which period it counts (a reversal: that of the row it takes back).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import AppError, next_day_start, next_month_start, quota_day
from pipeline_dist.accounts.rows import BillingMode, Distributor, SpendPeriod, spend_key
from pipeline_dist.errors import BALANCE_SPENT, SPEND_LIMIT_REACHED
from pipeline_ops.rules.limits import Limit

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLimit(Limit):
    """A limit of money, of which *reserved* is kept for calls that run; prepaid, `limit` is the
    balance, of which nothing is used."""

    reserved: Decimal
    currency: str
    is_balance: bool = False

    @property
    def remaining(self) -> Decimal:
        """What may still be spent, never below 0; with all its decimals."""
        rest = self.limit - self.used - self.reserved
        return max(rest, rest - rest)

    @property
    def full(self) -> bool:
        """Whether nothing more may be spent."""
        return self.used + self.reserved >= self.limit

    def room_at(self, moment: datetime) -> datetime | None:
        """Return when the period ends; None where that alone makes no room, since no period ends
        or what is reserved stays."""
        return None if self.reserved >= self.limit else self.resets_at

    def allows(self, amount: Decimal) -> bool:
        """Return whether *amount* fits beside what is used and reserved."""
        return self.used + self.reserved + amount <= self.limit

    def public(self) -> dict[str, Any]:
        """For an answer: scope, limit, used, reserved, remaining, resets_at."""
        return {
            "scope": self.scope,
            "limit": self.limit,
            "used": self.used,
            "reserved": self.reserved,
            "remaining": self.remaining,
            "resets_at": self.resets_at,
        }


def settle_day(row: Distributor, moment: datetime) -> str:
    """
    Return the day on which what is settled at *moment* counts: its quota day, but none before the
    period that has begun. Where a clock is set back the period stays, so that nobody gets beyond
    the limit of the later one.
    """
    day = quota_day(moment)
    key, current_key = spend_key(row.spend_period, day), row.spend_key
    if key is None or current_key is None or len(key) != len(current_key) or key >= current_key:
        return day
    return current_key if row.spend_period == SpendPeriod.DAY else f"{current_key}-01"


def roll_over_spending(row: Distributor, moment: datetime) -> str:
    """Let a locked row go over to the spending period of *moment*; its `settle_day`. Nothing is
    settled yet in a period that begins: whatever is, goes through here."""
    day = settle_day(row, moment)
    key = spend_key(row.spend_period, day)
    if key != row.spend_key:
        row.spend_key, row.spend_used = key, ZERO
    return day


def charge(row: Distributor, amount: Decimal, day: str | None) -> None:
    """Charge *amount*, which counts on *day*, on a locked row that has its present period; or give
    it back, where it is negative."""
    if day is not None and spend_key(row.spend_period, day) == row.spend_key:
        row.spend_used += amount
    if row.billing_mode == BillingMode.PREPAID:
        row.balance -= amount


def spending_of(row: Distributor, moment: datetime) -> Decimal:
    """Return what is spent in the period of *moment*, also on a row of an earlier one."""
    key = spend_key(row.spend_period, settle_day(row, moment))
    return row.spend_used if key == row.spend_key else ZERO


def resets_at(row: Distributor, moment: datetime) -> datetime | None:
    """Return when the spending period of *moment* ends; None where it does not."""
    if row.spend_period == SpendPeriod.NONE:
        return None
    return (next_day_start if row.spend_period == SpendPeriod.DAY else next_month_start)(moment)


def spend_limits(row: Distributor, moment: datetime) -> list[SpendLimit]:
    """Return what limits a distributor's spending at *moment*, if anything does."""
    if row.billing_mode == BillingMode.PREPAID:
        return [
            SpendLimit(
                scope="spend", limit=row.balance, used=ZERO, reserved=row.spend_reserved,
                resets_at=None, currency=row.currency, is_balance=True,
            )
        ]  # fmt: skip
    if row.spend_limit is None:
        return []
    return [
        SpendLimit(
            scope="spend", limit=row.spend_limit, used=spending_of(row, moment),
            reserved=row.spend_reserved, resets_at=resets_at(row, moment), currency=row.currency,
        )
    ]  # fmt: skip


def check_amount(row: Distributor, moment: datetime, amount: Decimal) -> None:
    """Raise PaymentRequired `spend_limit_reached` unless a call that is over may be booked at
    *amount*; one that costs nothing always may."""
    for limit in spend_limits(row, moment):
        if amount > 0 and not limit.allows(amount):
            raise _refusal(limit, amount)


def check_begin(row: Distributor, moment: datetime, estimate: Decimal | None) -> None:
    """Raise PaymentRequired `spend_limit_reached` unless a call may begin: its *estimate* fits, or
    without one anything is left."""
    for limit in spend_limits(row, moment):
        if limit.full if estimate is None else not limit.allows(estimate):
            raise _refusal(limit, estimate)


def _refusal(limit: SpendLimit, amount: Decimal | None) -> AppError:
    extra = limit.public() | {"amount": amount}
    del extra["remaining"]
    if limit.is_balance:
        extra["balance"] = limit.limit
    entry = BALANCE_SPENT if limit.is_balance else SPEND_LIMIT_REACHED
    return entry(extra=extra, limit=limit.limit, currency=limit.currency)
