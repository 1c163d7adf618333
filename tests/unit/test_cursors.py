"""Cursors carry their query, and nothing that was not written as one is taken for one."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.base import clock
from app.base.refusals import InvalidFields
from app.schema.field_rules import FieldRule
from app.schema.validation import check_params
from pipeline_dist.reports import catalogue, usage
from pipeline_dist.reports.cursors import MAX_CURSOR, read_cursor, write_cursor

RULES = {
    "n": FieldRule(kind="int", minimum=1, maximum=9),
    "text": FieldRule(kind="str", length=128),
}
QUERY = {**usage.PAGE_QUERY, "next": FieldRule(kind="str", length=MAX_CURSOR)}


@pytest.fixture
def at() -> Iterator[Any]:
    """Sets the time that it is."""
    yield lambda moment: clock.set_source(lambda: datetime.fromisoformat(moment))
    clock.set_source(None)


def codes(owner: str, text: str) -> set[str]:
    with pytest.raises(InvalidFields) as caught:
        read_cursor(owner, text, query=RULES, place=RULES)
    return {f"{problem.field} {problem.code}" for problem in caught.value.problems}


def test_the_turn_of_the_month_between_two_pages_changes_nothing(at: Any) -> None:
    at("2026-11-30T15:59:59Z")
    first = usage.page("me", check_params(QUERY, {}), {})
    text = write_cursor(
        "me",
        first.query,
        {"entry_no": 7, "line_no": 2},
    )
    at("2026-11-30T16:00:01Z")
    second = usage.page("me", check_params(QUERY, {"next": text}), {"next"})
    anew = usage.page("me", check_params(QUERY, {}), {})

    assert (second.span.start, second.rows) == (first.span.start, first.rows)
    assert second.span.end > first.span.end  # no end was asked for
    assert (second.after, second.query) == ((7, 2), first.query)
    assert anew.span.start == datetime(2026, 11, 30, 16, tzinfo=UTC)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=128)


@settings(deadline=None)
@given(st.data(), WORDS)
def test_any_query_comes_back_and_a_changed_letter_does_not(data: Any, text: str) -> None:
    query, place = {"n": 3, "text": text or None}, {"n": 1, "text": "x"}
    cursor = write_cursor("me", query, place)
    reading = read_cursor("me", cursor, query=RULES, place=RULES)

    assert (reading.query, reading.place) == (query, place)
    assert len(cursor) <= MAX_CURSOR
    where = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("Az09-_=. é").filter(lambda one: one != cursor[where]))
    assert codes("me", cursor[:where] + letter + cursor[where + 1 :]) == {"next bad_cursor"}
    assert codes("you", cursor) == {"next bad_cursor"}


@pytest.mark.parametrize(
    "content",
    ["", "x", "[]", "[1,2]", "[[],[]]", "[{},{},{}]", '{"n":1}', '[{"n":0},{}]', '[{"m":1},{}]',
     '[{"text":"\\ud800"},{}]', '[{"text":["x"]},{}]', "[" * 900, '[{"n":1e999},{}]'],
)  # fmt: skip
def test_one_that_somebody_made_himself_is_held_against_the_rules(content: str) -> None:
    packed = content.encode()
    checksum = hashlib.sha256(b"me\0" + packed).digest()[:9]
    text = base64.urlsafe_b64encode(checksum + packed).rstrip(b"=").decode()

    assert codes("me", text) == {"next bad_cursor"}


def test_a_longer_time_than_may_be_asked_for_is_none_by_a_cursor_either() -> None:
    far = {"from": "2000-01-01", "to": "2026-01-01", "rows": 1000}
    text = write_cursor("me", far, {"entry_no": 1, "line_no": 1})
    with pytest.raises(InvalidFields) as caught:
        usage.page("me", check_params(QUERY, {"next": text}), {"next"})

    assert [problem.code for problem in caught.value.problems] == ["too_long"]


def test_who_reads_on_for_years_is_not_stopped(at: Any) -> None:
    at("2026-11-30T15:59:59Z")
    first = usage.page("me", check_params(QUERY, {}), {})
    text = write_cursor("me", first.query, {"entry_no": 1, "line_no": 1})
    at("2029-01-01T00:00:00Z")

    page = usage.page("me", check_params(QUERY, {"next": text}), {"next"})

    assert page.span.start == first.span.start


def test_a_month_stays_a_month_behind_a_cursor() -> None:
    first = usage.page("me", check_params(QUERY, {"month": "2026-10"}), {"month"})
    text = write_cursor("me", first.query, {"entry_no": 1, "line_no": 1})
    params = check_params(QUERY, {"next": text, "month": "2026-10"})

    assert usage.page("me", params, {"next", "month"}).span == first.span
    with pytest.raises(InvalidFields):
        usage.page("me", params | {"month": "2026-11"}, {"next", "month"})


def test_the_longest_search_fits_into_a_cursor() -> None:
    query = {"q": "𐍈" * 128, "page": 1_000_000, "rows": 100}
    text = write_cursor("pipelines " + "f" * 32, query, {"code": "c" * 64})

    assert len(text) <= MAX_CURSOR
    params = check_params(catalogue.PAGE_QUERY | {"next": FieldRule(kind="str")}, {"next": text})
    page = catalogue.page("pipelines " + "f" * 32, params, {"next"})
    assert (page.text, page.page, page.after) == (query["q"], 1_000_000, "c" * 64)
