"""The distributor API as a distributor's program meets it: every call, every refusal, headers."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import openpyxl
import pytest

from tests.support.installation import Installation
from tests.support.selling import (
    Reseller,
    link,
    make_distributor,
    make_line,
    make_reseller,
    new_key,
    post,
)

USED = [
    {"unit": "input_token", "quantity": 4808},
    {"unit": "output_token", "quantity": "10"},
]
COST = "0.0048580000"
LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture(scope="module")
def line(server: Installation) -> dict[str, Any]:
    return make_line(server.admin, daily_quota=10_000, max_concurrency=50)


@pytest.fixture(scope="module")
def reseller(server: Installation, line: dict[str, Any]) -> Reseller:
    return make_reseller(server, line, quota_period="month", quota_calls=1000)


@pytest.fixture(scope="module")
def user(server: Installation) -> Reseller:
    line = make_line(
        server.admin,
        "metered",
        prices=[
            {"unit": "call", "unit_price": "0.333333"},
            {"unit": "page", "unit_price": "1"},
        ],
    )
    user = make_reseller(server, line, code="metered-user")
    for number in range(5):
        used = [
            {"unit": "call", "quantity": 1, "model": f"m{number % 2}", "step_key": "answer"},
            {"unit": "page", "quantity": "2.5"},
        ]
        booked = user.begin(line, status="succeeded", lines=used)
        assert booked.status_code == 201
    user.begin(line)
    return user


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, held against what every one has."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["detail"]
    return problem


def pointers(answer: httpx.Response) -> dict[str, str]:
    """Where an `invalid_fields` refusal points, and the code there."""
    problem = refused(answer, 400, "invalid_fields")
    return {item["pointer"]: item["code"] for item in problem["errors"]}


class TestKey:
    def test_is_taken_from_either_header(self, server: Installation, reseller: Reseller) -> None:
        client = server.anonymous(headers={"X-API-Key": reseller.key})

        assert client.get("/pipeline_dist/v1/me").json() == reseller.get("me").json()

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="missing"),
            pytest.param({"Authorization": "Bearer nonsense"}, id="malformed"),
            pytest.param({"Authorization": "Basic YTpi"}, id="another scheme"),
            pytest.param({"X-API-Key": "ppk_" + "0" * 49}, id="wrong checksum"),
        ],
    )
    def test_that_is_no_key_is_refused(self, server: Installation, headers: dict[str, str]) -> None:
        answer = server.anonymous(headers=headers).get("/pipeline_dist/v1/me")

        refused(answer, 401, "invalid_key")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_two_different_keys_are_no_key(self, server: Installation, reseller: Reseller) -> None:
        other = new_key(server.admin, make_distributor(server.admin))
        answer = reseller.client.get("/pipeline_dist/v1/me", headers={"X-API-Key": other})

        refused(answer, 401, "invalid_key")

    def test_unknown_expired_and_revoked_get_one_answer(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        revoked = make_reseller(server, line)
        replaced = make_reseller(server, line)
        expired = make_reseller(server, line)
        for each in (revoked, replaced, expired):
            assert each.get("me").status_code == 200

        post(
            server.admin,
            "/pipeline_dist/api/distributor_revoke_key.dspy",
            id=revoked.distributor["id"],
        )
        new_key(server.admin, replaced.distributor)
        server.query(
            "update distributors set api_key_expires_at = utc_timestamp(3) - interval 1 second"
            " where id = %s",
            expired.distributor["id"],
        )
        problems = [
            refused(each.get("me"), 401, "invalid_key") for each in (revoked, replaced, expired)
        ]
        for problem in problems:
            del problem["request_id"]

        assert problems[0] == problems[1] == problems[2]

    def test_replaced_one_is_valid_for_its_grace(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        old = make_reseller(server, line)
        key = new_key(server.admin, old.distributor, grace_hours=1)
        new = Reseller(server, old.distributor, key)

        assert old.get("me").json()["api_key_prefix"] == old.key[:12]
        assert old.get("me").json()["api_key_expires_at"] is not None
        assert new.get("me").json()["api_key_expires_at"] is None

        server.query(
            "update distributors set previous_key_expires_at = utc_timestamp(3) where id = %s",
            old.distributor["id"],
        )

        refused(old.get("me"), 401, "invalid_key")
        assert new.get("me").status_code == 200

    def test_grace_does_not_outlive_the_keys_own_expiry(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        distributor = make_distributor(server.admin)
        soon = datetime.now(UTC) + timedelta(minutes=5)
        old = new_key(server.admin, distributor, expires_at=soon.isoformat())
        new_key(server.admin, distributor, grace_hours=24)

        known = Reseller(server, distributor, old).get("me").json()["api_key_expires_at"]

        assert abs(datetime.fromisoformat(known) - soon) < timedelta(seconds=1)


class TestRefusalsInTheirOrder:
    def test_all_of_them(self, server: Installation) -> None:
        """Everything is wrong at first; each repair brings the next refusal forward."""
        admin = server.admin
        line = make_line(admin, publish=False, daily_quota=0, max_concurrency=0)
        body = {"pipeline": line["code"]}
        distributor = make_distributor(
            admin,
            status="suspended",
            allowed_ips="203.0.113.0/24",
            rate_limit_per_minute=1,
            quota_period="day",
            quota_calls=0,
            spend_limit="0",
        )
        reseller = Reseller(server, distributor, new_key(admin, distributor))

        def begin() -> httpx.Response:
            return reseller.post("calls", body, key="the one")

        def change(**fields: Any) -> None:
            row = server.query(
                "select lock_version from distributors where id = %s", distributor["id"]
            )[0]
            post(
                admin,
                "/pipeline_dist/api/distributors_update.dspy",
                id=distributor["id"],
                lock_version=row["lock_version"],
                **fields,
            )

        refused(begin(), 403, "distributor_suspended")
        change(status="closed")
        refused(begin(), 403, "distributor_suspended")
        change(status="active")
        refused(begin(), 403, "ip_not_allowed")
        change(allowed_ips="127.0.0.0/8, ::1")
        refused(begin(), 404, "pipeline_not_found")
        linked = link(admin, distributor, line, enabled=0)
        refused(begin(), 409, "pipeline_offline")
        post(admin, "/pipeline_core/api/pipeline_publish.dspy", pipeline_id=line["id"], notes="1")
        refused(begin(), 403, "not_enabled")
        linked = post(
            admin,
            "/pipeline_dist/api/distributor_pipeline_update.dspy",
            id=linked["id"],
            lock_version=linked["lock_version"],
            enabled=1,
            valid_to="2026-01-01T00:00:00Z",
        )
        refused(begin(), 403, "not_enabled")
        post(
            admin,
            "/pipeline_dist/api/distributor_pipeline_update.dspy",
            id=linked["id"],
            lock_version=linked["lock_version"],
            valid_to="",
        )
        spent = refused(begin(), 402, "spend_limit_reached")
        assert spent["scope"] == "spend"
        change(spend_limit="")
        quota = begin()
        problem = refused(quota, 429, "quota_exceeded")
        assert (problem["scope"], problem["limit"], problem["used"]) == ("distributor_day", 0, 0)
        assert int(quota.headers["Retry-After"]) >= 1
        assert quota.headers["RateLimit-Remaining"] == "0"
        assert problem["resets_at"].endswith("Z")
        change(quota_period="none", quota_calls="")
        refused(begin(), 429, "capacity_exceeded")
        server.query(
            "update pipeline_capacity set daily_quota = 10 where pipeline_id = %s", line["id"]
        )
        refused(begin(), 429, "concurrency_exceeded")
        server.query(
            "update pipeline_capacity set max_concurrency = null where pipeline_id = %s", line["id"]
        )

        # None of the refused tries took anything, nor used up the idempotency key.
        assert begin().status_code == 201
        limited = reseller.begin(line)
        refused(limited, 429, "rate_limited")
        assert 1 <= int(limited.headers["Retry-After"]) <= 61

    def test_a_line_of_others_is_as_unknown_as_no_line(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        stranger = make_reseller(server)
        problems = []
        for code in (line["code"], "no-such-line"):
            problem = refused(
                stranger.post("calls", {"pipeline": code}, key="k"), 404, "pipeline_not_found"
            )
            problems.append({k: v for k, v in problem.items() if k != "request_id"})
            refused(stranger.get("pipelines", code=code), 404, "pipeline_not_found")

        assert problems[0] == problems[1]


class TestCalls:
    def test_begin_finish_and_read(self, reseller: Reseller, line: dict[str, Any]) -> None:
        begun = reseller.begin(line, client_ref="order 88", lease_seconds=60)
        call = begun.json()

        assert begun.status_code == 201
        assert call["status"] == "reserved"
        assert call["version_no"] == 1
        assert call["client_ref"] == "order 88"
        lease = datetime.fromisoformat(call["lease_expires_at"])
        assert lease - datetime.fromisoformat(call["started_at"]) == timedelta(seconds=60)

        finished = reseller.finish(call, lines=USED)

        assert finished.status_code == 200
        assert finished.json()["amount"] == COST
        assert [item["amount"] for item in finished.json()["lines"]] == [
            "0.0048080000",
            "0.0000500000",
        ]
        assert reseller.get("calls", call_no=call["call_no"]).json() == finished.json()

    def test_the_same_begin_is_one_call(self, reseller: Reseller, line: dict[str, Any]) -> None:
        body = {"pipeline": line["code"], "client_ref": "once"}
        first = reseller.post("calls", body, key="once")
        again = reseller.post("calls", body, key="once")
        other = reseller.post("calls", {**body, "client_ref": "twice"}, key="once")

        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        refused(other, 422, "idempotency_key_reused")

    def test_the_same_finish_answers_the_same(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        call = reseller.begin(line).json()
        first = reseller.finish(call, lines=USED)
        again = reseller.finish(call, lines=USED)

        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        refused(reseller.finish(call, lines=[]), 409, "already_finished")
        refused(reseller.finish(call, status="failed"), 409, "already_finished")

    def test_a_finished_call_is_booked_in_one_go(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        booked = reseller.begin(line, key="one go", status="succeeded", lines=USED)
        again = reseller.begin(line, key="one go", status="succeeded", lines=USED)

        assert booked.status_code == 201
        assert booked.json()["status"] == "succeeded"
        assert booked.json()["amount"] == COST
        assert again.json() == booked.json()

    def test_cancelling_gives_the_quota_back_and_failing_does_not(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, line, quota_period="day", quota_calls=2)
        kept = reseller.begin(line).json()
        given_back = reseller.begin(line).json()
        refused(reseller.begin(line), 429, "quota_exceeded")

        assert (
            reseller.finish(kept, status="failed", error="no answer").json()["status"] == "failed"
        )
        refused(reseller.begin(line), 429, "quota_exceeded")
        assert reseller.finish(given_back, status="cancelled").status_code == 200
        assert reseller.begin(line).status_code == 201

    def test_exactly_the_quota_is_let_in(self, server: Installation, line: dict[str, Any]) -> None:
        reseller = make_reseller(server, line, terms={"daily_quota": 3})
        statuses = [reseller.begin(line).status_code for _ in range(5)]

        assert statuses == [201, 201, 201, 429, 429]

    def test_of_others_are_not_found(
        self, server: Installation, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        call = reseller.begin(line).json()
        stranger = make_reseller(server, line)

        refused(stranger.get("calls", call_no=call["call_no"]), 404, "call_not_found")
        refused(stranger.finish(call), 404, "call_not_found")

    def test_a_missing_price_leaves_the_call_as_it_is(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        call = reseller.begin(line).json()
        answer = reseller.finish(call, lines=[*USED, {"unit": "image", "quantity": 1}])

        problem = refused(answer, 409, "price_missing")
        assert problem["errors"][0]["pointer"] == "/lines/2"
        assert reseller.get("calls", call_no=call["call_no"]).json()["status"] == "reserved"


class TestBodies:
    def test_all_problems_are_told_at_once_with_their_places(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        answer = reseller.post(
            "calls",
            {
                "lease_seconds": 0,
                "surprise": 1,
                "_hidden": 1,
                "lines": [
                    {"unit": "input_token", "quantity": "much"},
                    {"unit": "", "quantity": -1, "price": 0},
                    7,
                ],
            },
            key="k",
        )

        found = pointers(answer)
        assert found == {
            "/pipeline": "required",
            "/lease_seconds": "out_of_range",
            "/surprise": "unknown_field",
            "/_hidden": "unknown_field",
            "/lines/0/quantity": "not_a_number",
            "/lines/1/price": "unknown_field",
            "/lines/1/unit": "required",
            "/lines/1/quantity": "out_of_range",
            "/lines/2": "not_an_object",
            "/status": "required",
        }

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"pipeline": ["x"]}, "/pipeline"),
            ({"pipeline": "x" * 65}, "/pipeline"),
            ({"pipeline": "x", "client_ref": "a\u0000b"}, "/client_ref"),
            ({"pipeline": "x", "client_ref": "x" * 129}, "/client_ref"),
            ({"pipeline": "x", "lease_seconds": 86_401}, "/lease_seconds"),
            ({"pipeline": "x", "lease_seconds": "soon"}, "/lease_seconds"),
            ({"pipeline": "x", "status": "succeeded"}, "/lines"),
            ({"pipeline": "x", "status": "reserved", "lines": []}, "/status"),
            ({"pipeline": "x", "lines": {}, "status": "failed"}, "/lines"),
            ({"pipeline": "x", "error": "none yet"}, "/error"),
            (
                {"pipeline": "x", "status": "failed", "lines": [], "lease_seconds": 5},
                "/lease_seconds",
            ),
            (
                {
                    "pipeline": "x",
                    "status": "failed",
                    "lines": [{"unit": "call", "quantity": "0.1234567"}],
                },
                "/lines/0/quantity",
            ),
        ],
    )
    def test_begin_is_checked(self, reseller: Reseller, body: dict[str, Any], pointer: str) -> None:
        assert pointer in pointers(reseller.post("calls", body, key="k"))

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/call_no"),
            ({"call_no": "c", "status": "done"}, "/status"),
            ({"call_no": 5, "status": "failed"}, "/call_no"),
            ({"call_no": "c", "status": "cancelled", "lines": USED}, "/lines"),
            ({"call_no": "c", "status": "failed", "lines": None}, "/lines"),
            ({"call_no": "c", "status": "failed", "extra/~": 1}, "/extra~1~0"),
        ],
    )
    def test_finish_is_checked(
        self, reseller: Reseller, body: dict[str, Any], pointer: str
    ) -> None:
        assert pointer in pointers(reseller.post("calls/finish", body))

    def test_the_idempotency_key_is_required_and_readable(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        body = {"pipeline": line["code"]}

        refused(reseller.post("calls", body), 400, "idempotency_key_required")
        refused(reseller.post("calls", body, key=""), 400, "idempotency_key_required")
        assert pointers(reseller.post("calls", body, key="x" * 201)) == {
            "/Idempotency-Key": "bad_idempotency_key"
        }
        assert reseller.post("calls", body, key="x" * 200).status_code == 201

    @pytest.mark.parametrize(
        ("content", "content_type", "status", "code"),
        [
            (b"{", "application/json", 400, "bad_json"),
            (b'{"pipeline": NaN}', "application/json", 400, "bad_json"),
            (b"[1]", "application/json", 400, "bad_body"),
            (b'"text"', "application/json", 400, "bad_body"),
            (b"", "application/json", 400, "bad_body"),
            (b"pipeline=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
            (b"<a/>", "text/xml", 415, "unsupported_media_type"),
            (b"x" * 1_100_000, "application/json", 413, "body_too_large"),
        ],
    )
    @pytest.mark.parametrize("path", ["quote", "calls", "calls/finish", "calls/batch"])
    def test_only_json_objects_are_taken(
        self,
        reseller: Reseller,
        path: str,
        content: bytes,
        content_type: str,
        status: int,
        code: str,
    ) -> None:
        answer = reseller.client.post(
            f"/pipeline_dist/v1/{path}",
            content=content,
            headers={"Content-Type": content_type, "Idempotency-Key": "k"},
        )

        refused(answer, status, code)

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("me", "GET"),
            ("pipelines", "GET"),
            ("usage", "GET"),
            ("statement", "GET"),
            ("openapi.json", "GET"),
            ("docs", "GET"),
            ("calls", "GET, POST"),
            ("quote", "POST"),
            ("calls/finish", "POST"),
            ("calls/batch", "POST"),
        ],
    )
    def test_other_methods_are_told_which_are_allowed(
        self, reseller: Reseller, path: str, allowed: str
    ) -> None:
        for method in {"GET", "POST"} - set(allowed.split(", ")):
            answer = reseller.client.request(method, f"/pipeline_dist/v1/{path}")

            refused(answer, 405, "method_not_allowed")
            assert answer.headers["Allow"] == allowed
        for method in ("PUT", "DELETE", "PATCH"):
            answer = reseller.client.request(method, f"/pipeline_dist/v1/{path}")

            refused(answer, 405, "method_not_allowed")
            assert set(allowed.split(", ")) <= set(answer.headers["Allow"].split(", "))

    def test_unknown_paths_are_problems_too(self, reseller: Reseller) -> None:
        refused(reseller.get("nothing"), 404, "not_found")


class TestHeaders:
    def test_the_tightest_limit_is_told(self, server: Installation, line: dict[str, Any]) -> None:
        reseller = make_reseller(
            server, line, terms={"daily_quota": 5}, quota_period="month", quota_calls=100
        )
        first = reseller.begin(line)

        assert first.headers["RateLimit-Limit"] == "5"
        assert first.headers["RateLimit-Remaining"] == "4"
        assert 0 < int(first.headers["RateLimit-Reset"]) <= 86_400
        assert reseller.get("me").headers["RateLimit-Limit"] == "100"
        assert reseller.get("me").headers["RateLimit-Remaining"] == "99"

    def test_are_on_every_answer(self, reseller: Reseller, line: dict[str, Any]) -> None:
        call = reseller.begin(line)
        answers = [
            call,
            reseller.finish(call.json()),
            reseller.get("me"),
            reseller.get("pipelines"),
            reseller.get("pipelines", code=line["code"]),
            reseller.get("usage"),
            reseller.get("statement", format="csv"),
            reseller.post("quote", {"pipeline": line["code"], "lines": USED}),
            reseller.post("quote", {}),
            reseller.get("calls", call_no="none"),
        ]

        for answer in answers:
            assert all(name in answer.headers for name in LIMIT_HEADERS), answer.request.url
            assert answer.headers["X-Request-Id"]
            assert answer.headers["Cache-Control"] == "no-store"

    def test_are_left_out_where_nothing_limits(self, server: Installation) -> None:
        answer = make_reseller(server).get("me")

        assert not any(name in answer.headers for name in LIMIT_HEADERS)

    def test_the_callers_request_id_is_kept_when_well_formed(self, reseller: Reseller) -> None:
        def told(request_id: str) -> str:
            answer = reseller.client.get(
                "/pipeline_dist/v1/me", headers={"X-Request-Id": request_id}
            )
            return answer.headers["X-Request-Id"]

        assert told("order-88.1") == "order-88.1"
        assert told("a b<c>") != "a b<c>"


class TestLooking:
    def test_me(self, server: Installation, line: dict[str, Any]) -> None:
        reseller = make_reseller(
            server,
            line,
            quota_period="day",
            quota_calls=10,
            spend_limit="1",
            rate_limit_per_minute=600,
            allowed_ips="127.0.0.1",
        )
        reseller.begin(line, status="succeeded", lines=USED)
        me = reseller.get("me").json()

        assert me["code"] == reseller.distributor["code"]
        assert (me["quota_calls"], me["quota_used"], me["quota_remaining"]) == (10, 1, 9)
        assert me["spend_used"] == COST
        assert Decimal(me["spend_remaining"]) == 1 - Decimal(COST)
        assert me["allowed_ips"] == ["127.0.0.1/32"]
        assert me["api_key_prefix"] == reseller.key[:12]
        assert {limit["scope"] for limit in me["limits"]} == {"rate", "spend", "distributor_day"}
        assert not {"api_key_hash", "contact", "id"} & me.keys()

    def test_pipelines_are_those_that_may_be_called(self, server: Installation) -> None:
        lines = [make_line(server.admin, f"shown-{name}") for name in ("a", "b", "c_d")]
        hidden = [
            make_line(server.admin, "hidden-draft", publish=False),
            make_line(server.admin, "hidden-disabled"),
            make_line(server.admin, "hidden-early"),
            make_line(server.admin, "hidden-not-linked"),
        ]
        reseller = make_reseller(server, *lines, hidden[0])
        link(server.admin, reseller.distributor, hidden[1], enabled=0)
        link(server.admin, reseller.distributor, hidden[2], valid_from="2099-01-01")

        def codes(**params: Any) -> list[str]:
            return [row["code"] for row in reseller.get("pipelines", **params).json()["rows"]]

        assert codes() == ["shown-a", "shown-b", "shown-c_d"]
        assert reseller.get("pipelines").json()["total"] == 3
        assert codes(rows=2, page=2) == ["shown-c_d"]
        assert codes(q="c_") == ["shown-c_d"]
        assert codes(q="%") == []
        assert "/rows" in pointers(reseller.get("pipelines", rows=101))
        assert "/raws" in pointers(reseller.get("pipelines", raws=1))

    def test_one_pipeline_has_its_live_version_and_no_configuration(
        self, server: Installation
    ) -> None:
        line = make_line(server.admin, monthly_quota=70)
        for key, stage in (("draw", 2), ("sing", 2)):
            post(
                server.admin,
                "/pipeline_core/api/pipeline_steps_create.dspy",
                pipeline_id=line["id"],
                step_key=key,
                name=key,
                stage=stage,
                step_no=1,
                step_type="http",
                config={"url": "https://internal.example/secret", "method": "POST"},
            )
        post(
            server.admin,
            "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=line["id"],
            notes="more",
        )
        reseller = make_reseller(
            server, line, terms={"pricing_mode": "discount", "discount_rate": "0.5"}
        )
        answer = reseller.get("pipelines", code=line["code"])
        found = answer.json()

        assert "internal.example" not in answer.text
        assert found["version"]["version_no"] == found["version_no"] == 2
        assert len(found["version"]["checksum"]) == 64
        stages = [
            [step["step_key"] for step in stage["steps"]] for stage in found["version"]["stages"]
        ]
        assert [sorted(keys) for keys in stages] == [["answer"], ["draw", "sing"]]
        assert [price["unit_price"] for price in found["prices"]] == ["0.500000", "2.500000"]
        assert found["limits"][0]["scope"] == "capacity_month"
        assert answer.headers["RateLimit-Limit"] == "70"

    def test_a_quote_agrees_with_the_booking_and_books_nothing(
        self, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        before = reseller.get("me").json()
        quote = reseller.post("quote", {"pipeline": line["code"], "lines": USED}).json()

        assert quote["total"] == COST
        assert quote["admitted"] is True
        assert reseller.get("me").json() == before
        assert "/lines" in pointers(reseller.post("quote", {"pipeline": line["code"]}))

    def test_getting_changes_nothing(
        self, server: Installation, reseller: Reseller, line: dict[str, Any]
    ) -> None:
        def state() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            for table in ("distributors", "distributor_pipeline", "pipeline_capacity"):
                rows += server.query(f"select * from {table} order by id")
            return rows + server.query("select count(*) as calls from pipeline_usage_log")

        before = state()
        for path in (
            "me",
            "pipelines",
            "usage",
            "usage?group_by=day",
            "statement",
            "calls?call_no=x",
        ):
            reseller.client.get(f"/pipeline_dist/v1/{path}")

        assert state() == before


class TestBatch:
    def test_each_item_has_its_own_result(self, server: Installation, line: dict[str, Any]) -> None:
        reseller = make_reseller(server, line, quota_period="day", quota_calls=2)
        good = {"pipeline": line["code"], "status": "succeeded", "lines": USED}
        items: list[Any] = [
            {"idempotency_key": "a", **good},
            {"idempotency_key": "b", **good, "pipeline": "none"},
            {"idempotency_key": "c", **good, "lines": [{"unit": "image", "quantity": 1}]},
            {**good},
            "text",
            {"idempotency_key": "a", **good},
            {"idempotency_key": "a", **good, "status": "failed"},
            {"idempotency_key": "d", **good, "client_ref": "last"},
            {"idempotency_key": "e", **good},
        ]
        answer = reseller.post("calls/batch", {"calls": items})
        results = answer.json()["results"]

        assert answer.status_code == 200
        assert [r["status"] for r in results] == [201, 404, 409, 400, 400, 201, 422, 201, 429]
        assert results[5]["replayed"] is True
        assert results[5]["call"] == results[0]["call"]
        assert results[1]["error"]["code"] == "pipeline_not_found"
        assert results[3]["error"]["errors"][0]["pointer"] == "/idempotency_key"
        assert results[8]["error"]["scope"] == "distributor_day"
        assert (answer.json()["accepted"], answer.json()["refused"]) == (3, 6)
        assert answer.headers["RateLimit-Remaining"] == "0"
        booked = server.query(
            "select count(*) as calls, sum(amount) as amount from pipeline_usage_log"
            " where distributor_id = %s and line_no >= 0",
            reseller.distributor["id"],
        )[0]
        assert booked["amount"] == 2 * Decimal(COST)

    def test_the_whole_batch_may_be_sent_again(
        self, server: Installation, line: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, line)
        good = {"pipeline": line["code"], "status": "succeeded", "lines": USED}
        batch = {"calls": [{"idempotency_key": f"n{n}", **good} for n in range(20)]}
        first = reseller.post("calls/batch", batch).json()["results"]
        again = reseller.post("calls/batch", batch).json()["results"]

        assert [r["call"] for r in again] == [r["call"] for r in first]
        assert all(r["replayed"] for r in again)

    def test_size_is_limited(self, reseller: Reseller) -> None:
        assert "/calls" in pointers(reseller.post("calls/batch", {"calls": []}))
        assert "/calls" in pointers(reseller.post("calls/batch", {"calls": [1] * 1001}))
        assert "/calls" in pointers(reseller.post("calls/batch", {}))
        assert "/x" in pointers(reseller.post("calls/batch", {"calls": [1], "x": 1}))


class TestUsage:
    def test_sums_by_each_group(self, user: Reseller) -> None:
        for group, expected in {
            "pipeline": {("metered", "call"): 5, ("metered", "page"): 5},
            "model": {("m0", "call"): 3, ("m1", "call"): 2, ("", "page"): 5},
            "step": {("answer", "call"): 5, ("", "page"): 5},
        }.items():
            report = user.get("usage", group_by=group).json()
            found = {(row[group], row["unit"]): row["calls"] for row in report["rows"]}

            assert found == expected
            assert report["total"] == {"calls": 6, "amount": "14.1666650000"}
        days = user.get("usage", group_by="day").json()["rows"]
        assert [row["quantity"] for row in days] == ["5.000000", "12.500000"]
        assert len(days[0]["day"]) == 10

    @pytest.mark.parametrize("size", [1, 3, 10])
    def test_lines_come_once_each_page_by_page(self, user: Reseller, size: int) -> None:
        found: list[tuple[str, int]] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"rows": size} | ({"next": cursor} if cursor else {})
            page = user.get("usage", **params).json()
            assert len(page["rows"]) <= size
            found += [(row["call_no"], row["line_no"]) for row in page["rows"]]
            cursor = page["next"]

        assert len(found) == len(set(found)) == 10

    def test_time_can_be_narrowed(self, user: Reseller) -> None:
        today = user.get("usage", group_by="day").json()["rows"][0]["day"]

        assert len(user.get("usage", **{"from": today, "to": today}).json()["rows"]) == 10
        assert user.get("usage", to="2026-01-02", **{"from": "2026-01-01"}).json()["rows"] == []
        assert "/to" in pointers(user.get("usage", to="2026-01-01", **{"from": "2026-01-02"}))
        assert "/to" in pointers(user.get("usage", to="2026-01-01", **{"from": "2024-01-02"}))
        assert "/from" in pointers(user.get("usage", **{"from": "2026-02-30"}))
        assert "/from" in pointers(user.get("usage", **{"from": "yesterday"}))
        assert "/next" in pointers(user.get("usage", next="AAAA"))
        assert "/group_by" in pointers(user.get("usage", group_by="amount"))

    def test_statement_rounds_once(self, server: Installation, user: Reseller) -> None:
        made = user.get("statement").json()

        assert made["amount"] == "14.1666650000"
        assert made["total"] == "14.17"
        assert (made["calls"], made["running"], made["final"]) == (6, 1, False)
        ledger = server.query(
            "select sum(amount) as amount from pipeline_usage_log where distributor_id = %s",
            user.distributor["id"],
        )[0]["amount"]
        assert sum(Decimal(item["amount"]) for item in made["lines"]) == ledger

    def test_statement_as_csv(self, user: Reseller) -> None:
        answer = user.get("statement", format="csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))

        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "statement-metered-user-" in answer.headers["Content-Disposition"]
        assert [row["quantity"] for row in rows] == ["12.500000", "3.000000", "2.000000", ""]
        assert (rows[-1]["pipeline"], rows[-1]["amount"]) == ("total", "14.17")

    def test_statement_as_an_excel_file(self, user: Reseller) -> None:
        answer = user.get("statement", format="xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        rows = list(sheet.iter_rows(values_only=True))

        assert rows[0][:2] == ("Statement", user.get("statement").json()["month"])
        assert rows[-1][0] == "Total"
        assert rows[-1][12] == 14.17

    def test_no_cell_is_a_formula(self, server: Installation) -> None:
        line = make_line(server.admin, prices=[{"unit": "=1+1", "unit_price": "1"}])
        evil = "=cmd|'/c calc'!A0"
        server.query("update pipelines set name = %s where id = %s", evil, line["id"])
        user = make_reseller(server, line)
        used = [{"unit": "=1+1", "quantity": 1, "model": "@SUM(A1)"}]
        assert user.begin(line, status="succeeded", lines=used).status_code == 201

        row = next(csv.DictReader(io.StringIO(user.get("statement", format="csv").text)))
        assert row["pipeline_name"] == "'" + evil
        assert row["unit"] == "'=1+1"
        assert row["model"] == "'@SUM(A1)"
        content = user.get("statement", format="xlsx").content
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        assert not [cell for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]

    def test_months_are_checked(self, user: Reseller) -> None:
        assert user.get("statement", month="2026-01").json()["total"] == "0.00"
        assert user.get("statement", month="2026-01").json()["final"] is True
        assert "/month" in pointers(user.get("statement", month="2026-13"))
        assert "/format" in pointers(user.get("statement", format="pdf"))


class TestDocument:
    def test_is_served_without_a_key_in_both_languages(self, server: Installation) -> None:
        client = server.anonymous()
        english = client.get("/pipeline_dist/v1/openapi.json").json()
        chinese = client.get(
            "/pipeline_dist/v1/openapi.json", headers={"Accept-Language": "zh-CN"}
        ).json()

        assert english["openapi"] == "3.1.0"
        assert english["paths"].keys() == chinese["paths"].keys()
        assert english["info"]["title"] != chinese["info"]["title"]

    def test_page_has_every_call_and_nothing_from_elsewhere(self, server: Installation) -> None:
        client = server.anonymous()
        page = client.get("/pipeline_dist/v1/docs", headers={"Accept": "text/html"})
        document = client.get("/pipeline_dist/v1/openapi.json").json()

        assert page.headers["Content-Type"].startswith("text/html")
        assert "<script" not in page.text
        assert "//" not in page.text.replace(document["servers"][0]["url"], "")
        for path in document["paths"]:
            assert path in page.text
        assert client.get("/pipeline_dist/v1/docs/docs.css").status_code == 200
