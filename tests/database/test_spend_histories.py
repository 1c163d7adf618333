"""
Long random histories of two distributors who share a line with few slots: what they spend, have
reserved and have paid in.

A plain list of what happened, summed anew each time, says beforehand what admission must answer;
after every step the rows must say the same, and in the end check-ledger finds nothing.
"""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.clock import quota_day
from app.base.errors import AppError
from app.base.ids import new_id
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from pipeline_dist.accounts.distributors import SERVICE
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.credits import book_credit
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger.states import EntryType
from pipeline_ops.rules.usage_lines import usage_lines
from tests.support.trade import (
    EVENING,
    Clock,
    Trade,
    add_price,
    begin_call,
    differences,
    finish_call,
    make_trade,
)

STEPS = 90
SLOTS = 3
LIMIT = 12


@dataclass
class Call:
    """A call as the model keeps it; `day` is when it was settled, `amount` what it cost."""

    owner: str
    call_no: str
    status: str
    lease_ends: Any = None
    estimate: Decimal | None = None
    day: str | None = None
    amount: Decimal = Decimal(0)


@dataclass
class Account:
    """What the model knows of a distributor beside its calls."""

    id: str
    period: str
    prepaid: bool
    balance: Decimal = Decimal(0)


class History:
    """The real thing and the model, side by side."""

    def __init__(self, trade: Trade, accounts: list[Account], hands: Clock, seed: int) -> None:
        self.trade, self.hands, self.dice = trade, hands, random.Random(seed)
        self.accounts = {account.id: account for account in accounts}
        self.calls: list[Call] = []
        # (owner, day of settlement, amount): adjustments.
        self.adjustments: list[tuple[str, str, Decimal]] = []
        self.number = 0
        self.steps = [
            self.begin, self.begin, self.begin, self.book, self.book, self.finish, self.finish,
            self.cancel, self.void, self.adjust, self.top_up, self.sweep, self.move_clock,
            self.change_period,
        ]  # fmt: skip

    async def run(self) -> None:
        for _ in range(STEPS):
            await self.dice.choice(self.steps)()
            await self.hold()

    @property
    def today(self) -> str:
        return str(quota_day(self.hands.moment))

    def spending(self, account: Account) -> Decimal:
        length = {"none": 0, "day": 10, "month": 7}[account.period]
        entries = [
            (call.day, call.amount)
            for call in self.calls
            if call.owner == account.id and call.day and call.status != "voided"
        ]
        entries += [(day, amount) for owner, day, amount in self.adjustments if owner == account.id]
        return sum(
            (amount for day, amount in entries if day[:length] == self.today[:length]), Decimal(0)
        )

    def reserve(self, account: Account) -> Decimal:
        return sum(
            (
                call.estimate or Decimal(0)
                for call in self.calls
                if call.owner == account.id and call.status == "reserved"
            ),
            Decimal(0),
        )

    def room(self, account: Account) -> Decimal:
        if account.prepaid:
            return account.balance - self.reserve(account)
        return LIMIT - self.spending(account) - self.reserve(account)

    async def hold(self) -> None:
        """Fail unless the rows say what the model says."""
        async with reading() as sor:
            rows = await sor.sqlExe(
                "select * from distributors where id in ${ids}$", {"ids": list(self.accounts)}
            )
        for row in rows:
            account = self.accounts[row["id"]]
            length = {"none": 0, "day": 10, "month": 7}[account.period]
            # A row that nobody has touched in the present period still has the one before.
            if (row["spend_key"] or "") == self.today[:length]:
                assert row["spend_used"] == self.spending(account)
            assert row["spend_reserved"] == self.reserve(account)
            assert row["balance"] == (account.balance if account.prepaid else 0)

    def pick(self, *statuses: str) -> Call | None:
        calls = [call for call in self.calls if call.status in statuses]
        return self.dice.choice(calls) if calls else None

    def pick_account(self) -> Account:
        return self.dice.choice(list(self.accounts.values()))

    def settle(self, call: Call, status: str, amount: Decimal) -> None:
        call.status, call.amount, call.day = status, amount, self.today
        self.accounts[call.owner].balance -= amount

    async def begin(self) -> None:
        account = self.pick_account()
        estimate = self.dice.choice([None, Decimal(0), Decimal(self.dice.randint(1, 6))])
        fields: dict[str, Any] = {"lease_seconds": self.dice.choice([30, 600, 7200])}
        if estimate is not None and self.dice.random() < 0.5:
            fields["estimate_lines"] = usage_lines([{"unit": "call", "quantity": estimate}])
        elif estimate is not None:
            fields["estimate"] = estimate
        room = self.room(account)
        is_refusal = room <= 0 if estimate is None else estimate > room
        answer, code = await outcome_of(self.admit(account, **fields))
        if is_refusal:
            assert code == "spend_limit_reached"
            return
        running = [c for c in self.calls if c.status == "reserved"]
        overdue = [c for c in running if c.lease_ends <= self.hands.moment]
        if len(running) - len(overdue) >= SLOTS:
            assert code == "concurrency_exceeded"
            self.expire(self.calls)
            return
        assert code is None
        assert answer is not None
        if len(running) >= SLOTS:
            self.expire(self.calls)  # only that can have made room
        self.calls.append(
            Call(account.id, answer["call_no"], "reserved", answer["lease_expires_at"], estimate)
        )

    async def admit(self, account: Account, **fields: Any) -> dict[str, Any]:
        self.number += 1
        command = begin_call(self.trade.code, idempotency_key=f"s{self.number}", **fields)
        return (await admission.begin(account.id, command)).call

    async def book(self) -> None:
        account, amount = self.pick_account(), Decimal(self.dice.randint(0, 4))
        lines = [{"unit": "call", "quantity": amount}]
        is_refusal = amount > 0 and amount > self.room(account)
        answer, code = await outcome_of(self.admit(account, status="succeeded", lines=lines))
        assert code == ("spend_limit_reached" if is_refusal else None)
        if answer is not None:
            call = Call(account.id, answer["call_no"], "")
            self.calls.append(call)
            self.settle(call, "succeeded", amount)

    async def finish(self) -> None:
        call, amount = self.pick("reserved", "expired"), Decimal(self.dice.randint(0, 7))
        if call is not None:
            lines = [{"unit": "call", "quantity": amount}]
            await admission.finish(call.owner, finish_call(call.call_no, lines=lines))
            self.settle(call, "succeeded", amount)

    async def cancel(self) -> None:
        call = self.pick("reserved", "expired")
        if call is not None:
            await admission.finish(call.owner, finish_call(call.call_no, "cancelled"))
            self.settle(call, "cancelled", Decimal(0))

    async def void(self) -> None:
        call = self.pick("succeeded", "expired")
        if call is not None:
            work = in_transaction(
                lambda sor: bookings.void(sor, call.call_no, None, "no", SYSTEM_ACTOR)
            )
            await work
            self.accounts[call.owner].balance += call.amount
            call.status = "voided"

    async def adjust(self) -> None:
        account, amount = self.pick_account(), Decimal(self.dice.choice([-3, -1, 1, 2])) / 4
        await credit(EntryType.ADJUSTMENT, account.id, amount)
        self.adjustments.append((account.id, self.today, amount))
        account.balance -= amount

    async def top_up(self) -> None:
        account, amount = self.pick_account(), Decimal(self.dice.choice([-2, 3, 5, 8]))
        _, code = await outcome_of(credit(EntryType.TOPUP, account.id, amount))
        assert code == (None if account.prepaid else "not_prepaid")
        account.balance += amount if account.prepaid else 0

    async def sweep(self) -> None:
        await expire_overdue(self.hands.moment)
        self.expire(self.calls)

    def expire(self, calls: list[Call]) -> None:
        for call in calls:
            if call.status == "reserved" and call.lease_ends <= self.hands.moment:
                call.status = "expired"

    async def move_clock(self) -> None:
        minutes = self.dice.choice([1, 5, 20, 60, 60 * 24, 60 * 24 * 9])
        self.hands.moment += timedelta(minutes=minutes)

    async def change_period(self) -> None:
        account = self.pick_account()
        account.period = self.dice.choice(["none", "day", "month"])
        values = {"spend_period": account.period}
        await in_transaction(
            lambda sor: SERVICE.update(sor, account.id, None, values, SYSTEM_ACTOR)
        )


