"""What distributors are told of single calls: that one ran out, or was voided."""

from collections.abc import Iterable
from decimal import Decimal

from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_ops.ledger.expiry import OverdueCall
from pipeline_ops.ledger.rows import CallHeader


def expired_events(calls: Iterable[OverdueCall]) -> list[NewEvent]:
    """Return the events of *calls* whose lease ran out; the pipeline is named by its id."""
    return [
        NewEvent(
            call.distributor_id,
            EventType.CALL_EXPIRED,
            call.id,
            {
                "call_no": call.id,
                "pipeline": call.pipeline_id,
                "client_ref": call.client_ref,
                "started_at": call.started_at,
                "expired_at": call.lease_expires_at,
            },
        )
        for call in calls
        if call.distributor_id is not None
    ]


def voided_event(header: CallHeader, distributor_id: str, amount: Decimal, reason: str) -> NewEvent:
    """Return the event of a call that was voided, *amount* given back; the pipeline is named by its
    id."""
    data = {
        "call_no": header.call_no,
        "pipeline": header.pipeline_id,
        "client_ref": header.client_ref,
        "started_at": header.started_at,
        "amount": amount,
        "currency": header.currency,
        "reason": reason,
    }
    return NewEvent(distributor_id, EventType.CALL_VOIDED, header.call_no, data)
