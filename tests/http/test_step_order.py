"""Where the steps of a draft stand, over HTTP: moved one by one, all at once, by several people."""

import json

import httpx

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    at_once,
    do,
    fresh,
    new_pipeline,
    new_step,
    places,
    pointers,
    refusal_of,
    rows,
)


def test_a_pushed_step_can_be_edited_but_not_put_back(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    step = new_step(admin, pipeline, "a")
    new_step(admin, pipeline, "b", stage=1, new_stage=True)

    old_form = {"id": step["id"], "lock_version": step["lock_version"]}
    problem = refusal_of(
        ask(admin, "pipeline_steps_update", **old_form, name="New", stage=1, step_no=1),
        409,
        "edit_conflict",
    )
    update = do(admin, "pipeline_steps_update", **old_form, name="New")

    assert problem["current"]["stage"] == 2
    assert (update["name"], update["stage"]) == ("New", 2)
    refusal_of(ask(admin, "pipeline_steps_delete", **old_form), 409, "edit_conflict")


def test_steps_are_put_in_another_order(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    order = {"pipeline_id": pipeline["id"], "lock_version": 1}

    record = do(admin, "pipeline_steps_reorder", **order, order=[["c"], ["b", "a"]])

    assert record["order"] == [["c"], ["b", "a"]]
    assert record["lock_version"] == 2
    assert places(admin, pipeline) == [(1, 1, "c"), (2, 1, "b"), (2, 2, "a")]
    late = refusal_of(
        ask(admin, "pipeline_steps_reorder", **order, order=[["a"], ["b"], ["c"]]),
        409,
        "edit_conflict",
    )
    assert late["current"]["order"] == [["c"], ["b", "a"]]
    order["lock_version"] = 2
    wrong = refusal_of(
        ask(admin, "pipeline_steps_reorder", **order, order=[["a"], ["b"]]), 400, "invalid_fields"
    )
    assert pointers(wrong) == {"/order": "missing_step"}
    move = do(admin, "pipeline_steps_move", **order, step_key="a", stage=1, new_stage=True)
    assert move["order"] == [["a"], ["c"], ["b"]]


def test_a_step_is_moved_by_its_form_and_the_others_close_up(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    step = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"], step_key="a")[0]

    step_after = do(
        admin, "pipeline_steps_update", id=step["id"], lock_version=1, stage=3, step_no=1
    )

    assert (step_after["stage"], step_after["step_no"]) == (2, 1)
    assert places(admin, pipeline) == [(1, 1, "b"), (2, 1, "a"), (2, 2, "c")]
    assert fresh(admin, pipeline)["lock_version"] == 2
    do(admin, "pipeline_steps_delete", id=step_after["id"])
    assert places(admin, pipeline) == [(1, 1, "b"), (2, 1, "c")]


def test_a_form_that_sends_the_old_number_along_still_moves_its_step(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    step = new_step(admin, pipeline, "b", stage=1)
    form = {"id": step["id"], "lock_version": 1, "step_no": 2}

    step_after = do(admin, "pipeline_steps_update", **form, stage=2)

    assert (step_after["stage"], step_after["step_no"]) == (2, 1)
    assert places(admin, pipeline) == [(1, 1, "a"), (2, 1, "b")]


def test_steps_put_in_at_the_same_time_leave_no_hole(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "first")
    steps = [
        {"pipeline_id": pipeline["id"], "step_key": f"s{number}", "name": "S", "model": "m"}
        | ({"stage": 1, "step_no": 1} if number % 3 == 0 else {})
        | ({"stage": 1, "new_stage": True} if number % 3 == 1 else {})
        for number in range(12)
    ]

    answers = list(at_once(server, [("pipeline_steps_create", step) for step in steps]))

    assert {answer.status_code for answer in answers} == {200}
    layout = places(admin, pipeline)
    assert {key for *_, key in layout} == {"first", *(step["step_key"] for step in steps)}
    stages = sorted({stage for stage, *_ in layout})
    assert stages == list(range(1, len(stages) + 1))
    for stage in stages:
        numbers = [step_no for at, step_no, _ in layout if at == stage]
        assert numbers == list(range(1, len(numbers) + 1))


def test_of_two_orders_from_one_reading_only_one_is_taken(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    order = {"pipeline_id": pipeline["id"], "lock_version": 1}
    work = [
        ("pipeline_steps_reorder", {**order, "order": [["b"], ["a"]]}),
        ("pipeline_steps_reorder", {**order, "order": [["a", "b"]]}),
    ]

    answers = list(at_once(server, work))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_a_pipeline_of_500_steps_is_handled(admin: httpx.Client, server: Installation) -> None:
    pipeline = new_pipeline(admin)
    server.query(
        "insert into pipeline_steps (id, pipeline_id, step_key, name, stage, step_no, step_type,"
        " model, config, created_at, updated_at)"
        " select concat('w', lpad(seq, 6, '0')), %s, concat('s', seq),"
        " concat('Step ', seq), (seq - 1) div 10 + 1, (seq - 1) mod 10 + 1, 'model', 'm', '{}',"
        " now(3), now(3) from seq_1_to_500",
        pipeline["id"],
    )  # fmt: skip

    version = do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "front", stage=1, new_stage=True)
    difference = do(admin, "pipeline_diff", pipeline_id=pipeline["id"])

    assert len(json.loads(version["snapshot"])["steps"]) == 500
    assert len(places(admin, pipeline)) == 501
    assert [step["step_key"] for step in difference["steps"]["added"]] == ["front"]
    assert difference["steps"]["moved"] == []
