"""What the distributor API takes, and how it refuses the rest; batches."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.support.installation import DIRECT, Installation
from tests.support.refusals import pointers, refusal_of
from tests.support.replays import first_answer
from tests.support.selling import (
    COST,
    USED,
    Reseller,
    make_pipeline,
    make_reseller,
)

BOTH_WAYS = True  # tests/conftest.py


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=10_000, max_concurrency=50)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline, quota_period="month", quota_calls=1000)


class TestBodies:
    def test_all_problems_are_told_at_once_with_their_places(
        self, reseller: Reseller, pipeline: dict[str, Any]
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

        problems = pointers(answer)
        assert problems == {
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
                {"pipeline": "x", "status": "failed", "lines": [], "lease_seconds": 0},
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
            ({"call_no": "c", "status": "failed", "lines": 0}, "/lines"),
            ({"call_no": "c", "status": "failed", "extra/~": 1}, "/extra~1~0"),
        ],
    )
    def test_finish_is_checked(
        self, reseller: Reseller, body: dict[str, Any], pointer: str
    ) -> None:
        assert pointer in pointers(reseller.post("calls/finish", body))

    def test_null_is_as_good_as_left_out(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        nothing = {"client_ref": None, "lease_seconds": None, "status": None, "error": None}
        beginning = reseller.begin(pipeline, **nothing, lines=None)
        assert beginning.status_code == 201, beginning.text
        ending = reseller.finish(beginning.json(), lines=None, error=None)

        assert (ending.status_code, ending.json()["lines"]) == (200, [])
        booking = {"pipeline": pipeline["code"], "status": "succeeded", "lines": None}
        assert pointers(reseller.post("calls", booking, key="null")) == {"/lines": "required"}

    @pytest.mark.parametrize("lease", [1, 300, 86_400, None])
    def test_a_lease_means_nothing_to_a_call_that_is_over(
        self, reseller: Reseller, pipeline: dict[str, Any], lease: int | None
    ) -> None:
        """Generated programs send every member they know."""
        over: dict[str, Any] = {"status": "succeeded", "lines": USED, "lease_seconds": lease}
        alone = reseller.begin(pipeline, **over)
        item = {"idempotency_key": f"lease {lease}", "pipeline": pipeline["code"], **over}
        batch = reseller.post("calls/batch", {"calls": [item]})

        assert (alone.status_code, alone.json()["lease_expires_at"]) == (201, None)
        (result,) = batch.json()["results"]
        assert (result["status"], result["call"]["lease_expires_at"]) == (201, None)

    def test_the_idempotency_key_is_required_and_readable(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        body = {"pipeline": pipeline["code"]}

        refusal_of(reseller.post("calls", body), 400, "idempotency_key_required")
        refusal_of(reseller.post("calls", body, key=""), 400, "idempotency_key_required")
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
            (b"x" * (8 * 1_048_576 + 1), "application/json", 413, "body_too_large"),
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

        refusal_of(answer, status, code)
        assert answer.headers["RateLimit-Limit"] == "1000"
        stranger = httpx.post(
            answer.url, content=content, **DIRECT,
            headers={"Content-Type": content_type, "X-API-Key": "ppk_none"},
        )  # fmt: skip
        refusal_of(stranger, 401, "invalid_key")

    @pytest.mark.parametrize(
        ("path", "allow"),
        [
            ("me", "GET"),
            ("pipelines", "GET"),
            ("usage", "GET"),
            ("statement", "GET"),
            ("statement.csv", "GET"),
            ("statement.xlsx", "GET"),
            ("openapi.json", "GET"),
            ("docs", "GET"),
            ("calls", "GET, POST"),
            ("quote", "POST"),
            ("calls/finish", "POST"),
            ("calls/batch", "POST"),
        ],
    )
    def test_other_methods_are_told_which_are_allowed(
        self, reseller: Reseller, path: str, allow: str
    ) -> None:
        methods = {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(allow.split(", "))
        for method in methods:
            answer = reseller.client.request(method, f"/pipeline_dist/v1/{path}")

            refusal_of(answer, 405, "method_not_allowed")
            assert answer.headers["Allow"] == allow
            is_open = path in ("openapi.json", "docs")
            assert is_open or answer.headers["RateLimit-Limit"] == "1000"
            assert httpx.request(method, answer.url, **DIRECT).status_code == 405

    def test_unknown_paths_are_problems_too(self, reseller: Reseller) -> None:
        refusal_of(reseller.get("nothing"), 404, "not_found")


class TestBatch:
    def test_each_item_has_its_own_result(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=2)
        good = {"pipeline": pipeline["code"], "status": "succeeded", "lines": USED}
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
        assert first_answer(results[5]["call"]) == results[0]["call"]
        assert results[1]["error"]["code"] == "pipeline_not_found"
        assert results[3]["error"]["errors"][0]["pointer"] == "/idempotency_key"
        assert results[8]["error"]["scope"] == "distributor_day"
        assert (answer.json()["accepted"], answer.json()["refused"]) == (3, 6)
        assert answer.headers["RateLimit-Remaining"] == "0"
        call = server.query(
            "select count(*) as calls, sum(amount) as amount from pipeline_usage_log"
            " where distributor_id = %s and line_no >= 0",
            reseller.distributor["id"],
        )[0]
        assert call["amount"] == 2 * Decimal(COST)

    def test_the_whole_batch_may_be_sent_again(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, pipeline)
        good = {"pipeline": pipeline["code"], "status": "succeeded", "lines": USED}
        batch = {"calls": [{"idempotency_key": f"n{n}", **good} for n in range(20)]}
        first = reseller.post("calls/batch", batch).json()["results"]
        again = reseller.post("calls/batch", batch).json()["results"]

        assert [first_answer(r["call"]) for r in again] == [r["call"] for r in first]
        assert all(r["replayed"] for r in again)

    def test_size_is_limited(self, reseller: Reseller) -> None:
        assert "/calls" in pointers(reseller.post("calls/batch", {"calls": []}))
        assert "/calls" in pointers(reseller.post("calls/batch", {"calls": [1] * 1001}))
        assert "/calls" in pointers(reseller.post("calls/batch", {}))
        assert "/x" in pointers(reseller.post("calls/batch", {"calls": [1], "x": 1}))

    def test_an_item_that_is_no_object_is_wrong_as_a_whole(self, reseller: Reseller) -> None:
        (result,) = reseller.post("calls/batch", {"calls": [7]}).json()["results"]

        sentence = "Give an object for each call."
        whole = {"pointer": "", "code": "not_an_object", "detail": sentence}
        problem = {"code": "invalid_fields", "detail": sentence, "errors": [whole]}
        assert result == {"status": 400, "error": problem}
