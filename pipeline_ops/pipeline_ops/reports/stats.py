"""Figures for the dashboard: today, this month, two weeks, the busiest, what is nearly used up."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.global_func import Actor, SafeSqlor, now, quota_day, quota_month, reading
from pipeline_ops.reports import recent
from pipeline_ops.reports.cache import slow_answer
from pipeline_ops.reports.distributors import distributor_statements

MAX_DAYS_SHOWN = 14
MAX_PIPELINES_SHOWN = 5
MAX_NEAR_SHOWN = 10
# From this share on a quota is "near its limit".
NEAR = Decimal("0.8")


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
    day, month = quota_day(moment), quota_month(moment)
    days = _last_days(moment)
    async with reading(snapshot=True) as sor:
        rows = await sor.sqlExe(_BY_DAY, {"first": min(days[0], f"{month}-01"), "last": day})
        return {
            "now": moment,
            "today": summary([row for row in rows if row["day_key"] == day]),
            "month": summary([row for row in rows if row["day_key"].startswith(month)]),
            "by_day": [_one_day(key, rows) for key in days],
            "by_hour": await recent.by_hour(sor, moment),
            "top_pipelines": _top(
                await sor.sqlExe(_BY_PIPELINE, {"first": f"{month}-01", "last": f"{month}-31"})
            ),
            "top_distributors": _top(
                await sor.sqlExe(distributor_statements().busiest, {"month": month})
            ),
            **await recent.pipelines_of_concern(sor, moment),
            "near_limit": await _near_limit(sor, day, month),
        }


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
        "amounts": _amounts(rows),
    }


def _sum(rows: list[Any], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def _one_day(key: str, rows: list[Any]) -> dict[str, Any]:
    own = [row for row in rows if row["day_key"] == key]
    return {
        "day": key,
        "calls": _sum(own, "calls"),
        "failed": _sum(own, "failed"),
        "amounts": _amounts(own),
    }


def _amounts(rows: list[Any]) -> dict[str, Decimal]:
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
            one["amounts"][row["currency"]] = row["amount"]
    return sorted(entries.values(), key=lambda one: (-one["calls"], one["name"]))[
        :MAX_PIPELINES_SHOWN
    ]


async def _near_limit(sor: SafeSqlor, day: str, month: str) -> list[dict[str, Any]]:
    values = {"day": day, "month": month, "near": NEAR}
    rows: list[dict[str, Any]] = []
    for sql in (*_NEAR_LIMIT, *distributor_statements().near_limit):
        rows += [dict(row) for row in await sor.sqlExe(sql, values)]
    rows.sort(key=lambda row: (-_share(row), row["name"]))
    return rows[:MAX_NEAR_SHOWN]


def _share(row: Mapping[str, Any]) -> Decimal:
    return Decimal(row["used"]) / row["limit"] if row["limit"] else Decimal(2)


# By line, so that the index (pipeline_id, day_key) serves them.
_BY_DAY = (
    "select u.day_key, u.currency, sum(u.calls) as calls,"
    " sum(u.line_no = 0 and u.status = 'succeeded') as succeeded,"
    " sum(u.line_no = 0 and u.status in ('failed', 'expired')) as failed,"
    " sum(u.line_no = 0 and u.status = 'reserved') as running, sum(u.amount) as amount"
    " from pipelines p join pipeline_usage_log u on u.pipeline_id = p.id"
    " and u.day_key between ${first}$ and ${last}$ group by u.day_key, u.currency"
)
_BY_PIPELINE = (
    "select p.id, p.name, u.currency, sum(u.calls) as calls, sum(u.amount) as amount"
    " from pipelines p join pipeline_usage_log u on u.pipeline_id = p.id"
    " and u.day_key between ${first}$ and ${last}$ group by p.id, p.name, u.currency"
)
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
