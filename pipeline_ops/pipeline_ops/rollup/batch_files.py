"""
What the rows of an archived batch come to by day, reckoned from its file: to hold the sums that are
kept against it, and to make them where there are none.

Here the kinds (rollup/kinds.py) are reckoned a second time, in Python: the rows are in no table.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from app.global_func import AppError, SafeSqlor, bulk_insert_tuples, in_transaction
from pipeline_ops.archive.batches import ArchiveBatch, read_batches
from pipeline_ops.archive.files import check_file, read_portions
from pipeline_ops.ledger.counted import Difference
from pipeline_ops.ledger.states import CallStatus, EntryType
from pipeline_ops.rollup.batch_sums import batch_place, drop_sums, mark_days_of
from pipeline_ops.rollup.build import TABLE
from pipeline_ops.rollup.kinds import COLUMNS, KINDS, LINES, OF_EVERY, TOTALS, Kind

_READ = tuple(
    dict.fromkeys(
        (
            "id", "call_no", "line_no", "entry_no", "status", "reverses", "quantity", "amount",
            "calls", *OF_EVERY, *TOTALS.keys, *LINES.keys,
        )
    )
)  # fmt: skip
_REVERSED_IN_LEDGER = (
    "select reverses from pipeline_usage_log force index (pipeline_usage_log_distributor_month)"
    " where distributor_id = ${whose}$ and month_key = ${month}$ and entry_type = 'reversal'"
    " and archive_batch is null"
)
_WITHOUT_SUMS = (
    "select b.id from app_archive_batch b where b.state = 'archived' and not exists"
    " (select 1 from app_usage_day d where d.archive_batch = b.id) order by b.id"
)
# What a row has of each column that its kind says nothing of.
_EMPTY: dict[str, Any] = {
    **dict.fromkeys((*TOTALS.sums, *LINES.sums), 0),
    **dict.fromkeys(LINES.keys),
    **dict.fromkeys(("step_key", "model", "unit"), ""),
    "entry_type": EntryType.CHARGE,
}
_FAILED = (CallStatus.FAILED, CallStatus.EXPIRED)
# By kind and its keys, behind those of every row.
Place = tuple[Any, ...]
Sums = dict[Place, dict[str, Any]]
# The calls of a line, of days and of the statement of the month.
Calls = dict[Place, tuple[set[str], set[str]]]


async def batches_without_sums(sor: SafeSqlor) -> list[str]:
    """Return the ids of the archived batches of which no sums are kept."""
    return await sor.firsts(_WITHOUT_SUMS, {})


async def build_batch(batch_id: str) -> None:
    """Sum up an archived batch anew from its file, and mark its days: what was kept of them before
    may have its rows. Raises as `read_portions` does."""

    async def work(sor: SafeSqlor) -> None:
        for batch in await read_batches(sor):
            if batch.id == batch_id:
                sums = _sums_of(batch, await _reversed_ids(sor, batch))
                await drop_sums(sor, batch)
                await _insert(sor, batch, sums)
                await mark_days_of(sor, batch)

    await in_transaction(work)


async def batch_differences(sor: SafeSqlor, month: str | None) -> list[Difference]:
    """Return what of the sums of archived batches is not as their files have it. A file that is not
    whole is told by the check of the archive."""
    differences: list[Difference] = []
    batches = await read_batches(sor, month=month)
    for _, some in groupby(batches, lambda batch: (batch.distributor_id, batch.month)):
        of_month = list(some)
        try:
            for batch in of_month:
                check_file(batch)
            reversed_ids = await _reversed_ids(sor, of_month[0])
        except AppError:
            continue
        for batch in of_month:
            should_be = _sums_of(batch, reversed_ids)
            differences += _differences(batch, await _kept_sums(sor, batch), should_be)
    return differences


async def _reversed_ids(sor: SafeSqlor, batch: ArchiveBatch) -> set[str]:
    """Return the ids of the rows that are taken back by rows of the month of *batch* itself."""
    whose, month = batch.distributor_id, batch.month
    ids = set(await sor.firsts(_REVERSED_IN_LEDGER, {"whose": whose, "month": month}))
    for other in await read_batches(sor, distributor_id=whose, month=month):
        for portion in read_portions(other, ("entry_type", "reverses")):
            ids |= {row["reverses"] for row in portion if row["entry_type"] == EntryType.REVERSAL}
    return ids


def _sums_of(batch: ArchiveBatch, reversed_ids: set[str]) -> Sums:
    """Return what the rows of the file of *batch* come to."""
    sums: Sums = {}
    calls: Calls = {}
    for portion in read_portions(batch, _READ):
        for row in portion:
            _add_to_total(sums.setdefault(_place(row, TOTALS), _nothing(TOTALS)), row)
            if row["unit"] or row["entry_type"] == EntryType.ADJUSTMENT:
                place = _place(row, LINES)
                _add_to_line(sums.setdefault(place, _nothing(LINES)), row)
                _count(calls.setdefault(place, (set(), set())), row, reversed_ids)
    for place, (of_days, of_month) in calls.items():
        sums[place] |= {"calls": len(of_days), "month_calls": len(of_month)}
    for kind in KINDS:
        if kind.by_call:
            sums |= _too_many(kind, calls)
    return sums


def _too_many(kind: Kind, calls: Calls) -> Sums:
    """Return by how much the calls of the lines in each group of *kind* are too many."""
    names = (*OF_EVERY, *LINES.keys)
    groups: dict[Place, list[tuple[set[str], set[str]]]] = {}
    for place, some in calls.items():
        row = dict(zip(names, place[1:], strict=True))
        groups.setdefault(_place(row, kind), []).append(some)
    sums: Sums = {}
    for place, lines in groups.items():
        counts = [len(set().union(*one)) - sum(map(len, one)) for one in zip(*lines, strict=True)]
        if any(counts):
            sums[place] = dict(zip(kind.sums, counts, strict=True))
    return sums


def _place(row: Mapping[str, Any], kind: Kind) -> Place:
    return (kind.name, *(row[name] for name in (*OF_EVERY, *kind.keys)))


def _nothing(kind: Kind) -> dict[str, Any]:
    return dict.fromkeys(kind.sums, 0)


def _add_to_total(one: dict[str, Any], row: Mapping[str, Any]) -> None:
    is_first, status = row["line_no"] == 0, row["status"]
    one["calls"] += row["calls"]
    one["row_count"] += 1
    one["succeeded"] += int(
        is_first and status == CallStatus.SUCCEEDED and row["pipeline_id"] is not None
    )
    one["failed"] += int(is_first and status in _FAILED)
    one["running"] += int(is_first and status == CallStatus.RESERVED)
    _add_amount(one, row)


def _add_to_line(one: dict[str, Any], row: Mapping[str, Any]) -> None:
    one["quantity"] += row["quantity"]
    one["items"] += int(_is_charge(row) and row["status"] != CallStatus.VOIDED)
    _add_amount(one, row)


def _add_amount(one: dict[str, Any], row: Mapping[str, Any]) -> None:
    one["amount"] += row["amount"]
    numbers = [row["entry_no"], one["first_entry"], one["last_entry"]]
    present = [number for number in numbers if number]
    one["first_entry"] = min(present, default=0)
    one["last_entry"] = max(present, default=0)


def _count(
    calls: tuple[set[str], set[str]], row: Mapping[str, Any], reversed_ids: set[str]
) -> None:
    """Add the call of a row to those that have an item which was not reversed: of days, and of the
    statement of the month."""
    if not _is_charge(row):
        return
    is_voided = row["status"] == CallStatus.VOIDED
    if not is_voided:
        calls[0].add(row["call_no"])
    if not is_voided or row["id"] not in reversed_ids:
        calls[1].add(row["call_no"])


def _is_charge(row: Mapping[str, Any]) -> bool:
    return bool(row["unit"]) and row["entry_type"] == EntryType.CHARGE


async def _kept_sums(sor: SafeSqlor, batch: ArchiveBatch) -> Sums:
    text = (
        f"select {', '.join(COLUMNS)} from app_usage_day force index (app_usage_day_archive)"  # noqa: S608  constants
        " where archive_batch = ${batch}$"
    )
    kinds = {kind.name: kind for kind in KINDS}
    sums: Sums = {}
    for row in await sor.sqlExe(text, {"batch": batch.id}):
        kind = kinds[row["kind"]]
        one = sums.setdefault(_place(row, kind), dict.fromkeys(kind.sums, 0))
        for name in kind.sums:
            one[name] += _whole(row[name] or 0)
    return sums


def _whole(value: Any) -> Any:
    return value if isinstance(value, int | Decimal) else int(value)


def _differences(batch: ArchiveBatch, says: Sums, should_be: Sums) -> Iterable[Difference]:
    for place in dict.fromkeys((*says, *should_be)):
        ours, theirs = says.get(place, {}), should_be.get(place, {})
        for name in dict.fromkeys((*ours, *theirs)):
            if ours.get(name, 0) != theirs.get(name, 0):
                words = " ".join(str(part) for part in (place[0], *place[4:]) if part)
                yield Difference(
                    TABLE, f"{batch.file} {place[1]}", f"{name} of {words}", ours.get(name, 0),
                    theirs.get(name, 0), batch.id,
                )  # fmt: skip


async def _insert(sor: SafeSqlor, batch: ArchiveBatch, sums: Sums) -> None:
    where = await batch_place(sor, batch)
    by_kind = {kind.name: (*OF_EVERY, *kind.keys) for kind in KINDS}
    columns = (*COLUMNS, "archive_batch", "row_no")
    rows: list[Sequence[Any]] = []
    for number, (place, one) in enumerate(sums.items(), 1):
        values = _EMPTY | dict(zip(by_kind[place[0]], place[1:], strict=True)) | one
        values |= {"distributor_id": batch.distributor_id, "kind": place[0]}
        values |= {"archive_batch": batch.id, "row_no": where["lowest"] - number}
        for name in ("first_entry", "last_entry"):
            values[name] = values[name] or None
        rows.append([values[name] for name in columns])
    await bulk_insert_tuples(sor, TABLE, columns, rows)
