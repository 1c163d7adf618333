"""SQL text is never evaluated, values are always bound."""

from datetime import UTC, datetime

import pytest

from app.base.errors import BadRequest
from app.db.sqlor import SafeSqlor, parse_sql, sort_terms


@pytest.fixture
def sor() -> SafeSqlor:
    return SafeSqlor(None, "pipeline")


def test_names_become_marks_and_percent_signs_stay():
    text, names = parse_sql("select * from t where a = ${x}$ and b like 'a%'")

    assert text == "select * from t where a = %s and b like 'a%%'"
    assert names == ("x",)


@pytest.mark.parametrize("text", ["select $[x]$", "select $<x>$ 1 $</x>$", "select ${x + 1}$"])
def test_macros_that_paste_or_evaluate_are_refused(text):
    with pytest.raises(ValueError, match="not supported"):
        parse_sql(text)


def test_values_are_looked_up_not_evaluated(sor):
    _, args = sor.maskingSQL("select ${name}$", {"name": "${__import__('os')}$"})

    assert args == ("${__import__('os')}$",)


def test_a_missing_name_is_an_error(sor):
    with pytest.raises(KeyError):
        sor.maskingSQL("select ${id}$", {})


def test_lists_expand_and_an_empty_one_matches_nothing(sor):
    text, args = sor.maskingSQL("x in ${ids}$ and y = ${y}$", {"ids": ["a", "b"], "y": 1})

    assert (text, args) == ("x in (%s, %s) and y = %s", ("a", "b", 1))
    assert sor.maskingSQL("x in ${ids}$", {"ids": []}) == ("x in (%s)", (None,))


def test_times_are_bound_as_utc(sor):
    moment = datetime.fromisoformat("2026-11-24T08:00:00+08:00")

    _, args = sor.maskingSQL("select ${t}$", {"t": moment})

    assert args == (datetime(2026, 11, 24, 0, 0),)
    assert moment.astimezone(UTC).hour == 0


@pytest.mark.parametrize(
    ("sort", "terms"),
    [
        ("name", [("name", False)]),
        ("name desc, id", [("name", True), ("id", False)]),
        (["a", "b ASC"], [("a", False), ("b", False)]),
    ],
)
def test_sort_names_columns(sort, terms):
    assert sort_terms(sort) == terms


@pytest.mark.parametrize(
    "sort",
    ["${1}$", "(select sleep(9))", "id; drop table x", "id) as x, (select 1", "", [1], "a b"],
)
def test_any_other_sort_is_refused(sort):
    with pytest.raises(BadRequest) as error:
        sort_terms(sort)

    assert error.value.code == "bad_sort"


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("select 1", "qry"),
        ("with a as (select 1) select * from a", "qry"),
        ("replace into t values (1)", "dml"),
        ("\n update t set a=1", "dml"),
        ("alter table t", "ddl"),
    ],
)
def test_statements_are_told_apart(sor, sql, kind):
    assert sor.getSqlType(sql) == kind
