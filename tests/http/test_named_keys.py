"""Named keys: what each may be used for, and how a distributor looks after them itself."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline_dist.accounts import keys
from pipeline_dist.accounts.app_keys import MAX_KEYS
from tests.support.distributors import API, problems, try_post
from tests.support.installation import Installation
from tests.support.named_keys import ask, code_of, key_id, keys_of, make_program, new_body
from tests.support.raw_keys import change_keys
from tests.support.selling import Reseller, make_pipeline, make_reseller, post

BOTH_WAYS = True  # tests/conftest.py

ONE_GO = {"status": "succeeded", "lines": []}
SCOPES = ("calls", "read", "finance", "admin")
# What is asked, and the scopes of which one is needed.
DOORS: dict[tuple[str, str], set[str]] = {
    ("GET", "me"): set(SCOPES),
    ("GET", "pipelines"): {"calls", "read"},
    ("POST", "quote"): {"calls", "read"},
    ("POST", "calls"): {"calls"},
    ("GET", "calls"): {"calls", "read"},
    ("POST", "calls/finish"): {"calls"},
    ("POST", "calls/batch"): {"calls"},
    ("GET", "usage"): {"read", "finance"},
    ("GET", "statements"): {"finance"},
    ("GET", "statement"): {"finance"},
    ("GET", "statement.csv"): {"finance"},
    ("GET", "statement.xlsx"): {"finance"},
    ("GET", "keys"): {"admin"},
    ("POST", "keys"): {"admin"},
    ("POST", "keys/rotate"): {"admin"},
    ("POST", "keys/revoke"): {"admin"},
}


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin)


class TestWhatAKeyMayBeUsedFor:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_each_door_opens_to_its_scopes_and_no_other(
        self, server: Installation, scope: str
    ) -> None:
        program = make_program(server, make_reseller(server), "one", scopes=scope)
        for (method, path), needed in DOORS.items():
            answer = ask(program, method, path)
            if scope in needed:
                assert answer.status_code != 403, f"{method} {path}: {answer.text}"
            else:
                assert code_of(answer) == (403, "scope_missing"), f"{method} {path}"
                assert answer.json()["scopes"] == sorted(needed)
                assert all(one in answer.json()["detail"] for one in needed)

    def test_every_door_is_looked_at_here(self, server: Installation) -> None:
        paths = server.anonymous().get("/pipeline_dist/v1/openapi.json").json()["paths"]
        doors = {
            (method.upper(), path.removeprefix("/pipeline_dist/v1/")): set(operation["x-scopes"])
            for path, methods in paths.items()
            for method, operation in methods.items()
        }
        assert {door: scopes for door, scopes in doors.items() if door in DOORS} == DOORS

    def test_the_first_key_may_do_all(self, server: Installation) -> None:
        me = make_reseller(server).get("me").json()
        assert (me["api_key_name"], set(me["api_key_scopes"])) == ("default", set(SCOPES))
        assert me["api_key_pipelines"] is None

    def test_only_its_pipelines(self, server: Installation, pipeline: dict[str, Any]) -> None:
        other = make_pipeline(server.admin)
        owner = make_reseller(server, pipeline, other)
        program = make_program(
            server, owner, "one line", pipelines=pipeline["code"], scopes="calls,read"
        )
        theirs = owner.begin(other, key="theirs").json()["call_no"]
        mine = program.begin(pipeline, key="mine")

        assert mine.status_code == 201, mine.text
        missing = (404, "pipeline_not_found")
        begin = {"pipeline": other["code"]}
        assert code_of(program.post("calls", begin, key="b")) == missing
        assert code_of(program.post("calls", begin | ONE_GO, key="o")) == missing
        assert code_of(program.post("calls", begin, key="theirs")) == missing
        assert code_of(program.post("quote", {**begin, "lines": []})) == missing
        assert code_of(program.get("pipelines", code=other["code"])) == missing
        page = program.get("pipelines").json()
        assert [row["code"] for row in page["rows"]] == [pipeline["code"]]
        assert page["total"] == 1
        items = [
            {"idempotency_key": code, "pipeline": code, **ONE_GO}
            for code in (other["code"], pipeline["code"])
        ]
        results = program.post("calls/batch", {"calls": items}).json()["results"]
        assert [result["status"] for result in results] == [404, 201]
        assert results[0]["error"]["code"] == "pipeline_not_found"
        for answer in (
            program.get("calls", call_no=theirs),
            program.post("calls/finish", {"call_no": theirs, "status": "succeeded"}),
        ):
            assert code_of(answer) == (404, "call_not_found")
        assert owner.finish({"call_no": theirs}).status_code == 200

    def test_nothing_tells_of_other_pipelines(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        other = make_pipeline(server.admin, daily_quota=7)
        owner = make_reseller(server, pipeline, other)
        program = make_program(
            server, owner, "one", pipelines=pipeline["code"], scopes="calls,read,admin"
        )
        theirs = owner.begin(other).json()["call_no"]
        end = {"call_no": theirs, "status": "succeeded"}
        item = {"idempotency_key": "o", "pipeline": other["code"], **ONE_GO}
        for answer in (
            program.post("calls/finish", end),
            program.post("calls/extend", {"call_no": theirs}),
            program.post("calls/batch", {"calls": [item]}),
            program.post("calls", {"pipeline": other["code"], **ONE_GO}, key="p"),
        ):
            assert "RateLimit-Policy" not in answer.headers, answer.text
        assert "RateLimit-Policy" in owner.post("calls/finish", end).headers

        for number, code in enumerate((other["code"], pipeline["code"], None), 1):
            server.query(
                "insert into app_event (id, distributor_id, event_no, type, data, dedup_key,"
                " created_at) values (%s, %s, %s, 'pipeline.online', %s, %s, utc_timestamp(3))",
                f"{owner.distributor['id'][:30]}{number}", owner.distributor["id"], number,
                json.dumps({"pipeline": code} if code else {}), f"t{number}",
            )  # fmt: skip
        server.query(
            "insert into app_event_counter (id, last_no) values (%s, 3)"
            " on duplicate key update last_no = 3", owner.distributor["id"],
        )  # fmt: skip
        numbers = [row["event_no"] for row in program.get("events").json()["rows"]]
        assert numbers == [2, 3]
        assert program.get("events", rows=1).json()["next_after"] == 2
        assert len(owner.get("events").json()["rows"]) == 3
        hook = program.post("webhooks", {"url": "https://example.com/hook"})
        assert code_of(hook) == (403, "beyond_own_key")

    @pytest.mark.parametrize("way", ["one-go", "begin", "batch"])
    def test_its_own_rate(self, server: Installation, pipeline: dict[str, Any], way: str) -> None:
        owner = make_reseller(server, pipeline)
        program = make_program(server, owner, "slow", rate_limit_per_minute=2)

        def book(program: Reseller, key: str) -> tuple[int, Any]:
            body = {"pipeline": pipeline["code"]}
            if way == "batch":
                item = {"idempotency_key": key, **body, **ONE_GO}
                (result,) = program.post("calls/batch", {"calls": [item]}).json()["results"]
                return result["status"], result.get("error")
            answer = program.post("calls", body | (ONE_GO if way == "one-go" else {}), key=key)
            return answer.status_code, answer.json()

        assert [book(program, key)[0] for key in "abc"] == [201, 201, 429]
        status, problem = book(program, "d")
        assert (status, problem["code"], problem["scope"]) == (429, "rate_limited", "key")
        assert (problem["limit"], problem["used"]) == (2, 2)
        assert book(owner, "e")[0] == 201
        answer = program.get("me")
        assert answer.headers["RateLimit-Policy"] == '"key";q=2;w=60'
        assert [limit["scope"] for limit in answer.json()["limits"]] == ["key"]

    def test_only_from_its_addresses(self, server: Installation) -> None:
        owner = make_reseller(server)
        far = make_program(server, owner, "far", allowed_ips="203.0.113.0/24")
        near = make_program(server, owner, "near", allowed_ips="127.0.0.0/8", scopes="read")

        assert code_of(far.get("me")) == (403, "ip_not_allowed")
        assert near.get("me").status_code == 200

    def test_it_ends_and_is_changed_by_the_next_request(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        owner = make_reseller(server, pipeline)
        program = make_program(server, owner, "short")
        begin = lambda key: program.begin(pipeline, key=key)  # noqa: E731
        call = begin("1").json()
        (row,) = (key for key in keys_of(server, owner) if key["name"] == "short")
        who = {"id": row["id"], "lock_version": row["lock_version"]}

        record = post(server.admin, f"{API}distributor_key_update.dspy", **who, scopes="read")
        assert code_of(begin("2")) == (403, "scope_missing")
        who["lock_version"] = record["lock_version"]
        post(server.admin, f"{API}distributor_key_update.dspy", **who, scopes="calls")
        assert begin("3").status_code == 201
        change_keys(server, owner.distributor, "expires_at = utc_timestamp(3) - interval 1 second")
        assert code_of(begin("4")) == (401, "invalid_key")
        # The work has happened.
        assert program.finish(call).status_code == 200
        post(server.admin, f"{API}distributor_key_revoke.dspy", id=row["id"])
        assert code_of(program.finish(call)) == (401, "invalid_key")
        assert program.get("me").status_code == 401


class TestSelfService:
    def test_makes_lists_rotates_and_revokes(self, server: Installation) -> None:
        admin = make_reseller(server)
        answer = admin.post("keys", new_body("books", "finance", "read"), key="n1")
        new_key = answer.json()
        assert answer.status_code == 201, answer.text
        assert keys.is_well_formed(new_key["api_key"])
        books = Reseller(server, admin.distributor, new_key["api_key"])
        assert books.get("statements").status_code == 200

        again = admin.post("keys", new_body("books", "read", "finance"), key="n1")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == new_key | {"api_key": None, "shown_before": True} | {
            name: again.json()[name] for name in ("last_used_at", "last_used_ip")
        }
        assert code_of(admin.post("keys", new_body("books", "read"), key="n1")) == (
            422, "idempotency_key_reused",
        )  # fmt: skip
        assert code_of(admin.post("keys", new_body("BOOKS", "read"), key="n2")) == (
            409, "key_name_taken",
        )  # fmt: skip

        rows = admin.get("keys").json()["rows"]
        assert [row["name"] for row in rows] == ["default", "books"]
        assert "api_key" not in rows[1]
        assert new_key["api_key"] not in str(rows)
        rotated = admin.post("keys/rotate", {"key_id": new_key["id"]}).json()
        assert rotated["previous_expires_at"] is not None
        new = Reseller(server, admin.distributor, rotated["api_key"])
        assert [each.get("me").status_code for each in (books, new)] == [200, 200]
        refusal = admin.post("keys/rotate", {"key_id": new_key["id"]})
        assert code_of(refusal) == (409, "grace_running")
        assert admin.post("keys/revoke", {"key_id": new_key["id"]}).json()["revoked_at"]
        assert [each.get("me").status_code for each in (books, new)] == [401, 401]
        assert code_of(admin.post("keys/revoke", {"key_id": new_key["id"]})) == (
            404,
            "key_not_found",
        )
        # Its name is free again.
        assert admin.post("keys", new_body("books", "read"), key="n3").status_code == 201

        trail = server.query(
            "select action, user_id from app_audit where table_name = 'app_key'"
            " and row_id = %s order by id", new_key["id"],
        )  # fmt: skip
        assert [entry["action"] for entry in trail] == ["create", "generate_key", "revoke_key"]
        assert {entry["user_id"] for entry in trail} == {f"key {admin.key[:12]}"}
        assert new_key["api_key"] not in server.logs()

    def test_the_default_key_is_told_by_its_distributor(self, server: Installation) -> None:
        admin = make_reseller(server)
        (row,) = admin.get("keys").json()["rows"]
        rotated = admin.post("keys/rotate", {"key_id": row["id"], "grace_hours": 1}).json()
        mirror = "select * from distributors where id = %s"
        (columns,) = server.query(mirror, admin.distributor["id"])

        assert columns["api_key_prefix"] == rotated["prefix"]
        assert columns["api_key_hash"] == keys.digest(rotated["api_key"])
        assert columns["previous_key_hash"] == keys.digest(admin.key)

    def test_at_most_so_many(self, server: Installation) -> None:
        admin = make_reseller(server)
        for number in range(MAX_KEYS - 1):
            new_key = admin.post("keys", new_body(f"k{number}", "read"), key=f"k{number}")
            assert new_key.status_code == 201, new_key.text
        assert code_of(admin.post("keys", new_body("more", "read"), key="more")) == (
            409, "too_many_keys",
        )  # fmt: skip
        admin.post("keys/revoke", {"key_id": new_key.json()["id"]})
        assert admin.post("keys", new_body("more", "read"), key="more").status_code == 201

    def test_gives_nothing_that_it_has_not(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        owner = make_reseller(server, pipeline, make_pipeline(server.admin))
        key = make_program(server, owner, "narrow", scopes="admin,read", pipelines=pipeline["code"])
        beyond = (403, "beyond_own_key")
        only = {"pipelines": [pipeline["code"]]}

        assert code_of(key.post("keys", new_body("a", "calls", **only), key="a")) == beyond
        assert code_of(key.post("keys", new_body("b", "read"), key="b")) == beyond
        assert key.post("keys", new_body("c", "read", **only), key="c").status_code == 201
        default = key_id(key, owner.key[:12])
        assert code_of(key.post("keys/rotate", {"key_id": default})) == beyond
        # A key that was lost ends by any that may.
        assert key.post("keys/revoke", {"key_id": default}).status_code == 200

    def test_a_key_that_ends_makes_and_renews_none_that_lasts(self, server: Installation) -> None:
        owner = make_reseller(server)
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        soon, later = end.isoformat(), (end + timedelta(days=1)).isoformat()
        key = make_program(
            server, owner, "short", scopes="admin", expires_at=soon, rate_limit_per_minute=60
        )
        beyond = (403, "beyond_own_key")
        body = new_body("a", "admin", rate_limit_per_minute=60)

        assert code_of(key.post("keys", body, key="a")) == beyond
        assert code_of(key.post("keys", body | {"expires_at": later}, key="b")) == beyond
        child = key.post("keys", body | {"expires_at": soon}, key="c").json()
        assert child["expires_at"]
        own = key_id(key, key.key[:12])
        assert code_of(key.post("keys/rotate", {"key_id": own, "expires_at": later})) == beyond
        assert code_of(key.post("keys/rotate", {"key_id": child["id"], "expires_at": later})) == (
            beyond
        )
        # It renews what it made as far as itself; and itself for as long as it was made for.
        rotated = key.post("keys/rotate", {"key_id": child["id"]}).json()
        assert rotated["expires_at"] <= child["expires_at"]
        renewed = key.post("keys/rotate", {"key_id": own}).json()
        assert renewed["expires_at"] >= child["expires_at"]

    def test_a_secret_that_was_replaced_renews_nothing(self, server: Installation) -> None:
        owner = make_reseller(server)
        key = make_program(server, owner, "leaked", scopes="admin")
        own = key_id(key, key.key[:12])
        rotated = owner.post("keys/rotate", {"key_id": own, "grace_hours": 24})
        assert rotated.status_code == 200, rotated.text
        ends_it = {"key_id": own, "end_previous": True, "grace_hours": 0}

        assert key.get("keys").status_code == 200
        assert code_of(key.post("keys/rotate", ends_it)) == (403, "beyond_own_key")

    def test_a_key_whose_end_was_set_renews_itself_for_as_long_as_from_then_on(
        self, server: Installation
    ) -> None:
        owner = make_reseller(server)
        key = make_program(server, owner, "old", scopes="admin")
        own = key_id(key, key.key[:12])
        rotated = owner.post("keys/rotate", {"key_id": own, "grace_hours": 600}).json()
        server.query("update app_key set made_at = made_at - interval 2 year where id = %s", own)
        end = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        (row,) = server.query("select lock_version from app_key where id = %s", own)
        post(
            server.admin, f"{API}distributor_key_update.dspy",
            id=own, lock_version=row["lock_version"], expires_at=end,
        )  # fmt: skip

        (row,) = server.query("select * from app_key where id = %s", own)
        assert row["previous_expires_at"] == row["expires_at"]
        present = Reseller(server, owner.distributor, rotated["api_key"])
        again = present.post("keys/rotate", {"key_id": own, "end_previous": True})
        assert again.status_code == 200, again.text
        lasts = datetime.fromisoformat(again.json()["expires_at"]) - datetime.now(UTC)
        assert timedelta(hours=20) < lasts < timedelta(days=2)

    def test_a_repeated_request_is_told_to_none_that_could_not_make_it(
        self, server: Installation
    ) -> None:
        owner = make_reseller(server)
        body = new_body("strong", "finance", "calls")
        assert owner.post("keys", body, key="same").status_code == 201
        weak = make_program(server, owner, "weak", scopes="admin")
        sandbox = make_program(server, owner, "try", scopes="admin,finance,calls", sandbox=1)

        for program in (weak, sandbox):
            assert code_of(program.post("keys", body, key="same")) == (403, "beyond_own_key")
        assert owner.post("keys", body, key="same").headers["Idempotent-Replayed"] == "true"

    def test_the_last_one_that_can_stays(self, server: Installation) -> None:
        admin = make_reseller(server)
        own = key_id(admin, admin.key[:12])
        assert code_of(admin.post("keys/revoke", {"key_id": own})) == (409, "last_admin_key")
        second = admin.post("keys", new_body("second", "admin"), key="s").json()
        assert admin.post("keys/revoke", {"key_id": own}).status_code == 200
        other = Reseller(server, admin.distributor, second["api_key"])
        assert code_of(other.post("keys/revoke", {"key_id": second["id"]})) == (
            409, "last_admin_key",
        )  # fmt: skip
        # The operator may.
        post(server.admin, f"{API}distributor_key_revoke.dspy", id=second["id"])
        assert other.get("me").status_code == 401

    def test_another_distributors_keys_are_not_there(self, server: Installation) -> None:
        mine, theirs = make_reseller(server), make_reseller(server)
        other = key_id(theirs, theirs.key[:12])
        for path in ("keys/rotate", "keys/revoke"):
            assert code_of(mine.post(path, {"key_id": other})) == (404, "key_not_found")
        assert theirs.get("me").status_code == 200

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"scopes": []}, "/scopes"),
            ({"scopes": ["root"]}, "/scopes/0"),
            ({"scopes": "calls"}, "/scopes"),
            ({"scopes": [["calls"]]}, "/scopes/0"),
            ({"name": ""}, "/name"),
            ({"name": "Default"}, "/name"),
            ({"pipelines": ["no-such-line"]}, "/pipelines"),
            ({"pipelines": ["a,b"]}, "/pipelines/0"),
            ({"pipelines": [7]}, "/pipelines/0"),
            ({"allowed_ips": ["nowhere"]}, "/allowed_ips"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
            ({"rate_limit_per_minute": 0}, "/rate_limit_per_minute"),
            ({"hash": "0" * 64}, "/hash"),
        ],
    )
    def test_what_is_wrong_is_told_by_its_place(
        self, server: Installation, shared_admin: Reseller, fields: dict[str, Any], pointer: str
    ) -> None:
        answer = shared_admin.post("keys", new_body("x", "read") | fields, key="x")
        assert pointer in problems(answer)


@pytest.fixture(scope="module")
def shared_admin(server: Installation) -> Reseller:
    return make_reseller(server)


def test_the_operator_sees_and_changes_all(server: Installation, pipeline: dict[str, Any]) -> None:
    owner = make_reseller(server, pipeline)
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    program = make_program(server, owner, "till", scopes="calls, read", expires_at=soon)
    default, row = keys_of(server, owner)

    assert (default["is_default"], row["is_default"]) == (True, False)
    assert row["scopes"] == ["calls", "read"]
    assert program.get("me").json()["api_key_expires_at"] == row["expires_at"]
    who = {"id": row["id"], "lock_version": row["lock_version"]}
    assert problems(try_post(server.admin, "distributor_key_update", **who, scopes="all"))
    who_else = {"id": default["id"], "lock_version": default["lock_version"]}
    refusal = try_post(server.admin, "distributor_key_update", **who_else, name="first")
    assert problems(refusal) == {"/name": "name_reserved"}
    # As a form sends it: nothing where nothing is chosen.
    nothing = {"pipelines": "", "allowed_ips": "", "rate_limit_per_minute": "", "expires_at": ""}
    post(server.admin, f"{API}distributor_key_update.dspy", **who, **nothing, name="window")
    stale = try_post(server.admin, "distributor_key_update", **who, name="door")
    assert code_of(stale) == (409, "edit_conflict")
    rotated = post(server.admin, f"{API}distributor_key_rotate.dspy", id=row["id"])
    assert program.get("me").status_code == 401
    assert Reseller(server, owner.distributor, rotated["api_key"]).get("me").is_success
    # A distributor without calls goes with its keys.
    lonely = make_reseller(server)
    answer = try_post(server.admin, "distributors_delete", id=lonely.distributor["id"])
    assert answer.status_code == 200, answer.text
    assert lonely.get("me").status_code == 401


def test_when_and_from_where_it_was_used_is_written(server: Installation) -> None:
    owner = make_reseller(server)
    assert owner.get("me").status_code == 200
    end = time.monotonic() + 30
    while not (row := keys_of(server, owner)[0])["last_used_at"] and time.monotonic() < end:
        time.sleep(0.2)
    assert row["last_used_ip"] == "127.0.0.1"
