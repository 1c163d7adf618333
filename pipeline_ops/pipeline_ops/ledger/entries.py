"""
The ledger, pipeline_usage_log: every statement that writes it, each in one place.

A call has a header row (`line_no` 0), which carries its first metered item, and one row for each
further item; calls of before have a header without an item, and all items in rows of their own.
All functions work inside the caller's transaction; whoever changes a call holds the locks of
its distributor, its line with the distributor and its capacity first, in this order.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from app.global_func import (
    Query,
    Row,
    Rows,
    SafeSqlor,
    bulk_insert_tuples,
    insert_texts,
    quote_of,
    update_texts,
)
from pipeline_ops.ledger.archived_items import archived_items
from pipeline_ops.ledger.day_marks import NO_FENCES, Fences, days_to_mark, mark_days
from pipeline_ops.ledger.matches import MATCH_COLUMNS, PRICE_OF_ROW
from pipeline_ops.ledger.package_rows import release_packages
from pipeline_ops.ledger.rows import (
    HEADER_COLUMNS,
    ITEM_COLUMNS,
    LINE_COLUMNS,
    TABLE_COLUMNS,
    CallHeader,
    CallLine,
    Entry,
    header_of,
    header_row,
    line_of,
    reversal_rows,
    table_rows,
)
from pipeline_ops.ledger.states import CallStatus

TABLE = "pipeline_usage_log"

# While the text of so many rows is made, no other request is served.
TEXT_BATCH_SIZE = 200

# What the end of a call changes in its header.
_CLOSED = (
    "status", "finished_at", "duration_ms", "end_hash", "error", "currency", "entry_no",
    "spend_day", "calls", "updated_at", "updated_by", "lock_version",
)  # fmt: skip


async def insert_entries(
    sor: SafeSqlor, entries: Sequence[Entry], fences: Fences = NO_FENCES
) -> None:
    """
    Write the new rows of *entries*, if there are any, and mark the days that they change unless
    *fences* say that no sums are kept of them (ledger/day_marks.py); DuplicateKey for a repeated
    idempotency key.
    """
    await mark_days(sor, days_to_mark(entries, fences))
    for text in entry_texts(sor, entries):
        await sor.write(text)


def entry_texts(sor: SafeSqlor, entries: Sequence[Entry]) -> Iterable[str]:
    """Return the statements that write the new rows of *entries*; their days are marked by the
    caller."""
    rows = [row for entry in entries for row in table_rows(entry)]
    if not rows:
        return ()
    # Columns that no row says anything in are left to the table.
    filled = [
        number
        for number, values in enumerate(zip(*rows, strict=True))
        if any(value is not None for value in values)
    ]
    names = [TABLE_COLUMNS[number] for number in filled]
    quote, take = quote_of(sor), itemgetter(*filled)
    texts = ("(" + ",".join(map(quote, take(row))) + ")" for row in rows)
    return insert_texts(TABLE, names, texts)


async def write_entries_last(sor: SafeSqlor, entries: Sequence[Entry]) -> None:
    """Write the new rows of *entries* with the last statements of the transaction (`write_last`),
    and let others in between where they are many; their days are marked by the caller."""
    portion: list[Entry] = []
    count = 0
    for entry in entries:
        portion.append(entry)
        count += 1 + len(entry.lines)
        if count >= TEXT_BATCH_SIZE:
            await sor.write_last(entry_texts(sor, portion))
            await asyncio.sleep(0)
            portion, count = [], 0
    await sor.write_last(entry_texts(sor, portion))


async def call_rows(sor: SafeSqlor, call_no: str) -> list[Row]:
    """Return all rows of a call with all their columns, for pages: its header first."""
    rows: list[Row] = await sor.sqlExe(
        "select * from pipeline_usage_log where call_no = ${call_no}$ order by line_no",
        {"call_no": call_no},
    )
    return rows


async def lock_header(sor: SafeSqlor, call_no: str) -> CallHeader | None:
    """Lock the header of a call, whoever's it is; None where there is no such call."""
    headers = await _headers(sor, _OF_CALL + " for update", {"call_no": call_no})
    return headers[0] if headers else None


async def find_places(sor: SafeSqlor, call_nos: Sequence[str]) -> list[Row]:
    """Return whose calls these are and of which lines: call_no, distributor_id, pipeline_id, as far
    as they are known. None of it ever changes."""
    rows: list[Row] = await sor.sqlExe(
        "select call_no, distributor_id, pipeline_id from pipeline_usage_log"
        " where call_no in ${call_nos}$ and line_no = 0 and pipeline_id is not null",
        {"call_nos": list(call_nos)},
    )
    return rows


