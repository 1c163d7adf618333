"""
Forgetting what the sandbox has no use of any more: its calls and events are kept as long as events
are (`events_days`), and nothing of a distributor or a line that is deleted.

Its tables are no record of anything: what is gone is taken out, in small transactions and not too
much in one turn, since the real ones are written beside it.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from app.global_func import (
    TWIN_PREFIX,
    BackgroundWork,
    SafeSqlor,
    in_transaction,
    now,
    quota_month,
    reading,
    require_right_clock,
    settings,
    use_twins,
)
from pipeline_dist.accounts.sandbox import drop_orphans
from pipeline_dist.events.store import prune

# So many calls, with their items, go in one transaction, and so many of those in one turn.
PORTION_SIZE = 200
MAX_PORTIONS = 50

log = logging.getLogger("pipeline_dist.sandbox")

# By the column that says whose they are. Calls go in portions before.
_OF_OWNERS = {
    "distributors": "id",
    "distributor_pipeline": "distributor_id",
    "app_package_use": "distributor_id",
    "app_past_counter": "distributor_id",
    "app_event": "distributor_id",
    "app_event_counter": "id",
}
_OLD = (
    "select call_no from pipeline_usage_log force index (pipeline_usage_log_started)"
    " where started_at < ${until}$ and line_no = 0 order by started_at limit ${most}$"
)
_SLOTS_IN_USE = (
    "update pipeline_capacity set running = (select count(*) from pipeline_usage_log u"
    " where u.pipeline_id = pipeline_capacity.pipeline_id and u.line_no = 0"
    " and u.status = 'reserved') where running > 0"
)
_OF_OWNER = "select call_no from pipeline_usage_log where distributor_id = ${id}$ limit ${most}$"
# With the twins' names as they are, beside the real one.
_ORPHANS = " union ".join(
    f"select o.id from (select distinct {column} as id from {TWIN_PREFIX}{name}) o"  # noqa: S608  constants
    " left join distributors d on d.id = o.id where d.id is null and o.id <> ''"
    for name, column in {**_OF_OWNERS, "pipeline_usage_log": "distributor_id"}.items()
)


async def forget_old(moment: datetime, stop: asyncio.Event) -> int:
    """Remove the sandbox's calls, events and counters that are older than `events_days` at
    *moment*, as much as one turn may; how many calls and events."""
    options = settings().options
    # Also nothing that was booked for a time long ago, and no month into which something may be.
    days = max(options.events_days, options.backdating_days + 31)
    until = moment - timedelta(days=days)
    values = {"month": quota_month(until)}
    count = 0
    with use_twins():
        for _ in range(MAX_PORTIONS):
            removal_count = await _delete_calls(_OLD, {"until": until})
            count += removal_count
            if removal_count < PORTION_SIZE or stop.is_set():
                break
        await in_transaction(lambda sor: _delete_old_counters(sor, values))
        return count + await prune(moment)


async def forget_orphans(stop: asyncio.Event) -> int:
    """Remove what the sandbox has of distributors that are deleted, as much as one turn may; how
    many are forgotten."""
    async with reading() as sor:
        ids = await sor.firsts(_ORPHANS, {})
    count = 0
    with use_twins():
        for distributor_id in ids[:MAX_PORTIONS]:
            for _ in range(MAX_PORTIONS):
                if stop.is_set():
                    return count
                if await _delete_calls(_OF_OWNER, {"id": distributor_id}) < PORTION_SIZE:
                    await _delete_owner(distributor_id)
                    count += 1
                    break
    return count


async def _delete_calls(which: str, values: dict[str, object]) -> int:
    """Delete a portion of the calls that a query gives, with their items and tags; how many rows it
    gave."""

    async def work(sor: SafeSqlor) -> int:
        numbers = await sor.firsts(which, {**values, "most": PORTION_SIZE})
        if numbers:
            for name in ("app_call_tag", "pipeline_usage_log"):
                await sor.sqlExe(
                    f"delete from {name} where call_no in ${{numbers}}$",  # noqa: S608  constants
                    {"numbers": sorted(set(numbers))},
                )
        return len(numbers)

    return await in_transaction(work)


async def _delete_old_counters(sor: SafeSqlor, values: dict[str, str]) -> None:
    await sor.sqlExe("delete from app_past_counter where period_key < ${month}$", values)
    await sor.sqlExe("delete from app_package_use where month_key < ${month}$", values)


async def _delete_owner(distributor_id: str) -> None:
    async def work(sor: SafeSqlor) -> None:
        for name, column in _OF_OWNERS.items():
            text = f"delete from {name} where {column} = ${{id}}$"  # noqa: S608  constants
            await sor.sqlExe(text, {"id": distributor_id})
        # Calls that still ran are gone without having ended: nobody else gives their slots back.
        await sor.sqlExe("select id from pipeline_capacity where running > 0 for update", {})
        await sor.sqlExe(_SLOTS_IN_USE, {})

    await in_transaction(work)


async def _keep(sor: SafeSqlor, stop: asyncio.Event) -> None:
    # A clock that is ahead would forget what is not old.
    await require_right_clock(sor)
    if count := await forget_old(now(), stop):
        log.info("%d old call(s) and event(s) of the sandbox removed", count,
                 extra={"action": "prune_sandbox"})  # fmt: skip
    await forget_orphans(stop)
    while await drop_orphans(PORTION_SIZE) >= PORTION_SIZE and not stop.is_set():
        pass


SANDBOX_KEEPER = BackgroundWork(
    work=_keep, lock="sandbox_keeper", who="keeping the sandbox", failure="sandbox_failed", log=log,
    pause_seconds=300.0,
)  # fmt: skip
