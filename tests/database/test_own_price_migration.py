"""Fixed prices of links become rows of own prices, and running calls get their link's terms."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.tampering import run_migration, without_triggers
from tests.support.trade import LONG_AGO, Clock, Trade, add_price, differences, make_trade

IMAGE = {"unit": "image", "step_key": "", "model": "", "pricing_type": "unit",
         "unit_price": "0.25", "unit_size": 1, "currency": "CNY"}  # fmt: skip
PACKAGE = {"unit": "second", "step_key": "", "model": "m", "pricing_type": "package",
           "unit_size": 1, "package_size": 10, "package_price": 3}  # fmt: skip


@contextmanager
def old_column(pool: Installation) -> Iterator[None]:
    """The column in which links kept their fixed prices."""
    pool.query("alter table distributor_pipeline add column if not exists fixed_prices longtext")
    yield
    if pool.query("show columns from distributor_pipeline like 'fixed_prices'"):
        pool.query("alter table distributor_pipeline drop column fixed_prices")


def make_old(pool: Installation, trade: Trade, *prices: dict[str, Any], mode: str) -> None:
    """Make the link, and what runs, what they were before."""
    pool.query(
        "update distributor_pipeline set pricing_mode = %s, fixed_prices = %s, created_at = %s"
        " where id = %s",
        mode, json.dumps(prices), LONG_AGO.replace(tzinfo=None),
        trade.rows["distributor_pipeline"]["id"],
    )  # fmt: skip
    with without_triggers(pool):
        pool.query(
            "update pipeline_usage_log set pricing_mode = null, discount_rate = null,"
            " terms_no = null where distributor_id = %s and entry_no is null", trade.distributor_id,
        )  # fmt: skip


def own_rows(pool: Installation, trade: Trade) -> list[dict[str, Any]]:
    return pool.query(
        "select * from pipeline_pricing where distributor_id = %s order by unit",
        trade.distributor_id,
    )


def mode_of(pool: Installation, trade: Trade) -> str:
    (row,) = pool.query(
        "select pricing_mode from distributor_pipeline where distributor_id = %s",
        trade.distributor_id,
    )
    return str(row["pricing_mode"])


async def test_fixed_prices_are_rows_and_price_what_runs(pool: Installation, hands: Clock) -> None:
    trade = await make_trade()
    call_no = await trade.begin()
    with old_column(pool):
        make_old(pool, trade, IMAGE, PACKAGE, mode="fixed")
        await run_migration(pool, "0003")

    image, second = own_rows(pool, trade)
    link_id = trade.rows["distributor_pipeline"]["id"]
    identity = sha256(f"{link_id}\0\0m\0second\0package".encode()).hexdigest()[:32]
    assert (second["id"], second["package_size"], second["package_price"]) == (identity, 10, 3)
    # As a price that names no currency: the distributor's.
    assert (second["currency"], image["unit_price"]) == ("CNY", Decimal("0.25"))
    assert {(row["enabled"], row["terms_no"], row["effective_to"]) for row in (image, second)} == {
        (1, 0, None)
    }
    assert image["effective_from"] == LONG_AGO.replace(tzinfo=None)
    assert mode_of(pool, trade) == "fixed"
    (header,) = pool.query("select * from pipeline_usage_log where call_no = %s", call_no)
    assert (header["pricing_mode"], header["terms_no"]) == ("fixed", 0)
    call = await trade.finish(call_no, image="4")
    assert (call["amount"], call["lines"][0]["price_scope"]) == (Decimal(1), "own")
    assert await differences() == []


@pytest.mark.parametrize("has_ended", [False, True])
async def test_a_link_that_needs_everybodys_prices_keeps_them(
    pool: Installation, hands: Clock, has_ended: bool
) -> None:
    """The mode `fixed` fell back to them; of those that have ended it matters for what runs."""
    trade = await make_trade()
    end = {"effective_to": hands.moment + timedelta(seconds=1)} if has_ended else {}
    call_no = await trade.begin()
    await add_price(trade, unit_price=Decimal(7), **end)
    await add_price(trade, unit="image", unit_price=Decimal(9))
    with old_column(pool):
        make_old(pool, trade, IMAGE, mode="fixed")
        await run_migration(pool, "0003")

    assert mode_of(pool, trade) == "inherit"
    if not has_ended:
        assert (await trade.finish(call_no, call="1", image="1"))["amount"] == Decimal("7.25")


async def test_a_covered_price_is_not_needed(pool: Installation, hands: Clock) -> None:
    trade = await make_trade()
    await add_price(trade, unit="image", step_key="s", model="m", unit_price=Decimal(9))
    with old_column(pool):
        make_old(pool, trade, IMAGE, mode="fixed")
        await run_migration(pool, "0003")

    assert mode_of(pool, trade) == "fixed"


async def test_prices_that_did_not_apply_are_switched_off(pool: Installation, hands: Clock) -> None:
    trade = await make_trade(distributor_pipeline={"discount_rate": Decimal("0.5")})
    await add_price(trade, unit="image", unit_price=Decimal(9))
    call_no = await trade.begin()
    with old_column(pool):
        make_old(pool, trade, IMAGE, mode="discount")
        await run_migration(pool, "0003")

    assert [row["enabled"] for row in own_rows(pool, trade)] == [0]
    assert mode_of(pool, trade) == "discount"
    assert (await trade.finish(call_no, image="1"))["amount"] == Decimal("4.5")


async def test_what_runs_without_its_link_is_at_everybodys(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(7))
    call_no = await trade.begin()
    with old_column(pool):
        make_old(pool, trade, mode="inherit")
        pool.query(
            "delete from distributor_pipeline where distributor_id = %s", trade.distributor_id
        )
        await run_migration(pool, "0003")

    assert (await trade.finish(call_no, call="1"))["amount"] == 7


async def test_it_runs_where_the_column_never_was(pool: Installation, hands: Clock) -> None:
    trade = await make_trade()

    await run_migration(pool, "0003")

    assert own_rows(pool, trade) == []


async def test_the_column_goes(pool: Installation, hands: Clock) -> None:
    with old_column(pool):
        await run_migration(pool, "0008")

        columns = pool.query("show columns from distributor_pipeline like 'fixed_prices'")
    assert list(columns) == []
