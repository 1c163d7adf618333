"""
Every statement of a report goes by the index that it should, and by as much of it as it should.

Which plan the optimiser likes goes by what it believes of the rows; so these hold on a small ledger
what must hold on a large one: each table of rows is read by the index that is named, by the columns
that say whose rows of which days, and never as a whole.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.clock import quota_month
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.closing import overview
from pipeline_dist.reports import call_rows, calls, figures, usage, usage_groups
from pipeline_dist.reports.statement import statement
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.entries import insert_entries
from pipeline_ops.reports import (
    figure_periods,
    pipeline_figures,
    price_preview,
    stats,
    usage_figures,
)
from pipeline_ops.rollup.build import build_next_day, last_day_over, raise_fences
from pipeline_ops.rules.repricing import Trial
from tests.support.installation import Installation
from tests.support.trade import EVENING, Clock, Trade, add_price, make_trade, past_call

LEDGER, SUMS = "pipeline_usage_log", "app_usage_day"
# Bytes of the columns that an index begins with: of a distributor or pipeline and some of the next;
# of a kind and a day or a month.
ID, KIND, DAY, MONTH = 32 * 4 + 3, 16 * 4 + 2, 10 * 4 + 2, 7 * 4 + 2
KEY_BYTES = {
    f"{LEDGER}_pipeline_day": ID + DAY,
    f"{LEDGER}_distributor_time": ID + 1,
    f"{LEDGER}_distributor_month": ID + MONTH,
    f"{LEDGER}_entry": ID + 1,
    f"{LEDGER}_reference": ID + 1,
    f"{LEDGER}_client_ref": ID + 128 * 4 + 3,
    # And the number of the row within its call.
    f"{LEDGER}_pipeline_time": ID + 4,
    f"{LEDGER}_PRIMARY": ID - 1,
    f"{SUMS}_day": KIND + DAY,
    f"{SUMS}_month": KIND + MONTH,
    # Its distributor is never null.
    "PRIMARY": ID - 1 + KIND + DAY,
}
BY_TIME, BY_PIPELINE = f"{LEDGER}_distributor_time", f"{LEDGER}_pipeline_day"
BY_NUMBER, BY_MONTH = f"{LEDGER}_entry", f"{LEDGER}_distributor_month"
SUMS_BY_DAY, SUMS_BY_MONTH = f"{SUMS}_day", f"{SUMS}_month"


class Plans:
    """The plans of all statements that read the ledger or its sums from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[dict[str, Any]] = []
        read_tuples, plans = SafeSqlor.tuples, self

        async def explain(sor: SafeSqlor, sql: str, values: Any) -> None:
            if LEDGER in sql or SUMS in sql:
                columns = ("id", "kind", "table", "type", "keys", "key", "bytes")
                for row in await read_tuples(sor, "explain " + sql, values):
                    plans.rows.append(dict(zip(columns, row, strict=False)) | {"sql": sql})

        read_rows = SafeSqlor.sqlExe

        async def sql_exe(sor: SafeSqlor, sql: str, values: Any) -> Any:
            await explain(sor, sql, values)
            return await read_rows(sor, sql, values)

        async def tuples(sor: SafeSqlor, sql: str, values: Any) -> Any:
            await explain(sor, sql, values)
            return await read_tuples(sor, sql, values)

        monkeypatch.setattr(SafeSqlor, "sqlExe", sql_exe)
        monkeypatch.setattr(SafeSqlor, "tuples", tuples)

    def indexes(self) -> set[str]:
        """The indexes that were used of the ledger and of its sums, each by enough of it."""
        plans = [row for row in self.rows if row["table"] in ("u", SUMS)]
        for row in plans:
            if (row["table"], row["key"]) == ("u", "PRIMARY"):
                row["key"] = f"{LEDGER}_PRIMARY"
            key = row["key"]
            assert key in KEY_BYTES, row
            assert int(row["bytes"]) >= KEY_BYTES[key], row
            assert row["type"] in ("range", "ref"), row
        return {row["key"] for row in plans}


@pytest.fixture
async def trade(hands: Clock, pool: Installation) -> Trade:
    """A pipeline with calls of three months, all of one distributor; kept but for three days."""
    for table in ("app_usage_rollup", "app_usage_dirty", SUMS):
        pool.query(f"delete from {table}")
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    pipeline_id = trade.rows["pipelines"]["id"]
    past_calls = [
        past_call(pipeline_id, trade.distributor_id, EVENING - timedelta(days=day, minutes=minute))
        for day in range(90)
        for minute in range(9)
    ]
    await in_transaction(lambda sor: insert_entries(sor, past_calls))
    for number in range(20):
        await trade.book_call(number)
    hands.moment = EVENING + timedelta(days=2)
    await raise_fences(last_day_over())
    while await build_next_day(last_day_over()):
        pass
    await trade.book_call(2)
    await in_transaction(lambda sor: mark_days(sor, [(trade.distributor_id, "2026-11-15")]))
    return trade


