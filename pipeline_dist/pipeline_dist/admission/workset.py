"""
The rows that one batch of requests touches: locked in the fixed order with few statements,
changed in memory, written at once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any

from app.global_func import Row, SafeSqlor, now, quota_month
from pipeline_dist.admission.account import DistributorAccount, unknown_distributor
from pipeline_dist.admission.commands import End, Start, Wanted
from pipeline_dist.admission.rows import (
    SAVED,
    Pair,
    lock_distributors,
    lock_links,
    lock_one,
    save_distributors,
    save_links,
    save_one,
)
from pipeline_ops.calls.capacity import Capacity, lock_capacities
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules import counters as rules, pricing
from pipeline_ops.rules.pricing import PricedLine, Terms
from pipeline_ops.rules.usage_lines import UsageLine

Header = dict[str, Any]
_LINES = "select p.id, p.code, p.status, p.current_version from pipelines p where p.id in ${ids}$"
_LINES_WITH_PRICES = (
    "select p.id, p.code, p.status, p.current_version, r.id as price_id, r.step_key, r.model,"
    " r.unit, r.pricing_type, r.unit_price, r.unit_size, r.package_size, r.package_price,"
    " r.currency, r.effective_from, r.effective_to from pipelines p"
    " left join pipeline_pricing r on r.pipeline_id = p.id and r.enabled = 1"
    " and r.effective_from <= ${last}$ and (r.effective_to is null or r.effective_to > ${first}$)"
    " where p.id in ${ids}$"
)


@dataclass(slots=True)
class Begun:
    """A call that an earlier request of the batch has made: its rows are not yet written."""

    header: Header
    lines: list[Header]


@dataclass(slots=True)
class Book:
    """Locked rows by their keys, what was read beside them, and what is to be written."""

    sor: SafeSqlor
    distributors: dict[str, Row] = field(default_factory=dict)
    lines: dict[str, Row] = field(default_factory=dict)
    codes: dict[str, Row] = field(default_factory=dict)
    links: dict[Pair, Row] = field(default_factory=dict)
    capacities: dict[str, Capacity] = field(default_factory=dict)
    headers: dict[str, Row] = field(default_factory=dict)
    moment: datetime = field(default_factory=now)
    # Calls by (distributor, idempotency key): found in the ledger, or made by this batch.
    first: dict[tuple[str, str], Row | Begun] = field(default_factory=dict)
    # The metered items of calls by call_no: of those that this batch ends, and that it repeats.
    items: dict[str, Sequence[Header]] = field(default_factory=dict)
    new_rows: list[Header] = field(default_factory=list)
    _closed: dict[str, Header] = field(default_factory=dict)
    _accounts: dict[Pair, DistributorAccount] = field(default_factory=dict)
    _counted: dict[str, dict[str, int]] = field(default_factory=dict)
    _prices: dict[str, list[tuple[Row, Terms]]] = field(default_factory=dict)
    _terms: dict[tuple[str, datetime], list[Terms]] = field(default_factory=dict)
    _packages: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    _read: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def distributor(self, distributor_id: str) -> Row:
        """A distributor's locked row; raises NotSignedIn where it is gone."""
        row = self.distributors.get(distributor_id)
        if row is None:
            raise unknown_distributor()
        return row

    def account(self, distributor_id: str, pipeline_id: str) -> DistributorAccount:
        """A distributor's account for calls of a line."""
        pair = (distributor_id, pipeline_id)
        found = self._accounts.get(pair)
        if found is None:
            counted = self._counted.setdefault(distributor_id, {})
            found = DistributorAccount(
                self.distributor(distributor_id), self.links.get(pair), counted
            )
            self._accounts[pair] = found
        return found

    async def priced(
        self,
        account: DistributorAccount,
        pipeline_id: str,
        started_at: datetime,
        lines: Sequence[UsageLine],
    ) -> list[PricedLine]:
        """*lines* priced as of the call's start; raises `price_missing`, `amount_too_large`."""
        if not lines:
            return []
        terms = self._terms_at(pipeline_id, started_at)
        chosen = pricing.chosen_terms(lines, terms, account.adjust, account.currency)
        packages = {item.pricing_id for item in chosen if item.pricing_type == "package"}
        if not packages:
            return pricing.priced_lines(lines, chosen, {})
        used = await self._used(account.distributor_id, quota_month(started_at), packages)
        return pricing.priced_lines(lines, chosen, used)

    def begin(self, header: Header, lines: list[Header]) -> None:
        """Note a call that was let in."""
        self.new_rows += [header, *lines]
        self.first[header["distributor_id"], header["idempotency_key"]] = Begun(header, lines)
        self._count_packages(header, lines)

    def end(self, header: Header, lines: list[Header]) -> None:
        """Note a call that has ended."""
        self.new_rows += lines
        self.items[header["call_no"]] = lines
        self._closed[header["id"]] = header
        self._count_packages(header, lines)

    def latest(self, header: Header) -> Header:
        """*header* as it is now: this batch may have ended the call."""
        return self._closed.get(header["id"], header)

    async def lines_of(self, call_no: str) -> Sequence[Header]:
        """The metered items of a call, also of one that this batch has ended."""
        found = self.items.get(call_no)
        return found if found is not None else await ledger.lines_of(self.sor, call_no)

    async def find_first(self, wanted: Iterable[Start]) -> None:
        """Look in the ledger for calls that were made with these requests' keys, and for what was
        used in those that are over."""
        keys: dict[str, list[str]] = {}
        for item in wanted:
            keys.setdefault(item.distributor_id, []).append(item.idempotency_key)
        found: list[Row] = []
        for distributor_id, some in keys.items():
            for row in await ledger.find_by_keys(self.sor, distributor_id, some):
                if (distributor_id, row["idempotency_key"]) not in self.first:
                    self.first[distributor_id, row["idempotency_key"]] = row
                    found.append(row)
        numbers = [row["call_no"] for row in found if row["lease_seconds"] is None]
        if numbers:
            lines = await ledger.lines_of_calls(self.sor, numbers)
            self.items |= {call_no: lines.get(call_no, []) for call_no in numbers}

    async def save(self) -> None:
        """Write everything. The ledger comes first: a repeated idempotency key stops here, as
        DuplicateKey, with no counter written."""
        if self.new_rows:
            await ledger.insert_rows(self.sor, self.new_rows)
        if self._closed:
            await ledger.close_calls(self.sor, list(self._closed.values()))
        distributors = self._changed(self.distributors.values(), SAVED)
        links = self._changed(self.links.values(), rules.SAVED)
        rows = [item.row for item in self.capacities.values() if item.row is not None]
        capacities = self._changed(rows, rules.SAVED_WITH_SLOTS)
        if len(distributors) == len(links) == len(capacities) == 1:
            await save_one(self.sor, distributors[0], links[0], capacities[0])
            return
        if distributors:
            await save_distributors(self.sor, distributors)
        if links:
            await save_links(self.sor, links)
        if capacities:
            await rules.save_capacities(self.sor, capacities)

    def _changed(self, rows: Iterable[Row], names: tuple[str, ...]) -> list[Row]:
        return [row for row in rows if _values(row, names) != self._read[row["id"]]]

    def _terms_at(self, pipeline_id: str, at: datetime) -> list[Terms]:
        found = self._terms.get((pipeline_id, at))
        if found is None:
            prices = self._prices.get(pipeline_id, [])
            found = [terms for row, terms in prices if pricing.in_force(row, at)]
            self._terms[pipeline_id, at] = found
        return found

    async def _used(
        self, distributor_id: str, month: str, pricing_ids: Iterable[str]
    ) -> dict[str, Decimal]:
        """Units used of these packages, calls of this batch included."""
        unknown = [x for x in pricing_ids if (distributor_id, month, x) not in self._packages]
        if unknown:
            found = await pricing.packages_used(self.sor, distributor_id, month, sorted(unknown))
            # What this batch has used itself, and not yet written, is in new_rows.
            for pricing_id in unknown:
                self._packages[distributor_id, month, pricing_id] = found.get(
                    pricing_id, Decimal(0)
                ) + sum(
                    row["quantity"]
                    for row in self.new_rows
                    if row["pricing_id"] == pricing_id
                    and row["month_key"] == month
                    and row["distributor_id"] == distributor_id
                )
        return {x: self._packages[distributor_id, month, x] for x in pricing_ids}

    def _count_packages(self, header: Header, lines: Iterable[Header]) -> None:
        for line in lines:
            key = (header["distributor_id"], header["month_key"], line["pricing_id"])
            if key in self._packages:
                self._packages[key] += line["quantity"]


