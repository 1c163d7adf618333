"""What was deleted is put back: by who deleted it, and from the audit trail."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import ask, do, new_pipeline, new_step, places, refusal_of
from tests.support.selling import link, make_distributor, make_pipeline, make_reseller, post

Row = dict[str, Any]
_numbers = count(1)
CORE, OPS, DIST = (f"/pipeline_{name}/api" for name in ("core", "ops", "dist"))
# What a row that is put back has anew.
ANEW = {"updated_at", "updated_by", "lock_version", "lock_no", "draft_changed_at", "terms_no",
        "end_terms_no", "content_version", "keys_no"}  # fmt: skip


def row_of(server: Installation, table: str, row_id: str) -> Row:
    (row,) = server.query(f"select * from {table} where id = %s", row_id)
    return {name: value for name, value in row.items() if name not in ANEW}


def ids_of(server: Installation, table: str, **where: str) -> set[str]:
    ((name, value),) = where.items()
    rows = server.query(f"select id from {table} where {name} = %s", value)
    return {row["id"] for row in rows}


def put_back_by_trail(server: Installation, table: str, row_id: str) -> httpx.Response:
    (entry,) = server.query(
        "select id from app_audit where table_name = %s and row_id = %s and action = 'delete'"
        " order by id desc limit 1",
        table,
        row_id,
    )
    return server.admin.post("/appbase/audit_put_back.dspy", json={"id": entry["id"]})


@pytest.mark.parametrize("way", ["undo", "trail"])
@pytest.mark.parametrize("table", ["pipelines", "pipeline_pricing", "pipeline_capacity",
                                   "distributors", "distributor_pipeline"])  # fmt: skip
def test_a_row_of_each_table_is_there_again(server: Installation, table: str, way: str) -> None:
    admin = server.admin
    api = {"pipelines": CORE, "distributors": DIST, "distributor_pipeline": DIST}.get(table, OPS)
    pipeline = new_pipeline(admin, "a", "b")
    later = datetime.now(UTC) + timedelta(days=40)
    if table == "pipelines":
        row = pipeline
        do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"], notes="kept")
    elif table == "pipeline_pricing":
        row = post(admin, f"{api}/{table}_create.dspy", pipeline_id=pipeline["id"], unit="call",
                   unit_price="1.5", currency="CNY", remark="谢谢",
                   effective_from=later.isoformat())  # fmt: skip
    elif table == "pipeline_capacity":
        row = post(admin, f"{api}/{table}_create.dspy", pipeline_id=pipeline["id"], daily_quota=7,
                   max_concurrency=3)  # fmt: skip
    elif table == "distributors":
        row = make_distributor(admin, contact="某人", billing_mode="prepaid", quota_period="day",
                               quota_calls=5)  # fmt: skip
    else:
        row = link(admin, make_distributor(admin), pipeline, pricing_mode="discount",
                   discount_rate="0.05", confirm_discount=1)  # fmt: skip
    before = row_of(server, table, row["id"])
    steps = places(admin, pipeline)
    versions = ids_of(server, "pipeline_versions", pipeline_id=pipeline["id"])

    answer = post(admin, f"{api}/{table}_delete.dspy", id=row["id"])
    assert answer["can_be_restored"] == 1
    assert ids_of(server, table, id=row["id"]) == set()
    if way == "undo":
        post(admin, f"{api}/{table}_restore.dspy", id=row["id"])
    else:
        assert put_back_by_trail(server, table, row["id"]).status_code == 200

    after = row_of(server, table, row["id"])
    since = {"prepaid_since"}
    assert {n: v for n, v in after.items() if n not in since} == {
        n: v for n, v in before.items() if n not in since
    }
    assert places(admin, pipeline) == steps
    assert ids_of(server, "pipeline_versions", pipeline_id=pipeline["id"]) == versions
    (entry, *_) = server.query(
        "select action, username from app_audit where table_name = %s and row_id = %s"
        " order by id desc limit 1",
        table,
        row["id"],
    )
    assert entry == {"action": "put_back", "username": "admin"}
    again = admin.post(f"{api}/{table}_restore.dspy", json={"id": row["id"]})
    refusal_of(again, 400, "nothing_to_put_back")
    refusal_of(put_back_by_trail(server, table, row["id"]), 400, "nothing_to_put_back")


def test_steps_come_back_where_they_were(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    beside = new_step(admin, pipeline, "d", stage=2)
    steps = {
        row["step_key"]: row
        for row in admin.get(
            "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy",
            params={"pipeline_id": pipeline["id"]},
        ).json()["rows"]
    }
    before = places(admin, pipeline)
    for step in (steps["a"], steps["b"], steps["c"], beside):
        deletion = do(admin, "pipeline_steps_delete", id=step["id"])
        assert deletion["can_be_restored"] == 1
        assert len(places(admin, pipeline)) == 3
        restored = do(admin, "pipeline_steps_restore", id=step["id"])
        assert (restored["id"], restored["model"]) == (step["id"], "m")
        assert places(admin, pipeline) == before, step["step_key"]


def test_a_step_whose_stage_is_gone_comes_as_near_as_it_can(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a", "b", "c")
    ids = {row["step_key"]: row["id"] for row in admin.get(
        "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy",
        params={"pipeline_id": pipeline["id"]}).json()["rows"]}  # fmt: skip
    for key in ("c", "b", "a"):
        do(admin, "pipeline_steps_delete", id=ids[key])
    do(admin, "pipeline_steps_restore", id=ids["c"])
    assert places(admin, pipeline) == [(1, 1, "c")]
    new_step(admin, pipeline, "b")
    refusal_of(ask(admin, "pipeline_steps_restore", id=ids["b"]), 409, "duplicate")


def test_a_saved_version_comes_back_with_its_definition(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    version = do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"], notes="one")
    before = row_of(server, "pipeline_versions", version["id"])
    do(admin, "pipeline_versions_delete", id=version["id"])
    do(admin, "pipeline_versions_restore", id=version["id"])
    assert row_of(server, "pipeline_versions", version["id"]) == before


def price_with_successor(server: Installation, pipeline: Row) -> tuple[Row, Row]:
    """The price of a pipeline's input tokens, and the one that follows it in three days."""
    (old,) = server.query(
        "select id, lock_version from pipeline_pricing where pipeline_id = %s and unit = %s",
        pipeline["id"],
        "input_token",
    )
    start = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0).isoformat()
    path = f"{OPS}/pipeline_pricing_update.dspy"
    return old, post(server.admin, path, **old, unit_price="2", change_from=start)


