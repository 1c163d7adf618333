"""The audit trail: every change with who, when, from where, before and after; fields put back."""

import json
from typing import Any

import httpx
import pytest

from app.schema import tables as models
from tests.support.installation import Installation
from tests.support.pipelines import ask, do, fresh, new_pipeline, new_step, places, refusal_of

Entry = dict[str, Any]


def trail(client: httpx.Client, **where: Any) -> list[Entry]:
    """Entries of the trail, oldest first, their JSON read."""
    answer = client.get("/app_audit/get_app_audit.dspy", params={"rows": 1000, **where})
    assert answer.status_code == 200, answer.text
    entries: list[Entry] = answer.json()["rows"]
    for entry in entries:
        for part in ("before", "after", "detail"):
            entry[part] = json.loads(entry[part] or "null")
    return sorted(entries, key=lambda entry: entry["created_at"])


def last(client: httpx.Client, **where: Any) -> Entry:
    return trail(client, **where)[-1]


def put_back(client: httpx.Client, entry: Entry, field: str, **more: Any) -> httpx.Response:
    return client.post(
        "/appbase/audit_put_back.dspy", json={"id": entry["id"], "field": field, **more}
    )


def send(client: httpx.Client, path: str, **fields: Any) -> Any:
    answer = client.post(f"/{path}.dspy", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_change_is_told_with_who_when_from_where_before_and_after(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    headers = {"X-Request-Id": "audit-test-1"}
    admin.post(
        "/pipeline_core/api/pipelines_update.dspy", headers=headers,
        json={"id": pipeline["id"], "lock_version": pipeline["lock_version"], "name": "新名"},
    )  # fmt: skip

    entry = last(admin, table_name="pipelines", row_id=pipeline["id"])
    assert (entry["action"], entry["username"], entry["label"]) == (
        "update",
        "admin",
        pipeline["code"],
    )
    assert (entry["before"], entry["after"]) == ({"name": "Line"}, {"name": "新名"})
    assert (entry["request_id"], entry["address"]) == ("audit-test-1", "127.0.0.1")
    assert entry["pipeline_id_text"] == "新名"


def test_a_refused_change_leaves_no_entry(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    before = len(trail(admin, pipeline_id=pipeline["id"]))

    refusal_of(ask(admin, "pipelines_update", id=pipeline["id"], lock_version=9, name="x"), 409,
            "edit_conflict")  # fmt: skip
    refusal_of(ask(admin, "pipeline_steps_create", pipeline_id=pipeline["id"], step_key="a",
                   name="A"), 409, "duplicate")  # fmt: skip

    assert len(trail(admin, pipeline_id=pipeline["id"])) == before


def test_the_life_of_a_pipeline_reads_as_it_was(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    step = new_step(admin, pipeline, "c", stage=1)
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="first")
    do(
        admin,
        "pipeline_steps_move",
        pipeline_id=pipeline["id"],
        lock_version=1,
        step_key="c",
        stage=2,
    )
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    do(admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="worse")
    do(admin, "pipeline_set_status", pipeline_id=pipeline["id"], status="offline", reason="rest")
    do(admin, "pipeline_set_status", pipeline_id=pipeline["id"], status="published", reason="back")

    entries = trail(admin, pipeline_id=pipeline["id"])
    # What a rollback did to the draft stands beside it, step by step.
    part = [entry for entry in entries if "change" in (entry["detail"] or {})]
    result = [(entry["action"], entry["table_name"]) for entry in entries if entry not in part]
    assert [entry["detail"]["change"] for entry in part] == ["reorder"]
    assert [action for action, table in result if table == "pipelines"] == [
        "create", "publish", "reorder", "publish", "rollback", "set_status", "set_status",
    ]  # fmt: skip
    (publish, _) = trail(admin, pipeline_id=pipeline["id"], action="publish")
    assert publish["before"] == {"status": "draft", "live_version": None}
    assert publish["after"] == {"status": "published", "live_version": 1}
    assert publish["detail"]["notes"] == "first"
    reorder = last(admin, pipeline_id=pipeline["id"], action="reorder")
    assert (reorder["before"]["order"], reorder["after"]["order"]) == (
        [["a", "c"], ["b"]], [["a"], ["b", "c"]],
    )  # fmt: skip
    move = last(admin, row_id=step["id"], action="move")
    assert (move["before"], move["after"]) == (
        {"stage": 1, "step_no": 2}, {"stage": 2, "step_no": 2},
    )  # fmt: skip
    off, on = trail(admin, pipeline_id=pipeline["id"], action="set_status")
    assert (off["after"], off["detail"]) == ({"status": "offline"}, {"reason": "rest"})
    assert (on["after"], on["detail"]["reason"]) == ({"status": "published"}, "back")


def test_what_a_deleted_pipeline_held_is_in_the_trail(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"], notes="kept words")
    do(admin, "pipelines_delete", id=pipeline["id"])

    gone = {e["table_name"]: e for e in trail(admin, pipeline_id=pipeline["id"], action="delete")}
    assert gone.keys() == {"pipelines", "pipeline_steps", "pipeline_versions"}
    assert gone["pipeline_versions"]["before"]["notes"] == "kept words"
    assert len(trail(admin, pipeline_id=pipeline["id"], table_name="pipeline_steps",
                     action="delete")) == 2  # fmt: skip


def test_prices_capacity_distributors_and_links_are_told(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price = send(admin, "pipeline_ops/api/pipeline_pricing_create", pipeline_id=pipeline["id"],
                 unit="call", unit_price="2.5", enabled=0)  # fmt: skip
    send(admin, "pipeline_ops/api/pipeline_pricing_update", id=price["id"], lock_version=1,
         unit_price="3")  # fmt: skip
    send(admin, "pipeline_ops/api/pipeline_pricing_delete", id=price["id"])
    capacity = send(admin, "pipeline_ops/api/pipeline_capacity_create", pipeline_id=pipeline["id"],
                    daily_quota=5)  # fmt: skip
    send(admin, "pipeline_ops/api/pipeline_capacity_delete", id=capacity["id"])
    shop = send(admin, "pipeline_dist/api/distributors_create", code="shop", name="Shop")
    link = send(admin, "pipeline_dist/api/distributor_pipeline_create", pipeline_id=pipeline["id"],
                distributor_id=shop["id"])  # fmt: skip
    send(admin, "pipeline_dist/api/distributor_pipeline_delete", id=link["id"])

    of_pipeline = [(e["table_name"], e["action"]) for e in trail(admin, pipeline_id=pipeline["id"])]
    for entry in (
        ("pipeline_pricing", "create"), ("pipeline_pricing", "update"),
        ("pipeline_pricing", "delete"), ("pipeline_capacity", "create"),
        ("pipeline_capacity", "delete"), ("distributor_pipeline", "create"),
        ("distributor_pipeline", "delete"),
    ):  # fmt: skip
        assert entry in of_pipeline
    update = last(admin, row_id=price["id"], action="update")
    assert (update["before"], update["after"]) == (
        {"unit_price": "2.500000"}, {"unit_price": "3.000000"},
    )  # fmt: skip
    assert [e["table_name"] for e in trail(admin, distributor_id=shop["id"])] == [
        "distributors", "distributor_pipeline", "distributor_pipeline",
    ]  # fmt: skip


def test_keys_are_told_without_anything_one_could_use(
    server: Installation, admin: httpx.Client
) -> None:
    shop = send(admin, "pipeline_dist/api/distributors_create", code="keyed", name="Keyed")
    key = send(admin, "pipeline_dist/api/distributor_generate_key", id=shop["id"])
    send(admin, "pipeline_dist/api/distributor_revoke_key", id=shop["id"])
    digest = server.query("select api_key_hash from distributors where id = %s", shop["id"])

    everything = trail(admin, distributor_id=shop["id"])
    of_key = [entry["action"] for entry in everything if entry["table_name"] == "app_key"]
    assert of_key == ["create", "revoke_key"]
    entries = [entry for entry in everything if entry["table_name"] == "distributors"]
    assert [entry["action"] for entry in entries] == ["create", "generate_key", "revoke_key"]
    assert entries[1]["after"]["api_key_prefix"] == key["api_key_prefix"]
    text = json.dumps(everything)
    assert key["api_key"] not in text
    for table in models.tables().values():
        # The hash of a link is its id.
        assert not any(f'"{name}"' in text for name in table.confidential if name != "id")
    assert digest[0]["api_key_hash"] is None


def test_one_field_is_put_back_and_the_rest_stays(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(
        admin,
        "pipelines_update",
        id=pipeline["id"],
        lock_version=1,
        name="Wrong",
        description="good",
    )
    entry = last(admin, row_id=pipeline["id"], action="update")

    answer = put_back(admin, entry, "name")

    assert answer.status_code == 200, answer.text
    now = fresh(admin, pipeline)
    assert (now["name"], now["description"]) == ("Line", "good")
    reversal = last(admin, row_id=pipeline["id"])
    assert (reversal["action"], reversal["detail"]) == (
        "put_back", {"change": "update", "entry": entry["id"]},
    )  # fmt: skip


def test_a_field_that_moved_on_is_not_put_back(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="Second")
    entry = last(admin, row_id=pipeline["id"], action="update")
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=2, name="Third")

    problem = refusal_of(put_back(admin, entry, "name"), 409, "edit_conflict")

    assert problem["current"]["name"] == "Third"
    refusal_of(put_back(admin, last(admin, row_id=pipeline["id"]), "name", lock_version=1), 409,
            "edit_conflict")  # fmt: skip
    assert fresh(admin, pipeline)["name"] == "Third"


def test_putting_back_obeys_the_rules_of_the_form(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    step = new_step(admin, pipeline, "b", timeout_seconds=10)
    do(admin, "pipeline_steps_update", id=step["id"], lock_version=1, stage=1)
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    move = last(admin, row_id=step["id"], action="move")

    assert put_back(admin, move, "stage").status_code == 200
    assert places(admin, pipeline) == [(1, 1, "a"), (2, 1, "b")]
    published = last(admin, pipeline_id=pipeline["id"], action="publish")
    refusal_of(put_back(admin, published, "live_version"), 409, "not_put_back")
    refusal_of(put_back(admin, published, "colour"), 400, "nothing_to_put_back")
    creation = trail(admin, row_id=pipeline["id"], action="create")[0]
    refusal_of(put_back(admin, creation, "name"), 400, "nothing_to_put_back")
    shop = send(admin, "pipeline_dist/api/distributors_create", code="no-back", name="N")
    send(admin, "pipeline_dist/api/distributor_generate_key", id=shop["id"])
    key = last(admin, row_id=shop["id"])
    refusal_of(put_back(admin, key, "api_key_prefix"), 409, "not_put_back")


def test_money_and_switches_come_back_as_they_were(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price = send(admin, "pipeline_ops/api/pipeline_pricing_create", pipeline_id=pipeline["id"],
                 unit="call", unit_price="2.5", enabled=0)  # fmt: skip
    send(admin, "pipeline_ops/api/pipeline_pricing_update", id=price["id"], lock_version=1,
         unit_price="3", enabled=1, effective_from="2099-01-01T00:00:00Z",
         effective_to="2100-01-01T00:00:00Z")  # fmt: skip
    entry = last(admin, row_id=price["id"], action="update")

    for field in ("unit_price", "effective_to", "enabled"):
        assert put_back(admin, entry, field).status_code == 200

    back = admin.get("/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy",
                     params={"id": price["id"]}).json()["rows"][0]  # fmt: skip
    assert (back["unit_price"], back["enabled"], back["effective_to"]) == ("2.500000", 0, None)


def test_a_price_in_force_comes_back_by_its_own_rules_only(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price = send(admin, "pipeline_ops/api/pipeline_pricing_create", pipeline_id=pipeline["id"],
                 unit="call", unit_price="2.5", enabled=0)  # fmt: skip
    send(admin, "pipeline_ops/api/pipeline_pricing_update", id=price["id"], lock_version=1,
         unit_price="3", enabled=1)  # fmt: skip
    draft = last(admin, row_id=price["id"], action="update")
    send(admin, "pipeline_ops/api/pipeline_pricing_update", id=price["id"], lock_version=2,
         effective_to="2099-01-01T00:00:00Z")  # fmt: skip
    end = last(admin, row_id=price["id"], action="update")

    refusal_of(put_back(admin, draft, "unit_price"), 409, "in_use")
    answer = put_back(admin, end, "effective_to")

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["effective_to"] is None


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_entry_is_readable_with_a_button_for_each_field(admin: httpx.Client, lang: str) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="Other")
    entry = last(admin, row_id=pipeline["id"])

    answer = admin.get("/appbase/audit_entry_view.dspy", params={"id": entry["id"], "_lang": lang})

    text = answer.text
    assert answer.status_code == 200, text
    view = answer.json()["options"]
    label = {"en": "Name", "zh": "产线名称"}[lang]
    assert view["fields"] == [
        {"name": "name", "label": label, "before": {"text": "Line"}, "after": {"text": "Other"},
         "put_back": True}
    ]  # fmt: skip
    assert view["heading"].endswith({"en": "changed", "zh": "已修改"}[lang])
    assert (view["row"], view["who"]) == (False, "admin")


def test_ids_codes_and_times_are_told_as_people_call_them(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    price = send(admin, "pipeline_ops/api/pipeline_pricing_create", pipeline_id=pipeline["id"],
                 unit="call", unit_price=1, currency="CNY")  # fmt: skip
    entry = last(admin, row_id=price["id"])
    view = admin.get("/appbase/audit_entry_view.dspy", params={"id": entry["id"], "_lang": "zh"})
    cells = {row["name"]: row["after"] for row in view.json()["options"]["fields"]}

    assert cells["pipeline_id"] == {"text": "Line"}
    assert cells["pricing_type"] == {"text": "单价"}
    assert cells["enabled"] == {"text": "是"}
    assert cells["effective_from"] == {"time": price["effective_from"]}
    assert "terms_no" not in cells


def test_the_trail_is_filtered_by_user_object_action_and_time(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    entries = trail(admin, username="admin", table_name="pipelines", action="create",
                  row_id=pipeline["id"])  # fmt: skip

    assert len(entries) == 1
    at = entries[0]["created_at"]
    assert trail(admin, row_id=pipeline["id"], created_at_from=at)
    assert not trail(admin, row_id=pipeline["id"], created_at_to=at)
    page = admin.post("/app_audit", data={"_webbricks_": 1, "pipeline_id": pipeline["id"]}).json()
    assert page["widgettype"] == "Tabular"
    assert page["options"]["data_params"]["pipeline_id"] == pipeline["id"]


def test_only_those_who_may_read_and_put_back(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="x")
    entry = last(admin, row_id=pipeline["id"])
    operator, viewer = server.sign_in("operator"), server.sign_in("viewer")

    assert trail(operator, row_id=pipeline["id"])
    refusal_of(put_back(operator, entry, "name"), 403, "forbidden")
    refusal_of(viewer.get("/app_audit/get_app_audit.dspy"), 403, "forbidden")


def test_entries_about_persons_are_for_those_who_may_see_them(
    server: Installation, admin: httpx.Client
) -> None:
    """Operators read the trail and no distributors' contacts."""
    pipeline = new_pipeline(admin, "a")
    send(admin, "pipeline_dist/api/distributors_create",
         code="with-contact", name="With contact", contact="Somebody",
         phone="555 1234")  # fmt: skip
    entry = last(admin, table_name="distributors")
    assert entry["after"]["contact"] == "Somebody"
    operator = server.sign_in("operator")

    assert trail(operator, table_name="distributors") == []
    assert trail(operator, q="555 1234") == []
    assert trail(operator, row_id=pipeline["id"]) != []
    for params in ({"_export": "csv"}, {"data_filter": '{"field":"id","op":"=","var":"x"}',
                                        "x": entry["id"]}):  # fmt: skip
        answer = operator.get("/app_audit/get_app_audit.dspy", params=params)
        assert answer.status_code == 200
        assert "Somebody" not in answer.text
    view = "/appbase/audit_entry_view.dspy"
    assert operator.get(view, params={"id": entry["id"]}).status_code == 404
    assert admin.get(view, params={"id": entry["id"]}).status_code == 200