async def lock_headers(sor: SafeSqlor, call_nos: Sequence[str]) -> dict[str, CallHeader]:
    """Lock the headers of calls, by call_no, in one order."""
    return headers_of(*await sor.together(headers_query(call_nos)))


def headers_query(call_nos: Iterable[str]) -> Query:
    """Return the query of `lock_headers`."""
    return Query(_LOCK_HEADERS, {"call_nos": sorted(call_nos)})


def headers_of(rows: Rows) -> dict[str, CallHeader]:
    """Return what `headers_query` gave, by call_no."""
    return {header.call_no: header for header in map(header_of, rows)}


async def find_by_keys(
    sor: SafeSqlor, distributor_id: str, keys: Sequence[str]
) -> list[CallHeader]:
    """Find the headers of a distributor's calls that were made with these idempotency keys."""
    return await _headers(
        sor,
        " where distributor_id = ${distributor_id}$"
        " and idempotency_key in ${keys}$ and line_no = 0",
        {"distributor_id": distributor_id, "keys": list(keys)},
    )


async def lines_of(sor: SafeSqlor, call_no: str) -> Sequence[CallLine]:
    """Return the metered items of a call, in their order; of an archived one `ArchivedItems`."""
    return (await lines_of_calls(sor, [call_no])).get(call_no, [])


async def lines_of_calls(
    sor: SafeSqlor, call_nos: Sequence[str]
) -> Mapping[str, Sequence[CallLine]]:
    """Return the metered items of calls by call_no, each in their order; of archived ones
    `ArchivedItems`. Calls without any are not in it."""
    lines_by_call: dict[str, list[CallLine]] = {}
    for call_no, *values in await sor.tuples(_LINES, {"call_nos": list(call_nos)}):
        lines_by_call.setdefault(call_no, []).append(line_of(values))
    others = [call_no for call_no in call_nos if call_no not in lines_by_call]
    return {**lines_by_call, **(await archived_items(sor, others) if others else {})}


async def _headers(sor: SafeSqlor, where: str, values: Mapping[str, Any]) -> list[CallHeader]:
    return [header_of(row) for row in await sor.tuples(_HEADERS + where, values)]


def end_texts(sor: SafeSqlor, entries: Iterable[Entry]) -> Iterable[str]:
    """Return the statements that write the ends of calls into their locked headers, with the first
    item of each."""
    rows = [header_row(one) for one in entries]
    return update_texts(sor, TABLE, (*_CLOSED, *ITEM_COLUMNS), rows)


async def void_call(
    sor: SafeSqlor,
    call_no: str,
    *,
    entry_no: int,
    moment: datetime,
    by: str,
    reason: str,
    month_of: Callable[[str], str],
) -> Decimal:
    """
    Mark a locked call as voided, put the units of its packages back and add the rows that reverse
    it, settled as *entry_no*; the amount that is given back. *month_of* as for `reversal_rows`.
    """
    rows = await call_rows(sor, call_no)
    refunds = await release_packages(sor, rows)
    reversals = reversal_rows(
        rows, refunds, entry_no=entry_no, moment=moment, by=by, reason=reason, month_of=month_of
    )
    names = list(reversals[0])
    await mark_days(sor, {(row["distributor_id"] or "", row["day_key"]) for row in rows})
    await bulk_insert_tuples(sor, TABLE, names, [tuple(row.values()) for row in reversals])
    await sor.sqlExe(
        "update pipeline_usage_log set status = ${voided}$, voided_at = ${moment}$,"
        " voided_by = ${by}$, void_reason = ${reason}$, updated_at = ${moment}$,"
        " updated_by = ${by}$, lock_version = lock_version + 1 where call_no = ${call_no}$"
        " and entry_type = 'charge'",
        {
            "call_no": call_no,
            "moment": moment,
            "by": by,
            "reason": reason,
            "voided": CallStatus.VOIDED,
        },
    )
    return -sum((Decimal(row["amount"]) for row in reversals), Decimal(0))


async def count_calls(
    sor: SafeSqlor,
    key: str,
    *,
    pipeline_id: str | None = None,
    distributor_id: str | None = None,
) -> int:
    """
    Count calls of a quota day or month (*key*) that have used up quota and not given it back: of a
    line, of a distributor, or of a distributor on a line.
    """
    text, values = counting(key, pipeline_id, distributor_id)
    return int((await sor.firsts(text, values))[0])


