"""The rows that one batch of requests touches: changed in memory, and written at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from app.global_func import SafeSqlor, now, twins_in_use, update_texts
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.key_lookups import read_key
from pipeline_dist.accounts.rows import Distributor, Link
from pipeline_dist.accounts.thresholds import distributor_events, link_events, name_pipelines
from pipeline_dist.admission.account import DistributorAccount, unknown_distributor
from pipeline_dist.admission.commands import BeginCall, Request
from pipeline_dist.admission.event_time import EventTimes
from pipeline_dist.admission.locked_packages import LockedPackages
from pipeline_dist.admission.rate_window import RateWindow
from pipeline_dist.admission.rows import (
    Counters,
    Pair,
    Pipeline,
    capacity_counters,
    counters_texts,
    distributor_counters,
    link_counters,
    write_texts,
)
from pipeline_dist.events.calls import expired_events
from pipeline_dist.events.kinds import NewEvent
from pipeline_dist.events.store import add_events
from pipeline_ops.calls.capacity import Capacity
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.call_tags import tag_texts
from pipeline_ops.ledger.day_marks import days_to_mark, mark_days
from pipeline_ops.ledger.expiry import OverdueCall, lease_texts
from pipeline_ops.ledger.past_counters import Place, load_counters
from pipeline_ops.ledger.ready_rows import ready_texts
from pipeline_ops.ledger.rows import CallHeader, CallLine, Entry
from pipeline_ops.rules import pricing
from pipeline_ops.rules.counters import CapacityRow, PeriodCounts
from pipeline_ops.rules.months import open_month
from pipeline_ops.rules.package_use import Packages
from pipeline_ops.rules.pricing import PricedLine
from pipeline_ops.rules.terms import DatedTerms, LinkTerms, Terms
from pipeline_ops.rules.usage_lines import UsageLine

R = TypeVar("R", Distributor, Link, CapacityRow)


@dataclass(slots=True)
class WorkSet:
    """Locked rows by their keys, what was read beside them, and what is to be written."""

    sor: SafeSqlor
    distributors: dict[str, Distributor] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    pipelines_by_code: dict[str, Pipeline] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    capacities: dict[str, Capacity] = field(default_factory=dict)
    headers: dict[str, CallHeader] = field(default_factory=dict)
    moment: datetime = field(default_factory=now)
    # Calls by (distributor, idempotency key): found in the ledger, or made by this batch.
    # Where it is a function, that makes the entry: few are asked for again in their own batch.
    existing_calls: dict[tuple[str, str], CallHeader | Entry | Callable[[], Entry]] = field(
        default_factory=dict
    )
    # The metered items of calls by call_no: of those that this batch ends, and that it repeats.
    items: dict[str, Sequence[CallLine]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    # Rows of calls that are written as texts (ledger/ready_rows.py).
    ready_rows: list[str] = field(default_factory=list)
    packages: LockedPackages = field(default_factory=LockedPackages)
    # Calls whose leases were extended, by call_no.
    extended_headers: dict[str, CallHeader] = field(default_factory=dict)
    event_times: EventTimes = field(init=False)
    # Calls of any distributor that this batch ended, since their lease ran out.
    expired_calls: Sequence[OverdueCall] = ()
    _final_headers: dict[str, CallHeader] = field(default_factory=dict)
    _accounts: dict[Pair, DistributorAccount] = field(default_factory=dict)
    _quota_counts: dict[str, PeriodCounts] = field(default_factory=dict)
    _prices: dict[str, list[DatedTerms]] = field(default_factory=dict)
    _terms: dict[tuple[str, datetime, int], list[Terms]] = field(default_factory=dict)
    # Of distributors: a window that was written, and what it was written from.
    _windows: dict[str, tuple[bytes, RateWindow]] = field(default_factory=dict)
    _snapshots: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    # By digest: keys that were read again. By id: one object for each, and those that have counted.
    _keys: dict[str, ApiKey | None] = field(default_factory=dict)
    _rated_keys: dict[str, ApiKey] = field(default_factory=dict)
    _counted_keys: dict[str, ApiKey] = field(default_factory=dict)

    async def key(self, memory: ApiKey | None, digest: str, owner: Distributor) -> ApiKey | None:
        """
        Return the key with this *digest* as it is now that the row of its *owner* is locked; None:
        it is none any more. That is that of *memory*, if no key of the owner was changed since it
        was read. The window of a key with a rate of its own is always read, and shared.
        """
        has_rate = memory is not None and memory.rate_limit_per_minute is not None
        if memory is not None and not has_rate and memory.keys_no == owner.keys_no:
            return memory
        if digest not in self._keys:
            rows = await read_key(self.sor, digest)
            self._keys[digest] = self._shared(rows[0][0]) if rows else None
        return self._keys[digest]

    def _shared(self, key: ApiKey) -> ApiKey:
        """Return the one object of a key's row: its present and its previous secret count alike."""
        return self._rated_keys.setdefault(key.id, key)

    def count_key(self, key: ApiKey | None) -> None:
        """Count a call in the window of the rate limit that *key* has, if it has one."""
        if key is not None and key.rate_limit_per_minute is not None:
            window = RateWindow(key.rate_window, self.moment)
            window.add()
            key.rate_window = window.dump()
            self._counted_keys[key.id] = key

    def __post_init__(self) -> None:
        self.event_times = EventTimes(self.sor)

    def distributor(self, distributor_id: str) -> Distributor:
        """Return a distributor's locked row; raises NotSignedIn where it is gone."""
        row = self.distributors.get(distributor_id)
        if row is None:
            raise unknown_distributor()
        return row

    def account(self, distributor_id: str, pipeline_id: str) -> DistributorAccount:
        """Return a distributor's account for calls of a line."""
        pair = (distributor_id, pipeline_id)
        account = self._accounts.get(pair)
        if account is None:
            counts = self._quota_counts.setdefault(distributor_id, PeriodCounts())
            account = DistributorAccount(
                self.distributor(distributor_id), self.links.get(pair), counts
            )
            self._accounts[pair] = account
        return account

    def packages_of(self, distributor_id: str, pipeline_id: str, month: str) -> Packages:
        """Return a distributor's packages that calls of *month* use: those of the month whose
        statement they stand in."""
        distributor = self.distributors.get(distributor_id)
        closed_month = None if distributor is None else distributor.closed_month
        return Packages(distributor_id, pipeline_id, open_month(month, closed_month))

    def terms_at(self, pipeline_id: str, at: datetime, terms_no: int) -> list[Terms]:
        """Return the prices that hold at *at* by what was known under *terms_no*."""
        key = (pipeline_id, at, terms_no)
        terms_in_force = self._terms.get(key)
        if terms_in_force is None:
            prices = self._prices.get(pipeline_id, [])
            terms_in_force = [price.terms for price in prices if price.holds_at(at, terms_no)]
            self._terms[key] = terms_in_force
        return terms_in_force

    async def price_lines(
        self,
        link: LinkTerms,
        packages: Packages,
        started_at: datetime,
        terms_no: int,
        lines: Sequence[UsageLine],
        currency: str,
    ) -> list[PricedLine]:
        """Return *lines* of a call priced as of its start, on the terms of *link*, by what was
        known under *terms_no* and with *packages* of the month of its rows; raises `price_missing`,
        also for no lines, `amount_too_large`."""
        terms = self.terms_at(packages.pipeline_id, started_at, terms_no)
        line_terms = pricing.choose_terms(lines, terms, link, currency)
        await self.packages.lock(self.sor, pricing.package_keys(line_terms, packages))
        packages.uses = self.packages.uses
        return pricing.apply_prices(lines, line_terms, packages)

    def begin(self, header: CallHeader, lines: Sequence[CallLine]) -> None:
        """Note a call that was let in."""
        entry = Entry(header, lines)
        self.entries.append(entry)
        self.existing_calls[str(header.distributor_id), str(header.idempotency_key)] = entry

    def existing_call(self, distributor_id: str, key: str) -> CallHeader | Entry | None:
        """Return the call that was made with this idempotency key, as far as it was looked for."""
        call = self.existing_calls.get((distributor_id, key))
        return call() if callable(call) else call

    def count_rate(self, distributor: Distributor) -> tuple[int, int, bytes] | None:
        """Count a call in the window of the rate limit that *distributor* has: the limit, what is
        used of it and the window then; None, and nothing counted, where it is full."""
        maximum = distributor.rate_limit_per_minute
        assert maximum is not None
        data, window = self._windows.get(distributor.id, (None, None))
        if window is None or data is not distributor.rate_window:
            window = RateWindow(distributor.rate_window, self.moment)
        count = window.count
        if count >= maximum:
            return None
        window.add()
        data = distributor.rate_window = window.dump()
        self._windows[distributor.id] = (data, window)
        return maximum, count + 1, data

    def end(self, entry: Entry) -> None:
        """Note a call that has ended."""
        header = entry.header
        self.entries.append(entry)
        self.headers[header.call_no] = header
        self.items[header.call_no] = entry.items
        self._final_headers[header.id] = header

    def extend(self, header: CallHeader) -> None:
        """Note a call that goes on for longer."""
        self.headers[header.call_no] = self.extended_headers[header.call_no] = header
        self._final_headers[header.id] = header

    def latest(self, header: CallHeader) -> CallHeader:
        """Return *header* as it is now: this batch may have ended the call."""
        return self._final_headers.get(header.id, header)

    async def lines_of(self, call_no: str) -> Sequence[CallLine]:
        """Return the metered items of a call, also of one that this batch has ended."""
        lines = self.items.get(call_no)
        return lines if lines is not None else await ledger.lines_of(self.sor, call_no)

    async def load_existing_calls(self, requests: Iterable[Request[BeginCall]]) -> None:
        """Look in the ledger for calls that were made with these requests' keys, and for what was
        used in those that are over."""
        keys: dict[str, list[str]] = {}
        for item in requests:
            keys.setdefault(item.distributor_id, []).append(item.command.idempotency_key)
        numbers: list[str] = []
        for distributor_id, idempotency_keys in keys.items():
            for header in await ledger.find_by_keys(self.sor, distributor_id, idempotency_keys):
                key = (distributor_id, str(header.idempotency_key))
                if key not in self.existing_calls:
                    self.existing_calls[key] = header
                    if header.lease_seconds is None:
                        numbers.append(header.call_no)
        if numbers:
            lines = await ledger.lines_of_calls(self.sor, numbers)
            self.items |= {call_no: lines.get(call_no, []) for call_no in numbers}

    async def save(self) -> None:
        """Write everything, in the round trip of the commit as far as it may be. The ledger comes
        first: a repeated idempotency key stops there, as DuplicateKey, with no counter written."""
        fences = {row.id: row.usage_day for row in self.distributors.values()}
        await mark_days(self.sor, days_to_mark(self.entries, fences))
        await self.packages.save(self.sor)
        distributors = self._rows_to_write(self.distributors.values(), distributor_counters)
        links = self._rows_to_write(self.links.values(), link_counters)
        capacities = self._rows_to_write(self._capacity_rows(), capacity_counters)
        if events := self._events(distributors, links):
            await add_events(self.sor, await name_pipelines(self.sor, events))
        past_texts = await self._past_texts()
        await self.sor.write_last(ready_texts(self.ready_rows))
        await ledger.write_entries_last(self.sor, self.entries)
        await self.sor.write_last(
            [
                *tag_texts(self.sor, self.entries),
                *lease_texts(self.sor, self.extended_headers.values()),
                *ledger.end_texts(self.sor, [one for one in self.entries if not one.is_new]),
                *counters_texts(self.sor, distributors, links, capacities),
                *past_texts,
                *update_texts(
                    self.sor, "app_key", ("rate_window",), list(self._counted_keys.values())
                ),
                *self._shared_texts(),
            ]
        )

    def snapshot_counters(self) -> None:
        """Keep what the counters were, so that only changed rows are written."""
        for distributor in self.distributors.values():
            self._snapshots[distributor.id] = distributor_counters(distributor)
        for link in self.links.values():
            self._snapshots[link.id] = link_counters(link)
        for row in self._capacity_rows():
            self._snapshots[row.id] = capacity_counters(row)

    def add_price(self, pipeline_id: str, price: DatedTerms) -> None:
        """Note a price that calls of the line may have."""
        self._prices.setdefault(pipeline_id, []).append(price)
        self.packages.add_price(pipeline_id, price.terms)

    def forget_prices(self) -> None:
        """Forget pipelines and prices, which are read again."""
        self.pipelines.clear()
        self.pipelines_by_code.clear()
        self._prices.clear()

    def _events(self, distributors: Iterable[Distributor], links: Iterable[Link]) -> list[NewEvent]:
        """Return what is to be told: thresholds that the counters of these changed rows reach, and
        calls that ran out. Mostly nothing, found out once a batch and row."""
        events = expired_events(self.expired_calls)
        for row in distributors:
            events += distributor_events(self._snapshots[row.id], row)
        for link in links:
            events += link_events(self._snapshots[link.id], link)
        return events

    async def load_past(self, requests: Iterable[Request[BeginCall]]) -> None:
        """Take in what counters say of the past periods in which calls of *requests* began, of all
        in one statement."""
        places: list[Place] = []
        for item in requests:
            started_at = item.command.started_at
            pipeline = self.pipelines_by_code.get(item.command.pipeline)
            if started_at is None or pipeline is None:
                continue
            # Who has no such line is refused.
            if (item.distributor_id, pipeline.id) in self.links:
                places += self.account(item.distributor_id, pipeline.id).past_places(started_at)
                places += self.capacities[pipeline.id].past_places(started_at)
        await load_counters(self.sor, places)

    async def _past_texts(self) -> list[str]:
        accounts, capacities = self._accounts.values(), self.capacities.values()
        sides: list[DistributorAccount | Capacity] = [*accounts, *capacities]
        await load_counters(self.sor, [one for side in sides for one in side.shifted_places()])
        return [text for side in sides for text in side.past_texts(self.sor)]

    def _shared_texts(self) -> list[str]:
        """
        Return the statements that write rows which were locked for this batch and of which nothing
        changes: where a lock holds on one database node only, two batches on two nodes are told
        apart by a row that both have written.

        They are a pipeline without capacity, since one may be made meanwhile; and pipeline and
        distributor where the ledger counts, since no counter stands at the day or month of a call.
        """
        if self.sor.locks_hold or not (self.entries or self.ready_rows):
            return []
        pipelines: set[str] = set()
        if not twins_in_use():  # pipelines have no twin: the real ones would be written
            pipelines |= {
                key for key, one in self.capacities.items() if one.row is None or one.counts
            }
            pipelines |= {
                key for (_, key), account in self._accounts.items() if account.asks_ledger
            }
        distributors = {key for key, counts in self._quota_counts.items() if counts}
        return write_texts(self.sor, distributors=distributors, pipelines=pipelines)

    def _capacity_rows(self) -> list[CapacityRow]:
        return [item.row for item in self.capacities.values() if item.row is not None]

    def _rows_to_write(self, rows: Iterable[R], counters: Counters) -> list[R]:
        return [row for row in rows if counters(row) != self._snapshots[row.id]]
