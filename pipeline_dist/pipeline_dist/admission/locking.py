"""
The locks of one batch of requests, taken in the fixed order with few statements: distributors,
links, capacities, calls, packages.

What is known beforehand is locked by one round trip that begins the transaction too, together with
what is only read: the pipelines and their prices. All that was guessed for it (the pipeline of a
code, who has which pipeline, when it will be) says only what to lock and to read, and is proven by
what comes.
"""

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.global_func import Query, Rows, SafeSqlor, now, quota_month
from pipeline_dist.admission.account import LockedReservations
from pipeline_dist.admission.commands import (
    BeginCall,
    CallCommand,
    Command,
    Request,
    is_begin,
    is_of_call,
)
from pipeline_dist.admission.rows import (
    PIPELINE_COLUMNS,
    Pair,
    Pipeline,
    distributors_of,
    distributors_query,
    links_of,
    links_query,
    one_of,
    one_query,
)
from pipeline_dist.admission.spending import roll_over_spending
from pipeline_dist.admission.workset import WorkSet
from pipeline_ops.calls.capacity import Capacity, lock_capacities
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.package_use import PackageKey
from pipeline_ops.rules.terms import EVERYBODY, KNOWN_NOW, PRICE_COLUMNS, dated_terms_of

# So many pairs are remembered of which the distributor had the pipeline.
MAX_LINKS = 10_000
# Within this time after they are asked for, prices are read for; longer than locks are waited for.
_READ_AHEAD = timedelta(seconds=60)

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

# Says only which capacities may be locked together with the links; links are proven each time.
_links: OrderedDict[Pair, None] = OrderedDict()


class StalePipeline(Exception):
    """A line that was known beforehand has another code now, or is gone."""


@dataclass(slots=True)
class _Batch:
    """What is known of the rows of a batch before they are locked."""

    begins: list[Request[BeginCall]]
    finishes: list[Request[CallCommand]]
    distributors: set[str]
    # Of the requests' codes, as far as there are such pipelines.
    pipeline_ids: dict[str, str] = field(default_factory=dict)
    # Of the calls that are to end.
    call_pipelines: dict[str, str] = field(default_factory=dict)
    # The time for which prices were read.
    first: datetime = field(default_factory=now)
    last: datetime = field(default_factory=now)

    @property
    def pairs(self) -> set[Pair]:
        """Who asks for which pipeline. Of each who asks: only the call's own header tells whose it
        is, and that is locked later."""
        ids, calls = self.pipeline_ids, self.call_pipelines
        beginnings = {
            (x.distributor_id, ids[x.command.pipeline])
            for x in self.begins
            if x.command.pipeline in ids
        }
        return beginnings | {
            (x.distributor_id, calls[x.command.call_no])
            for x in self.finishes
            if x.command.call_no in calls
        }


async def lock_workset(
    sor: SafeSqlor, requests: Sequence[Request[Command]], *, also_lock: Collection[str] = ()
) -> WorkSet:
    """
    Lock and read what *requests* touch, and the distributors *also_lock*: distributors, links,
    capacities, calls, in this order and each in the order of its keys; then what is only read, and
    the clock, so that calls have the order of the locks; and by that the packages, which are locked
    last. Raises StalePipeline where a `pipeline_id` in *requests* is not right,
    UnlockedReservations where slots are short and the overdue calls of other distributors have
    something reserved.
    """
    workset = WorkSet(sor)
    begins = [item for item in requests if is_begin(item)]
    finishes = [item for item in requests if is_of_call(item)]
    batch = _Batch(begins, finishes, {item.distributor_id for item in requests} | set(also_lock))
    batch.pipeline_ids = await _pipeline_ids(sor, begins)
    batch.call_pipelines = await _call_pipelines(sor, finishes)
    await _lock_rows(workset, batch)
    workset.moment = now()
    for distributor in workset.distributors.values():
        roll_over_spending(distributor, workset.moment)
    workset.snapshot_counters()
    await _read_pipelines(workset, batch)
    for item in begins:
        code = item.command.pipeline
        if item.pipeline_id is not None and code not in workset.pipelines_by_code:
            raise StalePipeline(code)
    await _find_slots(workset, begins, batch.distributors)
    await _lock_packages(workset, begins, finishes)
    return workset


async def _lock_rows(workset: WorkSet, batch: _Batch) -> None:
    """Lock distributors, links, capacities and calls, as much of them as may be by one round
    trip, and read with it what calls that begin are decided by."""
    pairs = batch.pairs
    capacity_ids = {pipeline_id for _, pipeline_id in pairs}
    is_one = len(pairs) == len(batch.distributors) == 1
    # The capacity of a pipeline is only locked for who has it. Of one pair the query itself sees to
    # that; of several it must be known beforehand.
    with_capacities = bool(pairs) and pairs <= _links.keys()
    if is_one:
        queries = [one_query(*next(iter(pairs)))]
    else:
        queries = [distributors_query(batch.distributors)]
        queries += [links_query(pairs)] if pairs else []
        queries += [rules.capacities_query(capacity_ids)] if with_capacities else []
    row_queries = len(queries)
    with_calls = bool(batch.call_pipelines) and with_capacities
    if with_calls:
        queries.append(ledger.headers_query(batch.call_pipelines))
    with_prices = bool(batch.pipeline_ids) and not batch.finishes
    if with_prices:
        queries.append(_guess_prices(batch))
    results = await workset.sor.together(*queries)
    _take_rows(
        workset, results[:row_queries], is_one=is_one, with_capacities=with_capacities, pairs=pairs
    )
    if with_calls:
        workset.headers = ledger.headers_of(results[row_queries])
    if with_prices:
        _take_pipelines(workset, results[-1])
    pipeline_ids = {pipeline_id for _, pipeline_id in workset.links}
    pipeline_ids |= set(batch.call_pipelines.values())
    if missing_ids := sorted(pipeline_ids - set(workset.capacities)):
        workset.capacities |= await lock_capacities(workset.sor, missing_ids)
    _remember_links(workset, pairs)
    if batch.call_pipelines and not with_calls:
        workset.headers = await ledger.lock_headers(workset.sor, sorted(batch.call_pipelines))


