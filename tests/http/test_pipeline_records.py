"""Lines and steps as records over HTTP: fields checked, old edits, deleting, on and off sale."""

import json
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    free_code,
    fresh,
    live_versions,
    new_pipeline,
    new_step,
    places,
    pointers,
    refusal_of,
    rows,
)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"name": "x" * 200}, {"/name": "too_long"}),
        ({"code": "Not Good", "name": ""}, {"/code": "bad_pattern", "/name": "required"}),
        ({"colour": "red"}, {"/colour": "unknown_field"}),
        ({"owner_id": "me", "lock_version": 7}, {"/owner_id": "not_settable",
                                                 "/lock_version": "not_settable"}),
        ({"status": "published"}, {"/status": "bad_choice"}),
        ({"status": "sold"}, {"/status": "bad_choice"}),
        ({"name": ["a"]}, {"/name": "not_scalar"}),
        ({"name": 7}, {"/name": "not_text"}),
    ],
)  # fmt: skip
def test_wrong_fields_of_a_pipeline_are_told_all_at_once(
    admin: httpx.Client, fields: dict[str, Any], problems: dict[str, str]
) -> None:
    good = {"code": free_code(), "name": "Line"}

    problem = refusal_of(ask(admin, "pipelines_create", **good | fields), 400, "invalid_fields")

    assert pointers(problem) == problems


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"pipeline_id": "nobody"}, {"/pipeline_id": "not_found"}),
        ({"stage": 3}, {"/stage": "out_of_range"}),
        ({"stage": 0}, {"/stage": "out_of_range"}),
        ({"stage": "two"}, {"/stage": "not_an_integer"}),
        ({"stage": 1, "step_no": 3}, {"/step_no": "out_of_range"}),
        ({"step_type": "robot"}, {"/step_type": "bad_choice"}),
        ({"config": "{"}, {"/config": "bad_json"}),
        ({"config": [1]}, {"/config": "bad_json"}),
        ({"config": {"prompt": 1}}, {"/config/prompt": "bad_config"}),
        ({"timeout_seconds": 0}, {"/timeout_seconds": "out_of_range"}),
        ({"retry_limit": -1, "nonsense": 1}, {"/retry_limit": "out_of_range",
                                              "/nonsense": "unknown_field"}),
    ],
)  # fmt: skip
def test_wrong_fields_of_a_step_are_told_and_nothing_is_written(
    admin: httpx.Client, fields: dict[str, Any], problems: dict[str, str]
) -> None:
    pipeline = new_pipeline(admin, "a")
    good = {"pipeline_id": pipeline["id"], "step_key": "b", "name": "B", "model": "m"}

    problem = refusal_of(
        ask(admin, "pipeline_steps_create", **good | fields), 400, "invalid_fields"
    )

    assert pointers(problem) == problems
    assert places(admin, pipeline) == [(1, 1, "a")]


def test_names_may_hold_any_writing(admin: httpx.Client) -> None:
    name = "短篇 🚀👩🏽‍🚀 ‏עברית‏ ½ " + "长" * 100
    pipeline = new_pipeline(admin)

    update = do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name=name)
    step = new_step(
        admin, pipeline, "a", config={"prompt": "Sag „hallo“ 👋", "parameters": {"t": 0.2}}
    )
    version = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="🎉")

    assert update["name"] == name
    assert rows(admin, "pipelines", name=name)[0]["id"] == pipeline["id"]
    assert json.loads(step["config"]) == {"prompt": "Sag „hallo“ 👋", "parameters": {"t": 0.2}}
    assert json.loads(version["snapshot"])["pipeline"]["name"] == name


