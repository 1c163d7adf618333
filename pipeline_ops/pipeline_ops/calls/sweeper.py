"""
Ending calls whose lease ran out.

One worker at a time sweeps, chosen by a lock in the database; when it dies, its connection dies,
and another takes over. Two at once would do no harm: each call is ended under its line's lock.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime

from app.global_func import (
    AppError,
    Counter,
    Gauge,
    SafeSqlor,
    in_transaction,
    log_failure,
    log_unavailable,
    now,
    reading,
    require_right_clock,
)
from pipeline_ops.calls.account import lock_reservations
from pipeline_ops.calls.capacity import lock_capacity, release_estimates
from pipeline_ops.ledger.expiry import EXPIRE_BATCH_SIZE, estimates_of, expire, find_overdue

PAUSE_SECONDS = 1.0
_LOCK_NAME = "concat(left(database(), 40), '.lease_sweeper')"

log = logging.getLogger("pipeline_ops.sweeper")


_expiries = Counter("pipeline_lease_expiries", "Calls ended because their lease ran out")
_last_run = Gauge(
    "pipeline_sweeper_last_run_timestamp_seconds",
    "When overdue calls were last looked for, since 1970",
    merging="latest",
)


async def expire_overdue(moment: datetime) -> int:
    """End every call whose lease ran out by *moment*, line by line; how many. The slot goes
    back, the quota stays used."""
    async with reading() as sor:
        rows = await sor.sqlExe(
            "select distinct pipeline_id from pipeline_usage_log"
            " where status = 'reserved' and line_no = 0 and lease_expires_at <= ${moment}$",
            {"moment": moment},
        )
    total = 0
    for row in rows:
        while count := await _expire_some(row["pipeline_id"], moment):
            total += count
            _expiries.add(count)
            if count < EXPIRE_BATCH_SIZE:
                break
    return total


async def run_sweeper(stop: asyncio.Event) -> None:
    """Sweep every second until *stop* is set, whenever this process holds the lock."""
    while not stop.is_set():
        try:
            async with reading() as sor:
                await _sweep_while_leader(sor, stop)
        except AppError as exc:
            log_unavailable(exc, "the lease sweeper")
        except Exception as exc:  # noqa: BLE001  it must not end the sweeping for the process's life
            log_failure(log, "sweep_failed", "the lease sweeper failed; it goes on", exc)
        await _pause(stop)


async def _sweep_while_leader(sor: SafeSqlor, stop: asyncio.Event) -> None:
    """Take the lock on *sor*'s connection, sweep while it is held, give it back."""
    # The lock belongs to the connection; asking again also tells that the connection lives.
    lock = await sor.one(f"select get_lock({_LOCK_NAME}, 0) as held", {})
    if not lock or lock["held"] != 1:
        return
    try:
        while not stop.is_set():
            # A clock that is ahead would end the calls of other hosts before their time.
            await require_right_clock(sor)
            count = await expire_overdue(now())
            _last_run.set(now().timestamp())
            if count:
                log.info("%d overdue call(s) ended", count, extra={"action": "sweep"})
            await _pause(stop)
            lock_state = await sor.one(
                f"select is_used_lock({_LOCK_NAME}) = connection_id() as held", {}
            )
            if not lock_state or lock_state["held"] != 1:
                return
    finally:
        # A connection that is gone has given its lock back already.
        with suppress(AppError):
            await sor.one(f"select release_lock({_LOCK_NAME}) as released", {})


async def _expire_some(pipeline_id: str, moment: datetime) -> int:
    async def work(sor: SafeSqlor) -> int:
        # Looked up first, since distributors are locked before the capacity; what runs out
        # meanwhile is for the next sweep.
        calls = await find_overdue(sor, pipeline_id, moment)
        reservations = await lock_reservations(sor, estimates_of(calls))
        capacity = await lock_capacity(sor, pipeline_id)
        expired_calls = await expire(sor, calls, moment)
        if expired_calls:
            for _ in expired_calls:
                capacity.free_slot()
            if reservations is not None:
                release_estimates(expired_calls, reservations)
                await reservations.save(sor)
            await capacity.save(sor)
        return len(expired_calls)

    return await in_transaction(work)


async def _pause(stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)
