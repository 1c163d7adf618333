"""Figures for the dashboard: today, this month, two weeks, the busiest, what is nearly used up."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import TOO_SLOW, Actor, Row, SafeSqlor, now, quota_day, quota_month, reading
from pipeline_ops.reports import recent
from pipeline_ops.reports.cache import slow_answer
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.rollup.kinds import TOTALS
from pipeline_ops.rollup.read import Use, of_month, usage_source

MAX_DAYS_SHOWN = 14
MAX_PIPELINES_SHOWN = 5
MAX_NEAR_SHOWN = 10
# From this share on a quota is "near its limit".
NEAR = Decimal("0.8")
OUTCOMES = ("calls", "succeeded", "failed", "running")


async def usage_stats(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return {now, today, month: {calls, succeeded, failed, running, success_rate, amounts}, by_hour,
    by_day, top_pipelines, top_distributors, slow_lines, failing_lines, near_limit}; days and months
    are those of the quota zone, amounts are by currency.

    `now` is when they were found: where that took long, a while ago (see `slow_answer`).
    """
    return await slow_answer(("usage_stats", quota_day(now())), _figures)


async def _figures() -> dict[str, Any]:
    moment = now()
    # Side by side: each is quick by itself, and on a large ledger somebody waits for all of them.
    days, last_hours, distributors = await asyncio.gather(
        _of_days(moment), _of_hours(moment), _of_distributors(quota_month(moment))
    )
    return {
        "now": moment,
        **days,
        "by_hour": last_hours.by_hour(),
        "top_distributors": distributors,
        **last_hours.pipelines_of_concern(),
    }


async def _of_days(moment: datetime) -> dict[str, Any]:
    day, month, last_days = quota_day(moment), quota_month(moment), _last_days(moment)
    use = Use(first_day=min(last_days[0], f"{month}-01"), last_day=day)
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        rows = await sums(sor, use, ("day_key", "pipeline_id"), OUTCOMES)
        rows_of_month = [row for row in rows if row["day_key"].startswith(month)]
        ids = sorted({row["pipeline_id"] for row in rows_of_month})
        names = await sor.sqlExe("select id, name from pipelines where id in ${ids}$", {"ids": ids})
        return {
            "today": summary([row for row in rows if row["day_key"] == day]),
            "month": summary(rows_of_month),
            "by_day": [_one_day(key, rows) for key in last_days],
            "top_pipelines": _top(_with_names(rows_of_month, "pipeline_id", names)),
            "near_limit": await near_limit(sor, day, month),
        }


async def _of_hours(moment: datetime) -> recent.Hours:
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return await recent.last_hours(sor, moment)


async def _of_distributors(month: str) -> list[dict[str, Any]]:
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return _top(await _by_distributor(sor, month))


async def by_day(sor: SafeSqlor, use: Use) -> list[Row]:
    """Return the calls by outcome and the amounts of pipelines, by day and currency."""
    return await sums(sor, use, ("day_key",), OUTCOMES)


async def _by_distributor(sor: SafeSqlor, month: str) -> list[Row]:
    source = await usage_source(
        sor,
        of_month(None, month),
        (TOTALS,),
        ("distributor_id", "currency", "entry_type", "calls", "amount"),
    )
    rows = await sor.sqlExe(
        "select r.distributor_id, r.currency, sum(r.calls) as calls, sum(r.amount) as amount"  # noqa: S608  constants
        f" from {source.text} where r.distributor_id <> '' and r.entry_type <> 'topup'"
        " group by r.distributor_id, r.currency",
        source.values,
    )
    ids = sorted({row["distributor_id"] for row in rows})
    names = await sor.sqlExe(distributor_statements().names, {"ids": ids})
    return _with_names(rows, "distributor_id", names)


async def sums(sor: SafeSqlor, use: Use, keys: Sequence[str], counts: Sequence[str]) -> list[Row]:
    """Return *counts* of calls and amounts of pipelines by *keys* and currency: what is of no
    pipeline is no use of one."""
    columns = dict.fromkeys((*keys, "pipeline_id", "currency", *counts, "amount"))
    source = await usage_source(sor, use, (TOTALS,), tuple(columns))
    terms = ", ".join(f"sum(r.{name}) as {name}" for name in (*counts, "amount"))
    groups = ", ".join(f"r.{name}" for name in (*keys, "currency"))
    rows: list[Row] = await sor.sqlExe(
        f"select {groups}, {terms} from {source.text}"  # noqa: S608  constants
        f" where r.pipeline_id is not null group by {groups}",
        source.values,
    )
    return rows


