"""Sums of days are what the ledger says, whatever was written meanwhile, and whoever wrote it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.base.clock import quota_day, quota_month
from app.base.errors import AppError
from app.db.transactions import in_transaction, reading, transaction
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.admission import service as admission
from pipeline_dist.reports import figures, usage
from pipeline_dist.reports.statement import statement
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.states import EntryType
from pipeline_ops.reports import figure_periods, pipeline_figures, stats, usage_figures
from pipeline_ops.reports.recent import last_hours
from pipeline_ops.rollup import build
from pipeline_ops.rollup.build import (
    build_again,
    build_next_day,
    built_day,
    find_marks,
    last_day_over,
    raise_fences,
)
from pipeline_ops.rollup.kinds import TOTALS
from pipeline_ops.rollup.read import Use, of_month, usage_source
from pipeline_ops.rollup.running import due_distributors, sum_up_running
from pipeline_ops.rules.usage_lines import usage_lines
from tests.database.test_spend_histories import another, credit
from tests.support.day_sums import build_days
from tests.support.installation import Installation
from tests.support.long_form import by_form
from tests.support.trade import (
    MIDNIGHT,
    Clock,
    Trade,
    add_price,
    begin_call,
    differences,
    finish_call,
    make_trade,
)

STEPS = 80
EVE = "2026-11-30"
# Soon after midnight the day before is not kept yet.
LATER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
async def _from_the_start(hands: Clock, pool: Installation) -> None:
    pool.query("delete from app_usage_rollup")
    pool.query("delete from app_usage_running")
    pool.query("delete from app_usage_dirty")
    pool.query("delete from app_usage_day where row_no > 0")


async def marks() -> list[tuple[str, str]]:
    async with reading() as sor:
        rows = await sor.tuples("select distributor_id, day_key from app_usage_dirty", {})
    return [(str(whose), str(day)) for whose, day in rows]


async def sums_of(trade: Trade, day: str) -> tuple[int, Decimal]:
    """Calls and amount of a distributor's day, as reports say them."""
    async with reading(snapshot=True) as sor:
        row = await usage.total(sor, trade.distributor_id, usage.whole_days(day, day))
    return row["calls"], row["amount"]


async def kept_sums(trade: Trade, day: str) -> list[tuple[int, Decimal]]:
    """The same, as they are kept."""
    async with reading() as sor:
        rows = await sor.tuples(
            "select calls, amount from app_usage_day where kind = 'total'"
            " and distributor_id = ${whose}$ and day_key = ${day}$",
            {"whose": trade.distributor_id, "day": day},
        )
    return [(int(calls), amount) for calls, amount in rows]


async def paid_trade() -> Trade:
    trade = await make_trade()
    await add_price(trade, unit_price=Decimal(1))
    return trade


class TestWhatIsMarked:
    async def test_a_day_that_runs_is_not(self, hands: Clock) -> None:
        trade = await paid_trade()
        await raise_fences(last_day_over())

        await trade.book_call(2)
        call_no = await trade.begin()
        await trade.finish(call_no, call=3)

        assert await marks() == []

    async def test_every_day_is_where_no_fence_stands(self, hands: Clock) -> None:
        trade = await paid_trade()

        await trade.book_call(2)

        assert await marks() == [(trade.distributor_id, EVE)]

    async def test_a_call_of_a_day_that_is_kept_is(self, hands: Clock) -> None:
        trade = await paid_trade()
        hands.moment = MIDNIGHT + LATER
        await raise_fences(last_day_over())

        command = begin_call(
            trade.code, idempotency_key="late", status="succeeded",
            started_at=MIDNIGHT - timedelta(hours=1),
            lines=usage_lines([{"unit": "call", "quantity": Decimal(1)}]),
        )  # fmt: skip
        await admission.begin(trade.distributor_id, command)

        assert await marks() == [(trade.distributor_id, EVE)]

    @pytest.mark.parametrize("how", ["finish", "cancel", "sweep", "void"])
    async def test_the_day_of_a_call_that_changes_later_is(self, hands: Clock, how: str) -> None:
        trade = await paid_trade()
        await build_days()
        call_no = await trade.begin(lease_seconds=600)
        if how == "void":
            await trade.finish(call_no, call=2)
        hands.moment = MIDNIGHT + LATER
        await build_days()
        assert await marks() == []
        before = await sums_of(trade, EVE)

        if how == "sweep":
            await expire_overdue(hands.moment)
        elif how == "void":
            await void(call_no)
        else:
            await trade.finish(call_no, "succeeded" if how == "finish" else "cancelled")

        assert await marks() == [(trade.distributor_id, EVE)]
        after = await sums_of(trade, EVE)
        await build_days()
        assert await marks() == []
        assert await sums_of(trade, EVE) == after
        assert (after == before) == (how in ("sweep", "finish"))
        assert await differences() == []

    async def test_a_booking_by_hand_and_a_credit_are(self, hands: Clock) -> None:
        trade = await paid_trade()
        await raise_fences(last_day_over())

        await credit(EntryType.ADJUSTMENT, trade.distributor_id, Decimal(3))

        assert await marks() == [(trade.distributor_id, EVE)]

    async def test_a_booking_that_is_refused_marks_nothing(self, hands: Clock) -> None:
        trade = await make_trade()
        hands.moment = MIDNIGHT + LATER
        await build_days()

        command = begin_call(
            trade.code, idempotency_key="late", status="succeeded",
            started_at=MIDNIGHT - timedelta(hours=1),
            lines=usage_lines([{"unit": "call", "quantity": Decimal(1)}]),
        )  # fmt: skip
        with pytest.raises(AppError):
            await admission.begin(trade.distributor_id, command)

        assert await marks() == []


