"""The rows of distributors and of their lines, with the columns that calls are decided by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.global_func import SafeSqlor, column_names
from pipeline_dist.accounts.status import DistributorStatus
from pipeline_ops.rules.counters import CountingRow
from pipeline_ops.rules.terms import PricingMode


class QuotaPeriod(StrEnum):
    """How long a distributor's own quota is for."""

    NONE = "none"
    DAY = "day"
    MONTH = "month"


class SpendPeriod(StrEnum):
    """How long a distributor's limit of money is for; none: in all."""

    NONE = "none"
    DAY = "day"
    MONTH = "month"


class BillingMode(StrEnum):
    """Whether a distributor pays afterwards, or may spend what it has paid in."""

    POSTPAID = "postpaid"
    PREPAID = "prepaid"


@dataclass(slots=True)
class Distributor:
    """
    A row of distributors: who it is, what limits it, and its counters, changed in place.

    `keys_no` is raised by each change of its keys: what was read of a key under the same number is
    still so. `closed_month`: the last month that is closed, with all before it; None: none is.
    `usage_day`: the last day whose use is kept as sums (ledger/day_marks.py); None: none is yet.
    `balance_base`: the balance after the last top-up, `balance_base_no` the number of that.
    """

    id: str
    code: str
    name: str
    status: DistributorStatus
    currency: str
    rate_limit_per_minute: int | None
    rate_window: bytes | None
    quota_period: QuotaPeriod
    quota_calls: int | None
    quota_key: str | None
    quota_used: int
    billing_mode: BillingMode
    balance: Decimal
    balance_base: Decimal | None
    balance_base_no: int | None
    spend_limit: Decimal | None
    spend_period: SpendPeriod
    spend_key: str | None
    spend_used: Decimal
    spend_reserved: Decimal
    entry_no: int
    closed_month: str | None
    usage_day: str | None
    keys_no: int
    allowed_ips: str | None


@dataclass(slots=True)
class Link(CountingRow):
    """A row of distributor_pipeline: a line that a distributor has, at which terms and how much of
    it, and its counters, changed in place."""

    distributor_id: str
    pipeline_id: str
    enabled: int
    pricing_mode: PricingMode
    discount_rate: Decimal | None
    valid_from: datetime | None
    valid_to: datetime | None


DISTRIBUTOR_COLUMNS = column_names(Distributor)
LINK_COLUMNS = column_names(Link)
_READ_DISTRIBUTOR = f"select {', '.join(DISTRIBUTOR_COLUMNS)} from distributors where id = ${{id}}$"  # noqa: S608


def spend_key(period: str, day: str) -> str | None:
    """Return the spending period that a quota day belongs to; None where there are no periods."""
    if period == SpendPeriod.NONE:
        return None
    return day if period == SpendPeriod.DAY else day[:7]


def distributor_of(row: Mapping[str, Any]) -> Distributor:
    """Return the distributor in a row that has its columns among others."""
    return Distributor(*(row[name] for name in DISTRIBUTOR_COLUMNS))


def link_of(row: Mapping[str, Any]) -> Link:
    """Return the link in a row that has its columns among others."""
    return Link(*(row[name] for name in LINK_COLUMNS))


async def read_distributor(sor: SafeSqlor, distributor_id: str) -> Distributor | None:
    """Read a distributor as it is now, not locked; None where it is gone."""
    rows = await sor.tuples(_READ_DISTRIBUTOR, {"id": distributor_id})
    return Distributor(*rows[0]) if rows else None
