"""A call that changes while its voiding waits for the locks."""

import asyncio

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.refusals import EditConflict
from app.db.transactions import in_transaction
from pipeline_ops.calls import booking as bookings
from tests.support.installation import Installation
from tests.support.trade import Clock, differences, make_trade
from tests.support.waiting import until_row_is_waited_for


async def test_a_call_that_ended_meanwhile_is_not_voided_as_one_that_runs(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_trade()
    call_no = await trade.begin()
    change = "update {} where id = %s"
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        cursor.execute(
            "select id from distributors where id = %s for update", (trade.distributor_id,)
        )
        voiding = asyncio.ensure_future(
            in_transaction(lambda sor: bookings.void(sor, call_no, 1, "twice", SYSTEM_ACTOR))
        )
        await until_row_is_waited_for(pool)
        assert not voiding.done()
        cursor.execute(
            change.format(
                "pipeline_usage_log set status = 'failed', entry_no = 1, lock_version = 2"
            ),
            (call_no,),
        )
        cursor.execute(change.format("distributors set entry_no = 1"), (trade.distributor_id,))
        cursor.execute(
            change.format("pipeline_capacity set running = 0"),
            (trade.rows["pipeline_capacity"]["id"],),
        )
        cursor.execute("commit")

    with pytest.raises(EditConflict):
        await voiding
    assert await differences() == []
