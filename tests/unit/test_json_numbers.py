"""Numbers in JSON that stay as they were written."""

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.base.json_codec import canonical_json, json_bytes, to_json
from app.base.json_numbers import JsonNumber, encoder, is_bounded, kept_json, plain_spelling

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)  # fmt: skip


def no_other(value: Any) -> Any:
    raise TypeError


@given(plain, st.sampled_from([None, 2]), st.booleans())
def test_what_has_such_numbers_is_written_as_python_writes_it(
    value: Any, indent: int | None, sort_keys: bool
) -> None:
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        value, ensure_ascii=False, indent=indent, sort_keys=sort_keys, separators=separators
    )
    write = encoder(no_other, indent=indent, sort_keys=sort_keys)

    assert write(value) == text
    assert write(kept_json(text)) == text  # every fraction is one of ours now


@pytest.mark.parametrize("text", ["1.0", "1.10", "1e3", "1E+3", "-0", "-0.0", "5", "0e400"])
def test_a_number_keeps_its_spelling(text: str) -> None:
    value = kept_json(f'{{"a":[{text}]}}')

    for json_text in (canonical_json(value), to_json(value), json_bytes(value).decode()):
        assert json_text == f'{{"a":[{text}]}}'
    for same in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert canonical_json(same) == canonical_json(value)


def test_money_beside_such_numbers_stays_a_text() -> None:
    value = {"money": Decimal("1.50"), "number": JsonNumber("1.50")}

    assert to_json(value) == json_bytes(value).decode() == '{"money":"1.50","number":1.50}'


@pytest.mark.parametrize("text", ["NaN", "1,5", "01", ".5", "5.", "+1", "1_0", "１", ""])
def test_what_json_has_not_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        JsonNumber(text)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("1.00", "1.0"), ("1e3", "1000.0"), ("1E-7", "1e-07"), ("0.1000000000000000000000001", None),
     ("-0", "-0.0"), ("1e400", "1E+400")],
)  # fmt: skip
def test_equal_numbers_have_one_spelling_in_sums(text: str, spelling: str | None) -> None:
    assert plain_spelling(JsonNumber(text)) == (spelling or text)


def test_bounds_count_digits_and_powers() -> None:
    fine: list[Decimal | int] = [Decimal("1e400"), Decimal("0." + "1" * 999), 10**1000 - 1, -5]
    wrong: list[Decimal | int] = [Decimal("1e401"), Decimal("0e-402"), 10**1000, Decimal("NaN")]

    assert [is_bounded(number) for number in fine + wrong] == [True] * 4 + [False] * 4