async def test_a_distributors_sums(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept by the key, and what is not by the time of calls."""
    plans = Plans(monkeypatch)
    async with reading(snapshot=True) as sor:
        span = usage.whole_days("2026-09-10", "2026-12-02")
        for group in (*usage_groups.GROUPS, "tag:team", "day,model"):
            await usage.sums(sor, trade.distributor_id, span, group)
        await usage.total(sor, trade.distributor_id, span)
        for group in figures.GROUPS:
            await figures.sums(sor, trade.distributor_id, span, group, None)

    assert plans.indexes() == {"PRIMARY", BY_TIME}


async def test_its_days_at_exact_times(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans(monkeypatch)
    async with reading(snapshot=True) as sor:
        span = usage.span("2026-09-10T12:00:00Z", "2026-11-02T12:00:00Z")
        await usage.sums(sor, trade.distributor_id, span, "day")

    assert plans.indexes() == {"PRIMARY", BY_TIME}


async def test_its_calls(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each list by the index that has its order; of lines and states, by that of each of them."""
    plans = Plans(monkeypatch)
    by_group = {f"{LEDGER}_pipeline_time", f"{LEDGER}_PRIMARY"}
    queries: list[tuple[dict[str, Any], set[str]]] = [
        ({"first": EVENING - timedelta(days=9)}, {BY_TIME}),
        ({"client_ref": "order 1"}, {f"{LEDGER}_client_ref"}),
        ({"status": "succeeded"}, by_group),
        ({"pipeline": trade.code, "first": EVENING - timedelta(days=9)}, by_group),
        ({"pipeline": trade.code, "status": "succeeded"}, by_group),
    ]
    for query, indexes in queries:
        plans.rows.clear()
        async with reading(snapshot=True) as sor:
            await calls.list_calls(sor, "me", trade.distributor_id, call_rows.Page(10, **query))

        assert plans.indexes() == indexes
    async with reading() as sor:
        tags = (("team", "a"), ("env", "b"))
        await calls.list_calls(sor, "me", trade.distributor_id, call_rows.Page(10, tags=tags))
    keys = {row["table"]: row["key"] for row in plans.rows}
    assert (keys["t"], keys["t1"], keys["u"]) == (
        "app_call_tag_value", "PRIMARY", f"{LEDGER}_call",
    )  # fmt: skip


async def test_its_lines(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans(monkeypatch)
    async with reading(snapshot=True) as sor:
        for span in (usage.whole_days("2026-09-10", "2026-12-02"), usage.month_span("2026-11")):
            page = usage.Page(span, 100, (3, 0), {})
            await usage.list_lines(sor, "me", trade.distributor_id, page)

    assert plans.indexes() == {"PRIMARY", SUMS_BY_MONTH, BY_TIME, BY_NUMBER}


async def test_its_statement(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections are looked for by the month, once the sums say that there are any."""
    plans = Plans(monkeypatch)
    async with reading(snapshot=True) as sor:
        distributor = await read_distributor(sor, trade.distributor_id)
        assert distributor is not None
        await statement(sor, distributor, "2026-11")

    assert plans.indexes() == {SUMS_BY_MONTH, BY_TIME, f"{LEDGER}_reference"}


async def test_everybodys(trade: Trade, hands: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """By pipeline and day, also of the days that run."""
    plans = Plans(monkeypatch)
    await stats._figures()
    await pipeline_figures._days(trade.rows["pipelines"]["id"], hands.moment)

    assert plans.indexes() == {SUMS_BY_DAY, SUMS_BY_MONTH, BY_PIPELINE, BY_TIME}


@pytest.mark.parametrize("group_by", usage_figures.GroupBy)
async def test_a_period(trade: Trade, hands: Clock, monkeypatch: pytest.MonkeyPatch,
                        group_by: usage_figures.GroupBy) -> None:  # fmt: skip
    plans = Plans(monkeypatch)
    for period in ("today", "90d"):
        for whose in (None, trade.rows["pipelines"]["id"]):
            query = {"period": period, "first_day": None, "last_day": None}
            comparison = figure_periods.comparison_of(query, hands.moment)
            question = usage_figures.Question(comparison, group_by, whose)
            await usage_figures._figures(question, hands.moment)

    assert plans.indexes() == {SUMS_BY_DAY, BY_PIPELINE, BY_TIME}


async def test_all_months(trade: Trade, hands: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans(monkeypatch)
    pair = {"distributor_id": trade.distributor_id, "month": quota_month(hands.moment)}
    async with reading(snapshot=True) as sor:
        await overview._amounts(sor, [pair])  # type: ignore[list-item]

    assert plans.indexes() == {SUMS_BY_MONTH, BY_PIPELINE, BY_TIME}


async def test_prices_on_trial(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans(monkeypatch)
    trial = Trial({trade.rows["pipelines"]["id"]: []})
    async with reading(snapshot=True) as sor:
        await price_preview.price_preview(sor, "2026-11", trade.distributor_id, trial)

    assert plans.indexes() == {SUMS_BY_MONTH, BY_TIME, BY_NUMBER}


async def test_nothing_is_kept_yet(trade: Trade, pool: Installation,
                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A month by its index, days by the time of calls; what is archived stands in the sums."""
    pool.query("delete from app_usage_rollup")
    plans = Plans(monkeypatch)
    async with reading(snapshot=True) as sor:
        for span in (usage.whole_days("2026-09-10", "2026-12-02"), usage.month_span("2026-11")):
            await usage.sums(sor, trade.distributor_id, span, "day")

    assert plans.indexes() == {"PRIMARY", SUMS_BY_MONTH, BY_TIME, BY_MONTH}
