"""Large batches: worked off in full, however many lines and however often they are sent."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline_dist.api.batches import MAX_ITEM_PROBLEMS
from pipeline_dist.api.input import MAX_CALLS
from tests.support.installation import DIRECT, Installation
from tests.support.raw_keys import REVOKED, change_keys
from tests.support.selling import make_pipeline, make_reseller

ADDRESS = "/pipeline_dist/v1/calls/batch"


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=1_000_000)


def whole_batch(pipeline: dict[str, Any], lines: int) -> dict[str, Any]:
    """As many calls of *pipeline* as a batch may have, each with *lines* lines spelled out."""
    one = {"step_key": "answer", "model": "claude-haiku-4-5", "unit": "input_token", "quantity": 1}
    call = {"pipeline": pipeline["code"], "status": "succeeded", "lines": [one] * lines}
    keys = [f"{lines} lines, {n}" for n in range(MAX_CALLS)]
    return {"calls": [{"idempotency_key": key, "client_ref": key, **call} for key in keys]}


def test_a_thousand_calls_of_thirty_lines_are_booked_in_full(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=10_000)
    client = server.anonymous(headers={"X-API-Key": reseller.key})

    answer = client.post(ADDRESS, json=whole_batch(pipeline, 30), timeout=120)

    body = answer.json()
    assert (answer.status_code, body["accepted"], body["refused"]) == (200, MAX_CALLS, 0)
    assert {len(one["call"]["lines"]) for one in body["results"]} == {30}
    assert answer.headers["RateLimit-Remaining"] == str(10_000 - MAX_CALLS)
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("at", "code"),
    [("9999-12-01T00:00:00Z", "in_future"), ("9999-12-31T23:59:59-12:00", "bad_datetime"),
     ("1000-01-02T00:00:00Z", "too_long_ago"), ("2001-01-01T00:00:00Z", "too_long_ago")],
)  # fmt: skip
def test_a_time_that_is_too_far_spoils_nothing_else(
    server: Installation, pipeline: dict[str, Any], at: str, code: str
) -> None:
    reseller = make_reseller(server, pipeline, quota_period="month", quota_calls=10)
    call = {"pipeline": pipeline["code"], "status": "succeeded", "lines": []}
    good, far = ({"idempotency_key": key, **call} for key in ("good", "far"))

    answer = reseller.post("calls/batch", {"calls": [good, far | {"started_at": at}]})

    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 400], answer.text
    assert [error["code"] for error in results[1]["error"]["errors"]] == [code]
    rows = server.query(
        "select count(*) as number from app_past_counter where distributor_id = %s",
        reseller.distributor["id"],
    )
    assert rows[0]["number"] == 0, "what is refused counts nothing"


def test_the_same_large_batch_four_times_at_once_is_booked_once(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=10_000)
    whole = whole_batch(pipeline, 1)

    async def send() -> list[httpx.Response]:
        headers = {"X-API-Key": reseller.key}
        async with httpx.AsyncClient(
            base_url=server.base_url, timeout=120, headers=headers, **DIRECT
        ) as client:
            return await asyncio.gather(*(client.post(ADDRESS, json=whole) for _ in range(4)))

    answers = asyncio.run(send())

    results = [answer.json()["results"] for answer in answers]
    assert {one["status"] for items in results for one in items} == {201}
    for same in zip(*results, strict=True):
        assert len({one["call"]["call_no"] for one in same}) == 1
        assert sum(not one["replayed"] for one in same) == 1
    assert reseller.get("me").json()["quota_used"] == MAX_CALLS


@pytest.mark.alone  # a heavy body beside other work is held up by that
@pytest.mark.parametrize("kind", ["numbers", "names", "lines", "objects"])
def test_nobody_waits_while_a_heavy_batch_is_refused(
    server: Installation, pipeline: dict[str, Any], kind: str
) -> None:
    """Held by the watch over every test here: no worker stands still for 100 ms."""
    reseller = make_reseller(server, pipeline)
    many = 190_000
    bodies: dict[str, Any] = {
        "numbers": [1.5] * many,
        "names": [{f"a{n}": 1 for n in range(60_000)}],
        "lines": [{"idempotency_key": "k", "pipeline": "x", "status": "failed"}
                  | {"lines": [1] * many}],
        "objects": [{f"a{n}": 1 for n in range(many // MAX_CALLS)}] * MAX_CALLS,
    }  # fmt: skip
    client = server.anonymous(headers={"X-API-Key": reseller.key})

    answer = client.post(ADDRESS, json={"calls": bodies[kind]}, timeout=120)

    assert answer.status_code == (400 if kind == "numbers" else 200)
    assert "too_many" in answer.text or "unknown_field" in answer.text


def test_of_an_item_with_many_faults_the_first_are_told_and_all_are_counted(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    item = {f"a{n}": 1 for n in range(150)}

    answer = make_reseller(server, pipeline).post("calls/batch", {"calls": [item]})

    (result,) = answer.json()["results"]
    assert len(result["error"]["errors"]) == MAX_ITEM_PROBLEMS
    assert "154 " in result["error"]["detail"]  # with the four that have to be there


def test_a_key_revoked_while_a_large_body_comes_is_none_any_more(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    reseller = make_reseller(server, pipeline)
    body = json.dumps(whole_batch(pipeline, 1)).encode()

    place = urlsplit(server.base_url)
    head = (
        f"POST {ADDRESS} HTTP/1.1\r\nHost: {place.netloc}\r\nX-API-Key: {reseller.key}\r\n"
        "Content-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )

    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # the key was looked up
        change_keys(server, reseller.distributor, REVOKED)
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"invalid_key"' in answer
    any_call = "select id from pipeline_usage_log where distributor_id = %s limit 1"
    assert server.query(any_call, reseller.distributor["id"]) == []
