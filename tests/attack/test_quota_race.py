"""
Many clients in several processes at one quota: exactly as many as there is room for get in,
and afterwards every counter says what the ledger says.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.crowd import Customer, Request, send_all, trade_all
from tests.support.installation import Installation
from tests.support.replays import first_answer
from tests.support.shop import Distributor, Pipeline, Shop

BOTH_WAYS = True  # tests/conftest.py

CALLS = "/pipeline_dist/v1/calls"
FINISH = "/pipeline_dist/v1/calls/finish"
ONE = [{"unit": "call", "quantity": 1}]
ALL_WAYS = ("begin", "finish", "fail", "cancel", "one_go", "repeat")


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def crowd(
    buyers: Sequence[Distributor], pipeline: Pipeline, *, tries: int, ways: tuple[str, ...]
) -> list[Customer]:
    """Twelve customers, shared out among the distributors."""
    return [
        Customer(buyers[i % len(buyers)].api_key, pipeline.code, f"c{i}", tries, ways)
        for i in range(12)
    ]


def use_up(buyer: Distributor, pipeline: Pipeline) -> int:
    """Begin calls one after another until one is refused; how many were let in."""
    for number in range(1000):
        if buyer.begin(pipeline, f"rest-{number}").status_code != 201:
            return number
    raise AssertionError("there is no end")


def strange(outcomes: "Counter[str]", *codes: str) -> dict[str, int]:
    return {name: count for name, count in outcomes.items() if name not in {"kept", *codes}}


@pytest.mark.parametrize("quota", [1, 7, 40])
@pytest.mark.parametrize(
    ("link", "fields", "capacity", "code"),
    [
        ({}, {}, {"daily_quota": True}, "capacity_exceeded"),
        ({}, {}, {"monthly_quota": True}, "capacity_exceeded"),
        ({"daily_quota": True}, {}, {}, "quota_exceeded"),
        ({"monthly_quota": True}, {}, None, "quota_exceeded"),
        ({}, {"quota_period": "day", "quota_calls": True}, {}, "quota_exceeded"),
        ({}, {"quota_period": "month", "quota_calls": True}, None, "quota_exceeded"),
    ],
)
def test_exactly_as_many_as_the_quota(
    shop: Shop, link: Any, fields: Any, capacity: Any, code: str, quota: int
) -> None:
    def fill(what: Any) -> Any:
        return what and {name: quota if value is True else value for name, value in what.items()}

    pipeline = shop.pipeline(capacity=fill(capacity))
    buyer = shop.distributor(pipeline, link=fill(link), **fill(fields))

    customers = crowd([buyer], pipeline, tries=6, ways=ALL_WAYS)
    outcomes = trade_all(shop.installation.base_url, customers)
    rest = use_up(buyer, pipeline)  # what the last cancelled ones gave back

    assert strange(outcomes, "cancelled", code) == {}
    assert outcomes["kept"] + rest == quota
    calls = shop.ledger("pipeline_id = %s and line_no = 0 and status <> 'cancelled'", pipeline.id)
    assert len(calls) == quota
    assert shop.ledger_differences() == ""


def test_several_distributors_share_one_pipeline_exactly(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 50, "monthly_quota": 60})
    buyers = [shop.distributor(pipeline, link={"daily_quota": 20}) for _ in range(4)]

    outcomes = trade_all(
        shop.installation.base_url, crowd(buyers, pipeline, tries=10, ways=ALL_WAYS)
    )
    rest = sum(use_up(buyer, pipeline) for buyer in buyers)

    assert strange(outcomes, "cancelled", "capacity_exceeded", "quota_exceeded") == {}
    assert outcomes["kept"] + rest == 50
    assert shop.ledger_differences() == ""


@pytest.mark.parametrize("slots", [1, 5])
def test_never_more_at_the_same_time_than_slots(shop: Shop, slots: int) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": slots})
    buyers = [shop.distributor(pipeline) for _ in range(2)]

    outcomes = trade_all(
        shop.installation.base_url, crowd(buyers, pipeline, tries=3, ways=("begin", "repeat"))
    )

    assert strange(outcomes, "concurrency_exceeded") == {}
    assert outcomes["kept"] == slots
    assert shop.ledger_differences() == ""


def test_slots_come_back_under_load(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 3})
    buyers = [shop.distributor(pipeline) for _ in range(2)]

    outcomes = trade_all(
        shop.installation.base_url,
        crowd(buyers, pipeline, tries=10, ways=("finish", "fail", "cancel", "one_go")),
    )

    assert strange(outcomes, "cancelled", "concurrency_exceeded") == {}
    assert use_up(buyers[0], pipeline) == 3
    assert shop.ledger_differences() == ""


def test_a_rate_limit_is_shared_by_all_workers(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, rate_limit_per_minute=30)

    outcomes = trade_all(
        shop.installation.base_url, crowd([buyer], pipeline, tries=5, ways=("begin", "one_go"))
    )

    assert strange(outcomes, "rate_limited") == {}
    assert outcomes["kept"] == 30


@pytest.mark.parametrize("body", [{}, {"status": "succeeded", "lines": ONE}])
def test_one_key_fifty_times_at_once_is_one_call(shop: Shop, body: dict[str, Any]) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 10, "max_concurrency": 10})
    buyer = shop.distributor(pipeline)
    begin = Request(buyer.api_key, CALLS, {"pipeline": pipeline.code, **body}, "the-key")

    answers = send_all(shop.installation.base_url, [begin] * 50)

    assert {status for status, _ in answers} == {201}
    assert all(first_answer(answer) == first_answer(answers[0][1]) for _, answer in answers)
    assert len(shop.ledger("distributor_id = %s and line_no = 0", buyer.id)) == 1
    assert shop.ledger_differences() == ""


def test_one_key_with_two_bodies_at_once_is_one_call(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    requests = [
        Request(buyer.api_key, CALLS, {"pipeline": pipeline.code, "client_ref": f"r{i % 2}"}, "k")
        for i in range(20)
    ]

    answers = send_all(shop.installation.base_url, requests)

    outcome = Counter(status for status, _ in answers)
    assert outcome == {201: 10, 422: 10}
    assert len(shop.ledger("distributor_id = %s and line_no = 0", buyer.id)) == 1


def test_one_call_finished_many_times_at_once_is_charged_once(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1})
    buyer = shop.distributor(pipeline)
    call_no = buyer.begin(pipeline, "a").json()["call_no"]
    bodies = [
        {"call_no": call_no, "status": "succeeded", "lines": ONE},
        {"call_no": call_no, "status": "failed", "lines": [*ONE, *ONE]},
        {"call_no": call_no, "status": "cancelled"},
    ]

    answers = send_all(
        shop.installation.base_url, [Request(buyer.api_key, FINISH, body) for body in bodies * 8]
    )

    outcome = Counter(status for status, _ in answers)
    assert outcome == {200: 8, 409: 16}
    assert len({answer["status"] for status, answer in answers if status == 200}) == 1
    assert use_up(buyer, pipeline) == 1
    assert shop.ledger_differences() == ""


def test_finishing_while_leases_run_out(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 30})
    buyer = shop.distributor(pipeline)
    calls = [buyer.begin(pipeline, f"k{i}", lease_seconds=1).json()["call_no"] for i in range(30)]
    ends = [
        Request(buyer.api_key, FINISH, {"call_no": call_no, "status": "succeeded", "lines": ONE})
        for call_no in calls
    ]

    # Again and again through the second in which the leases run out.
    answers = [send_all(shop.installation.base_url, ends[i::10]) for i in range(10)]

    assert {status for part in answers for status, _ in part} == {200}
    assert {row["status"] for row in shop.ledger("pipeline_id = %s", pipeline.id)} == {"succeeded"}
    assert shop.ledger_differences() == ""
    assert use_up(buyer, pipeline) == 30
