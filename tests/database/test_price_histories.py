"""
Random histories of prices and calls: quote, finish, void and statement agree to the last digit with
a slow model in fractions, through price changes in mid-call, discounts and packages of several
prices over month ends.
"""

import random
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest

from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction, reading
from pipeline_dist.admission import service as admission
from pipeline_dist.reports.statement import statement
from pipeline_ops.calls import booking as bookings
from tests.support.trade import (
    EVENING,
    Clock,
    Trade,
    add_price,
    differences,
    finish_call,
    make_trade,
)

MAX_QUANTITY = 10**12 - 1
QUANTITIES = ["0", "0.000001", "1", "3.5", "1234.567891", str(MAX_QUANTITY), "17"]
# The model's prices: (unit, from, to, price, size, package size)
Price = tuple[str, datetime, datetime | None, Fraction, int, int | None]


@dataclass
class Boxes:
    """The packages of one unit in one month, one by one, and what is left of them."""

    units: Fraction = Fraction(0)
    boxes: list[tuple[int, Fraction]] = field(default_factory=list)

    def take(self, quantity: Fraction, size: int, price: Fraction) -> Fraction:
        """Open packages until there is enough; what they cost."""
        cost = Fraction(0)
        while self.units < quantity:
            self.boxes.append((size, price))
            self.units += size
            cost += price
        self.units -= quantity
        return cost

    def give_back(self, quantity: Fraction) -> Fraction:
        """Put units back; what the packages cost that are whole then, the newest first."""
        self.units += quantity
        refund = Fraction(0)
        for number in reversed(range(len(self.boxes))):
            size, price = self.boxes[number]
            if size <= self.units:
                del self.boxes[number]
                self.units -= size
                refund += price
        return refund


@dataclass
class Model:
    """What every line must cost, worked out slowly and by other means."""

    rate: Fraction | None
    prices: list[Price] = field(default_factory=list)
    boxes: dict[str, Boxes] = field(default_factory=dict)

    def cost(self, unit: str, quantity: Fraction, began: datetime) -> Fraction:
        (number,) = [
            n
            for n, (its, start, end, *_) in enumerate(self.prices)
            if its == unit and start <= began and (end is None or began < end)
        ]
        _, _, _, price, size, package = self.prices[number]
        if self.rate is not None:
            price = price * self.rate
        if package is None:
            return round_to(quantity * price / size, 10)
        return self.boxes_of(began).take(quantity, package, price)

    def boxes_of(self, began: datetime) -> Boxes:
        return self.boxes.setdefault(clock.quota_month(began), Boxes())

    def refund(self, lines: list[dict[str, Any]], costs: list[Any], began: datetime) -> Fraction:
        """What voiding a call gives back."""
        return sum(
            (
                self.boxes_of(began).give_back(Fraction(line["quantity"]))
                if line["unit"] == "image"
                else cost
                for line, cost in zip(lines, costs, strict=True)
            ),
            Fraction(0),
        )


def round_to(value: Fraction, decimals: int) -> Fraction:
    step = Fraction(1, 10**decimals)
    return floor(value / step + Fraction(1, 2)) * step


async def make_prices(trade: Trade, model: Model, dice: random.Random) -> list[datetime]:
    """Prices per unit and per package, each changing twice; the moments at which they change."""
    turns = [EVENING + timedelta(minutes=minutes) for minutes in (20, 45)]
    spans = [(EVENING - timedelta(days=1), turns[0]), (turns[0], turns[1]), (turns[1], None)]
    for start, end in spans:
        price = Decimal(dice.randint(0, 10**9)).scaleb(-6)
        size = dice.choice([1, 1000, 1_000_000, 7])
        await add_price(
            trade, unit="token", unit_price=price, unit_size=size, effective_from=start,
            effective_to=end,
        )  # fmt: skip
        model.prices.append(("token", start, end, Fraction(price), size, None))
        package, package_price = dice.choice([1, 10, 250, 1000]), Decimal(dice.choice([0, 123, 77]))
        await add_price(
            trade, unit="image", pricing_type="package", package_size=package, unit_price=None,
            package_price=package_price.scaleb(-6), effective_from=start, effective_to=end,
        )  # fmt: skip
        price_in_fractions = Fraction(package_price.scaleb(-6))
        model.prices.append(("image", start, end, price_in_fractions, 1, package))
    return turns


