"""The step editor's endpoints: everything at once, copies, switches, conflicts, contributors."""

from typing import Any

import httpx
import pymysql
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    fresh,
    new_pipeline,
    new_step,
    places,
    pointers,
    refusal_of,
    rows,
    unguarded_versions,
)


def look(client: httpx.Client, endpoint: str, **params: Any) -> Any:
    answer = client.get(f"/pipeline_core/api/{endpoint}.dspy", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_the_editor_gets_the_whole_draft_with_the_problems_of_each_step(
    admin: httpx.Client,
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    new_step(admin, pipeline, "c", stage=2, config={"inputs": {"x": "steps.b.output"}})

    draft = look(admin, "pipeline_editor", pipeline_id=pipeline["id"])

    assert [[step["step_key"] for step in stage] for stage in draft["stages"]] == [
        ["a"], ["b", "c"],
    ]  # fmt: skip
    (problem,) = [p for p in draft["stages"][1][1]["problems"] if p["severity"] == "error"]
    assert (problem["code"], problem["field"]) == ("parallel_reference", "config.inputs.x")
    assert (draft["publishable"], draft["draft_differs"], draft["live"]) == (False, True, None)
    assert [problem["code"] for problem in draft["problems"]] == ["no_capacity"]
    assert draft["types"].keys() == {"model", "http", "script", "manual"}
    assert draft["types"]["http"]["required"] == ["url"]
    assert "m" in draft["models"]
    assert [one["username"] for one in draft["contributors"]] == ["admin"]
    assert draft["line"]["id"] == pipeline["id"]


def test_every_save_says_what_stands_in_the_way_of_publishing(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    step = new_step(admin, pipeline, "a", model=None)
    assert [p["code"] for p in step["problems"] if p["severity"] == "error"] == ["missing_model"]
    better = do(admin, "pipeline_steps_update", id=step["id"], lock_version=1, model="m")
    assert better["publishable"] is True
    gone = do(admin, "pipeline_steps_delete", id=step["id"])
    assert [p["code"] for p in gone["problems"] if p["severity"] == "error"] == ["no_steps"]
    answer = admin.post(
        "/pipeline_core/api/pipelines_update.dspy?_webbricks_=1&_lang=en",
        data={"id": pipeline["id"], "lock_version": 1, "name": "New"},
    ).json()
    assert answer["options"]["message"] == "Saved. 1 problem(s) to correct before publishing."


def test_a_step_is_copied_after_itself_or_beside_itself(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    step = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"], step_key="a")[0]
    take = {"id": step["id"], "lock_version": step["lock_version"]}

    copy = do(admin, "pipeline_steps_duplicate", **take)
    beside = do(admin, "pipeline_steps_duplicate", **take, parallel=1, name="Second try")
    copy_with_key = do(admin, "pipeline_steps_duplicate", **take, step_key="own")

    assert (copy["step_key"], copy["model"]) == ("a_copy", "m")
    assert (beside["step_key"], beside["name"]) == ("a_copy2", "Second try")
    assert copy_with_key["step_key"] == "own"
    assert places(admin, pipeline) == [
        (1, 1, "a"), (1, 2, "a_copy2"), (2, 1, "own"), (3, 1, "a_copy"), (4, 1, "b"),
    ]  # fmt: skip
    refusal_of(ask(admin, "pipeline_steps_duplicate", **take, step_key="b"), 409, "duplicate")
    refusal_of(ask(admin, "pipeline_steps_duplicate", id=step["id"]), 400, "invalid_fields")
    refusal_of(ask(admin, "pipeline_steps_duplicate", **take, step_key="bad key"), 400,
            "invalid_fields")  # fmt: skip


def test_a_step_is_switched_off_and_on(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    step = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"], step_key="a")[0]

    off = do(admin, "pipeline_steps_enable", id=step["id"], lock_version=1, enabled=False)
    assert (off["enabled"], off["publishable"]) == (0, False)
    refusal_of(
        ask(admin, "pipeline_steps_enable", id=step["id"], lock_version=1, enabled=True),
        409, "edit_conflict",
    )  # fmt: skip
    on = do(admin, "pipeline_steps_enable", id=step["id"], lock_version=2, enabled="1")
    assert (on["enabled"], on["publishable"]) == (1, True)


def test_the_later_editor_is_told_what_differs(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    step = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])[0]
    do(admin, "pipeline_steps_update", id=step["id"], lock_version=1, name="Theirs", model="n")

    problem = refusal_of(
        ask(admin, "pipeline_steps_update", id=step["id"], lock_version=1, name="Mine", model="n"),
        409, "edit_conflict",
    )  # fmt: skip

    assert problem["difference"] == [{"field": "name", "yours": "Mine", "current": "Theirs"}]
    assert problem["changed_by_name"] == "admin"


def test_the_later_order_is_told_what_differs(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    view = fresh(admin, pipeline)
    do(admin, "pipeline_steps_reorder", pipeline_id=pipeline["id"], lock_version=1,
       order=[["c"], ["a"], ["b"]])  # fmt: skip

    problem = refusal_of(
        ask(admin, "pipeline_steps_reorder", pipeline_id=pipeline["id"], lock_version=1,
            order=[["a"], ["c"], ["b"]]),
        409, "edit_conflict",
    )  # fmt: skip
    assert problem["difference"]["current"] == [["c"], ["a"], ["b"]]
    assert [step["step_key"] for step in problem["difference"]["moved"]] == ["a"]

    view = fresh(admin, pipeline)
    new_step(admin, pipeline, "d")
    problem = refusal_of(
        ask(admin, "pipeline_steps_reorder", pipeline_id=pipeline["id"],
            lock_version=view["lock_version"], draft_changed_at=view["draft_changed_at"],
            order=[["a"], ["b"], ["c"]]),
        409, "edit_conflict",
    )  # fmt: skip
    assert problem["difference"]["missing"] == ["d"]
    refusal_of(
        ask(admin, "pipeline_steps_create", pipeline_id=pipeline["id"], step_key="e", name="E",
            draft_changed_at=view["draft_changed_at"]),
        409, "edit_conflict",
    )  # fmt: skip


WRONG_CONFIGS = [
    (
        {"config": {"parameters": {"temperature": 3, "max_tokens": 0}}},
        {
            "/config/parameters/temperature": "parameters.temperature must be from 0 to 2.",
            "/config/parameters/max_tokens": "parameters.max_tokens must be at least 1.",
        },
    ),
    (
        {"step_type": "http", "config": {"url": "nowhere", "method": "STEAL"}},
        {
            "/config/url": "url must be an address such as https://example.com/x.",
            "/config/method": "method must be GET, POST, PUT, PATCH or DELETE.",
        },
    ),
    # Names with the characters that a path is made of.
    (
        {"step_type": "http", "config": {"headers": {"a.b": 1, "c/d": 2, "e~f": 3}}},
        {
            "/config/headers/a.b": "headers.a.b must be a text.",
            "/config/headers/c~1d": "headers.c/d must be a text.",
            "/config/headers/e~0f": "headers.e~f must be a text.",
        },
    ),
    (
        {"step_type": "script", "config": {"function": "two words"}},
        {"/config/function": "function must be the name of a function."},
    ),
    (
        {"step_type": "manual", "config": {"instruction": " ", "assignee": ["me"]}},
        {
            "/config/instruction": "instruction must say what to do.",
            "/config/assignee": "assignee must be a text.",
        },
    ),
]


@pytest.mark.parametrize(("fields", "problems"), WRONG_CONFIGS)
def test_a_wrong_configuration_names_the_places(
    admin: httpx.Client, fields: dict[str, Any], problems: dict[str, str]
) -> None:
    pipeline = new_pipeline(admin, "a")
    (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    new = {"pipeline_id": pipeline["id"], "step_key": "b", "name": "B", "model": "m"}
    old = {"id": step["id"], "lock_version": step["lock_version"]}

    for endpoint, params in (("create", new), ("update", old)):
        answer = ask(admin, f"pipeline_steps_{endpoint}", **params, **fields)
        problem = refusal_of(answer, 400, "invalid_fields")

        assert {one["pointer"]: one["detail"] for one in problem["errors"]} == problems
        assert set(pointers(problem).values()) == {"bad_config"}
    assert rows(admin, "pipeline_steps", pipeline_id=pipeline["id"]) == [step]


def test_publishing_names_all_who_changed_the_draft(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    first = do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    assert first["contributors"] == ["admin"]
    second_admin(server)
    other = server.sign_in("other", "other-password-1")
    new_step(other, pipeline, "b")

    contributors = look(admin, "pipeline_contributors", pipeline_id=pipeline["id"])
    assert [(one["username"], one["changes"]) for one in contributors] == [("other", 1)]
    new_step(admin, pipeline, "c")
    second = do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    assert sorted(second["contributors"]) == ["admin", "other"]
    assert look(admin, "pipeline_contributors", pipeline_id=pipeline["id"]) == []
    assert '"contributors":["admin","other"]' in second["event_log"]


def second_admin(server: Installation) -> None:
    server.manage("create-admin", "--username", "other", "--role", "owner.superuser",
                  "--password-stdin", stdin="other-password-1\n")  # fmt: skip


def test_a_rollback_is_looked_at_first(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])

    preview = look(admin, "pipeline_rollback_preview", pipeline_id=pipeline["id"], version_no=1)

    assert [step["step_key"] for step in preview["difference"]["steps"]["removed"]] == ["b"]
    assert (preview["live"]["version_no"], preview["target"]["version_no"]) == (2, 1)
    assert (preview["publishable"], preview["draft_follows"]) == (True, True)
    new_step(admin, pipeline, "c")
    preview = look(admin, "pipeline_rollback_preview", pipeline_id=pipeline["id"], version_no=1)
    assert preview["draft_follows"] is False


def test_looking_at_what_is_not_there(admin: httpx.Client) -> None:
    for endpoint in ("pipeline_editor", "pipeline_contributors"):
        refusal_of(ask(admin, endpoint, pipeline_id="nothing"), 404, "not_found")
    pipeline = new_pipeline(admin, "a")
    refusal_of(ask(admin, "pipeline_rollback_preview", pipeline_id=pipeline["id"], version_no=1),
            404, "not_found")  # fmt: skip
    assert look(admin, "pipeline_editor", pipeline_id=pipeline["id"])["live"] is None


def test_a_snapshot_that_was_tampered_with_is_noticed_on_every_reading(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    version = do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    versions = rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])
    assert [row["intact"] for row in versions] == [1, 1]

    # The trigger refuses this; only somebody with the database's own powers can do it.
    with pytest.raises(pymysql.MySQLError, match="never changes"):
        server.query("update pipeline_versions set snapshot = '{}' where id = %s", version["id"])
    tamper(server, version["id"])

    assert {
        row["version_no"]: row["intact"]
        for row in rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])
    } == {1: 0, 2: 1}
    target = {"pipeline_id": pipeline["id"], "version_no": 1}
    for endpoint, fields in (
        ("pipeline_rollback", {"reason": "r"}), ("pipeline_rollback_preview", {}),
        ("pipeline_validate", {}), ("pipeline_publish", {"notes": "n"}),
    ):  # fmt: skip
        refusal_of(ask(admin, endpoint, **target, **fields), 500, "version_corrupted")
    for endpoint in ("pipeline_diff", "pipeline_export", "pipeline_workflow", "pipeline_clone"):
        more = {"code": "tampered"} if endpoint == "pipeline_clone" else {}
        answer = ask(admin, endpoint, pipeline_id=pipeline["id"], **{"from": "1"}, **more)
        refusal_of(answer, 500, "version_corrupted")
    assert look(admin, "pipeline_editor", pipeline_id=pipeline["id"])["live"]["version_no"] == 2


def tamper(server: Installation, version_id: str) -> None:
    """Change a snapshot as one could with a copy of the table."""
    with unguarded_versions(server) as cursor:
        cursor.execute(
            "update pipeline_versions set snapshot = replace(snapshot, '\"A\"', '\"Z\"')"
            " where id = %s", (version_id,),
        )  # fmt: skip