def test_a_price_to_come_follows_its_predecessor_again(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = make_pipeline(admin, f"sold-{next(_numbers)}")
    old, successor = price_with_successor(server, pipeline)
    states = [row_of(server, "pipeline_pricing", one["id"]) for one in (old, successor)]
    post(admin, f"{OPS}/pipeline_pricing_delete.dspy", id=successor["id"])
    assert row_of(server, "pipeline_pricing", old["id"])["effective_to"] is None
    post(admin, f"{OPS}/pipeline_pricing_restore.dspy", id=successor["id"])
    assert [row_of(server, "pipeline_pricing", one["id"]) for one in (old, successor)] == states


def test_what_was_only_ended_offers_no_way_back(server: Installation) -> None:
    admin = server.admin
    pipeline = make_pipeline(admin, f"sold-{next(_numbers)}")
    reseller = make_reseller(server, pipeline)
    assert reseller.begin(pipeline).status_code == 201
    (price, *_) = server.query(
        "select id from pipeline_pricing where pipeline_id = %s and unit = 'input_token'",
        pipeline["id"],
    )
    answer = post(admin, f"{OPS}/pipeline_pricing_delete.dspy", id=price["id"])
    assert answer["can_be_restored"] == 0
    refusal = admin.post(f"{OPS}/pipeline_pricing_restore.dspy", json=price)
    refusal_of(refusal, 400, "nothing_to_put_back")


def test_a_link_comes_back_with_its_own_prices(server: Installation) -> None:
    """Those in force begin anew: what was ended is history. Those to come are as they were."""
    admin = server.admin
    pipeline, distributor = make_pipeline(admin, f"sold-{next(_numbers)}"), make_distributor(admin)
    own = [{"unit": "input_token", "unit_price": "0.5", "unit_size": 1_000_000}]
    joint = link(admin, distributor, pipeline, pricing_mode="fixed", fixed_prices=own)
    start = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0).isoformat()
    (price,) = server.query(
        "select id, lock_version from pipeline_pricing where distributor_id = %s",
        distributor["id"],
    )
    successor = post(admin, f"{OPS}/pipeline_pricing_update.dspy", **price, unit_price="0.25",
                     change_from=start)  # fmt: skip

    post(admin, f"{DIST}/distributor_pipeline_delete.dspy", id=joint["id"])
    record = post(admin, f"{DIST}/distributor_pipeline_restore.dspy", id=joint["id"])

    assert [one["unit_price"] for one in record["fixed_prices"]] == ["0.500000"]
    rows = server.query(
        "select id, unit_price, effective_from, effective_to, replaces from pipeline_pricing"
        " where distributor_id = %s order by effective_from, created_at",
        distributor["id"],
    )
    first, second, third = rows
    assert first["id"] == price["id"]
    assert first["effective_to"] <= second["effective_from"]
    assert (third["id"], third["replaces"]) == (successor["id"], second["id"])
    assert second["effective_to"] == third["effective_from"]


