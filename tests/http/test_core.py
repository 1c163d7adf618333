"""Lines, steps and versions over HTTP, against the running application."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import pymysql
import pytest

from tests.support.installation import Installation

_numbers = count(1)
PAGES = ("publish", "rollback", "validate", "diff", "version", "status")


def ask(client: httpx.Client, endpoint: str, **fields: Any) -> httpx.Response:
    return client.post(f"/pipeline_core/api/{endpoint}.dspy", json=fields)


def do(client: httpx.Client, endpoint: str, **fields: Any) -> Any:
    answer = ask(client, endpoint, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    return problem


def pointers(problem: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in problem["errors"]}


def rows(client: httpx.Client, table: str, **where: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/pipeline_core/{table}/get_{table}.dspy", params=where)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def places(client: httpx.Client, line: dict[str, Any]) -> list[tuple[int, int, str]]:
    steps = rows(client, "pipeline_steps", pipeline_id=line["id"], rows=1000)
    return sorted((step["stage"], step["step_no"], step["step_key"]) for step in steps)


def new_line(client: httpx.Client, *keys: str) -> dict[str, Any]:
    """A draft with a serial model step for each of *keys*; the line's record."""
    line: dict[str, Any] = do(
        client, "pipelines_create", code=f"line-{next(_numbers)}", name="Line"
    )
    for key in keys:
        new_step(client, line, key)
    return line


def new_step(client: httpx.Client, line: dict[str, Any], key: str, **more: Any) -> dict[str, Any]:
    fields = {"pipeline_id": line["id"], "step_key": key, "name": key.upper(), "model": "m", **more}
    step: dict[str, Any] = do(client, "pipeline_steps_create", **fields)
    return step


def fresh(client: httpx.Client, line: dict[str, Any]) -> dict[str, Any]:
    return rows(client, "pipelines", id=line["id"])[0]


def live_versions(server: Installation, line: dict[str, Any]) -> list[int]:
    found = server.query(
        "select version_no from pipeline_versions where pipeline_id = %s and status = 'published'",
        line["id"],
    )
    return [row["version_no"] for row in found]


def at_once(
    server: Installation, work: list[tuple[str, dict[str, Any]]]
) -> Iterator[httpx.Response]:
    """Send requests at the same time, each from a client of its own."""
    with ThreadPoolExecutor(len(work)) as threads:
        clients = [server.sign_in("admin") for _ in work]
        yield from threads.map(
            lambda job: ask(job[0], job[1][0], **job[1][1]), zip(clients, work, strict=True)
        )


def test_a_line_from_its_first_step_to_its_rollback(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin)
    assert (line["status"], line["current_version"], line["lock_version"]) == ("draft", None, 1)
    new_step(admin, line, "outline")
    new_step(admin, line, "text")
    new_step(admin, line, "pictures", stage=2, step_no=2)
    new_step(admin, line, "review", step_type="manual", model=None)
    first = new_step(admin, line, "prepare", stage=1, new_stage=True)

    assert (first["stage"], first["step_no"]) == (1, 1)
    assert places(admin, line) == [
        (1, 1, "prepare"), (2, 1, "outline"), (3, 1, "text"), (3, 2, "pictures"), (4, 1, "review"),
    ]  # fmt: skip

    one = do(admin, "pipeline_publish", pipeline_id=line["id"], notes="first")
    assert (one["version_no"], one["status"], one["notes"]) == (1, "published", "first")
    assert hashlib.sha256(one["snapshot"].encode()).hexdigest() == one["checksum"]
    again = do(admin, "pipeline_publish", pipeline_id=line["id"], notes="again")
    assert (again["version_no"], again["notes"]) == (1, "first")
    assert len(rows(admin, "pipeline_versions", pipeline_id=line["id"])) == 1

    do(admin, "pipeline_steps_update", id=first["id"], lock_version=1, model="n")
    difference = do(admin, "pipeline_diff", pipeline_id=line["id"], **{"from": "live"}, to="draft")
    assert difference["steps"]["changed"] == [
        {"step_key": "prepare", "field": "model", "from": "m", "to": "n"}
    ]
    two = do(admin, "pipeline_publish", pipeline_id=line["id"], notes="second")
    assert two["version_no"] == 2

    refused(ask(admin, "pipeline_rollback", pipeline_id=line["id"], version_no=1), 400,
            "invalid_fields")  # fmt: skip
    back = do(
        admin, "pipeline_rollback", pipeline_id=line["id"], version_no=1, reason="bad answers"
    )
    assert (back["version_no"], back["status"]) == (1, "published")
    assert back["checksum"] == one["checksum"]
    assert back["draft_replaced"] is True
    events = [entry["event"] for entry in json.loads(back["event_log"])]
    assert events == ["published", "superseded", "rolled_back"]
    assert live_versions(server, line) == [1]
    assert fresh(admin, line)["current_version"] == 1
    step = rows(admin, "pipeline_steps", pipeline_id=line["id"], step_key="prepare")[0]
    assert (step["id"], step["model"]) == (first["id"], "m")


