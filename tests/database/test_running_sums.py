"""The sums of days that still run say what the ledger says, up to whichever number they are kept,
and whoever books, voids, ends or sums up in the same moment."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction, reading
from pipeline_dist.admission import service as admission
from pipeline_dist.reports import usage
from pipeline_ops.calls import booking as bookings
from pipeline_ops.rollup import worker
from pipeline_ops.rollup.build import build_next_day, forget_days
from pipeline_ops.rollup.kinds import LINES, MODELS, TOTALS, UNITS, Kind
from pipeline_ops.rollup.read import UsageReader, Use
from pipeline_ops.rollup.running import due_distributors, read_running, sum_up_running
from pipeline_ops.rules.usage_lines import usage_lines
from tests.database.test_usage_days import LATER
from tests.support.day_sums import build_days
from tests.support.installation import Installation
from tests.support.trade import (
    EVENING,
    MIDNIGHT,
    Clock,
    Trade,
    add_price,
    begin_call,
    differences,
    finish_call,
    make_trade,
)

TODAY = "2026-11-30"
SUMS: Sequence[tuple[tuple[Kind, ...], tuple[str, ...]]] = (
    ((TOTALS,), ("day_key", "entry_type", "calls", "amount", "row_count", "last_entry")),
    ((TOTALS,), ("entry_type", "calls", "succeeded", "failed", "running", "amount")),
    ((LINES, UNITS), ("day_key", "unit", "calls", "quantity", "amount")),
    ((LINES, MODELS), ("model", "month_calls", "items", "amount")),
)


@pytest.fixture(autouse=True)
async def trade(hands: Clock, pool: Installation) -> Trade:
    """A trade on an evening; the days before are kept."""
    for table in ("app_usage_rollup", "app_usage_running", "app_usage_dirty"):
        pool.query(f"delete from {table}")
    pool.query("delete from app_usage_day where row_no > 0")
    hands.moment = EVENING
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    await add_price(trade, unit="token", unit_price=Decimal("0.25"))
    await build_days()
    return trade


async def void(call_no: str) -> None:
    await in_transaction(lambda sor: bookings.void(sor, call_no, None, "no", SYSTEM_ACTOR))


async def both_ways(sor: Any, trade: Trade) -> tuple[int, int]:
    """Hold what a reader says against the ledger, in the same snapshot; up to which number sums
    were used, and for how many of the questions."""
    use, questions = Use(distributor_id=trade.distributor_id, first_day="2026-11-01"), 0
    until = 0
    for kinds, columns in SUMS:
        answers = []
        without_states = kinds == (TOTALS,) and "running" not in columns
        for of_ledger in (False, True):
            reader = await UsageReader.open(
                sor, use, of_ledger=of_ledger, without_states=without_states
            )
            source = reader.source(kinds, columns)
            answers.append(await summed(sor, source, columns))
            if reader._running is not None:
                until, questions = reader._running.entry_no, questions + 1
        assert answers[0] == answers[1], (kinds, columns)
    return until, questions


async def summed(sor: Any, source: Any, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    keys = [name for name in columns if name in ("day_key", "entry_type", "unit", "model")]
    terms = [
        name if name in keys else f"{'max' if name == 'last_entry' else 'sum'}(r.{name})"
        for name in columns
    ]
    rows = await sor.tuples(
        f"select {', '.join(terms)} from {source.text} group by {', '.join(keys)}", source.values
    )
    # Rows of nothing are left out by those who count the lines themselves.
    return sorted(tuple(row) for row in rows if any(row[len(keys) :]))


async def test_whatever_happens_meanwhile(trade: Trade) -> None:
    dice, busy = random.Random(7), asyncio.Event()
    over: list[str] = []

    async def book(number: int) -> None:
        lines = usage_lines([
            {"unit": unit, "quantity": Decimal(dice.randint(1, 9)), "model": dice.choice(["", "m"])}
            for unit in dice.sample(["call", "token"], dice.choice([1, 2]))
        ])  # fmt: skip
        kind = dice.choice(["go", "go", "go", "run", "void"])
        key = f"k{number}"
        if kind == "void" and over:
            await void(over.pop(dice.randrange(len(over))))
        elif kind == "run":
            begin = begin_call(trade.code, idempotency_key=key, lease_seconds=600)
            call_no = (await admission.begin(trade.distributor_id, begin)).call["call_no"]
            if dice.random() < 0.8:
                await admission.finish(trade.distributor_id, finish_call(call_no, lines=lines))
                over.append(call_no)
        else:
            begin = begin_call(trade.code, idempotency_key=key, status="succeeded", lines=lines)
            over.append((await admission.begin(trade.distributor_id, begin)).call["call_no"])

    async def keep_on_booking() -> None:
        for first in range(0, 90, 3):
            await asyncio.gather(*(book(number) for number in range(first, first + 3)))
        busy.set()

    async def keep_on_building() -> None:
        while not busy.is_set():
            await sum_up_running(trade.distributor_id)
            await asyncio.sleep(0)

    async def keep_on_reading() -> list[tuple[int, int]]:
        readings = []
        while not busy.is_set():
            async with reading(snapshot=True) as sor:
                readings.append(await both_ways(sor, trade))
        return readings

    *_, readings = await asyncio.gather(
        keep_on_booking(), keep_on_building(), keep_on_building(), keep_on_reading()
    )

    # What a void does not change is always taken of the sums, all else mostly.
    assert len({until for until, _ in readings}) > 3
    assert {questions for _, questions in readings} >= {len(SUMS)}
    assert await differences() == []


async def test_a_void_is_seen_before_the_sums_are_made_anew(trade: Trade) -> None:
    call_no = (await trade.book_call(2))["call_no"]
    await trade.book_call(3)
    await sum_up_running(trade.distributor_id)
    await void(call_no)

    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (2, 1)
        total = await usage.total(sor, trade.distributor_id, usage.whole_days(TODAY, TODAY))
    assert total == {"calls": 1, "amount": Decimal(3)}
    assert await differences() == []
    await sum_up_running(trade.distributor_id)
    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (3, len(SUMS))
    assert await differences() == []


async def test_the_day_is_kept_as_a_whole_when_it_is_over(
    trade: Trade, hands: Clock, pool: Installation
) -> None:
    running = await trade.begin()
    await trade.book_call(2)
    await sum_up_running(trade.distributor_id)
    hands.moment = MIDNIGHT + LATER
    await trade.book_call(3)
    await sum_up_running(trade.distributor_id)  # in vain: the day that is over comes first
    await build_days()

    await trade.finish(running, call=5)
    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (1, len(SUMS))
    await sum_up_running(trade.distributor_id)
    await build_days()
    days = pool.query(
        "select day_key, sum(calls) as calls, sum(amount) as amount from app_usage_day"
        " where kind = 'total' and distributor_id = %s group by day_key", trade.distributor_id,
    )  # fmt: skip
    assert [(row["day_key"], row["calls"], row["amount"]) for row in days] == [
        (TODAY, 2, 7), ("2026-12-01", 1, 3),
    ]  # fmt: skip
    assert await differences() == []


async def test_builders_meet_without_counting_twice(trade: Trade) -> None:
    for number in range(3):
        await trade.book_call(number)
        await asyncio.gather(*(sum_up_running(trade.distributor_id) for _ in range(3)))

    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (3, len(SUMS))
    assert await differences() == []


async def test_a_worker_sums_up_who_has_settled_much(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MIN_SETTLEMENTS", 2)
    await trade.book_call(1)
    assert trade.distributor_id not in await due_distributors(2)
    await trade.book_call(1)

    await worker.sum_up_due(asyncio.Event())

    async with reading(snapshot=True) as sor:
        sums = await read_running(sor, trade.distributor_id, "2026-11-29", without_states=False)
    assert sums is not None
    assert sums.entry_no == 2
    assert await due_distributors(1) == []


async def test_days_that_are_forgotten_take_the_sums_along(
    trade: Trade, hands: Clock, pool: Installation
) -> None:
    hands.moment = EVENING + timedelta(days=1)
    await trade.book_call(4)
    await build_days()
    await sum_up_running(trade.distributor_id)
    pool.query("update app_usage_rollup set built_day = '2026-11-29'")

    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (0, 0)


async def test_whole_days_are_not_taken_for_sums_while_days_are_built_anew(
    trade: Trade, hands: Clock
) -> None:
    await trade.book_call(4)
    await sum_up_running(trade.distributor_id)
    hands.moment = EVENING + timedelta(days=1)
    await trade.book_call(5)
    hands.moment = EVENING + timedelta(days=2)
    await build_days()

    await forget_days()
    while await build_next_day("2026-11-29"):
        pass

    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (0, 0)
        total = await usage.total(sor, trade.distributor_id, usage.whole_days(TODAY, "2026-12-01"))
    assert total == {"calls": 2, "amount": Decimal(9)}


async def test_after_a_void_much_is_summed_up_before_it_is_made_anew(trade: Trade) -> None:
    call_nos = [(await trade.book_call(1))["call_no"] for _ in range(12)]
    await sum_up_running(trade.distributor_id)
    await void(call_nos[0])

    await sum_up_running(trade.distributor_id)

    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (12, 1)
    await trade.book_call(1)
    await sum_up_running(trade.distributor_id)
    async with reading(snapshot=True) as sor:
        assert await both_ways(sor, trade) == (14, len(SUMS))


async def test_the_check_names_what_differs_and_repairs_it(
    trade: Trade, pool: Installation
) -> None:
    await trade.book_call(2)
    await sum_up_running(trade.distributor_id)
    pool.query(
        "update app_usage_day set amount = amount + 1 where distributor_id = %s",
        trade.distributor_id,
    )

    deviations = await differences()

    assert {item.key for item in deviations} == {f"{trade.distributor_id} running"}
    process = pool.manage("check-ledger", "--repair", check=False)
    assert "made anew" in process.stdout
    assert await differences() == []
