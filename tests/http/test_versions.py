"""Versions over HTTP: saved, published, rolled back to, kept as they are."""

import hashlib
import json

import httpx
import pymysql
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    at_once,
    do,
    fresh,
    live_versions,
    new_pipeline,
    new_step,
    places,
    pointers,
    refusal_of,
    rows,
)


def test_a_pipeline_from_its_first_step_to_its_rollback(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin)
    assert (pipeline["status"], pipeline["current_version"], pipeline["lock_version"]) == (
        "draft",
        None,
        1,
    )
    new_step(admin, pipeline, "outline")
    new_step(admin, pipeline, "text")
    new_step(admin, pipeline, "pictures", stage=2, step_no=2)
    new_step(admin, pipeline, "review", step_type="manual", model=None)
    first = new_step(admin, pipeline, "prepare", stage=1, new_stage=True)

    assert (first["stage"], first["step_no"]) == (1, 1)
    assert places(admin, pipeline) == [
        (1, 1, "prepare"), (2, 1, "outline"), (3, 1, "text"), (3, 2, "pictures"), (4, 1, "review"),
    ]  # fmt: skip

    one = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="first")
    assert (one["version_no"], one["status"], one["notes"]) == (1, "published", "first")
    assert hashlib.sha256(one["snapshot"].encode()).hexdigest() == one["checksum"]
    again = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="again")
    assert (again["version_no"], again["notes"]) == (1, "first")
    assert len(rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])) == 1

    do(admin, "pipeline_steps_update", id=first["id"], lock_version=1, model="n")
    difference = do(
        admin, "pipeline_diff", pipeline_id=pipeline["id"], **{"from": "live"}, to="draft"
    )
    assert difference["steps"]["changed"] == [
        {"step_key": "prepare", "field": "model", "from": "m", "to": "n"}
    ]
    two = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="second")
    assert two["version_no"] == 2

    refusal_of(ask(admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1), 400,
            "invalid_fields")  # fmt: skip
    back = do(
        admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="bad answers"
    )
    assert (back["version_no"], back["status"]) == (1, "published")
    assert back["checksum"] == one["checksum"]
    assert back["draft_replaced"] is True
    events = [entry["event"] for entry in json.loads(back["event_log"])]
    assert events == ["published", "superseded", "rolled_back"]
    assert live_versions(server, pipeline) == [1]
    assert fresh(admin, pipeline)["current_version"] == 1
    step = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"], step_key="prepare")[0]
    assert (step["id"], step["model"]) == (first["id"], "m")


def test_a_rollback_keeps_a_draft_with_changes_of_its_own(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "c")

    careful = do(admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="r")
    assert careful["draft_replaced"] is False
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b", "c"]

    whole = do(
        admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=2, reason="r",
        replace_draft=1,
    )  # fmt: skip
    assert whole["draft_replaced"] is True
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b"]


def test_a_saved_version_is_not_live_until_it_is_published(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")

    version = do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"], notes="try")
    same = do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])

    assert (version["version_no"], version["status"], version["made"]) == (1, "saved", True)
    assert (same["id"], same["made"]) == (version["id"], False)
    assert live_versions(server, pipeline) == []
    new_step(admin, pipeline, "b")
    published = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], version_no=1)
    assert (published["id"], published["status"]) == (version["id"], "published")
    update = do(admin, "pipeline_versions_update", id=version["id"], notes="better words")
    assert update["notes"] == "better words"
    refusal_of(ask(admin, "pipeline_versions_delete", id=version["id"]), 409, "was_live")


def test_a_saved_version_goes_and_its_number_is_not_given_again(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    version = do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])

    do(admin, "pipeline_versions_delete", id=version["id"])

    again = do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])
    assert again["version_no"] == 2


def test_a_version_that_was_never_live_is_not_rolled_back_to(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])
    target = {"pipeline_id": pipeline["id"], "version_no": 1, "reason": "r"}

    refusal_of(ask(admin, "pipeline_rollback", **target), 409, "never_live")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    refusal_of(ask(admin, "pipeline_rollback", **target), 409, "already_live")
    refusal_of(ask(admin, "pipeline_rollback", **target | {"version_no": 9}), 404, "not_found")


def test_publishing_without_steps_tells_everything_that_is_missing(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin)

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 400, "not_publishable"
    )

    assert [(p["code"], p["severity"]) for p in problem["problems"]] == [
        ("no_steps", "error"), ("no_capacity", "warning"),
    ]  # fmt: skip
    assert pointers(problem) == {"/steps": "no_steps"}
    dry = do(admin, "pipeline_validate", pipeline_id=pipeline["id"])
    assert (dry["publishable"], dry["problems"]) == (False, problem["problems"])
    assert live_versions(server, pipeline) == []


def test_a_failed_publish_leaves_the_live_version(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b", model=None)

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 400, "not_publishable"
    )

    assert pointers(problem) == {"/steps/b/model": "missing_model"}
    assert live_versions(server, pipeline) == [1]


def test_of_publishes_at_the_same_time_one_makes_the_version(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    work = [
        ("pipeline_publish", {"pipeline_id": pipeline["id"], "notes": str(n)}) for n in range(6)
    ]

    answers = list(at_once(server, work))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["data"]["version_no"] for answer in answers} == {1}
    assert live_versions(server, pipeline) == [1]
    events = json.loads(
        rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])[0]["event_log"]
    )
    assert len(events) == 1


@pytest.mark.parametrize(
    "change",
    ["snapshot = '{}'", "checksum = repeat('0', 64)", "version_no = 9", "created_by = 'x'"],
)
def test_the_database_itself_keeps_a_version_as_it_is(
    server: Installation, admin: httpx.Client, change: str
) -> None:
    pipeline = new_pipeline(admin, "a")
    version = do(admin, "pipeline_publish", pipeline_id=pipeline["id"])

    with pytest.raises(pymysql.err.OperationalError, match="never changes"):
        server.query(f"update pipeline_versions set {change} where id = %s", version["id"])


def test_a_version_whose_snapshot_does_not_fit_is_not_used(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    server.query(
        "insert into pipeline_versions (id, pipeline_id, version_no, status, snapshot, checksum,"
        " event_log, created_at, updated_at) values (%s, %s, 5, 'superseded', '{}', %s, '[]',"
        " now(3), now(3))",
        f"bad{pipeline['id']}"[:32], pipeline["id"], "0" * 64,
    )  # fmt: skip
    target = {"pipeline_id": pipeline["id"], "version_no": 5, "reason": "r"}

    problem = refusal_of(ask(admin, "pipeline_rollback", **target), 500, "version_corrupted")

    assert "5" in problem["detail"]
