"""Whether a call can be voided."""

from app.global_func import Row
from pipeline_ops.errors import ARCHIVED, CALL_RUNNING, NOT_A_CALL, NOT_VOIDABLE
from pipeline_ops.ledger.rows import CallHeader
from pipeline_ops.ledger.states import CallStatus, may_become


def check_voidable(header: CallHeader | Row) -> None:
    """Raise what stands in the way of voiding the call with this *header*: Conflict
    `call_running`, `not_voidable`, `archived`."""
    if header.pipeline_id is None:
        raise NOT_A_CALL()
    if header.status == CallStatus.RESERVED:
        raise CALL_RUNNING()
    if not may_become(header.status, CallStatus.VOIDED):
        raise NOT_VOIDABLE(state=header.status)
    if header.archive_batch is not None:
        raise ARCHIVED()
