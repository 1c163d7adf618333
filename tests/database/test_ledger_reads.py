"""Questions asked under a lock read few rows of a large ledger."""

from datetime import UTC, datetime, timedelta

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.base.refusals import InUse
from app.db.transactions import in_transaction, reading
from pipeline_dist.accounts import distributors
from pipeline_ops.ledger import entries as ledger
from tests.support.installation import Installation
from tests.support.reads import reads_of, statements_of
from tests.support.trade import Clock, Trade, make_trade, past_call

CALLS_A_DAY = 60
DAYS = 28
FIRST = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)  # 04:00 in Shanghai, on the first of November
FEW = 4 * CALLS_A_DAY


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor with a month of calls of its pipeline."""
    seller = await make_trade()
    rows = [
        past_call(seller.rows["pipelines"]["id"], seller.distributor_id, started_at)
        for day in range(DAYS)
        for number in range(CALLS_A_DAY)
        for started_at in [FIRST + timedelta(days=day, minutes=number)]
    ]
    await in_transaction(lambda sor: ledger.insert_entries(sor, rows))
    pool.query("analyze table pipeline_usage_log")
    return seller


@pytest.mark.parametrize("whose", [("distributor_id",), ("distributor_id", "pipeline_id")])
async def test_the_calls_of_a_day_are_counted_without_reading_the_month(
    trade: Trade, whose: tuple[str, ...]
) -> None:
    ids = {"distributor_id": trade.distributor_id, "pipeline_id": trade.rows["pipelines"]["id"]}
    filters = {name: ids[name] for name in whose}
    async with reading() as sor:
        count, reads = await reads_of(sor, ledger.count_calls(sor, "2026-11-20", **filters))

    assert count == CALLS_A_DAY
    assert reads < FEW


async def test_a_call_keeps_its_day_when_the_quota_zone_is_changed(trade: Trade) -> None:
    clock.set_zone("America/Los_Angeles")  # there the calls began the day before

    async with reading() as sor:
        count = await ledger.count_calls(sor, "2026-11-20", distributor_id=trade.distributor_id)

    assert count == CALLS_A_DAY


async def test_a_distributor_s_calls_are_told_from_an_index_alone(
    pool: Installation, trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = trade.rows["distributor_pipeline"]["id"]
    pool.query("delete from distributor_pipeline where id = %s", link)
    statements = statements_of(monkeypatch)

    with pytest.raises(InUse) as caught:
        await in_transaction(
            lambda sor: distributors.SERVICE.delete(sor, trade.distributor_id, None, SYSTEM_ACTOR)
        )

    ((text, values),) = [one for one in statements if "pipeline_usage_log" in one[0]]
    async with reading() as sor:
        (plan,) = await sor.sqlExe(f"explain {text}", values)
        (first,) = await sor.sqlExe(
            "select min(call_no) as call_no from pipeline_usage_log where distributor_id = ${id}$",
            {"id": trade.distributor_id},
        )
    assert "Using index" in plan["extra"].split("; ")
    assert caught.value.extra["referrers"] == [
        {"table": "pipeline_usage_log", "id": first["call_no"], "label": "pipeline_usage_log",
         "count": DAYS * CALLS_A_DAY}
    ]  # fmt: skip
