"""Prices and amounts, held against a slow model with fractions that shares no code with ours."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, strategies as st

from app.base.errors import Conflict, Unprocessable
from pipeline_ops.rules.package_use import Packages
from pipeline_ops.rules.packages import PackageUse
from pipeline_ops.rules.pricing import apply_prices, choose_terms, line_amount, total, uses_after
from pipeline_ops.rules.terms import LinkTerms, Terms, discount, shown_price
from pipeline_ops.rules.usage_lines import UsageLine

QUANTITIES = st.decimals(min_value=0, max_value=10**12 - 1, places=6)
PRICES = st.decimals(min_value=0, max_value=10**12 - 1, places=6)
RATES = st.decimals(min_value=0, max_value=99, places=4)
OURS = LinkTerms()
SIZES = st.integers(min_value=1, max_value=2**63 - 1)


def make_terms(**changes: object) -> Terms:
    """A unit price that is fine in every way; say only what the test is about."""
    values: dict[str, object] = {
        "pricing_id": "p1", "step_key": "", "model": "", "unit": "call", "pricing_type": "unit",
        "unit_price": Decimal("1.000000"), "currency": "CNY",
    }  # fmt: skip
    return Terms(**{**values, **changes})  # type: ignore[arg-type]


def package(size: int, price: Decimal, **changes: object) -> Terms:
    return make_terms(
        pricing_type="package", unit_price=None, package_size=size, package_price=price, **changes
    )


def line(quantity: Decimal | int, unit: str = "call", step: str = "", model: str = "") -> UsageLine:
    return UsageLine(step_key=step, model=model, unit=unit, quantity=Decimal(quantity))


def half_up(exact: Fraction, decimals: int) -> Fraction:
    """The slow model's rounding: away from the middle upwards."""
    step = Fraction(1, 10**decimals)
    return floor(exact / step + Fraction(1, 2)) * step


@given(QUANTITIES, PRICES, SIZES)
def test_unit_amount_is_the_exact_quotient_rounded_half_up(
    quantity: Decimal, price: Decimal, size: int
) -> None:
    amount = line_amount(make_terms(unit_price=price, unit_size=size), quantity)

    assert Fraction(amount) == half_up(Fraction(quantity) * Fraction(price) / size, 10)
    assert amount.as_tuple().exponent == -10


@given(st.lists(QUANTITIES, max_size=8), QUANTITIES, st.integers(min_value=1, max_value=10**9))
def test_lines_of_one_call_share_their_packages(
    quantities: list[Decimal], units_left: Decimal, size: int
) -> None:
    terms = package(size, Decimal("0.000001"))
    lines = [line(quantity) for quantity in quantities]
    packages = Packages("d", "p", "2026-11")
    packages.uses = {packages.key("", "", "call"): PackageUse(units_left)}

    priced_lines = apply_prices(lines, [terms] * len(lines), packages)

    missing_units = sum((Fraction(q) for q in quantities), -Fraction(units_left))
    count = max(0, ceil(missing_units / size))
    assert Fraction(total(priced_lines)) == count * Fraction(1, 10**6)
    assert all(item.amount.as_tuple().exponent == -10 for item in priced_lines)
    if lines:
        (use,) = uses_after(priced_lines).values()
        assert Fraction(use.units_left) == count * size - missing_units
        assert use.units_left == priced_lines[-1].units_left


def test_a_price_for_a_step_and_one_for_all_have_packages_of_their_own() -> None:
    terms = [package(10, Decimal(1)), package(10, Decimal(2), step_key="s", model="m")]
    lines = [line(3), line(4, step="s", model="m")]
    packages = Packages("d", "p", "2026-11")

    priced_lines = apply_prices(lines, terms, packages)

    assert {key.match: use.units_left for key, use in uses_after(priced_lines).items()} == {
        "all": 7, "step+model": 6,
    }  # fmt: skip
    assert [item.terms.matched for item in priced_lines] == ["all", "step+model"]


