"""Calls, their prices and counters, through the running server."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.runtime.processes import wait_until
from tests.support.installation import Installation
from tests.support.replays import first_answer
from tests.support.shop import Pipeline, Shop

ONE = [{"unit": "call", "quantity": 1}]


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def counters(shop: Shop, pipeline: Pipeline) -> tuple[int, int, int]:
    """Used today, this month, and running, as the pipeline's capacity says."""
    assert pipeline.capacity is not None
    row = shop.row("pipeline_capacity", pipeline.capacity["id"])
    return row["day_used"], row["month_used"], row["running"]


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    return problem


def call_no_of(answer: httpx.Response) -> str:
    """The call number of a begin that was let in."""
    assert answer.status_code == 201, answer.text
    return str(answer.json()["call_no"])


def test_a_call_takes_and_gives_back_exactly_what_it_should(shop: Shop) -> None:
    pipeline = shop.pipeline(
        capacity={"daily_quota": 10, "monthly_quota": 20, "max_concurrency": 2}
    )
    buyer = shop.distributor(pipeline, quota_period="day", quota_calls=9)

    first = call_no_of(buyer.begin(pipeline, "a", client_ref="r1", lease_seconds=60))
    assert counters(shop, pipeline) == (1, 1, 1)
    ending = buyer.finish(first, lines=ONE)
    assert ending.status_code == 200, ending.text
    assert counters(shop, pipeline) == (1, 1, 0)

    failing = call_no_of(buyer.begin(pipeline, "b"))
    assert buyer.finish(failing, "failed", error="model timed out").json()["error"]
    assert counters(shop, pipeline) == (2, 2, 0)

    cancelled = call_no_of(buyer.begin(pipeline, "c"))
    assert counters(shop, pipeline) == (3, 3, 1)
    assert buyer.finish(cancelled, "cancelled").json()["status"] == "cancelled"
    assert counters(shop, pipeline) == (2, 2, 0)

    assert buyer.me()["quota_used"] == 2
    assert Decimal(buyer.me()["spend_used"]) == 1
    assert shop.ledger_differences() == ""


def test_the_same_key_and_body_is_answered_as_the_first_time(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 1})
    buyer = shop.distributor(pipeline)

    first = buyer.begin(pipeline, "k", client_ref="x", lease_seconds=100)
    assert buyer.finish(first.json()["call_no"], lines=ONE).status_code == 200
    again = buyer.begin(pipeline, "k", client_ref="x", lease_seconds=100)

    assert again.status_code == 201
    assert first_answer(again.json()) == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    refusal(buyer.begin(pipeline, "k", client_ref="y"), 422, "idempotency_key_reused")
    refusal(buyer.begin(pipeline, "other"), 429, "capacity_exceeded")
    assert counters(shop, pipeline)[0] == 1


def test_a_finished_call_is_booked_in_one_go(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 2, "max_concurrency": 1})
    buyer = shop.distributor(pipeline)

    first = buyer.begin(pipeline, "g", status="succeeded", lines=ONE)
    again = buyer.begin(pipeline, "g", status="succeeded", lines=ONE)

    assert first.status_code == again.status_code == 201
    assert first.json() == first_answer(again.json())
    assert first.json()["amount"] == "1.0000000000"
    assert first.json()["status"] == "succeeded"
    assert counters(shop, pipeline) == (1, 1, 0)
    refusal(buyer.begin(pipeline, "g", status="failed", lines=ONE), 422, "idempotency_key_reused")


def test_a_refused_try_leaves_nothing_and_may_be_repeated(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1})
    buyer = shop.distributor(pipeline)
    running = call_no_of(buyer.begin(pipeline, "a"))

    refusal(buyer.begin(pipeline, "b"), 429, "concurrency_exceeded")
    assert shop.ledger("idempotency_key = 'b' and distributor_id = %s", buyer.id) == []
    buyer.finish(running, "succeeded")

    call_no_of(buyer.begin(pipeline, "b"))


