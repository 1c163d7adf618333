"""The sums of days held against the ledger, row by row, and those of archived batches against their
files; a day or a batch that differs is summed up again."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.global_func import Row, SafeSqlor, in_transaction
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.slices import Progress
from pipeline_ops.rollup.batch_files import batch_differences, build_batch
from pipeline_ops.rollup.build import TABLE, build_again, built_day
from pipeline_ops.rollup.kinds import IS_OF_BATCH, IS_WHOLE, KINDS, SETTLED, TOTALS, Kind
from pipeline_ops.rollup.ledger_rows import (
    LAST_DAY,
    OF_A_DAY,
    Conditions,
    next_day,
    of_distributor,
)
from pipeline_ops.rollup.running import forget_running, read_running, sum_up_running

_KEYS = ("distributor_id", "kind", "day_key", "month_key", "currency", "pipeline_id")
_IS_UNMARKED = (
    " where not exists (select 1 from app_usage_dirty m"
    " where m.distributor_id = s.distributor_id and m.day_key = s.day_key)"
)
# In the place of a day: those that still run.
RUNNING = "running"
_NAMED = ("pipeline_id", "step_key", "model", "unit", "entry_type", "month_key")


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    tell = Progress()
    for day in await _days(sor, month):
        tell(f"{TABLE} {day}")
        for kind in KINDS:
            for row in await sor.sqlExe(_text(kind), {"day": day}):
                place = f"{row['distributor_id']} {day}"
                differences += _differences(row, kind, tuple(kind.sums), place)
    tell(f"{TABLE} app_usage_running")
    return differences + await _running(sor) + await batch_differences(sor, month)


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
    own_rows = "app_usage_day force index (app_usage_day_day) where day_key = ${day}$"
    where = f"u.day_key = ${{day}}$ and {IS_WHOLE}"
    sums = tuple(kind.sums)
    return (
        _comparison(kind, sums, own_rows, (OF_A_DAY, where))
        + _IS_UNMARKED
        + _where_wrong(kind, sums)
    )


def _comparison(kind: Kind, sums: Sequence[str], own_rows: str, ledger: tuple[str, str]) -> str:
    """Return the statement, without the groups at its end, of what two sides say of *sums* of
    *kind*: *own_rows* of app_usage_day, and those of *ledger* (what is behind `from`, and which
    of it)."""
    columns = (*_KEYS, *kind.keys, *sums)
    sides = (
        f"select 1 as side, {', '.join(columns)} from {own_rows}"  # noqa: S608  constants
        f" and kind = '{kind.name}' and not {IS_OF_BATCH}",
        f"select 2 as side, k.* from ({kind.select(columns, *ledger)}) k",  # noqa: S608
    )
    values = ", ".join(
        f"coalesce(sum(if(s.side = {side}, s.{name}, 0)), 0) as {name}_{side}"
        for name in sums
        for side in (1, 2)
    )
    keys = ", ".join(f"s.{key}" for key in (*_KEYS, *kind.keys))
    return f"select {keys}, {values} from ({' union all '.join(sides)}) s"  # noqa: S608


def _where_wrong(kind: Kind, sums: Sequence[str]) -> str:
    keys = ", ".join(f"s.{key}" for key in (*_KEYS, *kind.keys))
    wrong = " or ".join(f"{name}_1 <> {name}_2" for name in sums)
    return f" group by {keys} having {wrong}"


async def _running(sor: SafeSqlor) -> list[Difference]:
    """Return the differences of what is kept of days that still run (rollup/running.py); where a
    call was voided since, of what a void does not change."""
    differences: list[Difference] = []
    until = await built_day(sor)
    for whose in await sor.firsts("select distributor_id from app_usage_running", {}):
        kinds: Sequence[Kind] = KINDS
        sums = await read_running(sor, whose, until, without_states=False)
        if sums is None:
            kinds = (TOTALS,)
            sums = await read_running(sor, whose, until, without_states=True)
        if sums is None:
            continue
        for kind in kinds:
            names = tuple(SETTLED.intersection(kind.sums) if kinds != KINDS else kind.sums)
            values = {"whose": whose, "until": until, "last": sums.entry_no}
            for row in await sor.sqlExe(*_text_of_running(kind, names, values)):
                differences += _differences(row, kind, names, f"{whose} {RUNNING}")
    return differences


def _text_of_running(
    kind: Kind, names: Sequence[str], values: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    conditions = Conditions("l")
    ledger = of_distributor(conditions, values["whose"], next_day(values["until"]), LAST_DAY)
    own_rows = "app_usage_day force index (primary) where distributor_id = ${whose}$"
    where = f"{conditions.text} and u.entry_no <= ${{last}}$ and {IS_WHOLE}"
    text = _comparison(kind, names, f"{own_rows} and day_key > ${{until}}$", (ledger, where))
    return text + _where_wrong(kind, names), values | conditions.values


def _differences(row: Row, kind: Kind, names: Sequence[str], place: str) -> Iterable[Difference]:
    words = [kind.name, *(str(row[name]) for name in _NAMED if row.get(name))]
    for name in names:
        says, should_be = row[f"{name}_1"], row[f"{name}_2"]
        if says != should_be:
            counter = f"{name} of {' '.join(words)}"
            yield Difference(TABLE, place, counter, says, should_be, place)


async def _rebuild(place: str) -> None:
    whose, _, day = place.partition(" ")
    if not day:
        await build_batch(place)
        return
    if day == RUNNING:
        await forget_running(whose)
        await sum_up_running(whose)
        return
    await in_transaction(lambda sor: mark_days(sor, [(whose, day)]))
    await build_again(whose, day)


USAGE_DAYS = CountedTable(TABLE, _compare, {}, _rebuild)