def test_a_code_is_given_once(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")

    again = refusal_of(
        ask(admin, "pipelines_create", code=pipeline["code"], name="x"), 409, "duplicate"
    )
    step = refusal_of(
        ask(admin, "pipeline_steps_create", pipeline_id=pipeline["id"], step_key="a", name="x"),
        409,
        "duplicate",
    )
    other = refusal_of(
        ask(admin, "pipelines_update", id=pipeline["id"], lock_version=1, code="other"),
        400,
        "invalid_fields",
    )

    assert pointers(again) == {"/code": "duplicate"}
    assert pointers(step) == {"/step_key": "duplicate"}
    assert pointers(other) == {"/code": "write_once"}


def test_an_old_edit_is_refused_with_what_is_there_now(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="Theirs")

    problem = refusal_of(
        ask(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="Mine"),
        409,
        "edit_conflict",
    )

    assert problem["current"]["name"] == "Theirs"
    assert problem["current"]["lock_version"] == 2
    assert problem["changed_by"]
    assert problem["changed_at"].endswith("Z")
    refusal_of(
        ask(admin, "pipelines_delete", id=pipeline["id"], lock_version=1), 409, "edit_conflict"
    )
    refusal_of(ask(admin, "pipelines_update", id=pipeline["id"], name="x"), 400, "invalid_fields")


def test_deleting_a_pipeline_that_others_refer_to_is_refused(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    price = {
        "pipeline_id": pipeline["id"], "unit": "call", "unit_price": "1",
        "effective_from": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    answer = admin.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=price)
    assert answer.status_code == 200, answer.text

    problem = refusal_of(ask(admin, "pipelines_delete", id=pipeline["id"]), 409, "in_use")
    assert [(item["table"], item["count"]) for item in problem["referrers"]] == [
        ("pipeline_pricing", 1)
    ]
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    problem = refusal_of(ask(admin, "pipelines_delete", id=pipeline["id"]), 409, "in_use")
    assert {item["table"] for item in problem["referrers"]} == {
        "pipeline_pricing", "pipeline_versions",
    }  # fmt: skip
    assert fresh(admin, pipeline)["status"] == "published"


def test_a_draft_goes_with_its_steps_and_saved_versions(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])

    gone = do(admin, "pipelines_delete", id=pipeline["id"], lock_version=1)

    assert gone["id"] == pipeline["id"]
    for table in ("pipelines", "pipeline_steps", "pipeline_versions"):
        name = "id" if table == "pipelines" else "pipeline_id"
        assert rows(admin, table, **{name: pipeline["id"]}) == []
    refusal_of(ask(admin, "pipelines_delete", id=pipeline["id"]), 404, "not_found")


def test_a_pipeline_goes_off_sale_and_comes_back(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    refusal_of(
        ask(admin, "pipelines_update", id=pipeline["id"], lock_version=1, status="published"),
        409,
        "bad_status_change",
    )
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])

    off = do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, status="offline")
    assert (off["status"], off["current_version"], off["lock_version"]) == ("offline", 1, 2)
    assert live_versions(server, pipeline) == []
    refusal_of(
        ask(admin, "pipelines_update", id=pipeline["id"], lock_version=2, status="draft"),
        409,
        "bad_status_change",
    )
    status = {"pipeline_id": pipeline["id"], "status": "published", "reason": "stock is back"}
    do(admin, "pipeline_set_status", **status)
    assert live_versions(server, pipeline) == [1]

    do(admin, "pipeline_set_status", pipeline_id=pipeline["id"], status="archived")
    assert live_versions(server, pipeline) == []
    for endpoint, fields in (
        ("pipeline_publish", {}),
        ("pipeline_versions_create", {}),
        ("pipeline_steps_create", {"step_key": "z", "name": "Z"}),
    ):
        refusal_of(ask(admin, endpoint, pipeline_id=pipeline["id"], **fields), 409, "archived")
    do(admin, "pipeline_set_status", pipeline_id=pipeline["id"], status="offline")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    events = json.loads(
        rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])[0]["event_log"]
    )
    assert [entry["event"] for entry in events] == [
        "published", "offline", "back_online", "archived", "published",
    ]  # fmt: skip