def test_finishing_twice(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = call_no_of(buyer.begin(pipeline, "a"))

    first = buyer.finish(call_no, lines=ONE)
    again = buyer.finish(call_no, lines=ONE)

    assert first.json() == first_answer(again.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    refusal(buyer.finish(call_no, "failed"), 409, "already_finished")
    refusal(buyer.finish("0" * 32), 404, "call_not_found")
    assert Decimal(buyer.me()["spend_used"]) == 1
    other = shop.distributor(pipeline)
    refusal(other.finish(call_no, lines=ONE), 404, "call_not_found")


def let_run_out(shop: Shop, *calls: str) -> None:
    """End the leases of these calls now."""
    for call_no in calls:
        shop.installation.query(
            "update pipeline_usage_log set lease_expires_at = utc_timestamp(3)"
            " where call_no = %s and line_no = 0", call_no,
        )  # fmt: skip


def test_a_lease_that_runs_out(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 10, "max_concurrency": 2})
    buyer = shop.distributor(pipeline)
    late, lost = (call_no_of(buyer.begin(pipeline, key)) for key in ("a", "b"))
    assert counters(shop, pipeline) == (2, 2, 2)

    let_run_out(shop, late, lost)
    assert wait_until(
        lambda: all(buyer.read(call_no)["status"] == "expired" for call_no in (late, lost)), 60
    )
    assert counters(shop, pipeline) == (2, 2, 0)

    # What is cancelled late gives its quota back, and no slot again.
    assert buyer.finish(lost, "cancelled").json()["status"] == "cancelled"
    body = buyer.finish(late, lines=ONE).json()
    assert (body["late"], body["status"], body["amount"]) == (True, "succeeded", "1.0000000000")
    assert first_answer(buyer.finish(late, lines=ONE).json()) == body
    assert buyer.read(late)["late"] is True
    assert counters(shop, pipeline) == (1, 1, 0)
    assert shop.ledger_differences() == ""


def test_an_overdue_call_makes_room_at_once(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1})
    buyer = shop.distributor(pipeline)
    call_no = call_no_of(buyer.begin(pipeline, "a", lease_seconds=3600))
    answer = buyer.begin(pipeline, "b")
    refusal(answer, 429, "concurrency_exceeded")
    assert 3000 < int(answer.headers["Retry-After"]) <= 3600

    let_run_out(shop, call_no)

    call_no_of(buyer.begin(pipeline, "b"))
    assert counters(shop, pipeline)[2] == 1
    assert shop.ledger_differences() == ""


@pytest.mark.parametrize(
    ("link", "fields", "capacity", "code", "scope"),
    [
        ({"daily_quota": 1}, {}, {}, "quota_exceeded", "link_day"),
        ({"monthly_quota": 1}, {}, {}, "quota_exceeded", "link_month"),
        ({}, {"quota_period": "day", "quota_calls": 1}, {}, "quota_exceeded", "distributor_day"),
        ({}, {"quota_period": "month", "quota_calls": 1}, {}, "quota_exceeded",
         "distributor_month"),
        ({}, {}, {"daily_quota": 1}, "capacity_exceeded", "capacity_day"),
        ({}, {}, {"monthly_quota": 1}, "capacity_exceeded", "capacity_month"),
        ({}, {}, {"max_concurrency": 1}, "concurrency_exceeded", "concurrency"),
        ({}, {"rate_limit_per_minute": 1}, {}, "rate_limited", "rate"),
    ],
)  # fmt: skip
def test_every_limit_says_which_it_is_and_when_there_is_room(
    shop: Shop, link: Any, fields: Any, capacity: Any, code: str, scope: str
) -> None:
    pipeline = shop.pipeline(capacity=capacity)
    buyer = shop.distributor(pipeline, link=link, **fields)

    first = buyer.begin(pipeline, "a")
    call_no_of(first)
    answer = buyer.begin(pipeline, "b")
    problem = refusal(answer, 429, code)

    assert (problem["scope"], problem["limit"], problem["used"]) == (scope, 1, 1)
    assert problem["resets_at"].endswith("Z")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["RateLimit-Limit"] == first.headers["RateLimit-Limit"] == "1"
    assert first.headers["RateLimit-Remaining"] == "0"


