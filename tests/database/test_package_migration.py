"""Packages of before app_package_use: what was paid for goes on, checked by its own terms."""

import json
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.numbered import migration_files, read_migrations
from app.db.pool import raw_connection
from app.db.transactions import in_transaction
from pipeline_dist.admission import service as admission
from pipeline_ops.calls import booking as bookings
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import Clock, Trade, add_price, begin_call, differences, make_trade

PACKAGE = {"unit": "image", "pricing_type": "package", "package_size": 100, "unit_price": None,
           "package_price": Decimal(10)}  # fmt: skip


class OldShop:
    """Books by the new rule, and rewrites the ledger to what the old one would have written."""

    def __init__(self, pool: Installation, trade: Trade) -> None:
        self.pool = pool
        self.trade = trade
        self._number = 0

    async def book(self, quantity: Any, **more: Any) -> str:
        self._number += 1
        lines = [{"unit": "image", "quantity": Decimal(quantity), **more}]
        command = begin_call(
            self.trade.code, idempotency_key=f"o{self._number}", status="succeeded", lines=lines
        )
        result = await admission.begin(self.trade.distributor_id, command)
        return str(result.call["call_no"])

    async def void(self, call_no: str) -> Decimal:
        """Void a call; what it gives back."""
        await in_transaction(
            lambda sor: bookings.void(sor, call_no, None, "booked twice", SYSTEM_ACTOR)
        )
        (row,) = self.pool.query(
            "select amount from pipeline_usage_log where entry_type = 'reversal' and call_no = %s",
            call_no,
        )
        amount: Decimal = row["amount"]
        return amount

    def forget(self) -> None:
        """Let the rows be what the code wrote that counted packages by sums."""
        rows = self.pool.query(
            "select * from pipeline_usage_log where distributor_id = %s and unit = 'image'"
            " order by entry_no, line_no",
            self.trade.distributor_id,
        )
        units: dict[str, Fraction] = {}
        amounts: dict[str, Decimal] = {}
        for row in rows:
            before, quantity = units.get(row["pricing_id"], Fraction(0)), Fraction(row["quantity"])
            units[row["pricing_id"]] = before + quantity
            size, price = row["package_size"], row["package_price"]
            count = ceil((before + quantity) / size) - ceil(before / size)
            amounts[row["id"]] = -amounts[row["reverses"]] if row["reverses"] else count * price
        with without_triggers(self.pool):
            for row_id, amount in amounts.items():
                self.pool.query(
                    "update pipeline_usage_log set amount = %s, matched = null,"
                    " pricing_mode = null where id = %s",
                    amount, row_id,
                )  # fmt: skip
        self._sum_up()
        self.pool.query(
            "delete from app_package_use where distributor_id = %s", self.trade.distributor_id
        )

    def set_amount(self, call_no: str, amount: int) -> None:
        with without_triggers(self.pool):
            self.pool.query(
                "update pipeline_usage_log set amount = %s where call_no = %s", amount, call_no
            )
        self._sum_up()

    def _sum_up(self) -> None:
        self.pool.query(
            "update distributors d set spend_used = (select sum(amount) from"
            " pipeline_usage_log u where u.distributor_id = d.id) where id = %s",
            self.trade.distributor_id,
        )

    @property
    def uses(self) -> list[tuple[Any, ...]]:
        rows = self.pool.query(
            "select month_key, step_key, model, units_left, bought from app_package_use"
            " where distributor_id = %s order by month_key, step_key, model",
            self.trade.distributor_id,
        )
        return [(*list(row.values())[:4], json.loads(row["bought"])) for row in rows]


@pytest.fixture
async def shop(pool: Installation, hands: Clock) -> OldShop:
    trade = await make_trade()
    await add_price(trade, **PACKAGE)
    return OldShop(pool, trade)


async def run_migration() -> None:
    files = [path for path in migration_files() if path.stem == "0004_package_use"]
    async with raw_connection() as connection:
        async with connection.cursor() as cursor:
            await read_migrations(files)[0].run(cursor)
        await connection.commit()


async def test_what_is_left_of_a_package_goes_on(shop: OldShop) -> None:
    first = await shop.book(60)
    second = await shop.book("60.5")
    shop.forget()

    await run_migration()

    assert shop.uses == [("2026-11", "", "", Decimal("79.5"), [[100, "10", 2]])]
    assert await differences() == []
    await shop.book("79.5")
    assert [row[3] for row in shop.uses] == [0]
    assert [await shop.void(first), await shop.void(second)] == [0, -10]
    assert await differences() == []


async def test_a_rest_that_nobody_has_paid_for_any_more_is_none(shop: OldShop) -> None:
    first = await shop.book(60)
    second = await shop.book(30)
    await shop.void(first)
    shop.forget()

    await run_migration()

    # By the old rule the first one's package was given back while the second used it.
    assert shop.uses == [("2026-11", "", "", 0, [[1, "0", 30]])]
    assert await differences() == []
    third = await shop.book(50)
    assert [await shop.void(second), await shop.void(third)] == [0, -10]
    assert (await shop.trade.row("distributors")).spend_used == 0
    assert await differences() == []


async def test_prices_of_a_link_and_of_a_step_are_told_apart(shop: OldShop) -> None:
    await add_price(shop.trade, **PACKAGE | {"step_key": "s", "package_price": Decimal(3)})
    calls = [await shop.book(10), await shop.book(10, step_key="s"), await shop.book(5)]
    link = shop.trade.rows["distributor_pipeline"]["id"]
    # As 0003 makes it of a link's fixed price.
    fixed_id = sha256(f"{link}\0s\0\0image\0package".encode()).hexdigest()[:32]
    own = {"id": fixed_id, "distributor_id": shop.trade.distributor_id, "step_key": "s"}
    await add_price(shop.trade, **PACKAGE | own)
    shop.forget()
    with without_triggers(shop.pool):
        shop.pool.query(
            "update pipeline_usage_log set pricing_id = %s where call_no = %s",
            fixed_id, calls[1],
        )  # fmt: skip

    await run_migration()

    assert [(row[1], row[3]) for row in shop.uses] == [("", 85), ("s", 90)]
    assert await differences() == []
    assert await shop.void(calls[1]) == -3
    assert await differences() == []


async def test_a_price_that_is_gone_goes_by_the_old_rule(shop: OldShop) -> None:
    calls = [await shop.book(10), await shop.book(10)]
    shop.forget()
    with without_triggers(shop.pool):
        shop.pool.query(
            "update pipeline_usage_log set pricing_id = 'gone' where distributor_id = %s",
            shop.trade.distributor_id,
        )

    await run_migration()

    assert shop.uses == []
    assert await differences() == []
    assert [await shop.void(call_no) for call_no in reversed(calls)] == [0, -10]
    assert await differences() == []


@pytest.mark.parametrize(
    ("amount", "counters"),
    [(5, {"amount", "packages"}), (20, {"amount", "packages"}), (0, {"packages"})],
)
async def test_an_old_amount_that_is_none_of_the_old_rule_is_told(
    shop: OldShop, amount: int, counters: set[str]
) -> None:
    call_no = await shop.book(60)
    await shop.book(10)
    shop.forget()
    shop.set_amount(call_no, amount)

    await run_migration()

    deviations = {(item.table, item.counter) for item in await differences()}
    assert deviations == {("amounts", counter) for counter in counters}
    shop.set_amount(call_no, 10)
    shop.pool.query(
        "delete from app_package_use where distributor_id = %s", shop.trade.distributor_id
    )
    await run_migration()
    assert await differences() == []
