"""Requests that wait at the same moment: one transaction, each its own answer, in their order."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.catalogue.requests import DATABASE_UNAVAILABLE
from app.base.clock import iso
from app.base.errors import AppError, Unavailable
from app.db import nodes as connections, transactions
from app.db.pool import pools
from app.db.transactions import in_transaction
from app.records.rows import insert_row
from pipeline_dist.admission import queue, service as admission
from pipeline_dist.admission.commands import BeginResult
from pipeline_dist.admission.limits import rate_limit_headers
from pipeline_dist.admission.queue import admission_queue
from tests.support.installation import Installation
from tests.support.trade import (
    Clock,
    Trade,
    add_price,
    begin_call,
    differences,
    finish_call,
    make_trade,
)

pytestmark = pytest.mark.usefixtures("pool", "hands")


async def outcome_of(work: Awaitable[Any]) -> Any:
    """The answer, or the code of the refusal."""
    try:
        return await work
    except AppError as exc:
        return exc.code


def begin(trade: Trade, key: str, **more: Any) -> Any:
    fields: dict[str, Any] = {"idempotency_key": key, "lease_seconds": 60} | more
    return outcome_of(admission.begin(trade.distributor_id, begin_call(trade.code, **fields)))


def book(trade: Trade, key: str, quantity: str = "1", unit: str = "call", **more: Any) -> Any:
    lines = [{"unit": unit, "quantity": Decimal(quantity)}]
    return begin(trade, key, lines=lines, status="succeeded", **more)


def commits(pool: Installation) -> int:
    (row,) = pool.query("show global status like 'Com_commit'")
    return int(row["Value"])


async def test_many_at_once_cost_few_transactions(pool: Installation) -> None:
    trade = await make_trade(pipeline_capacity={"daily_quota": 150})
    await begin(trade, "first")  # so that the line is known
    before = commits(pool)

    answers = await asyncio.gather(*(begin(trade, f"k{n}") for n in range(200)))

    assert commits(pool) - before <= 4
    assert [getattr(answer, "replayed", answer) for answer in answers] == (
        [False] * 149 + ["capacity_exceeded"] * 51
    )
    assert await differences() == []


async def test_each_gets_its_own_answer_and_a_bad_one_spoils_nobody() -> None:
    trade = await make_trade(distributors={"spend_limit": Decimal(10) ** 11})
    await add_price(trade, unit_price=Decimal(1))
    first = await book(trade, "old", "2")
    good = [book(trade, f"good-{n}") for n in range(10)]
    bad = [
        book(trade, "old", "2"),
        book(trade, "old", "2", request_hash="other"),
        book(trade, "no-price", unit="parsec"),
        book(trade, "too-much", "900000000000"),
        book(trade, "too-long", client_ref="x" * 129),
        outcome_of(admission.begin(trade.distributor_id, begin_call("none", idempotency_key="n"))),
        outcome_of(admission.finish(trade.distributor_id, finish_call("none", "failed"))),
        outcome_of(admission.begin("nobody", begin_call(trade.code, idempotency_key="n"))),
    ]

    answers = await asyncio.gather(*good[:5], *bad, *good[5:])

    replay, *refusals = answers[5:13]
    assert (replay.replayed, replay.call) == (True, first.call)
    assert refusals == [
        "idempotency_key_reused", "price_missing", "amount_too_large", "bad_value",
        "pipeline_not_found", "call_not_found", "invalid_key",
    ]  # fmt: skip
    amounts = [answer.call["amount"] for answer in (*answers[:5], *answers[13:])]
    assert amounts == [1] * 10
    assert (await trade.row("distributors")).spend_used == 12
    assert await differences() == []


async def test_one_key_many_times_at_once_is_one_call() -> None:
    trade = await make_trade(pipeline_capacity={"daily_quota": 3})
    await add_price(trade, unit_price=Decimal(1))
    await begin(trade, "first")

    answers = await asyncio.gather(
        *(book(trade, "same") for _ in range(5)), book(trade, "other"), book(trade, "same")
    )

    same = [answer for number, answer in enumerate(answers) if number != 5]
    assert len({answer.call["call_no"] for answer in same}) == 1
    assert [answer.replayed for answer in same] == [False] + [True] * 5
    assert all(answer.call == same[0].call for answer in same)
    assert answers[5].replayed is False
    assert await differences() == []


async def test_a_client_that_goes_away_leaves_nothing_half_done() -> None:
    trade = await make_trade()
    await begin(trade, "first")
    tasks = [asyncio.ensure_future(begin(trade, f"k{n}")) for n in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    stayed = await asyncio.gather(*tasks[1::2])
    late = [asyncio.ensure_future(begin(trade, f"late-{n}")) for n in range(10)]
    await asyncio.sleep(0.002)  # these are being decided
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    await begin(trade, "last")

    assert all(not answer.replayed for answer in stayed)
    row = await trade.row("pipeline_capacity")
    assert 22 <= row.running <= 32
    assert await differences() == []


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("order", [1, -1])
async def test_who_ends_the_call_of_another_does_not_take_his_price(
    order: int, is_known: bool
) -> None:
    half = {"pricing_mode": "discount", "discount_rate": Decimal("0.5")}
    owner, stranger = await make_trade(distributor_pipeline=half), await make_trade()
    await add_price(owner, unit_price=Decimal(1))
    call_no = await owner.begin()
    if not is_known:  # as if the call had begun in another process
        admission_queue()._places.clear()

    def finish(trade: Trade) -> Any:
        lines = [{"unit": "call", "quantity": Decimal(3)}]
        return outcome_of(admission.finish(trade.distributor_id, finish_call(call_no, lines=lines)))

    answers = await asyncio.gather(*(finish(trade) for trade in (owner, stranger)[::order]))

    ending, refusal = answers[::order]
    assert refusal == "call_not_found"
    assert ending.call["amount"] == Decimal("1.5")
    assert await differences() == []


async def test_slots_of_overdue_calls_go_to_those_who_wait(hands: Clock) -> None:
    trade = await make_trade(pipeline_capacity={"max_concurrency": 5})
    await add_price(trade, unit_price=Decimal(1))
    old = await asyncio.gather(*(begin(trade, f"old-{n}", lease_seconds=60) for n in range(5)))
    hands.moment += timedelta(seconds=60)

    def finish(call_no: str) -> Any:
        return outcome_of(admission.finish(trade.distributor_id, finish_call(call_no)))

    answers = await asyncio.gather(
        *(begin(trade, f"new-{n}") for n in range(4)),
        *(finish(answer.call["call_no"]) for answer in old),
        *(begin(trade, f"more-{n}") for n in range(2)),
    )

    assert [answer.replayed for answer in answers[:4]] == [False] * 4
    assert [answer.call["late"] for answer in answers[4:9]] == [True] * 5
    assert (answers[9].replayed, answers[10]) == (False, "concurrency_exceeded")
    assert (await trade.row("pipeline_capacity")).running == 5
    assert await differences() == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("others", "seconds"), [((), "90"), ((40,), "40"), ((200,), "90")])
async def test_who_takes_the_last_slot_and_who_comes_next_hear_when_it_is_free(
    hands: Clock, others: tuple[int, ...], seconds: str, together: bool
) -> None:
    trade = await make_trade(pipeline_capacity={"max_concurrency": 1 + len(others)})
    for lease_seconds in others:
        await trade.begin(lease_seconds=lease_seconds)
    begins = [
        admission.begin(
            trade.distributor_id, begin_call(trade.code, idempotency_key=key, lease_seconds=90)
        )
        for key in ("last", "late")
    ]

    if together:
        last, late = await asyncio.gather(*begins, return_exceptions=True)
    else:
        last, late = [(await asyncio.gather(begin, return_exceptions=True))[0] for begin in begins]

    assert isinstance(last, BeginResult)
    assert rate_limit_headers(last.limits)["RateLimit-Reset"] == seconds
    assert isinstance(late, AppError)
    free = hands.moment + timedelta(seconds=int(seconds))
    assert late.extra["resets_at"] == free
    assert (late.headers["Retry-After"], late.headers["RateLimit-Reset"]) == (seconds, seconds)
    assert iso(free) in str(late.text)


async def test_packages_count_calls_of_the_same_moment() -> None:
    trade = await make_trade()
    await add_price(
        trade, unit="image", pricing_type="package", package_size=10, package_price=Decimal(7),
        unit_price=None,
    )  # fmt: skip

    answers = await asyncio.gather(*(book(trade, f"k{n}", "4", "image") for n in range(8)))

    assert [answer.call["amount"] for answer in answers] == [7, 0, 7, 0, 0, 7, 0, 7]
    assert await differences() == []


@pytest.mark.parametrize("count", [1, 3])
async def test_rows_that_somebody_holds_stop_nobody_else(pool: Installation, count: int) -> None:
    """Not even where as many batches wait for them as there may be at the same time."""
    busy, free = [await make_trade() for _ in range(count)], await make_trade()
    for trade in (*busy, free):
        await begin(trade, "first")
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        for trade in busy:
            cursor.execute(
                "select id from distributors where id = %s for update", (trade.distributor_id,)
            )
        stuck = []
        for trade in busy:
            stuck += [asyncio.ensure_future(begin(trade, f"k{n}")) for n in range(5)]
            await asyncio.sleep(0.05)
        async with asyncio.timeout(4):
            while admission_queue()._waiting:  # a batch that is decided already takes nobody along
                await asyncio.sleep(0.05)
            answers = await asyncio.gather(*(begin(free, f"k{n}") for n in range(20)))
        assert not any(task.done() for task in stuck)
        cursor.execute("rollback")

    assert not any(answer.replayed for answer in (*answers, *await asyncio.gather(*stuck)))
    assert await differences() == []


async def test_a_row_that_is_held_for_too_long_is_refused_alone(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck_trade, free = await make_trade(), await make_trade()
    for trade in (stuck_trade, free):
        await begin(trade, "first")
    monkeypatch.setattr(connections, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(transactions, "TRIES", 2)
    await pools().close()  # the next connections wait for a lock no longer than that
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        cursor.execute(
            "select id from distributors where id = %s for update", (stuck_trade.distributor_id,)
        )
        # They arrive together and so go together, at first.
        *good, bad = await asyncio.gather(
            *(begin(free, f"k{n}") for n in range(5)), begin(stuck_trade, "stuck")
        )
        cursor.execute("rollback")

    assert bad == "database_busy"
    assert not any(answer.replayed for answer in good)
    assert await differences() == []


async def test_a_quote_tells_no_refusal_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trade = await make_trade()

    async def away(*_: Any) -> None:
        raise DATABASE_UNAVAILABLE()

    monkeypatch.setattr(admission, "limits_of_lines", away)

    with pytest.raises(Unavailable):
        await admission.quote(trade.distributor_id, pipeline=trade.code, lines=[])


async def test_a_pipeline_that_was_made_anew_under_its_code() -> None:
    trade = await make_trade()
    await begin(trade, "first")
    other = await make_trade()
    codes = (trade.code, other.code)

    async def swap(sor: Any) -> None:
        ids = [each.rows["pipelines"]["id"] for each in (trade, other)]
        for row_id, code in ((ids[0], "x-" + codes[0]), (ids[1], codes[0])):
            await sor.sqlExe(
                "update pipelines set code = ${code}$ where id = ${id}$",
                {"id": row_id, "code": code},
            )
        link = {"distributor_id": trade.distributor_id, "pipeline_id": ids[1], "enabled": 1,
                "pricing_mode": "inherit"}  # fmt: skip
        await insert_row(sor, "distributor_pipeline", link, SYSTEM_ACTOR)

    await in_transaction(swap)
    answer = await begin(trade, "second")

    assert answer.pipeline_id == other.rows["pipelines"]["id"]
    assert (await other.row("pipeline_capacity")).running == 1
    assert await differences() == []


async def test_more_than_can_wait_are_refused_at_once_and_none_is_booked(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 20)
    trade = await make_trade()
    running = await begin(trade, "first")
    requests = [begin(trade, f"k{n}") for n in range(60)]
    end = admission.finish(trade.distributor_id, finish_call(running.call["call_no"]))
    answers, end_answer = await asyncio.gather(asyncio.gather(*requests), end)

    assert [getattr(answer, "replayed", answer) for answer in answers] == (
        [False] * 20 + ["busy"] * 40
    )
    assert end_answer.call["status"] == "succeeded"  # there is more room for what ends
    assert [await begin(trade, f"k{n}") for n in (20, 59)] != ["busy", "busy"]
    assert await differences() == []


async def test_those_who_waited_too_long_leave_the_queue_while_no_transaction_ends(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await make_trade()
    await begin(trade, "first")
    waiting = admission_queue()
    waiting._busy.add(trade.distributor_id)  # as if a transaction did not come back
    monkeypatch.setattr(waiting, "_wait_seconds", 0.1)

    answers = await asyncio.gather(*(begin(trade, f"k{n}") for n in range(5)))

    waiting._busy.discard(trade.distributor_id)
    assert answers == ["busy"] * 5
    assert waiting._waiting == []
