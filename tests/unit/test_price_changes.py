"""What may become of a price: drafts are edited, history is ended and succeeded."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.base.errors import AppError
from app.base.refusals import InvalidFields
from pipeline_ops.rules.price_changes import PriceChange, change_of, ended_at, is_draft, is_over
from pipeline_ops.rules.terms import DatedTerms, Terms

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
BEFORE, SOON, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1), NOW + timedelta(days=2)
MOMENT = timedelta(milliseconds=1)


def price(**fields: Any) -> dict[str, Any]:
    return {
        "enabled": 1, "effective_from": BEFORE, "effective_to": None, "unit_price": Decimal(1),
        "remark": None, **fields,
    }  # fmt: skip


OVER = price(effective_to=NOW)
ENDING = price(effective_to=SOON)
DEARER = {"unit_price": Decimal(2)}


@pytest.mark.parametrize(
    ("row", "draft", "over"),
    [
        (price(), False, False),
        (price(enabled=0), True, False),
        (price(effective_from=NOW), False, False),
        (price(effective_from=NOW + MOMENT), True, False),
        (OVER, False, True),
        (price(effective_to=NOW + MOMENT), False, False),
    ],
)
def test_a_draft_was_never_in_force(row: dict[str, Any], draft: bool, over: bool) -> None:
    assert (is_draft(row, NOW), is_over(row, NOW)) == (draft, over)


@pytest.mark.parametrize("row", [price(enabled=0), price(effective_from=SOON)])
@pytest.mark.parametrize(
    "new", [DEARER, {"enabled": 0}, {"effective_to": BEFORE}, {"effective_from": BEFORE}]
)
def test_a_draft_is_edited_freely(row: dict[str, Any], new: dict[str, Any]) -> None:
    assert change_of(row, new, None, NOW) == PriceChange(new)


@pytest.mark.parametrize("row", [price(), OVER, ENDING])
def test_a_remark_is_made_at_any_time(row: dict[str, Any]) -> None:
    new = {"remark": "as agreed"}

    assert change_of(row, new, None, NOW) == PriceChange(new)


@pytest.mark.parametrize("new", [DEARER, {"effective_from": SOON}, DEARER | {"remark": "x"}])
def test_what_is_in_force_is_not_edited_and_the_refusal_asks_from_when(new: dict[str, Any]) -> None:
    with pytest.raises(AppError) as caught:
        change_of(price(), new, None, NOW)

    assert (caught.value.code, caught.value.status) == ("in_use", 409)
    assert [problem.field for problem in caught.value.problems] == [n for n in new if n != "remark"]
    assert caught.value.extra["ask"]["name"] == "change_from"


@pytest.mark.parametrize("start", [NOW, SOON])
def test_with_change_from_it_ends_and_another_begins(start: datetime) -> None:
    change = change_of(price(), DEARER, start, NOW)

    assert change == PriceChange({"effective_to": start}, {**DEARER, "effective_from": start})


def test_a_draft_is_succeeded_too_when_it_begins_before() -> None:
    row = price(effective_from=SOON)

    assert change_of(row, DEARER, NOW, NOW) == PriceChange(DEARER)
    assert change_of(row, DEARER, LATER, NOW).successor == {**DEARER, "effective_from": LATER}
    assert change_of(row | {"enabled": 0}, DEARER, LATER, NOW).successor is None


@pytest.mark.parametrize(
    ("row", "new", "start", "field"),
    [
        (price(), DEARER, NOW - MOMENT, "change_from"),
        (price(), {"remark": "x"}, NOW - MOMENT, "change_from"),
        (ENDING, DEARER, SOON, "change_from"),
        (ENDING, DEARER, LATER, "change_from"),
        (ENDING, {"enabled": 0}, LATER, "change_from"),
        (price(), DEARER | {"effective_from": SOON}, NOW, "effective_from"),
        (price(), DEARER | {"effective_to": SOON}, SOON, "effective_to"),
        (price(), {"effective_to": NOW - MOMENT}, None, "effective_to"),
    ],
)
def test_a_wrong_time_is_refused_at_its_field(
    row: dict[str, Any], new: dict[str, Any], start: datetime | None, field: str
) -> None:
    with pytest.raises(InvalidFields) as caught:
        change_of(row, new, start, NOW)

    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_start_that_says_the_same_as_change_from_is_taken() -> None:
    change = change_of(price(), DEARER | {"effective_from": SOON}, SOON, NOW)

    assert change.row == {"effective_to": SOON}


@pytest.mark.parametrize("new", [{"enabled": 0}, {"enabled": 0, "remark": "gone"}])
def test_switched_off_it_ends_now(new: dict[str, Any]) -> None:
    change = change_of(price(), new, None, NOW)

    assert change.row["effective_to"] == NOW
    assert "enabled" not in change.row
    assert change.successor is None


@pytest.mark.parametrize("end", [NOW, LATER, None])
def test_an_end_that_has_not_passed_may_be_moved(end: datetime | None) -> None:
    assert change_of(ENDING, {"effective_to": end}, None, NOW) == PriceChange({"effective_to": end})


@pytest.mark.parametrize("new", [DEARER, {"effective_to": LATER}, {"effective_to": None},
                                 {"enabled": 0}])  # fmt: skip
@pytest.mark.parametrize("start", [None, SOON])
def test_an_end_that_has_passed_stays(new: dict[str, Any], start: datetime | None) -> None:
    with pytest.raises(AppError) as caught:
        change_of(OVER, new, start, NOW)

    assert caught.value.code == "in_use"


def test_no_price_ends_before_it_began() -> None:
    row = price(effective_from=NOW)

    assert ended_at(row, NOW) == {"effective_to": NOW + MOMENT}
    assert change_of(row, DEARER, NOW, NOW).row == {"effective_to": NOW + MOMENT}
    assert change_of(row, {"effective_to": NOW}, None, NOW).row == {"effective_to": NOW + MOMENT}


def test_switched_off_from_a_time_to_come_it_ends_then() -> None:
    assert change_of(price(), {"enabled": 0}, SOON, NOW) == PriceChange({"effective_to": SOON})


# The choice by what was known when the call began.

TERMS = Terms(
    pricing_id="p", step_key="", model="", unit="call", pricing_type="unit", currency="CNY"
)


def in_force(row: Any, at: datetime, terms_no: int) -> bool:
    names = ("effective_from", "effective_to", "terms_no", "end_terms_no")
    return DatedTerms(TERMS, *(row[name] for name in names)).holds_at(at, terms_no)


def price_of_number(
    terms_no: int, start: datetime, end: datetime | None = None, end_no: int = 0
) -> Any:
    return {"effective_from": start, "effective_to": end, "terms_no": terms_no,
            "end_terms_no": max(end_no, terms_no)}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "number", "applies"),
    [
        (price_of_number(5, BEFORE), 5, True),
        (price_of_number(5, BEFORE), 4, False),  # entered after it, with a start in the past
        (price_of_number(5, BEFORE), 6, True),
        (price_of_number(5, SOON), 6, False),
        (price_of_number(5, BEFORE, BEFORE + MOMENT, 7), 6, True),  # ended after it
        (price_of_number(5, BEFORE, BEFORE + MOMENT, 7), 7, False),
        (price_of_number(5, BEFORE, NOW, 7), 7, False),  # the end itself is no part
        (price_of_number(5, BEFORE, NOW + MOMENT, 7), 7, True),
    ],
)
def test_a_price_applies_by_dates_and_number(row: Any, number: int, applies: bool) -> None:
    assert in_force(row, NOW, number) is applies


HISTORY = st.lists(
    st.tuples(st.sampled_from(["succeed", "end", "move", "enter"]), st.integers(0, 3),
              st.integers(0, 4)),
    max_size=12,
)  # fmt: skip


@given(HISTORY)
def test_a_call_keeps_its_price_whatever_is_changed_afterwards(history: list[Any]) -> None:
    """One price at most applies to a call, and the same one for ever: in any history by
    `change_of`, for calls that begin between any two changes."""
    rows: list[dict[str, Any]] = [price(id=0, terms_no=1, end_terms_no=1)]
    number, moment = 1, NOW
    calls: list[tuple[datetime, int, list[int]]] = []

    def applying(at: datetime, terms_no: int) -> list[int]:
        return [row["id"] for row in rows if in_force(row, at, terms_no)]

    for action, wait, ahead in history:
        calls.append((moment, number, applying(moment, number)))
        moment += wait * MOMENT
        number += 1
        start = moment + ahead * MOMENT
        row = rows[-1]
        if action == "enter":
            # A price of the key with its start in the past: where the last one has ended.
            if is_over(row, moment):
                rows.append(price(id=len(rows), effective_from=row["effective_to"],
                                  terms_no=number, end_terms_no=number))  # fmt: skip
            continue
        choices: dict[str, dict[str, Any]] = {
            "succeed": DEARER,
            "end": {"enabled": 0},
            "move": {"effective_to": start},
        }
        when = start if action == "succeed" else None
        try:
            change = change_of(row, choices[action], when, moment)
        except AppError:
            continue
        if is_draft(row, moment) and change.successor is None:
            continue
        row |= {**change.row, "end_terms_no": number}
        if change.successor is not None:
            rows.append({**row, "effective_to": None, **change.successor, "id": len(rows),
                         "terms_no": number, "end_terms_no": number})  # fmt: skip

    for at, terms_no, ids in calls:
        assert len(ids) <= 1
        assert applying(at, terms_no) == ids
