"""
How many calls a line gives: counters by day and month, and slots for calls that run.

Pure functions on a record (the row as a dict); reading and locking the row stand at the end. The
same counters are on a distributor's line (pipeline_dist), so the functions take either record.

A counter belongs to its key ('2026-11-24', '2026-11') and turns over to a later key when the
first call of that day or month comes; what was used of the new key is asked from the ledger,
which nearly always says 0. It never turns back: a call of an earlier key (booked afterwards, or
a clock that was set back) is held against the ledger's own count.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from app.global_func import Row, SafeSqlor, next_day_start, next_month_start
from pipeline_ops.limits import Limit

Record = MutableMapping[str, Any]
# Calls counted by the ledger, per key.
Counted = Mapping[str, int]

# (column of the key, column of the count, column of the quota, end of scope, when it resets)
_PERIODS: tuple[tuple[str, str, str, str, Callable[[datetime], datetime]], ...] = (
    ("day_key", "day_used", "daily_quota", "day", next_day_start),
    ("month_key", "month_used", "monthly_quota", "month", next_month_start),
)
SAVED = ("day_key", "day_used", "month_key", "month_used")


def keys_to_count(record: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Those of the call's *keys* (its day and month) that the record has no counter for."""
    return [key for key in keys if key not in (record["day_key"], record["month_key"])]


def turn(record: Record, day: str, month: str, counted: Counted) -> None:
    """Let the counters go over to *day* and *month* where these are later than theirs."""
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        if record[key_name] is None or record[key_name] < key:
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


def has_slot(record: Mapping[str, Any]) -> bool:
    """Whether one more call may run."""
    return record["max_concurrency"] is None or record["running"] < record["max_concurrency"]


def take(record: Record, day: str, month: str) -> None:
    """Count one call of *day* and *month*; an earlier key has no counter to count in."""
    _add(record, day, month, 1)


def give_back(record: Record, day: str, month: str) -> None:
    """Take back one call that began on *day*, in *month*, where the counters still are there."""
    _add(record, day, month, -1)


def _add(record: Record, day: str, month: str, count: int) -> None:
    for (key_name, used_name, *_), key in zip(_PERIODS, (day, month), strict=True):
        if record[key_name] == key:
            record[used_name] += count


async def lock_capacity(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """
    The line's capacity row, locked until the transaction ends; None when it has none.

    Without a row the line itself is locked, so that a capacity row that is just being made
    counts this call, or this call meets that row.
    """
    row: Row | None = await sor.one(_LOCK, {"pipeline_id": pipeline_id})
    if row is None:
        await sor.one(
            "select id from pipelines where id = ${pipeline_id}$ for update",
            {"pipeline_id": pipeline_id},
        )
        row = await sor.one(_LOCK, {"pipeline_id": pipeline_id})
    return row


async def read_capacity(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """The line's capacity row as it is now, not locked; None when it has none."""
    row: Row | None = await sor.one(
        "select * from pipeline_capacity where pipeline_id = ${pipeline_id}$",
        {"pipeline_id": pipeline_id},
    )
    return row


async def save_capacity(sor: SafeSqlor, record: Mapping[str, Any]) -> None:
    """Write the counters of a locked record."""
    await sor.sqlExe(
        "update pipeline_capacity set day_key = ${day_key}$, day_used = ${day_used}$,"
        " month_key = ${month_key}$, month_used = ${month_used}$, running = ${running}$"
        " where id = ${id}$",
        record,
    )


_LOCK = "select * from pipeline_capacity where pipeline_id = ${pipeline_id}$ for update"
