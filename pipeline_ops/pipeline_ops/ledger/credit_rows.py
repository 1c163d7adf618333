"""
The rows of the ledger that are no calls: adjustments of a distributor's bill, and top-ups.

Each is one row without a line (`pipeline_id`), settled when it is written; it is never voided, but
mended by another.
"""

from datetime import datetime
from decimal import Decimal

from app.global_func import (
    Row,
    SafeSqlor,
    bulk_insert_tuples,
    quota_day,
    time_ordered_id,
)
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.states import CallSource, CallStatus, EntryType


async def add_credit(
    sor: SafeSqlor,
    entry_type: EntryType,
    *,
    distributor_id: str,
    entry_no: int,
    month: str,
    spend_day: str | None,
    amount: Decimal,
    currency: str,
    reason: str,
    reference: str | None,
    moment: datetime,
    by: str,
) -> Row:
    """Write an adjustment or a top-up, which is no call: one row without a line, in the statement
    of *month* (`Account.month_of`); return it.
    DuplicateKey where the reference has its entry already."""
    number = time_ordered_id()
    row = {
        "id": number, "call_no": number, "line_no": 0, "entry_no": entry_no, "spend_day": spend_day,
        "entry_type": entry_type, "calls": 0, "distributor_id": distributor_id, "quantity": 0,
        "amount": amount, "currency": currency, "reason": reason, "reference": reference,
        "status": CallStatus.SUCCEEDED, "source": CallSource.MANUAL, "started_at": moment,
        "finished_at": moment, "day_key": quota_day(moment), "month_key": month,
        "created_at": moment, "created_by": by, "updated_at": moment, "updated_by": by,
    }  # fmt: skip
    await mark_days(sor, [(distributor_id, quota_day(moment))])
    await bulk_insert_tuples(sor, ledger.TABLE, list(row), [tuple(row.values())])
    return (await ledger.call_rows(sor, number))[0]


async def find_credit(
    sor: SafeSqlor, entry_type: EntryType, distributor_id: str, reference: str
) -> Row | None:
    """Return the adjustment or top-up of a distributor with this reference; None before it is
    booked."""
    return await sor.one(
        "select * from pipeline_usage_log where distributor_id = ${distributor_id}$"
        " and entry_type = ${entry_type}$ and reference = ${reference}$",
        {"distributor_id": distributor_id, "entry_type": entry_type, "reference": reference},
    )
