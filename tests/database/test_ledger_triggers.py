"""The ledger is append-only, whoever writes: the database refuses what would change its past."""

from decimal import Decimal

import pymysql
import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_ops.calls import booking as bookings
from pipeline_ops.ledger.states import CALL_TRANSITIONS, CallStatus
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import Clock, Trade, add_price, differences, make_trade

MONEY = {
    "amount": 2, "quantity": 2, "calls": 5, "currency": "USD", "entry_no": 9,
    "month_key": "2026-10", "unit_price": 2, "pricing_id": "other", "unit": "page",
    "step_key": "x", "model": "m",
    "reason": "so",
}  # fmt: skip
PLACE = {"call_no": "c", "line_no": 7, "started_at": "2026-01-01", "day_key": "2026-01-01"}
PLACE |= {"terms_no": 7}


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    seller = await make_trade()
    await add_price(seller, unit_price=Decimal(1))
    await add_price(seller, unit_price=Decimal(1), unit="image")
    return seller


@pytest.mark.parametrize(("column", "value"), [*MONEY.items(), *PLACE.items()])
async def test_what_is_settled_never_changes(
    pool: Installation, trade: Trade, column: str, value: object
) -> None:
    call_no = await trade.begin()
    await trade.finish(call_no, call="1", image="1")

    for number in (0, 1):
        with pytest.raises(pymysql.MySQLError, match="never changes"):
            pool.query(
                f"update pipeline_usage_log set {column} = %s where call_no = %s and line_no = %s",
                value, call_no, number,
            )  # fmt: skip

    assert await differences() == []


@pytest.mark.parametrize(("column", "value"), MONEY.items())
async def test_money_comes_with_the_end_of_a_call_alone(
    pool: Installation, trade: Trade, hands: Clock, column: str, value: object
) -> None:
    """Also on the header of a call that ended when its month was closed, which has no entry_no."""
    change = f"update pipeline_usage_log set {column} = %s where call_no = %s and line_no = 0"
    call_no = await trade.begin()
    for status in ("reserved", "expired", "succeeded"):
        pool.query("update pipeline_usage_log set status = %s where call_no = %s", status, call_no)
        with pytest.raises(pymysql.MySQLError, match="never changes"):
            pool.query(change, value, call_no)
    with without_triggers(pool):
        pool.query("update pipeline_usage_log set status = 'reserved' where call_no = %s", call_no)


async def test_nothing_is_deleted(pool: Installation, trade: Trade) -> None:
    call_no = await trade.begin()

    with pytest.raises(pymysql.MySQLError, match="nothing is deleted"):
        pool.query("delete from pipeline_usage_log where call_no = %s", call_no)


@pytest.mark.parametrize("before", CallStatus)
async def test_a_call_goes_only_where_it_may(
    pool: Installation, trade: Trade, before: CallStatus
) -> None:
    call_no = await trade.begin()
    change = "update pipeline_usage_log set status = %s where call_no = %s"
    for after in CallStatus:
        with without_triggers(pool):
            pool.query(change, str(before), call_no)
        if after == before or after in CALL_TRANSITIONS[before]:
            pool.query(change, str(after), call_no)
        else:
            with pytest.raises(pymysql.MySQLError, match="from this state to that"):
                pool.query(change, str(after), call_no)
    with without_triggers(pool):
        pool.query(change, "reserved", call_no)


async def test_a_remark_may_still_be_written(pool: Installation, trade: Trade) -> None:
    call = await trade.book_call(1)

    pool.query("update pipeline_usage_log set remark = 'seen' where call_no = %s", call["call_no"])


@pytest.mark.parametrize(
    ("change", "counter"),
    [
        pytest.param("delete from pipeline_usage_log where entry_type = 'reversal'",
                     "voided rows without a reversal", id="none"),
        pytest.param("update pipeline_usage_log set quantity = -1 where entry_type = 'reversal'",
                     "reversals without their charge", id="too-little"),
        pytest.param("update pipeline_usage_log set amount = -3 where entry_type = 'reversal'",
                     "reversals without their charge", id="too-much"),
    ],
)  # fmt: skip
async def test_a_reversal_that_is_missing_or_wrong_is_found(
    pool: Installation, trade: Trade, change: str, counter: str
) -> None:
    call = await trade.book_call(2)
    await in_transaction(
        lambda sor: bookings.void(sor, call["call_no"], None, "twice", SYSTEM_ACTOR)
    )
    mine = f"select * from pipeline_usage_log where call_no = '{call['call_no']}'"
    (reversal,) = pool.query(mine + " and entry_type = 'reversal'")

    with without_triggers(pool):
        pool.query(f"{change} and call_no = %s", call["call_no"])
        faults = {item.counter for item in await differences()}
        pool.query(f"delete from pipeline_usage_log where id = '{reversal['id']}'")
        columns = ", ".join(f"`{name}`" for name in reversal)
        pool.query(
            f"insert into pipeline_usage_log ({columns}) values"
            f" ({', '.join(['%s'] * len(reversal))})", *reversal.values(),
        )  # fmt: skip

    assert counter in faults
    assert await differences() == []
