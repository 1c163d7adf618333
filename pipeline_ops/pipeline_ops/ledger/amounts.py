"""
What rows of the ledger amount to, worked out anew from the terms that stand on them.

A unit price is multiplication alone, so the database looks for wrong rows itself and exactly;
what packages cost is told by the order of settlement, and is looked at elsewhere.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.global_func import Row, SafeSqlor
from pipeline_ops.ledger.counted import ZERO, Difference
from pipeline_ops.ledger.slices import ROWS, Slice
from pipeline_ops.rules.pricing import line_amount
from pipeline_ops.rules.terms import TERMS_COLUMNS, Terms

# amount = quantity * unit_price / unit_size, half up to 10 decimals, without a division:
# -size <= 2 * 10^10 * (quantity * price - amount * size) < size.
_REST = "(u.quantity * u.unit_price - u.amount * u.unit_size) * 20000000000"
_WRONG_CHARGE = (
    "u.entry_type = 'charge' and u.pricing_type = 'unit'"
    " and (u.unit_price is null or u.unit_size is null"
    f" or not ({_REST} >= -u.unit_size and {_REST} < u.unit_size))"
)
# What has no price has no amount; a package's void may leave some of it paid for.
_WITHOUT_PRICE = (
    "u.entry_type in ('charge', 'reversal')"
    " and u.pricing_id is null and (u.amount <> 0 or u.quantity <> 0)"
)
_WRONG = (
    f"select u.*, {_WITHOUT_PRICE} as without_price{ROWS}"
    f" where {{slice}} and ({_WRONG_CHARGE} or {_WITHOUT_PRICE})"
)


async def amount_faults(sor: SafeSqlor, part: Slice) -> list[Difference]:
    """Return the rows of *part*, of unit prices or of none, that amount to something else than they
    should; reversals at a price are held against what they take back (row_faults.py)."""
    return [
        _difference(row, ZERO if row["without_price"] else due_amount(row))
        for row in await sor.sqlExe(part.narrowed(_WRONG), part.values)
    ]


def due_amount(row: Mapping[str, Any]) -> Decimal:
    """Return what a charge amounts to by its own terms; nothing where it has none."""
    if row["unit_price"] is None or not row["unit_size"]:
        return ZERO
    names = [name for name in TERMS_COLUMNS if name not in ("id", "distributor_id")]
    terms = Terms(pricing_id=row["pricing_id"], **{name: row[name] for name in names})
    return line_amount(terms, row["quantity"])


def _difference(row: Row, should_be: Decimal) -> Difference:
    key = f"{row['call_no']}/{row['line_no']}"
    return Difference("amounts", key, "amount", row["amount"], should_be, row["id"])
