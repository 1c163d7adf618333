"""How hours went: calls by hour, and of the last ones the lines that were slow or failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from app.global_func import Row, SafeSqlor, iso, quota_day

MAX_HOURS_SHOWN = 24
MAX_PIPELINES_SHOWN = 5
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """The time from `start` up to and without `end`: sums by hour, pipeline and currency."""

    start: datetime
    end: datetime
    rows: list[Row]

    @classmethod
    async def read(
        cls, sor: SafeSqlor, start: datetime, end: datetime, pipeline_id: str | None = None
    ) -> Self:
        """Read them in one go, with *pipeline_id* of that pipeline alone."""
        pipelines = await sor.sqlExe(_PIPELINES, {"id": pipeline_id})
        name_of = {row["id"]: row["name"] for row in pipelines}
        values = {
            "start": start,
            "end": end,
            "first": quota_day(start),
            "last": quota_day(end),
            "ids": list(name_of),
        }
        rows = await sor.sqlExe(_RECENT, values)
        return cls(start, end, [Row(row | {"name": name_of[row["id"]]}) for row in rows])

    def by_hour(self) -> list[dict[str, Any]]:
        """Return `{hour (its start), calls, failed, amounts}` of each, none left out."""
        return [_one_hour(hour, self.rows) for hour in self._hours()]

    def _hours(self) -> Iterator[datetime]:
        hour = _hour_of(self.start)
        while hour < self.end:
            yield hour
            hour += _HOUR

    def pipelines_of_concern(self) -> dict[str, list[dict[str, Any]]]:
        """Return `{slow_lines, failing_lines}`, the worst first."""
        rows_by_pipeline: dict[str, list[Row]] = {}
        for row in self.rows:
            rows_by_pipeline.setdefault(row["id"], []).append(row)
        concerns = [_concern(rows) for rows in rows_by_pipeline.values()]
        concerns = [pipeline for pipeline in concerns if pipeline["calls"] > 0]
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
    """Return the share of ended calls that succeeded, rounded to 4 decimals, though less than all
    is never 1; None before any has ended."""
    total = successes + failures
    if not total:
        return None
    ten_thousandths = (successes * 20_000 + total) // (2 * total)
    return Decimal(min(ten_thousandths, 9999) if failures else ten_thousandths) / 10_000


async def last_hours(sor: SafeSqlor, moment: datetime) -> Hours:
    """Return the last 24 hours, that of *moment* the last of them."""
    hour = _hour_of(moment)
    return await Hours.read(sor, hour - (MAX_HOURS_SHOWN - 1) * _HOUR, hour + _HOUR)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _one_hour(hour: datetime, rows: list[Row]) -> dict[str, Any]:
    own = [row for row in rows if row["hour"] == hour.strftime("%Y-%m-%d %H")]
    amounts: dict[str, Decimal] = {}
    for row in own:
        amounts[row["currency"]] = amounts.get(row["currency"], Decimal(0)) + row["amount"]
    return {
        "hour": iso(hour),
        "calls": sum(int(row["calls"]) for row in own),
        "failed": sum(int(row["failed"]) for row in own),
        "amounts": {currency: amount for currency, amount in amounts.items() if amount},
    }


def _concern(rows: list[Row]) -> dict[str, Any]:
    """Return how a pipeline's calls went, out of its *rows*."""
    counts = {
        name: sum(int(row[name] or 0) for row in rows)
        for name in ("calls", "succeeded", "failed", "durations", "duration_ms")
    }
    longest = [row["longest_ms"] for row in rows if row["longest_ms"] is not None]
    return {
        "id": rows[0]["id"],
        "name": rows[0]["name"],
        "calls": counts["calls"],
        "failed": counts["failed"],
        "success_rate": success_rate(counts["succeeded"], counts["failed"]),
        "mean_ms": counts["duration_ms"] // counts["durations"] if counts["durations"] else None,
        "longest_ms": max(longest, default=None),
    }


_PIPELINES = "select id, name from pipelines where ${id}$ is null or id = ${id}$"
# Each pipeline with these days: read by the index (pipeline_id, day_key).
_RECENT = (
    "select substr(cast(u.started_at as char), 1, 13) as hour, u.pipeline_id as id, u.currency,"
    " sum(u.calls) as calls, sum(u.line_no = 0 and u.status = 'succeeded') as succeeded,"
    " sum(u.line_no = 0 and u.status in ('failed', 'expired')) as failed,"
    " sum(u.amount) as amount,"
    # Only headers have a duration.
    " sum(case when u.status = 'succeeded' then u.duration_ms end) as duration_ms,"
    " count(case when u.status = 'succeeded' then u.duration_ms end) as durations,"
    " max(case when u.status = 'succeeded' then u.duration_ms end) as longest_ms"
    " from pipeline_usage_log u force index (pipeline_usage_log_pipeline_day)"
    " where u.pipeline_id in ${ids}$ and u.day_key between ${first}$ and ${last}$"
    " and u.started_at >= ${start}$ and u.started_at < ${end}$"
    " group by hour, u.pipeline_id, u.currency"
)
