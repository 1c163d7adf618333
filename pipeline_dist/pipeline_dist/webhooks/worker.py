"""
The background work of webhooks: one process at a time of a database node looks for what is due and
sends it, several webhooks beside each other; the lease of each keeps other nodes from it.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp

from app.global_func import (
    BackgroundWork,
    Gauge,
    SafeSqlor,
    in_transaction,
    log_failure,
    new_id,
    now,
    reading,
)
from pipeline_dist.webhooks.delivery import Turn, deliver
from pipeline_dist.webhooks.leases import Lease, due_webhooks, take_lease
from pipeline_dist.webhooks.messages import close_session, open_session

if TYPE_CHECKING:
    from pipeline_dist.webhooks.lookups import Lookups

log = logging.getLogger("pipeline_dist.webhooks")

# So many webhooks are sent to at once; a slow receiver holds up one of these for a turn. Of one
# distributor only some: else its slow receivers would hold up everybody.
MAX_SENDING = 16
MAX_SENDING_OF_ONE = 2
# At the end so long a request that is under way may go on.
STOP_SECONDS = 3.0
MEASURE_SECONDS = 15
KEEP_DELIVERIES = timedelta(days=30)
_PRUNE_ROWS = 1000
OLDEST_EVENT = (
    "select min(e.created_at) from app_webhook w join app_event e"
    " on e.distributor_id = w.distributor_id and e.event_no = w.sent_no + 1 where w.enabled = 1"
)
_oldest = Gauge(
    "pipeline_webhook_oldest_seconds",
    "Age of the oldest event that a webhook was not yet sent",
    merging="latest",
)


class Sender:
    """What one process sends, as long as it lives."""

    def __init__(self, nameservers: list[str] | None = None) -> None:
        self._nameservers = nameservers  # else those of this host
        self._lookups: Lookups | None = None
        self._owner = new_id()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Whose each of them is.
        self._distributors: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._measure_at = now()

    async def turn(self, sor: SafeSqlor, stop: asyncio.Event) -> None:
        """Begin to send for webhooks that are due, as far as there is room."""
        for key in [key for key, task in self._tasks.items() if task.done()]:
            del self._tasks[key], self._distributors[key]
        if len(self._tasks) < MAX_SENDING:
            await self._begin(stop)
        if now() >= self._measure_at:
            self._measure_at = now() + timedelta(seconds=MEASURE_SECONDS)
            await _measure(sor)

    async def _begin(self, stop: asyncio.Event) -> None:
        # Twice as many as there is room for: some are passed by, whose distributors have enough.
        rows = await due_webhooks(now(), 2 * MAX_SENDING, MAX_SENDING_OF_ONE)
        for webhook_id, distributor_id in rows:
            if len(self._tasks) >= MAX_SENDING or stop.is_set():
                return
            own = list(self._distributors.values()).count(distributor_id)
            if webhook_id in self._tasks or own >= MAX_SENDING_OF_ONE:
                continue
            lease = await take_lease(webhook_id, self._owner)
            if lease is not None:
                self._tasks[webhook_id] = asyncio.create_task(self._send(lease, stop))
                self._distributors[webhook_id] = distributor_id

    async def _send(self, lease: Lease, stop: asyncio.Event) -> None:
        try:
            await deliver(self._open_session(), lease, Turn(stop))
        except Exception as exc:  # noqa: BLE001  one webhook keeps no other from being sent
            log_failure(log, "webhook_failed", f"webhook {lease.webhook_id} failed", exc)
            # Left to run out: at once it would fail again.
            return
        await lease.release()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Only here, since most workers send nothing.
            from pipeline_dist.webhooks.lookups import Lookups

            self._lookups = self._lookups or Lookups(self._nameservers)
            self._session = open_session(self._lookups)
        return self._session

    async def close(self) -> None:
        """End what is under way: soon, and as if it had not been begun."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late_tasks = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late_tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Exception):  # else the leases run out
                await in_transaction(self._release_all)
        self._tasks.clear()
        self._distributors.clear()
        if self._session is not None:
            await close_session(self._session)
            self._session = None
        if self._lookups is not None:
            self._lookups.close()
            self._lookups = None

    async def _release_all(self, sor: SafeSqlor) -> None:
        await sor.sqlExe(
            "update app_webhook set lease_owner = null, lease_until = null"
            " where lease_owner = ${owner}$",
            {"owner": self._owner},
        )


async def _measure(sor: SafeSqlor) -> None:
    (oldest,) = await sor.firsts(OLDEST_EVENT, {})
    _oldest.set(0 if oldest is None else max(0, (now() - oldest).total_seconds()))


async def prune_deliveries() -> int:
    """Forget deliveries that are old; how many."""
    values = {"until": now() - KEEP_DELIVERIES, "most": _PRUNE_ROWS}
    async with reading() as sor:
        ids = await sor.firsts(
            "select id from app_webhook_delivery where created_at < ${until}$ limit ${most}$",
            values,
        )
    if ids:
        await in_transaction(
            lambda sor: sor.sqlExe(
                "delete from app_webhook_delivery where id in ${ids}$", {"ids": sorted(ids)}
            )
        )
    return len(ids)


async def run_sender(stop: asyncio.Event) -> None:
    """Send what is due, again and again, until *stop* is set."""
    sender = Sender()
    work = BackgroundWork(
        work=sender.turn, lock="webhook_sender", who="sending webhooks", failure="webhooks_failed",
        log=log, pause_seconds=1.0, keeps_lock=True,
    )  # fmt: skip
    try:
        await work.run(stop)
    finally:
        await sender.close()


async def _look_after(_: SafeSqlor, stop: asyncio.Event) -> None:
    while await prune_deliveries() == _PRUNE_ROWS and not stop.is_set():
        pass


DELIVERY_KEEPER = BackgroundWork(
    work=_look_after, lock="webhook_keeper", who="forgetting deliveries", failure="webhooks_failed",
    log=log, pause_seconds=600.0,
)  # fmt: skip
