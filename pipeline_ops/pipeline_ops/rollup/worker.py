"""
The sums of days, kept in the background.

After a stop it goes on where it was: what is built is written with it.
"""

import asyncio
import logging
import time

from app.global_func import BackgroundWork, Gauge, SafeSqlor, day_bounds, pause
from pipeline_ops.rollup.build import (
    build_again,
    build_next_day,
    built_day,
    find_marks,
    last_day_over,
    raise_fences,
)

log = logging.getLogger("pipeline_ops.rollup")

_last_day = Gauge(
    "pipeline_rollup_last_day_timestamp_seconds",
    "Start of the last day whose use is summed up, since 1970",
    merging="latest",
)


async def build_due(stop: asyncio.Event) -> int:
    """Build all days that are over and again all that are marked, or as many until *stop* is set;
    how many. Between two of them it waits as long as the last one took: others come first."""
    last = last_day_over()
    await raise_fences(last)
    count = 0
    while not stop.is_set():
        started_at = time.monotonic()
        if await build_next_day(last) is None:
            break
        count += 1
        await pause(stop, time.monotonic() - started_at)
    for whose, day in await find_marks():
        if stop.is_set():
            break
        started_at = time.monotonic()
        await build_again(whose, day)
        count += 1
        await pause(stop, time.monotonic() - started_at)
    return count


async def _keep_sums(sor: SafeSqlor, stop: asyncio.Event) -> None:
    if count := await build_due(stop):
        log.info("%d day(s) of use summed up", count, extra={"action": "rollup"})
    if day := await built_day(sor):
        _last_day.set(day_bounds(day)[0].timestamp())


ROLLUP = BackgroundWork(
    work=_keep_sums, lock="usage_days", who="the sums of days", failure="rollup_failed", log=log,
    pause_seconds=10.0,
)  # fmt: skip
