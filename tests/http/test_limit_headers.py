"""After every answer its headers say what is true then: what the next look at the limits says."""

from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.selling import USED, Reseller, make_pipeline, make_reseller

BOTH_WAYS = True  # tests/conftest.py

NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Policy")
NO_PRICE = [{"unit": "image", "quantity": 1}]
FEW = 6


def limit_headers(answer: httpx.Response) -> dict[str, str]:
    """The headers about limits, without the clock."""
    return {name: answer.headers[name] for name in NAMES if name in answer.headers}


class Watch:
    """Holds each answer against what the API says right after it."""

    def __init__(self, reseller: Reseller, pipeline: dict[str, Any]) -> None:
        self.reseller, self.pipeline = reseller, pipeline

    def of_pipeline(self, answer: httpx.Response, status: int) -> httpx.Response:
        """An answer about a call of the pipeline, which takes a slot."""
        return self._hold(
            answer, status, self.reseller.get("pipelines", code=self.pipeline["code"])
        )

    def of_account(self, answer: httpx.Response, status: int) -> httpx.Response:
        return self._hold(answer, status, self.reseller.get("me"))

    def _hold(self, answer: httpx.Response, status: int, look: httpx.Response) -> httpx.Response:
        assert (answer.status_code, look.status_code) == (status, 200), answer.text
        assert limit_headers(answer) == limit_headers(look), answer.text
        assert ("RateLimit-Reset" in answer.headers) == ("RateLimit-Reset" in look.headers)
        if "RateLimit-Reset" in look.headers:
            later = int(look.headers["RateLimit-Reset"])
            assert 0 <= int(answer.headers["RateLimit-Reset"]) - later <= 2
        if answer.headers.get("RateLimit-Remaining") != "0":
            assert status < 400 or "Retry-After" not in answer.headers
        elif answer.status_code == 429:
            assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
        return answer


# What the scope is, where it is set, and how the tightest limit is called.
LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "distributor_day": ({"quota_period": "day", "quota_calls": FEW}, {}, {}, "w=86400"),
    "distributor_month": ({"quota_period": "month", "quota_calls": FEW}, {}, {}, "w="),
    "rate": ({"rate_limit_per_minute": FEW}, {}, {}, "w=60"),
    "link_day": ({}, {"daily_quota": FEW}, {}, "w=86400"),
    "link_month": ({}, {"monthly_quota": FEW}, {}, "w="),
    "capacity_day": ({}, {}, {"daily_quota": FEW}, "w=86400"),
    "capacity_month": ({}, {}, {"monthly_quota": FEW}, "w="),
    "concurrency": ({}, {}, {"max_concurrency": 2}, 'qu="concurrent-requests"'),
    # Three calls.
    "spend": ({"spend_limit": "0.014574"}, {}, {}, ""),
}


@pytest.mark.parametrize("scope", LIMITS)
def test_are_true_after_every_answer(server: Installation, scope: str) -> None:
    fields, terms, capacity, window = LIMITS[scope]
    pipeline = make_pipeline(server.admin, **capacity)
    reseller = make_reseller(server, pipeline, terms=terms, **fields)
    watch = Watch(reseller, pipeline)
    # What takes no slot meets no limit on slots.
    unslotted = watch.of_account if scope == "concurrency" else watch.of_pipeline

    first = watch.of_pipeline(reseller.begin(pipeline, key="a"), 201)
    if scope == "spend":
        assert limit_headers(first) == {}
    else:
        most = 2 if scope == "concurrency" else FEW
        assert first.headers["RateLimit-Remaining"] == str(most - 1)
        assert first.headers["RateLimit-Policy"].startswith(f'"{scope}";q={most};{window}')
    watch.of_pipeline(reseller.begin(pipeline, key="a"), 201)
    watch.of_pipeline(reseller.begin(pipeline, key="a", client_ref="x"), 422)
    watch.of_pipeline(reseller.finish(first.json(), lines=NO_PRICE), 409)
    watch.of_pipeline(reseller.finish(first.json(), lines=USED), 200)
    watch.of_pipeline(reseller.finish(first.json(), lines=USED), 200)
    watch.of_pipeline(reseller.finish(first.json(), status="failed"), 409)
    cancelled = watch.of_pipeline(reseller.begin(pipeline, key="b"), 201).json()
    watch.of_pipeline(reseller.finish(cancelled, status="cancelled"), 200)
    quote = {"pipeline": pipeline["code"], "lines": USED}
    watch.of_pipeline(reseller.post("quote", quote), 200)
    unslotted(reseller.begin(pipeline, key="c", status="succeeded", lines=USED), 201)
    unslotted(reseller.begin(pipeline, key="c", status="succeeded", lines=USED), 201)
    watch.of_account(reseller.begin(pipeline, key="d", status="soon", lines=[]), 400)
    watch.of_account(reseller.post("calls", {"pipeline": "no-such-line"}, key="e"), 404)
    running = [watch.of_pipeline(reseller.begin(pipeline, key=f"h{n}"), 201) for n in range(2)]
    full = (
        watch.of_pipeline(reseller.begin(pipeline, key="g"), 429)
        if scope == "concurrency"
        else None
    )
    calls = [
        {
            "idempotency_key": f"i{n}",
            "pipeline": pipeline["code"],
            "status": "succeeded",
            "lines": USED,
        }
        for n in range(5)
    ]
    batch = unslotted(reseller.post("calls/batch", {"calls": calls}), 200)
    assert batch.headers.get("RateLimit-Remaining") == (None if scope == "concurrency" else "0")
    refusals = [one for one in batch.json()["results"] if "error" in one]
    assert bool(refusals) == (scope != "concurrency")
    if scope in ("concurrency", "spend"):
        assert "Retry-After" not in batch.headers
    else:
        waits = {one["retry_after"] for one in refusals if one["status"] == 429}
        assert waits == {int(batch.headers["Retry-After"])}
        assert abs(min(waits) - int(batch.headers["RateLimit-Reset"])) <= 1
    if full is None:
        full = watch.of_pipeline(
            reseller.begin(pipeline, key="g"), 402 if scope == "spend" else 429
        )
        watch.of_pipeline(reseller.post("quote", quote), 200)
    assert full.headers["RateLimit-Policy"].startswith(f'"{scope}";q=')
    watch.of_pipeline(reseller.finish(running[0].json(), status="cancelled"), 200)
    watch.of_account(reseller.get("usage"), 200)
    watch.of_account(reseller.get("calls", call_no="none"), 404)


