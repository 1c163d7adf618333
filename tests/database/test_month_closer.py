"""Months that a worker closes: days after their end, in order, unless people are to do it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.db.numbered import migration_files, read_migrations
from app.db.pool import raw_connection
from app.db.transactions import in_transaction
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.closing.close import close_month
from pipeline_dist.closing.due import close_due, due_month
from pipeline_dist.reports.statement import statement
from pipeline_ops.calls.sweeper import expire_overdue
from tests.support.installation import Installation
from tests.support.trade import MIDNIGHT, Clock, Trade, add_price, make_trade

NOVEMBER, DECEMBER = "2026-11", "2026-12"
AFTER = MIDNIGHT + timedelta(hours=2)


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor with a call in November."""
    seller = await make_trade()
    await add_price(seller, unit_price=Decimal("0.5"))
    await seller.book_call(7)
    return seller


async def test_a_worker_closes_days_after_the_end_and_waits_for_calls(
    trade: Trade, hands: Clock
) -> None:
    await trade.begin(lease_seconds=86_400)
    for days, closed_month in ((2.9, None), (3.1, None)):
        hands.moment = MIDNIGHT + timedelta(days=days)
        await close_due(hands.moment)
        assert (await trade.row("distributors")).closed_month == closed_month

    await expire_overdue(hands.moment)
    await close_due(hands.moment)

    assert (await trade.row("distributors")).closed_month == NOVEMBER


async def test_a_worker_lets_months_before_the_distributor_be_entered_until_its_first_is_due(
    trade: Trade, hands: Clock
) -> None:
    await trade.begin(status="succeeded", started_at=datetime(2026, 8, 5, tzinfo=UTC))
    await close_due(hands.moment)
    assert (await trade.row("distributors")).closed_month is None

    hands.moment = MIDNIGHT + timedelta(days=4)
    await close_due(hands.moment)

    assert (await trade.row("distributors")).closed_month == NOVEMBER


async def test_a_worker_leaves_what_was_over_at_the_migration_to_people(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    await trade.begin(status="succeeded", started_at=datetime(2026, 8, 5, tzinfo=UTC))
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("update distributors set statements_from = %s where id = %s",
                       (NOVEMBER, trade.distributor_id))  # fmt: skip
        connection.commit()
    hands.moment = MIDNIGHT + timedelta(days=4)
    await close_due(hands.moment)
    assert (await trade.row("distributors")).closed_month is None

    await in_transaction(
        lambda sor: close_month(sor, trade.distributor_id, "2026-08", SYSTEM_ACTOR)
    )
    await close_due(hands.moment)

    assert (await trade.row("distributors")).closed_month == NOVEMBER


async def test_what_one_distributor_cannot_close_keeps_nobody_else_open(
    trade: Trade, hands: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = await make_trade()
    await add_price(other, unit_price=Decimal(1))
    await other.book_call(1)
    # Whoever comes first in the order fails.
    sellers = {(await one.row("distributors")).code: one for one in (trade, other)}
    first, second = (sellers[code] for code in sorted(sellers))

    async def fail_for_first(sor: Any, distributor: Distributor, *rest: Any) -> Any:
        if distributor.id == first.distributor_id:
            raise RuntimeError("too long for a packet")
        return await statement(sor, distributor, *rest)

    monkeypatch.setattr("pipeline_dist.closing.close.statement", fail_for_first)
    hands.moment = MIDNIGHT + timedelta(days=4)
    await close_due(hands.moment)

    assert (await first.row("distributors")).closed_month is None
    assert (await second.row("distributors")).closed_month == NOVEMBER
    assert "failed" in caplog.text


async def test_the_migration_says_from_which_month_on(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    newcomer = await make_trade()
    await add_price(newcomer, unit_price=Decimal(1))
    hands.moment = AFTER
    await newcomer.book_call(1)

    files = [path for path in migration_files() if path.stem == "0006_open_months"]
    async with raw_connection() as connection, connection.cursor() as cursor:
        await read_migrations(files)[0].run(cursor)
        await connection.commit()

    assert (await trade.row("distributors")).statements_from == DECEMBER
    assert (await newcomer.row("distributors")).statements_from is None


def test_what_is_due_goes_by_the_quota_zone(hands: Clock) -> None:
    clock.set_zone("America/Los_Angeles")
    assert due_month(datetime(2026, 12, 4, 7, 59, tzinfo=UTC)) == "2026-10"
    assert due_month(datetime(2026, 12, 4, 8, 0, tzinfo=UTC)) == NOVEMBER
