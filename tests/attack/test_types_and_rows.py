"""
Attacks by the type of a value and by columns that are not the caller's (kernel A0, A5b, A6, D4;
AZ-1, AZ-2, AZ-5, AZ-7, AZ-8, CR-1, CR-3, CR-5, TYPE-1, META-1, HOOK-1).
"""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.support.extra_worker import ExtraWorker
from tests.support.installation import Installation
from tests.support.selling import link, make_distributor, make_pipeline, new_key

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
CREATE = "/pipeline_core/api/pipelines_create.dspy"
UPDATE = "/pipeline_core/api/pipelines_update.dspy"
ROWS = "/probe/rows.dspy"
STRANGE_KEYS: list[Any] = [0, 1, True, False, None, [], {}, ["victim"], 0.0, "", " ", {"$ne": ""}]
DELETES = {
    "pipelines": "/pipeline_core/api/pipelines_delete.dspy",
    "pipeline_steps": "/pipeline_core/api/pipeline_steps_delete.dspy",
    "pipeline_versions": "/pipeline_core/api/pipeline_versions_delete.dspy",
    "pipeline_pricing": "/pipeline_ops/api/pipeline_pricing_delete.dspy",
    "pipeline_capacity": "/pipeline_ops/api/pipeline_capacity_delete.dspy",
    "distributors": "/pipeline_dist/api/distributors_delete.dspy",
    "distributor_pipeline": "/pipeline_dist/api/distributor_pipeline_delete.dspy",
}


@pytest.fixture(scope="module")
def shop(admin: httpx.Client, pipeline: dict[str, object]) -> dict[str, Any]:
    """A row in every table that can be deleted from."""
    sold = make_pipeline(admin, "sold", daily_quota=5)
    buyer = make_distributor(admin, "buyer")
    terms = link(admin, buyer, sold)
    return {"pipeline": sold, "distributor": buyer, "link": terms, "key": new_key(admin, buyer)}


def counts(server: Installation) -> dict[str, int]:
    return {table: server.query(f"select count(*) as n from {table}")[0]["n"] for table in DELETES}


# A0: keys that are no texts (AZ-7, AZ-8)


@pytest.mark.parametrize("key", STRANGE_KEYS, ids=json.dumps)
def test_a_key_that_is_no_text_deletes_nothing_anywhere(server: Installation, admin, shop, key):
    before = counts(server)

    answers = [admin.post(url, json={"id": key}) for url in DELETES.values()]

    assert {answer.status_code for answer in answers} <= {400, 404}
    assert counts(server) == before


@pytest.mark.parametrize("key", [0, True, [], {}, ["victim"], 0.0], ids=json.dumps)
def test_a_key_that_is_no_text_changes_nothing(server: Installation, admin, pipeline, key):
    answer = admin.post(UPDATE, json={"id": key, "name": "Taken over", "lock_version": 1})

    assert answer.status_code == 400, answer.text
    assert server.query("select 1 from pipelines where name = 'Taken over'") == []


@pytest.mark.parametrize("key", [0, 1, True, [], 0.0], ids=json.dumps)
@pytest.mark.parametrize("what", ["D", "U", "R", "C"])
def test_sqlors_own_calls_refuse_it_too(server: Installation, probes: ExtraWorker, what, key):
    server.query("delete from app_login_attempt")
    server.query("insert into app_login_attempt values ('kept', 1, now(3)), ('too', 2, now(3))")
    values = {"id": key, "fails": 9, "last_at": "2026-11-24 06:00:00"}

    answer = probes.client().post(ROWS, json={"what": what, "values": values})

    assert answer.status_code == 400, answer.text
    rows = server.query("select id, fails from app_login_attempt order by id")
    assert rows == [{"id": "kept", "fails": 1}, {"id": "too", "fails": 2}]


# A0: rows and columns that are not there (CR-5)


@pytest.mark.parametrize("what", ["U", "D"])
def test_changing_a_row_that_is_not_there_is_404(probes: ExtraWorker, what):
    values = {"id": "nobody", "fails": 9}

    answer = probes.client().post(ROWS, json={"what": what, "values": values})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("what", ["C", "R", "U", "D"])
def test_an_unknown_column_is_refused_by_name(server: Installation, probes: ExtraWorker, what):
    server.query("replace into app_login_attempt values ('kept', 1, now(3))")
    values = {"id": "kept", "fails": 9, "mistyped": 1}

    answer = probes.client().post(ROWS, json={"what": what, "values": values})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
    assert "mistyped" in answer.json()["detail"]