def _with_names(rows: list[Row], column: str, names: list[Row]) -> list[Row]:
    name_of = {row["id"]: row["name"] for row in names}
    return [
        Row(row | {"id": row[column], "name": name_of[row[column]]})
        for row in rows
        if row[column] in name_of
    ]


def _last_days(moment: Any) -> list[str]:
    # Half a day's steps reach every calendar day, also where one has 23 or 25 hours.
    rows_by_day = {
        quota_day(moment - timedelta(hours=12 * step)) for step in range(2 * MAX_DAYS_SHOWN + 1)
    }
    return sorted(rows_by_day)[-MAX_DAYS_SHOWN:]


def summary(rows: list[Any]) -> dict[str, Any]:
    """Return the sums of *rows* of calls per day and currency: calls by outcome, amounts by
    currency."""
    successes, failures = _sum(rows, "succeeded"), _sum(rows, "failed")
    return {
        "calls": _sum(rows, "calls"),
        "succeeded": successes,
        "failed": failures,
        "running": _sum(rows, "running"),
        "success_rate": recent.success_rate(successes, failures),
        "amounts": amounts_of(rows),
    }


def _sum(rows: list[Any], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def _one_day(key: str, rows: list[Any]) -> dict[str, Any]:
    own = [row for row in rows if row["day_key"] == key]
    return {
        "day": key,
        "calls": _sum(own, "calls"),
        "failed": _sum(own, "failed"),
        "amounts": amounts_of(own),
    }


def amounts_of(rows: list[Any]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for row in rows:
        if row["amount"]:
            amounts[row["currency"]] = amounts.get(row["currency"], Decimal(0)) + row["amount"]
    return dict(sorted(amounts.items()))


def _top(rows: list[Any]) -> list[dict[str, Any]]:
    """Return the busiest first, out of *rows* of calls per id and currency."""
    entries: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = entries.setdefault(
            row["id"], {"id": row["id"], "name": row["name"], "calls": 0, "amounts": {}}
        )
        one["calls"] += int(row["calls"])
        if row["amount"]:
            amounts = one["amounts"]
            amounts[row["currency"]] = amounts.get(row["currency"], Decimal(0)) + row["amount"]
    return sorted(entries.values(), key=lambda one: (-one["calls"], one["name"]))[
        :MAX_PIPELINES_SHOWN
    ]


async def near_limit(sor: SafeSqlor, day: str, month: str) -> list[dict[str, Any]]:
    values = {"day": day, "month": month, "near": NEAR}
    rows: list[dict[str, Any]] = []
    for sql in (*_NEAR_LIMIT, *distributor_statements().near_limit):
        rows += [dict(row) for row in await sor.sqlExe(sql, values)]
    rows.sort(key=lambda row: (-_share(row), row["name"]))
    return rows[:MAX_NEAR_SHOWN]


def _share(row: Mapping[str, Any]) -> Decimal:
    return Decimal(row["used"]) / row["limit"] if row["limit"] else Decimal(2)


_NEAR_LIMIT = (
    "select 'capacity_day' as scope, p.id, p.name, c.day_used as used, c.daily_quota as `limit`"
    " from pipeline_capacity c join pipelines p on p.id = c.pipeline_id"
    " where c.enabled = 1 and c.day_key = ${day}$ and c.day_used >= c.daily_quota * ${near}$",
    "select 'capacity_month' as scope, p.id, p.name, c.month_used as used,"
    " c.monthly_quota as `limit`"
    " from pipeline_capacity c join pipelines p on p.id = c.pipeline_id"
    " where c.enabled = 1 and c.month_key = ${month}$"
    " and c.month_used >= c.monthly_quota * ${near}$",
    "select 'concurrency' as scope, p.id, p.name, c.running as used, c.max_concurrency as `limit`"
    " from pipeline_capacity c join pipelines p on p.id = c.pipeline_id"
    " where c.enabled = 1 and c.running >= c.max_concurrency * ${near}$",
)
