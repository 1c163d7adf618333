"""
Setting counters right: each is counted anew under the locks that admission takes, so calls may be
let in meanwhile. The ledger itself is never touched.
"""

from decimal import Decimal

from app.global_func import SafeSqlor, get_row, in_transaction
from pipeline_ops.ledger.counted import COUNTED_TABLES


async def repair(table: str, row_id: str, counter: str) -> int | Decimal:
    """Count *counter* of a row anew and write it; the value. Raises NotFound."""
    counters = COUNTED_TABLES.get(table)
    assert counters is not None
    count = counters.counts[counter]

    async def work(sor: SafeSqlor) -> int | Decimal:
        # A call that writes a counter holds its row from before it is decided until it is written.
        row = await get_row(sor, table, row_id, lock=True)
        value = await count(sor, row)
        await sor.U(table, {"id": row_id, counter: value})
        return value

    return await in_transaction(work)
