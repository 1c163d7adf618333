"""
How many calls a line gives: counters by day and month, and slots for calls that run.

Pure functions on a row that counts; reading and locking the row stand at the end. The same
counters are on a distributor's line (pipeline_dist), so the functions take either row.

A counter belongs to its key ('2026-11-24', '2026-11') and turns over to a later key when the
first call of that day or month comes; what was used of the new key is asked from the ledger,
which nearly always says 0. It never turns back: a call of an earlier key (booked afterwards, or
a clock that was set back) is held against a counter of that key (ledger/past_counters.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.global_func import (
    Query,
    Rows,
    SafeSqlor,
    bulk_update,
    column_names,
    next_day_start,
    next_month_start,
    twins_in_use,
    update_texts,
)
from pipeline_ops.rules.limits import Limit

COUNTERS = ("day_key", "day_used", "month_key", "month_used")
COUNTERS_WITH_SLOTS = (*COUNTERS, "running")


class PeriodCounts(dict[str, int]):
    """
    Calls by keys that a row has no counter for: as they were counted, with those that are let in or
    given back and not yet written. `changes`: the keys of it that are to be written; `shifts`: by
    how much keys change that nobody has counted.
    """

    __slots__ = ("changes", "shifts")

    def __init__(self) -> None:
        super().__init__()
        self.changes: set[str] = set()
        self.shifts: dict[str, int] = {}

    def load(self, key: str, calls: int) -> None:
        """Take in how many calls of *key* are written."""
        shift = self.shifts.pop(key, 0)
        self[key] = calls + shift
        if shift:
            self.changes.add(key)

    def shift(self, key: str, calls: int) -> None:
        """Count *calls* of *key*, below 0 those that are given back."""
        if key in self:
            self[key] += calls
            self.changes.add(key)
        else:
            self.shifts[key] = self.shifts.get(key, 0) + calls


@dataclass(slots=True)
class CountingRow:
    """A row that counts calls by day and month, changed in place; a quota of None limits
    nothing."""

    id: str
    daily_quota: int | None
    monthly_quota: int | None
    day_key: str | None
    day_used: int
    month_key: str | None
    month_used: int


@dataclass(slots=True)
class CapacityRow(CountingRow):
    """What limits a line, and what its calls take of it: a row of pipeline_capacity."""

    pipeline_id: str
    max_concurrency: int | None
    enabled: int
    running: int


def keys_to_count(row: CountingRow, keys: Iterable[str]) -> list[str]:
    """Return those of the call's *keys* (its day and month) that the row has no counter for."""
    return [key for key in keys if key not in (row.day_key, row.month_key)]


def is_past(key: str, *current_keys: str | None) -> bool:
    """Return whether *key*, a day or month, comes before that of its kind among *current_keys*, to
    which a row's counters have turned."""
    return any(one is not None and len(one) == len(key) and key < one for one in current_keys)


def past_keys_to_count(row: CountingRow, day: str, month: str) -> list[str]:
    """Return those of *day* and *month* that are past for the row and that it has a quota of."""
    quotas = ((day, row.daily_quota), (month, row.monthly_quota))
    return [
        key
        for key, quota in quotas
        if quota is not None and is_past(key, row.day_key, row.month_key)
    ]


def roll_over(row: CountingRow, day: str, month: str, counts: dict[str, int]) -> None:
    """Let the counters go over to *day* and *month* where these are later than theirs; what they
    said of the earlier key is kept in *counts*."""
    if row.day_key is None or row.day_key < day:
        if row.day_key is not None:
            counts[row.day_key] = row.day_used
        row.day_key, row.day_used = day, counts[day]
    if row.month_key is None or row.month_key < month:
        if row.month_key is not None:
            counts[row.month_key] = row.month_used
        row.month_key, row.month_used = month, counts[month]


def usage(row: CountingRow, key: str, counts: dict[str, int]) -> int:
    """Return the calls taken of *key*, from the row's counter or, for an earlier key, from
    *counts*."""
    if row.day_key == key:
        return row.day_used
    return row.month_used if row.month_key == key else counts[key]


