"""
The months that are due, closed in the background, and the files made that nobody came to make.

Every worker looks now and then; one at a time closes, by a lock in the database. Two at once would
do no harm, also on two database nodes: what closes a month is written (closing/close.py).
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from app.global_func import (
    AppError,
    log_failure,
    log_unavailable,
    now,
    reading,
    require_right_clock,
)
from pipeline_dist.closing.due import close_due
from pipeline_dist.closing.files import keep_missing_files

PAUSE_SECONDS = 60.0
# So long another process may be making the files of what it has closed.
_FILES_WAIT = timedelta(seconds=PAUSE_SECONDS)
_LOCK_NAME = "concat(left(database(), 40), '.month_closer')"
TAKE_LOCK = f"select get_lock({_LOCK_NAME}, 0) as held"
RELEASE_LOCK = f"select release_lock({_LOCK_NAME}) as released"

log = logging.getLogger("pipeline_dist.closing")


async def run_month_closer(stop: asyncio.Event) -> None:
    """Close what is due every minute until *stop* is set, unless another process is at it."""
    while not stop.is_set():
        try:
            await _close_if_first()
        except AppError as exc:
            log_unavailable(exc, "closing months")
        except Exception as exc:  # noqa: BLE001  it must not end the closing for the process's life
            log_failure(log, "close_failed", "closing months failed; it goes on", exc)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)


async def _close_if_first() -> None:
    # The lock belongs to the connection, which is held while months are closed on others.
    async with reading() as sor:
        lock = await sor.one(TAKE_LOCK, {})
        if not lock or lock["held"] != 1:
            return
        try:
            # What is closed stays so, also when the clock was wrong.
            await require_right_clock(sor)
            if count := await close_due(now()):
                log.info("%d month(s) closed", count, extra={"action": "close_months"})
            await keep_missing_files(now() - _FILES_WAIT)
        finally:
            with suppress(AppError):
                await sor.one(RELEASE_LOCK, {})
