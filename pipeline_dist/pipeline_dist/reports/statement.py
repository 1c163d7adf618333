"""
The statement of a month: what was used at which price, and what is to be paid.

Amounts are kept to ten decimals all the way; the total is rounded to the currency's minor units,
once, half up.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.global_func import (
    SafeSqlor,
    check_params,
    minor_units,
    month_bounds,
    now,
    quota_month,
    zone_name,
)
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.reports.sums import CALLS_WITH_ITEM, IS_ITEM, NOT_ALL_REVERSED
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.pricing import with_shown_prices

LINE_COLUMNS = (
    "pipeline", "pipeline_name", "step_key", "model", "unit", "pricing_type", "unit_price",
    "unit_size", "package_size", "package_price", "calls", "quantity", "amount", "currency",
)  # fmt: skip
_NOTHING = Decimal("0.0000000000")
_OF_MONTH = " where u.distributor_id = ${distributor_id}$ and u.month_key = ${month}$"
_LINES = (
    "select p.code as pipeline, p.name as pipeline_name, u.step_key, u.model, u.unit,"  # noqa: S608  constants
    " u.pricing_type, u.unit_price, u.unit_size, u.package_size, u.package_price,"
    f" {CALLS_WITH_ITEM} as calls, sum(u.quantity) as quantity, sum(u.amount) as amount, u.currency"
    f" from pipeline_usage_log u join pipelines p on p.id = u.pipeline_id{_OF_MONTH} and {IS_ITEM}"
    " group by p.code, p.name, u.step_key, u.model, u.unit, u.pricing_type, u.unit_price,"
    f" u.unit_size, u.package_size, u.package_price, u.currency{NOT_ALL_REVERSED}"
    " order by p.code, u.step_key, u.model, u.unit, u.unit_price, u.package_price"
)
# What changes the bill by hand: of no line, and so told apart from the lines.
_ADJUSTMENTS = (
    "select u.entry_no, u.created_at as booked_at, u.amount, u.currency, u.reason, u.reference"  # noqa: S608  constants
    f" from pipeline_usage_log u{_OF_MONTH} and u.entry_type = 'adjustment' order by u.entry_no"
)
_SUMS = (
    "select coalesce(sum(u.calls), 0) as calls, coalesce(sum(u.amount), 0) as amount,"  # noqa: S608  constants
    " coalesce(sum(u.line_no = 0 and u.status = 'reserved'), 0) as running"
    f" from pipeline_usage_log u{_OF_MONTH} and u.entry_type <> 'topup'"
)


def check_month(month: str | None) -> str:
    """Return *month* as `YYYY-MM`, this quota month by default; raises InvalidFields."""
    month_text: str | None = check_params({"month": MONTH_RULE}, {"month": month})["month"]
    return month_text or quota_month(now())


async def statement(sor: SafeSqlor, distributor: Distributor, month: str) -> dict[str, Any]:
    """Return the statement of *distributor* for the quota month *month*; final once the month is
    over."""
    values = {"distributor_id": distributor.id, "month": month}
    lines = await sor.sqlExe(_LINES, values)
    sums = await sor.one(_SUMS, values)
    assert sums is not None
    start, end = month_bounds(month)
    calls, running, sum_exact = int(sums["calls"]), int(sums["running"]), _NOTHING + sums["amount"]
    adjustments = await sor.sqlExe(_ADJUSTMENTS, values)
    return {
        "distributor": {"code": distributor.code, "name": distributor.name},
        "month": month,
        "from": start,
        "to": end,
        "time_zone": zone_name(),
        "currency": distributor.currency,
        "calls": calls,
        "running": running,
        "lines": [with_shown_prices(line) for line in lines],
        "adjustments": [dict(row) for row in adjustments],
        "amount": sum_exact,
        "total": round_amount(sum_exact, distributor.currency),
        "final": end <= now() and not running,
        "made_at": now(),
    }


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """Return *amount* as it is paid: in the minor units of *currency*, half up."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)
