"""The states of a call, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class CallStatus(StrEnum):
    """
    What became of a call. Rows that are read have the letters, which equal the member.

    reserved: it runs, and holds a slot; expired: its lease ran out before its end was told.
    """

    RESERVED = "reserved"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    VOIDED = "voided"


class EntryType(StrEnum):
    """
    What a row of the ledger is for.

    charge: a call, or an item of one; reversal: takes back a row of a call that was voided;
    adjustment: a change of the bill by hand; topup: money that was paid in.
    """

    CHARGE = "charge"
    REVERSAL = "reversal"
    ADJUSTMENT = "adjustment"
    TOPUP = "topup"


class CallSource(StrEnum):
    """How a call came into the ledger."""

    API = "api"
    MANUAL = "manual"
    IMPORT = "import"


# What a call can be from the beginning when it is booked after it was over.
OVER = (CallStatus.SUCCEEDED, CallStatus.FAILED)
# What a client can tell of the end of a call.
ENDINGS = (*OVER, CallStatus.CANCELLED)
# The end of an expired call may still be told. The ledger's trigger refuses all other moves
# (models/pipeline_usage_log.json, which a test holds against this).
CALL_TRANSITIONS: Mapping[str, frozenset[CallStatus]] = {
    CallStatus.RESERVED: frozenset({*ENDINGS, CallStatus.EXPIRED}),
    CallStatus.EXPIRED: frozenset({*ENDINGS, CallStatus.VOIDED}),
    CallStatus.SUCCEEDED: frozenset({CallStatus.VOIDED}),
    CallStatus.FAILED: frozenset({CallStatus.VOIDED}),
    CallStatus.CANCELLED: frozenset(),
    CallStatus.VOIDED: frozenset(),
}
# Calls of which the end has not been told: nothing is known yet of what they used.
OPEN_STATUSES = frozenset(
    status for status, followers in CALL_TRANSITIONS.items() if followers.issuperset(OVER)
)


def may_become(before: str, after: str) -> bool:
    """Return whether a call may go from the status *before* to *after*."""
    return after in CALL_TRANSITIONS.get(before, ())


def statuses_before(after: CallStatus) -> tuple[str, ...]:
    """Return the statuses that a call may go from to *after*."""
    return tuple(before for before in CALL_TRANSITIONS if may_become(before, after))
