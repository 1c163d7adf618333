"""One line's figures for its own page: prices, what of its capacity is used, who runs right now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.global_func import (
    TOO_SLOW,
    Actor,
    FieldRule,
    Row,
    SafeSqlor,
    check_params,
    day_bounds,
    get_row,
    month_bounds,
    now,
    quota_day,
    quota_month,
    reading,
)
from pipeline_ops.reports.cache import slow_answer
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.reports.stats import by_day, summary
from pipeline_ops.rollup.read import Use
from pipeline_ops.rules.terms import EVERYBODY

MAX_RUNNING_SHOWN = 50
_ASKED = {"pipeline_id": FieldRule(kind="str", required=True, length=32)}


async def pipeline_figures(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return {now, prices, capacity, gauges: [{scope, used, limit, resets_at}], today, month,
    counted_at, running}.

    A price has the name of its distributor as `distributor`. `scope` is day, month or slots;
    `limit` is None where nothing limits, `capacity` None where the line has none. `running` are the
    calls that hold a slot, those that end first in front. `today` and `month` are as of
    `counted_at`: where counting took long, a while ago (see `slow_answer`).
    """
    pipeline_id = check_params(_ASKED, params)["pipeline_id"]
    moment = now()
    day = quota_day(moment)
    # On a connection of their own, so that nobody waits for them with another one in hand.
    counted_at, days = await slow_answer(
        ("pipeline_figures", pipeline_id, day), lambda: _days(pipeline_id, moment)
    )
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        await get_row(sor, "pipelines", pipeline_id)
        capacity = await sor.one(_CAPACITY, {"id": pipeline_id})
        running = await _running(sor, pipeline_id)
        prices = await _prices(sor, pipeline_id)
    return {
        "now": moment,
        "prices": prices,
        "capacity": capacity,
        "gauges": gauges(capacity, moment, len(running)),
        "today": summary([row for row in days if row["day_key"] == day]),
        "month": summary(days),
        "counted_at": counted_at,
        "running": running,
    }


async def _running(sor: SafeSqlor, pipeline_id: str) -> list[dict[str, Any]]:
    """Return the calls that hold a slot of the line, each with its distributor's name."""
    calls = await sor.sqlExe(_RUNNING, {"id": pipeline_id, "most": MAX_RUNNING_SHOWN})
    names = await _names(sor, calls)
    return [
        {
            "call_no": call["call_no"],
            "started_at": call["started_at"],
            "lease_expires_at": call["lease_expires_at"],
            "distributor": names.get(call["distributor_id"]),
        }
        for call in calls
    ]


async def _prices(sor: SafeSqlor, pipeline_id: str) -> list[dict[str, Any]]:
    """Return the prices of the line, each with the name of the distributor whose own it is."""
    prices = await sor.sqlExe(_PRICES, {"id": pipeline_id})
    names = await _names(sor, prices)
    return [{**price, "distributor": names.get(price["distributor_id"])} for price in prices]


async def _names(sor: SafeSqlor, rows: list[Row]) -> dict[str, str]:
    """Return the names of the distributors of *rows* by their ids."""
    ids = sorted({row["distributor_id"] for row in rows} - {None, EVERYBODY})
    if not ids:
        return {}
    names = await sor.sqlExe(distributor_statements().names, {"ids": ids})
    return {row["id"]: row["name"] for row in names}


async def _days(pipeline_id: str, moment: datetime) -> tuple[datetime, list[Row]]:
    """Return *moment*, and what the line has done on each day of its month so far, by currency."""
    use = Use(
        pipeline_id=pipeline_id,
        first_day=f"{quota_month(moment)}-01",
        last_day=quota_day(moment),
    )
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return moment, await by_day(sor, use)


def gauges(
    capacity: Mapping[str, Any] | None, moment: datetime, running: int
) -> list[dict[str, Any]]:
    """Return what of a line's *capacity* is used at *moment*; counters of a day gone by are 0."""
    day, month = quota_day(moment), quota_month(moment)
    row: Mapping[str, Any] = capacity or {}
    has_limits = bool(row.get("enabled"))
    return [
        {
            "scope": "day",
            "used": row["day_used"] if row.get("day_key") == day else 0,
            "limit": row.get("daily_quota") if has_limits else None,
            "resets_at": day_bounds(day)[1],
        },
        {
            "scope": "month",
            "used": row["month_used"] if row.get("month_key") == month else 0,
            "limit": row.get("monthly_quota") if has_limits else None,
            "resets_at": month_bounds(month)[1],
        },
        {
            "scope": "slots",
            "used": row["running"] if row else running,
            "limit": row.get("max_concurrency") if has_limits else None,
            "resets_at": None,
        },
    ]


_CAPACITY = "select * from pipeline_capacity where pipeline_id = ${id}$"
_PRICES = (
    "select * from pipeline_pricing where pipeline_id = ${id}$"
    " order by unit, step_key, model, distributor_id, effective_from, id limit 1000"
)
# Served by the index (status, lease_expires_at): few calls run at a time.
_RUNNING = (
    "select call_no, started_at, lease_expires_at, distributor_id from pipeline_usage_log"
    " where status = 'reserved' and pipeline_id = ${id}$ and line_no = 0"
    " order by lease_expires_at limit ${most}$"
)
