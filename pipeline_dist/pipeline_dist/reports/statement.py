"""
The statement of a month: what was used at which price, and what is to be paid.

Amounts are kept to ten decimals all the way; the total is rounded to the currency's minor units,
once, half up. What is read here can still change; that of a closed month is kept
(pipeline_dist/closing).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from app.global_func import (
    SafeSqlor,
    check_params,
    minor_units,
    month_bounds,
    now,
    quota_month,
    settings,
    zone_name,
)
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.reports.usage_groups import NOT_ALL_REVERSED
from pipeline_ops.rollup.kinds import LINES, TOTALS
from pipeline_ops.rollup.read import UsageReader, of_month
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.pricing import with_shown_prices


class MonthStatus(StrEnum):
    """What has become of a month: it runs, is over, is closed for good."""

    OPEN = "open"
    ENDED = "ended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Closing:
    """What a month is closed as: the number of its statement, and when."""

    number: str
    moment: datetime


LINE_COLUMNS = (
    "pipeline", "pipeline_name", "step_key", "model", "unit", "pricing_type", "unit_price",
    "unit_size", "package_size", "package_price", "calls", "quantity", "amount", "currency",
)  # fmt: skip
_NOTHING = Decimal("0.0000000000")
_OF_MONTH = " where u.distributor_id = ${distributor_id}$ and u.month_key = ${month}$"
_PRICES = "pricing_type, unit_price, unit_size, package_size, package_price"
_SUMS_OF = (
    "pipeline_id", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size",
    "package_size", "package_price", "currency", "day_key", "month_key", "month_calls", "quantity",
    "amount",
)  # fmt: skip
# The pipelines' names after the sums, so that no plan begins with them.
_LINES = (
    "select p.code as pipeline, p.name as pipeline_name, g.* from (select r.pipeline_id,"  # noqa: S608  constants
    f" r.step_key, r.model, r.unit, {_PRICES}, cast(sum(r.month_calls) as signed) as calls,"
    " sum(r.quantity) as quantity, sum(r.amount) as amount, r.currency from {rows}"
    " where r.unit <> '' and r.day_key like concat(r.month_key, '-%')"
    f" group by r.pipeline_id, r.step_key, r.model, r.unit, {_PRICES}, r.currency"
    f"{NOT_ALL_REVERSED}) g join pipelines p on p.id = g.pipeline_id"
    " order by p.code, g.step_key, g.model, g.unit, g.unit_price, g.package_price"
)
_LATE_DAYS = (
    "select distinct r.day_key from {rows} where r.day_key not like concat(r.month_key, '-%')"
)
_CORRECTIONS = (
    "select u.call_no, u.line_no, u.entry_no, u.entry_type, substr(u.day_key, 1, 7) as month,"  # noqa: S608  constants
    " u.started_at, p.code as pipeline, p.name as pipeline_name, u.step_key, u.model, u.unit,"
    " u.pricing_type, u.unit_price, u.unit_size, u.package_size, u.package_price, u.calls,"
    " u.quantity, u.amount, u.currency, u.reason"
    " from pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
    f" join pipelines p on p.id = u.pipeline_id{_OF_MONTH}"
    " and u.day_key in ${days}$ and u.entry_type in ('charge', 'reversal')"
    " and (u.unit <> '' or u.calls <> 0) order by u.entry_no, u.call_no, u.line_no"
)
# What changes the bill by hand: of no line, and so told apart from the lines.
_ADJUSTMENTS = (
    "select u.entry_no, u.created_at as booked_at, u.amount, u.currency, u.reason, u.reference"  # noqa: S608  constants
    " from pipeline_usage_log u force index (pipeline_usage_log_reference)"
    f"{_OF_MONTH} and u.entry_type = 'adjustment' order by u.entry_no"
)
# Of a distributor and month `m`: not only top-ups, which no statement lists. A value, not `exists`:
# of that the optimiser would make a list of all rows first.
HAS_STATEMENT = (
    "(select 1 from pipeline_usage_log t force index (pipeline_usage_log_distributor_month)"
    " where t.distributor_id = m.distributor_id"
    " and t.month_key = m.month and t.entry_type <> 'topup' limit 1) = 1"
)
_SUMS = (
    "select coalesce(sum(r.calls), 0) as calls, coalesce(sum(r.amount), 0) as amount,"
    " coalesce(sum(r.running), 0) as running from {rows} where r.entry_type <> 'topup'"
)


def check_month(month: str | None) -> str:
    """Return *month* as `YYYY-MM`, this quota month by default; raises InvalidFields."""
    month_text: str | None = check_params({"month": MONTH_RULE}, {"month": month})["month"]
    return month_text or quota_month(now())


def month_status(closed_month: str | None, month: str) -> MonthStatus:
    """Return what has become of *month* for a distributor that has *closed_month* behind it."""
    if closed_month is not None and month <= closed_month:
        return MonthStatus.CLOSED
    return MonthStatus.ENDED if month_bounds(month)[1] <= now() else MonthStatus.OPEN


async def statement(
    sor: SafeSqlor,
    distributor: Distributor,
    month: str,
    closing: Closing | None = None,
    *,
    of_ledger: bool = False,
) -> dict[str, Any]:
    """
    Return the statement of *distributor* for the quota month *month*, as the ledger has it now.

    It has a number and is final where the month is closed with *closing*. `lines` are what belongs
    to the month by its date, `corrections` what came too late for the statement of its own month.
    With *of_ledger* the sums of days are left aside (pipeline_ops/rollup).
    """
    values = {"distributor_id": distributor.id, "month": month}
    reader = await UsageReader.open(
        sor, of_month(distributor.id, month), of_ledger=of_ledger,
        without_running=closing is not None,  # read in a transaction, not in a snapshot
    )  # fmt: skip
    lines = await _read_lines(sor, reader)
    corrections = await _read_corrections(sor, reader, values)
    adjustments = [dict(row) for row in await sor.sqlExe(_ADJUSTMENTS, values)]
    totals = reader.source((TOTALS,), ("entry_type", "calls", "amount", "running"))
    sums = await sor.one(_SUMS.format(rows=totals.text), totals.values)
    assert sums is not None
    return {
        **_heading(distributor, month, closing),
        "calls": int(sums["calls"]),
        "running": int(sums["running"]),
        "lines": lines,
        "corrections": corrections,
        "adjustments": adjustments,
        "lines_amount": _sum(lines),
        "corrections_amount": _sum(corrections),
        "adjustments_amount": _sum(adjustments),
        "amount": _NOTHING + sums["amount"],
        "total": round_amount(_NOTHING + sums["amount"], distributor.currency),
        "closed_at": closing.moment if closing else None,
        "made_at": closing.moment if closing else now(),
        "checksum": None,
    }


def _heading(distributor: Distributor, month: str, closing: Closing | None) -> dict[str, Any]:
    """Return what a statement says before its lines: which it is, for whom, of when."""
    start, end = month_bounds(month)
    status = MonthStatus.CLOSED if closing else month_status(distributor.closed_month, month)
    return {
        "number": closing.number if closing else None,
        "status": status,
        "final": status == MonthStatus.CLOSED,
        "sender": settings().options.statement_sender,
        "distributor": {"code": distributor.code, "name": distributor.name},
        "month": month,
        "from": start,
        "to": end,
        "time_zone": zone_name(),
        "currency": distributor.currency,
    }


async def _read_lines(sor: SafeSqlor, reader: UsageReader) -> list[dict[str, Any]]:
    """Return what belongs to the month by its own date."""
    source = reader.source((LINES,), _SUMS_OF)
    rows = await sor.sqlExe(_LINES.format(rows=source.text), source.values)
    return [with_shown_prices({name: row[name] for name in LINE_COLUMNS}) for row in rows]


async def _read_corrections(
    sor: SafeSqlor, reader: UsageReader, values: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return what came too late for the statement of its own month, row by row."""
    source = reader.source((TOTALS,), ("day_key", "month_key"))
    days = await sor.firsts(_LATE_DAYS.format(rows=source.text), source.values)
    if not days:
        return []
    rows = await sor.sqlExe(_CORRECTIONS, values | {"days": days})
    return [with_shown_prices(row) for row in rows]


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """Return *amount* as it is paid: in the minor units of *currency*, half up."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def _sum(rows: Iterable[dict[str, Any]]) -> Decimal:
    return sum((row["amount"] for row in rows), _NOTHING)
