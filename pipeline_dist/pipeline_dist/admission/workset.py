"""
The rows that one batch of requests touches: locked in the fixed order with few statements,
changed in memory, written at once.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from app.global_func import SafeSqlor, now, quota_month
from pipeline_dist.accounts.rows import Distributor, Link
from pipeline_dist.admission.account import (
    DistributorAccount,
    LockedReservations,
    unknown_distributor,
)
from pipeline_dist.admission.commands import (
    BeginCall,
    Command,
    FinishCall,
    Request,
    is_begin,
    is_finish,
)
from pipeline_dist.admission.locked_packages import LockedPackages
from pipeline_dist.admission.rows import (
    PIPELINE_COLUMNS,
    Counters,
    Pair,
    Pipeline,
    capacity_counters,
    distributor_counters,
    link_counters,
    lock_distributors,
    lock_links,
    lock_one,
    save_distributors,
    save_links,
    save_one,
)
from pipeline_dist.admission.spending import roll_over_spending
from pipeline_ops.calls.capacity import Capacity, lock_capacities
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.rows import CallHeader, CallLine, Entry
from pipeline_ops.rules import counters as rules, pricing
from pipeline_ops.rules.counters import CapacityRow
from pipeline_ops.rules.months import open_month
from pipeline_ops.rules.package_use import PackageKey, Packages
from pipeline_ops.rules.pricing import PricedLine
from pipeline_ops.rules.terms import (
    EVERYBODY,
    KNOWN_NOW,
    PRICE_COLUMNS,
    DatedTerms,
    LinkTerms,
    Terms,
    dated_terms_of,
)
from pipeline_ops.rules.usage_lines import UsageLine

R = TypeVar("R", Distributor, Link, CapacityRow)


_OF_PIPELINE = ", ".join("p." + name for name in PIPELINE_COLUMNS)
_OF_PRICE = ", ".join("r." + name for name in PRICE_COLUMNS)
# Where the price's values begin in a row of both.
_PRICE_AT = len(PIPELINE_COLUMNS)
_PIPELINES = f"select {_OF_PIPELINE} from pipelines p where p.id in ${{ids}}$"  # noqa: S608
_PIPELINES_WITH_PRICES = (
    f"select {_OF_PIPELINE}, {_OF_PRICE} from pipelines p"  # noqa: S608  constants
    " left join pipeline_pricing r on r.pipeline_id = p.id and r.distributor_id in ${owners}$"
    " and r.enabled = 1"
    " and r.effective_from <= ${last}$ and (r.effective_to is null or r.effective_to > ${first}$"
    " or r.end_terms_no > ${terms_no}$)"
    " where p.id in ${ids}$"
)


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
    existing_calls: dict[tuple[str, str], CallHeader | Entry] = field(default_factory=dict)
    # The metered items of calls by call_no: of those that this batch ends, and that it repeats.
    items: dict[str, Sequence[CallLine]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    packages: LockedPackages = field(default_factory=LockedPackages)
    _final_headers: dict[str, CallHeader] = field(default_factory=dict)
    _accounts: dict[Pair, DistributorAccount] = field(default_factory=dict)
    _quota_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    _prices: dict[str, list[DatedTerms]] = field(default_factory=dict)
    _terms: dict[tuple[str, datetime, int], list[Terms]] = field(default_factory=dict)
    _snapshots: dict[str, tuple[Any, ...]] = field(default_factory=dict)

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
            counts = self._quota_counts.setdefault(distributor_id, {})
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
        terms = self._terms_at(packages.pipeline_id, started_at, terms_no)
        line_terms = pricing.choose_terms(lines, terms, link, currency)
        await self.packages.lock(self.sor, pricing.package_keys(line_terms, packages))
        packages.uses = self.packages.uses
        return pricing.apply_prices(lines, line_terms, packages)

    def begin(self, header: CallHeader, lines: Sequence[CallLine]) -> None:
        """Note a call that was let in."""
        entry = Entry(header, lines)
        self.entries.append(entry)
        self.existing_calls[str(header.distributor_id), str(header.idempotency_key)] = entry

    def end(self, entry: Entry) -> None:
        """Note a call that has ended."""
        header = entry.header
        self.entries.append(entry)
        self.headers[header.call_no] = header
        self.items[header.call_no] = entry.items
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
        """Write everything. The ledger comes first: a repeated idempotency key stops here, as
        DuplicateKey, with no counter written."""
        fences = {row.id: row.usage_day for row in self.distributors.values()}
        await ledger.insert_entries(self.sor, self.entries, fences)
        if endings := [entry for entry in self.entries if not entry.is_new]:
            await ledger.close_calls(self.sor, endings)
        distributors = self._rows_to_write(self.distributors.values(), distributor_counters)
        links = self._rows_to_write(self.links.values(), link_counters)
        rows = [item.row for item in self.capacities.values() if item.row is not None]
        capacities = self._rows_to_write(rows, capacity_counters)
        await self.packages.save(self.sor)
        if len(distributors) == len(links) == len(capacities) == 1:
            await save_one(self.sor, distributors[0], links[0], capacities[0])
            return
        if distributors:
            await save_distributors(self.sor, distributors)
        if links:
            await save_links(self.sor, links)
        if capacities:
            await rules.save_capacities(self.sor, capacities)

    def _rows_to_write(self, rows: Iterable[R], counters: Counters) -> list[R]:
        return [row for row in rows if counters(row) != self._snapshots[row.id]]

    def _terms_at(self, pipeline_id: str, at: datetime, terms_no: int) -> list[Terms]:
        key = (pipeline_id, at, terms_no)
        terms_in_force = self._terms.get(key)
        if terms_in_force is None:
            prices = self._prices.get(pipeline_id, [])
            terms_in_force = [price.terms for price in prices if price.holds_at(at, terms_no)]
            self._terms[key] = terms_in_force
        return terms_in_force


class StalePipeline(Exception):
    """A line that was known beforehand has another code now, or is gone."""


async def lock_workset(
    sor: SafeSqlor, requests: Sequence[Request[Command]], *, also_lock: Collection[str] = ()
) -> WorkSet:
    """
    Lock and read what *requests* touch, and the distributors *also_lock*: distributors, links,
    capacities, calls, in this order and each in the order of its keys; then the clock, so that
    calls have the order of the locks; then what is only read, and by that the
    packages, which are locked last. Raises StalePipeline where a `pipeline_id` in *requests* is
    not right, UnlockedReservations where slots are short and the
    overdue calls of other distributors have something reserved.
    """
    workset = WorkSet(sor)
    begins = [item for item in requests if is_begin(item)]
    finishes = [item for item in requests if is_finish(item)]
    ids = await _pipeline_ids(sor, begins)
    call_pipelines = await _call_pipelines(sor, finishes)
    pairs = {
        (x.distributor_id, ids[x.command.pipeline]) for x in begins if x.command.pipeline in ids
    }
    # Of each who asks: only the call's own header tells whose it is, and that is locked later.
    pairs |= {
        (x.distributor_id, call_pipelines[x.command.call_no])
        for x in finishes
        if x.command.call_no in call_pipelines
    }
    distributors = {item.distributor_id for item in requests} | set(also_lock)
    if len(pairs) == len(distributors) == 1:
        await _lock_one(workset, *next(iter(pairs)))
    else:
        workset.distributors = await lock_distributors(sor, distributors)
        workset.links = await lock_links(sor, pairs)
    pipeline_ids = {pipeline_id for _, pipeline_id in workset.links} | set(call_pipelines.values())
    missing_ids = sorted(pipeline_ids - set(workset.capacities))
    if missing_ids:
        workset.capacities |= await lock_capacities(sor, missing_ids)
    if call_pipelines:
        workset.headers = await ledger.lock_headers(sor, sorted(call_pipelines))
    workset.moment = now()
    for distributor in workset.distributors.values():
        roll_over_spending(distributor, workset.moment)
    _snapshot_counters(workset)
    await _read_pipelines(
        workset, {*ids.values(), *pipeline_ids}, _start_moments(workset, begins, finishes)
    )
    for item in begins:
        code = item.command.pipeline
        if item.pipeline_id is not None and code not in workset.pipelines_by_code:
            raise StalePipeline(code)
    await _find_slots(workset, begins, distributors)
    await _lock_packages(workset, begins, finishes)
    return workset


async def _lock_one(workset: WorkSet, distributor_id: str, pipeline_id: str) -> None:
    """Lock all of one pair at once; a line without capacity is left to `lock_capacities`."""
    distributor, link, row = await lock_one(workset.sor, distributor_id, pipeline_id)
    if distributor is not None:
        workset.distributors = {distributor_id: distributor}
    if link is not None:
        workset.links = {(distributor_id, pipeline_id): link}
    if row is not None:
        capacity = Capacity(pipeline_id=pipeline_id, row=row, counts={})
        workset.capacities = {pipeline_id: capacity}


async def _pipeline_ids(sor: SafeSqlor, begins: Sequence[Request[BeginCall]]) -> dict[str, str]:
    """Return the lines' ids by code, as far as there are such lines."""
    ids = {x.command.pipeline: x.pipeline_id for x in begins if x.pipeline_id is not None}
    missing_codes = {item.command.pipeline for item in begins} - set(ids)
    if missing_codes:
        text = "select id, code from pipelines where code in ${codes}$"
        rows = await sor.sqlExe(text, {"codes": sorted(missing_codes)})
        ids |= {row["code"]: row["id"] for row in rows}
    return ids


