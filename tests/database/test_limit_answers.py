"""When there is room again, as refusals tell it: never before all that is full has room."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError, Unavailable
from app.db import nodes as connections, transactions
from app.db.pool import pools
from app.db.transactions import in_transaction
from app.records.rows import insert_row
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.limits import rate_limit_headers
from pipeline_dist.api import batches
from pipeline_ops.calls import booking as bookings
from tests.support.installation import Installation
from tests.support.trade import Clock, Trade, add_price, differences, finish_call, make_trade

NOON = datetime(2026, 11, 10, 4, tzinfo=UTC)
DAY_ENDS = datetime(2026, 11, 10, 16, tzinfo=UTC)
MONTH_ENDS = datetime(2026, 11, 30, 16, tzinfo=UTC)
DAY = {"quota_period": "day", "quota_calls": 1}
SPENT = {"spend_limit": Decimal(1), "spend_used": Decimal(1)}

pytestmark = pytest.mark.usefixtures("pool", "hands")


@pytest.fixture(autouse=True)
def _noon(hands: Clock) -> None:
    hands.moment = NOON


@pytest.mark.parametrize(
    ("tables", "code", "room_at"),
    [
        ({"distributor_pipeline": {"daily_quota": 1, "monthly_quota": 1}}, "quota_exceeded",
         MONTH_ENDS),
        ({"distributors": DAY, "pipeline_capacity": {"monthly_quota": 1}}, "quota_exceeded",
         MONTH_ENDS),
        ({"distributors": DAY, "pipeline_capacity": {"max_concurrency": 1}}, "quota_exceeded",
         DAY_ENDS),
        ({"distributors": {"rate_limit_per_minute": 1}, "pipeline_capacity": {"daily_quota": 1}},
         "rate_limited", DAY_ENDS),
        ({"distributors": {"rate_limit_per_minute": 1, **DAY}}, "rate_limited", DAY_ENDS),
        ({"distributors": {"rate_limit_per_minute": 1},
          "pipeline_capacity": {"max_concurrency": 1}}, "rate_limited",
         NOON + timedelta(seconds=90)),
    ],
)  # fmt: skip
async def test_of_several_full_limits_the_last_one_to_have_room_counts(
    tables: dict[str, Any], code: str, room_at: datetime
) -> None:
    trade = await make_trade(**tables)
    await trade.begin(lease_seconds=90)

    error = await trade.refusal()

    seconds = str(int((room_at - NOON).total_seconds()))
    assert error.code == code
    assert (error.headers["Retry-After"], error.headers["RateLimit-Reset"]) == (seconds, seconds)
    assert error.headers["RateLimit-Remaining"] == "0"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (SPENT, "spend_limit_reached"),
        ({**DAY, **SPENT}, "spend_limit_reached"),
        ({"rate_limit_per_minute": 1, **SPENT}, "rate_limited"),
    ],
)
async def test_where_money_is_spent_no_time_is_promised(fields: dict[str, Any], code: str) -> None:
    trade = await make_trade(distributors={**fields, "spend_used": Decimal(0)})
    await add_price(trade, unit_price=Decimal(1))
    await trade.book_call(1)

    error = await trade.refusal()

    assert error.code == code
    assert "Retry-After" not in error.headers
    assert "RateLimit-Reset" not in error.headers
    assert error.headers["RateLimit-Policy"] == '"spend";q=0'


@pytest.mark.parametrize("table", ["distributors", "distributor_pipeline", "pipeline_capacity"])
async def test_a_full_day_that_is_over_never_has_room(hands: Clock, table: str) -> None:
    trade = await make_trade(**{table: DAY if table == "distributors" else {"daily_quota": 1}})
    await trade.begin()
    hands.moment = NOON + timedelta(days=1)
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": trade.distributor_id,
        "status": "succeeded", "started_at": NOON, "finished_at": None, "duration_ms": None,
        "client_ref": None, "error": None, "remark": "forgotten",
    }  # fmt: skip

    with pytest.raises(AppError) as by_hand:
        await in_transaction(lambda sor: bookings.book(sor, values, [], SYSTEM_ACTOR))
    with pytest.raises(AppError) as afterwards:
        await trade.begin(started_at=NOON, status="succeeded", lines=[])

    for error in (by_hand.value, afterwards.value):
        assert error.status == 429
        assert error.extra["resets_at"] is None
        assert "Retry-After" not in error.headers
        assert "that time" in str(error.text)
    # A call of today would be let in, and that is what the headers are about.
    assert afterwards.value.headers["RateLimit-Remaining"] == "1"
    await trade.begin()
    assert await differences() == []


async def test_more_slots_taken_than_there_are_wait_for_the_last_of_them() -> None:
    trade = await make_trade(pipeline_capacity={"max_concurrency": 3})
    for seconds in (100, 200, 300):
        await trade.begin(lease_seconds=seconds)
    await set_slots(trade, 2)

    error = await trade.refusal()

    assert (error.extra["used"], error.headers["Retry-After"]) == (3, "200")


async def test_a_call_that_ended_with_others_holds_its_slot_no_longer() -> None:
    trade = await make_trade(pipeline_capacity={"max_concurrency": 2})
    first = await trade.begin(lease_seconds=50)
    await trade.begin(lease_seconds=200)

    ending, beginning, refusal = await asyncio.gather(
        trade.finish(first), trade.begin(lease_seconds=300), trade.begin(), return_exceptions=True
    )

    assert not isinstance(ending, BaseException)
    assert not isinstance(beginning, BaseException)
    assert isinstance(refusal, AppError)
    assert refusal.headers["Retry-After"] == "200"


async def test_who_finishes_late_hears_when_a_slot_is_free(hands: Clock) -> None:
    trade = await make_trade(pipeline_capacity={"max_concurrency": 1})
    late = await trade.begin(lease_seconds=10)
    hands.moment += timedelta(seconds=10)
    await trade.begin(lease_seconds=70)

    result = await admission.finish(trade.distributor_id, finish_call(late))

    headers = rate_limit_headers(result.limits)
    assert (headers["RateLimit-Remaining"], headers["RateLimit-Reset"]) == ("0", "70")
    assert result.call["late"] is True


async def set_slots(trade: Trade, count: int) -> None:
    values = {"id": trade.rows["pipeline_capacity"]["id"], "max_concurrency": count}
    await in_transaction(lambda sor: sor.U("pipeline_capacity", values))


def call(code: str, **more: Any) -> dict[str, Any]:
    return {"pipeline": code, "status": "succeeded", "lines": [], **more}


async def book_all(trade: Trade, items: list[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    result = await batches.book_all(trade.distributor_id, items)
    return json.loads(batches.answer(result.outcomes, "en")), result.headers


async def test_a_batch_tells_when_the_first_of_its_refused_items_has_room() -> None:
    trade = await make_trade(distributor_pipeline={"daily_quota": 2}, distributors={
        "rate_limit_per_minute": 4})  # fmt: skip
    items = [call(trade.code, idempotency_key=f"k{n}") for n in range(4)]
    items += [{"nonsense": 1}, call("no-such-line", idempotency_key="k9")]

    body, headers = await book_all(trade, items)

    seconds = int((DAY_ENDS - NOON).total_seconds())
    assert headers == {"Retry-After": str(seconds)}
    result = [(one["status"], one.get("retry_after")) for one in body["results"]]
    assert result == [(201, None)] * 2 + [(429, seconds)] * 2 + [(400, None), (404, None)]
    assert (body["accepted"], body["refused"]) == (2, 4)


async def test_a_batch_of_which_nothing_could_be_decided_is_unavailable_itself(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade, other = await make_trade(), await make_trade()
    await link(trade, other)
    await book_all(trade, [call(code, idempotency_key=code) for code in (trade.code, other.code)])
    monkeypatch.setattr(connections, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(transactions, "TRIES", 1)
    await pools().close()  # the next connections wait for a lock no longer than that
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        cursor.execute(
            "select id from pipeline_capacity where id = %s for update",
            (other.rows["pipeline_capacity"]["id"],),
        )
        with pytest.raises(Unavailable) as caught:
            await book_all(trade, [call(other.code, idempotency_key="n1")])
        items = [call(one.code, idempotency_key="n2" + one.code) for one in (trade, other)]
        body, headers = await book_all(trade, items)
        cursor.execute("rollback")

    assert caught.value.code == "database_busy"
    assert int(caught.value.headers["Retry-After"]) >= 1
    booking, busy = body["results"]
    assert (booking["status"], busy["status"]) == (201, 503)
    assert headers == {"Retry-After": str(busy["retry_after"])}
    assert await differences() == []


async def link(trade: Trade, other: Trade) -> None:
    """Let the distributor of *trade* call the pipeline of *other* too."""
    values = {
        "distributor_id": trade.distributor_id, "pipeline_id": other.rows["pipelines"]["id"],
        "enabled": 1, "pricing_mode": "inherit",
    }  # fmt: skip
    await in_transaction(lambda sor: insert_row(sor, "distributor_pipeline", values, SYSTEM_ACTOR))
