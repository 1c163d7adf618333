"""Ledgers of before: each settled row gets the day on which it was settled."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_dist.accounts.distributors import SERVICE
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from tests.database.test_ledger_migration import forget
from tests.support.installation import Installation
from tests.support.tampering import run_migration, without_triggers
from tests.support.trade import Clock, Trade, add_price, differences, make_trade

DAYS = (
    "select call_no, entry_type, max(spend_day) as spend_day from pipeline_usage_log"
    " where distributor_id = %s group by call_no, entry_type order by call_no, entry_type"
)


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Calls that are settled and voided on other days than they began."""
    seller = await make_trade()
    await add_price(seller, unit_price=Decimal(1))
    await add_price(seller, unit_price=Decimal(3), unit="image")
    first, second, late = [await seller.begin(lease_seconds=n) for n in (9000, 9000, 60)]
    await seller.book_call(2)
    hands.moment += timedelta(hours=1)
    await expire_overdue(hands.moment)
    await seller.finish(first, call="1", image="2")
    await seller.finish(second, "cancelled")
    hands.moment += timedelta(days=1)
    await seller.finish(late, call="1")
    await in_transaction(lambda sor: bookings.void(sor, first, None, "wrong", SYSTEM_ACTOR))
    await seller.begin()
    return seller


async def change_period(trade: Trade, period: str) -> None:
    values = {"spend_period": period}
    await in_transaction(
        lambda sor: SERVICE.update(sor, trade.distributor_id, None, values, SYSTEM_ACTOR)
    )


async def test_rows_get_the_day_of_their_settlement(pool: Installation, trade: Trade) -> None:
    before: list[dict[str, Any]] = pool.query(DAYS, trade.distributor_id)
    # The last one runs.
    assert {row["spend_day"] for row in before} == {"2026-11-30", "2026-12-01", "2026-12-02", None}
    with without_triggers(pool):
        pool.query("update pipeline_usage_log set spend_day = null")

    await run_migration(pool, "0007_spend_days")

    assert pool.query(DAYS, trade.distributor_id) == before
    for period, spending in (("day", 1), ("month", 1), ("none", 3)):
        await change_period(trade, period)
        assert (await trade.row("distributors")).spend_used == spending
        assert await differences() == []


async def test_rows_of_the_form_before_as_well(pool: Installation, trade: Trade) -> None:
    before = pool.query(DAYS, trade.distributor_id)
    forget(pool)
    with without_triggers(pool):
        pool.query("update pipeline_usage_log set spend_day = null")

    await run_migration(pool, "0002_ledger_entries")
    await run_migration(pool, "0007_spend_days")

    assert pool.query(DAYS, trade.distributor_id) == before
