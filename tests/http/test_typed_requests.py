"""Requests are told apart by what they mean, and what has no clear meaning is refused by name."""

import hashlib
from typing import Any

import pytest

from app.base.json_codec import canonical_json
from tests.support.installation import Installation
from tests.support.refusals import pointers, refusal_of
from tests.support.replays import first_answer
from tests.support.selling import USED, Reseller, make_pipeline, make_reseller, post

ONE = {"unit": "input_token", "quantity": 1}
BOOKED = {"status": "succeeded", "lines": [ONE]}


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, "typed", daily_quota=10_000, max_concurrency=500)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline)


class TestTheSameRequest:
    @pytest.mark.parametrize(
        ("first", "again"),
        [
            ({}, {"client_ref": None, "lease_seconds": 300, "lines": None, "error": None}),
            ({}, {"client_ref": "", "lease_seconds": "300", "status": None, "error": ""}),
            ({"lease_seconds": 60}, {"lease_seconds": 60.0}),
            ({"lease_seconds": 60, "client_ref": "a"}, {"client_ref": "a", "lease_seconds": "60"}),
            (BOOKED, {"lines": [{"quantity": "1", "unit": "input_token"}], "status": "succeeded"}),
            (BOOKED, BOOKED | {"lines": [ONE | {"quantity": 1.0}], "error": ""}),
            (BOOKED, BOOKED | {"lines": [ONE | {"quantity": "1.000000"}]}),
            (BOOKED, BOOKED | {"lines": [ONE | {"step_key": "", "model": None}]}),
        ],
    )
    def test_may_be_spelled_otherwise(
        self, reseller: Reseller, pipeline: dict[str, Any], first: Any, again: Any, request: Any
    ) -> None:
        key = request.node.name
        original = reseller.begin(pipeline, key=key, **first)
        repeated = reseller.post("calls", {**again, "pipeline": pipeline["code"]}, key=key)

        assert (original.status_code, repeated.status_code) == (201, 201), repeated.text
        assert repeated.headers["Idempotent-Replayed"] == "true"
        assert first_answer(repeated.json()) == original.json()

    @pytest.mark.parametrize(
        ("first", "other"),
        [
            ({}, {"lease_seconds": 301}),
            ({}, {"client_ref": "null"}),
            ({"client_ref": "a"}, {"client_ref": "A"}),
            ({}, {"status": "succeeded", "lines": []}),
            ({"status": "failed", "lines": []}, {"status": "succeeded", "lines": []}),
            ({"status": "failed", "lines": []}, {"status": "failed", "lines": [], "error": "x"}),
            (BOOKED, BOOKED | {"lines": [ONE | {"quantity": "1.000001"}]}),
            (BOOKED, BOOKED | {"lines": [ONE | {"model": "m"}]}),
            (BOOKED, BOOKED | {"lines": [ONE, ONE]}),
        ],
    )
    def test_is_no_other_one(
        self, reseller: Reseller, pipeline: dict[str, Any], first: Any, other: Any, request: Any
    ) -> None:
        key = request.node.name
        assert reseller.begin(pipeline, key=key, **first).status_code == 201

        refusal_of(reseller.begin(pipeline, key=key, **other), 422, "idempotency_key_reused")

    def test_of_a_batch_and_alone(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        item = {
            "idempotency_key": "both",
            "pipeline": pipeline["code"],
            "client_ref": None,
            **BOOKED,
        }
        alone = reseller.begin(pipeline, key="both", **BOOKED)
        batch = {"calls": [item, item | {"error": ""}, item | {"error": "other"}]}
        results = reseller.post("calls/batch", batch).json()["results"]

        assert [result["status"] for result in results] == [201, 201, 422]
        assert first_answer(results[1]["call"]) == alone.json()

    def test_ends_a_call_once(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        call = reseller.begin(pipeline).json()
        first = reseller.finish(call, lines=[ONE])
        for spelled in (
            {"lines": [{"quantity": "1.0", "model": "", "unit": "input_token"}], "error": None},
            {"error": "", "lines": [ONE | {"step_key": None}]},
        ):
            again = reseller.finish(call, **spelled)
            assert (again.status_code, first_answer(again.json())) == (200, first.json())
        refusal_of(reseller.finish(call, lines=[ONE], error="x"), 409, "already_finished")

        empty = reseller.begin(pipeline).json()
        end = reseller.finish(empty, "cancelled")
        nothing: tuple[Any, ...] = ([], None)
        for lines in nothing:
            assert first_answer(reseller.finish(empty, "cancelled", lines=lines).json()) == (
                end.json()
            )

    def test_is_still_known_after_an_upgrade(
        self, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        """Rows of earlier releases hold the hash of the body as it was sent."""

        def raw(body: dict[str, Any]) -> str:
            return hashlib.sha256(canonical_json(body).encode()).hexdigest()

        body = {"lease_seconds": 70, "pipeline": pipeline["code"], "client_ref": None}
        call = reseller.post("calls", body, key="old").json()
        ending = {"call_no": call["call_no"], "status": "succeeded", "lines": [ONE]}
        end = reseller.post("calls/finish", ending).json()
        server.query(
            "update pipeline_usage_log set request_hash = %s, end_hash = %s"
            " where call_no = %s and line_no = 0",
            raw(body), raw(ending), call["call_no"],
        )  # fmt: skip

        assert first_answer(reseller.post("calls", body, key="old").json()) == call
        assert first_answer(reseller.post("calls/finish", ending).json()) == end
        other = reseller.post("calls", body | {"lease_seconds": 71}, key="old")
        refusal_of(other, 422, "idempotency_key_reused")
        refusal_of(reseller.post("calls/finish", ending | {"error": "x"}), 409, "already_finished")


class TestWhatACallIsNow:
    def test_is_told_beside_what_was_answered_first(
        self, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        first = reseller.begin(pipeline, key="now").json()

        def now() -> dict[str, Any]:
            answer = reseller.begin(pipeline, key="now").json()
            assert first_answer(answer) == first
            assert set(answer["current"]) == {
                "status", "lease_expires_at", "finished_at", "amount",
            }  # fmt: skip
            return {**answer["current"]}

        assert "current" not in first
        assert (now()["status"], now()["amount"]) == ("reserved", "0.0000000000")
        end = reseller.finish(first, lines=USED).json()
        assert "current" not in end
        assert now() == {name: end[name] for name in now()}
        [row] = server.query(
            "select id from pipeline_usage_log where call_no = %s and line_no = 0",
            first["call_no"],
        )
        path = "/pipeline_ops/api/pipeline_usage_log_delete.dspy"
        post(server.admin, path, id=row["id"], reason="booked twice")

        assert now()["status"] == "voided"
        again = reseller.finish(first, lines=USED).json()
        assert (again["status"], again["current"]["status"]) == ("succeeded", "voided")

    def test_is_told_of_expired_and_cancelled_calls(
        self, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        cancelled = reseller.begin(pipeline, key="cancelled").json()
        reseller.finish(cancelled, "cancelled")
        reseller.begin(pipeline, key="expired")
        server.query(
            "update pipeline_usage_log set status = 'expired' where idempotency_key = 'expired'"
        )

        for status in ("cancelled", "expired"):
            answer = reseller.begin(pipeline, key=status).json()
            assert (answer["status"], answer["current"]["status"]) == ("reserved", status)

    def test_is_told_of_each_item_of_a_batch(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        item = {"idempotency_key": "batched", "pipeline": pipeline["code"], **BOOKED}
        first, again = reseller.post("calls/batch", {"calls": [item, item]}).json()["results"]

        assert "current" not in first["call"]
        assert again["call"]["current"]["status"] == "succeeded"
        assert again["call"]["current"]["amount"] == first["call"]["amount"]


class TestBlanks:
    """A text with blanks at its ends is nobody's name: the database would not see those at the
    end, and the programs around it would."""

    @pytest.mark.parametrize("blank", ["{} ", " {}", "{}\u3000"])
    def test_are_refused_alike_everywhere(
        self, reseller: Reseller, pipeline: dict[str, Any], blank: str
    ) -> None:
        code = blank.format(pipeline["code"])
        call = reseller.begin(pipeline).json()
        word = blank.format("x")
        usage = {"unit": word, "model": word, "step_key": word, "quantity": blank.format("1")}
        item = {"idempotency_key": "blank", "pipeline": code, "client_ref": word, **BOOKED}
        batch = reseller.post("calls/batch", {"calls": [item]}).json()["results"][0]
        answers = {
            "begin": reseller.post("calls", {"pipeline": code, "client_ref": word}, key="b"),
            "one-go": reseller.post("calls", {"pipeline": code, **BOOKED}, key="b"),
            "quote": reseller.post("quote", {"pipeline": code, "lines": [usage]}),
            "finish": reseller.post(
                "calls/finish",
                {"call_no": blank.format(call["call_no"]), "status": blank.format("failed")},
            ),
            "pipelines": reseller.get("pipelines", code=code),
            "search": reseller.get("pipelines", q=word, rows=blank.format("1")),
            "read": reseller.get("calls", call_no=blank.format(call["call_no"])),
            "usage": reseller.get("usage", **{"from": blank.format("2026-11-29")}),
            "sums": reseller.get("usage", group_by=blank.format("day")),
            "statement": reseller.get("statement", month=blank.format("2026-11")),
            "format": reseller.get("statement", format=blank.format("csv")),
        }
        lease = reseller.begin(pipeline, lease_seconds=blank.format("60"))

        assert {name: pointers(answer) for name, answer in answers.items()} == {
            "begin": dict.fromkeys(("/pipeline", "/client_ref"), "blank_ends"),
            "one-go": {"/pipeline": "blank_ends"},
            "quote": {"/pipeline": "blank_ends"}
            | {f"/lines/0/{name}": "blank_ends" for name in usage},
            "finish": dict.fromkeys(("/call_no", "/status"), "blank_ends"),
            "pipelines": {"/code": "blank_ends"},
            "search": dict.fromkeys(("/q", "/rows"), "blank_ends"),
            "read": {"/call_no": "blank_ends"},
            "usage": {"/from": "blank_ends"},
            "sums": {"/group_by": "blank_ends"},
            "statement": {"/month": "blank_ends"},
            "format": {"/format": "blank_ends"},
        }
        assert pointers(lease) == {"/lease_seconds": "blank_ends"}
        result = {problem["pointer"]: problem["code"] for problem in batch["error"]["errors"]}
        assert result == dict.fromkeys(("/pipeline", "/client_ref"), "blank_ends")

    def test_and_capitals_make_another_code(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        code = pipeline["code"].upper()

        refusal_of(reseller.post("calls", {"pipeline": code}, key="C"), 404, "pipeline_not_found")
        refusal_of(reseller.get("pipelines", code=code), 404, "pipeline_not_found")
        quote = reseller.post("quote", {"pipeline": code, "lines": [ONE]})
        refusal_of(quote, 404, "pipeline_not_found")
        # A search is no name.
        assert reseller.get("pipelines", q=code).json()["total"] == 1


class TestNothing:
    def test_as_a_parameter_is_refused_by_name_whatever_the_parameter(
        self, reseller: Reseller
    ) -> None:
        document = reseller.client.get("/pipeline_dist/v1/openapi.json").json()
        count = 0
        for path, methods in document["paths"].items():
            operation = methods.get("get", {})
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            for value, code in (("", "empty"), ("x ", "blank_ends"), (" 1", "blank_ends")):
                answer = reseller.client.get(path, params=dict.fromkeys(names, value))
                count += len(names)
                assert not names or pointers(answer) == {f"/{n}": code for n in names}, path
        assert count >= 3 * 13

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"status": "", "lines": [ONE]}, "/status"),
            ({"status": "null", "lines": [ONE]}, "/status"),
            ({"lease_seconds": ""}, "/lease_seconds"),
            ({"lease_seconds": "null"}, "/lease_seconds"),
            ({"pipeline": ""}, "/pipeline"),
        ],
    )
    def test_is_said_with_null_or_by_leaving_out(
        self, reseller: Reseller, pipeline: dict[str, Any], body: Any, pointer: str
    ) -> None:
        assert pointer in pointers(
            reseller.post("calls", {"pipeline": pipeline["code"]} | body, key="n")
        )

    def test_comes_of_a_parameter_beside_another(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        assert pointers(reseller.get("usage", group_by="day", rows=1, next="x")) == dict.fromkeys(
            ("/rows", "/next"), "not_together"
        )
        assert pointers(reseller.get("pipelines", code=pipeline["code"], page=1, q="x")) == (
            dict.fromkeys(("/page", "/q"), "not_together")
        )

    @pytest.mark.parametrize("name", ["x", "_x", "referer_widget", "pipeline"])
    def test_comes_of_a_parameter_that_nobody_reads(
        self, reseller: Reseller, pipeline: dict[str, Any], name: str
    ) -> None:
        body = {"pipeline": pipeline["code"], "lines": []}
        for path in ("me", "pipelines", "usage", "statement"):
            problems = pointers(reseller.get(path, **{name: "1"}))
            assert problems == {f"/{name}": "unknown_field"}, path
        for path in ("quote", "calls", "calls/finish", "calls/batch"):
            problems = pointers(reseller.post(f"{path}?{name}=1", body, key="unread"))
            assert problems == {f"/{name}": "unknown_field"}, path


class TestTimes:
    @pytest.mark.parametrize(
        "time",
        ["2026-11-01T00:00:00", "2026-11-01 00:00", "2026-11-01T00:00:00.5", "2026-11-01t00:00"],
    )
    def test_without_a_zone_are_refused_with_the_way_to_write_them(
        self, reseller: Reseller, time: str
    ) -> None:
        answer = reseller.get("usage", **{"from": time, "to": time})

        assert pointers(answer) == {"/from": "no_zone", "/to": "no_zone"}
        for way in ("2026-11-24T06:00:00Z", "+08:00", "%2B"):
            assert way in answer.json()["errors"][0]["detail"]

    def test_with_a_plus_that_became_a_blank_are_refused(self, reseller: Reseller) -> None:
        answer = reseller.client.get("/pipeline_dist/v1/usage?from=2026-11-01T00:00:00+08:00")

        assert pointers(answer) == {"/from": "bad_datetime"}
        assert "%2B" in answer.json()["errors"][0]["detail"]

    def test_and_dates_of_the_quota_zone_mean_the_same(self, reseller: Reseller) -> None:
        spans = [
            reseller.client.get(f"/pipeline_dist/v1/usage?from={start}&to={end}").json()
            for start, end in (
                ("2026-11-01", "2026-11-02"),
                ("2026-10-31T16:00:00Z", "2026-11-02T16:00:00Z"),
                ("2026-11-01T00:00:00%2B08:00", "2026-11-03T00:00%2B08:00"),
            )
        ]

        assert {(span["from"], span["to"]) for span in spans} == {
            ("2026-10-31T16:00:00.000Z", "2026-11-02T16:00:00.000Z")
        }

    def test_are_counted_in_a_zone_that_is_named(self, reseller: Reseller) -> None:
        for path in ("me", "usage", "usage?group_by=day", "statement"):
            body = reseller.client.get(f"/pipeline_dist/v1/{path}").json()
            assert body["time_zone"] == "Asia/Shanghai", path