def test_what_keeps_a_distributor_from_a_pipeline(shop: Shop) -> None:
    pipeline = shop.pipeline()
    stranger, buyer = shop.distributor(), shop.distributor(pipeline)
    nobody = Pipeline(id="x", code="no-such-line", capacity=None)

    refusal(buyer.begin(nobody, "a"), 404, "pipeline_not_found")
    refusal(stranger.begin(pipeline, "a"), 404, "pipeline_not_found")
    for fields in (
        {"enabled": 0},
        {"valid_from": "2100-01-01T00:00:00Z"},
        {"valid_to": "2001-01-01T00:00:00Z"},
    ):
        closed = shop.distributor(pipeline, link=fields)
        refusal(closed.begin(pipeline, "a"), 403, "not_enabled")
    draft = shop.post("pipeline_core/pipelines_create", code="draft-1", name="draft 1")
    unpublished = Pipeline(id=draft["id"], code="draft-1", capacity=None)
    shop.link(buyer.id, unpublished)
    refusal(buyer.begin(unpublished, "a"), 409, "pipeline_offline")
    off = shop.pipeline(capacity={"enabled": 0})
    problem = refusal(shop.distributor(off).begin(off, "a"), 429, "capacity_exceeded")
    assert problem["limit"] == 0


def test_a_spending_limit_stops_the_next_begin(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="1.5")

    running = call_no_of(buyer.begin(pipeline, "a"))
    call_no_of(buyer.begin(pipeline, "b", status="succeeded", lines=ONE))
    buyer.finish(running, lines=ONE)

    problem = refusal(buyer.begin(pipeline, "c"), 402, "spend_limit_reached")
    assert problem["used"] == "2.0000000000"
    assert problem["limit"] == "1.500000"


def test_tokens_packages_discounts_and_own_prices_cost_what_was_quoted(shop: Shop) -> None:
    prices = [
        {"unit": "input_token", "unit_price": "2.5", "unit_size": 1_000_000},
        {"unit": "input_token", "step_key": "s1", "unit_price": "3", "unit_size": 1_000_000},
        {"unit": "image", "pricing_type": "package", "package_size": 10, "package_price": "7.77"},
    ]
    pipeline = shop.pipeline(prices=prices)
    plain = shop.distributor(pipeline)
    cheaper = shop.distributor(pipeline, link={"pricing_mode": "discount", "discount_rate": "0.85"})
    own = shop.distributor(
        pipeline,
        link={
            "pricing_mode": "inherit",
            "fixed_prices": [{"unit": "image", "unit_price": "0.333333", "unit_size": 7}],
        },
    )
    usage = [
        {"unit": "input_token", "quantity": 1808},
        {"unit": "input_token", "step_key": "s1", "quantity": 1},
        {"unit": "image", "quantity": 4},
        {"unit": "image", "quantity": 7},
    ]

    expected = {
        plain: ["0.0045200000", "0.0000030000", "7.7700000000", "7.7700000000"],
        # 2.125, 2.55 and 6.6045 after the discount
        cheaper: ["0.0038420000", "0.0000025500", "6.6045000000", "6.6045000000"],
        own: ["0.0045200000", "0.0000030000", "0.1904760000", "0.3333330000"],
    }
    for buyer, amounts in expected.items():
        quote = buyer.client.post(
            "/pipeline_dist/v1/quote", json={"pipeline": pipeline.code, "lines": usage}
        ).json()
        body = buyer.finish(call_no_of(buyer.begin(pipeline, "a")), lines=usage).json()
        assert [item["amount"] for item in body["lines"]] == amounts
        assert [item["amount"] for item in quote["lines"]] == amounts
        assert quote["total"] == body["amount"]
        assert quote["admitted"] is True
    # 11 of the 20 images of two packages are used: 9 more are paid for.
    more = [{"unit": "image", "quantity": 9}]
    assert (
        plain.begin(pipeline, "b", status="succeeded", lines=more).json()["amount"]
        == "0.0000000000"
    )
    more = [{"unit": "image", "quantity": "0.000001"}]
    assert (
        plain.begin(pipeline, "c", status="failed", lines=more).json()["amount"] == "7.7700000000"
    )
    assert shop.ledger_differences() == ""


