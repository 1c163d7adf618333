"""
The capacity of a line as people edit it. The counters are the server's own: a new row takes them
up from the ledger, so they always say what the ledger says.
"""

from app.global_func import (
    Actor,
    AppError,
    Index,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_references,
    now,
    quota_day,
    quota_month,
)
from pipeline_ops.errors import CAPACITY_EXISTS, CAPACITY_TAKEN
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.past_counters import Owner, drop_past

TABLE = "pipeline_capacity"


class CapacityService(TableService):
    """Capacities of lines, one a line; a change of quotas, slots or the switch is met by the next
    call, and nothing limits a line without one."""

    table = TABLE

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        # Locks the line, as admission does where there is no capacity: no call slips between the
        # count and the new row.
        await check_references(sor, TABLE, values)
        moment, pipeline_id = now(), values["pipeline_id"]
        # A call on another database node that knew of a capacity which was just deleted may have
        # written a counter after it.
        await drop_past(sor, Owner(pipeline_id=pipeline_id))
        day, month = quota_day(moment), quota_month(moment)
        counters = {
            "day_key": day,
            "day_used": await ledger.count_calls(sor, day, pipeline_id=pipeline_id),
            "month_key": month,
            "month_used": await ledger.count_calls(sor, month, pipeline_id=pipeline_id),
            "running": await ledger.count_running(sor, pipeline_id),
        }
        return {**values, **counters}

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        await drop_past(sor, Owner(pipeline_id=current["pipeline_id"]))

    def duplicate(self, index: Index) -> AppError:
        return CAPACITY_EXISTS(problems=[CAPACITY_TAKEN("pipeline_id")])


SERVICE = CapacityService()
