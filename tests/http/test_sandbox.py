"""Keys of the sandbox: the same answers and checks, and no trace of them in what is real."""

import time
from typing import Any

import pytest

from pipeline_dist.accounts import keys
from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller, post

BOTH_WAYS = True  # tests/conftest.py

API = "/pipeline_dist/api/"
ITEM = {
    "step_key": "answer", "model": "claude-haiku-4-5", "unit": "input_token", "quantity": "2",
}  # fmt: skip
ONE_GO = {"status": "succeeded", "lines": [ITEM]}
# What differs from call to call.
ANEW = {"call_no", "started_at", "finished_at", "lease_expires_at", "duration_ms", "sandbox"}


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, max_concurrency=9)


def sandbox_of(server: Installation, owner: Reseller, **fields: Any) -> Reseller:
    """A program of *owner* with a key of the sandbox."""
    body = {"distributor_id": owner.distributor["id"], "name": "try", "sandbox": 1,
            "scopes": "calls,read,finance,admin"} | fields  # fmt: skip
    answer = post(server.admin, f"{API}distributor_key_create.dspy", **body)
    return Reseller(server, owner.distributor, answer["api_key"])


def real_rows(server: Installation, owner: Reseller) -> list[Any]:
    """All that is real of a distributor, but for what a key of its own changes."""
    columns = "quota_used, spend_used, spend_reserved, balance, entry_no, quota_key, rate_window"
    statements = (
        f"select {columns} from distributors where id = %s",
        "select * from distributor_pipeline where distributor_id = %s",
        "select * from pipeline_usage_log where distributor_id = %s",
        "select * from app_package_use where distributor_id = %s",
        "select c.* from pipeline_capacity c join distributor_pipeline l"
        " on l.pipeline_id = c.pipeline_id where l.distributor_id = %s",
    )
    return [server.query(statement, owner.distributor["id"]) for statement in statements]


def outline(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ANEW}