def test_a_discount_on_a_tiny_price_loses_nothing(shop: Shop) -> None:
    """Rounded to the 6 decimals of a price, 15 % off 0.000003 would be nothing off."""
    pipeline = shop.pipeline(prices=[{"unit": "input_token", "unit_price": "0.000003"}])
    buyer = shop.distributor(pipeline, link={"pricing_mode": "discount", "discount_rate": "0.8512"})
    usage_items = [{"unit": "input_token", "quantity": 1_000_000}]
    ask = {"pipeline": pipeline.code, "lines": usage_items}
    quote = buyer.client.post("/pipeline_dist/v1/quote", json=ask).json()["lines"]
    call_no = call_no_of(buyer.begin(pipeline, "a"))

    body = buyer.finish(call_no, lines=usage_items).json()

    (item,) = body["lines"]
    assert (item["unit_price"], item["amount"]) == ("0.0000025536", "2.5536000000")
    assert first_answer(buyer.finish(call_no, lines=usage_items).json()) == body
    usage = buyer.client.get("/pipeline_dist/v1/usage").json()["rows"]
    statement = buyer.client.get("/pipeline_dist/v1/statement").json()["lines"]
    catalogue = buyer.client.get("/pipeline_dist/v1/pipelines").json()
    for (priced_item,) in (quote, usage, statement):
        assert (priced_item["unit_price"], priced_item["amount"]) == (
            "0.0000025536",
            "2.5536000000",
        )
    assert '"unit_price": "0.0000025536"' in json.dumps(catalogue)
    assert shop.ledger_differences() == ""


def test_a_unit_without_price_is_refused_and_the_call_stays(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = call_no_of(buyer.begin(pipeline, "a"))
    usage = [*ONE, {"unit": "image", "quantity": 2}]

    problem = refusal(buyer.finish(call_no, lines=usage), 409, "price_missing")
    assert [item["pointer"] for item in problem["errors"]] == ["/lines/1"]
    assert buyer.read(call_no)["status"] == "reserved"
    refusal(buyer.begin(pipeline, "b", status="succeeded", lines=usage), 409, "price_missing")

    # Free, and from long ago; but not known when the call began.
    shop.post(
        "pipeline_ops/pipeline_pricing_create", pipeline_id=pipeline.id, unit="image",
        unit_price="0", effective_from="2020-01-01T00:00:00Z",
    )  # fmt: skip
    refusal(buyer.finish(call_no, lines=usage), 409, "price_missing")
    assert buyer.finish(call_no, lines=ONE).json()["amount"] == "1.0000000000"
    booking = buyer.begin(pipeline, "b", status="succeeded", lines=usage)
    assert booking.json()["amount"] == "1.0000000000"


def test_a_price_in_another_currency_does_not_count(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[{"unit": "call", "unit_price": "1", "currency": "USD"}])
    buyer = shop.distributor(pipeline)

    problem = refusal(
        buyer.begin(pipeline, "a", status="succeeded", lines=ONE), 409, "price_missing"
    )
    assert "USD" in problem["errors"][0]["detail"]


def test_an_amount_beyond_the_ledger_is_a_clear_refusal(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[{"unit": "call", "unit_price": "999999999999.999999"}])
    buyer = shop.distributor(pipeline)

    refusal(
        buyer.begin(pipeline, "a", status="succeeded", lines=[{"unit": "call", "quantity": 10}]),
        422,
        "amount_too_large",
    )
    assert shop.ledger("distributor_id = %s", buyer.id) == []
