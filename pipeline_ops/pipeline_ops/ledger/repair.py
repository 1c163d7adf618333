"""
Setting counters right: each is counted anew under the locks that admission takes, so calls may be
let in meanwhile. The ledger itself is never touched.
"""

from collections.abc import Mapping
from typing import Any

from app.global_func import SafeSqlor, bulk_insert_tuples, get_row, in_transaction
from pipeline_ops.ledger.counted import COUNTED_TABLES, Value


async def repair(
    table: str, row_id: str, counter: str, missing: Mapping[str, Any] | None = None
) -> Value:
    """Count *counter* of a row anew and write it; the value. A row that is not there is made of
    *missing* first; without it NotFound is raised."""
    counters = COUNTED_TABLES.get(table)
    assert counters is not None
    count = counters.counts[counter]

    async def work(sor: SafeSqlor) -> Value:
        if missing is not None:
            values = [tuple(missing.values())]
            await bulk_insert_tuples(sor, table, list(missing), values, on_duplicate="id = id")
        # A call that writes a counter holds its row from before it is decided until it is written.
        row = await get_row(sor, table, row_id, lock=True)
        value = await count(sor, row)
        await sor.U(table, {"id": row_id, counter: value})
        return value

    return await in_transaction(work)