def test_a_rollback_keeps_a_draft_with_changes_of_its_own(admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    new_step(admin, line, "b")
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    new_step(admin, line, "c")

    kept = do(admin, "pipeline_rollback", pipeline_id=line["id"], version_no=1, reason="r")
    assert kept["draft_replaced"] is False
    assert [key for *_, key in places(admin, line)] == ["a", "b", "c"]

    replaced = do(
        admin, "pipeline_rollback", pipeline_id=line["id"], version_no=2, reason="r",
        replace_draft=1,
    )  # fmt: skip
    assert replaced["draft_replaced"] is True
    assert [key for *_, key in places(admin, line)] == ["a", "b"]


def test_a_saved_version_is_not_live_until_it_is_published(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a")

    saved = do(admin, "pipeline_versions_create", pipeline_id=line["id"], notes="try")
    same = do(admin, "pipeline_versions_create", pipeline_id=line["id"])

    assert (saved["version_no"], saved["status"], saved["made"]) == (1, "saved", True)
    assert (same["id"], same["made"]) == (saved["id"], False)
    assert live_versions(server, line) == []
    new_step(admin, line, "b")
    published = do(admin, "pipeline_publish", pipeline_id=line["id"], version_no=1)
    assert (published["id"], published["status"]) == (saved["id"], "published")
    noted = do(admin, "pipeline_versions_update", id=saved["id"], notes="better words")
    assert noted["notes"] == "better words"
    refused(ask(admin, "pipeline_versions_delete", id=saved["id"]), 409, "was_live")


def test_a_saved_version_goes_and_its_number_is_not_given_again(admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    saved = do(admin, "pipeline_versions_create", pipeline_id=line["id"])

    do(admin, "pipeline_versions_delete", id=saved["id"])

    again = do(admin, "pipeline_versions_create", pipeline_id=line["id"])
    assert again["version_no"] == 2


def test_a_version_that_was_never_live_is_not_rolled_back_to(admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    do(admin, "pipeline_versions_create", pipeline_id=line["id"])
    target = {"pipeline_id": line["id"], "version_no": 1, "reason": "r"}

    refused(ask(admin, "pipeline_rollback", **target), 409, "never_live")
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    refused(ask(admin, "pipeline_rollback", **target), 409, "already_live")
    refused(ask(admin, "pipeline_rollback", **target | {"version_no": 9}), 404, "not_found")


def test_publishing_without_steps_tells_everything_that_is_missing(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin)

    problem = refused(
        ask(admin, "pipeline_publish", pipeline_id=line["id"]), 400, "not_publishable"
    )

    assert [(p["code"], p["severity"]) for p in problem["problems"]] == [
        ("no_steps", "error"), ("no_capacity", "warning"),
    ]  # fmt: skip
    assert pointers(problem) == {"/steps": "no_steps"}
    dry = do(admin, "pipeline_validate", pipeline_id=line["id"])
    assert (dry["publishable"], dry["problems"]) == (False, problem["problems"])
    assert live_versions(server, line) == []


def test_a_failed_publish_leaves_the_live_version(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    new_step(admin, line, "b", model=None)

    problem = refused(
        ask(admin, "pipeline_publish", pipeline_id=line["id"]), 400, "not_publishable"
    )

    assert pointers(problem) == {"/steps/b/model": "missing_model"}
    assert live_versions(server, line) == [1]


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
def test_wrong_fields_of_a_line_are_told_all_at_once(
    admin: httpx.Client, fields: dict[str, Any], problems: dict[str, str]
) -> None:
    good = {"code": f"line-{next(_numbers)}", "name": "Line"}

    problem = refused(ask(admin, "pipelines_create", **good | fields), 400, "invalid_fields")

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
    line = new_line(admin, "a")
    good = {"pipeline_id": line["id"], "step_key": "b", "name": "B", "model": "m"}

    problem = refused(ask(admin, "pipeline_steps_create", **good | fields), 400, "invalid_fields")

    assert pointers(problem) == problems
    assert places(admin, line) == [(1, 1, "a")]


def test_names_may_hold_any_writing(admin: httpx.Client) -> None:
    name = "短篇 🚀👩🏽‍🚀 ‏עברית‏ ½ " + "长" * 100
    line = new_line(admin)

    changed = do(admin, "pipelines_update", id=line["id"], lock_version=1, name=name)
    step = new_step(admin, line, "a", config={"prompt": "Sag „hallo“ 👋", "parameters": {"t": 0.2}})
    version = do(admin, "pipeline_publish", pipeline_id=line["id"], notes="🎉")

    assert changed["name"] == name
    assert rows(admin, "pipelines", name=name)[0]["id"] == line["id"]
    assert json.loads(step["config"]) == {"prompt": "Sag „hallo“ 👋", "parameters": {"t": 0.2}}
    assert json.loads(version["snapshot"])["pipeline"]["name"] == name


def test_a_code_is_given_once(admin: httpx.Client) -> None:
    line = new_line(admin, "a")

    again = refused(ask(admin, "pipelines_create", code=line["code"], name="x"), 409, "duplicate")
    step = refused(
        ask(admin, "pipeline_steps_create", pipeline_id=line["id"], step_key="a", name="x"),
        409,
        "duplicate",
    )
    other = refused(
        ask(admin, "pipelines_update", id=line["id"], lock_version=1, code="other"),
        400,
        "invalid_fields",
    )

    assert pointers(again) == {"/code": "duplicate"}
    assert pointers(step) == {"/step_key": "duplicate"}
    assert pointers(other) == {"/code": "write_once"}


def test_an_old_edit_is_refused_with_what_is_there_now(admin: httpx.Client) -> None:
    line = new_line(admin)
    do(admin, "pipelines_update", id=line["id"], lock_version=1, name="Theirs")

    problem = refused(
        ask(admin, "pipelines_update", id=line["id"], lock_version=1, name="Mine"),
        409,
        "edit_conflict",
    )

    assert problem["current"]["name"] == "Theirs"
    assert problem["current"]["lock_version"] == 2
    assert problem["changed_by"]
    assert problem["changed_at"].endswith("Z")
    refused(ask(admin, "pipelines_delete", id=line["id"], lock_version=1), 409, "edit_conflict")
    refused(ask(admin, "pipelines_update", id=line["id"], name="x"), 400, "invalid_fields")


def test_a_pushed_step_can_be_edited_but_not_put_back(admin: httpx.Client) -> None:
    line = new_line(admin)
    step = new_step(admin, line, "a")
    new_step(admin, line, "b", stage=1, new_stage=True)

    old_form = {"id": step["id"], "lock_version": step["lock_version"]}
    problem = refused(
        ask(admin, "pipeline_steps_update", **old_form, name="New", stage=1, step_no=1),
        409,
        "edit_conflict",
    )
    changed = do(admin, "pipeline_steps_update", **old_form, name="New")

    assert problem["current"]["stage"] == 2
    assert (changed["name"], changed["stage"]) == ("New", 2)
    refused(ask(admin, "pipeline_steps_delete", **old_form), 409, "edit_conflict")


def test_steps_are_put_in_another_order(admin: httpx.Client) -> None:
    line = new_line(admin, "a", "b", "c")
    order = {"pipeline_id": line["id"], "lock_version": 1}

    record = do(admin, "pipeline_steps_reorder", **order, order=[["c"], ["b", "a"]])

    assert record["order"] == [["c"], ["b", "a"]]
    assert record["lock_version"] == 2
    assert places(admin, line) == [(1, 1, "c"), (2, 1, "b"), (2, 2, "a")]
    late = refused(
        ask(admin, "pipeline_steps_reorder", **order, order=[["a"], ["b"], ["c"]]),
        409,
        "edit_conflict",
    )
    assert late["current"]["order"] == [["c"], ["b", "a"]]
    order["lock_version"] = 2
    wrong = refused(
        ask(admin, "pipeline_steps_reorder", **order, order=[["a"], ["b"]]), 400, "invalid_fields"
    )
    assert pointers(wrong) == {"/order": "missing_step"}
    moved = do(admin, "pipeline_steps_move", **order, step_key="a", stage=1, new_stage=True)
    assert moved["order"] == [["a"], ["c"], ["b"]]


def test_a_step_is_moved_by_its_form_and_the_others_close_up(admin: httpx.Client) -> None:
    line = new_line(admin, "a", "b", "c")
    step = rows(admin, "pipeline_steps", pipeline_id=line["id"], step_key="a")[0]

    moved = do(admin, "pipeline_steps_update", id=step["id"], lock_version=1, stage=3, step_no=1)

    assert (moved["stage"], moved["step_no"]) == (2, 1)
    assert places(admin, line) == [(1, 1, "b"), (2, 1, "a"), (2, 2, "c")]
    assert fresh(admin, line)["lock_version"] == 2
    do(admin, "pipeline_steps_delete", id=moved["id"])
    assert places(admin, line) == [(1, 1, "b"), (2, 1, "c")]


def test_a_form_that_sends_the_old_number_along_still_moves_its_step(admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    step = new_step(admin, line, "b", stage=1)
    form = {"id": step["id"], "lock_version": 1, "step_no": 2}

    moved = do(admin, "pipeline_steps_update", **form, stage=2)

    assert (moved["stage"], moved["step_no"]) == (2, 1)
    assert places(admin, line) == [(1, 1, "a"), (2, 1, "b")]


def test_deleting_a_line_that_others_refer_to_is_refused(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a")
    price = {
        "pipeline_id": line["id"], "unit": "call", "unit_price": "1",
        "effective_from": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    answer = admin.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=price)
    assert answer.status_code == 200, answer.text

    problem = refused(ask(admin, "pipelines_delete", id=line["id"]), 409, "in_use")
    assert [(item["table"], item["count"]) for item in problem["referrers"]] == [
        ("pipeline_pricing", 1)
    ]
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    problem = refused(ask(admin, "pipelines_delete", id=line["id"]), 409, "in_use")
    assert {item["table"] for item in problem["referrers"]} == {
        "pipeline_pricing", "pipeline_versions",
    }  # fmt: skip
    assert fresh(admin, line)["status"] == "published"


def test_a_draft_goes_with_its_steps_and_saved_versions(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a", "b")
    do(admin, "pipeline_versions_create", pipeline_id=line["id"])

    gone = do(admin, "pipelines_delete", id=line["id"], lock_version=1)

    assert gone["id"] == line["id"]
    for table in ("pipelines", "pipeline_steps", "pipeline_versions"):
        name = "id" if table == "pipelines" else "pipeline_id"
        assert rows(admin, table, **{name: line["id"]}) == []
    refused(ask(admin, "pipelines_delete", id=line["id"]), 404, "not_found")


def test_a_line_goes_off_sale_and_comes_back(server: Installation, admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    refused(
        ask(admin, "pipelines_update", id=line["id"], lock_version=1, status="published"),
        409,
        "bad_status_change",
    )
    do(admin, "pipeline_publish", pipeline_id=line["id"])

    off = do(admin, "pipelines_update", id=line["id"], lock_version=1, status="offline")
    assert (off["status"], off["current_version"], off["lock_version"]) == ("offline", 1, 2)
    assert live_versions(server, line) == []
    refused(
        ask(admin, "pipelines_update", id=line["id"], lock_version=2, status="draft"),
        409,
        "bad_status_change",
    )
    status = {"pipeline_id": line["id"], "status": "published", "reason": "stock is back"}
    do(admin, "pipeline_set_status", **status)
    assert live_versions(server, line) == [1]

    do(admin, "pipeline_set_status", pipeline_id=line["id"], status="archived")
    assert live_versions(server, line) == []
    for endpoint, fields in (
        ("pipeline_publish", {}),
        ("pipeline_versions_create", {}),
        ("pipeline_steps_create", {"step_key": "z", "name": "Z"}),
    ):
        refused(ask(admin, endpoint, pipeline_id=line["id"], **fields), 409, "archived")
    do(admin, "pipeline_set_status", pipeline_id=line["id"], status="offline")
    do(admin, "pipeline_publish", pipeline_id=line["id"])
    events = json.loads(rows(admin, "pipeline_versions", pipeline_id=line["id"])[0]["event_log"])
    assert [entry["event"] for entry in events] == [
        "published", "offline", "back_online", "archived", "published",
    ]  # fmt: skip


def test_steps_put_in_at_the_same_time_leave_no_hole(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "first")
    steps = [
        {"pipeline_id": line["id"], "step_key": f"s{number}", "name": "S", "model": "m"}
        | ({"stage": 1, "step_no": 1} if number % 3 == 0 else {})
        | ({"stage": 1, "new_stage": True} if number % 3 == 1 else {})
        for number in range(12)
    ]

    answers = list(at_once(server, [("pipeline_steps_create", step) for step in steps]))

    assert {answer.status_code for answer in answers} == {200}
    found = places(admin, line)
    assert {key for *_, key in found} == {"first", *(step["step_key"] for step in steps)}
    stages = sorted({stage for stage, *_ in found})
    assert stages == list(range(1, len(stages) + 1))
    for stage in stages:
        numbers = [step_no for at, step_no, _ in found if at == stage]
        assert numbers == list(range(1, len(numbers) + 1))


def test_of_publishes_at_the_same_time_one_makes_the_version(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a")
    work = [("pipeline_publish", {"pipeline_id": line["id"], "notes": str(n)}) for n in range(6)]

    answers = list(at_once(server, work))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["data"]["version_no"] for answer in answers} == {1}
    assert live_versions(server, line) == [1]
    events = json.loads(rows(admin, "pipeline_versions", pipeline_id=line["id"])[0]["event_log"])
    assert len(events) == 1


def test_of_two_orders_from_one_reading_only_one_is_taken(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a", "b")
    order = {"pipeline_id": line["id"], "lock_version": 1}
    work = [
        ("pipeline_steps_reorder", {**order, "order": [["b"], ["a"]]}),
        ("pipeline_steps_reorder", {**order, "order": [["a", "b"]]}),
    ]

    answers = list(at_once(server, work))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.parametrize(
    "change",
    ["snapshot = '{}'", "checksum = repeat('0', 64)", "version_no = 9", "created_by = 'x'"],
)
def test_the_database_itself_keeps_a_version_as_it_is(
    server: Installation, admin: httpx.Client, change: str
) -> None:
    line = new_line(admin, "a")
    version = do(admin, "pipeline_publish", pipeline_id=line["id"])

    with pytest.raises(pymysql.err.OperationalError, match="never changes"):
        server.query(f"update pipeline_versions set {change} where id = %s", version["id"])


def test_a_version_whose_snapshot_does_not_fit_is_not_used(
    server: Installation, admin: httpx.Client
) -> None:
    line = new_line(admin, "a")
    server.query(
        "insert into pipeline_versions (id, pipeline_id, version_no, status, snapshot, checksum,"
        " event_log, created_at, updated_at) values (%s, %s, 5, 'superseded', '{}', %s, '[]',"
        " now(3), now(3))",
        f"bad{line['id']}"[:32], line["id"], "0" * 64,
    )  # fmt: skip
    target = {"pipeline_id": line["id"], "version_no": 5, "reason": "r"}

    problem = refused(ask(admin, "pipeline_rollback", **target), 500, "version_corrupted")

    assert "5" in problem["detail"]


def test_writing_answers_to_post_only(admin: httpx.Client) -> None:
    for endpoint in ("pipelines_create", "pipeline_publish", "pipeline_steps_reorder"):
        answer = admin.get(f"/pipeline_core/api/{endpoint}.dspy")
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"


def test_a_page_gets_widgets(admin: httpx.Client) -> None:
    page = {"_webbricks_": "1"}
    good = {"code": f"line-{next(_numbers)}", "name": "产线"}

    reader = {"Accept-Language": "zh"}

    done = admin.post("/pipeline_core/api/pipelines_create.dspy", data=good | page, headers=reader)
    wrong = admin.post("/pipeline_core/api/pipelines_create.dspy", data=good | page, headers=reader)

    assert (done.status_code, done.json()["widgettype"]) == (200, "Message")
    assert done.json()["options"]["user_data"]["code"] == good["code"]
    assert (wrong.status_code, wrong.json()["widgettype"]) == (200, "Error")
    assert wrong.json()["options"]["code"] == "duplicate"
    assert wrong.json()["options"]["fields"]["code"].startswith("已有此代码的产线")


def test_who_may_only_look_cannot_write(server: Installation, admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=line["id"])

    for role in ("operator", "viewer"):
        client = server.sign_in(role)
        assert len(rows(client, "pipeline_steps", pipeline_id=line["id"])) == 1
        assert do(client, "pipeline_validate", pipeline_id=line["id"])["publishable"] is True
        do(client, "pipeline_diff", pipeline_id=line["id"], **{"from": 1, "to": "draft"})
        for endpoint in ("pipelines_create", "pipeline_publish", "pipeline_steps_delete"):
            assert ask(client, endpoint, pipeline_id=line["id"]).status_code == 403
    assert ask(server.anonymous(), "pipeline_diff").status_code == 401


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["p1", '"}],"x":[{"', "{{ 7*7 }}</script>", "', 1, '\\"])
def test_pages_stay_whole_whatever_the_parameters_hold(
    admin: httpx.Client, page: str, text: str
) -> None:
    params: dict[str, Any] = {"_webbricks_": 1, "_lang": "en", "referer_widget": text}
    params |= {"pipeline_id": text, "version_no": text, "from": text}

    answer = admin.get(f"/pipeline_core/pipeline_{page}.ui", params=params)

    assert answer.status_code == 200
    assert answer.json()["widgettype"]
    assert json.dumps(text)[1:-1] in json.dumps(answer.json())


def test_views_say_it_in_words(admin: httpx.Client) -> None:
    line = new_line(admin, "a")
    look = {"pipeline_id": line["id"], "_webbricks_": 1}

    def texts(view: str, **more: Any) -> str:
        answer = admin.get(f"/pipeline_core/api/{view}.dspy", params=look | more)
        assert answer.status_code == 200
        assert answer.json()["widgettype"] == "VBox", answer.text
        return answer.text

    assert "The line can be published." in texts("pipeline_validate_view", _lang="en")
    assert "全部内容都是新的" in texts("pipeline_diff_view", _lang="zh")
    do(admin, "pipeline_publish", pipeline_id=line["id"], notes="n1")
    new_step(admin, line, "b")
    assert "+ step b (B), stage 2, place 1" in texts("pipeline_diff_view", _lang="en")
    assert "n1" in texts("pipeline_version_view", version_no=1, _lang="en")
    choices = admin.get("/pipeline_core/api/pipeline_version_choices.dspy", params=look).json()
    assert [choice["value"] for choice in choices] == ["draft", "live", "1"]


def test_a_line_of_500_steps_is_handled(admin: httpx.Client, server: Installation) -> None:
    line = new_line(admin)
    server.query(
        "insert into pipeline_steps (id, pipeline_id, step_key, name, stage, step_no, step_type,"
        " model, config, created_at, updated_at)"
        " select concat('w', lpad(%s, 6, '0'), lpad(seq, 6, '0')), %s, concat('s', seq),"
        " concat('Step ', seq), (seq - 1) div 10 + 1, (seq - 1) mod 10 + 1, 'model', 'm', '{}',"
        " now(3), now(3) from seq_1_to_500",
        next(_numbers), line["id"],
    )  # fmt: skip

    version = do(admin, "pipeline_publish", pipeline_id=line["id"])
    new_step(admin, line, "front", stage=1, new_stage=True)
    difference = do(admin, "pipeline_diff", pipeline_id=line["id"])

    assert len(json.loads(version["snapshot"])["steps"]) == 500
    assert len(places(admin, line)) == 501
    assert [step["step_key"] for step in difference["steps"]["added"]] == ["front"]
    assert difference["steps"]["moved"] == []