@pytest.mark.parametrize("what", ["U", "D"])
def test_without_a_key_nothing_is_changed(server: Installation, probes: ExtraWorker, what):
    server.query("replace into app_login_attempt values ('kept', 1, now(3))")

    answer = probes.client().post(ROWS, json={"what": what, "values": {"fails": 9}})

    assert (answer.status_code, answer.json()["code"]) == (400, "key_missing")
    assert server.query("select 1 from app_login_attempt where fails = 9") == []


def test_deleting_asks_for_all_that_was_named(server: Installation, probes: ExtraWorker):
    """AZ-2: upstream's D looks at the primary key only, whatever owner the script names."""
    server.query("replace into app_login_attempt values ('hers', 1, now(3))")

    answer = probes.client().post(ROWS, json={"what": "D", "values": {"id": "hers", "fails": 2}})

    assert answer.status_code == 404
    assert server.query("select 1 from app_login_attempt where id = 'hers'")


def test_unknown_fields_are_refused_by_name(admin, pipeline):
    answer = admin.post(CREATE, json={"code": "other", "name": "Other", "nonsense": 1})

    assert answer.status_code == 400
    assert "/nonsense" in [problem["pointer"] for problem in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        (UPDATE, {"name": "x", "lock_version": 1}),
        (DELETES["pipelines"], {}),
        (DELETES["distributors"], {}),
        ("/pipeline_dist/api/distributor_generate_key.dspy", {}),
    ],
)
def test_a_record_that_is_not_there_is_404(admin, pipeline, url, fields):
    answer = admin.post(url, json={"id": "nobody", **fields})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# A5b: what the server sets, and whose rows (AZ-1, AZ-5)


@pytest.mark.parametrize(
    "column", ["owner_id", "owner_org_id", "created_by", "created_at", "current_version", "id",
               "last_version_no", "draft_changed_at", "terms_no", "lock_no",
               "updated_by", "lock_version"]
)  # fmt: skip
def test_what_the_server_sets_cannot_be_posted(server: Installation, admin, pipeline, column):
    answer = admin.post(CREATE, json={"code": "mine", "name": "Mine", column: "7"})
    update = admin.post(UPDATE, json={"id": pipeline["id"], "lock_version": 1, column: "7"})

    assert answer.status_code == 400, answer.text
    if column not in ("id", "lock_version"):
        assert update.status_code == 400, update.text
    assert server.query("select code, lock_version from pipelines where code = 'victim'") == [
        {"code": "victim", "lock_version": 1}
    ]


@pytest.mark.parametrize(
    "column", ["api_key_hash", "api_key_prefix", "quota_used", "spend_used", "previous_key_hash",
               "rate_window", "quota_key"]
)  # fmt: skip
def test_keys_and_counters_of_a_distributor_cannot_be_posted(admin, shop, column):
    values = {"id": shop["distributor"]["id"], "lock_version": 2, column: "0"}

    answer = admin.post("/pipeline_dist/api/distributors_update.dspy", json=values)

    assert answer.status_code == 400, answer.text
    assert f"/{column}" in [problem["pointer"] for problem in answer.json()["errors"]]


def test_a_filter_is_added_to_the_servers_own_and_replaces_nothing(admin, shop):
    """AZ-1: a `data_filter` took the place of the page's own condition."""
    everything = json.dumps({"OR": [{"field": "id", "op": "IS NOT NULL"},
                                    {"field": "code", "op": "!=", "const": ""}]})  # fmt: skip

    answer = admin.get(LIST, params={"code": "sold", "data_filter": everything})

    assert [row["code"] for row in answer.json()["rows"]] == ["sold"]


def test_roles_see_what_they_may_whatever_they_filter_by(server: Installation, shop):
    everything = json.dumps({"field": "id", "op": "IS NOT NULL"})

    for name in ("operator", "viewer"):
        answer = server.sign_in(name).get(
            "/pipeline_dist/distributors/get_distributors.dspy", params={"data_filter": everything}
        )
        assert answer.status_code == 403, answer.text


# A6: columns that never leave


