"""A distributor's months with all that a ledger has in them, closed; and its archive."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.base.actor import SYSTEM_ACTOR
from app.base.ids import new_id
from app.db.transactions import in_transaction
from pipeline_dist.admission.credits import book_credit
from pipeline_dist.closing import close as closing
from pipeline_ops.archiving.months import ClosedMonth
from pipeline_ops.archiving.move import Step, archive_month, read_facts
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger.states import EntryType
from tests.support.installation import Installation
from tests.support.trade import EVENING, MIDNIGHT, Clock, Trade, add_price, make_trade

NOVEMBER, DECEMBER, JANUARY = "2026-11", "2026-12", "2027-01"
MOMENTS = (EVENING, MIDNIGHT + timedelta(hours=2), MIDNIGHT + timedelta(days=31, hours=2))
UNITS = ("call", "image", "page")


async def close(trade: Trade, month: str) -> None:
    await closing.close(trade.distributor_id, month, SYSTEM_ACTOR)


async def void(call_no: str) -> None:
    await in_transaction(lambda sor: bookings.void(sor, call_no, None, "wrong", SYSTEM_ACTOR))


async def make_seller() -> Trade:
    """A distributor with prices per unit and per package and with a balance, its calls counted."""
    seller = await make_trade(
        distributors={
            "quota_period": "month",
            "quota_calls": 9999,
            "spend_period": "month",
            "billing_mode": "prepaid",
            "prepaid_entry_no": 0,
        },
        distributor_pipeline={"monthly_quota": 9999, "daily_quota": 9999},
        pipeline_capacity={"monthly_quota": 9999, "daily_quota": 9999},
    )
    await add_price(seller, unit_price=Decimal("0.5"))
    await add_price(seller, unit="image", unit_price=Decimal("0.3"), unit_size=7)
    await add_price(
        seller, unit="page", pricing_type="package", package_size=10, unit_price=None,
        package_price=Decimal(3),
    )  # fmt: skip
    await credit(seller, EntryType.TOPUP, "99999")
    return seller


async def credit(trade: Trade, kind: EntryType, amount: str) -> None:
    await in_transaction(
        lambda sor: book_credit(
            sor, kind, trade.distributor_id, Decimal(amount), "r", new_id(), SYSTEM_ACTOR
        )
    )


class History:
    """What one distributor does, by chance; the calls that may still be finished or voided."""

    def __init__(self, trade: Trade, clock: Clock, seed: int) -> None:
        self.trade = trade
        self.clock = clock
        self.dice = random.Random(seed)
        self.running: list[str] = []
        self.over: list[str] = []

    async def act(self, count: int) -> None:
        """Do *count* things."""
        for _ in range(count):
            await self.dice.choice(
                (self.book, self.book, self.book, self.begin, self.finish, self.void, self.credit)
            )()
            self.clock.moment += timedelta(seconds=1)

    def lines(self) -> list[dict[str, Any]]:
        return [
            {"unit": unit, "quantity": Decimal(self.dice.randrange(1, 40))}
            for unit in self.dice.sample(UNITS, self.dice.randrange(0, 4))
        ]

    async def book(self) -> None:
        status = self.dice.choice(("succeeded", "succeeded", "failed"))
        call = await self.trade.begin(status=status, lines=self.lines())
        self.over.append(call)

    async def begin(self) -> None:
        self.running.append(await self.trade.begin(lease_seconds=60))

    async def finish(self) -> None:
        """End a call that runs, or whose time is over."""
        if not self.running:
            return
        call_no = self.running.pop(self.dice.randrange(len(self.running)))
        status = self.dice.choice(("succeeded", "failed", "cancelled"))
        use = {line["unit"]: line["quantity"] for line in self.lines()}
        await self.trade.finish(call_no, status, **({} if status == "cancelled" else use))
        if status != "cancelled":
            self.over.append(call_no)

    async def void(self) -> None:
        if self.over:
            await void(self.over.pop(self.dice.randrange(len(self.over))))

    async def credit(self) -> None:
        kind = self.dice.choice((EntryType.ADJUSTMENT, EntryType.TOPUP))
        await credit(self.trade, kind, "1.25")


async def story(trade: Trade, clock: Clock, seed: int, count: int = 25) -> History:
    """November and December, both closed, and what came in January: late ends and voids of both."""
    history = History(trade, clock, seed)
    for moment, month in zip(MOMENTS, (NOVEMBER, DECEMBER, None), strict=True):
        clock.moment = moment
        await expire_overdue(moment)
        await history.act(count)
        clock.moment += timedelta(minutes=20)
        await expire_overdue(clock.moment)
        if month is not None:
            clock.moment = MOMENTS[MOMENTS.index(moment) + 1]
            await close(trade, month)
    return history


def ledger_of(pool: Installation, trade: Trade) -> list[dict[str, Any]]:
    """All rows of the distributor, to the last column."""
    return pool.query(
        "select * from pipeline_usage_log where distributor_id = %s order by id",
        trade.distributor_id,
    )


def no_step(_: str) -> None:
    """Stop nowhere."""


async def archive(
    trade: Trade, month: str = NOVEMBER, most: int = 50_000, step: Step = no_step
) -> list[Any]:
    """Archive a month of the distributor; its batches."""
    one = ClosedMonth(trade.distributor_id, trade.code, month, is_closed=True)
    return [batch async for batch in archive_month(one, await read_facts(one), most, step)]
