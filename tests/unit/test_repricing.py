"""Lines priced again: as they were under the same prices, and by the trial's where it holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

from hypothesis import given, strategies as st

from pipeline_ops.rules.pricing import line_amount
from pipeline_ops.rules.repricing import BookedLine, Repricer
from pipeline_ops.rules.terms import DatedTerms, LinkTerms, Terms

START = datetime(2026, 11, 1, tzinfo=UTC)
EVER = datetime.min.replace(tzinfo=UTC)
QUANTITIES = st.decimals(min_value=0, max_value=10**6, places=6)
PRICES = st.decimals(min_value=0, max_value=10**6, places=6)


def price(amount: Decimal, start: datetime = START, number: int = 0, **more: str) -> DatedTerms:
    values = {"pricing_id": "p", "step_key": "", "model": "", "unit": "call", "currency": "CNY"}
    values |= {"pricing_type": "unit", **more}
    terms = Terms(**values, unit_price=amount)  # type: ignore[arg-type]
    return DatedTerms(terms, start, None, number, number)


def line(quantity: Decimal, day: int = 1, number: int = 5) -> BookedLine:
    return BookedLine(
        step_key="", model="", unit="call", quantity=quantity, currency="CNY",
        started_at=START + timedelta(days=day), terms_no=number,
        link=LinkTerms("d", "discount", Decimal("0.5")),
    )  # fmt: skip


@given(QUANTITIES, PRICES, st.integers(0, 10))
def test_without_a_trial_a_line_costs_what_it_did(
    quantity: Decimal, amount: Decimal, number: int
) -> None:
    terms = LinkTerms("d", "discount", Decimal("0.5")).choose([price(amount).terms], "", "", "call")
    assert terms is not None

    result = Repricer([price(amount, number=number)], []).amount(line(quantity))

    assert result == (line_amount(terms, quantity) if number <= 5 else None)


@given(QUANTITIES, st.integers(0, 9))
def test_a_trial_stands_in_the_place_of_its_use_while_it_holds(quantity: Decimal, day: int) -> None:
    trial = price(Decimal(4), START + timedelta(days=5), number=9)
    specific = price(Decimal(8), EVER, step_key="s")

    result = Repricer([price(Decimal(2))], [trial, specific]).amount(line(quantity, day))

    # A price of another step is of no use; and the trial is known to all.
    factor = 2 if day >= 5 else 1
    assert result == quantity * factor


def test_a_trial_in_another_currency_is_none() -> None:
    trial = price(Decimal(4), EVER, currency="USD")

    assert Repricer([], [trial]).amount(line(Decimal(1))) is None


@given(st.lists(QUANTITIES, max_size=8), st.integers(1, 1000))
def test_packages_are_shared_by_all_lines(quantities: list[Decimal], size: int) -> None:
    terms = Terms(
        pricing_id="p", step_key="", model="", unit="call", pricing_type="package",
        package_size=size, package_price=Decimal(3), currency="CNY",
    )  # fmt: skip
    repricer = Repricer([DatedTerms(terms, EVER, None)], [])
    lines = [replace(line(quantity), link=LinkTerms("d")) for quantity in quantities]

    amounts = [repricer.amount(one) or 0 for one in lines]

    units = sum((Fraction(quantity) for quantity in quantities), Fraction(0))
    assert sum(amounts) == ceil(units / size) * 3
