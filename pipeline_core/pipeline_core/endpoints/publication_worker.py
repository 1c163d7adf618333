"""
What is to go live at a time, put live in the background.

Two workers at once would do no harm, also on two database nodes: that it was done is written into
the request's row, under the lock on the line's row, which writes too.
"""

import asyncio
import logging
from datetime import datetime
from functools import partial

from app.global_func import (
    AppError,
    BackgroundWork,
    Row,
    SafeSqlor,
    in_transaction,
    now,
    reading,
    require_right_clock,
)
from pipeline_core.lifecycle.publication_rows import due_publications
from pipeline_core.lifecycle.publications import carry_out_if_due, note_failure

log = logging.getLogger("pipeline_core.publications")

_SERVER_FAULT = 500


async def carry_out_due(moment: datetime) -> int:
    """Put live what is due by *moment*; how many were. What is refused is noted, and not tried
    again; where the database does not answer, the next round tries again."""
    async with reading() as sor:
        rows = await due_publications(sor, moment)
    count = 0
    failures: list[Exception] = []
    for row in rows:
        try:
            count += await _carry_out(row, moment)
        except Exception as exc:  # whatever it is, the others need not wait for it
            failures.append(exc)
            if not isinstance(exc, AppError):  # a fault of ours: which line it is must be known
                log.error(
                    "a scheduled publication failed", exc_info=exc,
                    extra={"action": "publication_failed", "pipeline_id": row["pipeline_id"]},
                )  # fmt: skip
    if failures:
        raise failures[0]
    return count


async def _carry_out(row: Row, moment: datetime) -> bool:
    """Put one live, or note why it is refused; whether it is live now. Raises what another round
    may get over."""
    try:
        work = partial(carry_out_if_due, publication_id=row["id"], moment=moment)
        return await in_transaction(work)
    except AppError as exc:
        if exc.status >= _SERVER_FAULT and exc.code != "version_corrupted":
            raise
        await in_transaction(partial(note_failure, publication_id=row["id"], refusal=exc))
        log.warning(
            "a scheduled publication was refused: %s", exc,
            extra={"action": "publication_refused", "pipeline_id": row["pipeline_id"]},
        )  # fmt: skip
        return False


async def _work(sor: SafeSqlor, _: asyncio.Event) -> None:
    # A clock that is ahead would put live before the time.
    await require_right_clock(sor)
    if count := await carry_out_due(now()):
        log.info("%d publication(s) put live", count, extra={"action": "publish_scheduled"})


PUBLISHER = BackgroundWork(
    work=_work, lock="publisher", who="scheduled publishing", failure="publisher_failed", log=log,
    pause_seconds=5.0,
)  # fmt: skip
