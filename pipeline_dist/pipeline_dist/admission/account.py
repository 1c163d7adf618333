"""
A distributor's account: what it may call, at which prices, how much, and what it has spent.

Locked as two rows in the fixed order, distributor then distributor_pipeline; asked and changed
in memory; saved once. pipeline_ops meets it through `PROVIDER` for bookings by hand and
for voided calls.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import (
    AppError,
    InvalidFields,
    SafeSqlor,
    now,
    quota_day,
    quota_month,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.rows import Distributor, Link, QuotaPeriod
from pipeline_dist.accounts.thresholds import distributor_events, link_events, name_pipelines
from pipeline_dist.admission.limits import (
    count_for_link,
    quota_key,
    quota_limits,
    rate_limits,
)
from pipeline_dist.admission.rate_window import RateWindow
from pipeline_dist.admission.rows import (
    distributor_counters,
    link_counters,
    lock_distributors,
    lock_links,
    save_distributors,
    save_links,
)
from pipeline_dist.admission.spending import charge, check_amount, roll_over_spending
from pipeline_dist.errors import (
    KEY_INVALID_NOW,
    NOT_ENABLED,
    NOT_ENABLED_NOW,
    NOT_LINKED,
    PIPELINE_NOT_FOUND,
    PIPELINE_OFFLINE,
)
from pipeline_dist.events.calls import expired_events, voided_event
from pipeline_dist.events.kinds import NewEvent
from pipeline_dist.events.store import add_events
from pipeline_ops.calls.account import AccountProvider, Settlement
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.expiry import OverdueCall
from pipeline_ops.ledger.past_counters import (
    Owner,
    Place,
    load_counters,
    load_past,
    past_texts,
    shifted_places,
)
from pipeline_ops.ledger.rows import CallHeader
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.counters import PeriodCounts, is_past
from pipeline_ops.rules.limits import Limit, check_room
from pipeline_ops.rules.months import open_month
from pipeline_ops.rules.terms import LinkTerms


class DistributorAccount:
    """One distributor's account for calls of one line; `link` is None where it has no such line."""

    def __init__(
        self,
        distributor: Distributor,
        link: Link | None,
        quota_counts: PeriodCounts | None = None,
    ) -> None:
        """Take *quota_counts*: what was counted of the distributor's quota periods, shared by all
        accounts of the same distributor in one transaction."""
        self.distributor = distributor
        self.link = link
        self._link_counts = PeriodCounts()
        self._quota_counts = PeriodCounts() if quota_counts is None else quota_counts
        self._snapshot = self._state()
        self._events: list[NewEvent] = []

    @property
    def distributor_id(self) -> str:
        """The distributor's id."""
        return self.distributor.id

    @property
    def currency(self) -> str:
        """The currency of the account; prices in another one do not apply."""
        return self.distributor.currency

    @property
    def terms(self) -> LinkTerms:
        """On which terms a call is charged that begins now; a call that was begun has its own."""
        return link_terms(self.distributor.id, self.link)

    @property
    def asks_ledger(self) -> bool:
        """Whether the ledger was asked for counts that the link's row does not have."""
        return bool(self._link_counts)

    async def load_counts(self, sor: SafeSqlor, moment: datetime) -> None:
        """Count the day and month of *moment* where the rows have no counter of them."""
        if self.link is not None:
            await count_for_link(sor, self.link, moment, self._link_counts)
        row, key = self.distributor, quota_key(self.distributor, moment)
        if key is None or key == row.quota_key or key in self._quota_counts:
            return
        if is_past(key, row.quota_key):
            await load_past(sor, Owner(row.id), [key], self._quota_counts)
        else:
            calls = await ledger.count_calls(sor, key, distributor_id=row.id)
            self._quota_counts.load(key, calls)

    def past_places(self, moment: datetime) -> list[Place]:
        """Return the past periods that `load_counts` takes in."""
        row, link, key = self.distributor, self.link, quota_key(self.distributor, moment)
        places: list[Place] = []
        if link is not None:
            keys = rules.past_keys_to_count(link, quota_day(moment), quota_month(moment))
            owner = Owner(link.distributor_id, link.pipeline_id)
            places += [Place(owner, one, self._link_counts) for one in keys]
        if key is not None and is_past(key, row.quota_key):
            places.append(Place(Owner(row.id), key, self._quota_counts))
        return places

    def roll_over(self, moment: datetime) -> None:
        """Let the counters go over to the day and month of *moment*, which are counted."""
        if self.link is not None:
            rules.roll_over(self.link, quota_day(moment), quota_month(moment), self._link_counts)
        row, key = self.distributor, quota_key(self.distributor, moment)
        current_key = row.quota_key
        if key == current_key:
            return
        if key is None:
            row.quota_key, row.quota_used = None, 0
            return
        # A period of another kind has another length: it was changed by hand, and starts anew.
        if current_key is None or len(current_key) != len(key) or current_key < key:
            if current_key is not None:
                self._quota_counts[current_key] = row.quota_used
            row.quota_key, row.quota_used = key, self._quota_counts[key]

    def limits(self, moment: datetime) -> list[Limit]:
        """Return quotas by calls at *moment*, after `load_counts`, in the order of admission."""
        row, key = self.distributor, quota_key(self.distributor, moment)
        usage = row.quota_used if key is None or key == row.quota_key else self._quota_counts[key]
        limits = quota_limits(row, usage, moment)
        if self.link is not None:
            day, month = quota_day(moment), quota_month(moment)
            limits += rules.period_limits(self.link, "link", day, month, moment, self._link_counts)
        return limits

    def check_link(self) -> None:
        """For bookings by hand: raise InvalidFields where the distributor does not have the
        line."""
        if self.link is None:
            raise InvalidFields([NOT_LINKED("distributor_id")])

    async def check(self, sor: SafeSqlor, moment: datetime, amount: Decimal) -> None:
        """For bookings by hand: raise what refuses a call of *moment* and *amount* on this
        account."""
        await self.load_counts(sor, moment)
        self.roll_over(moment)
        check_amount(self.distributor, now(), amount)
        check_room(self.limits(moment), now())

    def month_of(self, month: str) -> str:
        """Return the month in whose statement stands what belongs to *month*: that one, or the
        open one, if it is closed."""
        return open_month(month, self.distributor.closed_month)

    def consume(self, day: str, month: str) -> None:
        """Count one call of this day and month."""
        self._add_calls(day, month, 1)

    def release(self, day: str, month: str) -> None:
        """Take back one call, where the counters are still those of its day and month."""
        self._add_calls(day, month, -1)

    def count_rate(self, moment: datetime) -> None:
        """Count one call in the window of the rate limit, if there is one."""
        if self.distributor.rate_limit_per_minute is not None:
            window = RateWindow(self.distributor.rate_window, moment)
            window.add()
            self.distributor.rate_window = window.dump()

    def charge(self, amount: Decimal, day: str | None) -> None:
        """Charge *amount*, which counts on *day*, or give it back where it is negative."""
        charge(self.distributor, amount, day)

    def reserve(self, estimate: Decimal) -> None:
        """Reserve the *estimate* of a call that begins."""
        self.distributor.spend_reserved += estimate

    def release_estimate(self, estimate: Decimal) -> None:
        """Give back what was reserved for a call that no longer runs."""
        self.distributor.spend_reserved -= estimate

    def settle(self, moment: datetime) -> Settlement:
        """Raise the distributor's `entry_no`: the number of what is settled now, with the day on
        which it counts as spent."""
        self.distributor.entry_no += 1
        return Settlement(self.distributor.entry_no, roll_over_spending(self.distributor, moment))

    def tell(self, event: NewEvent) -> None:
        """Take note of an event, written with the rest."""
        self._events.append(event)

    def tell_voided(self, header: CallHeader, amount: Decimal, reason: str) -> None:
        """Take note that a call was voided, and what is given back for it."""
        self.tell(voided_event(header, self.distributor_id, amount, reason))

    async def save(self, sor: SafeSqlor) -> None:
        """Write the counters that have changed, and the events of it."""
        distributor, link = self._state()
        if distributor != self._snapshot[0]:
            await save_distributors(sor, [self.distributor])
            self._events += distributor_events(self._snapshot[0], self.distributor)
        if self.link is not None and link != self._snapshot[1]:
            await save_links(sor, [self.link])
            self._events += link_events(self._snapshot[1], self.link)
        await load_counters(sor, self.shifted_places())
        for text in self.past_texts(sor):
            await sor.write(text)
        await add_events(sor, await name_pipelines(sor, self._events))

    def shifted_places(self) -> list[Place]:
        """Return the past periods that must be loaded before `past_texts`."""
        return [
            place
            for owner, counts, keys in self._owners()
            if counts.shifts
            for place in shifted_places(owner, counts, *keys)
        ]

    def past_texts(self, sor: SafeSqlor) -> list[str]:
        """Return the statements that write its counters of past periods: what the link counts, and
        the distributor unless another account of it wrote that."""
        return [
            text
            for owner, counts, keys in self._owners()
            if counts.changes or counts.shifts
            for text in past_texts(sor, owner, counts, *keys)
        ]

    def _owners(self) -> Iterator[tuple[Owner, PeriodCounts, tuple[str | None, ...]]]:
        """Yield whose calls are counted, those of other periods, and the present ones."""
        row, link = self.distributor, self.link
        if link is not None:
            owner = Owner(link.distributor_id, link.pipeline_id)
            yield owner, self._link_counts, (link.day_key, link.month_key)
        yield Owner(row.id), self._quota_counts, (row.quota_key,)

    def _add_calls(self, day: str, month: str, count: int) -> None:
        period = self.distributor.quota_period
        if self.distributor.quota_key in (day, month):
            self.distributor.quota_used += count
        elif period != QuotaPeriod.NONE:
            self._quota_counts.shift(day if period == QuotaPeriod.DAY else month, count)
        if self.link is not None:
            adjust = rules.consume if count > 0 else rules.release
            adjust(self.link, day, month, self._link_counts)

    def _state(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        link = self.link
        return (
            distributor_counters(self.distributor),
            link_counters(link) if link is not None else (),
        )


def link_terms(distributor_id: str, link: Link | None) -> LinkTerms:
    """Return the terms of a distributor's *link* as they are; None: it has no such line any
    more."""
    if link is None:
        return LinkTerms(distributor_id)
    return LinkTerms(distributor_id, link.pricing_mode, link.discount_rate)


def check_rate(distributor: Distributor, of_key: Sequence[Limit], moment: datetime) -> None:
    """Raise TooManyRequests `rate_limited` when the last minute is full, the distributor's or, by
    the limits *of_key*, the key's."""
    check_room([*rate_limits(distributor, moment), *of_key], moment)


def check_pipeline_of_key(key: ApiKey | None, code: str) -> None:
    """Raise NotFound `pipeline_not_found` for a pipeline that a *key* may not be used for."""
    if key is not None and not key.may_call(code):
        raise PIPELINE_NOT_FOUND()


def check_pipeline(status: str, link: Link, moment: datetime) -> None:
    """Raise what keeps a distributor from a line of this *status* that it has: pipeline_offline,
    not_enabled (switched off, or outside its time)."""
    if status != PipelineStatus.PUBLISHED:
        raise PIPELINE_OFFLINE()
    if not link.enabled:
        raise NOT_ENABLED()
    start, end = link.valid_from, link.valid_to
    if (start is not None and moment < start) or (end is not None and moment >= end):
        raise NOT_ENABLED_NOW(extra={"valid_from": start, "valid_to": end})


def unknown_distributor() -> AppError:
    """Return the refusal for a distributor that was removed since its key was seen."""
    return KEY_INVALID_NOW()


async def lock_account(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> DistributorAccount:
    """Lock, in the fixed order, the account of a distributor for calls of a line; raises
    NotSignedIn where the distributor is gone."""
    distributors = await lock_distributors(sor, [distributor_id])
    if distributor_id not in distributors:
        raise unknown_distributor()
    roll_over_spending(distributors[distributor_id], now())
    links = await lock_links(sor, [(distributor_id, pipeline_id)])
    return DistributorAccount(
        distributors[distributor_id], links.get((distributor_id, pipeline_id))
    )


class LockedReservations:
    """What distributors have reserved, on their locked rows, for calls that expire."""

    def __init__(self, rows: Mapping[str, Distributor], distributor_ids: Collection[str]) -> None:
        """Take the locked *rows* of these distributors, as far as they are there."""
        self._rows = rows
        self._ids = distributor_ids
        self._dirty_ids: set[str] = set()
        # Those whose lease ran out; of any distributor.
        self.expired_calls: list[OverdueCall] = []

    def __contains__(self, distributor_id: object) -> bool:
        """Return whether this distributor's row is locked."""
        return distributor_id in self._ids

    def release(self, distributor_id: str, estimate: Decimal) -> None:
        """Give back the estimate of a call that no longer runs."""
        row = self._rows.get(distributor_id)
        if row is not None:
            row.spend_reserved -= estimate
            self._dirty_ids.add(distributor_id)

    def tell_expired(self, calls: Sequence[OverdueCall]) -> None:
        """Take note that the lease of these *calls* ran out."""
        self.expired_calls += calls

    async def save(self, sor: SafeSqlor) -> None:
        """Write the rows that have changed, and that the calls ran out."""
        if self._dirty_ids:
            await save_distributors(sor, [self._rows[key] for key in sorted(self._dirty_ids)])
        await add_events(sor, await name_pipelines(sor, expired_events(self.expired_calls)))


async def lock_reservations(sor: SafeSqlor, distributor_ids: Collection[str]) -> LockedReservations:
    """Lock what these distributors have reserved, for the sweeper."""
    rows = await lock_distributors(sor, distributor_ids) if distributor_ids else {}
    return LockedReservations(rows, distributor_ids)


# Lets pipeline_ops book and void calls on distributors' accounts, and end those that are overdue.
PROVIDER = AccountProvider(lock_account, lock_reservations)