class StaleLine(Exception):
    """A line that was known beforehand has another code now, or is gone."""


async def open_book(sor: SafeSqlor, wanted: Sequence[Wanted]) -> Book:
    """
    Lock and read what *wanted* touches: distributors, links, capacities, calls, in this order
    and each in the order of its keys; then the clock, so that calls have the order of the locks;
    then what is only read. Raises StaleLine where a `pipeline_id` in *wanted* is not right.
    """
    book = Book(sor)
    starts = [item for item in wanted if isinstance(item, Start)]
    ends = [item for item in wanted if isinstance(item, End)]
    ids = await _ids_of_lines(sor, starts)
    places = await _places(sor, ends)
    pairs = {(x.distributor_id, ids[x.pipeline]) for x in starts if x.pipeline in ids}
    # Of each who asks: only the call's own header tells whose it is, and that is locked later.
    pairs |= {(x.distributor_id, places[x.call_no]) for x in ends if x.call_no in places}
    distributors = {item.distributor_id for item in wanted}
    if len(pairs) == len(distributors) == 1:
        await _lock_one(book, *next(iter(pairs)))
    else:
        book.distributors = await lock_distributors(sor, distributors)
        book.links = await lock_links(sor, pairs)
    lines = {pipeline_id for _, pipeline_id in book.links} | set(places.values())
    unlocked = sorted(lines - set(book.capacities))
    if unlocked:
        book.capacities |= await lock_capacities(sor, unlocked)
    if places:
        book.headers = await ledger.lock_headers(sor, sorted(places))
    book.moment = now()
    _remember(book)
    await _read_lines(book, {*ids.values(), *lines}, _moments(book, starts, ends))
    for item in starts:
        if item.pipeline_id is not None and item.pipeline not in book.codes:
            raise StaleLine(item.pipeline)
    await _find_slots(book, starts)
    return book