async def credit(entry_type: EntryType, distributor_id: str, amount: Decimal) -> Any:
    return await in_transaction(
        lambda sor: book_credit(
            sor, entry_type, distributor_id, amount, "because", new_id(), SYSTEM_ACTOR
        )
    )


async def outcome_of(work: Awaitable[Any]) -> tuple[Any, str | None]:
    """The answer, or the code of the refusal."""
    try:
        return await work, None
    except AppError as exc:
        return None, exc.code


async def another(trade: Trade, **fields: Any) -> str:
    """A second distributor of the same line; its id."""
    name = new_id().lower()

    async def work(sor: Any) -> str:
        record = await insert_row(
            sor, "distributors", {"code": name, "name": name, "currency": "CNY"} | fields,
            SYSTEM_ACTOR,
        )  # fmt: skip
        await insert_row(
            sor, "distributor_pipeline",
            {"distributor_id": record["id"], "pipeline_id": trade.rows["pipelines"]["id"],
             "enabled": 1, "pricing_mode": "inherit"}, SYSTEM_ACTOR,
        )  # fmt: skip
        return str(record["id"])

    return await in_transaction(work)


@pytest.mark.parametrize("seed", range(16))
async def test_any_history_is_limited_as_the_model_says(hands: Clock, seed: int) -> None:
    await expire_overdue(EVENING + timedelta(days=999))  # what other histories left behind
    limit = {"spend_limit": Decimal(LIMIT)}
    trade = await make_trade(distributors=limit, pipeline_capacity={"max_concurrency": SLOTS})
    prepaid = {"billing_mode": "prepaid", "prepaid_entry_no": 0, "prepaid_since": EVENING}
    other = await another(trade, **(prepaid if seed % 2 else limit))
    await add_price(trade, unit_price=Decimal(1))
    accounts = [
        Account(trade.distributor_id, "none", False),
        Account(other, "none", bool(seed % 2)),
    ]

    await History(trade, accounts, hands, seed).run()

    assert await differences() == []


