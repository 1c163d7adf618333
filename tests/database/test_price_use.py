"""
Whether the ledger has used a price: found quickly, and asked of drafts, since a row of before
prices had a history may be switched off and used.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import Conflict
from app.db.transactions import in_transaction, reading
from pipeline_ops.calls import booking as bookings
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules.usage_lines import UsageLine
from pipeline_ops.tables import prices
from tests.support.installation import Installation
from tests.support.reads import reads_of
from tests.support.trade import Trade, add_price, make_trade, past_call

MONTHS = 12
CALLS_A_MONTH = 50

pytestmark = pytest.mark.usefixtures("hands")


async def price_of(trade: Trade) -> dict[str, Any]:
    async with reading() as sor:
        (rows,) = await sor.R(prices.TABLE, {"pipeline_id": trade.rows["pipelines"]["id"]})
    return dict(rows)


def remove(price: dict[str, Any]) -> Any:
    return in_transaction(lambda sor: prices.SERVICE.delete(sor, price["id"], None, SYSTEM_ACTOR))


def turn_to_images(price: dict[str, Any]) -> Any:
    change = {"unit": "image"}
    return in_transaction(
        lambda sor: prices.SERVICE.update(sor, price["id"], None, change, SYSTEM_ACTOR)
    )


async def test_an_unused_price_is_known_without_reading_the_pipeline_s_calls(
    pool: Installation,
) -> None:
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1), enabled=0)
    rows = [
        past_call(trade.rows["pipelines"]["id"], distributor_id, started_at)
        for distributor_id in (trade.distributor_id, None)
        for month in range(MONTHS)
        for started_at in [datetime(2026, month + 1, 3, tzinfo=UTC)] * CALLS_A_MONTH
    ]
    await in_transaction(lambda sor: ledger.insert_entries(sor, rows))
    pool.query("analyze table pipeline_usage_log")
    price = await price_of(trade)

    async def work(sor: Any) -> int:
        _, reads = await reads_of(sor, prices.SERVICE.delete(sor, price["id"], None, SYSTEM_ACTOR))
        return reads

    assert await in_transaction(work) < len(rows) / 2


@pytest.mark.parametrize("own", [True, False])
async def test_a_used_price_is_found_whoever_s_call_it_was(pool: Installation, own: bool) -> None:
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    if own:
        header = dict.fromkeys(
            ("distributor_id", "started_at", "finished_at", "duration_ms", "client_ref", "error",
             "remark")
        ) | {"pipeline_id": trade.rows["pipelines"]["id"], "status": "succeeded"}  # fmt: skip
        lines = [UsageLine(unit="call", quantity=Decimal(1))]
        call = await in_transaction(lambda sor: bookings.book(sor, header, lines, SYSTEM_ACTOR))
    else:
        call = await trade.book_call(1)

    price = await price_of(trade)
    pool.query("update pipeline_pricing set enabled = 0 where id = %s", price["id"])

    for work in (remove(price), turn_to_images(price)):
        with pytest.raises(Conflict) as caught:
            await work
        assert caught.value.code == "in_use"
        assert caught.value.extra["referrers"][0]["id"] == call["call_no"]