async def _lock_one(book: Book, distributor_id: str, pipeline_id: str) -> None:
    """Lock all of one pair at once; a line without capacity is left to `lock_capacities`."""
    distributor, link, row = await lock_one(book.sor, distributor_id, pipeline_id)
    if distributor is not None:
        book.distributors = {distributor_id: distributor}
    if link is not None:
        book.links = {(distributor_id, pipeline_id): link}
    if row is not None:
        capacity = Capacity(pipeline_id=pipeline_id, row=row, counted={})
        book.capacities = {pipeline_id: capacity}


async def _ids_of_lines(sor: SafeSqlor, starts: Sequence[Start]) -> dict[str, str]:
    """The lines' ids by code, as far as there are such lines."""
    found = {x.pipeline: x.pipeline_id for x in starts if x.pipeline_id is not None}
    unknown = {item.pipeline for item in starts} - set(found)
    if unknown:
        text = "select id, code from pipelines where code in ${codes}$"
        rows = await sor.sqlExe(text, {"codes": sorted(unknown)})
        found |= {row["code"]: row["id"] for row in rows}
    return found


async def _places(sor: SafeSqlor, ends: Sequence[End]) -> dict[str, str]:
    """The lines of the calls that are to end, as far as they are known beforehand or the calls
    are an asker's."""
    found = {item.call_no: item.pipeline_id for item in ends if item.pipeline_id is not None}
    unknown = {item.call_no for item in ends} - set(found)
    if not unknown:
        return found
    askers = {(item.call_no, item.distributor_id) for item in ends}
    for row in await ledger.find_places(sor, sorted(unknown)):
        if (row["call_no"], row["distributor_id"]) in askers:
            found[row["call_no"]] = row["pipeline_id"]
    return found


def _moments(book: Book, starts: Iterable[Start], ends: Iterable[End]) -> list[datetime]:
    """The starts of all calls that have something to be priced."""
    found = [item.started_at or book.moment for item in starts if item.lines]
    for end in ends:
        header = book.headers.get(end.call_no)
        if end.lines and header is not None:
            found.append(header["started_at"])
    return found


async def _read_lines(book: Book, ids: set[str], moments: Sequence[datetime]) -> None:
    """Read the lines and, if calls of *moments* are to be priced, their prices at those times."""
    if not ids:
        return
    values: dict[str, Any] = {"ids": sorted(ids)}
    if moments:
        values |= {"first": min(moments), "last": max(moments)}
    for row in await book.sor.sqlExe(_LINES_WITH_PRICES if moments else _LINES, values):
        line = {name: row[name] for name in ("id", "code", "status", "current_version")}
        book.lines[line["id"]] = book.codes[line["code"]] = Row(line)
        if moments and row["price_id"] is not None:
            price = Row({**row, "id": row["price_id"]})
            book._prices.setdefault(line["id"], []).append((price, pricing.terms_of(price)))


def _remember(book: Book) -> None:
    """Keep what the counters were, so that only changed rows are written."""
    for row in book.distributors.values():
        book._read[row["id"]] = _values(row, SAVED)
    for row in book.links.values():
        book._read[row["id"]] = _values(row, rules.SAVED)
    for capacity in book.capacities.values():
        if capacity.row is not None:
            book._read[capacity.row["id"]] = _values(capacity.row, rules.SAVED_WITH_SLOTS)


async def _find_slots(book: Book, starts: Iterable[Start]) -> None:
    """End overdue calls where there may be too few slots for all that begin here. Done before
    anything is decided, since `expire_overdue` goes by what is written."""
    beginning = [
        book.codes[item.pipeline]["id"]
        for item in starts
        if item.status is None and item.pipeline in book.codes
    ]
    if not beginning and not book.headers:
        return  # calls that are over, as most are
    wanted = Counter(beginning)
    ending = Counter(header["pipeline_id"] for header in book.headers.values())
    for pipeline_id in sorted(wanted.keys() | ending.keys()):
        capacity = book.capacities.get(pipeline_id)
        if capacity is None or capacity.row is None:
            continue
        running = capacity.row["running"]
        await capacity.find_slots(
            book.sor, book.moment, wanted[pipeline_id], ending=ending[pipeline_id]
        )
        if book.headers and capacity.row["running"] != running:
            book.headers = await ledger.lock_headers(book.sor, sorted(book.headers))


def _values(row: Row, names: tuple[str, ...]) -> tuple[Any, ...]:
    values: tuple[Any, ...] = _getter(names)(row)
    return values


@cache
def _getter(names: tuple[str, ...]) -> "itemgetter[Any]":
    return itemgetter(*names)
