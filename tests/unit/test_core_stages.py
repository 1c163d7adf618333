"""Stages are 1..n and places 1..m, whatever is put in, moved or taken out."""

import pytest
from hypothesis import given, strategies as st

from app.base.refusals import InvalidFields
from pipeline_core.definition import stages
from pipeline_core.definition.stages import (
    Layout,
    check_order,
    insert,
    layout_of,
    move,
    numbers_of,
    remove,
)

PIPELINE: Layout = [["a"], ["b", "c"], ["d"]]


def step(key: str, stage: int, step_no: int) -> dict[str, object]:
    return {"step_key": key, "stage": stage, "step_no": step_no}


def codes(caught: pytest.ExceptionInfo[InvalidFields]) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in caught.value.problems]


def test_a_layout_has_the_steps_in_the_order_they_run() -> None:
    steps = [step("d", 3, 1), step("c", 2, 2), step("a", 1, 1), step("b", 2, 1)]

    assert layout_of(steps) == PIPELINE


def test_holes_and_doubled_places_are_closed() -> None:
    assert layout_of([step("a", 2, 7), step("c", 9, 1), step("b", 9, 1)]) == [["a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("place", "layout"),
    [
        ({}, [["a"], ["b", "c"], ["d"], ["x"]]),
        ({"stage": 4}, [["a"], ["b", "c"], ["d"], ["x"]]),
        ({"stage": 1}, [["a", "x"], ["b", "c"], ["d"]]),
        ({"stage": 2, "step_no": 1}, [["a"], ["x", "b", "c"], ["d"]]),
        ({"stage": 2, "step_no": 2}, [["a"], ["b", "x", "c"], ["d"]]),
        ({"stage": 2, "step_no": 3}, [["a"], ["b", "c", "x"], ["d"]]),
        ({"stage": 1, "new_stage": True}, [["x"], ["a"], ["b", "c"], ["d"]]),
        ({"stage": 4, "new_stage": True}, [["a"], ["b", "c"], ["d"], ["x"]]),
    ],
)
def test_a_step_goes_where_it_is_told(place: dict[str, int], layout: Layout) -> None:
    assert insert(PIPELINE, "x", **place) == layout  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"stage": 5}, "stage"),
        ({"stage": 0}, "stage"),
        ({"stage": 2, "step_no": 4}, "step_no"),
        ({"stage": 2, "step_no": 0}, "step_no"),
        ({"stage": 4, "step_no": 2}, "step_no"),
        ({"step_no": 2}, "step_no"),
        ({"stage": 2, "step_no": 2, "new_stage": True}, "step_no"),
    ],
)
def test_a_place_that_would_leave_a_hole_is_refused(place: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        insert(PIPELINE, "x", **place)  # type: ignore[arg-type]

    assert codes(caught) == [(field, "out_of_range")]


def test_a_stage_has_room_for_one_more_than_it_holds() -> None:
    assert stages.room_in(PIPELINE, 2, "x") == 3
    assert stages.room_in(PIPELINE, 2, "b") == 2
    assert stages.room_in(PIPELINE, 4, "x") == 1


def test_an_emptied_stage_goes() -> None:
    assert remove(PIPELINE, "a") == [["b", "c"], ["d"]]
    assert remove(PIPELINE, "b") == [["a"], ["c"], ["d"]]
    assert remove([["a"]], "a") == []


@pytest.mark.parametrize(
    ("key", "place", "layout"),
    [
        ("a", {"stage": 2}, [["b", "c", "a"], ["d"]]),
        ("a", {"stage": 3, "step_no": 1}, [["b", "c"], ["a", "d"]]),
        ("a", {"stage": 4}, [["b", "c"], ["d"], ["a"]]),
        ("d", {"stage": 1, "new_stage": True}, [["d"], ["a"], ["b", "c"]]),
        ("b", {"stage": 3, "new_stage": True}, [["a"], ["c"], ["b"], ["d"]]),
        ("b", {"step_no": 2}, [["a"], ["c", "b"], ["d"]]),
        ("a", {"stage": 1}, PIPELINE),
        ("d", {"stage": 4}, PIPELINE),
    ],
)
def test_a_step_moves_where_it_is_told(key: str, place: dict[str, int], layout: Layout) -> None:
    assert move(PIPELINE, key, **place) == layout  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ("abc", "bad_order"),
        (["a"], "bad_order"),
        ([["a", 1]], "bad_order"),
        ([["a"], ["b"]], "missing_step"),
        ([["a"], ["b", "c"], ["d"], ["x"]], "unknown_step"),
        ([["a"], ["b", "c"], ["d", "a"]], "doubled_step"),
        ([["a"], [], ["b", "c"], ["d"]], "empty_stage"),
    ],
)
def test_an_order_names_every_step_once(order: object, code: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        check_order(order, "abcd")

    assert codes(caught) == [("order", code)]


def test_a_whole_order_is_taken_as_it_is() -> None:
    assert check_order([["d", "a"], ["c"], ["b"]], "abcd") == [["d", "a"], ["c"], ["b"]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["insert", "move", "remove"]),
            st.integers(0, 12),
            st.integers(-1, 8),
            st.integers(-1, 5),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_no_step_is_lost_or_doubled(steps: list[tuple[str, int, int, int, bool]]) -> None:
    layout: Layout = []
    present: set[str] = set()
    for what, number, stage, step_no, new_stage in steps:
        key = f"s{number}"
        place = (stage if stage >= 0 else None, step_no if step_no >= 0 else None)
        try:
            if what == "insert" and key not in present:
                layout = insert(layout, key, *place, new_stage=new_stage)
                present.add(key)
            elif what == "move" and key in present:
                layout = move(layout, key, *place, new_stage=new_stage)
            elif what == "remove" and key in present:
                layout = remove(layout, key)
                present.remove(key)
        except InvalidFields:
            pass

        assert sorted(key for stage_ in layout for key in stage_) == sorted(present)
        assert all(layout)
        places = numbers_of(layout)
        again = [step(key, *places[key]) for key in present]
        assert layout_of(again) == layout