def _take_rows(
    workset: WorkSet,
    results: Sequence[Rows],
    *,
    is_one: bool,
    with_capacities: bool,
    pairs: set[Pair],
) -> None:
    """Keep what was locked of distributors, links and capacities; a pipeline without capacity is
    left to `lock_capacities`."""
    capacities: Iterable[Any] = ()
    if is_one:
        distributor, link, row = one_of(results[0])
        if distributor is not None:
            workset.distributors = {distributor.id: distributor}
        if link is not None:
            workset.links = {(link.distributor_id, link.pipeline_id): link}
        capacities = [] if row is None else [row]
    else:
        workset.distributors = distributors_of(results[0])
        workset.links = links_of(results[1]) if pairs else {}
        capacities = rules.capacities_of(results[2]).values() if len(results) > 2 else ()
    for row in capacities:
        capacity = Capacity(pipeline_id=row.pipeline_id, row=row)
        workset.capacities[row.pipeline_id] = capacity


def _remember_links(workset: WorkSet, pairs: Iterable[Pair]) -> None:
    for pair in pairs:
        capacity = workset.capacities.get(pair[1])
        # Where there is no capacity, the pipeline's own row is locked, before those of calls.
        if pair not in workset.links or capacity is None or capacity.row is None:
            _links.pop(pair, None)
        elif pair not in _links:
            _links[pair] = None
            if len(_links) > MAX_LINKS:
                _links.popitem(last=False)


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
    sor: SafeSqlor, finishes: Sequence[Request[CallCommand]]
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


def _start_moments(workset: WorkSet, batch: _Batch) -> list[datetime]:
    """Return the starts of all calls that begin, which may be refused for want of prices, and of
    those that end with something to be priced."""
    moments = [x.command.started_at or workset.moment for x in batch.begins]
    for item in batch.finishes:
        header = workset.headers.get(item.command.call_no)
        if item.command.lines and header is not None:
            moments.append(header.started_at)
    return moments


def _guess_prices(batch: _Batch) -> Query:
    """Return the query for the pipelines of calls that begin and their prices, before it is known
    when they do."""
    moments = [x.command.started_at for x in batch.begins if x.command.started_at is not None]
    at = now()
    batch.first, batch.last = min([at, *moments]), max([at + _READ_AHEAD, *moments])
    return Query(
        _PIPELINES_WITH_PRICES,
        {
            "ids": sorted(batch.pipeline_ids.values()),
            "owners": [EVERYBODY, *sorted(batch.distributors)],
            "first": batch.first,
            "last": batch.last,
            "terms_no": KNOWN_NOW,
        },
    )


async def _read_pipelines(workset: WorkSet, batch: _Batch) -> None:
    """Read the pipelines and, if calls are to be priced, their prices at the times of these, unless
    they were guessed rightly."""
    moments = _start_moments(workset, batch)
    if workset.pipelines:
        if batch.first <= min(moments) and max(moments) <= batch.last:
            return
        workset.forget_prices()
    ids = {*batch.pipeline_ids.values(), *batch.call_pipelines.values()}
    ids |= {pipeline_id for _, pipeline_id in workset.links}
    if not ids:
        return
    values: dict[str, Any] = {"ids": sorted(ids)}
    if moments:
        values["owners"] = [EVERYBODY, *sorted(workset.distributors)]
        # Of a call that began earlier, also what had not ended as far as was known then.
        numbers = [header.terms_no or 0 for header in workset.headers.values()]
        values |= {"first": min(moments), "last": max(moments)}
        values["terms_no"] = min(numbers, default=KNOWN_NOW)
    text = _PIPELINES_WITH_PRICES if moments else _PIPELINES
    _take_pipelines(workset, await workset.sor.tuples(text, values))


def _take_pipelines(workset: WorkSet, rows: Rows) -> None:
    for row in rows:
        pipeline_values, price = row[:_PRICE_AT], row[_PRICE_AT:]
        if pipeline_values[0] not in workset.pipelines:
            pipeline = Pipeline(*pipeline_values)
            workset.pipelines[pipeline.id] = workset.pipelines_by_code[pipeline.code] = pipeline
        if price and price[0] is not None:
            workset.add_price(pipeline_values[0], dated_terms_of(price))


async def _lock_packages(
    workset: WorkSet,
    begins: Iterable[Request[BeginCall]],
    finishes: Iterable[Request[CallCommand]],
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
    workset.expired_calls = reservations.expired_calls
