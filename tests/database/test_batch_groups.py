"""Batches of calls: groups with a transaction each, beside which others are served."""

import asyncio
import gc
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db import nodes as connections, transactions
from app.db.pool import pools
from app.db.transactions import in_transaction
from app.records.rows import insert_row
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.commands import BeginResult
from pipeline_dist.admission.common_call import CommonAccount, CommonCall
from pipeline_dist.admission.pending import GroupedRequest, PendingRequest
from pipeline_dist.admission.queue import GROUP_BESIDE_OTHERS, MAX_GROUP, admission_queue
from pipeline_dist.admission.workset import WorkSet
from pipeline_dist.api import batches
from tests.support.installation import Installation
from tests.support.trade import Clock, Trade, add_price, begin_call, differences, make_trade
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("hands")


async def make_shop() -> Trade:
    trade = await make_trade(pipeline_capacity={"daily_quota": 1_000_000})
    await add_price(trade, unit_price=Decimal(1))
    # Now the queue knows the line, without having served anybody beside batches.
    await batches.book_all(trade.distributor_id, [item(trade.code, "first of all", 0)])
    return trade


async def buyer_of(shop: Trade) -> str:
    """The id of one more distributor that has the line."""
    other = await make_trade()
    link = {"distributor_id": other.distributor_id, "pipeline_id": shop.rows["pipelines"]["id"],
            "enabled": 1, "pricing_mode": "inherit"}  # fmt: skip
    await in_transaction(lambda sor: insert_row(sor, "distributor_pipeline", link, SYSTEM_ACTOR))
    return other.distributor_id


def item(code: str, key: str, quantity: int = 1, unit: str = "call") -> dict[str, Any]:
    lines = [{"unit": unit, "quantity": quantity}]
    return {"idempotency_key": key, "pipeline": code, "status": "succeeded", "lines": lines}


def items(code: str, count: int = MAX_GROUP) -> list[dict[str, Any]]:
    return [item(code, f"b{number}") for number in range(count)]


def single(trade: Trade, key: str, *, of: str = "") -> Any:
    command = begin_call(trade.code, idempotency_key=key, status="succeeded", lines=[])
    return admission.begin(of or trade.distributor_id, command)


def status_of(outcome: Any) -> Any:
    return outcome.replayed if isinstance(outcome, BeginResult) else outcome.code


def commits(pool: Installation) -> int:
    (row,) = pool.query("show global status like 'Com_commit'")
    return int(row["Value"])


async def test_what_was_decided_goes_without_the_garbage_collector(pool: Installation) -> None:
    """It would hold everybody up: all of a batch, whenever it comes by."""
    shop = await make_shop()
    kinds = (GroupedRequest, PendingRequest, WorkSet, CommonAccount, CommonCall)
    gc.collect()
    before = sum(isinstance(one, kinds) for one in gc.get_objects())
    gc.disable()
    try:
        result = await batches.book_all(shop.distributor_id, items(shop.code, 300))
        assert len(batches.answer(result.outcomes, "en")) > 300
        del result
        await asyncio.gather(*(single(shop, f"s{number}") for number in range(20)))
        await asyncio.sleep(0)
        survivors = [one for one in gc.get_objects() if isinstance(one, kinds)]
        assert len(survivors) == before
    finally:
        gc.enable()


async def test_a_batch_is_one_transaction_where_nobody_else_is_served(pool: Installation) -> None:
    shop = await make_shop()
    before = commits(pool)

    result = await batches.book_all(shop.distributor_id, items(shop.code))

    assert [status_of(one) for one in result.outcomes] == [False] * MAX_GROUP
    assert commits(pool) - before == 1
    assert await differences() == []


async def test_a_batch_is_portioned_where_others_were_served_a_moment_ago(
    pool: Installation,
) -> None:
    shop = await make_shop()
    await single(shop, "single")
    before = commits(pool)

    await batches.book_all(shop.distributor_id, items(shop.code))

    assert commits(pool) - before == MAX_GROUP // GROUP_BESIDE_OTHERS


async def test_long_calls_make_small_groups(pool: Installation) -> None:
    shop = await make_shop()
    lines = [{"unit": "call", "quantity": 1}] * 100
    calls = [{**one, "lines": lines} for one in items(shop.code, 90)]
    before = commits(pool)

    result = await batches.book_all(shop.distributor_id, calls)

    assert {status_of(one) for one in result.outcomes} == {False}
    assert commits(pool) - before == 3  # of 40 calls with 4,000 items


