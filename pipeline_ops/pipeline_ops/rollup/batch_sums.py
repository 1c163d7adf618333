"""
The sums of archived batches: what went into files is summed up by day once, in the transaction that
takes it out of the ledger, as rows of app_usage_day that name their batch.

Nothing of an archived row changes any more, so these rows never do. The sums of a day are those of
its batches and those of the rows that stand in the ledger whole: building a day anew touches only
these, and a stub, which has no item, is never summed up.
"""

from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.archive.batches import ArchiveBatch
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.rollup.kinds import COLUMNS, IS_WHOLE, KINDS
from pipeline_ops.rollup.ledger_rows import BY_ENTRY

_INSERT = (
    f"insert into app_usage_day ({', '.join(COLUMNS)}, archive_batch, row_no) select r.*,"  # noqa: S608
    " ${{batch}}$, ${{lowest}}$ - row_number() over (order by r.day_key) from ({rows}) r"
)
_DAYS = (
    "select distinct day_key from app_usage_day force index (app_usage_day_archive)"
    " where archive_batch = ${batch}$"
)


async def keep_sums(sor: SafeSqlor, batch: ArchiveBatch) -> None:
    """Sum up the rows that *batch* is about to take out, which are locked, in the caller's
    transaction."""
    values = batch.span.values | await batch_place(sor, batch)
    for kind in KINDS:
        rows = kind.select(COLUMNS, BY_ENTRY, f"{batch.span.condition} and {IS_WHOLE}")
        await sor.sqlExe(_INSERT.format(rows=rows), values)


async def drop_sums(sor: SafeSqlor, batch: ArchiveBatch) -> None:
    """Delete the sums of *batch*."""
    await sor.sqlExe(
        "delete from app_usage_day where archive_batch = ${batch}$", {"batch": batch.id}
    )


async def mark_days_of(sor: SafeSqlor, batch: ArchiveBatch) -> None:
    """Mark the days that *batch*, whose sums are there, has rows of: last in a transaction that
    takes them out or puts them back, as whoever writes rows does."""
    days = await sor.firsts(_DAYS, {"batch": batch.id})
    await mark_days(sor, ((batch.distributor_id, str(day)) for day in days))


async def batch_place(sor: SafeSqlor, batch: ArchiveBatch) -> dict[str, Any]:
    """Return where the rows of *batch* go: its id, and the number below which theirs are."""
    lowest = await sor.firsts(
        "select least(coalesce(min(row_no), 0), 0) from app_usage_day"
        " where distributor_id = ${whose}$",
        {"whose": batch.distributor_id},
    )
    return {"batch": batch.id, "lowest": int(lowest[0])}
