"""What comes for a month that is closed: its packages, groups of calls, amounts by hand, limits."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.ids import new_id
from app.db.transactions import in_transaction, reading
from pipeline_dist.admission.credits import book_credit
from pipeline_dist.closing import close as closing
from pipeline_dist.closing.store import Statement
from pipeline_dist.reports import usage
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger.states import EntryType
from pipeline_ops.rules.usage_lines import usage_lines
from tests.support.installation import Installation
from tests.support.trade import EVENING, MIDNIGHT, Clock, Trade, add_price, differences, make_trade

NOVEMBER, DECEMBER = "2026-11", "2026-12"
AFTER = MIDNIGHT + timedelta(hours=2)


async def close(trade: Trade, month: str = NOVEMBER) -> Statement | None:
    return await closing.close(trade.distributor_id, month, SYSTEM_ACTOR)


async def void(call_no: str) -> None:
    await in_transaction(lambda sor: bookings.void(sor, call_no, None, "wrong", SYSTEM_ACTOR))


async def book_late(trade: Trade, quantity: int) -> str:
    """Book a call of November that is over."""
    return await trade.begin(
        status="succeeded", started_at=EVENING,
        lines=[{"unit": "call", "quantity": Decimal(quantity)}],
    )  # fmt: skip


async def book_by_hand(trade: Trade, quantity: int) -> None:
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": trade.distributor_id,
        "status": "succeeded", "started_at": EVENING, "finished_at": EVENING,
        **dict.fromkeys(("duration_ms", "client_ref", "error", "remark")),
    }  # fmt: skip
    lines = usage_lines([{"unit": "call", "quantity": Decimal(quantity)}])
    await in_transaction(lambda sor: bookings.book(sor, values, lines, SYSTEM_ACTOR))


async def adjust(trade: Trade, entry_type: EntryType, amount: str) -> Any:
    return await in_transaction(
        lambda sor: book_credit(
            sor, entry_type, trade.distributor_id, Decimal(amount), "r", new_id(), SYSTEM_ACTOR
        )
    )


async def groups(trade: Trade, period: usage.Span) -> list[tuple[Any, ...]]:
    """Calls and quantity of the groups by model."""
    async with reading(snapshot=True) as sor:
        rows = await usage.sums(sor, trade.distributor_id, period, "model")
    return [(int(row["calls"]), row["quantity"]) for row in rows]


def uses(pool: Installation, trade: Trade) -> dict[str, tuple[Any, ...]]:
    """What is left of packages, and what was bought, by month."""
    rows = pool.query(
        "select month_key, units_left, bought from app_package_use where distributor_id = %s",
        trade.distributor_id,
    )
    return {row["month_key"]: (row["units_left"], json.loads(row["bought"])) for row in rows}


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor whose units come in packages of 100 at 10."""
    seller = await make_trade()
    await add_price(
        seller, pricing_type="package", package_size=100, unit_price=None, package_price=Decimal(10)
    )
    return seller


async def test_the_calls_of_a_closed_month_stay_when_one_is_voided(
    trade: Trade, hands: Clock
) -> None:
    call = await trade.book_call(5)
    await trade.book_call(6)
    november, december = usage.month_span(NOVEMBER), usage.month_span(DECEMBER)
    days = usage.whole_days("2026-11-30", "2026-11-30")
    hands.moment = AFTER
    await close(trade)
    late = await book_late(trade, 7)
    before = await groups(trade, november)
    assert before == [(2, 11)]
    assert await groups(trade, december) == [(1, 7)]

    await void(call["call_no"])

    assert await groups(trade, november) == before
    # Both rows of the late call stand in December, and so does what takes November's back.
    assert await groups(trade, december) == [(1, 2)]
    assert await groups(trade, days) == [(2, 13)]
    await void(late)
    assert await groups(trade, december) == [(0, -5)]
    assert await groups(trade, days) == [(1, 6)]


async def test_packages_are_those_of_the_month_that_the_rows_stand_in(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    call = await trade.book_call(60)
    running = await trade.begin(lease_seconds=60)
    hands.moment = AFTER
    await expire_overdue(AFTER)
    assert uses(pool, trade) == {NOVEMBER: (40, [[100, "10", 1]])}
    await close(trade)

    # None of them takes of what November has left.
    await book_late(trade, 30)
    await book_by_hand(trade, 30)
    await trade.finish(running, call="30")

    assert uses(pool, trade) == {
        NOVEMBER: (40, [[100, "10", 1]]), DECEMBER: (10, [[100, "10", 1]]),
    }  # fmt: skip
    assert await differences() == []
    # What is taken back was bought in November; the amount stands in December.
    await void(call["call_no"])
    assert uses(pool, trade) == {NOVEMBER: (0, []), DECEMBER: (10, [[100, "10", 1]])}
    await void(running)
    assert uses(pool, trade)[DECEMBER] == (40, [[100, "10", 1]])
    amounts = pool.query(
        "select month_key, sum(amount) as amount from pipeline_usage_log where distributor_id = %s"
        " group by month_key order by month_key",
        trade.distributor_id,
    )
    assert [(row["month_key"], row["amount"]) for row in amounts] == [(NOVEMBER, 10), (DECEMBER, 0)]
    assert await differences() == []


async def test_amounts_by_hand_stand_in_the_open_month(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    await trade.book_call(5)
    hands.moment = AFTER
    await close(trade)
    # As where a clock was set back.
    hands.moment = EVENING

    entry = await adjust(trade, EntryType.ADJUSTMENT, "-1.5")

    assert (entry["month_key"], entry["day_key"]) == (DECEMBER, "2026-11-30")
    assert await differences() == []


async def test_a_top_up_alone_makes_no_statement(pool: Installation, hands: Clock) -> None:
    prepaid = {"billing_mode": "prepaid", "prepaid_since": EVENING, "prepaid_entry_no": 0}
    trade = await make_trade(distributors=prepaid)
    await adjust(trade, EntryType.TOPUP, "10")
    hands.moment = AFTER

    assert await close(trade) is None

    hands.moment = datetime(2026, 12, 20, tzinfo=UTC)
    await adjust(trade, EntryType.TOPUP, "5")
    await adjust(trade, EntryType.ADJUSTMENT, "2")
    hands.moment = datetime(2027, 1, 2, tzinfo=UTC)
    result = await close(trade, DECEMBER)
    assert result is not None
    assert (result.amount, result.row_count) == (Decimal(2), 1)
    assert await differences() == []


async def test_a_late_end_counts_as_spent_when_it_is_settled(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    pool.query(
        "update distributors set spend_limit = 100, spend_period = 'month' where id = %s",
        trade.distributor_id,
    )
    call_no = await trade.begin(lease_seconds=60, estimate=Decimal(10))
    hands.moment = AFTER
    await expire_overdue(AFTER)
    await close(trade)

    await trade.finish(call_no, call="30")

    row = await trade.row("distributors")
    assert (row.spend_key, row.spend_used, row.spend_reserved) == (DECEMBER, 10, 0)
    await void(call_no)
    assert (await trade.row("distributors")).spend_used == 0
    assert await differences() == []
