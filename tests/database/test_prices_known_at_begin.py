"""A call that has begun keeps the prices that were known then, whatever is done to them later."""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.db.transactions import reading
from pipeline_ops.tables.prices import SERVICE, TABLE
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import LONG_AGO, Clock, Trade, add_price, make_trade


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor with a price of 1 a call."""
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    return trade


async def only_price(trade: Trade) -> dict[str, Any]:
    async with reading() as sor:
        (row,) = await sor.R(TABLE, {"pipeline_id": trade.rows["pipelines"]["id"]})
    return {"id": row["id"], "lock_version": row["lock_version"]}


async def code_of(work: Awaitable[Any]) -> str:
    with pytest.raises(AppError) as caught:
        await work
    return caught.value.code


@pytest.mark.parametrize("seconds", [0, 1])
async def test_a_successor_is_for_calls_that_begin_after_it(
    trade: Trade, hands: Clock, seconds: int
) -> None:
    call_no = await trade.begin()
    price = await only_price(trade)
    await SERVICE.update_from(price | {"unit_price": "2", "change_from": "now"}, SYSTEM_ACTOR)
    # On a clock that has not moved, and on one that has: it goes by the number.
    hands.moment = hands.moment.replace(second=hands.moment.second + seconds)
    later_call = await trade.begin()

    assert (await trade.finish(call_no, call="3"))["amount"] == 3
    assert (await trade.finish(later_call, call="3"))["amount"] == 6


async def test_the_end_of_a_price_is_for_calls_that_begin_after_it(trade: Trade) -> None:
    call_no = await trade.begin()
    await SERVICE.delete_from(await only_price(trade), SYSTEM_ACTOR)
    later_call = await trade.begin()

    assert (await trade.finish(call_no, call="3"))["amount"] == 3
    assert await code_of(trade.finish(later_call, call="3")) == "price_missing"


async def test_a_price_entered_with_a_start_in_the_past_reaches_no_call_begun_before(
    trade: Trade,
) -> None:
    call_no = await trade.begin()
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "unit": "token", "unit_price": "5",
        "effective_from": LONG_AGO.isoformat(),
    }  # fmt: skip
    await SERVICE.create_from(values, SYSTEM_ACTOR)
    later_call = await trade.begin()

    assert await code_of(trade.finish(call_no, token="1")) == "price_missing"
    assert (await trade.finish(later_call, token="1"))["amount"] == 5


async def test_a_call_begun_before_the_numbers_were_kept_has_the_prices_of_then(
    pool: Installation, trade: Trade
) -> None:
    call_no = await trade.begin()
    with without_triggers(pool):
        pool.query("update pipeline_usage_log set terms_no = null where call_no = %s", call_no)
    price = await only_price(trade)
    await SERVICE.update_from(price | {"unit_price": "2", "change_from": "now"}, SYSTEM_ACTOR)

    assert (await trade.finish(call_no, call="3"))["amount"] == 3
