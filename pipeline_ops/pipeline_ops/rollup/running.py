"""
The sums of days that still run: of each distributor what of them was settled up to a number, kept
beside the sums of days that are over, in the same table and of the same kinds. A reader adds what
was settled after that number, and what is not settled.

What it may rely on, with whoever books knowing nothing of it:

1. A distributor's numbers of settlement are written in the order of the commits
   (ledger/numbers.py), on several database nodes too. So who sees a number sees all before it, and
   nothing comes later with a lower one.
2. What is settled stays what it is; only its state changes, when it is voided, and then rows that
   reverse it are settled, with higher numbers. So where a reader meets such a row behind the number
   the sums that go by states are read of the ledger; the next builder begins anew.
3. What goes into an archive, or comes back, has no number: where a batch has rows of these days,
   they are read of the ledger.
4. Days are kept as a whole from then on when they are over: their rows are replaced
   (rollup/build.py), and both builders write the row of app_usage_rollup. The sums hold for the
   days behind `after_day`, so for those behind any later one; who forgets days forgets them too.
5. Of two builders one is first with the row of app_usage_running; the other leaves its sums.
"""

from dataclasses import dataclass
from typing import Any

from app.global_func import SafeSqlor, bulk_insert_tuples, in_transaction, reading
from pipeline_ops.rollup.build import TABLE, built_day, last_day_over
from pipeline_ops.rollup.kinds import COLUMNS, IS_OF_BATCH, IS_WHOLE, KINDS, Kind, summed_up
from pipeline_ops.rollup.ledger_rows import BY_ENTRY, LAST_DAY, Conditions, next_day, of_distributor

_OF_RUNNING = "distributor_id = ${whose}$ and day_key > ${until}$"
_HAS_BATCH = (
    f"select 1 from {TABLE} force index (primary) where {_OF_RUNNING}"  # noqa: S608  constants
    f" and kind = 'total' and {IS_OF_BATCH} limit 1"
)
_HAS_REVERSAL = (
    f"select 1 from {BY_ENTRY} where u.distributor_id = ${{whose}}$"  # noqa: S608  constants
    " and u.entry_no > ${after}$ and u.day_key > ${until}$ and u.entry_type = 'reversal' limit 1"
)
_LAST = "select max(entry_no) from pipeline_usage_log where distributor_id = ${whose}$"
# The index has all of it.
_HAS_SEVERAL = (
    f"select 1 from {BY_ENTRY} where u.distributor_id = ${{whose}}$"  # noqa: S608  constants
    " and u.entry_no > ${after}$ and u.entry_no <= ${last}$ and u.day_key > ${until}$"
    " and u.line_no > 0 limit 1"
)
_COUNT = (
    f"select coalesce(sum(row_count), 0) from {TABLE} force index (primary)"  # noqa: S608
    f" where {_OF_RUNNING} and kind = 'total' and not {IS_OF_BATCH}"
)
# What was voided makes the sums anew, which reads all rows of the day: when so many came since as
# this part of them.
_PART_FOR_NEW = 10
_DUE = (
    "select n.distributor_id from (select u.distributor_id, max(u.entry_no) as last_no"  # noqa: S608
    f" from {BY_ENTRY} where u.distributor_id is not null group by u.distributor_id) n"
    " left join app_usage_running o on o.distributor_id = n.distributor_id"
    " where n.last_no >= coalesce(o.entry_no, 0) + ${fewest}$ order by n.distributor_id"
)


@dataclass(frozen=True, slots=True)
class RunningSums:
    """What is kept of a distributor's days behind `after_day`: all up to the number `entry_no`."""

    entry_no: int
    after_day: str


async def read_running(
    sor: SafeSqlor, whose: str, until: str, *, without_states: bool
) -> RunningSums | None:
    """Return what is kept of a distributor's days behind *until*, to which days are kept as a
    whole; None where it may not be used. *without_states*: states are not asked for."""
    values = {"whose": whose, "until": until}
    sums = await _read_row(sor, whose)
    if sums is None or sums.after_day > until or await sor.firsts(_HAS_BATCH, values):
        return None
    if not without_states and await sor.firsts(_HAS_REVERSAL, values | {"after": sums.entry_no}):
        return None
    return sums


async def due_distributors(fewest: int) -> list[str]:
    """Return those with *fewest* settlements or more that are not summed up."""
    async with reading() as sor:
        return [str(whose) for whose in await sor.firsts(_DUE, {"fewest": fewest})]


