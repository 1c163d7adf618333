"""
Setting counters right: each is counted anew under the locks that admission takes, so calls may be
let in meanwhile. The ledger itself is never touched.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from app.global_func import NotFound, Row, SafeSqlor, in_transaction
from pipeline_ops.ledger import entries as ledger

Count = Callable[[SafeSqlor, Row], Awaitable[int | Decimal]]


async def repair(table: str, row_id: str, counter: str) -> int | Decimal:
    """Count *counter* of a row anew and write it; the value. Raises NotFound."""

    async def work(sor: SafeSqlor) -> int | Decimal:
        row = await sor.one(_LOCK[table], {"id": row_id})
        if row is None:
            raise NotFound("not_found", "There is no such record in {table}.", table=table)
        value = await _COUNTS[table, counter](sor, row)
        await sor.U(table, {"id": row_id, counter: value})
        return value

    return await in_transaction(work)


async def _line_period(sor: SafeSqlor, row: Row, key: str) -> int:
    return await ledger.count_calls(sor, row[key], pipeline_id=row["pipeline_id"])


async def _link_period(sor: SafeSqlor, row: Row, key: str) -> int:
    return await ledger.count_calls(
        sor, row[key], pipeline_id=row["pipeline_id"], distributor_id=row["distributor_id"]
    )


async def _spent(sor: SafeSqlor, row: Row) -> Decimal:
    found = await sor.one(
        "select coalesce(sum(amount), 0) as amount from pipeline_usage_log"
        " where distributor_id = ${id}$ and status <> 'voided'",
        {"id": row["id"]},
    )
    assert found is not None
    return Decimal(found["amount"])


# A call that writes a counter holds its row from before it is decided until it is written.
_LOCK = {
    "pipeline_capacity": "select * from pipeline_capacity where id = ${id}$ for update",
    "distributor_pipeline": "select * from distributor_pipeline where id = ${id}$ for update",
    "distributors": "select * from distributors where id = ${id}$ for update",
}
_COUNTS: dict[tuple[str, str], Count] = {
    ("pipeline_capacity", "day_used"): lambda sor, row: _line_period(sor, row, "day_key"),
    ("pipeline_capacity", "month_used"): lambda sor, row: _line_period(sor, row, "month_key"),
    ("pipeline_capacity", "running"): lambda sor, row: ledger.count_running(
        sor, row["pipeline_id"]
    ),
    ("distributor_pipeline", "day_used"): lambda sor, row: _link_period(sor, row, "day_key"),
    ("distributor_pipeline", "month_used"): lambda sor, row: _link_period(sor, row, "month_key"),
    ("distributors", "quota_used"): lambda sor, row: ledger.count_calls(
        sor, row["quota_key"], distributor_id=row["id"]
    ),
    ("distributors", "spend_used"): _spent,
}
