"""
Long random histories of one distributor and its line, on a clock that jumps both ways.

An independent model, a plain list of calls that is counted anew each time, says beforehand what
admission must answer; afterwards every counter must say what the ledger says.
"""

import random
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.db.transactions import in_transaction
from pipeline_dist.admission import service as admission
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from tests.support.trade import (
    EVENING,
    Clock,
    Trade,
    add_price,
    differences,
    finish_call,
    make_trade,
)

STEPS = 70
QUOTAS: dict[str, dict[str, Any]] = {
    "distributor_pipeline": {"daily_quota": 6, "monthly_quota": 14},
    "pipeline_capacity": {"daily_quota": 7, "monthly_quota": 13, "max_concurrency": 3},
    "distributors": {"quota_period": "day", "quota_calls": 5, "spend_limit": Decimal(40)},
}


@dataclass
class Call:
    """A call as the model keeps it."""

    call_no: str
    started_at: datetime
    lease_ends: datetime | None
    status: str
    amount: int = 0

    @property
    def counts(self) -> bool:
        return self.status not in ("cancelled", "voided")


class History:
    """The real thing and the model, side by side."""

    def __init__(self, trade: Trade, hands: Clock, seed: int) -> None:
        self.trade, self.hands, self.dice = trade, hands, random.Random(seed)
        self.calls: list[Call] = []
        self.steps = [
            self.begin, self.begin, self.book, self.finish, self.finish, self.finish_again,
            self.cancel, self.void, self.sweep, self.move_clock,
        ]  # fmt: skip

    async def run(self) -> None:
        for _ in range(STEPS):
            await self.dice.choice(self.steps)()

    def expected(self, amount: int | None) -> set[str]:
        """Codes that may refuse a call that begins now, or costs *amount*; empty when it must be
        let in."""
        countable = [call for call in self.calls if call.counts]
        today = [c for c in countable if self.same(clock.quota_day, c)]
        month = [c for c in countable if self.same(clock.quota_month, c)]
        spending = sum(call.amount for call in countable)
        if spending >= 40 if amount is None else amount and spending + amount > 40:
            return {"spend_limit_reached"}
        if len(today) >= 5 or len(month) >= 14:
            return {"quota_exceeded"}
        if len(today) >= 7 or len(month) >= 13:
            return {"capacity_exceeded"}
        # An overdue call makes room whether the sweeper came or not.
        if amount is None and sum(self.runs(call) for call in countable) >= 3:
            return {"concurrency_exceeded"}
        return set()

    def same(self, key: Any, call: Call) -> bool:
        return bool(key(call.started_at) == key(self.hands.moment))

    def runs(self, call: Call) -> bool:
        ends = call.lease_ends
        return call.status == "reserved" and ends is not None and ends > self.hands.moment

    async def attempt(self, work: Any, amount: int | None = None) -> dict[str, Any] | None:
        """What was answered; None when it was refused as the model says."""
        codes = self.expected(amount)
        seconds = self.dice.choice([30, 600, 7200])
        answer, code = await outcome_of(work(seconds))
        assert ({code} if code else set()) == codes
        return answer

    async def begin(self) -> None:
        answer = await self.attempt(self.trade.begin_call)
        if answer is not None:
            if sum(call.status == "reserved" for call in self.calls) >= 3:
                self.expire()  # only that can have made room
            self.add(answer, "reserved", answer["lease_expires_at"], 0)

    async def book(self) -> None:
        quantity = self.dice.randint(0, 3)
        answer = await self.attempt(lambda _: self.trade.book_call(quantity), quantity)
        if answer is not None:
            self.add(answer, "succeeded", None, quantity)

    def add(self, answer: dict[str, Any], status: str, lease: Any, amount: int) -> None:
        self.calls.append(Call(answer["call_no"], answer["started_at"], lease, status, amount))

    async def finish(self) -> None:
        call = self.pick("reserved", "expired")
        if call is not None:
            quantity = self.dice.randint(0, 3)
            late = call.status == "expired" or not self.runs(call)
            result = await self.trade.finish(call.call_no, call=str(quantity))
            assert result["late"] is late
            assert result["amount"] == quantity
            call.status, call.amount = "succeeded", quantity

    async def finish_again(self) -> None:
        call = self.pick("succeeded", "cancelled", "voided")
        if call is not None:
            with pytest.raises(AppError, match="ended already"):
                await admission.finish(
                    self.trade.distributor_id, finish_call(call.call_no, "failed", body_hash="?")
                )

    async def cancel(self) -> None:
        call = self.pick("reserved", "expired")
        if call is None:
            return
        await self.trade.finish(call.call_no, "cancelled")
        call.status = "cancelled"

    async def void(self) -> None:
        call = self.pick("reserved", "expired", "succeeded", "cancelled")
        if call is None:
            return
        work = in_transaction(
            lambda sor: bookings.void(sor, call.call_no, None, "no", SYSTEM_ACTOR)
        )
        _, code = await outcome_of(work)
        refusals = {"reserved": "call_running", "cancelled": "not_voidable"}
        assert code == refusals.get(call.status)
        if code is None:
            call.status = "voided"

    async def sweep(self) -> None:
        await expire_overdue(self.hands.moment)
        self.expire()

    def expire(self) -> None:
        for call in self.calls:
            if call.status == "reserved" and not self.runs(call):
                call.status = "expired"

    async def move_clock(self) -> None:
        minutes = self.dice.choice([1, 5, 20, 60, 60 * 24, -10, -60])
        self.hands.moment += timedelta(minutes=minutes)

    def pick(self, *statuses: str) -> Call | None:
        result = [call for call in self.calls if call.status in statuses]
        return self.dice.choice(result) if result else None


async def outcome_of(work: Awaitable[dict[str, Any]]) -> tuple[dict[str, Any] | None, str | None]:
    """The answer, or the code of the refusal."""
    try:
        return await work, None
    except AppError as exc:
        return None, exc.code


@pytest.mark.parametrize("seed", range(12))
async def test_any_history_is_admitted_as_the_model_says_and_balances(
    hands: Clock, seed: int
) -> None:
    await expire_overdue(EVENING + timedelta(days=99))  # what other histories left behind
    trade = await make_trade(**QUOTAS)
    await add_price(trade, unit_price=Decimal(1))

    await History(trade, hands, seed).run()

    assert await differences() == []
