"""check-ledger: wrong amounts in the ledger itself, and what every bill rests on."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.db.transactions import in_transaction, reading
from pipeline_ops.ledger import slices
from pipeline_ops.ledger.check import check
from pipeline_ops.ledger.counted import Difference
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import EVENING, Clock, Trade, add_price, make_trade

THIRD = Decimal("0.333333")


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Calls of two items at prices for seven units, one of them voided."""
    seller = await make_trade(distributors={"quota_period": "month", "quota_calls": 99})
    await add_price(seller, unit_price=THIRD, unit_size=7)
    hands.moment = EVENING
    for quantity in ("3", "10.5", "1"):
        await seller.finish(await seller.begin(), call=quantity)
    return seller


def price_of(db: Installation, trade: Trade) -> dict[str, object]:
    price = db.query(
        "select * from pipeline_pricing where pipeline_id = %s", trade.rows["pipelines"]["id"]
    )[0]
    return dict(price)


async def faults() -> list[Difference]:
    async with reading(snapshot=True) as sor:
        return await check(sor)


def rows_of(db: Installation, trade: Trade) -> list[dict[str, object]]:
    return db.query(
        "select * from pipeline_usage_log where pipeline_id = %s and unit <> '' order by id",
        trade.rows["pipelines"]["id"],
    )


async def test_the_ledger_of_before_is_right(trade: Trade) -> None:
    assert await faults() == []


@pytest.mark.parametrize("step", [1, -1])
async def test_the_last_digit_of_an_amount_is_looked_at(
    pool: Installation, trade: Trade, step: int
) -> None:
    row = rows_of(pool, trade)[0]
    right = row["amount"]
    assert isinstance(right, Decimal)
    wrong = right + Decimal(step).scaleb(-10)
    with without_triggers(pool):
        change = "update pipeline_usage_log set amount = %s where id = %s"
        pool.query(change, wrong, row["id"])
        differences = [item for item in await faults() if item.table == "amounts"]
        pool.query(change, right, row["id"])

    assert [(item.says, item.should_be) for item in differences] == [(wrong, right)]
    assert str(row["call_no"]) in differences[0].key
    assert await faults() == []


async def test_two_prices_at_once_are_seen(pool: Installation, trade: Trade) -> None:
    price = price_of(pool, trade)
    copy = {**price, "id": "twin", "unit_price": Decimal(9)}
    await in_transaction(lambda sor: sor.C("pipeline_pricing", dict(copy)))
    differences = [item for item in await faults() if item.table == "prices"]
    await in_transaction(lambda sor: sor.D("pipeline_pricing", {"id": "twin"}))

    assert len(differences) == 1
    assert trade.code in differences[0].key
    assert await faults() == []


async def test_an_end_and_a_start_at_the_same_time_are_no_overlap(
    pool: Installation, trade: Trade
) -> None:
    price = price_of(pool, trade)
    end = EVENING
    await in_transaction(
        lambda sor: sor.U("pipeline_pricing", {"id": price["id"], "effective_to": end})
    )
    later = {**price, "id": "later", "effective_from": end, "effective_to": None}
    await in_transaction(lambda sor: sor.C("pipeline_pricing", dict(later)))
    differences = [item for item in await faults() if item.table == "prices"]
    await in_transaction(lambda sor: sor.D("pipeline_pricing", {"id": "later"}))
    await in_transaction(
        lambda sor: sor.U("pipeline_pricing", {"id": price["id"], "effective_to": None})
    )
    assert differences == []


async def test_a_row_whose_parent_is_gone_is_seen(pool: Installation, trade: Trade) -> None:
    price = {**price_of(pool, trade), "id": "orphan", "pipeline_id": "gone"}
    await in_transaction(lambda sor: sor.C("pipeline_pricing", dict(price)))
    process = pool.manage("check-ledger", "--repair", check=False)
    await in_transaction(lambda sor: sor.D("pipeline_pricing", {"id": "orphan"}))

    assert process.returncode == 1
    assert "orphans pipeline_pricing.pipeline_id gone" in process.stdout
    assert "left as it is" in process.stdout
    assert await faults() == []


async def test_another_price_than_the_one_that_fits_is_seen(
    pool: Installation, trade: Trade
) -> None:
    price = price_of(pool, trade)
    other = {**price, "id": "other", "model": "another"}
    await in_transaction(lambda sor: sor.C("pipeline_pricing", dict(other)))
    row = rows_of(pool, trade)[0]
    change = "update pipeline_usage_log set pricing_id = %s where id = %s"
    with without_triggers(pool):
        pool.query(change, "other", row["id"])
        differences = await faults()
        pool.query(change, price["id"], row["id"])

    assert [(one.table, one.counter, one.says, one.should_be) for one in differences] == [
        ("terms", "pricing_id", "other", price["id"])
    ]
    assert await faults() == []


async def test_other_terms_than_those_of_the_price_are_seen(
    pool: Installation, trade: Trade
) -> None:
    row = rows_of(pool, trade)[0]
    change = "update pipeline_usage_log set unit_price = %s, amount = %s where id = %s"
    with without_triggers(pool):
        pool.query(change, Decimal(7), row["quantity"], row["id"])
        differences = [one for one in await faults() if one.table == "terms"]
        pool.query(change, row["unit_price"], row["amount"], row["id"])

    assert [(one.counter, one.says, one.should_be) for one in differences] == [
        ("unit_price", Decimal(7), THIRD)
    ]
    assert await faults() == []


@pytest.mark.parametrize("slice_rows", [1, 4, 50_000])
async def test_a_price_that_began_between_two_calls_is_each_calls_own(
    pool: Installation,
    trade: Trade,
    hands: Clock,
    monkeypatch: pytest.MonkeyPatch,
    slice_rows: int,
) -> None:
    """All else that a price is chosen by is the same, and a slice may have calls of both."""
    monkeypatch.setattr(slices, "SLICE_ROWS", slice_rows)
    price = price_of(pool, trade)
    change = EVENING + timedelta(minutes=5)
    later_id = f"later-{slice_rows}"
    later = {**price, "id": later_id, "effective_from": change, "effective_to": None}
    await in_transaction(
        lambda sor: sor.U("pipeline_pricing", {"id": price["id"], "effective_to": change})
    )
    await in_transaction(lambda sor: sor.C("pipeline_pricing", dict(later)))
    hands.moment = change
    await trade.finish(await trade.begin(), call="2")
    assert await faults() == []

    first, *_, last = rows_of(pool, trade)
    assert (first["pricing_id"], last["pricing_id"]) == (price["id"], later_id)
    swap = "update pipeline_usage_log set pricing_id = %s where id = %s"
    with without_triggers(pool):
        pool.query(swap, later_id, first["id"])
        pool.query(swap, price["id"], last["id"])
        differences = [one for one in await faults() if one.table == "terms"]
        pool.query(swap, price["id"], first["id"])
        pool.query(swap, later_id, last["id"])

    assert {(one.row_id, one.counter, one.says, one.should_be) for one in differences} == {
        (first["id"], "pricing_id", later_id, price["id"]),
        (last["id"], "pricing_id", price["id"], later_id),
    }
    assert await faults() == []