async def sum_up_running(whose: str) -> None:
    """Sum up all that a distributor has settled of the days that are not kept as a whole, unless
    another does so in this moment; as long as days that are over are not kept, there is nothing to
    be done: they come first."""
    async with reading(snapshot=True) as sor:
        until = await built_day(sor)
        values: dict[str, Any] = {"whose": whose, "until": until}
        if not until or until < last_day_over() or await sor.firsts(_HAS_BATCH, values):
            return
        before = await _read_row(sor, whose)
        last = int((await sor.firsts(_LAST, values))[0] or 0)
        is_new = before is None or before.after_day > until
        if before is not None and not is_new:
            values["after"] = before.entry_no
            is_new = bool(await sor.firsts(_HAS_REVERSAL, values))
            if is_new and (last - before.entry_no) * _PART_FOR_NEW < await _row_count(sor, values):
                return
        values["last"] = last
        # A call of one item is one wherever it is counted.
        has_several = is_new or bool(await sor.firsts(_HAS_SEVERAL, values))
        parts = [
            await _rows(sor, kind, values, is_new=is_new, has_more=has_several or not kind.by_call)
            for kind in KINDS
        ]
    now = RunningSums(last, until)

    async def work(sor: SafeSqlor) -> None:
        if await _is_first(sor, whose, before, now):
            await sor.sqlExe(
                f"delete from {TABLE} where kind in ${{kinds}}$ and {_OF_RUNNING}"  # noqa: S608
                f" and not {IS_OF_BATCH}",
                values | {"kinds": [kind.name for kind in KINDS]},
            )
            rows = [(*row, number) for part in parts for number, row in enumerate(part, 1)]
            await bulk_insert_tuples(sor, TABLE, (*COLUMNS, "row_no"), rows)

    await in_transaction(work)


async def forget_running(whose: str) -> None:
    """Take what is kept of a distributor's running days as not summed up."""
    await in_transaction(
        lambda sor: sor.sqlExe(
            "delete from app_usage_running where distributor_id = ${whose}$", {"whose": whose}
        )
    )


async def _read_row(sor: SafeSqlor, whose: str, lock: str = "") -> RunningSums | None:
    rows = await sor.tuples(
        "select entry_no, after_day from app_usage_running"  # noqa: S608  constants
        f" where distributor_id = ${{whose}}${lock}",
        {"whose": whose},
    )
    return RunningSums(int(rows[0][0]), str(rows[0][1])) if rows else None


async def _rows(
    sor: SafeSqlor, kind: Kind, values: dict[str, Any], *, is_new: bool, has_more: bool
) -> list[tuple[Any, ...]]:
    """Return the rows of *kind* up to the last number, with what was kept unless *is_new*;
    *has_more*: there may be some of it in the ledger since."""
    text = f"u.distributor_id = ${{whose}}$ and u.day_key > ${{until}}$ and {IS_WHOLE}"
    text += " and u.entry_no <= ${last}$"
    if is_new:
        conditions = Conditions("new_")
        ledger = of_distributor(conditions, values["whose"], next_day(values["until"]), LAST_DAY)
        rows = kind.select(COLUMNS, ledger, f"{conditions.text} and {text}")
        values = values | conditions.values
    else:
        own_rows = (
            f"select {', '.join(COLUMNS)} from {TABLE} force index (primary)"  # noqa: S608
            f" where kind = '{kind.name}' and {_OF_RUNNING} and not {IS_OF_BATCH}"
        )
        rows = own_rows
        if has_more:
            more = kind.select(COLUMNS, BY_ENTRY, f"{text} and u.entry_no > ${{after}}$")
            rows = summed_up(COLUMNS, f"({own_rows} union all {more}) r")
    return [tuple(row) for row in await sor.tuples(rows, values)]


async def _row_count(sor: SafeSqlor, values: dict[str, Any]) -> int:
    """Return how many rows of the ledger what is kept was made of."""
    return int((await sor.firsts(_COUNT, values))[0])


async def _is_first(
    sor: SafeSqlor, whose: str, before: RunningSums | None, now: RunningSums
) -> bool:
    """Write that all up to *now* is summed up, and return True; False where what was read *before*
    is not so any more."""
    await sor.sqlExe("update app_usage_rollup set lock_no = lock_no + 1", {})
    if await built_day(sor) != now.after_day or before != await _read_row(
        sor, whose, " for update"
    ):
        return False
    await sor.sqlExe(
        "insert into app_usage_running (distributor_id, entry_no, after_day)"
        " values (${whose}$, ${entry_no}$, ${after_day}$)"
        " on duplicate key update entry_no = ${entry_no}$, after_day = ${after_day}$",
        {"whose": whose, "entry_no": now.entry_no, "after_day": now.after_day},
    )
    return True
