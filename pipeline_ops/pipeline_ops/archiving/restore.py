"""Putting a batch back into the ledger: its rows are again what they were, to the last column."""

from collections.abc import Mapping
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.archive import parquet
from pipeline_ops.archive.batches import (
    ArchiveBatch,
    BatchState,
    lock_batch,
    read_batches,
    set_state,
)
from pipeline_ops.archive.files import read_portions
from pipeline_ops.errors import (
    ARCHIVE_NO_BATCH,
    ARCHIVE_NOT_LAST,
    ARCHIVE_ROWS_CHANGED,
    ARCHIVE_SUMS_DIFFER,
)
from pipeline_ops.ledger.archived_rows import lock_rows, put_back, stub_ids, sum_rows
from pipeline_ops.rollup.batch_sums import drop_sums, mark_days_of


async def restore_batch(sor: SafeSqlor, batch_id: str) -> ArchiveBatch:
    """
    Put a batch back within the caller's transaction; its file stays where it is.

    Raises NotFound `archive_no_batch`; Conflict `archive_not_last` where another batch of its
    distributor was archived after it, since a reversal in that may take back a row of this one;
    `archive_file_missing`, `archive_file_changed`, `archive_rows_changed`, `archive_sums_differ`.
    """
    batch = await lock_batch(sor, batch_id)
    if batch is None or batch.state != BatchState.ARCHIVED:
        raise ARCHIVE_NO_BATCH(batch=batch_id)
    others = await read_batches(sor, distributor_id=batch.distributor_id)
    last = max(others, key=lambda other: other.id)
    if last.id != batch.id:
        raise ARCHIVE_NOT_LAST(batch=last.id)
    await lock_rows(sor, batch.span)
    stubs = await stub_ids(sor, batch)
    if len(stubs) != batch.stub_count:
        raise ARCHIVE_ROWS_CHANGED()
    batch = await set_state(sor, batch, BatchState.RESTORING)
    columns = parquet.ledger_schema().names
    for portion in read_portions(batch):
        await put_back(sor, columns, portion, stubs)
    sums = await sum_rows(sor, batch.span)
    if (sums.rows, sums.calls, sums.amount) != (batch.row_count, batch.calls, batch.amount):
        raise ARCHIVE_SUMS_DIFFER()
    await mark_days_of(sor, batch)
    await drop_sums(sor, batch)
    return await set_state(sor, batch, BatchState.RESTORED)


async def archived_call(sor: SafeSqlor, call_no: str) -> list[Mapping[str, Any]]:
    """Return the archived rows of a call out of its files, in their order; raises as
    `read_portions` does, none where nothing of it is archived."""
    ids = await sor.firsts(
        "select distinct archive_batch from pipeline_usage_log where call_no = ${call_no}$"
        " and archive_batch is not null",
        {"call_no": call_no},
    )
    batches = [batch for batch in await read_batches(sor) if batch.id in ids]
    rows = [
        row
        for batch in batches
        for portion in read_portions(batch)
        for row in portion
        if row["call_no"] == call_no
    ]
    return sorted(rows, key=lambda row: row["line_no"])
