"""Steps that get another code, or go: what refers to them follows or stands in the way."""

from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    new_pipeline,
    new_step,
    pointers,
    refusal_of,
    rows,
    unguarded_versions,
)


def step_of(client: httpx.Client, pipeline: dict[str, Any], key: str) -> dict[str, Any]:
    return rows(client, "pipeline_steps", pipeline_id=pipeline["id"], step_key=key)[0]


def rename(
    client: httpx.Client, pipeline: dict[str, Any], old: str, new: str, **more: Any
) -> dict[str, Any]:
    step = step_of(client, pipeline, old)
    record: dict[str, Any] = do(
        client, "pipeline_steps_update", id=step["id"], lock_version=step["lock_version"],
        step_key=new, **more,
    )  # fmt: skip
    return record


def price(client: httpx.Client, pipeline: dict[str, Any], key: str, **more: Any) -> dict[str, Any]:
    fields = {"step_key": key, "unit": "call", "unit_price": "2", "currency": "USD"} | more
    fields["confirm_step"] = 1  # prices of codes that are still to come, too
    answer = client.post(
        "/pipeline_ops/api/pipeline_pricing_create.dspy",
        json={"pipeline_id": pipeline["id"], **fields},
    )
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()["data"]
    return record


def prices(server: Installation, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return server.query(
        "select * from pipeline_pricing where pipeline_id = %s order by created_at, id",
        pipeline["id"],
    )


def publish(client: httpx.Client, pipeline: dict[str, Any], **more: Any) -> dict[str, Any]:
    record: dict[str, Any] = do(client, "pipeline_publish", pipeline_id=pipeline["id"], **more)
    return record


def test_references_follow_a_step_to_its_new_code(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    config = {"prompt": "{{steps.a.text}} {{x}}", "inputs": {"x": "$.steps.a.title"}}
    second = new_step(admin, pipeline, "b", config=config)
    third = new_step(admin, pipeline, "c", config={"inputs": {"x": "steps.b"}})

    record = rename(admin, pipeline, "a", "plan")

    about = {"id": second["id"], "step_key": "b"}
    assert record["changed_references"] == [
        about | {"field": "config.inputs.x", "from": "steps.a.title", "to": "steps.plan.title"},
        about | {"field": "config.prompt", "from": "steps.a.text", "to": "steps.plan.text"},
    ]
    assert record["publishable"] is True
    other = step_of(admin, pipeline, "b")
    assert other["config"] == (
        '{"inputs":{"x":"$.steps.plan.title"},"prompt":"{{steps.plan.text}} {{x}}"}'
    )
    # Whoever has that step open gets a conflict; nobody else does.
    assert other["lock_version"] == second["lock_version"] + 1
    assert step_of(admin, pipeline, "c")["lock_version"] == third["lock_version"]


def test_a_rename_says_how_much_it_changed(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    new_step(admin, pipeline, "b", config={"inputs": {"x": "steps.a"}})
    step = step_of(admin, pipeline, "a")
    fields = {"id": step["id"], "lock_version": step["lock_version"], "step_key": "plan"}

    answers = {}
    for lang, key in (("en", "plan"), ("zh", "plan2")):
        answers[lang] = admin.post(
            f"/pipeline_core/api/pipeline_steps_update.dspy?_webbricks_=1&_lang={lang}",
            data={**fields, "step_key": key},
        ).json()["options"]["message"]
        fields["lock_version"] += 1

    assert answers == {
        "en": "Saved, with 1 reference(s) in other steps.",
        "zh": "已保存，并更新了其他步骤中的 1 处引用。",
    }


def test_the_trail_says_why_a_step_was_changed(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    second = new_step(admin, pipeline, "b", config={"inputs": {"x": "steps.a"}})

    rename(admin, pipeline, "a", "plan")

    (entry,) = server.query(
        "select * from app_audit where row_id = %s and action = 'update'", second["id"]
    )
    assert entry["detail"] == '{"renamed":{"from":"a","to":"plan"}}'


@pytest.mark.parametrize("new_key", ["b.text", "b.text.title"])
def test_a_code_that_would_catch_another_steps_references_is_refused(
    admin: httpx.Client, new_key: str
) -> None:
    """steps.b.text.title means b's output; were there a step b.text, it would mean that."""
    pipeline = new_pipeline(admin, "a", "b")
    new_step(admin, pipeline, "c", config={"inputs": {"x": "steps.b.text.title"}})
    step = step_of(admin, pipeline, "a")

    answer = ask(admin, "pipeline_steps_update", id=step["id"], lock_version=1, step_key=new_key)

    assert pointers(refusal_of(answer, 400, "invalid_fields")) == {"/step_key": "ambiguous"}
    assert step_of(admin, pipeline, "a") == step


def test_a_step_that_others_refer_to_stays(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    user = new_step(
        admin, pipeline, "b", config={"inputs": {"x": "steps.a.output"}, "prompt": "{{steps.a}}"}
    )
    first = step_of(admin, pipeline, "a")

    problem = refusal_of(ask(admin, "pipeline_steps_delete", id=first["id"]), 409, "in_use")

    assert problem["referrers"] == [
        {
            "table": "pipeline_steps",
            "id": user["id"],
            "label": "b (config.inputs.x, config.prompt)",
            "step_key": "b",
            "fields": ["config.inputs.x", "config.prompt"],
        }
    ]
    do(admin, "pipeline_steps_delete", id=user["id"])
    do(admin, "pipeline_steps_delete", id=first["id"])


def test_a_step_may_go_that_only_itself_refers_to(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    step = new_step(admin, pipeline, "a", config={"inputs": {"x": "steps.a"}})

    do(admin, "pipeline_steps_delete", id=step["id"])


def test_prices_of_a_renamed_step_are_not_left_behind(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    old = price(admin, pipeline, "a", model="m")
    price(admin, pipeline, "")
    price(admin, pipeline, "b")
    publish(admin, pipeline)
    rename(admin, pipeline, "a", "plan")

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 409, "orphaned_prices"
    )

    (orphan,) = problem["prices"]
    assert (orphan["id"], orphan["step_key"], orphan["new_step_key"]) == (old["id"], "a", "plan")
    assert (orphan["model"], orphan["unit"]) == ("m", "call")
    dry_run = do(admin, "pipeline_validate", pipeline_id=pipeline["id"])
    assert dry_run["orphaned_prices"] == problem["prices"]
    assert len(rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])) == 1
    assert len(prices(server, pipeline)) == 3

    version = publish(admin, pipeline, carry_prices=1)

    before, *_, after = prices(server, pipeline)
    (entry,) = version["carried_prices"]
    assert entry == {
        "id": old["id"], "step_key": "a", "model": "m", "unit": "call", "new_step_key": "plan",
        "successor": after["id"],
    }  # fmt: skip
    (live,) = server.query(
        "select published_at from pipeline_versions where id = %s", version["id"]
    )
    assert before["effective_to"] == after["effective_from"] == live["published_at"]
    assert (after["step_key"], after["model"], after["effective_to"]) == ("plan", "m", None)
    assert after["unit_price"] == before["unit_price"]
    assert publish(admin, pipeline)["carried_prices"] == []


def test_prices_of_a_step_that_is_gone_end(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    price(admin, pipeline, "a")
    price(admin, pipeline, "a", unit="image", effective_from="2999-01-01T00:00:00Z")
    price(admin, pipeline, "a", unit="second", effective_to="2026-01-01T00:00:00Z",
          effective_from="2025-01-01T00:00:00Z")  # fmt: skip
    publish(admin, pipeline)
    do(admin, "pipeline_steps_delete", id=step_of(admin, pipeline, "a")["id"])

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 409, "orphaned_prices"
    )
    assert [(p["unit"], p["new_step_key"]) for p in problem["prices"]] == [
        ("call", None), ("image", None),
    ]  # fmt: skip
    version = publish(admin, pipeline, carry_prices=1)

    assert [p["successor"] for p in version["carried_prices"]] == [None, None]
    now, later, over = prices(server, pipeline)
    assert now["effective_to"] is not None
    assert now["enabled"] == 1
    assert (later["enabled"], later["effective_to"]) == (0, None)
    assert over["lock_version"] == 1


def test_two_steps_that_change_their_codes_change_their_prices(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    price(admin, pipeline, "a", unit_price="1")
    price(admin, pipeline, "b", unit_price="2")
    publish(admin, pipeline)
    for old, new in (("a", "t"), ("b", "a"), ("t", "b")):
        rename(admin, pipeline, old, new)

    publish(admin, pipeline, carry_prices=1)

    in_force = [p for p in prices(server, pipeline) if p["effective_to"] is None]
    assert sorted((p["step_key"], int(p["unit_price"])) for p in in_force) == [("a", 2), ("b", 1)]


def test_the_dry_run_in_words_says_what_becomes_of_prices(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    for key in "ab":
        price(admin, pipeline, key)
    publish(admin, pipeline)
    rename(admin, pipeline, "a", "plan")
    do(admin, "pipeline_steps_delete", id=step_of(admin, pipeline, "b")["id"])

    text = admin.get(
        "/pipeline_core/api/pipeline_validate_view.dspy",
        params={"pipeline_id": pipeline["id"], "_lang": "en"},
    ).text

    assert "The price of call follows the step a to its new code plan." in text
    assert "The price of call ends with the step b." in text


def test_a_step_that_takes_over_the_code_of_another_brings_its_own_prices(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    price(admin, pipeline, "a", unit_price="1")
    price(admin, pipeline, "b", unit_price="2")
    publish(admin, pipeline)
    do(admin, "pipeline_steps_delete", id=step_of(admin, pipeline, "b")["id"])
    rename(admin, pipeline, "a", "b")

    publish(admin, pipeline, carry_prices=1)

    in_force = [p for p in prices(server, pipeline) if p["effective_to"] is None]
    assert [(p["step_key"], int(p["unit_price"])) for p in in_force] == [("b", 1)]


def test_a_price_that_somebody_set_for_the_new_code_comes_first(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    price(admin, pipeline, "a", unit_price="1")
    price(admin, pipeline, "a", unit="image", unit_price="1")
    publish(admin, pipeline)
    rename(admin, pipeline, "a", "plan")
    price(admin, pipeline, "plan", unit_price="9")
    later = price(admin, pipeline, "plan", unit="image", unit_price="9",
                  effective_from="2999-01-01T00:00:00Z")  # fmt: skip

    version = publish(admin, pipeline, carry_prices=1)

    assert [(p["unit"], p["successor"] is None) for p in version["carried_prices"]] == [
        ("call", True), ("image", False),
    ]  # fmt: skip
    carried = prices(server, pipeline)[-1]
    assert (carried["unit"], carried["unit_price"]) == ("image", 1)
    assert carried["effective_to"].isoformat().startswith(later["effective_from"][:10])


def test_a_step_made_again_under_its_code_keeps_the_prices(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price(admin, pipeline, "a")
    publish(admin, pipeline)
    do(admin, "pipeline_steps_delete", id=step_of(admin, pipeline, "a")["id"])
    new_step(admin, pipeline, "a")

    assert publish(admin, pipeline)["version_no"] == 1  # the same definition


def test_an_older_version_and_a_rollback_ask_about_prices_too(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    publish(admin, pipeline)
    rename(admin, pipeline, "a", "plan")
    publish(admin, pipeline)
    price(admin, pipeline, "plan")
    back = {"pipeline_id": pipeline["id"], "version_no": 1}

    preview = do(admin, "pipeline_rollback_preview", **back)
    refusal_of(ask(admin, "pipeline_publish", **back, notes="n"), 409, "orphaned_prices")
    problem = refusal_of(
        ask(admin, "pipeline_rollback", **back, reason="r"), 409, "orphaned_prices"
    )
    version = do(admin, "pipeline_rollback", **back, reason="r", carry_prices=1)

    assert preview["orphaned_prices"] == problem["prices"]
    assert [(p["step_key"], p["new_step_key"]) for p in version["carried_prices"]] == [
        ("plan", "a")
    ]  # fmt: skip
    assert version["draft_replaced"] is True
    again = do(admin, "pipeline_publish", pipeline_id=pipeline["id"], version_no=2, notes="n",
               carry_prices=1)  # fmt: skip
    assert [(p["step_key"], p["new_step_key"]) for p in again["carried_prices"]] == [
        ("a", "plan")
    ]  # fmt: skip


def test_a_rollback_gives_the_draft_its_rows_back(admin: httpx.Client) -> None:
    """The steps are those of then: renamed after it, they are known all the same."""
    pipeline = new_pipeline(admin, "a", "b", "c")
    ids = {key: step_of(admin, pipeline, key)["id"] for key in "abc"}
    publish(admin, pipeline)
    for old, new in (("a", "t"), ("b", "a"), ("t", "b")):
        rename(admin, pipeline, old, new)
    do(admin, "pipeline_steps_delete", id=ids["c"])
    publish(admin, pipeline)
    version_before = step_of(admin, pipeline, "a")["lock_version"]

    do(admin, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="r")

    assert {key: step_of(admin, pipeline, key)["id"] for key in "abc"} == ids
    assert step_of(admin, pipeline, "b")["lock_version"] > version_before
    draft = do(admin, "pipeline_editor", pipeline_id=pipeline["id"])
    assert draft["draft_differs"] is False


def test_a_line_off_sale_is_held_against_what_was_live_last(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price(admin, pipeline, "a")
    publish(admin, pipeline)
    do(admin, "pipeline_set_status", pipeline_id=pipeline["id"], status="offline")
    rename(admin, pipeline, "a", "plan")

    refusal_of(ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 409, "orphaned_prices")


def test_a_line_that_never_was_live_has_nothing_to_leave_behind(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    price(admin, pipeline, "a")
    rename(admin, pipeline, "a", "plan")

    version = publish(admin, pipeline)

    assert version["carried_prices"] == []
    assert "price_without_step" in {problem["code"] for problem in version["problems"]}


def test_a_version_from_before_ids_were_kept_knows_its_steps_by_the_trail(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    price(admin, pipeline, "a")
    version = publish(admin, pipeline)
    _without_ids(server, version["id"])
    rename(admin, pipeline, "a", "t")
    rename(admin, pipeline, "t", "plan")

    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 409, "orphaned_prices"
    )

    assert [p["new_step_key"] for p in problem["prices"]] == ["plan"]


def _without_ids(server: Installation, version_id: str) -> None:
    """Make a version what it was before ids were kept."""
    with unguarded_versions(server) as cursor:
        cursor.execute(
            "update pipeline_versions set snapshot = regexp_replace(snapshot, %s, '')"
            " where id = %s", ('"id":"[^"]*",', version_id),
        )  # fmt: skip
        cursor.execute(
            "update pipeline_versions set checksum = sha2(snapshot, 256) where id = %s",
            (version_id,),
        )
