"""Figures of a ledger that is slow to read are remembered, and say from when they are."""

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest

from app.base.actor import SYSTEM_ACTOR
from pipeline_ops.reports import cache
from pipeline_ops.reports.pipeline_figures import pipeline_figures
from pipeline_ops.reports.stats import usage_stats
from tests.support.trade import EVENING, MIDNIGHT, Clock, add_price, make_trade

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock of what is remembered is a second after the one before."""
    memory = cache.SlowAnswerCache(itertools.count().__next__)
    for module in ("stats", "pipeline_figures"):
        monkeypatch.setattr(f"pipeline_ops.reports.{module}.slow_answer", memory.ask)


async def test_what_a_pipeline_did_is_remembered_and_what_is_set_for_it_is_not(
    hands: Clock, slow: None
) -> None:
    trade = await make_trade(pipeline_capacity={"daily_quota": 9})
    result = {"pipeline_id": trade.rows["pipelines"]["id"]}
    await trade.begin()
    first = await pipeline_figures(SYSTEM_ACTOR, result)
    hands.moment += timedelta(seconds=40)
    await trade.begin()
    await add_price(trade, unit_price=Decimal(1))

    second = await pipeline_figures(SYSTEM_ACTOR, result)

    assert (first["today"]["calls"], second["today"]["calls"]) == (1, 1)
    assert (second["counted_at"], second["now"]) == (EVENING, hands.moment)
    assert len(second["running"]) == 2
    assert (second["gauges"][0]["used"], len(second["prices"])) == (2, 1)
    hands.moment = MIDNIGHT  # another day is another question
    third = await pipeline_figures(SYSTEM_ACTOR, result)
    assert (third["today"]["calls"], third["counted_at"]) == (0, MIDNIGHT)


async def test_the_overview_tells_from_when_its_figures_are(hands: Clock, slow: None) -> None:
    trade = await make_trade()
    first = await usage_stats(SYSTEM_ACTOR, {})
    hands.moment += timedelta(seconds=40)
    await trade.begin()

    second = await usage_stats(SYSTEM_ACTOR, {})

    assert second == first
    assert second["now"] == EVENING


async def test_quick_figures_are_fresh(hands: Clock) -> None:
    trade = await make_trade()
    result = {"pipeline_id": trade.rows["pipelines"]["id"]}

    for calls in (1, 2):
        await trade.begin()
        assert (await pipeline_figures(SYSTEM_ACTOR, result))["today"]["calls"] == calls
        assert (await usage_stats(SYSTEM_ACTOR, {}))["now"] == hands.moment
        hands.moment += timedelta(seconds=1)
