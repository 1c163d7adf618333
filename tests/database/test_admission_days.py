"""Quotas and prices at the turn of days and months, on a real database with a clock of ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.db.transactions import in_transaction
from pipeline_dist.admission import service as admission
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from tests.support.trade import EVENING, MIDNIGHT, Clock, add_price, differences, make_trade


@pytest.mark.parametrize(
    ("table", "fields", "scope", "code"),
    [
        ("distributor_pipeline", {"daily_quota": 2}, "link_day", "quota_exceeded"),
        ("distributor_pipeline", {"monthly_quota": 2}, "link_month", "quota_exceeded"),
        ("pipeline_capacity", {"daily_quota": 2}, "capacity_day", "capacity_exceeded"),
        ("pipeline_capacity", {"monthly_quota": 2}, "capacity_month", "capacity_exceeded"),
        ("distributors", {"quota_period": "day", "quota_calls": 2}, "distributor_day",
         "quota_exceeded"),
        ("distributors", {"quota_period": "month", "quota_calls": 2}, "distributor_month",
         "quota_exceeded"),
    ],
)  # fmt: skip
async def test_quotas_turn_at_midnight_of_the_zone_to_the_millisecond(
    hands: Clock, table: str, fields: dict[str, Any], scope: str, code: str
) -> None:
    trade = await make_trade(**{table: fields})
    for _ in range(2):
        await trade.begin()

    hands.moment = MIDNIGHT - timedelta(milliseconds=1)
    error = await trade.refusal()
    assert (error.code, error.extra["scope"]) == (code, scope)
    assert error.extra["resets_at"] == MIDNIGHT
    assert error.headers["Retry-After"] == "1"

    hands.moment = MIDNIGHT
    for _ in range(2):
        await trade.begin()
    assert (await trade.refusal()).extra["scope"] == scope
    assert await differences() == []


async def test_a_call_counts_where_it_began(hands: Clock) -> None:
    quotas = {"daily_quota": 5, "monthly_quota": 5}
    trade = await make_trade(distributor_pipeline=quotas, pipeline_capacity=quotas)
    before, open_call = await trade.begin(), await trade.begin()

    hands.moment = MIDNIGHT + timedelta(seconds=1)
    await trade.begin()
    await trade.finish(before, "cancelled")
    await trade.finish(open_call)

    for table in ("distributor_pipeline", "pipeline_capacity"):
        row = await trade.row(table)
        assert (row.day_key, row.day_used) == ("2026-12-01", 1)
        assert (row.month_key, row.month_used) == ("2026-12", 1)
    assert await differences() == []


async def test_a_clock_that_is_set_back_lets_nobody_beyond_a_quota(hands: Clock) -> None:
    trade = await make_trade(
        pipeline_capacity={"daily_quota": 2},
        distributors={"quota_period": "day", "quota_calls": 3},
    )
    await trade.begin()
    hands.moment = MIDNIGHT + timedelta(minutes=1)
    await trade.begin()

    hands.moment = EVENING
    again = await trade.begin()
    assert (await trade.refusal()).extra["scope"] == "capacity_day"
    assert (await trade.refusal()).extra["used"] == 2
    await trade.finish(again, "cancelled")
    await trade.begin()

    row = await trade.row("pipeline_capacity")
    assert (row.day_key, row.day_used) == ("2026-12-01", 1)
    assert await differences() == []


async def test_a_day_of_25_hours_is_one_quota_day(hands: Clock) -> None:
    clock.set_zone("Europe/Berlin")
    trade = await make_trade(pipeline_capacity={"daily_quota": 1})
    hands.moment = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    await trade.begin()

    hands.moment = datetime(2026, 10, 25, 22, 59, 59, 999000, UTC)
    assert (await trade.refusal()).extra["resets_at"] == datetime(2026, 10, 25, 23, tzinfo=UTC)
    hands.moment = datetime(2026, 10, 25, 23, 0, tzinfo=UTC)
    await trade.begin()


async def test_another_quota_period_takes_up_what_the_ledger_has(hands: Clock) -> None:
    trade = await make_trade(distributors={"quota_period": "day", "quota_calls": 9})
    await trade.begin()
    hands.moment = EVENING + timedelta(minutes=1)

    async def change(period: str) -> None:
        values = {"id": trade.distributor_id, "quota_period": period}
        await in_transaction(lambda sor: sor.U("distributors", values))

    await change("none")
    await trade.begin()
    row = await trade.row("distributors")
    assert (row.quota_key, row.quota_used) == (None, 0)
    await change("month")
    await trade.begin()
    row = await trade.row("distributors")
    assert (row.quota_key, row.quota_used) == ("2026-11", 3)
    assert await differences() == []


async def test_packages_begin_anew_in_the_month_the_call_began(hands: Clock) -> None:
    trade = await make_trade()
    await add_price(
        trade, unit="image", pricing_type="package", package_size=10, package_price=Decimal(7)
    )
    early, late = await trade.begin(), await trade.begin()
    assert (await trade.finish(early, image="6"))["amount"] == 7

    hands.moment = MIDNIGHT
    december = await trade.begin()
    assert (await trade.finish(december, image="1"))["amount"] == 7
    # Of November's first package four are left.
    assert (await trade.finish(late, image="4"))["amount"] == 0
    assert (await trade.finish(await trade.begin(), image="9"))["amount"] == 0


async def test_the_price_at_the_start_of_a_call_applies(hands: Clock) -> None:
    trade = await make_trade()
    turn = EVENING + timedelta(minutes=5)
    await add_price(trade, unit_price=Decimal(1), effective_to=turn)
    await add_price(trade, unit_price=Decimal(2), effective_from=turn)
    before = await trade.begin()

    hands.moment = turn
    after = await trade.begin()

    assert (await trade.finish(before, call="1"))["amount"] == 1
    assert (await trade.finish(after, call="1"))["amount"] == 2


async def test_overdue_calls_of_all_pipelines_are_ended_once(hands: Clock) -> None:
    await expire_overdue(EVENING + timedelta(days=9))  # what other tests left behind
    trades = [await make_trade(pipeline_capacity={"max_concurrency": 5}) for _ in range(3)]
    calls = [await trade.begin(lease_seconds=60) for trade in trades]
    await trades[0].begin(lease_seconds=61)

    assert await expire_overdue(EVENING + timedelta(seconds=59.999)) == 0
    assert await expire_overdue(EVENING + timedelta(seconds=60)) == 3
    assert await expire_overdue(EVENING + timedelta(seconds=60)) == 0

    hands.moment = EVENING + timedelta(hours=1)
    call = await admission.read_call(trades[1].distributor_id, calls[1])
    assert (call["status"], call["duration_ms"], call["late"]) == ("expired", 60_000, False)
    assert [(await trade.row("pipeline_capacity")).running for trade in trades] == [1, 0, 0]
    assert await differences() == []
    assert await expire_overdue(hands.moment) == 1


async def test_a_booking_of_last_month_counts_and_is_voided_there(hands: Clock) -> None:
    trade = await make_trade(
        pipeline_capacity={"monthly_quota": 2},
        distributors={"quota_period": "month", "quota_calls": 5},
    )
    await add_price(trade, unit_price=Decimal(1))
    await trade.finish(await trade.begin(), call="1")
    hands.moment = MIDNIGHT + timedelta(days=3)
    await trade.begin()
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": trade.distributor_id,
        "status": "succeeded", "started_at": EVENING, "finished_at": None, "duration_ms": None,
        "client_ref": None, "error": None, "remark": "forgotten",
    }  # fmt: skip

    async def book() -> dict[str, Any]:
        return await in_transaction(lambda sor: bookings.book(sor, values, [], SYSTEM_ACTOR))

    booking = await book()
    assert booking["month_key"] == "2026-11"
    with pytest.raises(AppError) as caught:
        await book()
    assert caught.value.extra["scope"] == "capacity_month"
    assert await differences() == []

    await in_transaction(lambda sor: bookings.void(sor, booking["id"], None, "no", SYSTEM_ACTOR))
    await book()
    assert (await trade.row("pipeline_capacity")).month_used == 1
    assert await differences() == []