async def _call_pipelines(
    sor: SafeSqlor, finishes: Sequence[Request[FinishCall]]
) -> dict[str, str]:
    """Return the lines of the calls that are to end, as far as they are known beforehand or the
    calls are an asker's."""
    pipeline_ids = {
        item.command.call_no: item.pipeline_id for item in finishes if item.pipeline_id is not None
    }
    missing_calls = {item.command.call_no for item in finishes} - set(pipeline_ids)
    if not missing_calls:
        return pipeline_ids
    askers = {(item.command.call_no, item.distributor_id) for item in finishes}
    for row in await ledger.find_places(sor, sorted(missing_calls)):
        if (row["call_no"], row["distributor_id"]) in askers:
            pipeline_ids[row["call_no"]] = row["pipeline_id"]
    return pipeline_ids


def _start_moments(
    workset: WorkSet,
    begins: Iterable[Request[BeginCall]],
    finishes: Iterable[Request[FinishCall]],
) -> list[datetime]:
    """Return the starts of all calls that begin, which may be refused for want of prices, and of
    those that end with something to be priced."""
    moments = [x.command.started_at or workset.moment for x in begins]
    for item in finishes:
        header = workset.headers.get(item.command.call_no)
        if item.command.lines and header is not None:
            moments.append(header.started_at)
    return moments


