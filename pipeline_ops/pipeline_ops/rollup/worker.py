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
from pipeline_ops.rollup.running import due_distributors, sum_up_running

# So many settlements of days that run are left to readers before they are summed up: to read them
# takes a reader some 80 ms, to sum them up costs the database about as much as to book them.
MIN_SETTLEMENTS = 20_000

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


async def sum_up_due(stop: asyncio.Event) -> int:
    """Sum up what distributors have settled of days that still run, where it is much, or of as many
    distributors until *stop* is set; how many. It waits in between as `build_due` does."""
    count = 0
    for whose in await due_distributors(MIN_SETTLEMENTS):
        if stop.is_set():
            break
        started_at = time.monotonic()
        await sum_up_running(whose)
        count += 1
        await pause(stop, time.monotonic() - started_at)
    return count


async def _keep_sums(sor: SafeSqlor, stop: asyncio.Event) -> None:
    if count := await build_due(stop):
        log.info("%d day(s) of use summed up", count, extra={"action": "rollup"})
    await sum_up_due(stop)
    if day := await built_day(sor):
        _last_day.set(day_bounds(day)[0].timestamp())


ROLLUP = BackgroundWork(
    work=_keep_sums, lock="usage_days", who="the sums of days", failure="rollup_failed", log=log,
    pause_seconds=10.0,
)  # fmt: skip
