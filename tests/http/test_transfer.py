"""Lines exported, imported and cloned over HTTP; workflow documents and diagrams."""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from tests.http.test_audit import trail
from tests.support.installation import Installation
from tests.support.pipelines import ask, do, fresh, new_pipeline, new_step, places, refusal_of, rows
from tests.support.transfers import actions, bring, export, rich_pipeline

DATA = Path(__file__).resolve().parents[1] / "data"
SCHEMA = DATA / "serverless_workflow/workflow.yaml"


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_what_is_exported_and_imported_is_exported_the_same(admin: httpx.Client, kind: str) -> None:
    pipeline = rich_pipeline(admin)
    all_of_it = {"format": kind, "with_prices": 1, "with_capacity": 1}
    text = export(admin, pipeline, **all_of_it)
    assert pipeline["id"] not in text

    rehearsed = bring(admin, text, code=f"{pipeline['code']}-2")
    assert (rehearsed["dry_run"], rehearsed["importable"]) == (True, True)
    assert rows(admin, "pipelines", code=f"{pipeline['code']}-2") == []
    report = bring(admin, text, code=f"{pipeline['code']}-2", dry_run=0)

    assert actions(report) == {"a": "created", "b": "created", "c": "created"}
    assert [price["action"] for price in report["prices"]] == ["created", "created"]
    assert report["capacity"][0]["action"] == "created"
    result = {"id": report["line"]["id"], "code": f"{pipeline['code']}-2"}
    assert places(admin, result) == places(admin, pipeline)
    again = export(admin, result, **all_of_it)
    back = bring(admin, again, code=f"{pipeline['code']}-3", dry_run=0)
    third = export(admin, {"id": back["line"]["id"]}, **all_of_it)
    plain = yaml.safe_load if kind == "yaml" else json.loads
    first, last = plain(text), plain(third)
    for one in (first, last):
        one.pop("checksum")
        one["pipeline"].pop("code")
    assert first == last
    assert {entry["action"] for entry in trail(admin, pipeline_id=result["id"])} == {"import"}


def test_a_pipeline_put_back_in_its_place_is_the_same_file(admin: httpx.Client) -> None:
    pipeline = rich_pipeline(admin)
    text = export(admin, pipeline, format="yaml")
    do(admin, "pipelines_delete", id=doomed(admin, text))

    report = bring(admin, text, replace=1, lock_version=fresh(admin, pipeline)["lock_version"],
                   dry_run=0)  # fmt: skip

    assert report["line"]["action"] == "skipped"
    assert set(actions(report).values()) == {"skipped"}
    assert export(admin, pipeline, format="yaml") == text


def doomed(client: httpx.Client, text: str) -> str:
    report = bring(client, text, code="doomed", dry_run=0)
    copy = {"id": report["line"]["id"]}
    bytes_of_copy = export(client, copy, format="yaml")
    do(client, "pipelines_delete", id=copy["id"])
    again = bring(client, bytes_of_copy, dry_run=0)
    assert export(client, {"id": again["line"]["id"]}, format="yaml") == bytes_of_copy
    key: str = again["line"]["id"]
    return key


