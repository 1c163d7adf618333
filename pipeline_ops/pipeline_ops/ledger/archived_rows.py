"""
Closed months of the ledger on their way into files and back: every statement that takes item rows
out, or puts them back.

Of each settlement that a batch names one row stays, its first: the stub. It keeps whose it is, its
call, key, hashes, state, times and place in every sum, and its amount is that of all rows of the
settlement; its item is gone, and so are the other rows. So all sums over the ledger, but for those
by item, are what they were, and the numbers of settlement have no gap. `pricing_id` is one of the
settlement's prices, which tells that it had an item.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

from app.global_func import SafeSqlor, bulk_insert_tuples, bulk_update
from pipeline_ops.archive.batches import ORDER, ArchiveBatch, LedgerSpan
from pipeline_ops.ledger.entries import TABLE
from pipeline_ops.ledger.rows import ITEM_COLUMNS

PORTION_ROWS = 5_000
# Every call's number is before this one.
_LAST_CALL = "~"
# Rows of one distributor in the order of settlement, and of one month, whenever they were settled.
_BY_ENTRY = " from pipeline_usage_log u force index (pipeline_usage_log_entry) where "
_BY_MONTH = " from pipeline_usage_log u force index (pipeline_usage_log_distributor_month) where "
_OF_MONTH = "u.distributor_id <=> ${distributor_id}$ and u.month_key = ${month}$"
_FACTS = (
    "select count(*), coalesce(sum(u.line_no = 0 and u.status = 'reserved'), 0),"
    " coalesce(min(u.entry_no), 0), coalesce(max(u.entry_no), 0),"
    f" coalesce(sum(u.entry_no is null), 0){_BY_MONTH}{_OF_MONTH} and u.archive_batch is null"
)
# Behind the place (entry, call, line); of rows without a number the entry is nothing.
_AFTER = (
    " and (u.entry_no > ${entry}$ or u.call_no > ${call}$"
    " or u.call_no = ${call}$ and u.line_no > ${line}$)"
)
_AFTER_UNNUMBERED = " and (u.call_no > ${call}$ or u.call_no = ${call}$ and u.line_no > ${line}$)"
_SUMS = (
    "select count(*), coalesce(sum(u.lock_version), 0), coalesce(sum(u.calls), 0),"
    f" coalesce(sum(u.amount), 0){_BY_ENTRY}"
)
# What a stub has of its item: nothing.
_CLEARED = (
    "u.step_key = '', u.model = '', u.unit = '', u.quantity = 0, u.matched = null,"
    " u.pricing_type = null, u.unit_price = null, u.unit_size = null, u.package_size = null,"
    " u.package_price = null"
)
_REDUCE = (
    "update pipeline_usage_log u join (select u.call_no, min(u.line_no) as line_no,"  # noqa: S608
    f" sum(u.amount) as amount, min(u.pricing_id) as pricing_id{_BY_ENTRY}{{those}}"
    " group by u.entry_no, u.call_no) s on s.call_no = u.call_no and s.line_no = u.line_no"
    f" set u.amount = s.amount, u.pricing_id = s.pricing_id, {_CLEARED},"
    " u.archive_batch = ${{batch}}$"
)
_DELETE = (
    "delete u from pipeline_usage_log u force index (pipeline_usage_log_entry)"
    " where {those} and u.archive_batch is null"
)
_MARK = "update pipeline_usage_log u set u.archive_batch = ${batch}$ where "
# What a restored stub is again.
_RESTORED = (*ITEM_COLUMNS, "archive_batch")


class RowSums(NamedTuple):
    """What rows of the ledger come to; `locks` is the sum of their lock_version, which every change
    of a row raises."""

    rows: int
    locks: int
    calls: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What of a distributor's month is not archived: its rows, how many of its calls run, from
    which to which number it was settled (0: none was), and how many rows have no number."""

    distributor_id: str | None
    month: str
    rows: int
    running: int
    first_entry: int
    last_entry: int
    unnumbered: int

    @property
    def spans(self) -> list[LedgerSpan]:
        """Its rows: what was settled, and what has no number."""
        whose: dict[str, Any] = {"distributor_id": self.distributor_id, "month": self.month}
        spans = []
        if self.last_entry:
            first, last = self.first_entry, self.last_entry
            spans.append(LedgerSpan(first_entry=first, last_entry=last, **whose))
        if self.unnumbered:
            spans.append(LedgerSpan(first_entry=0, last_entry=0, last_call=_LAST_CALL, **whose))
        return spans