class TestAtOnce:
    """Two connections: a writer whose transaction is open, and the builder."""

    async def test_the_fence_waits_for_who_holds_the_row(self, hands: Clock) -> None:
        """A call of the day that is over was let in before, and commits when the day is built."""
        trade = await paid_trade()
        await raise_fences("2026-11-29")
        hands.moment = MIDNIGHT - timedelta(seconds=1)

        async with writer() as (sor, commit):
            await book_within(sor, trade)
            hands.moment = MIDNIGHT + LATER
            task = asyncio.create_task(build_days())
            await asyncio.sleep(0.5)
            assert not task.done()
            assert await kept_sums(trade, EVE) == []
            await commit()
            await task

        assert await kept_sums(trade, EVE) == [(1, Decimal(2))]
        assert await marks() == []

    async def test_who_comes_after_the_fence_marks_the_day(self, hands: Clock) -> None:
        """Its clock is late, or its request was: the fence on the row decides, not the time."""
        trade = await paid_trade()
        hands.moment = MIDNIGHT + LATER
        await build_days()
        hands.moment = MIDNIGHT - timedelta(seconds=1)

        await trade.book_call(2)

        assert await marks() == [(trade.distributor_id, EVE)]
        assert await sums_of(trade, EVE) == (1, Decimal(2))
        hands.moment = MIDNIGHT + LATER
        await build_days()
        assert await kept_sums(trade, EVE) == [(1, Decimal(2))]

    async def test_the_builder_waits_for_who_has_marked_the_day(self, hands: Clock) -> None:
        trade = await paid_trade()
        hands.moment = MIDNIGHT + LATER
        await build_days()
        await in_transaction(lambda sor: mark_days(sor, [(trade.distributor_id, EVE)]))
        hands.moment = MIDNIGHT - timedelta(seconds=1)

        async with writer() as (sor, commit):
            await book_within(sor, trade)
            task = asyncio.create_task(build_again(trade.distributor_id, EVE))
            await asyncio.sleep(0.5)
            assert not task.done()
            await commit()
            await task

        assert await kept_sums(trade, EVE) == [(1, Decimal(2))]
        assert await marks() == []

    async def test_who_marks_while_the_day_is_built_keeps_the_mark(
        self, hands: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trade = await paid_trade()
        hands.moment = MIDNIGHT + LATER
        await build_days()
        await in_transaction(lambda sor: mark_days(sor, [(trade.distributor_id, EVE)]))
        hands.moment = MIDNIGHT - timedelta(seconds=1)
        insert, tasks = build._insert, []

        async def insert_slowly(*args: Any) -> None:
            await insert(*args)
            tasks.append(asyncio.create_task(trade.book_call(2)))
            await asyncio.sleep(0.5)

        monkeypatch.setattr(build, "_insert", insert_slowly)
        await build_again(trade.distributor_id, EVE)
        await tasks[0]

        assert await kept_sums(trade, EVE) == []
        assert await marks() == [(trade.distributor_id, EVE)]
        assert await sums_of(trade, EVE) == (1, Decimal(2))

    async def test_two_builders_do_no_harm(self, hands: Clock) -> None:
        trade = await paid_trade()
        await trade.book_call(2)
        hands.moment = MIDNIGHT + timedelta(days=9)
        last = last_day_over()
        await raise_fences(last)

        async def all_days() -> None:
            while await build_next_day(last):
                pass
            for whose, day in await find_marks():
                await build_again(whose, day)

        await asyncio.gather(*(all_days() for _ in range(3)))

        async with reading() as sor:
            assert await built_day(sor) == last
        assert await kept_sums(trade, EVE) == [(1, Decimal(2))]
        assert await differences() == []


class Writer:
    """A transaction that stays open until the test commits it."""

    async def __aenter__(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        self._context = transaction()
        return await self._context.__aenter__(), self._commit

    async def _commit(self) -> None:
        await self._context.__aexit__(None, None, None)

    async def __aexit__(self, *_: object) -> None:
        pass


def writer() -> Writer:
    return Writer()


async def book_within(sor: Any, trade: Trade) -> None:
    """Book a call of 2 by hand in the open transaction, unmarked where the fence allows it."""
    row = await sor.one(
        "select usage_day from distributors where id = ${id}$ for update",
        {"id": trade.distributor_id},
    )
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": trade.distributor_id,
        "status": "succeeded", "started_at": None, "finished_at": None, "duration_ms": None,
        "client_ref": None, "error": None, "remark": None,
    }  # fmt: skip
    lines = usage_lines([{"unit": "call", "quantity": Decimal(2)}])
    await bookings.book(sor, values, lines, SYSTEM_ACTOR)
    if row["usage_day"] is not None and row["usage_day"] < EVE:
        # As admission does it, which knows the fence.
        await sor.sqlExe("delete from app_usage_dirty where day_key = ${day}$", {"day": EVE})


async def void(call_no: str) -> None:
    await in_transaction(lambda sor: bookings.void(sor, call_no, None, "no", SYSTEM_ACTOR))


class TestManyMarks:
    @pytest.mark.parametrize("owners", [1, 50])
    async def test_days_of_many_distributors_are_read_at_once(
        self, hands: Clock, owners: int
    ) -> None:
        """A statement of thousands of parts takes the database seconds to understand."""
        trade = await paid_trade()
        await trade.book_call(2)
        other = await another(trade)
        await credit(EntryType.ADJUSTMENT, other, Decimal(3))
        hands.moment = MIDNIGHT + LATER
        await build_days()
        months = [of_month(None, "2026-11"), Use(pipeline_id=trade.rows["pipelines"]["id"])]
        before = [await totals_of(use) for use in months]

        days = [(f"d{number}", EVE) for number in range(owners)]
        await in_transaction(
            lambda sor: mark_days(sor, [*days, (trade.distributor_id, EVE), ("", EVE)])
        )

        assert [rows for rows, _ in before] == [(await totals_of(use))[0] for use in months]
        assert max([(await totals_of(use))[1] for use in months]) <= 1 + 1 + 3
        hands.moment = MIDNIGHT - timedelta(seconds=1)
        await trade.book_call(5)
        (rows, _), (rows_of_pipeline, _) = [await totals_of(use) for use in months]
        assert (trade.distributor_id, 2, Decimal(7)) in rows
        assert (other, 0, Decimal(3)) in rows
        assert rows_of_pipeline == [(trade.distributor_id, 2, Decimal(7))]


async def totals_of(use: Use) -> tuple[list[tuple[str, int, Decimal]], int]:
    """Calls and amounts by distributor, and of how many parts the statement was."""
    async with reading(snapshot=True) as sor:
        source = await usage_source(sor, use, (TOTALS,), ("distributor_id", "calls", "amount"))
        rows = await sor.tuples(
            "select r.distributor_id, cast(sum(r.calls) as signed), sum(r.amount)"
            f" from {source.text} group by r.distributor_id order by r.distributor_id",
            source.values,
        )
    return [tuple(row) for row in rows], source.text.count(" union all select ") + 1


class TestTheCheck:
    async def test_it_names_what_differs_and_repairs_it(
        self, hands: Clock, pool: Installation
    ) -> None:
        trade = await paid_trade()
        await trade.book_call(2)
        hands.moment = MIDNIGHT + LATER
        await build_days()
        assert await differences() == []
        pool.query(
            "update app_usage_day set amount = amount + 0.0000000001 where kind = 'line'"
            " and distributor_id = %s", trade.distributor_id,
        )  # fmt: skip
        pool.query(
            "delete from app_usage_day where kind = 'total' and distributor_id = %s",
            trade.distributor_id,
        )

        deviations = [item for item in await differences() if item.table == "app_usage_day"]

        assert {item.key for item in deviations} == {f"{trade.distributor_id} {EVE}"}
        counters = {item.counter.split(" of ")[0] for item in deviations}
        assert counters == {
            "amount", "calls", "succeeded", "row_count", "first_entry", "last_entry",
        }  # fmt: skip
        line = next(item for item in deviations if " of line " in item.counter)
        assert line.says - line.should_be == Decimal("0.0000000001")
        process = pool.manage("check-ledger", "--repair", check=False)
        assert "made anew" in process.stdout
        assert await differences() == []


ZONES = ("Asia/Shanghai", "Pacific/Honolulu", "Pacific/Kiritimati")
ALL_GROUPS = ("day", "pipeline", "model", "step")


class History:
    """Random use of two distributors over weeks, with builders that come when they come."""

    def __init__(self, trade: Trade, owners: list[str], hands: Clock, seed: int) -> None:
        self.trade, self.owners, self.hands = trade, owners, hands
        self.dice = random.Random(seed)
        self.running: list[tuple[str, str]] = []
        self.over: list[str] = []
        self.number = 0

    def lines(self) -> list[Any]:
        count = self.dice.choice([0, 1, 1, 2, 3])
        return usage_lines([
            {"unit": self.dice.choice(["call", "token"]), "model": self.dice.choice(["", "m", "M"]),
             "quantity": Decimal(self.dice.randint(0, 9)) / 4}
            for _ in range(count)
        ])  # fmt: skip

    async def step(self) -> None:
        owner = self.dice.choice(self.owners)
        self.number += 1
        kind = self.dice.choice(
            ["book", "book", "book", "late", "begin", "end", "end", "void", "adjust", "sweep",
             "clock", "clock", "back", "zone", "build", "some", "again", "own", "sum", "sum"]
        )  # fmt: skip
        if kind in ("book", "late"):
            back = timedelta(days=self.dice.randint(1, 40)) if kind == "late" else timedelta()
            command = begin_call(
                self.trade.code, idempotency_key=f"h{self.number}",
                status=self.dice.choice(["succeeded", "failed"]), lines=self.lines(),
                started_at=self.hands.moment - back,
            )  # fmt: skip
            self.over.append((await admission.begin(owner, command)).call["call_no"])
        elif kind == "begin":
            command = begin_call(
                self.trade.code, idempotency_key=f"h{self.number}",
                lease_seconds=self.dice.choice([60, 80_000]),
            )  # fmt: skip
            self.running.append((owner, (await admission.begin(owner, command)).call["call_no"]))
        elif kind == "end" and self.running:
            owner, call_no = self.running.pop(self.dice.randrange(len(self.running)))
            status = self.dice.choice(["succeeded", "succeeded", "failed", "cancelled"])
            lines = [] if status == "cancelled" else self.lines()
            await admission.finish(owner, finish_call(call_no, status, lines=lines))
            self.over += [] if status == "cancelled" else [call_no]
        elif kind == "void" and self.over:
            await void(self.over.pop(self.dice.randrange(len(self.over))))
        elif kind == "adjust":
            await credit(EntryType.ADJUSTMENT, owner, Decimal(self.dice.randint(1, 9)) / 4)
        elif kind == "sweep":
            await expire_overdue(self.hands.moment)
        elif kind == "clock":
            minutes = self.dice.choice([7, 60, 60 * 24, 60 * 24 * 3])
            self.hands.moment += timedelta(minutes=minutes)
        elif kind == "back":
            self.hands.moment -= timedelta(hours=self.dice.choice([1, 30]))
        elif kind == "zone":
            clock.set_zone(self.dice.choice(ZONES))
        elif kind == "own":
            await self.book_own()
        elif kind == "sum":
            for whose in await due_distributors(self.dice.choice([1, 1, 3])):
                await sum_up_running(whose)
        else:
            await self.build(kind)

    async def book_own(self) -> None:
        values = {
            "pipeline_id": self.trade.rows["pipelines"]["id"], "distributor_id": None,
            "status": "succeeded", "finished_at": None, "duration_ms": 7,
            "started_at": self.hands.moment - timedelta(days=self.dice.randint(0, 9)),
            "client_ref": None, "error": None, "remark": None,
        }  # fmt: skip
        lines = usage_lines([{"unit": "call", "quantity": Decimal(2)}])
        await in_transaction(lambda sor: bookings.book(sor, values, lines, SYSTEM_ACTOR))

    async def build(self, kind: str) -> None:
        if kind == "build":
            await build_days()
        elif kind == "some":
            await raise_fences(last_day_over())
            await build_next_day(last_day_over())
        else:
            for whose, day in (await find_marks())[:2]:
                await build_again(whose, day)

    async def answers(self) -> list[Any]:
        """Everything that reports say of all of them."""
        moment = self.hands.moment
        first = quota_day(moment - timedelta(days=45))
        spans = [
            usage.whole_days(first, quota_day(moment)),
            usage.span((moment - timedelta(days=20)).isoformat(), None),
            usage.span(first, (moment - timedelta(hours=30)).isoformat()),
            usage.month_span(quota_month(moment)),
            usage.month_span(quota_month(moment - timedelta(days=32))),
        ]
        answers: list[Any] = []
        async with reading(snapshot=True) as sor:
            for owner in self.owners:
                distributor = await read_distributor(sor, owner)
                assert distributor is not None
                for span in spans:
                    answers.append(await usage.total(sor, owner, span))
                    answers += [await usage.sums(sor, owner, span, group) for group in ALL_GROUPS]
                    answers.append((await usage.list_lines(sor, "o", owner, page_of(span)))[0])
                for span in spans[:3]:
                    for group in ALL_GROUPS:
                        answers += [
                            await figures.sums(sor, owner, span, group, pipeline)
                            for pipeline in (None, self.trade.code, "nobody")
                        ]
                    assert await figures.sums(sor, owner, span, "step", None) == await by_rows(
                        sor, owner, span, "step_key"
                    )
                    assert await figures.sums(sor, owner, span, "model", None) == await by_rows(
                        sor, owner, span, "model"
                    )
                for month in (quota_month(moment), quota_month(moment - timedelta(days=32))):
                    answers.append(await statement(sor, distributor, month))
            answers.append((await last_hours(sor, moment)).by_hour())
        dashboard = await stats._figures()
        answers.append({name: value for name, value in dashboard.items() if name != "near_limit"})
        pipeline_id = self.trade.rows["pipelines"]["id"]
        answers += await period_figures(moment, pipeline_id)
        answers.append((await pipeline_figures._days(pipeline_id, moment))[1])
        return answers


async def period_figures(moment: datetime, pipeline_id: str) -> list[Any]:
    """What the overview and a pipeline's page say of some periods, in all groups."""
    empty = {"period": None, "first_day": None, "last_day": None}
    comparisons = [
        figure_periods.comparison_of(empty | {"period": period}, moment)
        for period in ("today", "30d", "last_month")
    ]
    return [
        await usage_figures._figures(usage_figures.Question(comparison, group, whose), moment)
        for comparison in comparisons
        for group in usage_figures.GroupBy
        for whose in (None, pipeline_id)
    ]


async def by_rows(sor: Any, owner: str, span: usage.Span, column: str) -> list[dict[str, Any]]:
    """What a distributor used by *column*, counted of the ledger's rows one by one."""
    rows = await sor.sqlExe(
        f"select u.*, p.name, {column} as place from pipeline_usage_log u"
        " join pipelines p on p.id = u.pipeline_id where u.distributor_id = ${owner}$"
        f" and u.unit <> '' and {span.condition}",
        span.values | {"owner": owner},
    )
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["place"], row["currency"]), []).append(row)
    sums = [
        {
            "group": place, "name": min(row["name"] for row in some),
            "pipeline_id": min(row["pipeline_id"] for row in some), "currency": currency,
            "amount": sum((row["amount"] for row in some), Decimal(0)),
            "calls": len({
                row["call_no"] for row in some
                if row["entry_type"] == "charge" and row["status"] != "voided"
            }),
        }
        for (place, currency), some in sorted(groups.items())
    ]  # fmt: skip
    return [one for one in sums if one["calls"] or one["amount"]]


def page_of(span: usage.Span) -> usage.Page:
    return usage.Page(span, 1000, (0, 0), {})


@pytest.mark.parametrize("seed", range(by_form(2, 4)))
async def test_reports_say_the_same_whatever_is_kept(
    hands: Clock, pool: Installation, seed: int
) -> None:
    trade = await paid_trade()
    await add_price(trade, unit="token", unit_price=Decimal("0.000003"))
    await add_price(trade, unit="token", model="m", unit_price=Decimal("0.25"))
    history = History(trade, [trade.distributor_id, await another(trade)], hands, seed)

    for number in range(STEPS):
        await history.step()
        if number % 20 == 19:
            answers = await history.answers()
            progress = pool.query("select built_day from app_usage_rollup")
            pool.query("update app_usage_rollup set built_day = ''")
            of_ledger = await history.answers()
            if progress:
                pool.query("update app_usage_rollup set built_day = %s", progress[0]["built_day"])
            assert answers == of_ledger
            assert await differences() == []

    await build_days()
    assert await differences() == []
