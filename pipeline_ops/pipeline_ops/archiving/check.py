"""
The archive held against the ledger: each file against its checksum and its batch, its rows against
the stubs that stayed, and reversals against the archived rows that they take back.

What all rows of a month come to is held against its statement where statements are checked, and
its packages where those are replayed; both read the files too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from app.global_func import AppError, SafeSqlor
from pipeline_ops.archive.batches import TABLE, ArchiveBatch, read_batches
from pipeline_ops.archive.files import read_portions
from pipeline_ops.ledger.amounts import due_amount
from pipeline_ops.ledger.archived_rows import ledger_rows
from pipeline_ops.ledger.counted import ZERO, CountedTable, Difference, Sums
from pipeline_ops.ledger.rows import ITEM_COLUMNS
from pipeline_ops.ledger.states import CallStatus, EntryType
from pipeline_ops.rules.terms import PricingType

# Of one file no more are told.
MAX_FAULTS = 20
_CALL_BATCH_SIZE = 500
# What a stub keeps of its row.
_KEPT = (
    "id", "call_no", "line_no", "entry_no", "entry_type", "calls", "reverses", "pipeline_id",
    "currency", "status", "idempotency_key", "request_hash", "end_hash", "started_at", "day_key",
    "spend_day",
)  # fmt: skip
_READ = (*_KEPT, *ITEM_COLUMNS)
# Those of rows that are archived, or not there at all.
_REVERSALS = (
    "select r.id, r.call_no, r.line_no, r.reverses, r.quantity, r.amount, r.pricing_type"
    " from pipeline_usage_log r left join pipeline_usage_log c on c.id = r.reverses"
    " where r.call_no in ${call_nos}$ and r.entry_type = 'reversal' and r.archive_batch is null"
    " and (c.id is null or c.archive_batch is not null)"
)


class _Money(NamedTuple):
    key: str
    row_id: str
    quantity: Decimal
    amount: Decimal
    is_package: bool
    is_item: bool


@dataclass(slots=True)
class _Voids:
    """Archived rows that were voided, and what takes rows back, by the ids of those rows."""

    charges: dict[str, _Money] = field(default_factory=dict)
    reversals: dict[str, _Money] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in a row of a file."""
        if row["entry_type"] == EntryType.REVERSAL:
            self.reversals[row["reverses"]] = _money(row)
        elif row["status"] == CallStatus.VOIDED:
            self.charges[row["id"]] = _money(row)
            self.calls.add(row["call_no"])

    def faults(self, *, is_whole: bool) -> Iterator[Difference]:
        """Yield what does not go together; *is_whole*: nothing of the archive was left out."""
        for row_id, back in self.reversals.items():
            charge = self.charges.get(row_id)
            if charge is None:
                if is_whole:
                    yield _difference(back.key, "reversals without their charge", 1, 0, back.row_id)
                continue
            if back.quantity != -charge.quantity:
                yield _difference(
                    back.key, "quantity", back.quantity, -charge.quantity, back.row_id
                )
            # What a package gives back is told by its replay.
            if back.amount != -charge.amount and not charge.is_package:
                yield _difference(back.key, "amount", back.amount, -charge.amount, back.row_id)
        if is_whole:
            for row_id, charge in self.charges.items():
                if charge.is_item and row_id not in self.reversals:
                    yield _difference(charge.key, "voided rows without a reversal", 1, 0, row_id)


async def archive_faults(sor: SafeSqlor, month: str | None) -> tuple[int, list[Difference]]:
    """Return how many files there are, and what is wrong with them and with what stands in the
    ledger for them; with *month* only those of that month."""
    batches = await read_batches(sor, month=month)
    voids = _Voids()
    faults = [fault for batch in batches for fault in await _batch_faults(sor, batch, voids)]
    await _add_reversals(sor, voids)
    return len(batches), [*faults, *voids.faults(is_whole=month is None)]


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    return (await archive_faults(sor, month))[1]


