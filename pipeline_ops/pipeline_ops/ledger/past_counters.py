"""
How many calls were made of quota days and months that are over: a counter each in app_past_counter,
for a line, a distributor, or a distributor on a line.

The rows of those (`CountingRow`, distributors) count the present periods alone. A call that is
booked into an earlier one, or given back from it, changes that one's counter:

1. Who changes it holds the row that counts the present period, as for every call; on one database
   that is enough. On two the counter is *written* by both, so that one of them is taken back.
2. A counter is made when a quota is first asked for its period: counted in the ledger, once. Until
   then calls of the period write a counter that says nothing (`used` is null): one that is counted
   meanwhile on another node, without them, cannot be committed as well.
3. Nobody counts on for a row that is not there: who removes a row that counts, or the period that a
   distributor's quota is for, drops the counters with it, and they are counted anew.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from app.global_func import Row, SafeSqlor, in_transaction, insert_texts, quote_of
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums, counter_differences, is_of
from pipeline_ops.rules.counters import PeriodCounts, is_past

TABLE = "app_past_counter"
_COLUMNS = ("id", "distributor_id", "pipeline_id", "period_key", "used", "lock_no")
_READ = (
    "select id, used from app_past_counter where id in ${ids}$ and used is not null order by id"
    " for update"
)


class Owner(NamedTuple):
    """Whose calls are counted: of a distributor ('': all), of a line ('': all)."""

    distributor_id: str = ""
    pipeline_id: str = ""

    def counter_id(self, key: str) -> str:
        """Return the id of the counter of *key*: two nodes make the same row."""
        return hashlib.sha256("/".join((*self, key)).encode()).hexdigest()[:32]


class Place(NamedTuple):
    """A past period of an owner, and where its calls go."""

    owner: Owner
    key: str
    counts: PeriodCounts


async def load_counters(sor: SafeSqlor, places: Iterable[Place]) -> None:
    """Take in what the counters of *places* say, of all in one statement, unless that is known; of
    those that nobody has counted nothing."""
    places_by_id = {
        place.owner.counter_id(place.key): place
        for place in places
        if place.key not in place.counts
    }
    if places_by_id:
        for counter_id, calls in await sor.tuples(_READ, {"ids": sorted(places_by_id)}):
            places_by_id[counter_id].counts.load(places_by_id[counter_id].key, int(calls))


async def load_past(
    sor: SafeSqlor, owner: Owner, keys: Iterable[str], counts: PeriodCounts
) -> None:
    """Take into *counts* how many calls *owner* made of those of *keys*, which are past, that are
    not in it: of their counters, or of the ledger where nobody has counted yet."""
    keys = list(keys)
    await load_counters(sor, [Place(owner, key, counts) for key in keys])
    for key in keys:
        if key not in counts:
            calls = await ledger.count_calls(
                sor, key,
                distributor_id=owner.distributor_id or None,
                pipeline_id=owner.pipeline_id or None,
            )  # fmt: skip
            counts.changes.add(key)
            counts.load(key, calls)


def shifted_places(owner: Owner, counts: PeriodCounts, *current_keys: str | None) -> list[Place]:
    """Return the periods of *owner*, past for *current_keys*, whose calls have changed without
    being known: to be loaded before `past_texts`."""
    return [Place(owner, key, counts) for key in counts.shifts if is_past(key, *current_keys)]


def past_texts(
    sor: SafeSqlor, owner: Owner, counts: PeriodCounts, *current_keys: str | None
) -> list[str]:
    """Return the statements that write what has changed of *counts*, as far as it is past for
    *current_keys*, to which the row of *owner* has turned."""
    # Of a counter that says nothing, nothing is still the sum; it is written for other nodes.
    keys = {key for key in (*counts.changes, *counts.shifts) if is_past(key, *current_keys)}
    rows = [_row_text(sor, owner, key, counts.get(key)) for key in sorted(keys)]
    counts.changes.clear()
    counts.shifts.clear()
    on_duplicate = "used = values(used), lock_no = lock_no + 1"
    return list(insert_texts(TABLE, _COLUMNS, rows, on_duplicate=on_duplicate))


def _row_text(sor: SafeSqlor, owner: Owner, key: str, calls: int | None) -> str:
    values = (owner.counter_id(key), *owner, key, calls, 0)
    return "(" + ",".join(map(quote_of(sor), values)) + ")"


async def drop_past(sor: SafeSqlor, owner: Owner) -> None:
    """Drop the counters of *owner*, whose row is held: they are counted anew when they are asked
    for."""
    await sor.sqlExe(
        "delete from app_past_counter where distributor_id = ${distributor_id}$"
        " and pipeline_id = ${pipeline_id}$",
        owner._asdict(),
    )


# What nobody has counted says nothing that could be wrong.
_ROWS = (
    "select c.*, p.code from app_past_counter c left join pipelines p on p.id = c.pipeline_id"
    " where c.used is not null order by c.distributor_id, c.pipeline_id, c.period_key"
)


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    for row in await sor.sqlExe(_ROWS, {}):
        key = row["period_key"]
        if is_of(key, month):
            should_be = sums.calls.get((*_sums_of(row), key), 0)
            name = " ".join(filter(None, (row["distributor_id"], row["code"], key)))
            differences += counter_differences(TABLE, row, name, "used", should_be)
    return differences


async def _forget(row_id: str) -> None:
    """Let a counter say nothing: it is counted anew under the locks of the next call that asks."""

    async def work(sor: SafeSqlor) -> None:
        await sor.sqlExe(
            "update app_past_counter set used = null, lock_no = lock_no + 1 where id = ${id}$",
            {"id": row_id},
        )

    await in_transaction(work)


def _sums_of(row: Row) -> tuple[str, ...]:
    """Return by what `Sums` has the calls of a counter's owner."""
    distributor_id, pipeline_id = row["distributor_id"], row["pipeline_id"]
    if not distributor_id:
        return "line", pipeline_id
    if not pipeline_id:
        return "distributor", distributor_id
    return "link", distributor_id, pipeline_id


PAST_COUNTERS = CountedTable(TABLE, _compare, {}, rebuild=_forget)