def test_an_import_into_a_pipeline_says_what_it_does_to_each_step(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    file = json.loads(export(admin, pipeline))
    file["steps"][0]["name"] = "Renamed"
    file["steps"][2] |= {"step_key": "new", "id": "stolen", "lock_version": 77}
    text = json.dumps(file)
    problem = bring(admin, text)
    assert [p["code"] for p in problem["problems"]] == ["bad_checksum"]
    refusal_of(ask(admin, "pipeline_import", content=text, dry_run=0), 400, "not_importable")

    report = bring(admin, text, accept_changed=1, replace=1)

    assert actions(report) == {"a": "changed", "b": "skipped", "new": "created", "c": "removed"}
    assert report["steps"][0]["fields"] == ["name"]
    assert report["ignored"] == ["id", "lock_version"]
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b", "c"]
    for fields, code in (
        ({}, "not_importable"), ({"replace": 1}, "invalid_fields"),
        ({"replace": 1, "lock_version": 9}, "edit_conflict"),
    ):  # fmt: skip
        answer = ask(admin, "pipeline_import", content=text, dry_run=0, accept_changed=1, **fields)
        assert answer.json()["code"] == code, answer.text
    version = fresh(admin, pipeline)["lock_version"]
    bring(admin, text, dry_run=0, accept_changed=1, replace=1, lock_version=version)
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b", "new"]
    (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"], step_key="new")
    assert step["id"] != "stolen"


def test_all_that_is_wrong_with_a_file_is_told_at_once_and_nothing_is_kept(
    admin: httpx.Client,
) -> None:
    step = {"step_key": "a", "name": "A", "model": "m"}
    file = {
        "kind": "pipeline-line", "format_version": 1, "colour": "red",
        "pipeline": {"code": "BAD CODE", "name": "x" * 200},
        "steps": [
            step, {**step, "step_type": "robot"}, step | {"step_key": "b", "timeout_seconds": "x"},
            step | {"step_key": "c", "config": {"prompt": 1}}, "nonsense",
        ],
    }  # fmt: skip
    report = bring(admin, json.dumps(file), accept_changed=1)

    assert {problem["code"] for problem in report["problems"]} >= {"unknown_field"}
    assert {p["field"] for p in report["problems"]} == {"colour", "code", "name"}
    assert set(actions(report).values()) == {"problem"}
    assert actions(report).keys() == {"a", "b", "c", "#5"}
    assert report["importable"] is False


def test_a_file_that_was_written_by_hand_needs_little(admin: httpx.Client) -> None:
    text = (
        "kind: pipeline-line\nformat_version: 1\npipeline: {code: by-hand, name: 手写}\nsteps:\n"
        "- {step_key: one, name: One, model: m}\n- {step_key: two, name: Two, model: m}\n"
    )
    report = bring(admin, text, accept_changed=1, dry_run=0)

    assert places(admin, report["line"]) == [(1, 1, "one"), (2, 1, "two")]
    assert report["publishable"] is True


def test_the_file_itself_may_be_the_body(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    new_step(admin, pipeline, "warm", stage=2, config={"parameters": {"temperature": 0.7}})
    text = export(admin, pipeline)
    assert '"temperature": 0.7' in text

    def bring_body(content: str) -> httpx.Response:
        return admin.post(
            f"/pipeline_core/api/pipeline_import.dspy?code={pipeline['code']}-body&dry_run=0",
            content=content, headers={"Content-Type": "application/json"},
        )  # fmt: skip

    refusal_of(bring_body(text.replace("0.7", "1e350")), 400, "not_importable")
    refusal_of(bring_body(text.replace("0.7", "1e999")), 400, "bad_json")
    answer = bring_body(text)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["line"]["action"] == "created"
    value = json.loads(export(admin, answer.json()["data"]["line"]))
    assert value["steps"] == json.loads(text)["steps"]
    large = json.loads(text) | {"extra": "x" * 5_300_000}
    refusal_of(bring_body(json.dumps(large)), 413, "too_large")


def test_a_bad_price_stops_the_import(admin: httpx.Client) -> None:
    pipeline = rich_pipeline(admin)
    file = json.loads(export(admin, pipeline, with_prices=1))
    file["prices"][0] |= {"unit_price": "-1"}
    report = bring(admin, json.dumps(file), accept_changed=1, code="bad-price")

    assert report["importable"] is False
    assert report["problems"][0]["field"].startswith("prices/0/")


def test_5_mb_are_taken_and_more_are_not(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    file = json.loads(export(admin, pipeline))
    file["pipeline"]["code"] = "huge"
    file["steps"] = [
        file["steps"][0] | {"step_key": f"s{n}", "stage": n, "config": {"prompt": "字" * 3_300}}
        for n in range(1, 501)
    ]
    text = json.dumps(file, ensure_ascii=False)
    assert 4_900_000 < len(text.encode()) < 5 * 1024 * 1024

    report = bring(admin, text, accept_changed=1, dry_run=0)
    assert len(report["steps"]) == 500
    published = do(admin, "pipeline_publish", pipeline_id=report["line"]["id"])
    assert published["version_no"] == 1
    too_much = text + " " * 400_000
    refusal_of(ask(admin, "pipeline_import", content=too_much), 413, "too_large")
    refusal_of(ask(admin, "pipelines_create", code="x", name="x", description="x" * 1_200_000), 413,
            "body_too_large")  # fmt: skip


def test_a_page_imports_what_its_dry_run_was_given(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    text = export(admin, pipeline) + " " * 2_000_000  # more than other pages may send

    def tried(**fields: Any) -> list[Any]:
        body = {"content": text, "referer_widget": "w7", "_webbricks_": 1, "_lang": "en", **fields}
        box = admin.post("/pipeline_core/api/pipeline_import_view.dspy", json=body).json()
        assert box["widgettype"] == "VBox", box
        return [part["options"] for part in box["subwidgets"] if part["widgettype"] == "Form"]

    assert tried() == []  # there is such a line
    (new,) = tried(code="from-a-page")
    (old,) = tried(replace=True, code="null")
    assert tried(code="from-a-page-at-once", dry_run=0) == []

    assert new["params"] == {"content": text, "code": "from-a-page", "dry_run": 0}
    assert (new["submit_url"], new["referer_widget"]) == (
        "/pipeline_core/api/pipeline_import.dspy", "w7"
    )  # fmt: skip
    assert old["params"] == {
        "content": text, "replace": True, "dry_run": 0,
        "lock_version": fresh(admin, pipeline)["lock_version"],
        "state": do(admin, "pipeline_editor", pipeline_id=pipeline["id"])["state"],
    }  # fmt: skip
    assert rows(admin, "pipelines", code="from-a-page") == []
    assert len(rows(admin, "pipelines", code="from-a-page-at-once")) == 1


@pytest.mark.parametrize("content", ["", "{", "kind: x", "a: &x 1"])
def test_a_file_that_cannot_be_read_is_told(admin: httpx.Client, content: str) -> None:
    answer = ask(admin, "pipeline_import", content=content)

    assert answer.status_code == 400
    assert answer.json()["code"] == ("bad_file" if content else "invalid_fields")


def test_a_clone_is_a_draft_of_its_own(admin: httpx.Client) -> None:
    pipeline = rich_pipeline(admin)
    plain = do(admin, "pipeline_clone", pipeline_id=pipeline["id"], code="clone-plain")
    whole = do(admin, "pipeline_clone", pipeline_id=pipeline["id"], code="clone-whole",
               name="Whole", with_prices=1, with_capacity=1)  # fmt: skip

    assert (plain["status"], plain["current_version"], plain["name"]) == ("draft", None, "Line")
    assert places(admin, plain) == places(admin, whole) == places(admin, pipeline)
    assert whole["name"] == "Whole"
    for copy, count in ((plain, 0), (whole, 2)):
        body = admin.get("/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy",
                          params={"pipeline_id": copy["id"]}).json()  # fmt: skip
        assert body["total"] == count
    capacity = admin.get("/pipeline_ops/pipeline_capacity/get_pipeline_capacity.dspy",
                         params={"pipeline_id": whole["id"]}).json()["rows"][0]  # fmt: skip
    assert (capacity["daily_quota"], capacity["day_used"]) == (7, 0)
    refusal_of(ask(admin, "pipeline_clone", pipeline_id=pipeline["id"], code="clone-plain"), 409,
            "duplicate")  # fmt: skip
    refusal_of(ask(admin, "pipeline_clone", pipeline_id="nothing", code="c2"), 404, "not_found")


def test_a_clone_may_be_of_a_version(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b")

    for which, keys in (("live", ["a"]), (1, ["a"]), ("draft", ["a", "b"])):
        answer = do(admin, "pipeline_clone", pipeline_id=pipeline["id"], code=f"of-{which}",
                  **{"from": which})  # fmt: skip
        assert [key for *_, key in places(admin, answer)] == keys


def test_a_published_pipeline_is_a_workflow_document_and_a_diagram(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    new_step(admin, pipeline, "c", stage=2)
    url = "/pipeline_core/api/pipeline_workflow.dspy"
    refusal_of(admin.get(url, params={"pipeline_id": pipeline["id"]}), 404, "no_live_version")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])

    document = json.loads(admin.get(url, params={"pipeline_id": pipeline["id"]}).text)
    same = admin.get(url, params={"pipeline_id": pipeline["id"], "format": "yaml", "from": 1}).text
    draft = json.loads(admin.get(url, params={"pipeline_id": pipeline["id"], "from": "draft"}).text)
    diagram = admin.get("/pipeline_core/api/pipeline_diagram.dspy",
                        params={"pipeline_id": pipeline["id"]})  # fmt: skip

    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert yaml.safe_load(same) == document
    assert document["document"]["version"] == "1.0.0"
    assert draft["document"]["version"] == "0.0.0"
    assert [next(iter(task)) for task in document["do"]] == ["a", "stage-2"]
    assert diagram.text.startswith("flowchart TD")
    assert diagram.headers["Content-Type"].startswith("text/plain")


def test_who_only_looks_may_export_and_not_import(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    viewer = server.sign_in("viewer")

    text = export(viewer, pipeline)
    refusal_of(ask(viewer, "pipeline_import", content=text), 403, "forbidden")
    refusal_of(
        ask(viewer, "pipeline_clone", pipeline_id=pipeline["id"], code="v"), 403, "forbidden"
    )


def test_an_export_has_no_ids(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    for which in ("draft", "1"):
        answer = ask(admin, "pipeline_export", pipeline_id=pipeline["id"], **{"from": which})
        assert "id" not in answer.json()["steps"][0]
