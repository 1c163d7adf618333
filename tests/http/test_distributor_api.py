"""The distributor API: keys, refusals in their order, calls, headers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.raw_keys import EXPIRED, GRACE_OVER, change_keys
from tests.support.refusals import refusal_of
from tests.support.replays import first_answer
from tests.support.selling import (
    COST,
    USED,
    Reseller,
    link,
    make_distributor,
    make_pipeline,
    make_reseller,
    new_key,
    post,
)

BOTH_WAYS = True  # tests/conftest.py

LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=10_000, max_concurrency=50)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline, quota_period="month", quota_calls=1000)


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

        refusal_of(answer, 401, "invalid_key")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_two_different_keys_are_no_key(self, server: Installation, reseller: Reseller) -> None:
        other = new_key(server.admin, make_distributor(server.admin))
        answer = reseller.client.get("/pipeline_dist/v1/me", headers={"X-API-Key": other})

        refusal_of(answer, 401, "invalid_key")

    def test_unknown_expired_and_revoked_get_one_answer(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        revoked = make_reseller(server, pipeline)
        other = make_reseller(server, pipeline)
        expired = make_reseller(server, pipeline)
        for each in (revoked, other, expired):
            assert each.get("me").status_code == 200

        post(
            server.admin,
            "/pipeline_dist/api/distributor_revoke_key.dspy",
            id=revoked.distributor["id"],
        )
        new_key(server.admin, other.distributor)
        change_keys(server, expired.distributor, EXPIRED)
        problems = [
            refusal_of(each.get("me"), 401, "invalid_key") for each in (revoked, other, expired)
        ]
        for problem in problems:
            del problem["request_id"]

        assert problems[0] == problems[1] == problems[2]

    def test_replaced_one_is_valid_for_its_grace(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        old = make_reseller(server, pipeline)
        key = new_key(server.admin, old.distributor, grace_hours=1)
        new = Reseller(server, old.distributor, key)

        assert old.get("me").json()["api_key_prefix"] == old.key[:12]
        assert old.get("me").json()["api_key_expires_at"] is not None
        assert new.get("me").json()["api_key_expires_at"] is None

        change_keys(server, old.distributor, GRACE_OVER)

        refusal_of(old.get("me"), 401, "invalid_key")
        assert new.get("me").status_code == 200

    def test_grace_does_not_outlive_the_keys_own_expiry(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        distributor = make_distributor(server.admin)
        soon = datetime.now(UTC) + timedelta(minutes=5)
        old = new_key(server.admin, distributor, expires_at=soon.isoformat())
        new_key(server.admin, distributor, grace_hours=24)

        expiry = Reseller(server, distributor, old).get("me").json()["api_key_expires_at"]

        assert abs(datetime.fromisoformat(expiry) - soon) < timedelta(seconds=1)


class EverythingWrong:
    """A distributor and a pipeline with everything against a call, to be repaired one by one."""

    def __init__(self, server: Installation) -> None:
        self.server, self.admin = server, server.admin
        self.pipeline = make_pipeline(self.admin, publish=False, daily_quota=0, max_concurrency=0)
        self.distributor = make_distributor(
            self.admin,
            status="suspended",
            allowed_ips="203.0.113.0/24",
            rate_limit_per_minute=1,
            quota_period="day",
            quota_calls=0,
            spend_limit="0",
        )
        key = new_key(self.admin, self.distributor)
        self.reseller = Reseller(server, self.distributor, key)

    def begin(self) -> httpx.Response:
        return self.reseller.post("calls", {"pipeline": self.pipeline["code"]}, key="the one")

    def change(self, table: str, **fields: Any) -> None:
        """Change the one row of *table* that is about this distributor or pipeline."""
        mine = "id" if table == "distributors" else "distributor_id"
        where = (mine, self.distributor["id"])
        if table == "pipeline_capacity":
            where = ("pipeline_id", self.pipeline["id"])
        row = self.server.query(
            f"select id, lock_version from {table} where {where[0]} = %s", where[1]
        )[0]
        module = "pipeline_ops" if table == "pipeline_capacity" else "pipeline_dist"
        post(self.admin, f"/{module}/api/{table}_update.dspy", **row, **fields)

    def publish(self) -> None:
        post(
            self.admin,
            "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=self.pipeline["id"],
            notes="1",
        )


# What is repaired, and what refuses the call after it.
REPAIRS: tuple[tuple[Callable[[EverythingWrong], Any], int, str], ...] = (
    (lambda wrong: None, 403, "distributor_suspended"),
    (lambda wrong: wrong.change("distributors", status="closed"), 403, "distributor_suspended"),
    (lambda wrong: wrong.change("distributors", status="active"), 403, "ip_not_allowed"),
    (
        lambda wrong: wrong.change("distributors", allowed_ips="127.0.0.0/8, ::1"),
        404,
        "pipeline_not_found",
    ),
    (
        lambda wrong: link(wrong.admin, wrong.distributor, wrong.pipeline, enabled=0),
        409,
        "pipeline_offline",
    ),
    (lambda wrong: wrong.publish(), 403, "not_enabled"),
    (
        lambda wrong: wrong.change("distributor_pipeline", enabled=1, valid_to="2026-01-01"),
        403,
        "not_enabled",
    ),
    (
        lambda wrong: wrong.change("distributor_pipeline", valid_to=""),
        402,
        "spend_limit_reached",
    ),
    (lambda wrong: wrong.change("distributors", spend_limit=""), 429, "quota_exceeded"),
    (
        lambda wrong: wrong.change("distributors", quota_period="none", quota_calls=""),
        429,
        "capacity_exceeded",
    ),
    (lambda wrong: wrong.change("pipeline_capacity", daily_quota=9), 429, "concurrency_exceeded"),
)


class TestRefusalsInTheirOrder:
    def test_each_repair_brings_the_next_forward(self, server: Installation) -> None:
        wrong = EverythingWrong(server)
        for repair, status, code in REPAIRS:
            repair(wrong)
            refusal_of(wrong.begin(), status, code)
        wrong.change("pipeline_capacity", max_concurrency="")

        # None of the refused tries took anything, nor used up the idempotency key or the rate.
        assert wrong.begin().status_code == 201
        refusal = wrong.reseller.begin(wrong.pipeline)
        refusal_of(refusal, 429, "rate_limited")
        assert 1 <= int(refusal.headers["Retry-After"]) <= 61

    def test_a_reached_limit_is_named(self, server: Installation, pipeline: dict[str, Any]) -> None:
        reseller = make_reseller(
            server, pipeline, quota_period="day", quota_calls=1, spend_limit="0"
        )
        refusal = refusal_of(reseller.begin(pipeline), 402, "spend_limit_reached")
        assert (refusal["scope"], refusal["resets_at"]) == ("spend", None)

        server.query(
            "update distributors set spend_limit = null where id = %s", reseller.distributor["id"]
        )
        assert reseller.begin(pipeline).status_code == 201
        answer = reseller.begin(pipeline)
        problem = refusal_of(answer, 429, "quota_exceeded")
        assert (problem["scope"], problem["limit"], problem["used"]) == ("distributor_day", 1, 1)
        assert problem["resets_at"].endswith("Z")
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["RateLimit-Remaining"] == "0"

    def test_a_pipeline_of_others_is_as_unknown_as_none(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        stranger = make_reseller(server)
        problems = []
        for code in (pipeline["code"], "no-such-line"):
            problem = refusal_of(
                stranger.post("calls", {"pipeline": code}, key="k"), 404, "pipeline_not_found"
            )
            problems.append({k: v for k, v in problem.items() if k != "request_id"})
            refusal_of(stranger.get("pipelines", code=code), 404, "pipeline_not_found")

        assert problems[0] == problems[1]


class TestCalls:
    def test_begin_finish_and_read(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        beginning = reseller.begin(pipeline, client_ref="order 88", lease_seconds=60)
        call = beginning.json()

        assert beginning.status_code == 201
        assert call["status"] == "reserved"
        assert call["version_no"] == 1
        assert call["client_ref"] == "order 88"
        lease = datetime.fromisoformat(call["lease_expires_at"])
        assert lease - datetime.fromisoformat(call["started_at"]) == timedelta(seconds=60)

        ending = reseller.finish(call, lines=USED)

        assert ending.status_code == 200
        assert ending.json()["amount"] == COST
        assert [item["amount"] for item in ending.json()["lines"]] == [
            "0.0048080000",
            "0.0000500000",
        ]
        assert reseller.get("calls", call_no=call["call_no"]).json() == ending.json()

    def test_the_same_begin_is_one_call(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        body = {"pipeline": pipeline["code"], "client_ref": "once"}
        first = reseller.post("calls", body, key="once")
        again = reseller.post("calls", body, key="once")
        other = reseller.post("calls", {**body, "client_ref": "twice"}, key="once")

        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.status_code, first_answer(again.json())) == (201, first.json())
        refusal_of(other, 422, "idempotency_key_reused")

    def test_the_same_finish_answers_the_same(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        call = reseller.begin(pipeline).json()
        first = reseller.finish(call, lines=USED)
        again = reseller.finish(call, lines=USED)

        assert again.headers["Idempotent-Replayed"] == "true"
        assert first_answer(again.json()) == first.json()
        refusal_of(reseller.finish(call, lines=[]), 409, "already_finished")
        refusal_of(reseller.finish(call, status="failed"), 409, "already_finished")

    def test_a_finished_call_is_booked_in_one_go(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        booking = reseller.begin(pipeline, key="one go", status="succeeded", lines=USED)
        again = reseller.begin(pipeline, key="one go", status="succeeded", lines=USED)

        assert booking.status_code == 201
        assert booking.json()["status"] == "succeeded"
        assert booking.json()["amount"] == COST
        assert first_answer(again.json()) == booking.json()
        # It takes no slot, so that the limit on slots is none of its own.
        assert {answer.headers["RateLimit-Limit"] for answer in (booking, again)} == {"1000"}

    def test_cancelling_gives_the_quota_back_and_failing_does_not(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=2)
        other_call = reseller.begin(pipeline).json()
        given_back = reseller.begin(pipeline).json()
        refusal_of(reseller.begin(pipeline), 429, "quota_exceeded")

        assert (
            reseller.finish(other_call, status="failed", error="no answer").json()["status"]
            == "failed"
        )
        refusal_of(reseller.begin(pipeline), 429, "quota_exceeded")
        assert reseller.finish(given_back, status="cancelled").status_code == 200
        assert reseller.begin(pipeline).status_code == 201

    def test_exactly_the_quota_is_let_in(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, pipeline, terms={"daily_quota": 3})
        statuses = [reseller.begin(pipeline).status_code for _ in range(5)]

        assert statuses == [201, 201, 201, 429, 429]

    def test_of_others_are_not_found(
        self, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        call = reseller.begin(pipeline).json()
        stranger = make_reseller(server, pipeline)

        refusal_of(stranger.get("calls", call_no=call["call_no"]), 404, "call_not_found")
        refusal_of(stranger.finish(call), 404, "call_not_found")

    def test_a_missing_price_leaves_the_call_as_it_is(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        call = reseller.begin(pipeline).json()
        answer = reseller.finish(call, lines=[*USED, {"unit": "image", "quantity": 1}])

        problem = refusal_of(answer, 409, "price_missing")
        assert problem["errors"][0]["pointer"] == "/lines/2"
        assert reseller.get("calls", call_no=call["call_no"]).json()["status"] == "reserved"


class TestHeaders:
    def test_the_tightest_limit_is_told(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(
            server, pipeline, terms={"daily_quota": 5}, quota_period="month", quota_calls=100
        )
        first = reseller.begin(pipeline)

        assert first.headers["RateLimit-Limit"] == "5"
        assert first.headers["RateLimit-Remaining"] == "4"
        assert 0 < int(first.headers["RateLimit-Reset"]) <= 86_400
        assert reseller.get("me").headers["RateLimit-Limit"] == "100"
        assert reseller.get("me").headers["RateLimit-Remaining"] == "99"

    def test_are_on_every_answer(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        call = reseller.begin(pipeline)
        answers = [
            call,
            reseller.finish(call.json()),
            reseller.get("me"),
            reseller.get("pipelines"),
            reseller.get("pipelines", code=pipeline["code"]),
            reseller.get("usage"),
            reseller.get("statement", format="csv"),
            reseller.post("quote", {"pipeline": pipeline["code"], "lines": USED}),
            reseller.post("quote", {}),
            reseller.get("calls", call_no="none"),
        ]

        for answer in answers:
            assert all(name in answer.headers for name in LIMIT_HEADERS), answer.request.url
            assert answer.headers["X-Request-Id"]
            # What is told with its mark may be kept by the client, who asks whether it still holds.
            caching = "private, no-cache" if "ETag" in answer.headers else "no-store"
            assert answer.headers["Cache-Control"] == caching

    def test_are_left_out_where_nothing_limits(self, server: Installation) -> None:
        answer = make_reseller(server).get("me")

        assert not any(name in answer.headers for name in LIMIT_HEADERS)

    def test_the_callers_request_id_is_kept_when_well_formed(self, reseller: Reseller) -> None:
        def answer_to(request_id: str) -> str:
            answer = reseller.client.get(
                "/pipeline_dist/v1/me", headers={"X-Request-Id": request_id}
            )
            return answer.headers["X-Request-Id"]

        assert answer_to("order-88.1") == "order-88.1"
        assert answer_to("a b<c>") != "a b<c>"
