"""
Taking a closed month out of the ledger, one batch after another.

Each batch goes through the same steps: its rows are read and written to a file, which is complete
on the disk before it has its name, and is read back; then one transaction locks the rows, holds
them against what was read, writes the row of the batch, keeps what the rows come to by day
(rollup/batch_sums.py), and leaves stubs. Until that is committed
the ledger is whole, and from then on the file is; whoever was killed between makes the same file
again, finds the same bytes there and goes on. What a batch has follows from the rows alone, so
nothing is twice.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from app.global_func import SafeSqlor, in_transaction, now, reading, time_ordered_id
from pipeline_ops.archive import parquet
from pipeline_ops.archive.batches import (
    ArchiveBatch,
    BatchState,
    LedgerSpan,
    archive_folder,
    file_name,
    insert_batch,
    set_state,
)
from pipeline_ops.archive.files import file_checksum
from pipeline_ops.archiving.months import ClosedMonth
from pipeline_ops.errors import (
    ARCHIVE_CALLS_RUNNING,
    ARCHIVE_FILE_CHANGED,
    ARCHIVE_FILE_THERE,
    ARCHIVE_ROWS_CHANGED,
    ARCHIVE_SUMS_DIFFER,
)
from pipeline_ops.ledger.archived_rows import (
    MonthFacts,
    RowSums,
    ledger_rows,
    lock_rows,
    month_facts,
    next_span,
    sum_rows,
    take_out,
)
from pipeline_ops.rollup.batch_sums import keep_sums, mark_days_of

BATCH_ROWS = 50_000
# Told after each step of a batch; tests stop here.
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file that was written, and what its rows come to; `stubs` of them will stay."""

    path: Path
    sums: RowSums
    stubs: int


async def read_facts(month: ClosedMonth) -> MonthFacts:
    """Return what of *month* is not archived; raises Conflict `archive_calls_running`."""
    async with reading() as sor:
        facts = await month_facts(sor, month.distributor_id, month.month)
    if facts.running:
        raise ARCHIVE_CALLS_RUNNING(count=facts.running)
    return facts


async def archive_month(
    month: ClosedMonth, facts: MonthFacts, most: int, step: Step = lambda _: None
) -> AsyncIterator[ArchiveBatch]:
    """
    Archive what is left of a closed month, about *most* rows a batch; yield each batch.

    Raises Conflict `archive_file_there`, `archive_file_changed`, `archive_rows_changed`,
    `archive_sums_differ`: batches before are archived then, and it may be called again.
    """
    for whole in facts.spans:
        while True:
            async with reading() as sor:
                span = await next_span(sor, whole, most)
            if span is None:
                break
            step("chosen")
            file = await _write_file(span, step)
            yield await in_transaction(partial(_take_out, span=span, file=file, step=step))
            step("committed")


async def _write_file(span: LedgerSpan, step: Step) -> BatchFile:
    """Write the rows of *span* to their file, and read it back."""
    path = archive_folder() / file_name(span)
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = parquet.ledger_schema()
    tables, sums, stubs, last = [], RowSums(0, 0, 0, Decimal(0)), 0, None
    names = schema.names
    at = {name: names.index(name) for name in ("entry_no", "call_no", "lock_version", "calls")}
    amount_at = names.index("amount")
    async with reading(snapshot=True) as sor:
        async for rows in ledger_rows(sor, span, names, " and u.archive_batch is null"):
            tables.append(await asyncio.to_thread(parquet.to_table, rows, schema))
            for row in rows:
                settlement = (row[at["entry_no"]], row[at["call_no"]])
                # Of what has no number every row stays.
                stubs += not span.has_numbers or settlement != last
                last = settlement
            sums = RowSums(
                sums.rows + len(rows),
                sums.locks + sum(row[at["lock_version"]] for row in rows),
                sums.calls + sum(row[at["calls"]] for row in rows),
                sums.amount + sum((row[amount_at] for row in rows), Decimal(0)),
            )
    step("read")
    await asyncio.to_thread(_keep_file, path, tables, schema, step)
    return BatchFile(path, sums, stubs)


def _keep_file(path: Path, tables: list[Any], schema: Any, step: Step) -> None:
    """Write *tables* to *path*: whole and on the disk, or not at all; raises Conflict
    `archive_file_there` where another content is there, `archive_file_changed` where the disk does
    not give back what was written."""
    whole = parquet.concat(tables, schema)
    draft = path.with_name(f".{path.name}.draft")
    file = parquet.ParquetFile(draft, schema)
    try:
        file.add(whole)
        file.end()
    finally:
        file.close()
    step("written")
    if not parquet.read_table(draft).equals(whole):
        raise ARCHIVE_FILE_CHANGED(file=str(draft))
    if path.exists() and file_checksum(path) != file_checksum(draft):
        draft.unlink()
        raise ARCHIVE_FILE_THERE(file=str(path))
    draft.replace(path)
    _sync_folder(path.parent)
    step("named")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _take_out(sor: SafeSqlor, span: LedgerSpan, file: BatchFile, step: Step) -> ArchiveBatch:
    """Leave stubs of the rows that stand in *file*, in the caller's transaction."""
    if await lock_rows(sor, span) != file.sums:
        raise ARCHIVE_ROWS_CHANGED()
    step("locked")
    moment = now()
    batch = ArchiveBatch(
        id=time_ordered_id(),
        **span.values,
        file=file_name(span),
        file_bytes=file.path.stat().st_size,
        checksum=file_checksum(file.path),
        row_count=file.sums.rows,
        stub_count=file.stubs,
        calls=file.sums.calls,
        amount=file.sums.amount,
        state=BatchState.MOVING,
        created_at=moment,
        updated_at=moment,
    )
    await insert_batch(sor, batch)
    await keep_sums(sor, batch)
    await take_out(sor, batch)
    step("reduced")
    stubs = await sum_rows(sor, span)
    if (stubs.rows, stubs.calls, stubs.amount) != (file.stubs, batch.calls, batch.amount):
        raise ARCHIVE_SUMS_DIFFER()
    batch = await set_state(sor, batch, BatchState.ARCHIVED)
    await mark_days_of(sor, batch)
    step("marked")
    return batch