@pytest.mark.usefixtures("pool")
async def test_an_item_of_a_batch_costs_no_task() -> None:
    shop = await make_shop()
    loop = asyncio.get_running_loop()
    names: list[Any] = []

    def note(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        names.append(work)
        return asyncio.Task(work, loop=loop, **options)

    loop.set_task_factory(note)
    try:
        await batches.book_all(shop.distributor_id, items(shop.code, 200))
    finally:
        loop.set_task_factory(None)

    assert len(names) < 10


@pytest.mark.parametrize("buyers", [1, 3])
async def test_a_call_beside_batches_waits_for_one_group(pool: Installation, buyers: int) -> None:
    """By how many calls of the line were let in between what was committed when it was asked for
    and itself: those of the group that was being decided."""
    shop = await make_shop()
    ids = [shop.distributor_id] + [await buyer_of(shop) for _ in range(buyers - 1)]
    one_more = await buyer_of(shop)
    await single(shop, "first", of=one_more)
    booking = asyncio.gather(*(batches.book_all(one, items(shop.code)) for one in ids))
    waits: list[int] = []
    pipeline_id = shop.rows["pipelines"]["id"]
    while not booking.done():
        text = "select day_used from pipeline_capacity where pipeline_id = %s"
        (row,) = pool.query(text, pipeline_id)
        result = await single(shop, f"single {len(waits)}", of=one_more)
        (limit,) = [one for one in result.limits if one.scope == "capacity_day"]
        waits.append(int(limit.used) - row["day_used"] - 1)
    results = await booking

    assert {status_of(one) for result in results for one in result.outcomes} == {False}
    assert max(waits) == 250
    assert sum(wait > 0 for wait in waits) > buyers
    assert await differences() == []


@pytest.mark.usefixtures("pool")
async def test_each_item_of_a_group_is_judged_on_its_own() -> None:
    shop = await make_shop()
    await batches.book_all(shop.distributor_id, [item(shop.code, "old", 7)])
    calls = [
        item(shop.code, "new"),
        item(shop.code, "old", 7),
        item(shop.code, "old", 8),
        item(shop.code, "parsecs", unit="parsec"),
        {"nonsense": 1},
        item("no-such-line", "nowhere"),
        item(shop.code, "twice", 2),
        item(shop.code, "twice", 2),
        item(shop.code, "last"),
    ]

    outcomes = (await batches.book_all(shop.distributor_id, calls)).outcomes

    assert [status_of(one) for one in outcomes] == [
        False, True, "idempotency_key_reused", "price_missing", "invalid_fields",
        "pipeline_not_found", False, True, False,
    ]  # fmt: skip
    assert outcomes[6].call["call_no"] == outcomes[7].call["call_no"]  # type: ignore[union-attr]
    assert (await shop.row("distributors")).spend_used == 7 + 1 + 2 + 1
    assert await differences() == []


@pytest.mark.usefixtures("pool")
async def test_a_fault_of_the_database_with_one_call_of_a_group_spoils_no_other() -> None:
    shop = await make_shop()
    lines = [{"unit": "call", "quantity": Decimal(1)}]
    refs = {3: "x" * 129}
    commands = [
        begin_call(
            shop.code, idempotency_key=f"k{number}", status="succeeded", lines=lines,
            client_ref=refs.get(number),
        )
        for number in range(6)
    ]  # fmt: skip

    outcomes = await admission.begin_many(shop.distributor_id, commands)

    assert [status_of(one) for one in outcomes] == [False] * 3 + ["bad_value"] + [False] * 2
    assert await differences() == []


@pytest.mark.usefixtures("pool")
async def test_one_fault_in_a_large_group_costs_few_transactions(pool: Installation) -> None:
    """Everybody else waits for the rows meanwhile."""
    shop = await make_shop()
    lines = [{"unit": "call", "quantity": Decimal(1)}]
    commands = [
        begin_call(
            shop.code, idempotency_key=f"k{number}", status="succeeded", lines=lines,
            client_ref="x" * 129 if number == 77 else None,
        )
        for number in range(256)
    ]  # fmt: skip
    before = commits(pool)

    outcomes = await admission.begin_many(shop.distributor_id, commands)

    assert commits(pool) - before <= 8  # of 128 calls, 64, …, 1
    assert [n for n, one in enumerate(outcomes) if status_of(one) is not False] == [77]
    assert await differences() == []


@pytest.mark.usefixtures("pool")
async def test_a_client_that_goes_away_leaves_no_group_behind(hands: Clock) -> None:
    shop = await make_shop()
    await single(shop, "first")
    bookings = [
        asyncio.ensure_future(batches.book_all(shop.distributor_id, items(shop.code, 100)))
        for _ in range(3)
    ]
    await asyncio.sleep(0.03)
    for booking in bookings:
        booking.cancel()
    await asyncio.gather(*bookings, return_exceptions=True)

    result = await batches.book_all(shop.distributor_id, items(shop.code, 100))

    assert {status_of(one) for one in result.outcomes} <= {True, False}
    assert (await shop.row("pipeline_capacity")).day_used == 102
    assert admission_queue()._waiting == []
    assert await differences() == []


@pytest.mark.usefixtures("pool")
async def test_what_was_refused_for_its_long_wait_is_not_booked_after_all(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a group that found its rows held, each waits alone; those whose time is over before the
    first is decided are refused, and that is the end of them."""
    shop = await make_shop()
    monkeypatch.setattr(connections, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(transactions, "TRIES", 2)
    monkeypatch.setattr(admission_queue(), "_wait_seconds", 0.1)
    await pools().close()  # the next connections wait for a lock no longer than that
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        cursor.execute(
            "select id from distributors where id = %s for update", (shop.distributor_id,)
        )
        booking = asyncio.ensure_future(batches.book_all(shop.distributor_id, items(shop.code, 4)))
        await until(lambda: admission_queue()._waiting == [] and admission_queue()._running)
        await until(lambda: any(isinstance(x, GroupedRequest) for x in admission_queue()._waiting))
        group = admission_queue()._waiting[0].group  # type: ignore[union-attr]
        await until(lambda: sum(one is not None for one in group.outcomes) == 3)
        cursor.execute("rollback")
    outcomes = (await booking).outcomes
    await until(lambda: not admission_queue()._running)

    assert [status_of(one) for one in outcomes] == [False, "busy", "busy", "busy"]
    assert pool.query(
        "select idempotency_key from pipeline_usage_log where distributor_id = %s and quantity > 0",
        shop.distributor_id,
    ) == [{"idempotency_key": "b0"}]