def test_what_is_confidential_is_in_no_answer(server: Installation, admin, shop):
    (row,) = server.query("select * from distributors where code = 'buyer'")
    distributor = admin.get("/pipeline_dist/distributors/get_distributors.dspy")
    update = admin.post(
        "/pipeline_dist/api/distributors_update.dspy",
        json={"id": row["id"], "lock_version": row["lock_version"], "contact": "New"},
    )
    stale = admin.post(
        "/pipeline_dist/api/distributors_update.dspy",
        json={"id": row["id"], "lock_version": row["lock_version"], "contact": "Newer"},
    )
    reading = server.anonymous(headers={"Authorization": f"Bearer {shop['key']}"}).get(
        "/pipeline_dist/v1/me"
    )

    assert [a.status_code for a in (distributor, update, stale, reading)] == [200, 200, 409, 200]
    for answer in (distributor, update, stale, reading):
        assert row["api_key_hash"] not in answer.text
        assert "key_hash" not in answer.text
        assert "rate_window" not in answer.text
        assert shop["key"] not in answer.text


@pytest.mark.parametrize("name", ["api_key_hash", "previous_key_hash", "rate_window"])
def test_what_is_confidential_cannot_be_guessed_by_sorting_or_filtering(admin, shop, name):
    url = "/pipeline_dist/distributors/get_distributors.dspy"
    guess = json.dumps({"field": name, "op": "LIKE", "const": "5%"})

    for params in ({"sort": name}, {name: "5"}, {"data_filter": guess}, {f"{name}_from": "5"}):
        answer = admin.get(url, params=params)
        assert answer.status_code == 400, answer.text


# CR-1, CR-3, D4: texts that mean nothing elsewhere


@pytest.mark.parametrize("text", ["null", "NaN", "None", "undefined", "true", "0"])
def test_words_are_words_in_a_text(server: Installation, admin, pipeline, text):
    (row,) = server.query("select id, lock_version from pipelines where code = 'victim'")
    values = {**row, "name": text, "description": text}
    answer = admin.post(UPDATE, data=values)

    assert answer.status_code == 200, answer.text
    (stored_row,) = server.query("select name, description from pipelines where code = 'victim'")
    assert stored_row == {"name": text, "description": text}


@pytest.mark.parametrize(
    "wrong", [{"name": "x" * 129}, {"code": "victim"}, {"name": ""}, {"name": {"a": 1}},
              {"name": ["a", "b"]}, {"name": None}, {"name": 17}]
)  # fmt: skip
def test_a_failed_write_is_never_answered_as_done(server: Installation, admin, pipeline, wrong):
    answer = admin.post(CREATE, json={"code": "fresh", "name": "Fresh"} | wrong)

    assert answer.status_code in (400, 409), answer.text
    assert server.query("select 1 from pipelines where code = 'fresh'") == []


def test_repeated_parameters_are_one_value_or_refused(server: Installation, admin, pipeline):
    answer = admin.post(
        CREATE, content="code=twice&name=A&name=B",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/name"


# TYPE-1: amounts, times


def test_amounts_and_times_come_back_to_the_last_digit(admin, shop):
    price = {
        "pipeline_id": shop["pipeline"]["id"], "unit": "image", "currency": "USD",
        "unit_price": "123456789012.123457", "effective_from": "2026-11-24T06:00:00.123Z",
    }  # fmt: skip
    record = admin.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=price).json()["data"]

    list_row = admin.get(
        "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy", params={"id": record["id"]}
    ).json()["rows"][0]

    for row in (record, list_row):
        assert Decimal(row["unit_price"]) == Decimal("123456789012.123457")
        assert row["effective_from"] == "2026-11-24T06:00:00.123Z"


# META-1, META-2, HOOK-1: what sqlor knows of a table, and its hooks


def test_a_table_of_the_same_name_elsewhere_changes_no_key(
    server: Installation, probes: ExtraWorker
):
    server.query("create table if not exists app_login_attempt (org varchar(9), id varchar(9),"
                 " primary key (org, id))", database="sage")  # fmt: skip
    try:
        description = probes.client().get("/probe/described.dspy?table=app_login_attempt").json()
    finally:
        server.query("drop table app_login_attempt", database="sage")

    assert description["summary"][0]["primary"] == ["id"]


def test_unique_and_plain_indexes_are_told_apart(probes: ExtraWorker):
    description = probes.client().get("/probe/described.dspy?table=distributors").json()

    kinds = {tuple(index["idxfields"]): index["idxtype"] for index in description["indexes"]}
    assert kinds[("code",)] == "unique"
    assert set(kinds.values()) >= {"unique", "index"}


def test_a_hook_that_is_no_coroutine_runs_too(server: Installation, probes: ExtraWorker):
    server.query("delete from app_login_attempt")

    answer = probes.client().get("/probe/hooked.dspy")

    assert answer.status_code == 200, answer.text
    assert [row["fails"] for row in answer.json()] == [7]
