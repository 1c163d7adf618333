"""Months close once, in order, and for good; what comes later stands in the open one."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pymysql
import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.json_codec import parse_json
from app.db.transactions import in_transaction, reading
from app.records.rows import get_row
from pipeline_dist.accounts.rows import distributor_of
from pipeline_dist.closing import close as closing, store
from pipeline_dist.closing.close import close_month
from pipeline_dist.closing.content import content_checksum
from pipeline_dist.closing.due import close_up_to
from pipeline_dist.closing.render import ALL_FILES
from pipeline_dist.closing.store import Statement
from pipeline_dist.reports.statement import statement
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from tests.support.installation import Installation
from tests.support.trade import EVENING, MIDNIGHT, Clock, Trade, add_price, differences, make_trade

NOVEMBER, DECEMBER, JANUARY = "2026-11", "2026-12", "2027-01"
AFTER = MIDNIGHT + timedelta(hours=2)


async def close(trade: Trade, month: str = NOVEMBER) -> Statement | None:
    return await closing.close(trade.distributor_id, month, SYSTEM_ACTOR)


async def refusal(trade: Trade, month: str) -> AppError:
    with pytest.raises(AppError) as caught:
        await close(trade, month)
    return caught.value


async def void(call_no: str) -> None:
    await in_transaction(lambda sor: bookings.void(sor, call_no, None, "wrong", SYSTEM_ACTOR))


async def month_of(trade: Trade, month: str) -> dict[str, Any]:
    async with reading(snapshot=True) as sor:
        row = await get_row(sor, "distributors", trade.distributor_id)
        return await statement(sor, distributor_of(row), month)


async def kept_bytes(pool: Installation, statement_id: str) -> list[tuple[Any, ...]]:
    rows = pool.query(
        "select kind, lang, content from app_statement_file where statement_id = %s"
        " order by kind, lang", statement_id,
    )  # fmt: skip
    return [(row["kind"], row["lang"], store.unpack(row["content"])) for row in rows]


def rows_of(pool: Installation, call_no: str) -> list[tuple[Any, ...]]:
    rows = pool.query(
        "select line_no, entry_type, month_key, day_key, calls, quantity, amount, entry_no"
        " from pipeline_usage_log where call_no = %s order by line_no", call_no,
    )  # fmt: skip
    return [tuple(row.values()) for row in rows]


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor with a call of 7 units at 0.5 in November."""
    seller = await make_trade(
        pipeline_capacity={"monthly_quota": 99, "daily_quota": 99},
        distributor_pipeline={"monthly_quota": 99},
        distributors={"quota_period": "month", "quota_calls": 99},
    )
    await add_price(seller, unit_price=Decimal("0.5"))
    await seller.book_call(7)
    return seller