async def test_a_slot_of_anothers_overdue_call_gives_its_estimate_back(hands: Clock) -> None:
    """Its distributor's row comes before the capacity in the order of locks, and is locked too."""
    limit = {"spend_limit": Decimal(LIMIT)}
    trade = await make_trade(distributors=limit, pipeline_capacity={"max_concurrency": 1})
    other = await another(trade)
    command = begin_call(trade.code, idempotency_key="other")
    call_no = await trade.begin(estimate=Decimal(5), lease_seconds=60)
    hands.moment += timedelta(seconds=60)

    await admission.begin(other, command)

    row = await trade.row("distributors")
    assert (row.spend_reserved, row.spend_used) == (0, 0)
    await trade.finish(call_no)  # late: nothing is given back twice
    assert (await trade.row("distributors")).spend_reserved == 0
    assert await differences() == []


async def test_an_estimate_goes_back_once_whoever_is_first(hands: Clock) -> None:
    """Finishes, sweeps and begins that are short of slots, all at once on overdue calls."""
    trade = await make_trade(pipeline_capacity={"max_concurrency": 12})
    other = await another(trade)
    await add_price(trade, unit_price=Decimal(1))
    owners = [trade.distributor_id, other] * 6
    calls = []
    for number, owner in enumerate(owners):
        command = begin_call(
            trade.code, idempotency_key=f"n{number}", estimate=Decimal(number), lease_seconds=60
        )
        calls.append((owner, (await admission.begin(owner, command)).call["call_no"]))
    hands.moment += timedelta(seconds=60)
    begins = [
        begin_call(trade.code, idempotency_key=f"m{number}", estimate=Decimal(1))
        for number in range(6)
    ]

    await asyncio.gather(
        *(admission.finish(owner, finish_call(call_no)) for owner, call_no in calls[::2]),
        *(expire_overdue(hands.moment) for _ in range(3)),
        *(admission.begin(owner, command) for owner, command in zip(owners, begins, strict=False)),
        *(admission.finish(owner, finish_call(call_no)) for owner, call_no in calls[1::4]),
    )

    await expire_overdue(hands.moment)
    assert (await trade.row("distributors")).spend_reserved == 3
    assert await differences() == []
