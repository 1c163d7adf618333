"""Who decides by what was on the page is refused when that is not so any more, and told why."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    fresh,
    live_versions,
    new_pipeline,
    new_step,
    places,
    refusal_of,
    rows,
)
from tests.support.transfers import bring, export

Pipeline = dict[str, Any]


def state_of(client: httpx.Client, pipeline: Pipeline) -> str:
    """The state of a pipeline as its page shows it."""
    state: str = do(client, "pipeline_editor", pipeline_id=pipeline["id"])["state"]
    return state


def another_step(client: httpx.Client, pipeline: Pipeline) -> None:
    new_step(client, pipeline, "other")


def another_prompt(client: httpx.Client, pipeline: Pipeline) -> None:
    step = rows(client, "pipeline_steps", pipeline_id=pipeline["id"], step_key="a")[0]
    config = json.dumps({"prompt": "Say it in other words."})
    do(client, "pipeline_steps_update", id=step["id"], lock_version=step["lock_version"],
       config=config)  # fmt: skip


def another_name(client: httpx.Client, pipeline: Pipeline) -> None:
    now = fresh(client, pipeline)
    do(client, "pipelines_update", id=now["id"], lock_version=now["lock_version"], name="Other")


def another_version(client: httpx.Client, pipeline: Pipeline) -> None:
    do(client, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="r")


def off_sale(client: httpx.Client, pipeline: Pipeline) -> None:
    do(client, "pipeline_set_status", pipeline_id=pipeline["id"], status="offline")


def with_versions(client: httpx.Client) -> Pipeline:
    """A pipeline with two versions, the second live, and a draft of its own."""
    pipeline = new_pipeline(client, "a")
    do(client, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(client, pipeline, "b")
    do(client, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(client, pipeline, "c")
    return pipeline


@pytest.mark.parametrize(
    "change", [another_step, another_prompt, another_name, another_version, off_sale]
)
@pytest.mark.parametrize("endpoint", ["pipeline_publish", "pipeline_rollback"])
def test_nothing_goes_live_over_what_was_not_on_the_page(
    server: Installation,
    admin: httpx.Client,
    endpoint: str,
    change: Callable[[httpx.Client, Pipeline], None],
) -> None:
    pipeline = with_versions(admin)
    state = state_of(admin, pipeline)
    colleague = server.sign_in("admin")
    change(colleague, pipeline)
    before, live = places(admin, pipeline), live_versions(server, pipeline)
    fields = {"pipeline_id": pipeline["id"], "state": state}
    if endpoint == "pipeline_rollback":
        fields |= {"version_no": 1, "reason": "r", "replace_draft": 1}

    problem = refusal_of(ask(admin, endpoint, **fields), 409, "state_moved")

    assert problem["changes"][0]["who"] == "admin"
    assert problem["changes"][0]["when"] in problem["detail"]
    assert (places(admin, pipeline), live_versions(server, pipeline)) == (before, live)
    if endpoint == "pipeline_publish":
        fields["state"] = state_of(admin, pipeline)
        do(admin, endpoint, **fields)


def test_the_refusal_names_what_came_later_and_nothing_before(admin: httpx.Client) -> None:
    pipeline = with_versions(admin)
    state = state_of(admin, pipeline)
    new_step(admin, pipeline, "late")

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"], state=state), 409, "state_moved"
    )

    assert [one["what"].split(":")[0] for one in problem["changes"]] == ["late"]


def test_the_state_is_the_same_as_long_as_nothing_moves(admin: httpx.Client) -> None:
    pipeline = with_versions(admin)
    state = state_of(admin, pipeline)
    preview = do(admin, "pipeline_rollback_preview", pipeline_id=pipeline["id"], version_no=1)

    assert preview["state"] == state == state_of(admin, pipeline)
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"], state=state)
    refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"], state=state), 409, "state_moved"
    )


def test_a_script_that_shows_nobody_anything_sends_no_state(admin: httpx.Client) -> None:
    pipeline = with_versions(admin)

    assert do(admin, "pipeline_publish", pipeline_id=pipeline["id"])["version_no"] == 3


@pytest.mark.parametrize("state", ["", "x", "." * 72])
def test_a_state_that_is_none_is_refused(admin: httpx.Client, state: str) -> None:
    pipeline = with_versions(admin)
    answer = ask(admin, "pipeline_publish", pipeline_id=pipeline["id"], state=state)

    if state:
        refusal_of(answer, 409, "state_moved")
    else:
        assert answer.status_code == 200


def test_a_file_does_not_replace_a_draft_that_was_not_in_its_dry_run(admin: httpx.Client) -> None:
    pipeline = with_versions(admin)
    text = export(admin, pipeline)
    state = bring(admin, text, replace=1)["line"]["state"]
    lock_version = fresh(admin, pipeline)["lock_version"]
    another_prompt(admin, pipeline)
    # A step's change leaves the line's own version as it is.
    assert fresh(admin, pipeline)["lock_version"] == lock_version

    refusal_of(
        ask(admin, "pipeline_import", content=text, dry_run=0, replace=1, state=state,
            lock_version=lock_version), 409, "state_moved",
    )  # fmt: skip

    state = bring(admin, text, replace=1)["line"]["state"]
    report = bring(admin, text, replace=1, dry_run=0, state=state)
    assert report["line"]["action"] == "changed"


def load(client: httpx.Client, pipeline: Pipeline, version_no: int, **more: Any) -> httpx.Response:
    fields = {"pipeline_id": pipeline["id"], "version_no": version_no, "state": None, **more}
    return ask(client, "pipeline_draft_load", **fields | {
        "state": fields["state"] or state_of(client, pipeline)
    })  # fmt: skip


def test_an_old_version_becomes_the_draft_and_nothing_goes_live(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = with_versions(admin)
    ids = {step["step_key"]: step["id"] for step in rows(admin, "pipeline_steps",
           pipeline_id=pipeline["id"])}  # fmt: skip

    refusal_of(load(admin, pipeline, 1), 409, "draft_has_changes")
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b", "c"]
    answer = load(admin, pipeline, 1, replace_draft=1).json()["data"]

    assert answer["changed"] is True
    steps = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    assert [(step["step_key"], step["id"]) for step in steps] == [("a", ids["a"])]
    assert live_versions(server, pipeline) == [2]
    people = do(admin, "pipeline_contributors", pipeline_id=pipeline["id"])
    assert [one["username"] for one in people] == ["admin"]
    # The last version holds what is replaced now: nobody has to be asked.
    assert load(admin, pipeline, 1).json()["data"]["changed"] is False
    do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])
    assert load(admin, pipeline, 2).json()["data"]["changed"] is True


def test_a_draft_that_moved_is_not_replaced_by_an_old_version(admin: httpx.Client) -> None:
    pipeline = with_versions(admin)
    state = state_of(admin, pipeline)
    another_prompt(admin, pipeline)

    refusal_of(load(admin, pipeline, 1, state=state, replace_draft=1), 409, "state_moved")

    fields = {"pipeline_id": pipeline["id"], "version_no": 1, "replace_draft": 1}
    refusal_of(ask(admin, "pipeline_draft_load", **fields), 400, "invalid_fields")
