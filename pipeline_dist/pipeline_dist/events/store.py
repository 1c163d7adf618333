"""
The events of distributors: written once, numbered without a gap, read in the order of the numbers.

The number comes from a row of the distributor's own (`app_event_counter`), which is locked until
the transaction ends, and written. So numbers have the order of the commits, on one database node
and on several: a reader that has seen a number never misses a smaller one. That row comes behind
every other lock (distributors, links, capacities, calls, packages), and those of several
distributors in the order of their ids; so whoever tells of something needs no other lock for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    Counter,
    SafeSqlor,
    bulk_insert_tuples,
    in_transaction,
    now,
    parse_json,
    reading,
    settings,
    time_ordered_id,
    to_json,
    twins_in_use,
)
from pipeline_dist.events.kinds import NewEvent

COUNTERS = "app_event_counter"
TABLE = "app_event"
# So many old events of one distributor are removed in one transaction.
PRUNE_BATCH_SIZE = 1000

_COLUMNS = ("id", "distributor_id", "event_no", "type", "data", "dedup_key", "created_at")
_AFTER = (
    "select event_no, type, created_at, data from app_event force index (app_event_{index})"
    " where distributor_id = ${{id}}$ and event_no > ${{after}}$"
)
_OF_TYPE = " and type = ${{type{number}}}$"
# What is of no line is everybody's.
_OF_PIPELINES = (
    " and (json_value(data, '$.pipeline') is null"
    " or json_value(data, '$.pipeline') in ${pipelines}$)"
)
_IN_ORDER = " order by event_no limit ${rows}$"
_events = Counter("pipeline_events", "Events written for distributors, by type", ["type"])


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was written."""

    event_no: int
    type: str
    created_at: datetime
    data: dict[str, Any]

    def public(self) -> dict[str, Any]:
        """For an answer and for a webhook's body."""
        return {
            "event_no": self.event_no,
            "type": self.type,
            "created_at": self.created_at,
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """The numbers of a distributor's events: `first` is the first that is kept, `last` the last
    that there is."""

    first: int = 1
    last: int = 0


async def add_events(sor: SafeSqlor, events: Sequence[NewEvent]) -> None:
    """Write those of *events* that were not told before, each under its distributor's next
    number. The caller locks nothing any more."""
    if not events:
        return
    numbers = await _lock_numbers(sor, sorted({event.distributor_id for event in events}))
    present_keys = await _present_keys(sor, events)
    rows, moment = [], now()
    for event in events:
        owner = event.distributor_id
        if (owner, event.dedup_key) in present_keys:
            continue
        present_keys.add((owner, event.dedup_key))
        numbers[owner] += 1
        rows.append(
            (
                time_ordered_id(), owner, numbers[owner], str(event.type), to_json(event.data),
                event.dedup_key, moment,
            )
        )  # fmt: skip
        if not twins_in_use():
            _events.child(str(event.type)).add()
    if not rows:
        return
    await bulk_insert_tuples(sor, TABLE, _COLUMNS, rows)
    await bulk_insert_tuples(
        sor, COUNTERS, ("id", "last_no"), sorted(numbers.items()),
        on_duplicate="last_no = values(last_no)",
    )  # fmt: skip


async def _lock_numbers(sor: SafeSqlor, ids: Sequence[str]) -> dict[str, int]:
    """Lock the counters of these distributors, in the order of *ids*; return their last numbers."""
    await bulk_insert_tuples(
        sor, COUNTERS, ("id", "last_no"), [(key, 0) for key in ids],
        on_duplicate="last_no = last_no",
    )  # fmt: skip
    text = "select id, last_no from app_event_counter where id in ${ids}$ order by id for update"
    return dict(await sor.tuples(text, {"ids": ids}))


async def _present_keys(sor: SafeSqlor, events: Sequence[NewEvent]) -> set[tuple[str, str]]:
    """Return of which distributors, and by which keys, there are events of the matters of
    *events*; their counters are locked."""
    values = {
        "ids": sorted({event.distributor_id for event in events}),
        "keys": sorted({event.dedup_key for event in events}),
    }
    text = (
        "select distributor_id, dedup_key from app_event where distributor_id in ${ids}$"
        " and dedup_key in ${keys}$"
    )
    return set(await sor.tuples(text, values))


async def kept_numbers(sor: SafeSqlor, distributor_id: str) -> Kept:
    """Return which of a distributor's events are kept."""
    rows = await sor.tuples(
        "select first_no, last_no from app_event_counter where id = ${id}$", {"id": distributor_id}
    )
    return Kept(*rows[0]) if rows else Kept()


async def events_after(
    sor: SafeSqlor,
    distributor_id: str,
    after: int,
    rows: int,
    types: Sequence[str] = (),
    pipelines: Sequence[str] | None = None,
) -> list[Event]:
    """Return at most *rows* events of a distributor behind the number *after*, in their order; with
    *types* only those; with *pipelines* (codes) none of other lines."""
    of_pipelines = "" if pipelines is None else _OF_PIPELINES
    text = _AFTER.format(index="number") + of_pipelines + _IN_ORDER
    if types:
        # Of each type by itself: those of others in between are not read.
        of_type = _AFTER.format(index="kind")
        text = (
            " union all ".join(
                f"({of_type}{_OF_TYPE.format(number=number)}{of_pipelines}{_IN_ORDER})"
                for number in range(len(types))
            )
            + _IN_ORDER
        )
    values: dict[str, Any] = {"id": distributor_id, "after": after, "rows": rows}
    values |= {f"type{number}": kind for number, kind in enumerate(types)}
    if pipelines is not None:
        values["pipelines"] = list(pipelines)
    return [
        Event(number, kind, created_at, parse_json(data))
        for number, kind, created_at, data in await sor.tuples(text, values)
    ]


async def delete_events(sor: SafeSqlor, distributor_id: str) -> None:
    """Delete all events of a distributor that is deleted itself, and what they were sent by."""
    values = {"id": distributor_id}
    await sor.sqlExe("delete from app_webhook_delivery where distributor_id = ${id}$", values)
    await sor.sqlExe("delete from app_webhook where distributor_id = ${id}$", values)
    await sor.sqlExe("delete from app_event where distributor_id = ${id}$", values)
    await sor.sqlExe("delete from app_event_counter where id = ${id}$", values)


async def prune(moment: datetime) -> int:
    """Remove what is older than `events_days` at *moment*; how many events that were."""
    until = moment - timedelta(days=settings().options.events_days)
    count = 0
    while True:
        async with reading() as sor:
            ids = await sor.firsts(
                "select distributor_id from app_event where created_at < ${until}$"
                " order by created_at limit 1",
                {"until": until},
            )
        removal_count = await _prune_some(ids[0], until) if ids else 0
        if not removal_count:
            return count
        count += removal_count


async def _prune_some(distributor_id: str, until: datetime) -> int:
    values: Mapping[str, Any] = {"id": distributor_id, "until": until, "most": PRUNE_BATCH_SIZE}

    async def work(sor: SafeSqlor) -> int:
        counter = await sor.firsts(
            "select first_no from app_event_counter where id = ${id}$ for update", values
        )
        numbers = await sor.firsts(
            "select event_no from app_event where distributor_id = ${id}$"
            " and created_at < ${until}$ order by event_no limit ${most}$",
            values,
        )
        if not counter or not numbers:
            return 0  # another process was here
        # Also one in between that is younger, where a clock was set back: numbers have no holes.
        ends = {"id": distributor_id, "last": numbers[-1]}
        await sor.sqlExe(
            "delete from app_event where distributor_id = ${id}$ and event_no <= ${last}$", ends
        )
        await sor.sqlExe(
            "update app_event_counter set first_no = ${last}$ + 1 where id = ${id}$", ends
        )
        return len(numbers)

    return await in_transaction(work)