def counting(
    key: str, pipeline_id: str | None, distributor_id: str | None
) -> tuple[str, dict[str, Any]]:
    """Return the statement of `count_calls`, and its values."""
    values: dict[str, Any] = {"pipeline_id": pipeline_id, "distributor_id": distributor_id}
    if len(key) == len("2026-11-24"):
        period = "day"
        start, end = starts_of_days(key, key)
        values |= {"first": key, "last": key, "start": start, "end": end}
    else:
        period = "month"
        values |= {"first": f"{key}-01", "last": f"{key}-31", "month": key}
    whose = (pipeline_id is not None, distributor_id is not None)
    return _COUNTS[(period, *whose)], values


def starts_of_days(first: str, last: str) -> tuple[datetime, datetime]:
    """
    Return a time from and without which calls with the quota days *first* to *last* began, in
    whichever zone on earth: calls keep their day when the quota zone is changed. It narrows an
    index by `started_at`; what chooses is the day.
    """
    start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, last))
    # The calendar has nothing before its first year.
    return start - _EAST if start.year > 1 else start, end + _DAY_AND_WEST


async def count_running(sor: SafeSqlor, pipeline_id: str) -> int:
    """Count calls of a line that hold a slot."""
    row = await sor.one(
        "select count(*) as calls from pipeline_usage_log"
        " where status = 'reserved' and line_no = 0 and pipeline_id = ${pipeline_id}$",
        {"pipeline_id": pipeline_id},
    )
    assert row is not None
    return int(row.calls)


async def lease_ends(
    sor: SafeSqlor, pipeline_id: str, moment: datetime, count: int
) -> list[datetime]:
    """Return when a line's calls that run at *moment* must have ended: the first *count*, in
    order."""
    rows = await sor.sqlExe(
        "select lease_expires_at as ends from pipeline_usage_log"
        " where status = 'reserved' and line_no = 0 and pipeline_id = ${pipeline_id}$"
        " and lease_expires_at > ${moment}$ order by lease_expires_at limit ${count}$",
        {"pipeline_id": pipeline_id, "moment": moment, "count": count},
    )
    return [row.ends for row in rows]


_HEADERS = f"select {', '.join(HEADER_COLUMNS)} from pipeline_usage_log"  # noqa: S608
_LOCK_HEADERS = (
    f"{_HEADERS} force index (pipeline_usage_log_call)"
    " where call_no in ${call_nos}$ and line_no = 0 order by call_no for update"
)
# Adjustments and top-ups, which have no line, are no calls.
_OF_CALL = " where call_no = ${call_no}$ and line_no = 0 and pipeline_id is not null"
_LINES = (
    f"select u.call_no, {', '.join('u.' + name for name in LINE_COLUMNS)}, {MATCH_COLUMNS}"  # noqa: S608
    f" from pipeline_usage_log u{PRICE_OF_ROW}"
    " where u.call_no in ${call_nos}$ and u.unit <> '' and u.entry_type = 'charge'"
    " order by u.call_no, u.line_no"
)

_COUNT = "select coalesce(sum(calls), 0) as calls from pipeline_usage_log where calls <> 0"
# By itself the database takes the index of all calls of the time, whoever's they are.
_COUNT_BY_TIME = _COUNT.replace(
    " where", " force index (pipeline_usage_log_distributor_time) where"
)
_BY_PIPELINE = " and pipeline_id = ${pipeline_id}$ and day_key between ${first}$ and ${last}$"
_BY_DISTRIBUTOR = " and distributor_id = ${distributor_id}$"
_OF_PIPELINE = " and pipeline_id = ${pipeline_id}$"
# The days decide; the month of a statement is never before them, and is in the index.
_MONTH = " and month_key >= ${month}$ and day_key between ${first}$ and ${last}$"
# When they began is for the index (distributor_id, started_at), which has no day.
_DAY = " and day_key = ${first}$ and started_at >= ${start}$ and started_at < ${end}$"
_EAST, _DAY_AND_WEST = timedelta(hours=14), timedelta(hours=24 + 12)
_COUNTS = {
    # (period, of a line?, of a distributor?)
    ("day", True, False): _COUNT + _BY_PIPELINE,
    ("month", True, False): _COUNT + _BY_PIPELINE,
    ("day", False, True): _COUNT_BY_TIME + _BY_DISTRIBUTOR + _DAY,
    ("month", False, True): _COUNT + _BY_DISTRIBUTOR + _MONTH,
    ("day", True, True): _COUNT_BY_TIME + _BY_DISTRIBUTOR + _OF_PIPELINE + _DAY,
    ("month", True, True): _COUNT + _BY_DISTRIBUTOR + _OF_PIPELINE + _MONTH,
}