def some_lines(dice: random.Random) -> list[dict[str, Any]]:
    lines = []
    for _ in range(dice.randint(1, 3)):
        unit = dice.choice(["token", "image"])
        # A package for so many units would cost more than an amount can say.
        quantity = dice.choice(QUANTITIES[:-2] if unit == "image" else QUANTITIES)
        if unit == "token" and Decimal(quantity) == MAX_QUANTITY:
            quantity = str(MAX_QUANTITY // dice.choice([10**6, 10**7]))
        lines.append({"unit": unit, "quantity": Decimal(quantity)})
    return lines


def exact(lines: list[dict[str, Any]], model: Model, began: datetime, *, book: bool) -> list[Any]:
    books = model if book else deepcopy(model)
    return [books.cost(line["unit"], Fraction(line["quantity"]), began) for line in lines]


async def void(call_no: str) -> None:
    await in_transaction(
        lambda sor: bookings.void(sor, call_no, None, "booked twice", SYSTEM_ACTOR)
    )


@pytest.mark.parametrize("seed", range(8))
async def test_quote_finish_and_statement_agree_with_the_model(hands: Clock, seed: int) -> None:
    dice = random.Random(seed)
    rate = dice.choice([None, Decimal("0.8500"), Decimal("1.2345"), Decimal("0.0001")])
    terms = {"pricing_mode": "discount", "discount_rate": rate} if rate is not None else {}
    trade = await make_trade(distributor_pipeline=terms)
    model = Model(Fraction(rate) if rate is not None else None)
    await make_prices(trade, model, dice)
    running: list[tuple[str, datetime]] = []
    over: list[tuple[str, datetime, list[dict[str, Any]], list[Any]]] = []
    billed: dict[str, Fraction] = {}

    for _ in range(60):
        hands.moment += timedelta(minutes=dice.randint(0, 3))
        if over and dice.random() < 0.2:
            call_no, began, lines, costs = over.pop(dice.randrange(len(over)))
            billed[clock.quota_month(began)] -= model.refund(lines, costs, began)
            await void(call_no)
            assert Fraction((await trade.row("distributors")).spend_used) == sum(billed.values())
            continue
        if dice.random() < 0.5 or not running:
            running.append((await trade.begin(), hands.moment))
            continue
        call_no, began = running.pop(dice.randrange(len(running)))
        lines = some_lines(dice)
        fields: dict[str, Any] = {"pipeline": trade.code, "lines": lines}
        quote, _ = await admission.quote(trade.distributor_id, **fields)
        quote_amounts = [Fraction(line["amount"]) for line in quote["lines"]]
        assert quote_amounts == exact(lines, model, hands.moment, book=False)
        result = await admission.finish(trade.distributor_id, finish_call(call_no, lines=lines))
        costs = exact(lines, model, began, book=True)
        assert [Fraction(line["amount"]) for line in result.call["lines"]] == costs
        month = clock.quota_month(began)
        billed[month] = billed.get(month, Fraction(0)) + sum(costs)
        over.append((call_no, began, lines, costs))

    distributor = await trade.row("distributors")
    async with reading(snapshot=True) as sor:
        for month in ("2026-11", "2026-12"):
            month_statement = await statement(sor, distributor, month)
            assert Fraction(month_statement["amount"]) == billed.get(month, 0)
            assert Fraction(month_statement["total"]) == round_to(
                Fraction(month_statement["amount"]), 2
            )
    assert Fraction(distributor.spend_used) == sum(billed.values())
    assert await differences() == []


@pytest.mark.parametrize(
    ("zone", "turn"),
    [
        ("Asia/Shanghai", "2026-02-28T16:00:00"),  # end of February
        ("Asia/Shanghai", "2028-02-29T16:00:00"),  # a leap year's
        ("Asia/Shanghai", "2026-12-31T16:00:00"),
        ("Europe/Berlin", "2026-03-28T23:00:00"),  # before a day of 23 hours
        ("Europe/Berlin", "2026-03-29T22:00:00"),  # after it
        ("Europe/Berlin", "2026-10-24T22:00:00"),  # before a day of 25 hours
        ("America/New_York", "2026-11-01T04:00:00"),  # a month's first day has 25 hours
        ("America/Sao_Paulo", "2018-11-04T03:00:00"),  # a day whose midnight does not exist
    ],
)
async def test_a_quota_turns_exactly_at_the_zone_s_midnight(
    hands: Clock, zone: str, turn: str
) -> None:
    clock.set_zone(zone)
    midnight = datetime.fromisoformat(turn + "+00:00")
    hands.moment = midnight - timedelta(milliseconds=2)
    trade = await make_trade(pipeline_capacity={"daily_quota": 1})
    await trade.begin()
    hands.moment = midnight - timedelta(milliseconds=1)
    refusal = await trade.refusal()
    assert refusal.extra["resets_at"] == midnight

    hands.moment = midnight
    await trade.begin()

    assert (await trade.row("pipeline_capacity")).day_used == 1
    assert await differences() == []
