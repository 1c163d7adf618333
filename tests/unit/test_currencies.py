"""Currencies are those of ISO 4217, and each has decimals of its own."""

from decimal import Decimal

import pytest

from app.base.currencies import check_in_force, is_currency, minor_units
from app.base.refusals import InvalidFields
from app.schema.coercion import coerce
from app.schema.field_rules import CoercionError
from app.schema.validation import rule_of
from pipeline_dist.reports.statement import round_amount


@pytest.mark.parametrize("code", ["CNY", "USD", "JPY", "KWD", "CHF"])
def test_a_currency_of_iso_4217_is_one(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize("code", ["YEN", "ABC", "cny", "", "CNYX"])
def test_another_word_is_none(code: str) -> None:
    assert not is_currency(code)


@pytest.mark.parametrize("code", ["CNY", "USD", "EUR", "JPY", "KWD", "CHF", "HKD", "XAF"])
def test_a_currency_in_force_may_be_chosen(code: str) -> None:
    check_in_force(code)


@pytest.mark.parametrize("code", ["DEM", "FRF", "HRK", "ADP"])
def test_one_of_the_past_may_not_be_chosen_and_stays_one(code: str) -> None:
    assert is_currency(code)
    with pytest.raises(InvalidFields) as caught:
        check_in_force(code)
    (problem,) = caught.value.problems
    assert (problem.field, problem.code) == ("currency", "unknown_currency")


@pytest.mark.parametrize("table", ["pipeline_pricing", "distributors", "pipeline_usage_log"])
def test_every_table_asks_for_one(table: str) -> None:
    rule = rule_of(table, "currency")

    assert coerce(rule, "EUR") == "EUR"
    with pytest.raises(CoercionError) as caught:
        coerce(rule, "ABC")
    assert caught.value.entry.code == "unknown_currency"


@pytest.mark.parametrize(("code", "units"), [("CNY", 2), ("USD", 2), ("JPY", 0), ("KWD", 3)])
def test_minor_units_are_the_currency_s(code: str, units: int) -> None:
    assert minor_units(code) == units


@pytest.mark.parametrize(
    ("amount", "currency", "total"),
    [
        ("123.67", "JPY", "124"),
        ("123.5", "JPY", "124"),
        ("123.4999999999", "JPY", "123"),
        ("0.0015", "KWD", "0.002"),
        ("0.005", "CNY", "0.01"),
        ("0", "CNY", "0.00"),
    ],
)
def test_a_total_is_rounded_to_them_half_up(amount: str, currency: str, total: str) -> None:
    assert str(round_amount(Decimal(amount), currency)) == total
