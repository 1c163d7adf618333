"""The model itself: the small cases of people who do this job, and the sentences of the design."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.money.accounts import Distributor, Link, Pipeline
from tests.money.days import Calendar
from tests.money.ledger import Item
from tests.money.limits import SpendLimit
from tests.money.model import Model
from tests.money.packages import PackageUse
from tests.money.prices import Price, Terms
from tests.money.refusal import Refusal
from tests.money.statements import round_total

NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def model() -> Model:
    """A distributor with one pipeline, at noon of the last day of November."""
    own = Model("Asia/Shanghai", NOON)
    own.pipelines["A"] = Pipeline("A", ("s1",))
    own.distributors["X"] = Distributor("X", "CNY")
    own.set_link("X", "A", Link())
    return own


def add_price(model: Model, ref: str, price: str, size: int = 1, **fields: object) -> None:
    kind = str(fields.pop("kind", "unit"))
    values = {"unit": "call", "currency": "CNY", "start": LONG_AGO} | fields
    terms = Terms(kind, Decimal(price), size)
    model.add_price("A", Price(ref=ref, terms=terms, **values))  # type: ignore[arg-type]


def book(model: Model, ref: str, quantity: str) -> Decimal:
    return model.book(ref, "X", "A", "succeeded", [Item("call", Decimal(quantity))]).first_amount


def bill(model: Model, month: str = "2026-11") -> Decimal:
    return model.statement("X", month).total


def succeed(model: Model, ref: str, later: str, price: str, size: int = 1,
            kind: str = "unit") -> None:  # fmt: skip
    terms = Terms(kind, Decimal(price), size)
    model.pipelines["A"].book.succeed(ref, later, model.now, model.now, terms)


def test_a_package_that_is_in_use_is_not_given_back(model: Model) -> None:
    add_price(model, "p", "10", 100, kind="package")
    amounts = [book(model, "a", "60"), book(model, "b", "30")]
    model.void("a", "wrong")
    amounts.append(book(model, "c", "50"))

    assert amounts == [10, 0, 0]
    assert bill(model) == Decimal("10.00")


def test_units_that_were_paid_for_outlive_their_price(model: Model) -> None:
    add_price(model, "p", "10", 100, kind="package")
    book(model, "a", "150")
    succeed(model, "p", "q", "80", 1000, "package")

    assert book(model, "b", "500") == 80
    assert bill(model) == 100


def test_a_void_charges_nothing_anew(model: Model) -> None:
    add_price(model, "p", "10", 100, kind="package")
    book(model, "a", "50")
    succeed(model, "p", "q", "1000", 10, "package")
    assert book(model, "b", "50") == 0
    model.void("a", "wrong")

    assert bill(model) == 10


def test_a_call_has_the_price_of_its_beginning(model: Model) -> None:
    add_price(model, "p", "1")
    model.begin("a", "X", "A", DAY)
    succeed(model, "p", "q", "2")
    model.begin("b", "X", "A", DAY)

    assert model.finish("a", "succeeded", [Item("call", Decimal(1))]).first_amount == 1
    # In the moment in which the successor begins it goes by the number.
    assert model.finish("b", "succeeded", [Item("call", Decimal(1))]).first_amount == 2


def test_a_cancelled_call_is_no_call(model: Model) -> None:
    add_price(model, "p", "1")
    model.begin("a", "X", "A", DAY)
    model.finish("a", "cancelled", [])
    book(model, "b", "1")

    assert model.statement("X", "2026-11").sums.calls == 1


def test_yen_have_no_smaller_units() -> None:
    assert round_total(Decimal("123.67"), "JPY") == 124
    assert round_total(Decimal("1.2345"), "KWD") == Decimal("1.235")
    assert round_total(Decimal("1.005"), "CNY") == Decimal("1.01")


def test_a_closed_month_stays_as_it_is(model: Model) -> None:
    add_price(model, "p", "1")
    book(model, "a", "3")
    model.begin("b", "X", "A", timedelta(minutes=1))
    model.now += 2 * DAY
    model.sweep()
    assert model.close("X", "2026-11") == "2026-11-0001"
    before = model.statement("X", "2026-11")

    model.void("a", "wrong")
    model.finish("b", "succeeded", [Item("call", Decimal(5)), Item("call", Decimal(1))])
    model.book_by_hand("c", "X", "A", "succeeded", [Item("call", Decimal(7))], NOON)

    assert model.statement("X", "2026-11") == before
    december = model.statement("X", "2026-12")
    assert december.total == -3 + 5 + 1 + 7
    assert december.sums.calls == -1 + 1
    assert len(december.corrections) == 4
    assert [row.line_no for row in model.calls["b"].rows] == [0, 1, 2]


def test_months_close_in_their_time(model: Model) -> None:
    model.begin("a", "X", "A", 3 * DAY)
    with pytest.raises(Refusal, match="month_not_over"):
        model.close("X", "2026-11")
    model.now += 2 * DAY
    with pytest.raises(Refusal, match="calls_running"):
        model.close("X", "2026-11")
    model.finish("a", "cancelled", [])
    assert model.close("X", "2026-11") == "2026-11-0001"


def test_own_prices_come_before_general_ones_and_are_not_discounted(model: Model) -> None:
    model.set_link("X", "A", Link("discount", Decimal("0.5")))
    add_price(model, "general", "2", step="s1")
    assert model.quote("X", "A", [Item("call", Decimal(3), "s1")]) == [3]
    add_price(model, "own", "5", distributor="X")
    assert model.quote("X", "A", [Item("call", Decimal(3), "s1")]) == [15]
    model.delete_link("X", "A")
    model.set_link("X", "A", Link("fixed"))
    model.now += timedelta(milliseconds=1)
    with pytest.raises(Refusal, match="price_missing"):
        model.quote("X", "A", [Item("call", Decimal(3), "s1")])


def test_the_terms_of_a_link_are_those_of_the_beginning(model: Model) -> None:
    add_price(model, "p", "2")
    model.begin("a", "X", "A", DAY)
    model.set_link("X", "A", Link("discount", Decimal("0.5")))

    assert model.finish("a", "succeeded", [Item("call", Decimal(1))]).first_amount == 2


def test_deleting_a_successor_gives_the_end_back(model: Model) -> None:
    add_price(model, "p", "1", end=NOON + 5 * DAY)
    prices = model.pipelines["A"].book
    prices.succeed("p", "q", model.now, NOON + DAY, Terms("unit", Decimal(2), 1))
    assert prices.prices["p"].end == NOON + DAY
    assert prices.prices["q"].end == NOON + 5 * DAY
    prices.end("q", model.now)
    assert prices.prices["p"].end == NOON + 5 * DAY


def test_prices_of_one_key_do_not_overlap(model: Model) -> None:
    add_price(model, "p", "1", end=NOON)
    add_price(model, "q", "1", start=NOON)
    add_price(model, "r", "1", distributor="X")
    add_price(model, "s", "1", enabled=False)
    with pytest.raises(Refusal, match="price_overlap"):
        model.pipelines["A"].book.edit("s", model.now, enabled=True)


def test_packages_go_back_newest_first() -> None:
    use = PackageUse()
    assert use.charge(Decimal(250), 100, Decimal(10)) == 30
    assert use.charge(Decimal(60), 1000, Decimal(80)) == 80
    assert use.rest == 990
    # 990 + 60 are one of 1000, and of the 50 that remain none of 100.
    assert use.give_back(Decimal(60)) == 80
    assert use.rest == 50
    assert use.give_back(Decimal(250)) == 30
    assert use.rest == 0
    assert use.bought == []


def test_a_limit_holds_exactly_for_finished_calls(model: Model) -> None:
    add_price(model, "p", "1")
    model.distributors["X"].limit = SpendLimit(Decimal(10), "month")
    book(model, "a", "10")
    with pytest.raises(Refusal, match="spend_limit_reached"):
        book(model, "b", "0.000001")
    book(model, "c", "0")
    model.now += DAY
    book(model, "d", "4")
    model.begin("e", "X", "A", DAY, Decimal(6))
    with pytest.raises(Refusal, match="spend_limit_reached"):
        model.begin("f", "X", "A", DAY)
    assert model.finish("e", "succeeded", [Item("call", Decimal(50))]).first_amount == 50


def test_a_balance_is_what_was_paid_before(model: Model) -> None:
    add_price(model, "p", "1")
    book(model, "a", "5")
    model.now += DAY
    model.distributors["X"].limit.prepaid_since = model.distributors["X"].entry_no
    model.topup("X", Decimal(20), "paid", "T-1")
    model.topup("X", Decimal(20), "paid", "T-1")
    book(model, "b", "8")
    model.adjust("X", Decimal(-1), "sorry")
    assert model.room(model.distributors["X"]) == 13
    with pytest.raises(Refusal, match="reference_reused"):
        model.topup("X", Decimal(21), "paid", "T-1")


def test_days_of_25_hours_are_days() -> None:
    calendar = Calendar("Europe/Berlin")
    moment = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert calendar.day_key(moment) == "2026-10-25"
    assert calendar.day_end(moment) - moment == timedelta(hours=25)
    assert calendar.month_end("2026-12") == datetime(2026, 12, 31, 23, tzinfo=UTC)
