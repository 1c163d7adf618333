"""
The months that are due, closed in the background, and the files made that nobody came to make.

Two at once would do no harm, also on two database nodes: what closes a month is written
(closing/close.py).
"""

import asyncio
import logging
from datetime import timedelta

from app.global_func import BackgroundWork, SafeSqlor, now, require_right_clock
from pipeline_dist.closing.due import close_due
from pipeline_dist.closing.files import keep_missing_files

# So long another process may be making the files of what it has closed.
_FILES_WAIT = timedelta(seconds=60)

log = logging.getLogger("pipeline_dist.closing")


async def _close_months(sor: SafeSqlor, _: asyncio.Event) -> None:
    # What is closed stays so, also when the clock was wrong.
    await require_right_clock(sor)
    if count := await close_due(now()):
        log.info("%d month(s) closed", count, extra={"action": "close_months"})
    await keep_missing_files(now() - _FILES_WAIT)


MONTH_CLOSER = BackgroundWork(
    work=_close_months, lock="month_closer", who="closing months", failure="close_failed", log=log,
    pause_seconds=60.0,
)  # fmt: skip