def period_limits(
    row: CountingRow,
    kind: str,
    day: str,
    month: str,
    moment: datetime,
    counts: dict[str, int],
) -> list[Limit]:
    """Return the limits by day and month that the row sets; *kind* begins their scope."""
    periods = (
        ("day", day, row.daily_quota, next_day_start),
        ("month", month, row.monthly_quota, next_month_start),
    )
    return [
        Limit(
            scope=f"{kind}_{period}",
            limit=quota,
            used=usage(row, key, counts),
            resets_at=resets(moment),
        )
        for period, key, quota, resets in periods
        if quota is not None
    ]


def slots(row: CapacityRow, next_free: datetime | None) -> list[Limit]:
    """Return the limit on calls at the same time, if there is one; *next_free* is when a slot is
    free."""
    if row.max_concurrency is None:
        return []
    return [
        Limit(
            scope="concurrency",
            limit=row.max_concurrency,
            used=row.running,
            resets_at=next_free,
        )
    ]


def switch_limits(row: CapacityRow) -> list[Limit]:
    """Return a limit of 0 if the line is switched off."""
    return [] if row.enabled else [Limit(scope="capacity", limit=0, used=0, resets_at=None)]


def has_slots(row: CapacityRow, count: int) -> bool:
    """Return whether *count* more calls may run."""
    return row.max_concurrency is None or row.running + count <= row.max_concurrency


def overrun(row: CapacityRow) -> int:
    """Return how many more calls run than may: the limit may have been lowered while they did."""
    return 0 if row.max_concurrency is None else max(0, row.running - row.max_concurrency)


def consume(row: CountingRow, day: str, month: str, counts: PeriodCounts) -> None:
    """Count one call of *day* and *month*; of an earlier key in *counts*."""
    _add_calls(row, day, month, counts, 1)


def release(row: CountingRow, day: str, month: str, counts: PeriodCounts) -> None:
    """Take back one call that began on *day*, in *month*."""
    _add_calls(row, day, month, counts, -1)


def _add_calls(row: CountingRow, day: str, month: str, counts: PeriodCounts, count: int) -> None:
    if row.day_key == day:
        row.day_used += count
    else:
        counts.shift(day, count)
    if row.month_key == month:
        row.month_used += count
    else:
        counts.shift(month, count)


async def lock_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, CapacityRow]:
    """
    Lock the capacity rows of these lines, by pipeline_id, in one order until the transaction ends;
    a line without a row is left out.

    Such a line itself is locked then, so that a capacity row that is just being made counts this
    call, or this call meets that row. Not by the sandbox, whose capacities nobody makes: for it
    real calls wait for nothing.
    """
    capacities = capacities_of(*await sor.together(capacities_query(pipeline_ids)))
    missing_ids = [pipeline_id for pipeline_id in pipeline_ids if pipeline_id not in capacities]
    if missing_ids and not twins_in_use():
        await sor.sqlExe(
            "select id from pipelines force index (primary) where id in ${ids}$ order by id"
            " for update",
            {"ids": missing_ids},
        )
        capacities |= capacities_of(*await sor.together(capacities_query(missing_ids)))
    return capacities


def capacities_query(pipeline_ids: Iterable[str]) -> Query:
    """Return the query that locks the capacity rows of these lines in one order."""
    return Query(_LOCK, {"ids": sorted(pipeline_ids)})


def capacities_of(rows: Rows) -> dict[str, CapacityRow]:
    """Return what `capacities_query` gave, by pipeline_id."""
    return {row.pipeline_id: row for row in [CapacityRow(*values) for values in rows]}


async def save_capacities(sor: SafeSqlor, rows: Sequence[CapacityRow]) -> None:
    """Write the counters of locked rows."""
    await bulk_update(sor, "pipeline_capacity", COUNTERS_WITH_SLOTS, rows)


def capacities_texts(sor: SafeSqlor, rows: Sequence[CapacityRow]) -> Iterator[str]:
    """Return the statements of `save_capacities`."""
    return update_texts(sor, "pipeline_capacity", COUNTERS_WITH_SLOTS, rows)


COLUMNS = column_names(CapacityRow)
# By force, since reading a small table whole would lock the rows of other lines on the way.
_LOCK = (
    f"select {', '.join(COLUMNS)}"  # noqa: S608  constants
    " from pipeline_capacity force index (pipeline_capacity_pipeline)"
    " where pipeline_id in ${ids}$ order by pipeline_id for update"
)
