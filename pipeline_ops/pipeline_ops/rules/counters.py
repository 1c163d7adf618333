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
Counted = MutableMapping[str, int]

# (column of the key, column of the count, column of the quota, end of scope, when it resets)
_PERIODS: tuple[tuple[str, str, str, str, Callable[[datetime], datetime]], ...] = (
    ("day_key", "day_used", "daily_quota", "day", next_day_start),
    ("month_key", "month_used", "monthly_quota", "month", next_month_start),
)
SAVED = ("day_key", "day_used", "month_key", "month_used")
SAVED_WITH_SLOTS = (*SAVED, "running")


def keys_to_count(record: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Those of the call's *keys* (its day and month) that the record has no counter for."""
    return [key for key in keys if key not in (record["day_key"], record["month_key"])]


def turn(record: Record, day: str, month: str, counted: Counted) -> None:
    """Let the counters go over to *day* and *month* where these are later than theirs; what they
    said of the earlier key is kept in *counted*."""
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        before = record[key_name]
        if before is None or before < key:
            if before is not None:
                counted[before] = record[used_name]
            record[key_name] = key
            record[used_name] = counted[key]


def used(record: Mapping[str, Any], key: str, counted: Counted) -> int:
    """Calls taken of *key*, from the counter or, for an earlier key, from the ledger's count."""
    for key_name, used_name, *_ in _PERIODS:
        if record[key_name] == key:
            return int(record[used_name])
    return counted[key]


def period_limits(
    record: Mapping[str, Any],
    kind: str,
    day: str,
    month: str,
    moment: datetime,
    counted: Counted,
) -> list[Limit]:
    """The limits by day and month that the record sets; *kind* begins their scope."""
    return [
        Limit(
            scope=f"{kind}_{period}",
            limit=record[quota_name],
            used=used(record, key, counted),
            resets_at=resets(moment),
        )
        for (_, _, quota_name, period, resets), key in zip(_PERIODS, (day, month), strict=True)
        if record[quota_name] is not None
    ]


def slots(record: Mapping[str, Any], next_free: datetime | None) -> list[Limit]:
    """The limit on calls at the same time, if there is one; *next_free* is when a slot is free."""
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


def switched_off(record: Mapping[str, Any]) -> list[Limit]:
    """A limit of 0 if the line is switched off."""
    return [] if record["enabled"] else [Limit(scope="capacity", limit=0, used=0, resets_at=None)]


def has_slots(record: Mapping[str, Any], wanted: int) -> bool:
    """Whether *wanted* more calls may run."""
    most = record["max_concurrency"]
    return most is None or record["running"] + wanted <= most


def over(record: Mapping[str, Any]) -> int:
    """How many more calls run than may: the limit may have been lowered while they did."""
    most = record["max_concurrency"]
    return 0 if most is None else max(0, record["running"] - most)


def take(record: Record, day: str, month: str, counted: Counted) -> None:
    """Count one call of *day* and *month*; of an earlier key only in *counted*, if it is there."""
    _add(record, day, month, counted, 1)


def give_back(record: Record, day: str, month: str, counted: Counted) -> None:
    """Take back one call that began on *day*, in *month*, where it still is counted."""
    _add(record, day, month, counted, -1)


def _add(record: Record, day: str, month: str, counted: Counted, count: int) -> None:
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        if record[key_name] == key:
            record[used_name] += count
        elif key in counted:
            counted[key] += count


async def lock_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, Row]:
    """
    The capacity rows of these lines by pipeline_id, locked in one order until the transaction
    ends; a line without a row is left out.

    Such a line itself is locked then, so that a capacity row that is just being made counts this
    call, or this call meets that row.
    """
    rows = await sor.sqlExe(_LOCK, {"ids": list(pipeline_ids)})
    found = {row["pipeline_id"]: row for row in rows}
    without = [pipeline_id for pipeline_id in pipeline_ids if pipeline_id not in found]
    if without:
        await sor.sqlExe(
            "select id from pipelines force index (primary) where id in ${ids}$ order by id"
            " for update",
            {"ids": without},
        )
        rows = await sor.sqlExe(_LOCK, {"ids": without})
        found |= {row["pipeline_id"]: row for row in rows}
    return found


async def read_capacity(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """The line's capacity row as it is now, not locked; None when it has none."""
    return (await read_capacities(sor, [pipeline_id])).get(pipeline_id)


async def read_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, Row]:
    """The capacity rows of these lines by pipeline_id as they are now, not locked; a line
    without a row is left out."""
    if not pipeline_ids:
        return {}
    rows = await sor.sqlExe(
        "select * from pipeline_capacity where pipeline_id in ${ids}$", {"ids": list(pipeline_ids)}
    )
    return {row["pipeline_id"]: row for row in rows}


async def save_capacities(sor: SafeSqlor, records: Sequence[Mapping[str, Any]]) -> None:
    """Write the counters of locked records."""
    await bulk_update(sor, "pipeline_capacity", SAVED_WITH_SLOTS, records)


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
