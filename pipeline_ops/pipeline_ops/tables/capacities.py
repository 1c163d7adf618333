"""
The capacity of a line as people edit it. The counters are the server's own: a new row takes them
up from the ledger, so they always say what the ledger says.
"""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    DuplicateKey,
    SafeSqlor,
    check_lock_version,
    check_references,
    delete_row,
    get_row,
    insert_row,
    now,
    quota_day,
    quota_month,
    update_row,
)
from pipeline_ops.errors import CAPACITY_EXISTS, CAPACITY_TAKEN
from pipeline_ops.ledger import entries as ledger

TABLE = "pipeline_capacity"


async def create(sor: SafeSqlor, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Give a line its capacity; raises InvalidFields, Conflict `duplicate` if it has one."""
    # Locks the line, as admission does where there is no capacity: no call slips between the
    # count and the new row.
    await check_references(sor, TABLE, values)
    moment, pipeline_id = now(), values["pipeline_id"]
    day, month = quota_day(moment), quota_month(moment)
    counters = {
        "day_key": day,
        "day_used": await ledger.count_calls(sor, day, pipeline_id=pipeline_id),
        "month_key": month,
        "month_used": await ledger.count_calls(sor, month, pipeline_id=pipeline_id),
        "running": await ledger.count_running(sor, pipeline_id),
    }
    try:
        return await insert_row(sor, TABLE, {**values, **counters}, actor)
    except DuplicateKey as exc:
        raise CAPACITY_EXISTS(problems=[CAPACITY_TAKEN("pipeline_id")]) from exc


async def update(
    sor: SafeSqlor,
    capacity_id: str,
    lock_version: int | None,
    values: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """Change quotas, slots or the switch; the next call meets them. Raises NotFound,
    EditConflict."""
    return await update_row(sor, TABLE, capacity_id, lock_version, values, actor)


async def delete(
    sor: SafeSqlor, capacity_id: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    """Take a line's capacity away, so that nothing limits the line; raises NotFound,
    EditConflict."""
    current = await get_row(sor, TABLE, capacity_id, lock=True)
    check_lock_version(TABLE, current, lock_version)
    await delete_row(sor, TABLE, current, actor)
    return current
