"""Capacity, bookings by hand and voided calls, through the admin endpoints."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.replays import first_answer
from tests.support.shop import Pipeline, Shop

ONE = [{"unit": "call", "quantity": 1}]
PRICING = "pipeline_ops/pipeline_pricing"
CAPACITY = "pipeline_ops/pipeline_capacity"
USAGE = "pipeline_ops/pipeline_usage_log"


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def pointers(problem: dict[str, Any]) -> set[str]:
    return {item["pointer"] for item in problem["errors"]}


def day_count(shop: Shop, pipeline: Pipeline) -> int:
    assert pipeline.capacity is not None
    return int(shop.row("pipeline_capacity", pipeline.capacity["id"])["day_used"])


def test_a_pipelines_capacity(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    buyer.begin(pipeline, "before")
    buyer.begin(pipeline, "over", status="succeeded", lines=ONE)
    cancelled = buyer.begin(pipeline, "gone").json()["call_no"]
    buyer.finish(cancelled, "cancelled")

    answer = shop.post(
        f"{CAPACITY}_create", pipeline_id=pipeline.id, daily_quota=3, max_concurrency=5
    )

    # A capacity that comes later knows of the calls before it.
    assert (answer["day_used"], answer["month_used"], answer["running"]) == (2, 2, 1)
    problem = refusal(
        shop.try_post(f"{CAPACITY}_create", pipeline_id=pipeline.id), 409, "duplicate"
    )
    assert pointers(problem) == {"/pipeline_id"}
    for name, value in (("daily_quota", -1), ("day_used", 0), ("max_concurrency", "many")):
        problem = refusal(
            shop.try_post(f"{CAPACITY}_update", id=answer["id"], lock_version=1, **{name: value}),
            400,
            "invalid_fields",
        )
        assert pointers(problem) == {f"/{name}"}
    # Admissions in between are no edit conflict.
    assert buyer.begin(pipeline, "third").status_code == 201
    assert buyer.begin(pipeline, "fourth").status_code == 429
    shop.post(f"{CAPACITY}_update", id=answer["id"], lock_version=1, daily_quota=4)
    assert buyer.begin(pipeline, "fourth").status_code == 201
    assert shop.ledger_differences() == ""
    shop.post(f"{CAPACITY}_delete", id=answer["id"])
    assert buyer.begin(pipeline, "unlimited").status_code == 201


def test_a_call_of_our_own_is_booked_by_hand(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 1})

    answer = shop.post(
        f"{USAGE}_create",
        pipeline_id=pipeline.id,
        unit="call",
        quantity="2.5",
        remark="phone order",
    )

    assert (answer["line_no"], answer["source"], answer["status"]) == (0, "manual", "succeeded")
    assert answer["total"] == "2.5000000000"
    assert answer["amount"] == "2.5000000000"
    assert [item["quantity"] for item in answer["lines"]] == ["2.500000"]
    assert len(shop.ledger("call_no = %s", answer["call_no"])) == 1
    assert day_count(shop, pipeline) == 1
    refusal(shop.try_post(f"{USAGE}_create", pipeline_id=pipeline.id), 429, "capacity_exceeded")
    assert shop.ledger_differences() == ""


def test_a_booking_for_a_distributor_meets_its_quota_and_prices(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(
        pipeline, link={"pricing_mode": "discount", "discount_rate": "0.5", "daily_quota": 1}
    )
    fields = {"pipeline_id": pipeline.id, "distributor_id": buyer.id}

    answer = shop.post(f"{USAGE}_create", **fields, lines=[*ONE, *ONE])

    assert answer["total"] == "1.0000000000"
    assert Decimal(buyer.me()["spend_used"]) == 1
    refusal(shop.try_post(f"{USAGE}_create", **fields, lines=ONE), 429, "quota_exceeded")
    stranger = shop.distributor()
    problem = refusal(
        shop.try_post(f"{USAGE}_create", pipeline_id=pipeline.id, distributor_id=stranger.id),
        400,
        "invalid_fields",
    )
    assert pointers(problem) == {"/distributor_id"}
    assert shop.ledger_differences() == ""


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"status": "reserved"}, {"/status"}),
        ({"quantity": "3"}, {"/unit"}),
        ({"unit": "call", "quantity": "-1"}, {"/quantity"}),
        ({"unit": "call", "lines": ONE}, {"/lines"}),
        ({"lines": [{"unit": "call"}, {"quantity": 1}]}, {"/lines/0/quantity", "/lines/1/unit"}),
        ({"started_at": "2100-01-01T00:00:00Z"}, {"/started_at"}),
        ({"started_at": "2026-01-02T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z"},
         {"/finished_at"}),
        ({"amount": "1", "call_no": "x"}, {"/amount", "/call_no"}),
    ],
)  # fmt: skip
def test_a_booking_that_is_not_right_is_refused(
    shop: Shop, fields: dict[str, Any], wrong: set[str]
) -> None:
    pipeline = shop.pipeline()

    problem = refusal(
        shop.try_post(f"{USAGE}_create", pipeline_id=pipeline.id, **fields), 400, "invalid_fields"
    )

    assert pointers(problem) == wrong
    assert shop.ledger("pipeline_id = %s", pipeline.id) == []


def test_only_remark_and_client_ref_of_a_call_change(shop: Shop) -> None:
    pipeline = shop.pipeline()
    answer = shop.post(f"{USAGE}_create", pipeline_id=pipeline.id, unit="call", quantity=1)

    update = shop.post(f"{USAGE}_update", id=answer["id"], remark="checked", client_ref="c-1")
    assert (update["remark"], update["client_ref"]) == ("checked", "c-1")
    # A page sends the whole form; what is unchanged is no change.
    shop.post(f"{USAGE}_update", id=answer["id"], remark="again", unit="call", status="succeeded")
    problem = refusal(
        shop.try_post(f"{USAGE}_update", id=answer["id"], quantity=5, remark="no"),
        400,
        "invalid_fields",
    )
    assert pointers(problem) == {"/quantity"}
    refusal(shop.try_post(f"{USAGE}_update", id=answer["id"], amount=5), 400, "invalid_fields")


@pytest.mark.parametrize("by_pipeline", [False, True])
def test_voiding_gives_everything_back_once(shop: Shop, by_pipeline: bool) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 10, "max_concurrency": 10})
    buyer = shop.distributor(
        pipeline, link={"daily_quota": 10}, quota_period="month", quota_calls=10
    )
    other_call = buyer.begin(pipeline, "kept", status="succeeded", lines=ONE).json()
    gone = buyer.begin(pipeline, "gone", status="succeeded", lines=[*ONE, *ONE]).json()
    rows = shop.ledger("call_no = %s", gone["call_no"])

    voided = shop.post(
        f"{USAGE}_delete", id=rows[1 if by_pipeline else 0]["id"], reason="booked twice"
    )

    assert (voided["status"], voided["void_reason"]) == ("voided", "booked twice")
    assert {row["status"] for row in shop.ledger("call_no = %s", gone["call_no"])} == {"voided"}
    assert Decimal(buyer.me()["spend_used"]) == 1
    assert buyer.me()["quota_used"] == 1
    assert day_count(shop, pipeline) == 1
    again = shop.try_post(f"{USAGE}_delete", id=rows[0]["id"], reason="again")
    refusal(again, 409, "not_voidable")
    assert buyer.read(other_call["call_no"])["status"] == "succeeded"
    # Its key is not free again, and answers what it answered.
    again = buyer.begin(pipeline, "gone", status="succeeded", lines=[*ONE, *ONE]).json()
    assert first_answer(again) == gone
    assert again["current"]["status"] == "voided"
    assert shop.ledger_differences() == ""


def test_what_a_void_adds_to_the_ledger(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = buyer.begin(
        pipeline, "a", status="succeeded", lines=[*ONE, {"unit": "call", "quantity": 2}]
    ).json()["call_no"]
    empty_call = buyer.begin(pipeline, "b").json()["call_no"]
    buyer.finish(empty_call, "failed")
    before = shop.ledger("call_no = %s", call_no)

    record = shop.post(f"{USAGE}_delete", id=call_no, reason="booked twice")
    shop.post(f"{USAGE}_delete", id=empty_call, reason="x" * 500)

    rows = shop.ledger("call_no = %s", call_no)
    reversals = rows[len(before) :]
    columns = ("line_no", "entry_no", "entry_type", "calls", "quantity", "amount")
    assert [tuple(row[name] for name in columns) for row in reversals] == [
        (2, 3, "reversal", -1, -1, -1),
        (3, 3, "reversal", 0, -2, -2),
    ]
    assert [row["reverses"] for row in reversals] == [row["id"] for row in before]
    assert {row["reason"] for row in reversals} == {"booked twice"}
    assert record["total"] == "0.0000000000"
    for name in ("amount", "quantity", "entry_no", "calls", "unit_price", "day_key", "month_key"):
        assert [row[name] for row in rows[: len(before)]] == [row[name] for row in before]
    (header, reversal) = shop.ledger("call_no = %s", empty_call)
    assert (reversal["line_no"], reversal["calls"], reversal["amount"]) == (1, -1, 0)
    assert (reversal["reverses"], reversal["entry_no"]) == (header["id"], 4)
    assert [line["line_no"] for line in buyer.read(call_no)["lines"]] == [0, 1]
    assert shop.ledger_differences() == ""


@pytest.mark.parametrize(
    "fields",
    [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}],
    ids=["none", "empty", "blank", "long"],
)
def test_a_void_without_a_fit_reason_is_refused(shop: Shop, fields: dict[str, str]) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call = buyer.begin(pipeline, "a", status="succeeded", lines=ONE).json()

    answer = shop.try_post(f"{USAGE}_delete", id=call["call_no"], **fields)

    assert answer.status_code == 400
    assert "/reason" in answer.text
    assert buyer.read(call["call_no"])["status"] == "succeeded"


def test_a_running_call_is_not_voided(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"max_concurrency": 1})
    buyer = shop.distributor(pipeline)
    call_no = buyer.begin(pipeline, "a").json()["call_no"]

    refusal(shop.try_post(f"{USAGE}_delete", id=call_no, reason="no"), 409, "call_running")

    assert buyer.finish(call_no, lines=ONE).json()["status"] == "succeeded"
    assert shop.ledger_differences() == ""


def test_a_cancelled_call_is_not_voided(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 5})
    buyer = shop.distributor(pipeline)
    buyer.begin(pipeline, "kept")
    call_no = buyer.begin(pipeline, "a").json()["call_no"]
    buyer.finish(call_no, "cancelled")

    refusal(shop.try_post(f"{USAGE}_delete", id=call_no, reason="no"), 409, "not_voidable")

    assert day_count(shop, pipeline) == 1
    assert shop.ledger_differences() == ""


def test_check_ledger_finds_what_was_tampered_with(shop: Shop) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 5})
    buyer = shop.distributor(pipeline)
    buyer.begin(pipeline, "a", status="succeeded", lines=ONE)
    assert pipeline.capacity is not None
    with shop.installation.connect() as connection, connection.cursor() as cursor:
        for change in (1, -1):
            cursor.execute(
                "update pipeline_capacity set day_used = day_used + %s, running = "
                "running + %s where id = %s",
                (change, change, pipeline.capacity["id"]),
            )
            cursor.execute(
                "update distributors set spend_used = spend_used + %s where id = %s",
                (Decimal(change) / 10**10, buyer.id),
            )
            if change > 0:
                report = shop.ledger_differences()

    assert f"pipeline_capacity {pipeline.code}" in report
    assert "day_used: says 2, should be 1" in report
    assert "running: says 1, should be 0" in report
    assert f"{buyer.code} spend_used: says 1.0000000001, should be 1.0000000000" in report
    assert "3 difference(s)" in report
    assert shop.ledger_differences() == ""


def test_figures_and_searches_for_pages(shop: Shop, server: Installation) -> None:
    pipeline = shop.pipeline(capacity={"daily_quota": 1})
    shop.distributor(pipeline).begin(pipeline, "a", status="failed", lines=ONE)

    stats = server.admin.get("/pipeline_ops/api/usage_stats.dspy").json()["data"]
    assert stats["today"]["calls"] >= 1
    assert stats["month"]["failed"] >= 1
    assert len(stats["by_day"]) == 14
    assert stats["by_day"][-1]["calls"] == stats["today"]["calls"]
    assert pipeline.id in {item["id"] for item in stats["near_limit"]}

    body = server.admin.get(
        "/pipeline_ops/api/get_search_pipeline_id.dspy", params={"q": pipeline.code}
    ).json()
    assert body == [
        {"value": "", "text": "全部"},
        {"value": pipeline.id, "text": f"产线 {pipeline.code}"},
    ]
    nothing = server.admin.get(
        "/pipeline_ops/api/get_search_pipeline_id.dspy", params={"q": "line%"}
    )
    assert len(nothing.json()) == 1
    quote = server.admin.get(
        "/pipeline_ops/api/price_quote.dspy",
        params={"pipeline_id": pipeline.id, "lines": '[{"unit": "call", "quantity": 3}]'},
    ).json()["data"]
    assert quote["total"] == "3.0000000000"


def test_roles(server: Installation, shop: Shop) -> None:
    pipeline = shop.pipeline()
    fields = {"pipeline_id": pipeline.id, "unit": "image", "unit_price": "1"}
    viewer, operator = server.sign_in("viewer"), server.sign_in("operator")
    for name in ("usage_stats", "get_search_pipeline_id"):
        assert viewer.get(f"/pipeline_ops/api/{name}.dspy").status_code == 200
    denied = viewer.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=fields)
    assert denied.status_code == 403
    answer = operator.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=fields)
    assert answer.status_code == 200, answer.text
    anonymous = server.anonymous().get("/pipeline_ops/api/usage_stats.dspy")
    assert anonymous.status_code == 401
