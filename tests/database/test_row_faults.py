"""check-ledger: rows of the ledger that say what does not go together, in whichever month."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_ops.calls import booking
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import EVENING, Clock, Trade, add_price, differences, make_trade

CHARGE = "line_no = 0 and pipeline_id is not null and status = 'succeeded'"
ITEM = "line_no = 1 and entry_type = 'charge'"
REVERSAL = "entry_type = 'reversal'"


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A call of two items, one without any, and one that was voided."""
    seller = await make_trade(distributor_pipeline={"pricing_mode": "discount",
                                                    "discount_rate": Decimal("0.5")})  # fmt: skip
    await add_price(seller, unit_price=Decimal(2))
    await add_price(seller, unit="page", unit_price=Decimal(3))
    hands.moment = EVENING
    await seller.finish(await seller.begin(), call="2", page="1")
    await seller.finish(await seller.begin())
    voided = await seller.begin()
    await seller.finish(voided, call="1")
    (row,) = pool.query("select id from pipeline_usage_log where call_no = %s", voided)
    await in_transaction(lambda sor: booking.void(sor, row["id"], None, "wrong", SYSTEM_ACTOR))
    assert await differences() == []
    return seller


async def faults_with(
    db: Installation, trade: Trade, where: str, **values: Any
) -> list[tuple[Any, ...]]:
    """What is said while the first row of *where* has other *values*."""
    rows = db.query(
        f"select * from pipeline_usage_log where distributor_id = %s and {where} order by id",
        trade.distributor_id,
    )
    row: Mapping[str, Any] = rows[0]
    change = f"update pipeline_usage_log set {', '.join(f'{n} = %s' for n in values)} where id = %s"
    with without_triggers(db):
        db.query(change, *values.values(), row["id"])
        try:
            return [(item.table, item.counter) for item in await differences()]
        finally:
            db.query(change, *[row[name] for name in values], row["id"])


@pytest.mark.parametrize(
    ("where", "column", "value", "fault"),
    [
        (CHARGE, "calls", 0, "calls"),
        (REVERSAL, "calls", 0, "calls of other rows"),
        (CHARGE, "day_key", "2026-11-12", "day_key of its start"),
        (CHARGE, "month_key", "2026-10", "month_key"),
        (CHARGE, "month_key", "2026-12", "month_key"),
        (CHARGE, "status", "expired", "status"),
        (CHARGE, "currency", "EUR", "currency"),
        (ITEM, "currency", "EUR", "currency"),
        (ITEM, "status", "failed", "status of an item"),
        (ITEM, "day_key", "2026-12-01", "day_key"),
        (REVERSAL, "month_key", "2026-10", "month_key of a reversal"),
        (REVERSAL, "pricing_id", "another", "pricing_id"),
        (REVERSAL, "unit", "page", "unit"),
        (REVERSAL, "spend_day", "2026-11-01", "spend_day"),
        (REVERSAL, "matched", "model", "matched"),
        (REVERSAL, "reason", "right", "reason"),
    ],
)
async def test_a_row_that_was_changed_is_seen(
    pool: Installation, trade: Trade, where: str, column: str, value: Any, fault: str
) -> None:
    assert ("rows", fault) in await faults_with(pool, trade, where, **{column: value})
    assert await differences() == []


@pytest.mark.parametrize("column", ["terms_no", "pricing_mode", "discount_rate"])
async def test_terms_that_a_header_has_lost_are_seen(
    pool: Installation, trade: Trade, column: str
) -> None:
    assert ("terms", column) in await faults_with(pool, trade, CHARGE, **{column: None})


async def test_an_item_that_has_lost_its_price_is_seen(pool: Installation, trade: Trade) -> None:
    nothing = {"pricing_id": None, "pricing_type": None, "amount": 0, "quantity": 0}
    assert ("rows", "price of an item") in await faults_with(pool, trade, ITEM, **nothing)


async def test_a_number_of_terms_that_went_back_is_seen(pool: Installation, trade: Trade) -> None:
    change = "update pipelines set terms_no = %s where id = %s"
    (pipeline,) = pool.query("select * from pipelines where code = %s", trade.code)
    price = "update pipeline_pricing set terms_no = %s, end_terms_no = %s where pipeline_id = %s"
    pool.query(change, pipeline["terms_no"] + 3, pipeline["id"])
    pool.query(price, 0, pipeline["terms_no"] + 3, pipeline["id"])
    pool.query(change, pipeline["terms_no"], pipeline["id"])
    faults = [(item.table, item.counter, item.says) for item in await differences()]
    pool.query(price, 0, 0, pipeline["id"])

    assert faults == [("pipelines", "terms_no", pipeline["terms_no"])]
    assert await differences() == []
