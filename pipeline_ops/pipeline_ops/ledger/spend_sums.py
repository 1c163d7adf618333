"""What the ledger says was spent, is reserved, and was paid in: what distributors' rows count."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor

ZERO = Decimal(0)
_ALL = (
    "select coalesce(sum(amount), 0) from pipeline_usage_log"
    " where distributor_id = ${distributor_id}$ and entry_type <> 'topup'"
)
_OF_DAYS = " and spend_day between ${first}$ and ${last}$"
# Served by the index (status, lease_expires_at): few calls run at a time.
_RESERVED = (
    "select distributor_id, sum(estimate) from pipeline_usage_log where status = 'reserved'"
    " and line_no = 0 and estimate is not null{of_one} group by distributor_id"
)
_PAID_AND_SPENT = (
    "select coalesce(sum(if(entry_type = 'topup', amount, -amount)), 0) from pipeline_usage_log"
    " where distributor_id = ${distributor_id}$ and entry_no > ${entry_no}$"
)


async def spend_sum(sor: SafeSqlor, distributor_id: str, key: str | None) -> Decimal:
    """Return what counts as spent in the period *key*, a quota day or month; None: in all."""
    values: dict[str, Any] = {"distributor_id": distributor_id}
    if key is None:
        return await _one(sor, _ALL, values)
    is_day = len(key) == len("2026-11-24")
    values |= {"first": key, "last": key} if is_day else {"first": f"{key}-01", "last": f"{key}-31"}
    return await _one(sor, _ALL + _OF_DAYS, values)


async def reserve_sum(sor: SafeSqlor, distributor_id: str) -> Decimal:
    """Return the estimates of a distributor's calls that run."""
    text = _RESERVED.format(of_one=" and distributor_id = ${distributor_id}$")
    rows = await sor.tuples(text, {"distributor_id": distributor_id})
    return rows[0][1] if rows else ZERO


async def read_reserves(sor: SafeSqlor) -> dict[str, Decimal]:
    """Return the estimates of calls that run, by distributor."""
    rows: Sequence[Any] = await sor.tuples(_RESERVED.format(of_one=""), {})
    return dict(rows)


async def balance_since(sor: SafeSqlor, distributor_id: str, entry_no: int) -> Decimal:
    """Return what was paid in after the settlement *entry_no*, less what was spent after it."""
    values = {"distributor_id": distributor_id, "entry_no": entry_no}
    return await _one(sor, _PAID_AND_SPENT, values)


async def _one(sor: SafeSqlor, text: str, values: dict[str, Any]) -> Decimal:
    (value,) = await sor.firsts(text, values)
    return Decimal(value)
