"""What differs between two definitions, told as a person would tell it."""

import time
from typing import Any

from hypothesis import given, strategies as st

from pipeline_core.definition.diff import difference, is_empty, moved_keys
from pipeline_core.definition.stages import Layout, numbers_of

NOTHING: dict[str, list[Any]] = {
    "added": [],
    "removed": [],
    "moved": [],
    "changed": [],
    "parallel_changed": [],
}


def definition(layout: Layout, **changes: dict[str, Any]) -> dict[str, Any]:
    """A pipeline with steps at these places; *changes* by step key."""
    steps = []
    for key, (stage, step_no) in numbers_of(layout).items():
        step: dict[str, Any] = {
            "step_key": key, "name": f"Step {key}", "stage": stage, "step_no": step_no,
            "step_type": "model", "model": "m", "config": {}, "timeout_seconds": 300,
            "retry_limit": 0, "enabled": True,
        }  # fmt: skip
        steps.append(step | changes.get(key, {}))
    pipeline = {"code": "l", "name": "Line", "description": None}
    return {"format": 1, "pipeline": pipeline, "steps": steps}


def moves(before: Layout, after: Layout) -> list[str]:
    diff = difference(definition(before), definition(after))
    return [item["step_key"] for item in diff["steps"]["moved"]]


def test_equal_definitions_do_not_differ() -> None:
    diff = difference(definition([["a"], ["b"]]), definition([["a"], ["b"]]))

    assert diff == {"steps": NOTHING, "pipeline": []}
    assert is_empty(diff)


def test_added_and_removed_steps_are_named() -> None:
    diff = difference(definition([["a"], ["b"]]), definition([["a"], ["c"]]))

    assert [step["step_key"] for step in diff["steps"]["added"]] == ["c"]
    assert [step["step_key"] for step in diff["steps"]["removed"]] == ["b"]
    assert diff["steps"]["moved"] == []
    assert not is_empty(diff)


def test_a_changed_field_is_told_with_both_values() -> None:
    diff = difference(
        definition([["a"]]), definition([["a"]], a={"model": "n", "config": {"t": 1}})
    )

    assert diff["steps"]["changed"] == [
        {"step_key": "a", "field": "model", "from": "m", "to": "n"},
        {"step_key": "a", "field": "config", "from": {}, "to": {"t": 1}},
    ]


def test_true_is_not_one() -> None:
    diff = difference(
        definition([["a"]], a={"config": {"x": 1}}), definition([["a"]], a={"config": {"x": True}})
    )

    assert [change["field"] for change in diff["steps"]["changed"]] == ["config"]


def test_a_changed_pipeline_is_told() -> None:
    after = definition([["a"]])
    after["pipeline"]["name"] = "Other"

    diff = difference(definition([["a"]]), after)

    assert diff["pipeline"] == [{"field": "name", "from": "Line", "to": "Other"}]


def test_steps_pushed_by_a_new_one_have_not_moved() -> None:
    assert moves([["a"], ["b"]], [["x"], ["a"], ["b"]]) == []


def test_steps_that_close_up_have_not_moved() -> None:
    assert moves([["x"], ["a"], ["b"]], [["a"], ["b"]]) == []


def test_only_the_step_that_was_picked_up_has_moved() -> None:
    before: Layout = [["a"], ["b"], ["c"], ["d"]]

    assert moves(before, [["b"], ["c"], ["d"], ["a"]]) == ["a"]
    assert moves(before, [["d"], ["a"], ["b"], ["c"]]) == ["d"]


def test_a_moved_step_tells_its_places() -> None:
    diff = difference(definition([["a"], ["b"], ["c"]]), definition([["b"], ["c"], ["a"]]))

    assert diff["steps"]["moved"] == [
        {
            "step_key": "a",
            "name": "Step a",
            "from": {"stage": 1, "step_no": 1},
            "to": {"stage": 3, "step_no": 1},
        }
    ]


def test_joining_another_stage_is_a_move_and_makes_both_parallel() -> None:
    diff = difference(definition([["a"], ["b"], ["c"]]), definition([["a", "b"], ["c"]]))

    assert len(diff["steps"]["moved"]) == 1
    assert diff["steps"]["parallel_changed"] == [
        {"step_key": "a", "from": "serial", "to": "parallel"},
        {"step_key": "b", "from": "serial", "to": "parallel"},
    ]


def test_a_new_neighbour_makes_a_step_parallel_without_moving_it() -> None:
    diff = difference(definition([["a"]]), definition([["a", "x"]]))

    assert diff["steps"]["moved"] == []
    assert diff["steps"]["parallel_changed"] == [
        {"step_key": "a", "from": "serial", "to": "parallel"}
    ]


def test_another_order_inside_a_stage_is_a_move() -> None:
    assert moves([["a", "b", "c"]], [["b", "c", "a"]]) == ["a"]


layouts = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(
    lambda sizes: [[f"s{sum(sizes[:i]) + j}" for j in range(n)] for i, n in enumerate(sizes)]
)


@given(layouts, st.data())
def test_the_steps_that_did_not_move_agree(before: Layout, data: st.DataObject) -> None:
    keys = data.draw(st.permutations([key for stage in before for key in stage]))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys)))
    after: Layout = []
    for key, begins_stage in zip(keys, cuts, strict=True):
        if begins_stage or not after:
            after.append([])
        after[-1].append(key)
    old = {step["step_key"]: step for step in definition(before)["steps"]}
    new = {step["step_key"]: step for step in definition(after)["steps"]}

    stayed = sorted(set(keys) - moved_keys(old, new))

    was, now = numbers_of(before), numbers_of(after)
    for one in stayed:
        for other in stayed:
            assert (was[one] < was[other]) == (now[one] < now[other])
            assert (was[one][0] == was[other][0]) == (now[one][0] == now[other][0])
    assert stayed  # one step alone always agrees with itself


def test_500_steps_are_compared_quickly() -> None:
    before = definition([[f"s{i}"] for i in range(500)])
    after = definition([[f"s{i}"] for i in reversed(range(500))])

    start = time.perf_counter()
    difference(before, after)

    assert time.perf_counter() - start < 1.0