async def test_a_closed_month_has_its_statement(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    hands.moment = AFTER
    result = await close(trade)

    assert result is not None
    assert result.number.startswith(f"{NOVEMBER}-")
    assert (result.month, result.amount, result.total, result.entry_no, result.calls) == (
        NOVEMBER, Decimal("3.5"), Decimal("3.50"), 1, 1,
    )  # fmt: skip
    (row,) = pool.query("select * from app_statement where id = %s", result.id)
    content = parse_json(row["content"])
    assert content_checksum(row["content"]) == row["checksum"] == result.checksum
    assert [line["amount"] for line in content["lines"]] == ["3.5000000000"]
    assert (content["final"], content["status"]) == (True, "closed")
    files = {(kind, lang) for kind, lang, _ in await kept_bytes(pool, result.id)}
    assert files == {(file.kind, file.lang) for file in ALL_FILES}
    assert (await trade.row("distributors")).closed_month == NOVEMBER
    assert await differences() == []


async def test_what_keeps_a_month_from_closing(trade: Trade, hands: Clock) -> None:
    running = await trade.begin()
    before = await refusal(trade, NOVEMBER)
    assert (before.status, before.code) == (409, "month_not_over")

    hands.moment = AFTER
    still_running = await refusal(trade, NOVEMBER)
    assert (still_running.status, still_running.code) == (409, "calls_running")
    assert still_running.extra["running"] == 1

    await trade.finish(running)
    assert await close(trade) is not None
    again = await refusal(trade, NOVEMBER)
    assert (again.status, again.code) == (409, "month_closed")


async def test_months_close_in_order_and_empty_ones_with_the_next(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    hands.moment = datetime(2027, 3, 5, tzinfo=UTC)
    await trade.begin(status="succeeded", started_at=datetime(2027, 1, 5, tzinfo=UTC))
    older = await refusal(trade, JANUARY)
    assert (older.status, older.code, older.extra["month"]) == (409, "older_month_open", NOVEMBER)

    pairs = await close_up_to(trade.distributor_id, "2027-02", SYSTEM_ACTOR)

    assert [(month, result is not None) for month, result in pairs] == [
        (NOVEMBER, True), (JANUARY, True), ("2027-02", False),
    ]  # fmt: skip
    assert (await trade.row("distributors")).closed_month == "2027-02"
    numbers = pool.query("select number from app_statement where distributor_id = %s order by 1",
                         trade.distributor_id)  # fmt: skip
    assert [row["number"][:7] for row in numbers] == [NOVEMBER, JANUARY]


async def test_late_finishes_bookings_and_voids_stand_in_the_open_month(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    late = await trade.begin(lease_seconds=60)
    no_items = await trade.begin(lease_seconds=60)
    given_back = await trade.begin(lease_seconds=60)
    call = await trade.book_call(2)
    hands.moment = AFTER
    await expire_overdue(AFTER)
    result = await close(trade)
    assert result is not None
    before = await kept_bytes(pool, result.id)
    november = await month_of(trade, NOVEMBER)
    header_before = rows_of(pool, late)

    answer = await trade.finish(late, call="3")
    await trade.finish(no_items)
    await trade.finish(given_back, "cancelled")
    await void(call["call_no"])
    await trade.begin(
        status="succeeded", started_at=EVENING, lines=[{"unit": "call", "quantity": Decimal(5)}]
    )

    assert (answer["amount"], answer["status"]) == (Decimal("1.5"), "succeeded")
    assert rows_of(pool, late) == [
        *header_before,
        (1, "charge", DECEMBER, "2026-11-30", 0, Decimal(3), Decimal("1.5"), 3),
    ]
    assert rows_of(pool, no_items)[1:] == [
        (1, "charge", DECEMBER, "2026-11-30", 0, Decimal(0), Decimal(0), 4)
    ]
    assert rows_of(pool, given_back)[1:] == [
        (1, "charge", DECEMBER, "2026-11-30", -1, Decimal(0), Decimal(0), 5)
    ]
    assert rows_of(pool, call["call_no"])[1:] == [
        (1, "reversal", DECEMBER, "2026-11-30", -1, Decimal(-2), Decimal(-1), 6)
    ]
    assert await kept_bytes(pool, result.id) == before
    again = await month_of(trade, NOVEMBER)
    assert {k: again[k] for k in ("calls", "amount", "total")} == {
        k: november[k] for k in ("calls", "amount", "total")
    }
    december = await month_of(trade, DECEMBER)
    assert december["lines"] == []
    assert [
        (row["month"], row["calls"], row["amount"], row["reason"])
        for row in december["corrections"]
    ] == [
        (NOVEMBER, 0, Decimal("1.5"), None), (NOVEMBER, -1, Decimal(0), None),
        (NOVEMBER, -1, Decimal(-1), "wrong"), (NOVEMBER, 1, Decimal("2.5"), None),
    ]  # fmt: skip
    assert december["amount"] == Decimal(3)
    assert december["calls"] == -1
    # Quotas go by the days: of five November calls, one was cancelled and one voided; one came.
    assert (await trade.row("distributor_pipeline")).month_used == 4
    assert await differences() == []
    hands.moment = datetime(2027, 1, 1, tzinfo=UTC)
    assert (await close(trade, DECEMBER)) is not None
    assert await differences() == []


async def test_a_late_call_is_voided_in_the_open_month(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    late = await trade.begin(lease_seconds=60)
    hands.moment = AFTER
    await expire_overdue(AFTER)
    await close(trade)
    await trade.finish(late, call="3")
    hands.moment = datetime(2027, 1, 2, tzinfo=UTC)
    await close(trade, DECEMBER)

    await void(late)

    assert [row[:6] for row in rows_of(pool, late)[2:]] == [
        (2, "reversal", JANUARY, "2026-11-30", -1, Decimal(-3))
    ]
    assert await differences() == []


async def test_what_never_ended_is_voided_in_the_open_month(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    call_no = await trade.begin(lease_seconds=60)
    hands.moment = AFTER
    await expire_overdue(AFTER)
    await close(trade)

    await void(call_no)

    assert [row[:6] for row in rows_of(pool, call_no)] == [
        (0, "charge", NOVEMBER, "2026-11-30", 1, Decimal(0)),
        (1, "reversal", DECEMBER, "2026-11-30", -1, Decimal(0)),
    ]
    assert (await trade.row("distributor_pipeline")).month_used == 1
    assert await differences() == []


async def test_a_late_end_is_answered_again(trade: Trade, hands: Clock) -> None:
    call_no = await trade.begin(lease_seconds=60)
    hands.moment = AFTER
    await expire_overdue(AFTER)
    await close(trade)

    first = await trade.finish(call_no, call="3")

    assert await trade.finish(call_no, call="3") == first


async def test_a_void_in_the_open_month_stands_with_its_charge(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    call = await trade.book_call(2)
    hands.moment = AFTER
    await void(call["call_no"])

    november = await month_of(trade, NOVEMBER)
    assert (november["corrections"], november["amount"]) == ([], Decimal("3.5"))
    assert (november["status"], november["final"], november["number"]) == ("ended", False, None)


async def test_a_month_without_rows_has_no_statement_and_takes_no_number(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_trade()
    hands.moment = AFTER
    counters = pool.query("select * from app_statement_number order by id")

    assert await close(trade) is None

    assert (await trade.row("distributors")).closed_month == NOVEMBER
    assert pool.query("select * from app_statement_number order by id") == counters
    assert (await month_of(trade, NOVEMBER))["final"] is True


async def test_two_who_close_at_once_make_one_statement_and_no_gap(
    pool: Installation, hands: Clock
) -> None:
    trades = [await make_trade() for _ in range(4)]
    for trade in trades:
        await add_price(trade, unit_price=Decimal(1))
        await trade.book_call(1)
    hands.moment = AFTER
    results = await asyncio.gather(
        *(close(trade) for trade in trades for _ in range(3)), return_exceptions=True
    )

    codes = [result.code for result in results if isinstance(result, AppError)]
    numbers = sorted(result.number for result in results if isinstance(result, Statement))
    assert codes == ["month_closed"] * 8
    rows = pool.query("select number from app_statement where month = %s order by 1", NOVEMBER)
    assert {row["number"] for row in rows} >= set(numbers)
    assert [int(row["number"][8:]) for row in rows] == list(range(1, len(rows) + 1))


async def test_what_is_booked_while_a_month_closes_is_before_it_or_in_the_next(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    await trade.book_call(1)
    hands.moment = AFTER

    async def book(number: int) -> None:
        await asyncio.sleep(0.002 * number)
        await trade.begin(
            status="succeeded", started_at=EVENING,
            lines=[{"unit": "call", "quantity": Decimal(1)}],
        )  # fmt: skip

    async def close_soon() -> Statement | None:
        await asyncio.sleep(0.05)
        return await close(trade)

    result, *_ = await asyncio.gather(close_soon(), *(book(number) for number in range(60)))
    await book(0)  # a slow machine may close the month after all the others

    assert isinstance(result, Statement)
    rows = pool.query(
        "select month_key, entry_no from pipeline_usage_log where distributor_id = %s",
        trade.distributor_id,
    )
    assert {row["month_key"] for row in rows} == {NOVEMBER, DECEMBER}
    assert all((row["month_key"] == NOVEMBER) == (row["entry_no"] <= result.entry_no)
               for row in rows)  # fmt: skip
    assert result.amount == sum(row["month_key"] == NOVEMBER for row in rows)
    assert await differences() == []


async def test_a_close_that_fails_gives_its_number_back(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    hands.moment = AFTER

    async def fail(sor: Any) -> None:
        await close_month(sor, trade.distributor_id, NOVEMBER, SYSTEM_ACTOR)
        raise RuntimeError

    before = pool.query("select * from app_statement_number")
    with pytest.raises(RuntimeError):
        await in_transaction(fail)

    assert pool.query("select * from app_statement_number") == before
    assert (await trade.row("distributors")).closed_month is None


@pytest.mark.parametrize(
    "change",
    [
        "update app_statement set total = 0",
        "delete from app_statement",
        "update app_statement_file set content = ''",
        "delete from app_statement_file",
    ],
)
async def test_a_statement_never_changes(
    pool: Installation, trade: Trade, hands: Clock, change: str
) -> None:
    hands.moment = AFTER
    await close(trade)
    with pytest.raises(pymysql.MySQLError, match="never changes"):
        pool.query(change)
