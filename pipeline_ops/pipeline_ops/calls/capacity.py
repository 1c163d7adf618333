"""
The steps that every call takes, whoever books it: admission by the line's capacity, pricing, end.

The API (pipeline_dist) and bookings by hand go through the same functions. Each works on locked
records in memory; writing them stands apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor, lock_parent, quota_day, quota_month, twins_in_use
from pipeline_ops.calls.account import Account, Reservations
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.expiry import (
    EXPIRE_BATCH_SIZE,
    OverdueCall,
    estimates_of,
    expire,
    find_overdue,
)
from pipeline_ops.ledger.past_counters import (
    Owner,
    Place,
    load_counters,
    load_past,
    past_texts,
    shifted_places,
)
from pipeline_ops.ledger.rows import CallHeader, Entry, call_lines
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.counters import CapacityRow, PeriodCounts, is_past
from pipeline_ops.rules.limits import Limit
from pipeline_ops.rules.package_use import save_uses
from pipeline_ops.rules.pricing import PricedLine, total, uses_after


@dataclass(slots=True, kw_only=True)
class Capacity:
    """A line's capacity, locked (or only read, for a look), and what the ledger counted for it.
    `row` is None where nothing limits the line. `leases`: when the calls that run must have ended,
    of the first of them as many as matter; None where nobody had to look."""

    pipeline_id: str
    row: CapacityRow | None
    counts: PeriodCounts = field(default_factory=PeriodCounts)
    leases: list[datetime] | None = None

    @property
    def next_free(self) -> datetime | None:
        """Where at most one slot is free: when one more will be, or, where more calls run than
        may, the first. None where none runs, and where more are free."""
        if self.row is not None and rules.has_slots(self.row, 2):
            return None
        lease_ends = sorted(self.leases or ())
        overrun = rules.overrun(self.row) if self.row is not None else 0
        return lease_ends[overrun] if len(lease_ends) > overrun else None

    def limits(self, moment: datetime, *, slot: bool) -> list[Limit]:
        """Return the line's limits at *moment*, in the order of admission; *slot*: the call will
        run."""
        if self.row is None:
            return []
        day, month = quota_day(moment), quota_month(moment)
        limits = rules.switch_limits(self.row)
        limits += rules.period_limits(self.row, "capacity", day, month, moment, self.counts)
        if slot:
            limits += rules.slots(self.row, self.next_free)
        return limits

    async def load_counts(self, sor: SafeSqlor, moment: datetime) -> None:
        """Count the day and month of *moment* where the row has no counter of them: past ones as
        far as the line has a quota of them."""
        if self.row is None:
            return
        day, month = quota_day(moment), quota_month(moment)
        for key in rules.keys_to_count(self.row, (day, month)):
            if key not in self.counts and not is_past(key, self.row.day_key, self.row.month_key):
                calls = await ledger.count_calls(sor, key, pipeline_id=self.pipeline_id)
                self.counts.load(key, calls)
        keys = rules.past_keys_to_count(self.row, day, month)
        await load_past(sor, self._owner, keys, self.counts)

    def past_places(self, moment: datetime) -> list[Place]:
        """Return the past periods that `load_counts` takes in."""
        if self.row is None:
            return []
        keys = rules.past_keys_to_count(self.row, quota_day(moment), quota_month(moment))
        return [Place(self._owner, key, self.counts) for key in keys]

    def roll_over(self, moment: datetime) -> None:
        """Let the counters go over to the day and month of *moment*, which are counted."""
        if self.row is not None:
            rules.roll_over(self.row, quota_day(moment), quota_month(moment), self.counts)

    def consume(self, day: str, month: str, *, slot: bool) -> None:
        """Count one call, and its slot."""
        if self.row is not None:
            rules.consume(self.row, day, month, self.counts)
            self.row.running += slot

    def hold_slot(self, until: datetime) -> None:
        """Note that the call just counted gives its slot back by *until*."""
        # Where others run and nobody looked when they end, this one's end would tell too much.
        if self.leases is None and self.row is not None and self.row.running == 1:
            self.leases = []
        if self.leases is not None:
            self.leases.append(until)

    def keep_slot(self, until: datetime | None, longer: datetime) -> None:
        """Note that a call which could hold its slot *until* then may hold it *longer*."""
        if self.leases is not None and until in self.leases:
            self.leases.remove(until)
            self.leases.append(longer)

    def free_slot(self, until: datetime | None = None) -> None:
        """Give back the slot of a call that ended; it could have held it *until* then."""
        if self.row is not None:
            self.row.running -= 1
        if self.leases is not None and until in self.leases:
            self.leases.remove(until)

    def release(self, day: str, month: str) -> None:
        """Give back one call that began on *day*, in *month*."""
        if self.row is not None:
            rules.release(self.row, day, month, self.counts)

    async def find_slots(
        self,
        sor: SafeSqlor,
        moment: datetime,
        slots: int,
        *,
        finishing: int = 0,
        reservations: Reservations,
    ) -> None:
        """
        If fewer than *slots* slots are free, end overdue calls, and give back what they had
        reserved on *reservations*, which are the caller's to write; if at most one would be left
        beside them, find out when the next slot will be free, also after *finishing* of the calls
        that run have ended.

        Raises UnlockedReservations where some of them belong to distributors that are not locked.
        """
        row = self.row
        while row is not None and not rules.has_slots(row, slots):
            calls = await find_overdue(sor, self.pipeline_id, moment)
            if foreign := [call for call in calls if not call.may_end(reservations)]:
                raise UnlockedReservations(foreign)
            expired_calls = await expire(sor, calls, moment)
            row.running -= len(expired_calls)
            release_estimates(expired_calls, reservations)
            if len(expired_calls) < EXPIRE_BATCH_SIZE:
                break
        # Also where one is left: who takes the last but one is told when there is another.
        if row is not None and row.running and not rules.has_slots(row, slots + 2):
            count = rules.overrun(row) + 1 + finishing
            self.leases = await ledger.lease_ends(sor, self.pipeline_id, moment, count)

    def shifted_places(self) -> list[Place]:
        """Return the past periods that must be loaded before `past_texts`."""
        if self.row is None or not self.counts.shifts:
            return []
        return shifted_places(self._owner, self.counts, self.row.day_key, self.row.month_key)

    def past_texts(self, sor: SafeSqlor) -> list[str]:
        """Return the statements that write its counters of past periods."""
        counts, row = self.counts, self.row
        if row is None or not (counts.changes or counts.shifts):
            return []
        return past_texts(sor, self._owner, counts, row.day_key, row.month_key)

    @property
    def _owner(self) -> Owner:
        return Owner(pipeline_id=self.pipeline_id)

    async def save(self, sor: SafeSqlor) -> None:
        """Write the counters, or the line that is locked in their place: who makes its capacity
        meanwhile, on another database node, counts this call or is refused."""
        if self.row is not None:
            await rules.save_capacities(sor, [self.row])
            await load_counters(sor, self.shifted_places())
            for text in self.past_texts(sor):
                await sor.write(text)
        elif not twins_in_use():  # of the sandbox nothing is locked
            await lock_parent(sor, "pipelines", self.pipeline_id)


async def lock_capacity(sor: SafeSqlor, pipeline_id: str) -> Capacity:
    """Lock the capacity of a line until the transaction ends."""
    return (await lock_capacities(sor, [pipeline_id]))[pipeline_id]


async def lock_capacities(sor: SafeSqlor, pipeline_ids: Sequence[str]) -> dict[str, Capacity]:
    """Lock the capacities of these lines in one order until the transaction ends."""
    rows = await rules.lock_capacities(sor, pipeline_ids)
    return {key: Capacity(pipeline_id=key, row=rows.get(key)) for key in pipeline_ids}


class UnlockedReservations(Exception):
    """Overdue calls have something reserved on distributors that are not locked, and that may not
    be locked any more: they come before the capacity."""

    def __init__(self, calls: Sequence[OverdueCall]) -> None:
        super().__init__(calls)
        self.distributor_ids = {str(call.distributor_id) for call in calls}


def release_estimates(calls: Sequence[OverdueCall], reservations: Reservations) -> None:
    """Give back what was reserved for *calls*, which no longer run since their lease ran out, and
    say so."""
    reservations.tell_expired(calls)
    for distributor_id, estimate in estimates_of(calls).items():
        reservations.release(distributor_id, estimate)


async def save_call_start(
    sor: SafeSqlor,
    header: CallHeader,
    priced_lines: Sequence[PricedLine],
    account: Account,
    capacity: Capacity,
) -> None:
    """Write a call that was let in, and the counters it moved. The ledger comes first: a
    repeated idempotency key stops here, with no counter written."""
    await ledger.insert_entries(sor, [Entry(header, call_lines(priced_lines))])
    await account.save(sor)
    await capacity.save(sor)
    await save_uses(sor, uses_after(priced_lines))


def end_call(
    header: CallHeader,
    status: CallStatus,
    moment: datetime,
    priced_lines: Sequence[PricedLine],
    account: Account,
    capacity: Capacity,
    *,
    settled_at: datetime,
    **values: Any,
) -> CallHeader:
    """
    End a locked call in memory: slot and estimate back unless that was done already, quotas back
    for a cancelled one, the amount on the account, settled at *settled_at* under its next number.
    Return its header as it is then, ended at *moment*, with *values*.
    """
    if header.status == CallStatus.RESERVED:
        capacity.free_slot(header.lease_expires_at)
        # An expired call has given its own back.
        account.release_estimate(header.estimate or Decimal(0))
    if status == CallStatus.CANCELLED:
        capacity.release(header.day_key, header.quota_month)
        account.release(header.day_key, header.quota_month)
    settlement = account.settle(settled_at)
    account.charge(total(priced_lines), settlement.spend_day)
    return replace(
        header,
        status=status,
        finished_at=moment,
        duration_ms=milliseconds(header.started_at, moment),
        **settlement._asdict(),
        calls=0 if status == CallStatus.CANCELLED else header.calls,
        **values,
    )


def milliseconds(start: datetime, end: datetime) -> int:
    """Return the time from *start* to *end*, never below 0: a clock may have been set back
    between."""
    return max(0, round((end - start).total_seconds() * 1000))