def test_only_who_deleted_it_puts_it_back_without_the_trail(server: Installation) -> None:
    admin, operator = server.admin, server.sign_in("operator")
    pipeline, distributor = make_pipeline(admin, f"sold-{next(_numbers)}"), make_distributor(admin)
    joint = link(admin, distributor, pipeline)
    post(admin, f"{DIST}/distributor_pipeline_delete.dspy", id=joint["id"])
    path = f"{DIST}/distributor_pipeline_restore.dspy"
    refusal_of(operator.post(path, json={"id": joint["id"]}), 404, "not_found")
    assert operator.post(f"{DIST}/distributors_restore.dspy", json={"id": "x"}).status_code == 403
    post(admin, path, id=joint["id"])
    post(operator, f"{DIST}/distributor_pipeline_delete.dspy", id=joint["id"])
    post(operator, path, id=joint["id"])


def test_a_code_that_is_taken_meanwhile_is_refused_in_words(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    do(admin, "pipelines_delete", id=pipeline["id"])
    do(admin, "pipelines_create", code=pipeline["code"], name="Another")
    refusal_of(ask(admin, "pipelines_restore", id=pipeline["id"]), 409, "duplicate")


def test_an_entry_that_deleted_nothing_names_its_field(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin)
    (entry,) = server.query("select id from app_audit where row_id = %s", pipeline["id"])
    refusal_of(admin.post("/appbase/audit_put_back.dspy", json=entry), 400, "nothing_to_put_back")


def test_only_the_last_deletion_is_put_back_and_no_form_of_before_fits(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    for _ in range(2):
        do(admin, "pipelines_delete", id=pipeline["id"])
        do(admin, "pipelines_restore", id=pipeline["id"])
    do(admin, "pipelines_delete", id=pipeline["id"])
    first, *_, last = server.query(
        "select id from app_audit where table_name = 'pipelines' and row_id = %s"
        " and action = 'delete' order by id",
        pipeline["id"],
    )
    refusal_of(admin.post("/appbase/audit_put_back.dspy", json=first), 409, "not_put_back")
    assert admin.post("/appbase/audit_put_back.dspy", json=last).status_code == 200
    assert places(admin, pipeline) == [(1, 1, "a")]
    update = ask(admin, "pipelines_update", id=pipeline["id"], name="x",
                 lock_version=pipeline["lock_version"])  # fmt: skip
    refusal_of(update, 409, "edit_conflict")


def test_what_was_deleted_apart_does_not_come_along(admin: httpx.Client) -> None:
    """One number for several requests, as their sender may choose it."""
    pipeline = new_pipeline(admin, "a", "b")
    steps = admin.get(
        "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy",
        params={"pipeline_id": pipeline["id"]},
    ).json()["rows"]
    for path, row_id in (("pipeline_steps", steps[0]["id"]), ("pipelines", pipeline["id"])):
        admin.post(
            f"{CORE}/{path}_delete.dspy", json={"id": row_id}, headers={"X-Request-Id": "twice"}
        )
    do(admin, "pipelines_restore", id=pipeline["id"])
    assert len(places(admin, pipeline)) == 1


def begun_meanwhile(server: Installation, price_id: str) -> None:
    """Let a deleted price have been to begin a minute ago."""
    (entry,) = server.query(
        "select id, `before` from app_audit where row_id = %s and action = 'delete'", price_id
    )
    before = json.loads(entry["before"])
    moment = datetime.now(UTC) - timedelta(minutes=1)
    before["effective_from"] = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "update app_audit set `before` = %s where id = %s", (json.dumps(before), entry["id"])
        )
        connection.commit()


def test_a_price_whose_start_has_passed_begins_now(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = make_pipeline(admin, f"sold-{next(_numbers)}")
    old, successor = price_with_successor(server, pipeline)
    post(admin, f"{OPS}/pipeline_pricing_delete.dspy", id=successor["id"])
    begun_meanwhile(server, successor["id"])
    moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=2)
    post(admin, f"{OPS}/pipeline_pricing_restore.dspy", id=successor["id"])
    former, new = (row_of(server, "pipeline_pricing", one["id"]) for one in (old, successor))
    assert former["effective_to"] == new["effective_from"] >= moment


def test_a_link_comes_back_after_a_price_to_come_should_have_begun(server: Installation) -> None:
    admin = server.admin
    pipeline, distributor = (
        make_pipeline(admin, f"sold-{next(_numbers)}"),
        make_distributor(admin),
    )
    own = [{"unit": "input_token", "unit_price": "0.5", "unit_size": 1_000_000}]
    joint = link(admin, distributor, pipeline, pricing_mode="fixed", fixed_prices=own)
    (price,) = server.query(
        "select id, lock_version from pipeline_pricing where distributor_id = %s",
        distributor["id"],
    )
    start = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    successor = post(admin, f"{OPS}/pipeline_pricing_update.dspy", **price, unit_price="0.25",
                     change_from=start)  # fmt: skip
    post(admin, f"{DIST}/distributor_pipeline_delete.dspy", id=joint["id"])
    begun_meanwhile(server, successor["id"])
    record = post(admin, f"{DIST}/distributor_pipeline_restore.dspy", id=joint["id"])
    assert [one["unit_price"] for one in record["fixed_prices"]] == ["0.250000"]
