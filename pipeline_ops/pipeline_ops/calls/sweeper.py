"""
Ending calls whose lease ran out.

Two workers at once would do no harm: each call is ended under its line's lock.
"""

import asyncio
import logging
from datetime import datetime

from app.global_func import (
    BackgroundWork,
    Counter,
    Gauge,
    SafeSqlor,
    in_transaction,
    now,
    reading,
    require_right_clock,
    twins_in_use,
)
from pipeline_ops.calls.account import lock_reservations
from pipeline_ops.calls.capacity import lock_capacity, release_estimates
from pipeline_ops.ledger.expiry import EXPIRE_BATCH_SIZE, estimates_of, expire, find_overdue

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
            if not twins_in_use():
                _expiries.add(count)
            if count < EXPIRE_BATCH_SIZE:
                break
    return total


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


async def sweep(sor: SafeSqlor, _: asyncio.Event) -> None:
    """End what is overdue; raises Unavailable `host_clock`. What is measured is of real calls: were
    it of the sandbox too, nobody would see that only that is still swept."""
    # A clock that is ahead would end the calls of other hosts before their time.
    await require_right_clock(sor)
    count = await expire_overdue(now())
    if not twins_in_use():
        _last_run.set(now().timestamp())
    if count:
        log.info("%d overdue call(s) ended", count, extra={"action": "sweep"})


SWEEPER = BackgroundWork(
    work=sweep, lock="lease_sweeper", who="the lease sweeper", failure="sweep_failed", log=log,
    pause_seconds=1.0, keeps_lock=True,
)  # fmt: skip
