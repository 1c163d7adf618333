"""The rows of the ledger as values: a call's header, and its metered items with their prices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from app.global_func import column_names, quota_day, quota_month, time_ordered_id
from pipeline_ops.ledger.states import CallSource, CallStatus, EntryType
from pipeline_ops.ledger.tag_texts import tags_of
from pipeline_ops.rules.pricing import PricedLine
from pipeline_ops.rules.terms import LinkTerms, PricingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLabels:
    """What a client calls its call by: kept as it came, and told again in every answer but for the
    number of the request that the call came with (`X-Request-Id`)."""

    client_ref: str | None = None
    # As the ledger keeps them (ledger/call_tags.py); None: there are none.
    tags: str | None = None
    request_id: str | None = None

    @property
    def labels(self) -> dict[str, Any]:
        """The labels by name, as they are kept."""
        return {
            "client_ref": self.client_ref,
            "tags": self.tags,
            "request_id": self.request_id,
        }

    @property
    def told_labels(self) -> dict[str, Any]:
        """The labels by name, as answers tell them."""
        return {"client_ref": self.client_ref, "tags": tags_of(self.tags)}


LABELS = column_names(CallLabels)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeader(CallLabels):
    """
    What the header row of a call (`line_no` 0) has beside its first metered item.

    `entry_no`: its place in the order in which the account's calls were settled; None while its end
    is not known. `calls`: 1, or 0 of a call that gave its quota back. `month_key`: the month of its
    statement, which is not the one of `day_key` where that was closed when the call was booked.
    `estimate`: what was reserved for it while it runs, if anything. `spend_day`: the quota day on
    which it was settled.
    """

    id: str
    call_no: str
    distributor_id: str | None
    pipeline_id: str
    version_no: int | None
    currency: str
    status: CallStatus
    source: CallSource
    idempotency_key: str | None = None
    request_hash: str | None = None
    end_hash: str | None = None
    error: str | None = None
    started_at: datetime
    finished_at: datetime | None = None
    duration_ms: int | None = None
    lease_seconds: int | None = None
    lease_expires_at: datetime | None = None
    day_key: str
    month_key: str
    quota_key: str | None = None
    # Its line's number when it began: what was known of prices (`DatedTerms.holds_at`).
    terms_no: int | None = None
    # Its link's terms when it began; calls of before these were kept have no mode.
    pricing_mode: str | None = None
    discount_rate: Decimal | None = None
    entry_no: int | None = None
    spend_day: str | None = None
    calls: int = 1
    estimate: Decimal | None = None
    remark: str | None = None
    # Of a call whose month is archived (ledger/archived_rows.py); it stays as it is then.
    archive_batch: str | None = None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    lock_version: int = 1

    @property
    def terms(self) -> LinkTerms:
        """On which terms it is charged, whatever became of its link."""
        mode = self.pricing_mode or PricingMode.INHERIT
        return LinkTerms(self.distributor_id, mode, self.discount_rate)

    @property
    def quota_month(self) -> str:
        """The month in which it counts against quotas: that of its day, whatever is closed."""
        return self.day_key[:7]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """
    What the row of a metered item has of its own: what was used, its price and its amount; and
    whose the price is and how it was found, which the price itself says (ledger/matches.py).

    The first item stands in the header's row, `line_no` 0, and has its id.
    """

    id: str
    line_no: int
    step_key: str
    model: str
    unit: str
    quantity: Decimal
    pricing_id: str
    pricing_type: str
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    amount: Decimal
    price_scope: str
    matched: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """
    Rows that are to be written for one call: its items and, of a new call, its header.

    `late`: of a call that ends when the month of its header is closed, what the rows of its items
    have of a header; the header's own row keeps its money and month then.
    """

    header: CallHeader
    lines: Sequence[CallLine] = ()
    is_new: bool = True
    late: CallHeader | None = None

    @property
    def carrier(self) -> CallHeader:
        """The header as the rows of the items have it."""
        return self.late or self.header

    @property
    def items(self) -> Sequence[CallLine]:
        """The metered items among `lines`."""
        return [line for line in self.lines if line.unit] if self.late else self.lines


def end_entry(
    before: CallHeader, header: CallHeader, lines: Sequence[CallLine], month_key: str
) -> Entry:
    """
    Return what is written for a call that has ended: *header* as it is then, *before* as it was.

    *month_key* is the month in which it is settled. Where that is not the header's, which is closed
    then, all of the call's money is in rows of their own from line_no 1 on, and only its state
    moves; a row without an item carries the number of settlement, and what a cancelled call gives
    back, where there is no item.
    """
    if month_key == before.month_key:
        return Entry(header, lines, is_new=False)
    late_lines = [replace(line, line_no=line.line_no + 1) for line in lines]
    return Entry(
        replace(header, entry_no=None, calls=before.calls),
        late_lines or [_line_without_item()],
        is_new=False,
        late=replace(header, month_key=month_key, calls=header.calls - before.calls),
    )


def new_header(*, moment: datetime, by: str, **values: Any) -> CallHeader:
    """
    Return the header of a new call, not yet written. *values* need distributor_id, pipeline_id,
    version_no, status, currency, source and started_at (whose day the call belongs to; and whose
    month, unless a `month_key` is given).
    """
    call_no = time_ordered_id()
    started_at = values["started_at"]
    values.setdefault("month_key", quota_month(started_at))
    return CallHeader(
        id=call_no,
        call_no=call_no,
        day_key=quota_day(started_at),
        created_at=moment,
        created_by=by,
        updated_at=moment,
        updated_by=by,
        **values,
    )


def header_of(values: Iterable[Any]) -> CallHeader:
    """Return the header of a row that was read as the values of HEADER_COLUMNS."""
    return CallHeader(**dict(zip(HEADER_COLUMNS, values, strict=True)))


def line_of(values: Iterable[Any]) -> CallLine:
    """Return the item of a row that was read as the values of LINE_COLUMNS and MATCH_COLUMNS."""
    return CallLine(**dict(zip(_LINE_FIELDS, values, strict=True)))


def call_lines(priced_lines: Iterable[PricedLine]) -> list[CallLine]:
    """Return the items of a call with their prices, not yet written."""
    return [
        CallLine(
            id=time_ordered_id(),
            line_no=line.line_no,
            step_key=line.usage.step_key,
            model=line.usage.model,
            unit=line.usage.unit,
            quantity=line.usage.quantity,
            pricing_id=line.terms.pricing_id,
            pricing_type=line.terms.pricing_type,
            unit_price=line.terms.unit_price,
            unit_size=line.terms.unit_size,
            package_size=line.terms.package_size,
            package_price=line.terms.package_price,
            amount=line.amount,
            price_scope=line.terms.price_scope,
            matched=line.terms.matched,
        )
        for line in priced_lines
    ]


HEADER_COLUMNS = column_names(CallHeader)
_LINE_FIELDS = column_names(CallLine)
# What is read of a row about its item; the rest is told by its price.
LINE_COLUMNS = _LINE_FIELDS[:-2]
# What the rows of a call's items have in common with its header.
_SHARED = (
    "call_no", "distributor_id", "pipeline_id", "version_no", "currency", "status",
    "idempotency_key", "source", "started_at", "finished_at", "day_key", "month_key", "quota_key",
    "entry_no", "spend_day", "pricing_mode",
)  # fmt: skip
# Of every row; an item's are (1, 0), but for the first row of a call that was cancelled late.
_COUNTED = ("lock_version", "calls")
_STAMPS = ("created_at", "created_by", "updated_at", "updated_by")
_ONLY_OF_HEADER = tuple(
    name for name in HEADER_COLUMNS if name not in ("id", *_COUNTED, *_SHARED, *_STAMPS)
)
# Beside that it keeps what its price is for: which packages it used, replayed without the prices.
_ONLY_OF_LINE = (*LINE_COLUMNS[1:], "matched")
# The columns in the order of the values that `table_rows` gives.
TABLE_COLUMNS = ("id", *_SHARED, *_STAMPS, *_COUNTED, *_ONLY_OF_HEADER, *_ONLY_OF_LINE)
_header_values = attrgetter("id", *_SHARED, *_STAMPS, *_COUNTED, *_ONLY_OF_HEADER)
# An item is written when its header is, or is changed.
_shared_values = attrgetter(*_SHARED, *(("updated_at", "updated_by") * 2))
_line_values = attrgetter(*_ONLY_OF_LINE)
_NOTHING_USED = {
    "line_no": 0, "step_key": "", "model": "", "unit": "", "quantity": Decimal(0),
    "amount": Decimal(0),
}  # fmt: skip
_NO_LINE = tuple(_NOTHING_USED.get(name) for name in _ONLY_OF_LINE)
_NO_HEADER = (1, 0, *[None] * len(_ONLY_OF_HEADER))


# What a header's row has of its first item.
ITEM_COLUMNS = tuple(name for name in _ONLY_OF_LINE if name != "line_no")
_NO_ITEM = {name: _NOTHING_USED.get(name) for name in ITEM_COLUMNS}


def table_rows(entry: Entry) -> list[tuple[Any, ...]]:
    """Return the rows of *entry* that are new, as the values of TABLE_COLUMNS: a call of one item
    is one row."""
    if entry.late is not None:
        return _late_rows(entry.late, entry.lines)
    rows = []
    if entry.is_new:
        item_values = _line_values(entry.lines[0]) if entry.lines else _NO_LINE
        rows.append((*_header_values(entry.header), *item_values))
    if len(entry.lines) > 1:
        shared = (*_shared_values(entry.header), *_NO_HEADER)
        rows += [(item.id, *shared, *_line_values(item)) for item in entry.lines[1:]]
    return rows


def _late_rows(carrier: CallHeader, lines: Sequence[CallLine]) -> list[tuple[Any, ...]]:
    shared = _shared_values(carrier)
    no_header = _NO_HEADER[2:]
    return [
        (item.id, *shared, 1, 0 if number else carrier.calls, *no_header, *_line_values(item))
        for number, item in enumerate(lines)
    ]


def _line_without_item() -> CallLine:
    values: dict[str, Any] = {name: _NOTHING_USED.get(name) for name in _LINE_FIELDS}
    return CallLine(**values | {"id": time_ordered_id(), "line_no": 1})


def header_row(entry: Entry) -> SimpleNamespace:
    """Return the header's row of *entry* with its first item."""
    header = {name: getattr(entry.header, name) for name in HEADER_COLUMNS}
    items = entry.lines[:1] if entry.late is None else ()
    first_item = {name: getattr(item, name) for item in items for name in ITEM_COLUMNS}
    return SimpleNamespace(**header, **_NO_ITEM | first_item)


