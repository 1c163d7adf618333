"""How the last 24 hours went: calls by hour, and the lines that were slow or failed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor, iso, quota_day

MAX_HOURS_SHOWN = 24
MAX_PIPELINES_SHOWN = 5


async def by_hour(sor: SafeSqlor, moment: datetime) -> list[dict[str, Any]]:
    """Return `{hour (its start), calls, failed, amounts}` of the last 24 hours, none left out."""
    first = _first_hour(moment)
    rows = await sor.sqlExe(_BY_HOUR, _since(first, moment))
    return [
        _one_hour(first + timedelta(hours=number), rows) for number in range(MAX_HOURS_SHOWN)
    ]  # fmt: skip


async def pipelines_of_concern(sor: SafeSqlor, moment: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return `{slow_lines, failing_lines}` of the last 24 hours, the worst first."""
    rows = await sor.sqlExe(_BY_PIPELINE, _since(_first_hour(moment), moment))
    concerns = [_concern(row) for row in rows]
    slow = sorted(
        (pipeline for pipeline in concerns if pipeline["mean_ms"] is not None),
        key=lambda pipeline: -pipeline["mean_ms"],
    )
    failing = sorted(
        (pipeline for pipeline in concerns if pipeline["failed"]),
        key=lambda pipeline: (pipeline["success_rate"], -pipeline["failed"]),
    )
    return {
        "slow_lines": slow[:MAX_PIPELINES_SHOWN],
        "failing_lines": failing[:MAX_PIPELINES_SHOWN],
    }


def success_rate(successes: int, failures: int) -> Decimal | None:
    """Return the share of ended calls that succeeded, cut to 4 decimals; None before any has
    ended."""
    total = successes + failures
    return Decimal(successes * 10_000 // total) / 10_000 if total else None


def _first_hour(moment: datetime) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=MAX_HOURS_SHOWN - 1)


def _since(first: datetime, moment: datetime) -> dict[str, Any]:
    return {"start": first, "first": quota_day(first), "last": quota_day(moment)}


def _one_hour(hour: datetime, rows: list[Any]) -> dict[str, Any]:
    own = [row for row in rows if row["hour"] == hour.strftime("%Y-%m-%d %H")]
    return {
        "hour": iso(hour),
        "calls": sum(int(row["calls"]) for row in own),
        "failed": sum(int(row["failed"]) for row in own),
        "amounts": {row["currency"]: row["amount"] for row in own if row["amount"]},
    }


def _concern(row: Mapping[str, Any]) -> dict[str, Any]:
    failures = int(row["failed"])
    mean = row["mean_ms"]
    return {
        "id": row["id"],
        "name": row["name"],
        "calls": int(row["calls"]),
        "failed": failures,
        "success_rate": success_rate(int(row["succeeded"]), failures),
        "mean_ms": None if mean is None else int(mean),
        "longest_ms": row["longest_ms"],
    }


# By line, so that the index (pipeline_id, day_key) serves both.
_RECENT = (
    " from pipelines p join pipeline_usage_log u on u.pipeline_id = p.id"
    " and u.day_key between ${first}$ and ${last}$ and u.started_at >= ${start}$"
)
_BY_HOUR = (
    "select substr(cast(u.started_at as char), 1, 13) as hour, u.currency,"
    " sum(u.calls) as calls, sum(u.line_no = 0 and u.status in ('failed', 'expired')) as failed,"
    " sum(u.amount) as amount" + _RECENT + " group by hour, u.currency"
)
_BY_PIPELINE = (
    "select p.id, p.name, sum(u.calls) as calls,"
    " sum(u.line_no = 0 and u.status = 'succeeded') as succeeded,"
    " sum(u.line_no = 0 and u.status in ('failed', 'expired')) as failed,"
    # Only headers have a duration.
    " avg(case when u.status = 'succeeded' then u.duration_ms end) as mean_ms,"
    " max(case when u.status = 'succeeded' then u.duration_ms end) as longest_ms"
    + _RECENT
    + " where u.calls <> 0 group by p.id, p.name having calls > 0"
)