@given(PRICES, RATES, QUANTITIES, SIZES)
def test_the_stored_discounted_price_reproduces_the_amount(
    price: Decimal, rate: Decimal, quantity: Decimal, size: int
) -> None:
    terms = discount(make_terms(unit_price=price, unit_size=size), rate)

    assert terms.unit_price is not None
    unit_price = Fraction(terms.unit_price)
    assert unit_price == Fraction(price) * Fraction(rate)
    exponent = terms.unit_price.as_tuple().exponent
    assert isinstance(exponent, int)
    assert -10 <= exponent <= -6
    # As the ledger hands it back.
    assert str(shown_price(terms.unit_price.quantize(Decimal("1e-10")))) == str(terms.unit_price)
    assert Fraction(line_amount(terms, quantity)) == half_up(
        Fraction(quantity) * unit_price / size, 10
    )


@pytest.mark.parametrize(
    ("quantity", "price", "size", "amount"),
    [
        ("0.000000", "1.000000", 1, "0.0000000000"),
        ("1", "2.500000", 1_000_000, "0.0000025000"),
        ("0.000001", "0.000049", 1, "0.0000000000"),
        ("0.000001", "0.000050", 1, "0.0000000001"),
        ("1000000000000", "0.000003", 1, "3000000.0000000000"),
        ("1", "1.000000", 3, "0.3333333333"),
        ("2", "1.000000", 3, "0.6666666667"),
        ("1808", "1.000000", 1_000_000, "0.0018080000"),
    ],
)
def test_amounts_worked_out_by_hand(quantity: str, price: str, size: int, amount: str) -> None:
    terms = make_terms(unit_price=Decimal(price), unit_size=size)

    assert format(line_amount(terms, Decimal(quantity)), "f") == amount


def test_every_line_without_price_is_named() -> None:
    lines = [line(1), line(1, "image"), line(1, "second")]

    with pytest.raises(Conflict) as caught:
        choose_terms(lines, [make_terms()], OURS, "CNY")

    assert caught.value.code == "price_missing"
    assert [problem.field for problem in caught.value.problems] == ["lines/1", "lines/2"]


def test_a_price_in_another_currency_is_no_price_and_says_so() -> None:
    with pytest.raises(Conflict) as caught:
        choose_terms([line(1)], [make_terms(currency="USD")], OURS, "CNY")

    assert caught.value.code == "price_missing"
    assert "USD" in str(caught.value.problems[0].text)
    assert "prices are in USD, the account is in CNY" in str(caught.value.text)


def test_a_call_without_lines_is_refused_where_all_prices_are_in_another_currency() -> None:
    dollars = make_terms(currency="USD")

    with pytest.raises(Conflict) as caught:
        choose_terms([], [dollars, make_terms(currency="EUR")], OURS, "CNY")

    assert caught.value.code == "price_missing"
    assert "prices are in EUR, USD, the account is in CNY" in str(caught.value.text)
    assert choose_terms([], [dollars, make_terms()], OURS, "CNY") == []
    assert choose_terms([], [], OURS, "CNY") == []


def test_a_unit_that_has_no_price_at_all_is_not_explained_by_a_currency() -> None:
    prices = [make_terms(currency="USD")]

    with pytest.raises(Conflict) as caught:
        choose_terms([line(1), line(1, "image")], prices, OURS, "CNY")

    assert "no price in force" in str(caught.value.text)
    assert "USD" in str(caught.value.problems[0].text)


def test_a_more_specific_price_in_another_currency_hides_none() -> None:
    dollars = make_terms(pricing_id="usd", step_key="s", model="m", currency="USD")
    prices = [dollars, make_terms(pricing_id="cny")]

    (one,) = choose_terms([line(1, step="s", model="m")], prices, OURS, "CNY")
    (whichever,) = choose_terms([line(1, step="s", model="m")], prices, OURS, None)

    assert (one.pricing_id, whichever.pricing_id) == ("cny", "usd")


def test_an_amount_the_ledger_cannot_hold_is_refused() -> None:
    with pytest.raises(Unprocessable, match="10000000000"):
        apply_prices([line(10**11)], [make_terms()], Packages("d", "p", "2026-11"))