def test_one_go_then_a_batch_of_five_of_ten_leave_four(server: Installation) -> None:
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=10)
    one = reseller.begin(pipeline, key="one", status="succeeded", lines=USED)
    call = {"pipeline": pipeline["code"], "status": "succeeded", "lines": USED}
    items = [{"idempotency_key": f"n{n}", **call} for n in range(5)]
    answer = reseller.post("calls/batch", {"calls": items})

    assert one.headers["RateLimit-Remaining"] == "9"
    assert answer.headers["RateLimit-Remaining"] == "4"
    assert limit_headers(answer) == limit_headers(reseller.get("me"))


def test_a_batch_over_several_pipelines_tells_the_tightest_of_all(server: Installation) -> None:
    pipelines = [make_pipeline(server.admin, daily_quota=quota) for quota in (9, 3, 5)]
    reseller = make_reseller(server, *pipelines, quota_period="day", quota_calls=50)
    stranger = make_pipeline(server.admin, daily_quota=1)
    items = [
        {"idempotency_key": f"{pipeline['code']}", "pipeline": pipeline["code"], "status": "failed",
         "lines": []}
        for pipeline in (*pipelines, stranger)
    ]  # fmt: skip
    answer = reseller.post("calls/batch", {"calls": items})

    assert [one["status"] for one in answer.json()["results"]] == [201, 201, 201, 404]
    assert answer.headers["RateLimit-Policy"] == '"capacity_day";q=3;w=86400'
    assert answer.headers["RateLimit-Remaining"] == "2"


def test_spent_money_is_a_limit_without_a_clock(server: Installation) -> None:
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(
        server, pipeline, quota_period="day", quota_calls=100, spend_limit="0.001"
    )
    assert reseller.get("me").headers["RateLimit-Limit"] == "100"
    # Only what was begun before can pass the limit.
    call = reseller.begin(pipeline).json()
    booking = reseller.finish(call, lines=USED)
    refusal = reseller.begin(pipeline)

    for answer in (booking, refusal, reseller.get("me")):
        assert limit_headers(answer) == dict(zip(NAMES, ("0", "0", '"spend";q=0'), strict=True))
        assert "RateLimit-Reset" not in answer.headers
        assert "Retry-After" not in answer.headers
    assert refusal.status_code == 402


@pytest.mark.parametrize(
    ("fields", "terms", "capacity"),
    [
        ({"quota_period": "day", "quota_calls": 0}, {}, {}),
        ({}, {"monthly_quota": 0}, {}),
        ({}, {}, {"daily_quota": 0}),
        ({}, {}, {"max_concurrency": 0}),
        ({}, {}, {"enabled": 0}),
    ],
)
def test_what_allows_nothing_promises_nothing(
    server: Installation, fields: dict[str, Any], terms: dict[str, Any], capacity: dict[str, Any]
) -> None:
    pipeline = make_pipeline(server.admin, **capacity)
    reseller = make_reseller(server, pipeline, terms=terms, rate_limit_per_minute=50, **fields)
    answer = reseller.begin(pipeline)
    call = {"pipeline": pipeline["code"], "status": "succeeded", "lines": []}
    batch = reseller.post("calls/batch", {"calls": [{"idempotency_key": "k", **call}]})

    assert (answer.status_code, answer.json()["resets_at"]) == (429, None)
    for refusal in (answer, batch):
        assert "Retry-After" not in refusal.headers
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert "RateLimit-Reset" not in answer.headers
    (item,) = batch.json()["results"]
    if "max_concurrency" not in capacity:  # a booking takes no slot
        assert (item["status"], item["retry_after"]) == (429, None)
