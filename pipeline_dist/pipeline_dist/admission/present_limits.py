"""
The limits of a distributor and its lines as they stand, for a look: nothing is locked or changed.

The counters on the rows say nearly all. Where they are not of the present day or month, or few
slots are free, the ledger is asked: by one statement each, however many lines are looked at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.global_func import (
    SafeSqlor,
    SharedReads,
    now,
    quota_day,
    quota_month,
    twins_in_use,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.key_lookups import KEY_WINDOW
from pipeline_dist.accounts.rows import (
    DISTRIBUTOR_COLUMNS,
    LINK_COLUMNS,
    Distributor,
    Link,
)
from pipeline_dist.admission.limits import (
    Limit,
    key_limits,
    quota_key,
    quota_limits,
    rate_limits,
)
from pipeline_dist.admission.spending import spend_limits
from pipeline_ops.calls.capacity import Capacity
from pipeline_ops.ledger.looks import CallCount, HeldSlots, count_calls_of, held_slots
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.counters import CapacityRow, CountingRow, PeriodCounts

# Programs look often before they call first in a period: they are counted for together.
_COUNTS = SharedReads(count_calls_of)
_SANDBOX_COUNTS = SharedReads(count_calls_of, twins=True)
# A line as it is sold: with its capacity, if it has one.
Offer = tuple[Link, CapacityRow | None]

_LINK_AT = len(DISTRIBUTOR_COLUMNS)
# Where the capacity's values begin, counted from the link's.
_CAPACITY_AT = len(LINK_COLUMNS)
_COLUMNS = ", ".join(
    f"{table}.{name}"
    for table, names in (
        ("d", DISTRIBUTOR_COLUMNS),
        ("l", LINK_COLUMNS),
        ("c", rules.COLUMNS),
    )
    for name in names
)
_SOLD_BY_CODE = (
    f"select {_COLUMNS} from distributors d left join"  # noqa: S608  constants
    " (distributor_pipeline l join pipelines p on p.id = l.pipeline_id and p.code in ${codes}$)"
    " on l.distributor_id = d.id left join pipeline_capacity c on c.pipeline_id = l.pipeline_id"
    " where d.id = ${distributor_id}$"
)


async def own_limits(distributor: Distributor, key: ApiKey | None = None) -> list[Limit]:
    """Return the limits of *distributor* itself, whatever line it calls, as its row has them, and
    of the *key* it asks by; the ledger is asked only where the row has no counter of the present
    period."""
    present = _Present(now())
    counts = _SANDBOX_COUNTS if twins_in_use() else _COUNTS
    for question in present.counts_of(distributor):
        present.counts[question] = await counts.ask(question)
    return key_limits(key, present.moment) + present.own_limits(distributor)


async def limits_after(
    sor: SafeSqlor, distributor_id: str, codes: Iterable[str], key: ApiKey | None = None
) -> list[Limit]:
    """
    Return the limits of a distributor as they are now, of the *key* it asked by, and those of
    booking finished calls of the lines with these *codes*, as far as it may call them by that key.
    None where the distributor is gone.
    """
    codes = [code for code in codes if key is None or key.may_call(code)]
    of_key: list[Limit] = []
    if key is not None and key.rate_limit_per_minute is not None:
        windows = await sor.firsts(KEY_WINDOW, {"id": key.id})
        of_key = key_limits(replace(key, rate_window=windows[0] if windows else None), now())
    values = {"distributor_id": distributor_id, "codes": sorted(codes)}
    rows = await sor.tuples(_SOLD_BY_CODE, values)
    if not rows:
        return []
    distributor = Distributor(*rows[0][:_LINK_AT])
    offers = [offer_of(row[_LINK_AT:]) for row in rows if row[_LINK_AT] is not None]
    own, by_line = await limits_of_lines(sor, distributor, offers, now(), slot=False)
    return of_key + own + [limit for limits in by_line for limit in limits]


def offer_of(values: Sequence[Any]) -> Offer:
    """Return the line in a row that begins with the values of a link and of a capacity."""
    capacity = values[_CAPACITY_AT : _CAPACITY_AT + len(rules.COLUMNS)]
    link = Link(*values[:_CAPACITY_AT])
    return link, None if capacity[0] is None else CapacityRow(*capacity)


async def limits_of_lines(
    sor: SafeSqlor,
    distributor: Distributor,
    lines: Sequence[Offer],
    moment: datetime,
    *,
    slot: bool = True,
) -> tuple[list[Limit], list[list[Limit]]]:
    """Return the limits of *distributor* itself, and those of its calls of each of *lines*, which
    with *slot* take one; all in the order of admission."""
    present = _Present(moment)
    missing = present.counts_of(distributor)
    short: dict[str, int] = {}
    for link, capacity in lines:
        missing += present.missing_counts(link, link.pipeline_id, link.distributor_id)
        if capacity is not None:
            missing += present.missing_counts(capacity, capacity.pipeline_id)
            if slot and capacity.running and not rules.has_slots(capacity, 2):
                short[capacity.pipeline_id] = rules.overrun(capacity) + 1
    present.counts = await count_calls_of(sor, missing)
    present.slots = await held_slots(sor, short, moment)
    by_line = [
        present.link_limits(link)
        + ([] if row is None else present.capacity(row).limits(moment, slot=slot))
        for link, row in lines
    ]
    return present.own_limits(distributor), by_line


@dataclass(slots=True)
class _Present:
    """The moment of a look with its day and month, and what the ledger said."""

    moment: datetime
    day: str = field(init=False)
    month: str = field(init=False)
    counts: dict[CallCount, int] = field(default_factory=dict)
    slots: dict[str, HeldSlots] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.day, self.month = quota_day(self.moment), quota_month(self.moment)

    def counts_of(self, distributor: Distributor) -> list[CallCount]:
        """Return what the distributor's row has a quota of and no counter, if it is so."""
        key = quota_key(distributor, self.moment)
        if key is None or key == distributor.quota_key or distributor.quota_calls is None:
            return []
        return [CallCount(key, distributor_id=distributor.id)]

    def missing_counts(
        self, row: CountingRow, pipeline_id: str, distributor_id: str | None = None
    ) -> list[CallCount]:
        """Return what *row*, of a link or of a capacity, has a quota of and no counter."""
        quotas = ((self.day, row.daily_quota), (self.month, row.monthly_quota))
        keys = rules.keys_to_count(row, [key for key, quota in quotas if quota is not None])
        return [CallCount(key, pipeline_id, distributor_id) for key in keys]

    def own_limits(self, distributor: Distributor) -> list[Limit]:
        """Return the limits of the distributor itself."""
        counts = [self.counts[one] for one in self.counts_of(distributor)]
        return [
            *rate_limits(distributor, self.moment),
            *spend_limits(distributor, self.moment),
            *quota_limits(
                distributor, counts[0] if counts else distributor.quota_used, self.moment
            ),
        ]

    def link_limits(self, link: Link) -> list[Limit]:
        """Return the limits that a link sets."""
        counts = self._by_key(self.missing_counts(link, link.pipeline_id, link.distributor_id))
        return rules.period_limits(link, "link", self.day, self.month, self.moment, counts)

    def capacity(self, row: CapacityRow) -> Capacity:
        """Return the capacity in *row* as a call meets it: what is overdue holds no slot."""
        counts = self._by_key(self.missing_counts(row, row.pipeline_id))
        slots = self.slots.get(row.pipeline_id)
        if slots is None:
            return Capacity(pipeline_id=row.pipeline_id, row=row, counts=counts)
        running = row.running if rules.has_slots(row, 1) else row.running - slots.overdue
        return Capacity(
            pipeline_id=row.pipeline_id, row=replace(row, running=running), counts=counts,
            leases=slots.ends,
        )  # fmt: skip

    def _by_key(self, missing: list[CallCount]) -> PeriodCounts:
        counts = PeriodCounts()
        for one in missing:
            counts.load(one.key, self.counts[one])
        return counts
