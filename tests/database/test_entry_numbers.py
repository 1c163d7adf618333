"""`entry_no`: the order in which an account's calls were settled, without a gap and never twice."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction, reading
from pipeline_ops.calls import booking as bookings
from pipeline_ops.ledger.check import check
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import EVENING, Clock, Trade, add_price, differences, make_trade


async def numbers(trade: Trade) -> list[tuple[str, int | None, int]]:
    """Return status, number and calls of each header, in the order they began."""
    async with reading() as sor:
        rows = await sor.sqlExe(
            "select status, entry_no, calls from pipeline_usage_log where line_no = 0"
            " and distributor_id = ${id}$ order by id",
            {"id": trade.distributor_id},
        )
    return [(row["status"], row["entry_no"], row["calls"]) for row in rows]


async def book_by_hand(trade: Trade, distributor_id: str | None) -> dict[str, Any]:
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": distributor_id,
        "status": "succeeded", "started_at": None, "finished_at": None, "duration_ms": None,
        "client_ref": None, "error": None, "remark": None,
    }  # fmt: skip
    return await in_transaction(lambda sor: bookings.book(sor, values, [], SYSTEM_ACTOR))


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Calls that were settled in another order than they began."""
    seller = await make_trade()
    await add_price(seller, unit_price=Decimal(1))
    await add_price(seller, unit_price=Decimal(3), unit="image")
    first, second, third = [await seller.begin() for _ in range(3)]
    await seller.book_call(2)
    hands.moment = EVENING + timedelta(seconds=1)
    await seller.finish(third, call="1", image="2")
    hands.moment = EVENING + timedelta(seconds=2)
    await seller.finish(second, "cancelled")
    hands.moment = EVENING + timedelta(seconds=3)
    await seller.finish(first, "failed")
    await seller.begin()
    hands.moment = EVENING + timedelta(seconds=4)
    await book_by_hand(seller, seller.distributor_id)
    return seller


NUMBERS = [
    ("failed", 4, 1),
    ("cancelled", 3, 0),
    ("succeeded", 2, 1),
    ("succeeded", 1, 1),
    ("reserved", None, 1),
    ("succeeded", 5, 1),
]


async def test_calls_are_numbered_in_the_order_they_were_settled(trade: Trade) -> None:
    assert await numbers(trade) == NUMBERS
    assert (await trade.row("distributors")).entry_no == 5
    assert await differences() == []


async def test_items_have_the_number_of_their_settlement(pool: Installation, trade: Trade) -> None:
    rows = pool.query(
        "select entry_no, line_no, calls from pipeline_usage_log where unit <> ''"
        " and distributor_id = %s order by entry_no, line_no",
        trade.distributor_id,
    )

    assert [tuple(row.values()) for row in rows] == [(1, 0, 1), (2, 0, 1), (2, 1, 0)]


async def test_our_own_calls_have_numbers_of_their_line(trade: Trade) -> None:
    records = await asyncio.gather(*(book_by_hand(trade, None) for _ in range(5)))

    assert sorted(record["entry_no"] for record in records) == [1, 2, 3, 4, 5]
    assert await differences() == []


@pytest.mark.parametrize(
    ("change", "counter"),
    [
        pytest.param("entry_no = 99 where entry_no = 5", "entry_no", id="gap"),
        pytest.param("entry_no = 4 where entry_no = 5", "numbers of two calls", id="double"),
        pytest.param("entry_no = null where entry_no = 5", "rows without a number", id="none"),
    ],
)
async def test_a_number_that_is_left_out_or_given_twice_is_found(
    pool: Installation, trade: Trade, change: str, counter: str
) -> None:
    with without_triggers(pool):
        pool.query(
            f"update pipeline_usage_log set {change} and distributor_id = %s", trade.distributor_id
        )
        async with reading(snapshot=True) as sor:
            result = await check(sor)
        pool.query(
            "update pipeline_usage_log set entry_no = 5 where distributor_id = %s"
            " and source = 'manual'", trade.distributor_id,
        )  # fmt: skip

    assert counter in [item.counter for item in result]
    assert {item.key for item in result} == {trade.code}
    assert await differences() == []
