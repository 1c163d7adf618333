"""How calls and quotes look in answers of the distributor API."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import AppError, translate
from pipeline_dist.admission.rows import Pipeline
from pipeline_ops.ledger.archived_items import ArchivedItems
from pipeline_ops.ledger.rows import CallHeader, CallLine
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rules.pricing import PricedLine, total, with_shown_prices

_ZERO = Decimal(0).scaleb(-10)
_LINE = (
    "line_no", "step_key", "model", "unit", "quantity", "pricing_type", "unit_price", "unit_size",
    "package_size", "package_price", "amount", "price_scope", "matched",
)  # fmt: skip


def begin_answer(header: CallHeader, code: str) -> dict[str, Any]:
    """Return the answer to a begin: the same for the first time and every repetition."""
    return {
        "call_no": header.call_no,
        "pipeline": code,
        "version_no": header.version_no,
        "status": CallStatus.RESERVED,
        "started_at": header.started_at,
        # As it was at first: it may have been extended since.
        "lease_expires_at": first_lease(header),
        "estimate": header.estimate,
        **header.told_labels,
    }


def first_lease(header: CallHeader) -> datetime | None:
    """Return when the lease ended with which a call began."""
    if header.lease_seconds is None:
        return header.lease_expires_at
    return header.created_at + timedelta(seconds=header.lease_seconds)


def call_answer(
    header: CallHeader,
    code: str,
    lines: Sequence[CallLine],
    *,
    status: str | None = None,
) -> dict[str, Any]:
    """
    Return a call with its lines as the ledger has them; *status* for what was answered once, before
    a call was voided.
    """
    # `ready_answer` writes the same for the common call.
    return {
        **call_summary(header, code, _amount(lines), status=status),
        "lines": [line_answer(line) for line in lines],
        # Its lines are in a file, and are not read for an answer.
        **({"archived": True} if isinstance(lines, ArchivedItems) else {}),
    }


def call_summary(
    header: CallHeader, code: str, amount: Decimal, *, status: str | None = None
) -> dict[str, Any]:
    """Return a call without its lines, which come to *amount*."""
    return {
        "call_no": header.call_no,
        "pipeline": code,
        "version_no": header.version_no,
        "status": status or header.status,
        "started_at": header.started_at,
        "lease_expires_at": header.lease_expires_at,
        "finished_at": header.finished_at,
        "duration_ms": header.duration_ms,
        **header.told_labels,
        "currency": header.currency,
        "amount": amount,
        "late": is_late(header),
        "error": header.error,
    }


def line_answer(line: CallLine) -> dict[str, Any]:
    """Return a metered item as the answer has it."""
    return with_shown_prices({name: getattr(line, name) for name in _LINE})


def current_state(header: CallHeader, lines: Sequence[CallLine]) -> dict[str, Any]:
    """Return what a call is now, to be told beside what was answered once."""
    return {
        "status": header.status,
        "lease_expires_at": header.lease_expires_at,
        "finished_at": header.finished_at,
        "amount": _amount(lines),
    }


def _amount(lines: Sequence[CallLine]) -> Decimal:
    if isinstance(lines, ArchivedItems):
        return lines.amount
    return sum((line.amount for line in lines), _ZERO)


def is_late(header: CallHeader) -> bool:
    """Return whether the call was finished after its lease had run out."""
    lease_ends, finished_at = header.lease_expires_at, header.finished_at
    if lease_ends is None or finished_at is None or header.status == CallStatus.EXPIRED:
        return False
    return bool(finished_at >= lease_ends)


def quote_answer(
    pipeline: Pipeline,
    currency: str,
    priced_lines: Sequence[PricedLine],
    refusal: AppError | None,
    lang: str,
) -> dict[str, Any]:
    """Return a quote: each line's price and amount, the total, and whether a call would be let in
    now, or what would refuse it, said in *lang*."""
    return {
        "pipeline": pipeline.code,
        "version_no": pipeline.current_version,
        "currency": currency,
        "lines": [_quote_line(item) for item in priced_lines],
        "total": total(priced_lines),
        "admitted": refusal is None,
        "refusal": None
        if refusal is None
        else {"code": refusal.code, "detail": translate(refusal.text, lang), **refusal.extra},
    }


def _quote_line(item: PricedLine) -> dict[str, Any]:
    return {
        "line_no": item.line_no,
        "step_key": item.usage.step_key,
        "model": item.usage.model,
        "unit": item.usage.unit,
        "quantity": item.usage.quantity,
        "pricing_type": item.terms.pricing_type,
        "unit_price": item.terms.unit_price,
        "unit_size": item.terms.unit_size,
        "package_size": item.terms.package_size,
        "package_price": item.terms.package_price,
        "amount": item.amount,
        "price_scope": item.terms.price_scope,
        "matched": item.terms.matched,
        "units_left": item.units_left,
    }