ARCHIVE = CountedTable(TABLE, _compare, {})


async def _batch_faults(sor: SafeSqlor, batch: ArchiveBatch, voids: _Voids) -> list[Difference]:
    faults: list[Difference] = []
    try:
        stubs = _stubs(batch, voids, faults)
        columns = (*_KEPT, "amount")
        of_batch = " and u.archive_batch = ${batch}$"
        async for rows in ledger_rows(sor, batch.span, columns, of_batch, batch=batch.id):
            for row in rows:
                faults += _stub_faults(dict(zip(columns, row, strict=True)), next(stubs, None))
        missing = sum(1 for _ in stubs)
        if missing:
            faults.append(_difference(batch.file, "stubs missing", missing, 0, batch.id))
    except AppError as exc:
        return [_difference(batch.file, exc.code, 1, 0, batch.id)]
    return faults[:MAX_FAULTS]


def _stubs(
    batch: ArchiveBatch, voids: _Voids, faults: list[Difference]
) -> Iterator[dict[str, Any]]:
    """Yield what the stubs of *batch* should be, by the rows of its file; put into *faults* what
    those rows come to that they should not."""
    count, calls, amount = 0, 0, ZERO
    stub: dict[str, Any] | None = None
    for portion in read_portions(batch, _READ):
        for row in portion:
            count, calls, amount = count + 1, calls + row["calls"], amount + row["amount"]
            voids.add(row)
            faults += _amount_faults(row)
            if stub is not None and batch.span.has_numbers and _is_settled_with(stub, row):
                stub["amount"] += row["amount"]
                continue
            if stub is not None:
                yield stub
            stub = {name: row[name] for name in (*_KEPT, "amount")}
    if stub is not None:
        yield stub
    should_be = {"row_count": count, "calls": calls, "amount": amount}
    faults += [
        _difference(batch.file, name, getattr(batch, name), value, batch.id)
        for name, value in should_be.items()
        if getattr(batch, name) != value
    ]


def _is_settled_with(stub: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return (stub["entry_no"], stub["call_no"]) == (row["entry_no"], row["call_no"])


def _amount_faults(row: Mapping[str, Any]) -> Iterable[Difference]:
    """Yield the fault of a charge that amounts to something else than its terms say."""
    if row["entry_type"] == EntryType.CHARGE and row["pricing_type"] == PricingType.UNIT:
        due = due_amount(row)
        if row["amount"] != due:
            yield _difference(_key(row), "amount", row["amount"], due, row["id"])


def _stub_faults(
    stub: Mapping[str, Any], should_be: Mapping[str, Any] | None
) -> Iterable[Difference]:
    if should_be is None:
        yield _difference(_key(stub), "stubs", 1, 0, stub["id"])
        return
    for name, value in stub.items():
        if value != should_be[name]:
            yield _difference(_key(stub), name, _says(value), _says(should_be[name]), stub["id"])


def _says(value: Any) -> Any:
    return value if isinstance(value, int | Decimal) else str(value)


async def _add_reversals(sor: SafeSqlor, voids: _Voids) -> None:
    """Add the reversals of archived rows that stand in the ledger."""
    call_nos = sorted(voids.calls)
    for first in range(0, len(call_nos), _CALL_BATCH_SIZE):
        some = call_nos[first : first + _CALL_BATCH_SIZE]
        for row in await sor.sqlExe(_REVERSALS, {"call_nos": some}):
            voids.reversals[row["reverses"]] = _money({**row, "unit": ""})


def _money(row: Mapping[str, Any]) -> _Money:
    return _Money(
        _key(row), row["id"], row["quantity"], row["amount"],
        row["pricing_type"] == PricingType.PACKAGE, row["unit"] != "",
    )  # fmt: skip


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['call_no']}/{row['line_no']}"


def _difference(key: str, counter: str, says: Any, should_be: Any, row_id: str) -> Difference:
    return Difference(TABLE, key, counter, says, should_be, row_id)
