"""The sums of days held against the ledger, row by row; a day that differs is built again."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from app.global_func import SafeSqlor, in_transaction
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.slices import Progress
from pipeline_ops.rollup.build import TABLE, build_again, built_day
from pipeline_ops.rollup.kinds import KINDS, Kind
from pipeline_ops.rollup.recount import PLACE, Key, kept_sums, recount

_NAMED = ("pipeline_id", "step_key", "model", "unit", "entry_type", "month_key")
_MARKED = "select distributor_id from app_usage_dirty where day_key = ${day}$"


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    tell = Progress()
    for day in await _days(sor, month):
        tell(f"{TABLE} {day}")
        # What is marked is not relied on before it is built again.
        marks = set(await sor.firsts(_MARKED, {"day": day}))
        ledger_sums = await recount(sor, day)
        for kind in KINDS:
            rows = await sor.tuples(kept_sums(kind), {"day": day})
            differences += _differences(kind, day, rows, ledger_sums[kind.name], marks)
    return differences


async def _days(sor: SafeSqlor, month: str | None) -> list[str]:
    """Return the days that are kept, or that have sums or rows and are counted as kept."""
    return [
        str(day)
        for day in await sor.firsts(
            "select distinct day_key from ("
            "select distinct day_key from app_usage_day where kind = 'total'"
            " union select i.day_key from (select distinct pipeline_id, day_key"
            " from pipeline_usage_log) i) d"
            " where day_key <= ${built}$ and (${month}$ is null or left(day_key, 7) = ${month}$)"
            " order by day_key",
            {"built": await built_day(sor), "month": month},
        )
    ]


def _differences(
    kind: Kind,
    day: str,
    rows: Iterable[tuple[Any, ...]],
    due: Mapping[Key, Sequence[Any]],
    marks: Container[str],
) -> Iterable[Difference]:
    key_length = len(PLACE) + len(kind.keys)
    sums: dict[Key, tuple[Any, ...]] = {}
    for row in rows:
        key, values = row[:key_length], row[key_length:]
        if key in sums:
            values = tuple((a or 0) + (b or 0) for a, b in zip(sums[key], values, strict=True))
        sums[key] = values
    nothing = (0,) * len(kind.sums)
    for key in sums.keys() | due.keys():
        values, should_be = sums.get(key, nothing), tuple(due.get(key, nothing))
        if values == should_be or key[0] in marks:
            continue
        for name, one, other in zip(kind.sums, values, should_be, strict=True):
            if (one or 0) != (other or 0):
                yield _difference(kind, day, key, (name, one or 0, other or 0))


def _difference(kind: Kind, day: str, key: Key, fault: tuple[str, Any, Any]) -> Difference:
    name, says, should_be = fault
    row = dict(zip((*PLACE, *kind.keys), key, strict=True))
    words = [kind.name, *(str(row[name]) for name in _NAMED if row.get(name))]
    place = f"{row['distributor_id']} {day}"
    return Difference(TABLE, place, f"{name} of {' '.join(words)}", says, should_be, place)


async def _rebuild(place: str) -> None:
    whose, day = place.split(" ")
    await in_transaction(lambda sor: mark_days(sor, [(whose, day)]))
    await build_again(whose, day)


USAGE_DAYS = CountedTable(TABLE, _compare, {}, _rebuild)
