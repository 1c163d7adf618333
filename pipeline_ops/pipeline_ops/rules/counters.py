"""
How many calls a line gives: counters by day and month, and slots for calls that run.

Pure functions on a record (the row as a dict); reading and locking the row stand at the end. The
same counters are on a distributor's line (pipeline_dist), so the functions take either record.

A counter belongs to its key ('2026-11-24', '2026-11') and turns over to a later key when the
first call of that day or month comes; what was used of the new key is asked from the ledger,
which nearly always says 0. It never turns back: a call of an earlier key (booked afterwards, or
a clock that was set back) is held against the ledger's own count.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import Row, SafeSqlor, bulk_update, next_day_start, next_month_start
from pipeline_ops.rules.limits import Limit

Record = MutableMapping[str, Any]
# Calls of keys that the record has no counter for, as the ledger counts them; calls that are let
# in and not yet written are added.
Counts = MutableMapping[str, int]

# (column of the key, column of the count, column of the quota, end of scope, when it resets)
_PERIODS: tuple[tuple[str, str, str, str, Callable[[datetime], datetime]], ...] = (
    ("day_key", "day_used", "daily_quota", "day", next_day_start),
    ("month_key", "month_used", "monthly_quota", "month", next_month_start),
)
COUNTERS = ("day_key", "day_used", "month_key", "month_used")
COUNTERS_WITH_SLOTS = (*COUNTERS, "running")


def keys_to_count(record: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return those of the call's *keys* (its day and month) that the record has no counter for."""
    return [key for key in keys if key not in (record["day_key"], record["month_key"])]


def roll_over(record: Record, day: str, month: str, counts: Counts) -> None:
    """Let the counters go over to *day* and *month* where these are later than theirs; what they
    said of the earlier key is kept in *counts*."""
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        before = record[key_name]
        if before is None or before < key:
            if before is not None:
                counts[before] = record[used_name]
            record[key_name] = key
            record[used_name] = counts[key]


def usage(record: Mapping[str, Any], key: str, counts: Counts) -> int:
    """Return the calls taken of *key*, from the counter or, for an earlier key, from the ledger's
    count."""
    for key_name, used_name, *_ in _PERIODS:
        if record[key_name] == key:
            return int(record[used_name])
    return counts[key]


def period_limits(
    record: Mapping[str, Any],
    kind: str,
    day: str,
    month: str,
    moment: datetime,
    counts: Counts,
) -> list[Limit]:
    """Return the limits by day and month that the record sets; *kind* begins their scope."""
    return [
        Limit(
            scope=f"{kind}_{period}",
            limit=record[quota_name],
            used=usage(record, key, counts),
            resets_at=resets(moment),
        )
        for (_, _, quota_name, period, resets), key in zip(_PERIODS, (day, month), strict=True)
        if record[quota_name] is not None
    ]


def slots(record: Mapping[str, Any], next_free: datetime | None) -> list[Limit]:
    """Return the limit on calls at the same time, if there is one; *next_free* is when a slot is
    free."""
    if record["max_concurrency"] is None:
        return []
    return [
        Limit(
            scope="concurrency",
            limit=record["max_concurrency"],
            used=record["running"],
            resets_at=next_free,
        )
    ]


def switch_limits(record: Mapping[str, Any]) -> list[Limit]:
    """Return a limit of 0 if the line is switched off."""
    return [] if record["enabled"] else [Limit(scope="capacity", limit=0, used=0, resets_at=None)]


def has_slots(record: Mapping[str, Any], count: int) -> bool:
    """Return whether *count* more calls may run."""
    maximum = record["max_concurrency"]
    return maximum is None or record["running"] + count <= maximum


def overrun(record: Mapping[str, Any]) -> int:
    """Return how many more calls run than may: the limit may have been lowered while they did."""
    maximum = record["max_concurrency"]
    return 0 if maximum is None else max(0, record["running"] - maximum)


def consume(record: Record, day: str, month: str, counts: Counts) -> None:
    """Count one call of *day* and *month*; of an earlier key only in *counts*, if it is there."""
    _add_calls(record, day, month, counts, 1)


def release(record: Record, day: str, month: str, counts: Counts) -> None:
    """Take back one call that began on *day*, in *month*, where it still is counted."""
    _add_calls(record, day, month, counts, -1)


def _add_calls(record: Record, day: str, month: str, counts: Counts, count: int) -> None:
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        if record[key_name] == key:
            record[used_name] += count
        elif key in counts:
            counts[key] += count


async def lock_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, Row]:
    """
    Lock the capacity rows of these lines, by pipeline_id, in one order until the transaction ends;
    a line without a row is left out.

    Such a line itself is locked then, so that a capacity row that is just being made counts this
    call, or this call meets that row.
    """
    rows = await sor.sqlExe(_LOCK, {"ids": list(pipeline_ids)})
    capacities = {row["pipeline_id"]: row for row in rows}
    missing_ids = [pipeline_id for pipeline_id in pipeline_ids if pipeline_id not in capacities]
    if missing_ids:
        await sor.sqlExe(
            "select id from pipelines force index (primary) where id in ${ids}$ order by id"
            " for update",
            {"ids": missing_ids},
        )
        rows = await sor.sqlExe(_LOCK, {"ids": missing_ids})
        capacities |= {row["pipeline_id"]: row for row in rows}
    return capacities


async def read_capacity(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """Read the line's capacity row as it is now, not locked; None when it has none."""
    return (await read_capacities(sor, [pipeline_id])).get(pipeline_id)


async def read_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, Row]:
    """Read the capacity rows of these lines by pipeline_id as they are now, not locked; a line
    without a row is left out."""
    if not pipeline_ids:
        return {}
    rows = await sor.sqlExe(
        "select * from pipeline_capacity where pipeline_id in ${ids}$", {"ids": list(pipeline_ids)}
    )
    return {row["pipeline_id"]: row for row in rows}


async def save_capacities(sor: SafeSqlor, records: Sequence[Mapping[str, Any]]) -> None:
    """Write the counters of locked records."""
    await bulk_update(sor, "pipeline_capacity", COUNTERS_WITH_SLOTS, records)


COLUMNS = (
    "id", "pipeline_id", "daily_quota", "monthly_quota", "max_concurrency", "enabled", "day_key",
    "day_used", "month_key", "month_used", "running",
)  # fmt: skip
# By force, since reading a small table whole would lock the rows of other lines on the way.
_LOCK = (
    f"select {', '.join(COLUMNS)}"  # noqa: S608  constants
    " from pipeline_capacity force index (pipeline_capacity_pipeline)"
    " where pipeline_id in ${ids}$ order by pipeline_id for update"
)
