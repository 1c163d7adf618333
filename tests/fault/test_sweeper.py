"""Leases end in time whoever dies: another worker takes the sweeping over."""

import os
import signal
import time

import pytest

from app.runtime.processes import wait_until
from tests.support.crowd import Request, send_all
from tests.support.installation import Installation
from tests.support.shop import Distributor, Pipeline, Shop

pytestmark = pytest.mark.alone

CALLS = "/pipeline_dist/v1/calls"
IN_TIME_SECONDS = 5


@pytest.fixture
def shop(server: Installation) -> Shop:
    return Shop(server)


def statuses(shop: Shop, pipeline: Pipeline) -> set[str]:
    return {row["status"] for row in shop.ledger("pipeline_id = %s and line_no = 0", pipeline.id)}


def begin_many(shop: Shop, buyer: Distributor, pipeline: Pipeline, count: int, run: str) -> None:
    body = {"pipeline": pipeline.code, "lease_seconds": 1}
    requests = [Request(buyer.api_key, CALLS, body, f"{run}-{n}") for n in range(count)]
    answers = send_all(shop.installation.base_url, requests)
    assert {status for status, _ in answers} == {201}


def test_overdue_calls_end_in_time_though_the_sweeping_worker_is_killed(shop: Shop) -> None:
    server = shop.installation
    pipeline = shop.pipeline(capacity={"max_concurrency": 1000})
    buyer = shop.distributor(pipeline)
    # One of the two sweeps; each is killed once.
    for number in (1, 2):
        begin_many(shop, buyer, pipeline, 20, f"w{number}")
        os.kill(server.workers.running()[number], signal.SIGKILL)
        start = time.monotonic()
        assert wait_until(lambda: statuses(shop, pipeline) == {"expired"}, 1 + IN_TIME_SECONDS)
        assert time.monotonic() - start < 1 + IN_TIME_SECONDS
        server.start(workers=2)
    assert shop.ledger_differences() == ""


def test_five_hundred_overdue_calls_end_in_time(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1000})
    buyer = shop.distributor(pipeline)
    begin_many(shop, buyer, pipeline, 500, "many")

    assert wait_until(lambda: statuses(shop, pipeline) == {"expired"}, 1 + IN_TIME_SECONDS)

    assert shop.ledger_differences() == ""


def test_finishing_after_the_lease_is_booked_and_the_slot_comes_back_once(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1})
    buyer = shop.distributor(pipeline)
    call_no = buyer.begin(pipeline, "slow", lease_seconds=1).json()["call_no"]
    assert wait_until(lambda: statuses(shop, pipeline) == {"expired"}, 1 + IN_TIME_SECONDS)
    second = buyer.begin(pipeline, "second").json()["call_no"]

    late = buyer.finish(call_no, lines=[{"unit": "call", "quantity": 2}]).json()

    assert (late["status"], late["late"], late["amount"]) == ("succeeded", True, "2.0000000000")
    # The second call still holds the only slot.
    refusal = buyer.begin(pipeline, "third")
    assert refusal.json()["code"] == "concurrency_exceeded"
    buyer.finish(second, lines=[])
    assert buyer.begin(pipeline, "third").status_code == 201
    assert shop.ledger_differences() == ""


def test_what_is_spent_beyond_the_limit_is_what_was_running(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[{"unit": "call", "unit_price": "4"}])
    buyer = shop.distributor(pipeline, spend_limit="10")
    calls = [buyer.begin(pipeline, f"k{n}").json()["call_no"] for n in range(5)]
    use = [{"unit": "call", "quantity": 1}]

    for number, call_no in enumerate(calls):
        assert buyer.finish(call_no, lines=use).status_code == 200
        cost = 4 * (number + 1)
        refusal = buyer.begin(pipeline, f"more-{number}")
        assert (refusal.status_code == 402) == (cost >= 10)

    assert buyer.me()["spend_used"] == "20.0000000000"
    assert shop.ledger_differences() == ""
