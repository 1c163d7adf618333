"""
Tells in the log when the event loop stood still.

A worker answers all its requests in one thread: a call that blocks it keeps everybody waiting
(kernel D6). Time in which the machine had no processor for us is not counted.
"""

import asyncio
import contextlib
import logging
import time

from app.logs import warn

log = logging.getLogger("pipeline.watchdog")

LOOK_EVERY_SECONDS = 0.05
TOLD_FROM_SECONDS = 0.1


async def watch_loop(stop: asyncio.Event) -> None:
    """Log a warning for each time the loop was blocked for 100 ms or more, until *stop* is set."""
    while not stop.is_set():
        started, waited = time.monotonic(), _seconds_without_processor()
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        blocked = time.monotonic() - started - LOOK_EVERY_SECONDS
        if blocked >= TOLD_FROM_SECONDS:
            blocked -= _seconds_without_processor() - waited
        if blocked >= TOLD_FROM_SECONDS:
            warn(log, "loop_blocked", "the event loop stood still", seconds=round(blocked, 3))


def _seconds_without_processor() -> float:
    """How long this thread ever was ready to run and was not run; 0 where Linux does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    return 0.0
