"""Values nobody thought of: typed without loss, or refused in words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings, strategies as st

from app.base.errors import BadRequest
from app.base.json_numbers import kept_json
from app.schema import tables as models
from app.schema.coercion import coerce, to_decimal
from app.schema.field_rules import CoercionError, JsonText
from app.schema.validation import check_delete, check_new, check_update, rule_of
from tests.unit.test_field_values import refusal

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None)


def outcome(call: Any) -> Any:
    """What *call* answers, or what it raises."""
    try:
        return call()
    except (CoercionError, BadRequest) as exc:
        return exc


WHOLE = rule_of("pipeline_capacity", "daily_quota")
MONEY = rule_of("pipeline_pricing", "unit_price")


@UNHURRIED
@given(st.integers(-(2**70), 2**70))
def test_whole_numbers_come_back_or_are_refused(number: int) -> None:
    if 0 <= number < 2**63:
        assert coerce(WHOLE, number) == coerce(WHOLE, str(number)) == number
    else:
        assert refusal(WHOLE, number) == refusal(WHOLE, str(number)) == "out_of_range"


@UNHURRIED
@given(st.decimals(0, 999_999_999_999, places=6))
def test_money_comes_back_to_the_last_digit(amount: Decimal) -> None:
    assert coerce(MONEY, str(amount)) == amount
    assert coerce(MONEY, format(amount, "f")) == amount
    assert coerce(MONEY, coerce(MONEY, amount)) == amount


@UNHURRIED
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_taken_by_its_shortest_text(number: float) -> None:
    result = outcome(lambda: to_decimal(number))

    if number == 0 or 1e-60 <= abs(number) < 1e61:
        assert float(result) == number
    else:
        assert isinstance(result, CoercionError)


@UNHURRIED
@given(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)), st.integers(-14, 14))
def test_a_moment_is_the_same_in_every_zone(moment: datetime, hours: int) -> None:
    rule = rule_of("pipeline_pricing", "effective_from")
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    local = aware + timedelta(hours=hours)
    text = f"{local.replace(tzinfo=None).isoformat()}{'+' if hours >= 0 else '-'}{abs(hours):02}:00"

    assert coerce(rule, text) == aware


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
COLUMNS = [(t.name, c) for t in models.tables().values() for c in t.columns]


@UNHURRIED
@given(st.sampled_from(COLUMNS), ANYTHING)
def test_any_value_is_typed_or_refused(column: tuple[str, str], value: Any) -> None:
    rule = rule_of(*column)
    result = outcome(lambda: coerce(rule, value))

    if isinstance(result, CoercionError):
        assert str(result.message)
        return
    expected: type = {
        "str": str, "text": str, "json": JsonText, "int": int, "bigint": int, "bool": int,
        "decimal": Decimal, "datetime": datetime, "bytes": bytes,
    }[rule.kind]  # fmt: skip
    assert result is None or type(result) is expected
    if isinstance(result, JsonText):
        assert kept_json(result) == result.value
    if result is not None:
        assert coerce(rule, result) == result


@UNHURRIED
@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "name", "code"]), ANYTHING))
def test_any_request_is_answered_or_refused(params: dict[str, Any]) -> None:
    for check in (check_new, check_update, check_delete):
        result = outcome(lambda check=check: check("pipelines", params))
        if isinstance(result, BadRequest):
            assert result.code in ("invalid_fields", "nothing_to_change")
