"""Filters of a request are data: names are checked, values bound, brackets kept."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.base.errors import BadRequest
from app.records.filters import Condition, SafeDBFilter, like_pattern, parse_filter, render_filter

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None)


def sql(data_filter: Any, **params: Any) -> tuple[str, dict[str, Any]] | None:
    node, _ = parse_filter(data_filter, params)
    return (
        None
        if node is None
        else render_filter(node, lambda condition: (condition.field, condition.value))
    )


def test_a_condition_binds_its_value() -> None:
    assert sql({"field": "name", "op": "=", "const": "a' or 1=1"}) == (
        "(name = ${filter_0}$)",
        {"filter_0": "a' or 1=1"},
    )


def test_brackets_are_kept_whatever_the_case() -> None:
    a, b, c = ({"field": name, "op": "=", "const": 1} for name in "abc")

    condition = sql({"AND": [{"OR": [a, b]}, {"not": c}]})

    assert condition is not None
    assert condition[0] == (
        "(((a = ${filter_0}$) or (b = ${filter_1}$)) and (not coalesce((c = ${filter_2}$), 0)))"
    )


def test_lists_work() -> None:
    condition = sql({"field": "status", "op": "not in", "const": ["a", "b"]})

    assert condition == (
        "(status not in ${filter_0}$ or status is null)",
        {"filter_0": ["a", "b"]},
    )


def test_nothing_compared_is_a_question_for_null() -> None:
    assert sql({"field": "a", "op": "=", "const": None}) == ("(a is null)", {})
    assert sql({"field": "a", "op": "!=", "const": None}) == ("(a is not null)", {})


def test_a_var_takes_another_parameter_or_is_left_out() -> None:
    condition = {"field": "a", "op": ">", "var": "low"}

    assert sql(condition, low=3) == ("(a > ${filter_0}$)", {"filter_0": 3})
    assert sql(condition) is None
    assert sql({"AND": [condition]}) is None
    assert parse_filter(condition, {})[1] == {"low"}


@pytest.mark.parametrize("empty", [None, "", "  ", {}, "{}"])
def test_no_filter_is_no_condition(empty: Any) -> None:
    assert sql(empty) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "{", "[]", "5", [], 5, {"a": 1, "b": 2},
        {"AND": []}, {"AND": {}}, {"OR": "x"}, {"NOT": []}, {"XOR": []},
        {"field": "1=1 or name", "op": "=", "const": 1},
        {"field": "${x}$", "op": "=", "const": 1},
        {"field": "a", "op": "= 1 or 1", "const": 1},
        {"field": "a", "op": "regexp", "const": "x"},
        {"field": "a", "op": "="},
        {"field": "a", "op": "=", "const": {"b": 1}},
        {"field": "a", "op": "=", "const": [1]},
        {"field": "a", "op": "in", "const": []},
        {"field": "a", "op": "in", "const": [[1]]},
        {"field": "a", "op": "in", "const": list(range(501))},
        {"field": "a", "op": "like", "const": None},
        {"field": "a", "op": "=", "const": 1, "sql": "x"},
        {"field": 1, "op": "=", "const": 1},
    ],
)  # fmt: skip
def test_a_wrong_filter_is_refused(wrong: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        sql(wrong)

    assert caught.value.code == "bad_filter"


def test_depth_and_number_are_limited() -> None:
    leaf: dict[str, Any] = {"field": "a", "op": "=", "const": 1}
    deep = leaf
    for _ in range(4):
        deep = {"NOT": deep}

    assert sql(deep)
    assert sql({"AND": [leaf] * 50})
    with pytest.raises(BadRequest):
        sql({"NOT": deep})
    with pytest.raises(BadRequest):
        sql({"AND": [leaf] * 51})


def test_a_search_text_means_itself() -> None:
    assert like_pattern("100%_\\") == "%100\\%\\_\\\\%"


def test_generated_upstream_scripts_get_safe_sql() -> None:
    ns: dict[str, Any] = {"low": 1}
    db_filter = SafeDBFilter(json.dumps({"field": "a", "op": ">=", "var": "low"}))

    assert db_filter.gen(ns) == "(`a` >= ${filter_0}$)"
    assert ns["filter_0"] == 1
    with pytest.raises(BadRequest):
        SafeDBFilter({"field": "a) or (1=1", "op": "=", "const": 1}).gen({})
    assert SafeDBFilter("{}").gen({}) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["AND", "or", "NOT", "field", "op", "const", "var"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@UNHURRIED
@given(ANYTHING)
def test_any_filter_is_read_or_refused_and_never_pasted(data_filter: Any) -> None:
    try:
        condition = sql(data_filter)
    except BadRequest:
        return
    if condition is not None:
        assert set(condition[0].replace("${", "").replace("}$", "")) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ()<>=!"
        )


def test_a_condition_is_a_value() -> None:
    assert Condition("a", "=", 1) == Condition("a", "=", 1)