# What a reversal has of the row that it takes back: whose it is, when it was, what of, at which
# price; its month too while that is open. It gives back what was spent in the period in which the
# row was settled.
_REVERSED = (
    "call_no", "distributor_id", "pipeline_id", "version_no", "currency", "idempotency_key",
    "source", "started_at", "finished_at", "day_key", "month_key", "quota_key", "spend_day",
    "step_key", "model", "unit", "pricing_id", "pricing_type", "pricing_mode", "unit_price",
    "unit_size", "package_size", "package_price",
)  # fmt: skip


def reversal_rows(
    rows: Sequence[Mapping[str, Any]],
    refunds: Mapping[str, tuple[str, Decimal]],
    *,
    entry_no: int,
    moment: datetime,
    by: str,
    reason: str,
    month_of: Callable[[str], str],
) -> list[dict[str, Any]]:
    """
    Return the rows that reverse a call, out of its *rows* with the header in front: one for each
    item, or one for the header where there is none; the first takes the call itself back.

    *refunds* has, by the ids of the rows that were charged on packages, what their price names and
    what is given back; of the others it is what they cost. *month_of* says in which month stands
    what belongs to one that may be closed.
    """
    header = rows[0]
    items = [row for row in rows if row["unit"]] or [header]
    first_no = rows[-1]["line_no"] + 1
    same = {
        "entry_no": entry_no,
        "entry_type": EntryType.REVERSAL,
        "reason": reason,
        "status": CallStatus.VOIDED,
        "created_at": moment,
        "created_by": by,
        "updated_at": moment,
        "updated_by": by,
        "lock_version": 1,
    }
    return [
        same
        | _reversal_of(row, refunds.get(row["id"], (row["matched"], row["amount"])))
        | {
            "line_no": first_no + number,
            "month_key": month_of(row["month_key"]),
            "calls": 0 if number else -header["calls"],
        }
        for number, row in enumerate(items)
    ]


def _reversal_of(row: Mapping[str, Any], refund: tuple[str, Decimal]) -> dict[str, Any]:
    matched, amount = refund
    return {name: row[name] for name in _REVERSED} | {
        "id": time_ordered_id(),
        "quantity": -row["quantity"],
        "matched": matched,
        "amount": -amount,
        "reverses": row["id"],
    }
