"""check-ledger replays packages: rows that are wrong or gone are repaired, amounts are told."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_ops.calls import booking as bookings
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import MIDNIGHT, Clock, Trade, add_price, differences, make_trade


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Packages of two months, one call voided."""
    seller = await make_trade()
    await add_price(
        seller, pricing_type="package", package_size=100, unit_price=None, package_price=Decimal(10)
    )
    first = await seller.book_call(60)
    await seller.book_call(130)
    await in_transaction(
        lambda sor: bookings.void(sor, first["call_no"], None, "booked twice", SYSTEM_ACTOR)
    )
    hands.moment = MIDNIGHT
    await seller.book_call(5)
    assert await differences() == []
    return seller


def uses(pool: Installation, trade: Trade) -> list[dict[str, Any]]:
    return pool.query(
        "select id, month_key, units_left, bought from app_package_use where distributor_id = %s"
        " order by month_key",
        trade.distributor_id,
    )


@pytest.mark.parametrize(
    "change",
    [
        "update app_package_use set units_left = units_left + 1",
        "update app_package_use set bought = '[]'",
        "update app_package_use set units_left = 0, bought = '[[100, \"9\", 2]]'",
        "delete from app_package_use",
    ],
)
async def test_a_row_that_is_wrong_or_gone_is_found_and_repaired(
    pool: Installation, trade: Trade, change: str
) -> None:
    right = uses(pool, trade)
    assert [(row["month_key"], row["units_left"], json.loads(row["bought"])) for row in right] == [
        ("2026-11", 70, [[100, "10", 2]]), ("2026-12", 95, [[100, "10", 1]]),
    ]  # fmt: skip
    entries = pool.query("select * from pipeline_usage_log order by id")
    pool.query(f"{change} where id = %s", right[0]["id"])

    process = pool.manage("check-ledger", "--repair", check=False)

    assert process.returncode == 0, process.stdout + process.stderr
    assert f"app_package_use {trade.code} call 2026-11" in process.stdout
    assert "should be" in process.stdout
    assert uses(pool, trade) == right
    assert pool.query("select * from pipeline_usage_log order by id") == entries
    assert pool.manage("check-ledger").returncode == 0


async def test_a_row_of_another_month_is_not_looked_at(pool: Installation, trade: Trade) -> None:
    (november, _) = uses(pool, trade)
    change = "update app_package_use set units_left = units_left + %s where id = %s"
    pool.query(change, 1, november["id"])

    assert pool.manage("check-ledger", "--month", "2026-12").returncode == 0
    assert pool.manage("check-ledger", "--month", "2026-11", check=False).returncode == 1
    pool.query(change, -1, november["id"])


@pytest.mark.parametrize("entry_type", ["charge", "reversal"])
async def test_an_amount_that_packages_did_not_cost_is_told(
    pool: Installation, trade: Trade, entry_type: str
) -> None:
    (row,) = pool.query(
        "select id, call_no, amount from pipeline_usage_log where distributor_id = %s"
        " and entry_type = %s and abs(quantity) = 60",
        trade.distributor_id, entry_type,
    )  # fmt: skip
    change = "update pipeline_usage_log set amount = %s where id = %s"
    sign = 1 if entry_type == "charge" else -1
    with without_triggers(pool):
        pool.query(change, 3 * sign, row["id"])
        process = pool.manage("check-ledger", "--repair", "--month", "2026-11", check=False)
        pool.query(change, row["amount"], row["id"])

    assert process.returncode == 1
    assert f"amounts {row['call_no']}/" in process.stdout
    assert f"should be {row['amount']:f}" in process.stdout
    assert await differences() == []
