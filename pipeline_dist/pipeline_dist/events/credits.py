"""What distributors are told of changes of their account by hand."""

from decimal import Decimal
from typing import Any

from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_ops.ledger.states import EntryType

# As many as the ledger has.
AMOUNT_DECIMALS = 10


def credit_event(
    entry_type: EntryType,
    distributor_id: str,
    *,
    entry_no: int,
    amount: Decimal,
    currency: str,
    balance: Decimal | None,
    reason: str,
    reference: str | None,
) -> NewEvent:
    """Return the event of an adjustment or a top-up; *balance*: what a prepaid distributor has
    after it."""
    is_topup = entry_type == EntryType.TOPUP
    data: dict[str, Any] = {
        "entry_no": entry_no,
        "amount": round(amount, AMOUNT_DECIMALS),
        "currency": currency,
        "balance": balance,
        "reason": reason,
        "reference": reference,
    }
    kind = EventType.TOPUP_CREATED if is_topup else EventType.ADJUSTMENT_CREATED
    return NewEvent(distributor_id, kind, str(entry_no), data)
