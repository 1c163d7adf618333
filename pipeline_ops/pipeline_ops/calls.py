"""
The steps that every call takes, whoever books it: admission by the line's capacity, pricing, end.

The API (pipeline_dist) and bookings by hand go through the same functions. Each works on locked
records in memory; writing them stands apart, in `save_call_start` and `save_call_end`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.global_func import Row, SafeSqlor, quota_day, quota_month
from pipeline_ops import capacity as rules
from pipeline_ops import ledger
from pipeline_ops.accounts import Account
from pipeline_ops.limits import Limit
from pipeline_ops.pricing import PricedLine, total


@dataclass(slots=True, kw_only=True)
class Capacity:
    """A line's capacity, locked (or only read, for a look), and what the ledger counted for it.
    `row` is None where nothing limits the line."""

    pipeline_id: str
    row: Row | None
    counted: dict[str, int]
    next_free: datetime | None = None

    def limits(self, moment: datetime, *, slot: bool) -> list[Limit]:
        """The line's limits at *moment*, in the order of admission; *slot*: the call will run."""
        if self.row is None:
            return []
        day, month = quota_day(moment), quota_month(moment)
        found = rules.switched_off(self.row)
        found += rules.period_limits(self.row, "capacity", day, month, moment, self.counted)
        if slot:
            found += rules.slots(self.row, self.next_free)
        return found

    def take(self, day: str, month: str, *, slot: bool) -> None:
        """Count one call, and its slot."""
        if self.row is not None:
            rules.take(self.row, day, month)
            self.row["running"] += slot

    def free_slot(self) -> None:
        """Give back the slot of a call that ended."""
        if self.row is not None:
            self.row["running"] -= 1

    def give_back(self, day: str, month: str) -> None:
        """Give back one call that began on *day*, in *month*."""
        if self.row is not None:
            rules.give_back(self.row, day, month)

    async def save(self, sor: SafeSqlor) -> None:
        """Write the counters."""
        if self.row is not None:
            await rules.save_capacity(sor, self.row)


async def lock_capacity(sor: SafeSqlor, pipeline_id: str) -> Capacity:
    """The capacity of a line, locked until the transaction ends."""
    row = await rules.lock_capacity(sor, pipeline_id)
    return Capacity(pipeline_id=pipeline_id, row=row, counted={})


async def open_capacity(
    sor: SafeSqlor, capacity: Capacity, moment: datetime, *, slot: bool, expire: bool = True
) -> None:
    """
    Bring a capacity to *moment*: its counters to that day and month and, if the call needs a
    slot and none is free, overdue calls ended (with *expire*) and the next free time known.
    """
    row = capacity.row
    if row is None:
        return
    day, month = quota_day(moment), quota_month(moment)
    for key in rules.keys_to_count(row, (day, month)):
        capacity.counted[key] = await ledger.count_calls(sor, key, pipeline_id=capacity.pipeline_id)
    rules.turn(row, day, month, capacity.counted)
    if slot and not rules.has_slot(row):
        if expire:
            row["running"] -= await ledger.expire_overdue(sor, capacity.pipeline_id, moment)
            # Written at once: the ledger has them ended, whatever becomes of this admission.
            await rules.save_capacity(sor, row)
        else:
            row["running"] -= await ledger.count_overdue(sor, capacity.pipeline_id, moment)
        if not rules.has_slot(row):
            capacity.next_free = await ledger.next_lease_end(sor, capacity.pipeline_id)


async def save_call_start(
    sor: SafeSqlor,
    header: Mapping[str, Any],
    priced: Sequence[PricedLine],
    account: Account,
    capacity: Capacity,
) -> None:
    """Write a call that was let in, and the counters it moved. The ledger comes first: a
    repeated idempotency key stops here, with no counter written."""
    by, moment = header["created_by"], header["created_at"]
    rows = [dict(header), *ledger.line_rows(header, priced, moment=moment, by=by)]
    await ledger.insert_rows(sor, rows)
    await account.save(sor)
    await capacity.save(sor)


def end_call(
    header: dict[str, Any],
    status: str,
    moment: datetime,
    priced: Sequence[PricedLine],
    account: Account,
    capacity: Capacity,
) -> None:
    """
    End a locked call in memory: slot back unless it was given back already, quotas back for a
    cancelled one, the amount on the account.
    """
    if header["status"] == "reserved":
        capacity.free_slot()
    if status == "cancelled":
        capacity.give_back(header["day_key"], header["month_key"])
        account.give_back(header["day_key"], header["month_key"])
    account.settle(total(priced))
    header["status"] = status
    header["finished_at"] = moment
    header["duration_ms"] = milliseconds(header["started_at"], moment)


async def save_call_end(
    sor: SafeSqlor,
    header: Mapping[str, Any],
    priced: Sequence[PricedLine],
    account: Account,
    capacity: Capacity,
    *,
    by: str,
) -> None:
    """Write a call that `end_call` has ended, and the counters it moved."""
    await account.save(sor)
    await capacity.save(sor)
    await ledger.close_call(sor, header, priced, by=by)


def milliseconds(start: datetime, end: datetime) -> int:
    """From *start* to *end*, never below 0: a clock may have been set back between."""
    return max(0, round((end - start).total_seconds() * 1000))
