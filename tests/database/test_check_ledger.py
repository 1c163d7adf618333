"""check-ledger: it finds every counter that is wrong, and repairs counters and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.base import clock
from app.db.transactions import in_transaction, reading
from pipeline_dist.reports.statement import statement
from pipeline_ops.ledger.check import check
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import EVENING, MIDNIGHT, Clock, Trade, add_price, make_trade

COUNTERS = [
    ("pipeline_capacity", "day_used"),
    ("pipeline_capacity", "month_used"),
    ("pipeline_capacity", "running"),
    ("distributor_pipeline", "day_used"),
    ("distributor_pipeline", "month_used"),
    ("distributors", "quota_used"),
    ("distributors", "spend_used"),
]


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """Calls of two months in every status, one of them running."""
    quotas = {"daily_quota": 99, "monthly_quota": 99}
    seller = await make_trade(
        pipeline_capacity=quotas | {"max_concurrency": 9},
        distributor_pipeline=quotas,
        distributors={"quota_period": "month", "quota_calls": 99},
    )
    await add_price(seller, unit_price=Decimal("0.123457"))
    for moment in (EVENING, MIDNIGHT + timedelta(hours=1)):
        hands.moment = moment
        await seller.finish(await seller.begin(), call="3")
        await seller.finish(await seller.begin(), "failed", call="1")
        await seller.finish(await seller.begin(), "cancelled")
        await seller.book_call(7)
    await seller.begin()
    return seller


async def spoil(trade: Trade, table: str, **fields: object) -> None:
    row_id = trade.rows[table]["id"]
    await in_transaction(lambda sor: sor.U(table, {"id": row_id, **fields}))


@pytest.mark.parametrize(("table", "counter"), COUNTERS)
async def test_each_counter_is_found_and_repaired_and_nothing_else(
    pool: Installation, trade: Trade, table: str, counter: str
) -> None:
    right = (await trade.row(table))[counter]
    before = pool.query("select * from pipeline_usage_log order by id")
    await spoil(trade, table, **{counter: right + 1})

    process = pool.manage("check-ledger", "--repair", check=False)

    assert process.returncode == 0, process.stdout + process.stderr
    assert trade.code in process.stdout
    assert "1 difference(s)" in process.stdout
    report, repair = (process.stdout.index(text) for text in ("should be", "set to"))
    assert report < repair
    assert (await trade.row(table))[counter] == right
    assert pool.query("select * from pipeline_usage_log order by id") == before
    async with reading(snapshot=True) as sor:
        assert await check(sor) == []


async def test_one_month_is_checked_alone(pool: Installation, trade: Trade) -> None:
    row = await trade.row("distributor_pipeline")
    assert row.month_key == "2026-12"
    await spoil(trade, "distributor_pipeline", month_used=row.month_used + 5)

    assert pool.manage("check-ledger", "--month", "2026-11").returncode == 0
    assert pool.manage("check-ledger", "--month", "2026-12", check=False).returncode == 1
    await spoil(trade, "distributor_pipeline", month_used=row.month_used)


@pytest.mark.parametrize("month", ["2026-1", "2026-13", "november"])
def test_a_month_that_is_none_is_refused(database: Installation, month: str) -> None:
    process = database.manage("check-ledger", "--month", month, check=False)

    assert process.returncode == 2
    assert f"{month!r} is no month: give one such as 2026-11." in process.stderr
    assert process.stdout == ""


async def test_counters_ledger_and_statements_say_the_same(trade: Trade) -> None:
    distributor = await trade.row("distributors")
    async with reading(snapshot=True) as sor:
        assert await check(sor) == []
        months = [await statement(sor, distributor, month) for month in ("2026-11", "2026-12")]
    assert [month_statement["calls"] for month_statement in months] == [3, 4]
    assert sum(month_statement["amount"] for month_statement in months) == distributor.spend_used
    assert distributor.spend_used == 2 * 11 * Decimal("0.123457")
    assert distributor.quota_used == 4


async def test_an_amount_that_no_statement_lists_is_found_and_left(
    pool: Installation, trade: Trade
) -> None:
    change = "update pipeline_usage_log set amount = %s where unit = '' and pipeline_id = %s"
    pipeline_id = trade.rows["pipelines"]["id"]
    with without_triggers(pool), pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute(change + " limit 1", (1, pipeline_id))
        process = pool.manage("check-ledger", "--repair", "--month", "2026-11", check=False)
        cursor.execute(change, (0, pipeline_id))

    assert process.returncode == 1
    assert f"statement {trade.code} 2026-11 amount" in process.stdout
    assert "left as it is" in process.stdout
    assert clock.quota_month(EVENING) == "2026-11"