def test_it_answers_as_the_real_one_and_leaves_no_trace(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    code = pipeline["code"]
    owner = make_reseller(server, pipeline, quota_period="month", quota_calls=3, spend_limit="100")
    sandbox = sandbox_of(server, owner)
    before = real_rows(server, owner)

    assert sandbox.key.startswith("ppt_")
    assert keys.is_well_formed(sandbox.key)
    beginning = sandbox.begin(pipeline, key="1")
    assert beginning.status_code == 201, beginning.text
    assert beginning.json()["sandbox"] is True
    ending = sandbox.finish(beginning.json(), lines=[ITEM])
    assert (ending.status_code, ending.json()["sandbox"]) == (200, True)
    booking = sandbox.post("calls", {"pipeline": code, **ONE_GO}, key="2")
    assert booking.status_code == 201, booking.text
    again = sandbox.post("calls", {"pipeline": code, **ONE_GO}, key="2")
    assert again.headers["Idempotent-Replayed"] == "true"
    items = [{"idempotency_key": key, "pipeline": code, **ONE_GO} for key in ("2", "3", "4")]
    batch = sandbox.post("calls/batch", {"calls": items}).json()
    assert batch["sandbox"] is True
    assert [result["status"] for result in batch["results"]] == [201, 201, 429]
    assert [result["call"]["sandbox"] for result in batch["results"][:2]] == [True, True]
    assert sandbox.get("calls", call_no=beginning.json()["call_no"]).json()["sandbox"] is True
    me = sandbox.get("me").json()
    assert (me["sandbox"], me["quota_used"], me["code"]) == (True, 3, owner.distributor["code"])
    assert me["name"] == owner.distributor["name"]
    lines = sandbox.get("usage").json()
    assert len(lines["rows"]) == 3
    assert all(line["sandbox"] for line in lines["rows"])
    sums = sandbox.get("usage", group_by="day").json()
    assert (sums["total"]["calls"], sums["sandbox"]) == (3, True)
    statement = sandbox.get("statement").json()
    assert (statement["calls"], statement["sandbox"], statement["final"]) == (3, True, False)
    assert statement["distributor"]["code"] == owner.distributor["code"]
    assert sandbox.get("statements").json()["rows"] == []
    assert sandbox.get("pipelines", code=code).json()["code"] == code
    assert sandbox.post("quote", {"pipeline": code, "lines": [ITEM]}).status_code == 200

    assert real_rows(server, owner) == before
    assert owner.get("usage").json()["rows"] == []
    assert owner.get("me").json()["quota_used"] == 0
    real = owner.post("calls", {"pipeline": code, **ONE_GO}, key="2")
    assert outline(real.json()) == outline(booking.json())
    assert "sandbox" not in real.json()


def test_files_and_refusals_are_marked_too(server: Installation, pipeline: dict[str, Any]) -> None:
    owner = make_reseller(server, pipeline)
    sandbox = sandbox_of(server, owner)
    file, refusal = sandbox.get("statement.csv"), sandbox.begin({"code": "none"})
    unread = sandbox.client.post("/pipeline_dist/v1/calls", content=b"{")

    assert 'filename="sandbox-statement-' in file.headers["Content-Disposition"]
    for answer in (refusal, unread, sandbox.get("keys", no="such")):
        assert answer.json()["sandbox"] is True, answer.text
    for answer in (file, refusal, unread, sandbox.get("keys"), sandbox.get("me")):
        assert answer.headers["X-Sandbox"] == "true"
    for answer in (owner.get("me"), owner.get("statement.csv"), owner.begin({"code": "none"})):
        assert "X-Sandbox" not in answer.headers


def test_neither_sees_the_others_calls(server: Installation, pipeline: dict[str, Any]) -> None:
    owner = make_reseller(server, pipeline)
    sandbox = sandbox_of(server, owner)
    real = owner.begin(pipeline, key="r").json()
    tried = sandbox.begin(pipeline, key="s").json()

    for program, call in ((sandbox, real), (owner, tried)):
        assert program.get("calls", call_no=call["call_no"]).status_code == 404
        assert program.finish(call).json()["code"] == "call_not_found"
    assert owner.finish(real).status_code == 200
    assert sandbox.finish(tried).status_code == 200


def test_capacity_is_its_own(server: Installation) -> None:
    pipeline = make_pipeline(server.admin, max_concurrency=1)
    owner = make_reseller(server, pipeline)
    for program in (sandbox_of(server, owner), owner):
        assert program.begin(pipeline, key="1").status_code == 201
        assert program.begin(pipeline, key="2").json()["code"] == "concurrency_exceeded"


def test_terms_limits_and_keys_are_those_of_now(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    owner = make_reseller(server, pipeline)
    sandbox = sandbox_of(server, owner)

    def change(**fields: Any) -> None:
        (row,) = server.query(
            "select id, lock_version from distributors where id = %s", owner.distributor["id"]
        )
        post(server.admin, f"{API}distributors_update.dspy", **row, **fields)

    def begin() -> Any:
        return sandbox.begin(pipeline).json().get("code")

    assert begin() is None
    change(quota_period="day", quota_calls=1)
    assert begin() == "quota_exceeded"
    change(status="suspended")
    assert begin() == "distributor_suspended"
    change(status="active", quota_calls=5)
    assert begin() is None
    (link,) = server.query(
        "select id, lock_version from distributor_pipeline where distributor_id = %s",
        owner.distributor["id"],
    )
    post(server.admin, f"{API}distributor_pipeline_delete.dspy", **link)
    assert begin() == "pipeline_not_found"
    (key,) = (row for row in sandbox.get("keys").json()["rows"] if row["sandbox"])
    post(server.admin, f"{API}distributor_key_revoke.dspy", id=key["id"])
    assert begin() == "invalid_key"
    assert owner.get("me").status_code == 200


def test_a_line_that_it_called_stays_and_its_calls_are_in_the_list_of_their_state(
    server: Installation,
) -> None:
    """The lists by state go from line to line (reports/call_rows.py), so none with calls may go;
    what was live once stays, and nothing else can be called."""
    pipeline = make_pipeline(server.admin)
    owner = make_reseller(server, pipeline)
    sandbox = sandbox_of(server, owner)
    call = sandbox.begin(pipeline).json()
    (link,) = server.query(
        "select id, lock_version from distributor_pipeline where pipeline_id = %s", pipeline["id"]
    )
    post(server.admin, f"{API}distributor_pipeline_delete.dspy", **link)
    (row,) = server.query("select id, lock_version from pipelines where id = %s", pipeline["id"])
    refusal = server.admin.post("/pipeline_core/api/pipelines_delete.dspy", json=row)

    assert refusal.status_code == 409, refusal.text
    assert "pipeline_versions" in {one["table"] for one in refusal.json()["referrers"]}
    for which in ({}, {"status": call["status"]}):
        rows = sandbox.get("calls", **which).json()["rows"]
        assert [one["call_no"] for one in rows] == [call["call_no"]], which


def test_its_keys_look_after_those_of_the_sandbox(server: Installation) -> None:
    owner = make_reseller(server)
    sandbox = sandbox_of(server, owner)
    (default,) = (row for row in owner.get("keys").json()["rows"] if not row["sandbox"])
    body = {"name": "more", "scopes": ["read"]}

    listing = sandbox.get("keys").json()
    assert ([row["name"] for row in listing["rows"]], listing["sandbox"]) == (["try"], True)
    assert "sandbox" not in owner.get("keys").json()
    assert sandbox.post("keys", body, key="1").json()["code"] == "beyond_own_key"
    for path in ("keys/rotate", "keys/revoke"):
        answer = sandbox.post(path, {"key_id": default["id"]})
        assert answer.json()["code"] == "key_not_found"
    new_key = sandbox.post("keys", body | {"sandbox": True}, key="2")
    assert new_key.json()["api_key"].startswith("ppt_")
    assert owner.post("keys", {**body, "name": "x", "sandbox": True}, key="3").is_success


def test_its_limits_are_its_own_also_where_keys_are_looked_after(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    owner = make_reseller(server, pipeline, quota_period="month", quota_calls=3)
    sandbox = sandbox_of(server, owner)
    for key in ("1", "2", "3"):
        assert owner.begin(pipeline, key=key).is_success
    sandbox.begin(pipeline, key="1")

    def limits_of(answer: Any) -> tuple[str, str]:
        return answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]

    body = {"name": "more", "scopes": ["read"], "sandbox": True}
    new_key = sandbox.post("keys", body, key="2")
    answers = (
        sandbox.get("me"), sandbox.get("keys"), new_key,
        sandbox.post("keys/rotate", {"key_id": new_key.json()["id"]}),
        sandbox.post("keys/revoke", {"key_id": "none"}), sandbox.get("keys", no="such"),
        sandbox.get("webhooks"),
    )  # fmt: skip
    assert [limits_of(answer) for answer in answers] == [("3", "2")] * len(answers)
    assert limits_of(owner.get("keys")) == ("3", "0")


def test_its_leases_run_out(server: Installation, pipeline: dict[str, Any]) -> None:
    sandbox = sandbox_of(server, make_reseller(server, pipeline))
    call_no = sandbox.begin(pipeline, key="1", lease_seconds=1).json()["call_no"]
    end = time.monotonic() + 30
    while (status := sandbox.get("calls", call_no=call_no).json()["status"]) == "reserved":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert status == "expired"
