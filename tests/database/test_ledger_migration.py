"""Ledgers of before: voided calls get reversals, and all are numbered as they were settled."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_ops.calls import booking as bookings
from tests.support.installation import Installation
from tests.support.tampering import run_migration, without_triggers
from tests.support.trade import EVENING, Clock, Trade, add_price, differences, make_trade

# What each settlement wrote, in rows of whichever form.
ENTRIES = (
    "select call_no, entry_type, max(entry_no) as entry_no, sum(calls) as calls,"
    " sum(quantity) as quantity, sum(amount) as amount, max(month_key) as month_key,"
    " max(day_key) as day_key, max(reason) as reason, max(created_by) as created_by,"
    " sum(unit <> '') as items from pipeline_usage_log where distributor_id = %s"
    " group by call_no, entry_type order by call_no, entry_type"
)
# A header of before had no item; all of them had rows of their own.
_ITEM = (
    "step_key, model, unit, quantity, pricing_id, pricing_type, pricing_mode, unit_price,"
    " unit_size, package_size, package_price, amount"
)
_SHARED = (
    "call_no, distributor_id, pipeline_id, version_no, currency, status, idempotency_key, source,"
    " started_at, finished_at, day_key, month_key, quota_key, updated_by,"
    " voided_at, voided_by, void_reason"
)
OLD_FORM = (
    "delete from pipeline_usage_log where entry_type = 'reversal'",
    "update pipeline_usage_log set line_no = line_no + 1 where line_no > 0 order by line_no desc",
    f"insert into pipeline_usage_log ({_SHARED}, {_ITEM}, id, line_no, created_at, created_by,"
    f" updated_at) select {_SHARED}, {_ITEM}, md5(id), 1, finished_at, created_by, updated_at"
    " from pipeline_usage_log where line_no = 0 and unit <> ''",
    "update pipeline_usage_log set step_key = '', model = '', unit = '', quantity = 0, amount = 0,"
    " pricing_id = null, pricing_type = null, pricing_mode = null, unit_price = null,"
    " unit_size = null, package_size = null, package_price = null where line_no = 0",
    "update pipeline_usage_log set entry_no = null, calls = 0, matched = null",
    "update distributors set entry_no = 0",
    "delete from app_own_entries",
)


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Calls that were settled and voided in another order than they began, one item or several."""
    seller = await make_trade()
    await add_price(seller, unit_price=Decimal(1))
    await add_price(seller, unit_price=Decimal(3), unit="image")

    async def void(call_no: str) -> None:
        await in_transaction(
            lambda sor: bookings.void(sor, call_no, None, "booked twice", SYSTEM_ACTOR)
        )

    def wait() -> None:
        hands.moment += timedelta(seconds=1)

    first, second, third = [await seller.begin() for _ in range(3)]
    one_go = await seller.book_call(2)
    wait()
    await seller.finish(third, call="1", image="2")
    wait()
    await void(one_go["call_no"])
    wait()
    await seller.finish(second, "cancelled")
    wait()
    await seller.finish(first, "failed")
    wait()
    await void(third)
    await seller.begin()
    wait()
    await void(first)
    return seller


def forget(pool: Installation) -> None:
    """Put the ledger back to what it was before it had entries."""
    with without_triggers(pool):
        for change in OLD_FORM:
            pool.query(change)


async def test_an_old_ledger_becomes_what_the_code_would_have_written(
    pool: Installation, trade: Trade
) -> None:
    before: list[dict[str, Any]] = pool.query(ENTRIES, trade.distributor_id)
    assert {row["entry_no"] for row in before if row["entry_no"]} == set(range(1, 8))
    assert {row["items"] for row in before} == {0, 1, 2}
    forget(pool)

    await run_migration(pool, "0002_ledger_entries")
    await run_migration(pool, "0007_spend_days")

    assert pool.query(ENTRIES, trade.distributor_id) == before
    assert (await trade.row("distributors")).entry_no == 7
    assert await differences() == []


async def test_the_last_entries_are_at_the_times_of_their_settlement(
    pool: Installation, trade: Trade
) -> None:
    (row,) = pool.query(
        "select * from pipeline_usage_log where distributor_id = %s and entry_no = 7",
        trade.distributor_id,
    )

    assert (row["entry_type"], row["reason"]) == ("reversal", "booked twice")
    assert row["created_at"].replace(tzinfo=EVENING.tzinfo) == EVENING + timedelta(seconds=6)
