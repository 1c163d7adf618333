"""Reports say of archived months what they said before, to the last digit, whatever is built."""

import asyncio
import random
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

import pytest

from app.db.transactions import in_transaction, reading
from pipeline_dist.admission import service as admission
from pipeline_dist.reports import figures, usage
from pipeline_ops.archiving.restore import restore_batch
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.reports import pipeline_figures, stats
from pipeline_ops.reports.price_preview import price_preview
from pipeline_ops.rollup.build import forget_days
from pipeline_ops.rules.repricing import Trial
from pipeline_ops.rules.usage_lines import usage_lines
from tests.support.archives import (
    DECEMBER,
    JANUARY,
    NOVEMBER,
    History,
    archive,
    make_seller,
    story,
    void,
)
from tests.support.day_sums import build_days
from tests.support.installation import Installation
from tests.support.trade import MIDNIGHT, Clock, Trade, add_price, begin_call, differences

EVE = "2026-11-30"
LATER = timedelta(days=32)
MODELS: list[dict[str, Any]] = [{}, {"model": "m"}, {"model": "M", "step_key": "s"}]
GROUPS = ("day", "pipeline", "model", "step")


@pytest.fixture(autouse=True)
async def _from_the_start(
    hands: Clock, pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = History.lines

    def lines_of_models(history: History) -> list[dict[str, Any]]:
        """What a call used, by several steps and models."""
        return [
            {**line, "quantity": line["quantity"] + number, **more}
            for line in lines(history)
            for number, more in enumerate(history.dice.sample(MODELS, history.dice.randint(1, 3)))
        ]

    monkeypatch.setattr(History, "lines", lines_of_models)
    for rows in ("app_usage_rollup", "app_usage_dirty", "app_usage_day where row_no > 0"):
        pool.query(f"delete from {rows}")


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    """A distributor whose November and December are closed; it is January."""
    seller = await make_seller()
    await add_price(seller, model="m", unit_price=Decimal("0.25"))
    await story(seller, hands, seed=1)
    return seller


async def reports(trade: Trade, moment: datetime) -> list[Any]:
    """All that reports say of the distributor, by days, months, and from and up to a moment."""
    owner, pipeline_id = trade.distributor_id, trade.rows["pipelines"]["id"]
    first, last = "2026-10-15", "2027-02-01"
    spans = [usage.whole_days(first, last), usage.span("2026-12-01T10:30:00Z", None)]
    spans += [usage.whole_days(day, day) for day in (EVE, "2026-12-01", "2027-01-01")]
    spans += [usage.month_span(month) for month in (NOVEMBER, DECEMBER, JANUARY)]
    answers: list[Any] = []
    async with reading(snapshot=True) as sor:
        for span in spans:
            answers.append(await usage.total(sor, owner, span))
            answers += [await usage.sums(sor, owner, span, group) for group in GROUPS]
        for span, group, code in product(spans[:5], GROUPS, (None, trade.code)):
            answers.append(await figures.sums(sor, owner, span, group, code))
        answers.append(await price_preview(sor, JANUARY, owner, Trial()))
    dashboard = await stats._figures()
    answers.append({name: value for name, value in dashboard.items() if name != "near_limit"})
    answers.append((await pipeline_figures._days(pipeline_id, moment))[1])
    return answers


def batches_of(pool: Installation, trade: Trade) -> list[str]:
    rows = pool.query(
        "select id from app_archive_batch where distributor_id = %s and state = 'archived'"
        " order by id", trade.distributor_id,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def book_late(trade: Trade, key: str) -> str:
    """Book in January a call of the last day of November."""
    command = begin_call(
        trade.code, idempotency_key=key, status="succeeded",
        started_at=MIDNIGHT - timedelta(hours=3),
        lines=usage_lines([
            {"unit": unit, "model": model, "quantity": Decimal(3)}
            for unit, model in (("call", ""), ("image", ""), ("page", ""))
        ]),
    )  # fmt: skip
    return str((await admission.begin(trade.distributor_id, command)).call["call_no"])


class _World:
    """Looks whether reports and the check of the ledger say what they should."""

    def __init__(self, pool: Installation, trade: Trade, moment: datetime) -> None:
        self.pool, self.trade, self.moment = pool, trade, moment
        self.answers: list[Any] = []

    async def look(self) -> None:
        self.answers = await reports(self.trade, self.moment)

    async def check(self) -> None:
        """The same is told before and after what is due is built, and nothing differs."""
        assert await reports(self.trade, self.moment) == self.answers
        assert await differences() == []
        await build_days()
        assert await reports(self.trade, self.moment) == self.answers
        assert await differences() == []


@pytest.mark.parametrize("seed", range(2))
async def test_reports_say_the_same_of_what_is_archived(
    pool: Installation, hands: Clock, seed: int
) -> None:
    dice = random.Random(seed)
    trade = await make_seller()
    await add_price(trade, model="m", unit_price=Decimal("0.25"))
    await story(trade, hands, seed, count=20)
    if seed % 2:
        await build_days()
    world = _World(pool, trade, hands.moment)
    await world.look()
    most = dice.choice((2, 7, 50_000))
    for month in (NOVEMBER, DECEMBER):
        await archive(trade, month, most)
        await world.check()

    late = await book_late(trade, "late")
    await world.look()
    await world.check()
    await void(late)
    await world.look()
    await world.check()
    await in_transaction(lambda sor: mark_days(sor, [(trade.distributor_id, "2026-12-01")]))
    await world.check()
    await forget_days()
    await world.check()

    for batch_id in reversed(batches_of(pool, trade)):
        await in_transaction(partial(restore_batch, batch_id=batch_id))
        if dice.random() < 0.3:
            await world.check()
    await world.check()


async def test_of_a_day_that_is_shared_only_what_is_there_is_built(
    pool: Installation, hands: Clock, trade: Trade
) -> None:
    await build_days()
    whole = usage.whole_days(EVE, EVE)
    async with reading() as sor:
        before = await usage.sums(sor, trade.distributor_id, whole, "pipeline")
    await archive(trade, NOVEMBER)
    await build_days()

    await book_late(trade, "late")
    await build_days()

    async with reading() as sor:
        after = await usage.sums(sor, trade.distributor_id, whole, "pipeline")
    added = [
        {"unit": two["unit"], "calls": two["calls"] - one["calls"],
         "quantity": two["quantity"] - one["quantity"]}
        for one, two in zip(before, after, strict=True)
    ]  # fmt: skip
    assert [one for one in added if one["unit"]] == [
        {"unit": unit, "calls": 1, "quantity": Decimal(3)} for unit in ("call", "image", "page")
    ]
    assert await differences() == []


async def test_a_part_of_an_archived_day_is_told_without_names(
    pool: Installation, hands: Clock, trade: Trade
) -> None:
    """What of a day is in its first hours, only the stubs say."""
    parts = [
        usage.span(f"{EVE}T00:00:00Z", "2026-11-30T15:00:10Z"),
        usage.span("2026-11-30T15:00:10Z", "2026-12-20"),
    ]
    async with reading() as sor:
        before = [await usage.total(sor, trade.distributor_id, part) for part in parts]
    await archive(trade, NOVEMBER)
    await build_days()

    async with reading() as sor:
        after = [await usage.total(sor, trade.distributor_id, part) for part in parts]
        groups = [await usage.sums(sor, trade.distributor_id, part, "model") for part in parts]
    assert after == before
    for total, rows in zip(after, groups, strict=True):
        assert sum((row["amount"] for row in rows), Decimal(0)) == total["amount"]


async def test_the_check_tells_and_repairs_sums_that_the_files_do_not_have(
    pool: Installation, hands: Clock, trade: Trade
) -> None:
    await build_days()
    await archive(trade, NOVEMBER)
    await build_days()
    answers = await reports(trade, hands.moment)
    (batch_id,) = batches_of(pool, trade)
    pool.query(
        "update app_usage_day set amount = amount + 0.0000000001, month_calls = month_calls + 1"
        " where kind = 'line' and archive_batch = %s limit 1", batch_id,
    )  # fmt: skip

    deviations = [item for item in await differences() if item.table == "app_usage_day"]

    assert {item.counter.split(" of ")[0] for item in deviations} == {"amount", "month_calls"}
    assert {item.row_id for item in deviations} == {batch_id}
    assert "made anew" in pool.manage("check-ledger", "--repair", check=False).stdout
    assert await differences() == []
    assert await reports(trade, hands.moment) == answers


@pytest.mark.parametrize("more", [[], ["--rebuild"]])
async def test_a_batch_without_sums_gets_them_from_its_file(
    pool: Installation, hands: Clock, trade: Trade, more: list[str]
) -> None:
    """As it is where it was archived before there were any: its rows stand in the days' own."""
    await build_days()
    answers = await reports(trade, hands.moment)
    await archive(trade, NOVEMBER, 5)
    pool.query("delete from app_usage_day where archive_batch <> ''")
    pool.query("delete from app_usage_dirty")
    assert any(item.table == "app_usage_day" for item in await differences())

    process = pool.manage("usage-days", *more)

    assert "batch 1 of" in process.stdout
    assert await reports(trade, hands.moment) == answers
    assert await differences() == []


@pytest.mark.parametrize("place", ["chosen", "locked", "reduced", "marked"])
async def test_days_that_are_built_while_a_batch_goes_lose_nothing(
    pool: Installation, hands: Clock, trade: Trade, place: str
) -> None:
    await build_days()
    answers = await reports(trade, hands.moment)
    builders: list[asyncio.Task[None]] = []

    async def build_again_and_again() -> None:
        for _ in range(3):
            await in_transaction(lambda sor: mark_days(sor, [(trade.distributor_id, EVE)]))
            await build_days()

    def build(step: str) -> None:
        if step == place and not builders:
            builders.append(asyncio.create_task(build_again_and_again()))

    await archive(trade, NOVEMBER, 9, build)
    await asyncio.gather(*builders)

    assert builders
    assert await reports(trade, hands.moment) == answers
    await build_days()
    assert await reports(trade, hands.moment) == answers
    assert await differences() == []
