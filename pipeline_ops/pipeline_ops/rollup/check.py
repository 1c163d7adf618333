"""The sums of days held against the ledger, row by row, and those of archived batches against their
files; a day or a batch that differs is summed up again."""

from collections.abc import Iterable

from app.global_func import Row, SafeSqlor, in_transaction
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.slices import Progress
from pipeline_ops.rollup.batch_files import batch_differences, build_batch
from pipeline_ops.rollup.build import TABLE, build_again, built_day
from pipeline_ops.rollup.kinds import IS_OF_BATCH, IS_WHOLE, KINDS, Kind
from pipeline_ops.rollup.ledger_rows import OF_A_DAY

_KEYS = ("distributor_id", "kind", "day_key", "month_key", "currency", "pipeline_id")
_NAMED = ("pipeline_id", "step_key", "model", "unit", "entry_type", "month_key")


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    tell = Progress()
    for day in await _days(sor, month):
        tell(f"{TABLE} {day}")
        for kind in KINDS:
            for row in await sor.sqlExe(_text(kind), {"day": day}):
                differences += _differences(row, kind)
    return differences + await batch_differences(sor, month)


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


def _text(kind: Kind) -> str:
    """Return the statement of a day's rows of *kind* that are not as the ledger has them."""
    keys = (*_KEYS, *kind.keys)
    columns = (*keys, *kind.sums)
    sides = (
        f"select 1 as side, {', '.join(columns)} from app_usage_day"  # noqa: S608  constants
        f" force index (app_usage_day_day) where kind = '{kind.name}' and day_key = ${{day}}$"
        f" and not {IS_OF_BATCH}",
        "select 2 as side, k.* from"  # noqa: S608
        f" ({kind.select(columns, OF_A_DAY, f'u.day_key = ${{day}}$ and {IS_WHOLE}')}) k",
    )
    values = ", ".join(
        f"coalesce(sum(if(s.side = {side}, s.{name}, 0)), 0) as {name}_{side}"
        for name in kind.sums
        for side in (1, 2)
    )
    wrong = " or ".join(f"{name}_1 <> {name}_2" for name in kind.sums)
    return (
        f"select {', '.join('s.' + key for key in keys)}, {values}, count(*) as sides"  # noqa: S608
        f" from ({' union all '.join(sides)}) s"
        " where not exists (select 1 from app_usage_dirty m"
        " where m.distributor_id = s.distributor_id and m.day_key = s.day_key)"
        f" group by {', '.join('s.' + key for key in keys)} having {wrong}"
    )


def _differences(row: Row, kind: Kind) -> Iterable[Difference]:
    words = [kind.name, *(str(row[name]) for name in _NAMED if row.get(name))]
    place = f"{row['distributor_id']} {row['day_key']}"
    for name in kind.sums:
        says, should_be = row[f"{name}_1"], row[f"{name}_2"]
        if says != should_be:
            counter = f"{name} of {' '.join(words)}"
            yield Difference(TABLE, place, counter, says, should_be, place)


async def _rebuild(place: str) -> None:
    whose, _, day = place.partition(" ")
    if not day:
        await build_batch(place)
        return
    await in_transaction(lambda sor: mark_days(sor, [(whose, day)]))
    await build_again(whose, day)


USAGE_DAYS = CountedTable(TABLE, _compare, {}, _rebuild)
