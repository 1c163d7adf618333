"""The background work of events: telling what the outbox keeps, keys that expire, and forgetting
what is old. Two at once would do no harm: what is told is known by its key, which is written."""

import asyncio
import logging

from app.global_func import BackgroundWork, SafeSqlor, now, require_right_clock
from pipeline_dist.events.keys import tell_expiring
from pipeline_dist.events.outbox import TURN_SIZE, tell_due
from pipeline_dist.events.store import prune

log = logging.getLogger("pipeline_dist.events")


async def _tell(_: SafeSqlor, stop: asyncio.Event) -> None:
    while await tell_due(now()) == TURN_SIZE and not stop.is_set():
        pass


async def _look_after(sor: SafeSqlor, _: asyncio.Event) -> None:
    # A clock that is ahead would forget what is not old.
    await require_right_clock(sor)
    await tell_expiring(now())
    if count := await prune(now()):
        log.info("%d old event(s) removed", count, extra={"action": "prune_events"})


TELLER = BackgroundWork(
    work=_tell, lock="event_outbox", who="telling of changes", failure="events_failed", log=log,
    pause_seconds=1.0, keeps_lock=True,
)  # fmt: skip
KEEPER = BackgroundWork(
    work=_look_after, lock="event_keeper", who="keeping events", failure="events_failed", log=log,
    pause_seconds=300.0,
)  # fmt: skip
