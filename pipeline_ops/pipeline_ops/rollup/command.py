"""`manage.py usage-days`: sum up all days of use that are over, at once."""

import argparse
import asyncio
import time

from app.global_func import pools, reading
from pipeline_ops.rollup.batch_files import batches_without_sums, build_batch
from pipeline_ops.rollup.build import (
    build_again,
    build_next_day,
    built_day,
    find_marks,
    forget_days,
    last_day_over,
    raise_fences,
)

_TELL_SECONDS = 1.0


def run_command(argv: list[str]) -> int:
    """Build what is not built yet, telling how far it is; 0."""
    parser = argparse.ArgumentParser(
        prog="manage.py usage-days",
        description="Sum up the days of use that are over; goes on where it was ended. "
        "汇总已结束各日的使用量，中断后可继续。",
    )
    parser.add_argument(
        "--rebuild", action="store_true",
        help="all days anew; reports read the ledger meanwhile; 全部重算，期间报表读账本",
    )  # fmt: skip
    return asyncio.run(_run(parser.parse_args(argv).rebuild))


async def build_batches() -> int:
    """Sum up from their files the archived batches that were archived before sums were kept,
    telling each; how many."""
    async with reading() as sor:
        ids = await batches_without_sums(sor)
    for number, batch_id in enumerate(ids, 1):
        await build_batch(batch_id)
        print(f"batch {number} of {len(ids)}. 归档批次 {number} / {len(ids)}。", flush=True)
    return len(ids)


async def build_marked_days() -> int:
    """Build all marked days anew, telling how far it is; how many."""
    count, told_at = 0, time.monotonic()
    while marks := await find_marks():
        for whose, day in marks:
            await build_again(whose, day)
            count += 1
        if time.monotonic() - told_at >= _TELL_SECONDS:
            told_at = time.monotonic()
            print(f"{count} marked day(s) built again. 已重算 {count} 日。", flush=True)
    return count


async def _run(rebuild: bool) -> int:
    try:
        if rebuild:
            await forget_days()
        last, days, told_at = last_day_over(), 0, 0.0
        await raise_fences(last)
        while (day := await build_next_day(last)) is not None:
            days += 1
            if time.monotonic() - told_at >= _TELL_SECONDS:
                told_at = time.monotonic()
                print(f"{day} of {last}. 已汇总至 {day}，共至 {last}。", flush=True)
        again = await build_batches()
        again += await build_marked_days()
        async with reading() as sor:
            until = await built_day(sor)
    finally:
        await pools().close()
    print(
        f"{days} day(s) built, {again} built again; all is summed up to {until}."
        f" 新建 {days} 日，重算 {again} 次；已汇总至 {until}。"
    )
    return 0
