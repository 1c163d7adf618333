"""Packages over time: units that are paid for stay, whatever becomes of the price or of a call."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.shop import Distributor, Pipeline, Shop

PRICING = "pipeline_ops/pipeline_pricing"
USAGE = "pipeline_ops/pipeline_usage_log"
PACKAGE = {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "10"}


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


class Trade:
    """A distributor who books images of one pipeline, sold in packages."""

    def __init__(self, shop: Shop, prices: Iterable[dict[str, Any]] = (PACKAGE,)) -> None:
        self.shop = shop
        self.pipeline: Pipeline = shop.pipeline(prices=list(prices))
        self.buyer: Distributor = shop.distributor(self.pipeline)
        self._numbers = iter(range(1000))

    def book(self, quantity: Any, **more: Any) -> dict[str, Any]:
        """Book a call that is over; the answer."""
        lines = [{"unit": "image", "quantity": quantity, **more}]
        key = f"k{next(self._numbers)}"
        answer = self.buyer.begin(self.pipeline, key, status="succeeded", lines=lines)
        assert answer.status_code == 201, answer.text
        call: dict[str, Any] = answer.json()
        return call

    def void(self, call: dict[str, Any]) -> Decimal:
        """Void a call; what it gives back."""
        (header,) = self.shop.ledger("call_no = %s and line_no = 0", call["call_no"])
        self.shop.post(f"{USAGE}_delete", id=header["id"], reason="booked twice")
        rows = self.shop.ledger("call_no = %s and entry_type = 'reversal'", call["call_no"])
        return sum((row["amount"] for row in rows), Decimal(0))

    def change_price(self, **fields: Any) -> None:
        """Let another price follow now."""
        (price,) = self.shop.installation.query(
            "select id, lock_version from pipeline_pricing where pipeline_id = %s"
            " and effective_to is null",
            self.pipeline.id,
        )
        self.shop.post(f"{PRICING}_update", **price, change_from="now", **fields)

    @property
    def total(self) -> Decimal:
        """What the distributor owes."""
        amount: Decimal = self.shop.row("distributors", self.buyer.id)["spend_used"]
        return amount

    @property
    def uses(self) -> list[dict[str, Any]]:
        """The rows of its packages."""
        return self.shop.installation.query(
            "select * from app_package_use where distributor_id = %s order by step_key, model",
            self.buyer.id,
        )

    @property
    def units_left(self) -> list[Decimal]:
        """What is paid for and not used, row by row."""
        return [row["units_left"] for row in self.uses]


def test_a_voided_call_leaves_its_package_to_the_others(shop: Shop) -> None:
    trade = Trade(shop)
    first = trade.book(60)
    assert (first["amount"], trade.book(30)["amount"]) == ("10.0000000000", "0.0000000000")

    assert trade.void(first) == 0
    assert trade.book(50)["amount"] == "0.0000000000"

    assert trade.total == 10
    assert trade.units_left == [20]
    assert shop.ledger_differences() == ""


def test_units_of_a_small_package_do_not_go_on_for_nothing_in_a_large_one(shop: Shop) -> None:
    trade = Trade(shop)
    assert trade.book(150)["amount"] == "20.0000000000"
    trade.change_price(package_size=1000, package_price="80")

    assert trade.book(500)["amount"] == "80.0000000000"

    assert trade.total == 100
    assert trade.units_left == [550]
    (use,) = trade.uses
    assert use["bought"] == '[[100, "10", 2], [1000, "80", 1]]'
    assert shop.ledger_differences() == ""


def test_a_void_charges_nobody_anew(shop: Shop) -> None:
    trade = Trade(shop)
    first = trade.book(50)
    trade.change_price(package_size=10, package_price="1000")
    assert trade.book(50)["amount"] == "0.0000000000"

    assert trade.void(first) == 0

    assert trade.total == 10
    assert trade.units_left == [50]
    assert shop.ledger_differences() == ""


def test_voiding_everything_gives_everything_back_whoever_paid(shop: Shop) -> None:
    trade = Trade(shop)
    calls = [trade.book(60), trade.book(30), trade.book("20.5")]
    assert trade.total == 20

    assert [trade.void(call) for call in calls] == [-10, 0, -10]

    assert trade.total == 0
    assert [(row["units_left"], row["bought"]) for row in trade.uses] == [(0, "[]")]
    assert shop.ledger_differences() == ""
    row = shop.ledger("call_no = %s and entry_type = 'reversal'", calls[2]["call_no"])[0]
    assert (row["quantity"], row["matched"]) == (Decimal("-20.5"), "all")


def test_each_price_kind_has_packages_of_its_own(shop: Shop) -> None:
    trade = Trade(
        shop,
        [
            PACKAGE,
            PACKAGE | {"step_key": "s1", "package_price": "7"},
            PACKAGE | {"model": "m", "package_price": "5"},
            PACKAGE | {"step_key": "s1", "model": "m", "package_price": "3"},
        ],
    )
    uses = [{}, {"step_key": "s1"}, {"model": "m"}, {"step_key": "s1", "model": "m"},
            {"step_key": "s1", "model": "other"}, {"model": "other"}]  # fmt: skip
    calls = [trade.book(10, **use) for use in uses]

    amounts = [Decimal(call["amount"]) for call in calls]
    assert amounts == [10, 7, 5, 3, 0, 0]
    rows = shop.ledger("distributor_id = %s", trade.buyer.id)
    assert [row["matched"] for row in rows] == ["all", "step", "model", "step+model", "step", "all"]
    places = [(row["step_key"], row["model"], row["units_left"]) for row in trade.uses]
    assert places == [("", "", 80), ("", "m", 90), ("s1", "", 80), ("s1", "m", 90)]
    assert [trade.void(call) for call in reversed(calls)] == [0, 0, -3, -5, -7, -10]
    assert shop.ledger_differences() == ""


def test_while_a_unit_price_applies_what_is_left_rests(shop: Shop) -> None:
    trade = Trade(shop)
    trade.book(60)
    trade.change_price(pricing_type="unit", unit_price="1", package_size=None, package_price=None)
    assert trade.book(7)["amount"] == "7.0000000000"
    trade.change_price(pricing_type="package", unit_price=None, package_size=50, package_price="4")

    assert trade.book(45)["amount"] == "4.0000000000"

    assert trade.units_left == [45]
    assert shop.ledger_differences() == ""


def test_a_quote_tells_what_booking_costs_and_books_nothing(shop: Shop) -> None:
    trade = Trade(shop)
    trade.book(60)
    lines = [{"unit": "image", "quantity": quantity} for quantity in (30, 30)]

    body = {"pipeline": trade.pipeline.code, "lines": lines}
    quotes = [trade.buyer.client.post("/pipeline_dist/v1/quote", json=body).json()] * 2
    items = [[(x["amount"], x["units_left"]) for x in quote["lines"]] for quote in quotes]

    assert items == [[("0.0000000000", "10.000000"), ("10.0000000000", "80.000000")]] * 2
    assert trade.units_left == [40]
    answer = trade.buyer.begin(trade.pipeline, "a", status="succeeded", lines=lines).json()
    assert [x["amount"] for x in answer["lines"]] == [amount for amount, _ in items[0]]
    assert trade.units_left == [80]


def test_the_catalogue_tells_what_is_left(shop: Shop) -> None:
    trade = Trade(shop, [PACKAGE, PACKAGE | {"model": "m"}, {"unit": "call", "unit_price": "1"}])
    trade.book(60)

    answer = trade.buyer.client.get(
        "/pipeline_dist/v1/pipelines", params={"code": trade.pipeline.code}
    ).json()

    prices = {(x["unit"], x["model"]): x["units_left"] for x in answer["prices"]}
    assert prices == {("call", ""): None, ("image", ""): "40.000000", ("image", "m"): "0.000000"}


def test_calls_of_our_own_share_packages_by_pipeline(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[PACKAGE])
    lines = [{"unit": "image", "quantity": 60}]

    def book(**more: Any) -> dict[str, Any]:
        return shop.post(f"{USAGE}_create", pipeline_id=pipeline.id, lines=lines, **more)

    buyer = shop.distributor(pipeline)
    calls = [book(), book(distributor_id=buyer.id), book(), book(distributor_id=buyer.id)]

    assert [call["total"] for call in calls] == ["10.0000000000"] * 4
    rows = shop.installation.query(
        "select distributor_id, units_left from app_package_use where pipeline_id = %s"
        " order by distributor_id",
        pipeline.id,
    )
    assert [(row["distributor_id"], row["units_left"]) for row in rows] == [
        ("", 80), (buyer.id, 80),
    ]  # fmt: skip
    shop.post(f"{USAGE}_delete", id=calls[0]["id"], reason="booked twice")
    (use,) = shop.installation.query(
        "select units_left from app_package_use where pipeline_id = %s and distributor_id = ''",
        pipeline.id,
    )
    assert use["units_left"] == 40
    assert shop.ledger_differences() == ""


def test_the_row_is_written_also_when_nothing_is_charged(shop: Shop) -> None:
    """On two database nodes only what is written tells two transactions apart."""
    trade = Trade(shop)
    for quantity in (60, 10, 0):
        trade.book(quantity)

    assert [(row["units_left"], row["lock_no"]) for row in trade.uses] == [(30, 3)]


def test_items_of_one_call_and_of_a_batch_share_what_is_left(shop: Shop) -> None:
    trade = Trade(shop)
    calls = [
        {"pipeline": trade.pipeline.code, "status": "succeeded", "idempotency_key": f"b{number}",
         "lines": [{"unit": "image", "quantity": 20}, {"unit": "image", "quantity": 25}]}
        for number in range(5)
    ]  # fmt: skip

    answer = trade.buyer.client.post("/pipeline_dist/v1/calls/batch", json={"calls": calls})

    assert answer.status_code == 200, answer.text
    assert trade.total == 30
    assert trade.units_left == [75]
    assert shop.ledger_differences() == ""


def test_a_refused_call_uses_nothing(shop: Shop) -> None:
    trade = Trade(shop)
    trade.book(60)
    lines = [{"unit": "image", "quantity": 70}, {"unit": "none", "quantity": 1}]

    refusal = trade.buyer.begin(trade.pipeline, "a", status="succeeded", lines=lines)

    assert (refusal.status_code, refusal.json()["code"]) == (409, "price_missing")
    assert trade.units_left == [40]
    assert trade.total == 10
