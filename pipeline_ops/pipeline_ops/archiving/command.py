"""`manage.py archive`: closed months out of the ledger into files, and everything about these."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.global_func import (
    AppError,
    SafeSqlor,
    in_transaction,
    named_lock,
    pools,
    reading,
    to_json,
    translate,
)
from pipeline_ops.archive.batches import archive_folder
from pipeline_ops.archiving.check import archive_faults
from pipeline_ops.archiving.months import ClosedMonth, months_before
from pipeline_ops.archiving.move import BATCH_ROWS, archive_month, read_facts
from pipeline_ops.archiving.restore import archived_call, restore_batch
from pipeline_ops.errors import ARCHIVE_BUSY
from pipeline_ops.ledger.check import month_argument
from pipeline_ops.rollup.command import build_marked_days

_TABLE_BYTES = (
    "select coalesce((data_length + index_length) / nullif(table_rows, 0), 0)"
    " from information_schema.tables where table_schema = database()"
    " and table_name = 'pipeline_usage_log'"
)


@dataclass(slots=True)
class Totals:
    """What a run has archived: calls, rows, of which stay, and the bytes of the files."""

    calls: int = 0
    rows: int = 0
    stubs: int = 0
    file_bytes: int = 0


def run_command(argv: list[str]) -> int:
    """Archive, verify, restore or look up; 0 when all that was asked for is done, else 1."""
    parser = argparse.ArgumentParser(
        prog="manage.py archive",
        description="Take the item rows of closed months out of the ledger into Parquet files; a"
        " stub of each settlement stays. 将已关账月份的计量行从账本移入 Parquet 文件，"
        "每次入账留下一行。",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--before", type=month_argument, metavar="YYYY-MM",
        help="archive closed months before this one; 归档此月之前的已关账月份",
    )  # fmt: skip
    what.add_argument(
        "--verify", action="store_true",
        help="hold every file against its checksum and the ledger; 核对全部归档文件",
    )  # fmt: skip
    what.add_argument(
        "--restore", metavar="BATCH", help="put a batch back into the ledger; 将一批移回账本"
    )
    what.add_argument(
        "--call", metavar="CALL_NO", help="print an archived call; 输出一次已归档的调用"
    )
    parser.add_argument(
        "--distributor", help="the code of one distributor; 只处理一个分销商（代码）"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done; 只说明将要做什么"
    )
    parser.add_argument(
        "--batch-rows", type=_batch_rows, default=BATCH_ROWS,
        help=f"rows of a batch, {BATCH_ROWS} by default; 每批行数",
    )  # fmt: skip
    options = parser.parse_args(argv)
    return asyncio.run(_run(options))


def _batch_rows(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 1_000_000:
        raise argparse.ArgumentTypeError("1 to 1,000,000 rows. 行数须在 1 到 1,000,000 之间。")
    return count


async def _run(options: argparse.Namespace) -> int:
    try:
        if options.verify:
            return await _verify()
        if options.call:
            return await _print_call(options.call)
        async with _alone():
            if options.restore:
                return await _restore(options.restore)
            return await _archive(options)
    finally:
        await pools().close()


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Hold the lock of the archive; raises Conflict `archive_busy` while another command does. It
    spares work: where two ran at once, the rows themselves would tell the second."""
    async with reading() as sor, named_lock(sor, "archive") as is_alone:
        if not is_alone:
            raise ARCHIVE_BUSY()
        yield


async def _archive(options: argparse.Namespace) -> int:
    async with reading() as sor:
        months = await months_before(sor, options.before, options.distributor)
        row_bytes = float((await sor.firsts(_TABLE_BYTES, {}))[0])
    totals, has_failed, stopped = Totals(), False, ""
    for month in months:
        # What a later month takes back has to be archived first.
        if month.distributor_id == stopped:
            continue
        try:
            is_done = await _archive_one(month, options, totals)
        except AppError as exc:
            is_done = False
            print(f"{month.code} {month.month}: {_both(exc)}")
        if not is_done:
            has_failed, stopped = True, month.distributor_id
    _print_totals(totals, row_bytes, is_trial=options.dry_run)
    if totals.file_bytes:
        await build_marked_days()
    return 1 if has_failed else 0


async def _archive_one(month: ClosedMonth, options: argparse.Namespace, totals: Totals) -> bool:
    """Archive a month, or say what of it would be; False where it is not closed."""
    name = f"{month.code} {month.month}"
    if not month.is_closed:
        print(f"{name}: not closed; run close-months first. 尚未关账，请先运行 close-months。")
        return False
    facts = await read_facts(month)
    if options.dry_run:
        totals.rows += facts.rows
        if facts.rows:
            print(f"{name}: {facts.rows} rows would be archived. 将归档 {facts.rows} 行。")
        return True
    rows = 0
    async for batch in archive_month(month, facts, options.batch_rows):
        rows += batch.row_count
        totals.calls += batch.calls
        totals.rows += batch.row_count
        totals.stubs += batch.stub_count
        totals.file_bytes += batch.file_bytes
        print(f"{name}: {rows} / {facts.rows}  {batch.id}  {batch.file}", file=sys.stderr)
    return True


def _print_totals(totals: Totals, row_bytes: float, *, is_trial: bool) -> None:
    if is_trial or not totals.rows:
        print(f"{totals.rows} rows would be archived; nothing was changed." if is_trial
              else "There is nothing to archive. 没有可归档的内容。")  # fmt: skip
        return
    calls = max(totals.calls, 1)
    before, after = totals.rows * row_bytes / calls, totals.stubs * row_bytes / calls
    file_bytes = totals.file_bytes / calls
    print(
        f"{totals.calls} calls, {totals.rows} rows archived, {totals.stubs} of them stay as stubs;"
        f" {totals.file_bytes} bytes in {archive_folder()}."
        f" 已归档 {totals.calls} 次调用、{totals.rows} 行，留下 {totals.stubs} 行。"
    )
    # By the mean of all rows with their indexes, as the database estimates it.
    print(
        f"Bytes a call: about {before:.0f} in the ledger before, {after:.0f} now, and"
        f" {file_bytes:.0f} in files. 每次调用字节数：账本原约 {before:.0f}，"
        f"现约 {after:.0f}，文件 {file_bytes:.0f}。"
    )


async def _verify() -> int:
    async with reading(snapshot=True) as sor:
        count, faults = await archive_faults(sor, None)
    for fault in faults:
        print(f"{fault.key} {fault.counter}: says {fault.says}, should be {fault.should_be}")
    print(
        f"{count} file(s): {len(faults)} difference(s). 共 {count} 个文件，差异 {len(faults)} 处。"
    )
    return 1 if faults else 0


async def _restore(batch_id: str) -> int:
    async def work(sor: SafeSqlor) -> str:
        batch = await restore_batch(sor, batch_id)
        return (
            f"{batch.month}: {batch.row_count} rows are back. 已移回 {batch.row_count} 行。"
            f" {batch.path}"
        )

    print(await in_transaction(work))
    await build_marked_days()
    return 0


async def _print_call(call_no: str) -> int:
    async with reading() as sor:
        rows = await archived_call(sor, call_no)
    for row in rows:
        print(to_json(row))
    if not rows:
        print("Nothing of this call is archived. 该调用没有归档内容。", file=sys.stderr)
    return 0 if rows else 1


def _both(exc: AppError) -> str:
    return f"{translate(exc.text, 'en')} {translate(exc.text, 'zh')}"
