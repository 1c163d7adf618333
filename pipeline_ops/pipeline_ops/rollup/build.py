"""
Keeping the sums: each day of all distributors when it is over, a distributor's day again when it
was marked. Why nothing is missed, ledger/day_marks.py says.

Two builders at once, also on two database nodes, do no harm: a day is built by who writes the row
of app_usage_rollup, a mark is taken away by who has deleted it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.global_func import Contributions, SafeSqlor, in_transaction, now, quota_day, reading
from pipeline_ops.rollup.kinds import COLUMNS, IS_OF_BATCH, IS_WHOLE, KINDS
from pipeline_ops.rollup.ledger_rows import OF_A_DAY, Conditions, next_day, of_distributor

TABLE = "app_usage_day"
# Calls that end soon after midnight need no mark: the day before is not kept yet.
GRACE = timedelta(minutes=10)
MARK_BATCH_SIZE = 100


@dataclass(frozen=True, slots=True)
class UsageFences:
    """`raise_to` (day) lets whoever writes rows of a distributor from then on mark the days up to
    that one, and waits for those who hold its row (ledger/day_marks.py)."""

    raise_to: Callable[[str], Awaitable[None]]


# One at most.
USAGE_FENCES = Contributions(UsageFences, lambda _: "of distributors")

_INSERT = f"insert into app_usage_day ({', '.join(COLUMNS)}, row_no) select r.*,"
_NUMBERED = " row_number() over (partition by r.distributor_id) as row_no from ({rows}) r"
# The sums of archived batches stay what they are (rollup/batch_sums.py).
_DELETE = (
    "delete from app_usage_day where kind in ${kinds}$ and day_key = ${day}$"  # noqa: S608
    f" and not {IS_OF_BATCH}"
)
_DELETE_MARK = "delete from app_usage_dirty where distributor_id = ${whose}$ and day_key = ${day}$"


def last_day_over() -> str:
    """Return the last day that may be kept: it has been over for a while."""
    today = date.fromisoformat(quota_day(now() - GRACE))
    return (today - timedelta(days=1)).isoformat()


async def built_day(sor: SafeSqlor) -> str:
    """Return the last day that is built, with all before it; '' before the first."""
    days = await sor.firsts("select built_day from app_usage_rollup", {})
    return days[0] if days else ""


async def raise_fences(day: str) -> None:
    """Let all distributors' writers mark the days up to *day* from now on."""
    for fences in USAGE_FENCES:
        await fences.raise_to(day)


async def build_next_day(last: str) -> str | None:
    """
    Build the day after the last one that is built, or the first one that has rows, and return it;
    None where all up to *last* are built. The fences stand at *last* at least.
    """

    async def work(sor: SafeSqlor) -> str | None:
        await sor.sqlExe(
            "insert into app_usage_rollup (id) values ('days')"
            " on duplicate key update lock_no = lock_no + 1",
            {},
        )
        day = await _day_after(sor, await built_day(sor), last)
        if day is None:
            return None
        marks = await sor.tuples(
            "select distributor_id, day_key from app_usage_dirty force index (app_usage_dirty_day)"
            " where day_key = ${day}$ order by distributor_id for update",
            {"day": day},
        )
        await sor.sqlExe(_DELETE, {"day": day, "kinds": [kind.name for kind in KINDS]})
        await _insert(sor, OF_A_DAY, "u.day_key = ${day}$", {"day": day})
        for whose, _ in marks:
            await sor.sqlExe(_DELETE_MARK, {"whose": whose, "day": day})
        await sor.sqlExe(
            "update app_usage_rollup set built_day = ${day}$ where id = 'days'", {"day": day}
        )
        return day

    async with reading() as sor:
        if await built_day(sor) >= last:
            return None
    return await in_transaction(work)


async def find_marks() -> list[tuple[str, str]]:
    """Return some of the marks of days that are built: (distributor, day)."""
    async with reading() as sor:
        rows = await sor.tuples(
            "select distributor_id, day_key from app_usage_dirty where day_key <= ${day}$"
            " order by day_key, distributor_id limit ${most}$",
            {"day": await built_day(sor), "most": MARK_BATCH_SIZE},
        )
    return [(str(whose), str(day)) for whose, day in rows]


async def build_again(whose: str, day: str) -> None:
    """Build a distributor's marked day anew, and take its mark away."""

    async def work(sor: SafeSqlor) -> None:
        values = {"whose": whose, "day": day}
        marks = await sor.tuples(
            "select mark_no from app_usage_dirty where distributor_id = ${whose}$"
            " and day_key = ${day}$ for update",
            values,
        )
        if not marks or day > await built_day(sor):
            return  # days may have been forgotten since the marks were read
        await sor.sqlExe(
            _DELETE + " and distributor_id = ${whose}$",
            values | {"kinds": [kind.name for kind in KINDS]},
        )
        conditions = Conditions("at_")
        ledger = of_distributor(conditions, whose, day, day)
        await _insert(sor, ledger, conditions.text, conditions.values)
        await sor.sqlExe(_DELETE_MARK, values)

    await in_transaction(work)


async def forget_days() -> None:
    """Take all days as not built; they are built anew from the first one on, but for what is
    archived of them."""

    async def work(sor: SafeSqlor) -> None:
        await sor.sqlExe("update app_usage_rollup set built_day = '', lock_no = lock_no + 1", {})
        # Else they were taken for sums of what is behind a day that is built, while whole days of
        # before still stand there.
        await sor.sqlExe("delete from app_usage_running", {})

    await in_transaction(work)


async def _insert(sor: SafeSqlor, ledger: str, where: str, values: dict[str, Any]) -> None:
    for kind in KINDS:
        rows = kind.select(COLUMNS, ledger, f"{where} and {IS_WHOLE}")
        await sor.sqlExe(_INSERT + _NUMBERED.format(rows=rows), values)


async def _day_after(sor: SafeSqlor, day: str, last: str) -> str | None:
    """Return the first day behind *day* and up to *last*; days without rows are stepped over
    before the first one only."""
    if day:
        after = next_day(day)
    else:
        # Also where all rows are of days that run: their sums stand behind a day that is built.
        after = min(await _first_day(sor) or last, last)
    return after if after <= last else None


async def _first_day(sor: SafeSqlor) -> str | None:
    """Return the first day that the ledger has: of each pipeline it is in the index."""
    days: list[str | None] = await sor.firsts(
        "select min(d.day_key) from (select min(u.day_key) as day_key from pipeline_usage_log u"
        " group by u.pipeline_id) d",
        {},
    )
    return days[0]