async def _read_pipelines(workset: WorkSet, ids: set[str], moments: Sequence[datetime]) -> None:
    """Read the lines and, if calls of *moments* are to be priced, their prices at those times."""
    if not ids:
        return
    values: dict[str, Any] = {"ids": sorted(ids)}
    if moments:
        values["owners"] = [EVERYBODY, *sorted(workset.distributors)]
        # Of a call that began earlier, also what had not ended as far as was known then.
        numbers = [header.terms_no or 0 for header in workset.headers.values()]
        values |= {"first": min(moments), "last": max(moments)}
        values["terms_no"] = min(numbers, default=KNOWN_NOW)
    rows = await workset.sor.tuples(_PIPELINES_WITH_PRICES if moments else _PIPELINES, values)
    for row in rows:
        pipeline_values, price = row[:_PRICE_AT], row[_PRICE_AT:]
        if pipeline_values[0] not in workset.pipelines:
            pipeline = Pipeline(*pipeline_values)
            workset.pipelines[pipeline.id] = workset.pipelines_by_code[pipeline.code] = pipeline
        if price and price[0] is not None:
            dated_terms = dated_terms_of(price)
            workset._prices.setdefault(pipeline_values[0], []).append(dated_terms)
            workset.packages.add_price(pipeline_values[0], dated_terms.terms)


async def _lock_packages(
    workset: WorkSet,
    begins: Iterable[Request[BeginCall]],
    finishes: Iterable[Request[FinishCall]],
) -> None:
    """Lock the packages that *begins* and *finishes* may use."""
    if not workset.packages.places:
        return  # as most are
    keys: set[PackageKey] = set()
    for item in begins:
        pipeline = workset.pipelines_by_code.get(item.command.pipeline)
        if pipeline is not None and item.command.lines:
            month = quota_month(item.command.started_at or workset.moment)
            packages = workset.packages_of(item.distributor_id, pipeline.id, month)
            keys |= workset.packages.keys_of(packages, item.command.lines)
    for one in finishes:
        header = workset.headers.get(one.command.call_no)
        if header is not None and one.command.lines:
            packages = workset.packages_of(one.distributor_id, header.pipeline_id, header.month_key)
            keys |= workset.packages.keys_of(packages, one.command.lines)
    await workset.packages.lock(workset.sor, keys)


def _snapshot_counters(workset: WorkSet) -> None:
    """Keep what the counters were, so that only changed rows are written."""
    for distributor in workset.distributors.values():
        workset._snapshots[distributor.id] = distributor_counters(distributor)
    for link in workset.links.values():
        workset._snapshots[link.id] = link_counters(link)
    for capacity in workset.capacities.values():
        if capacity.row is not None:
            workset._snapshots[capacity.row.id] = capacity_counters(capacity.row)


async def _find_slots(
    workset: WorkSet, begins: Iterable[Request[BeginCall]], locked: Collection[str]
) -> None:
    """End overdue calls where there may be too few slots for all that begin here; their estimates
    go back on the distributors *locked*. Done before anything is decided, since what is overdue
    goes by what is written."""
    pipeline_ids = [
        workset.pipelines_by_code[item.command.pipeline].id
        for item in begins
        if item.command.status is None and item.command.pipeline in workset.pipelines_by_code
    ]
    if not pipeline_ids and not workset.headers:
        return  # calls that are over, as most are
    begin_counts = Counter(pipeline_ids)
    finish_counts = Counter(header.pipeline_id for header in workset.headers.values())
    reservations = LockedReservations(workset.distributors, locked)
    for pipeline_id in sorted(begin_counts.keys() | finish_counts.keys()):
        capacity = workset.capacities.get(pipeline_id)
        if capacity is None or capacity.row is None:
            continue
        running = capacity.row.running
        await capacity.find_slots(
            workset.sor,
            workset.moment,
            begin_counts[pipeline_id],
            finishing=finish_counts[pipeline_id],
            reservations=reservations,
        )
        if workset.headers and capacity.row.running != running:
            workset.headers = await ledger.lock_headers(workset.sor, sorted(workset.headers))