async def month_facts(sor: SafeSqlor, distributor_id: str | None, month: str) -> MonthFacts:
    """Return what of a month is not archived."""
    values = {"distributor_id": distributor_id, "month": month}
    rows = await sor.tuples(_FACTS, values)
    return MonthFacts(distributor_id, month, *map(int, rows[0]))


async def next_span(sor: SafeSqlor, span: LedgerSpan, most: int) -> LedgerSpan | None:
    """Return the beginning of *span* that is not archived: *most* rows, and those that were settled
    with the last of them; None where all is archived."""
    name = "entry_no" if span.has_numbers else "call_no"
    text = (
        f"select u.{name}{_BY_ENTRY}{span.condition} and u.archive_batch is null{ORDER}"
        " limit 1 offset ${skip}$"
    )
    first = await sor.firsts(text, span.values | {"skip": 0})
    if not first:
        return None
    rest = _narrowed(span, first=first[0])
    last = await sor.firsts(text, rest.values | {"skip": most - 1})
    return _narrowed(rest, last=last[0]) if last else rest


def _narrowed(span: LedgerSpan, *, first: Any = None, last: Any = None) -> LedgerSpan:
    kind = "entry" if span.has_numbers else "call"
    values = span.values
    if first is not None:
        values[f"first_{kind}"] = first
    if last is not None:
        values[f"last_{kind}"] = last
    return LedgerSpan(**values)


async def ledger_rows(
    sor: SafeSqlor,
    span: LedgerSpan,
    columns: Iterable[str],
    more: str = "",
    **more_values: Any,
) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    """Yield the rows of *span* in their order, some thousand at a time, as the values of *columns*;
    *more* is a further condition, *more_values* what it asks for."""
    names = ", ".join(f"u.{name}" for name in ("entry_no", "call_no", "line_no", *columns))
    after = _AFTER if span.has_numbers else _AFTER_UNNUMBERED
    text = f"select {names}{_BY_ENTRY}{span.condition}{after}{more}{ORDER} limit ${{most}}$"
    place: tuple[Any, ...] = (0, "", -1)
    while True:
        rest = span
        if place[1]:
            rest = _narrowed(span, first=place[0] if span.has_numbers else place[1])
        values = rest.values | dict(zip(("entry", "call", "line"), place, strict=True))
        rows = await sor.tuples(text, values | more_values | {"most": PORTION_ROWS})
        if rows:
            place = rows[-1][:3]
            yield [row[3:] for row in rows]
        if len(rows) < PORTION_ROWS:
            return


async def lock_rows(sor: SafeSqlor, span: LedgerSpan) -> RowSums:
    """Lock the rows of *span*; return what they come to."""
    return await _sums(sor, span, " for update")


async def sum_rows(sor: SafeSqlor, span: LedgerSpan) -> RowSums:
    """Return what the rows of *span* come to."""
    return await _sums(sor, span, "")


async def _sums(sor: SafeSqlor, span: LedgerSpan, more: str) -> RowSums:
    rows = await sor.tuples(_SUMS + span.condition + more, span.values)
    count, locks, calls, amount = rows[0]
    return RowSums(int(count), int(locks), int(calls), Decimal(amount))


async def take_out(sor: SafeSqlor, batch: ArchiveBatch) -> None:
    """Make stubs of the settlements that *batch* names, which is being moved and whose rows are
    locked, and delete their other rows. Rows without a number, which have no item, are marked."""
    span = batch.span
    values = span.values | {"batch": batch.id}
    if not span.has_numbers:
        await sor.sqlExe(_MARK + span.condition, values)
        return
    await sor.sqlExe(_REDUCE.format(those=span.condition), values)
    await sor.sqlExe(_DELETE.format(those=span.condition), values)


async def put_back(
    sor: SafeSqlor, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], stubs: set[str]
) -> None:
    """Write *rows* of a batch that is being restored as they were, the values of *columns*: those
    whose ids are in *stubs* stand there and get their items again, the others are inserted."""
    present = [
        SimpleNamespace(id=row["id"], archive_batch=None, **{n: row[n] for n in ITEM_COLUMNS})
        for row in rows
        if row["id"] in stubs
    ]
    if present:
        await bulk_update(sor, TABLE, _RESTORED, present)
    # A file that is older than a column says nothing of it.
    missing = (tuple(row.get(n) for n in columns) for row in rows if row["id"] not in stubs)
    await bulk_insert_tuples(sor, TABLE, columns, missing)


async def stub_ids(sor: SafeSqlor, batch: ArchiveBatch) -> set[str]:
    """Return the ids of the stubs of *batch*."""
    text = f"select u.id{_BY_ENTRY}{batch.span.condition} and u.archive_batch = ${{batch}}$"
    return set(await sor.firsts(text, batch.span.values | {"batch": batch.id}))
