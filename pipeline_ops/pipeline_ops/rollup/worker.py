"""
The sums of days, kept in the background.

Every worker looks now and then; one at a time builds, by a lock in the database. After a stop it
goes on where it was: what is built is written with it.
"""

import asyncio
import logging
import time
from contextlib import suppress

from app.global_func import AppError, Gauge, day_bounds, log_failure, log_unavailable, reading
from pipeline_ops.rollup.build import (
    build_again,
    build_next_day,
    built_day,
    find_marks,
    last_day_over,
    raise_fences,
)

PAUSE_SECONDS = 10.0
_LOCK_NAME = "concat(left(database(), 40), '.usage_days')"

log = logging.getLogger("pipeline_ops.rollup")

_last_day = Gauge(
    "pipeline_rollup_last_day_timestamp_seconds",
    "Start of the last day whose use is summed up, since 1970",
    merging="latest",
)


async def run_rollup(stop: asyncio.Event) -> None:
    """Keep the sums until *stop* is set, whenever no other process is at it."""
    while not stop.is_set():
        try:
            await _build_if_first(stop)
        except AppError as exc:
            log_unavailable(exc, "the sums of days")
        except Exception as exc:  # noqa: BLE001  it must not end the building for the process's life
            log_failure(log, "rollup_failed", "building sums failed; it goes on", exc)
        await _pause(stop, PAUSE_SECONDS)


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
        await _pause(stop, time.monotonic() - started_at)
    for whose, day in await find_marks():
        if stop.is_set():
            break
        started_at = time.monotonic()
        await build_again(whose, day)
        count += 1
        await _pause(stop, time.monotonic() - started_at)
    return count


async def _build_if_first(stop: asyncio.Event) -> None:
    # The lock belongs to the connection, which is held while days are built on others.
    async with reading() as sor:
        lock = await sor.one(f"select get_lock({_LOCK_NAME}, 0) as held", {})
        if not lock or lock["held"] != 1:
            return
        try:
            if count := await build_due(stop):
                log.info("%d day(s) of use summed up", count, extra={"action": "rollup"})
            if day := await built_day(sor):
                _last_day.set(day_bounds(day)[0].timestamp())
        finally:
            with suppress(AppError):
                await sor.one(f"select release_lock({_LOCK_NAME}) as released", {})


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
