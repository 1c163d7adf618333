"""Limits of money: refused before anything is booked, reserved by estimates, prepaid balances."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.http.test_bookings import refusal
from tests.support.extra_worker import extra_worker
from tests.support.installation import Installation
from tests.support.shop import Distributor, Shop

ADJUST = "pipeline_dist/distributor_adjust"
TOPUP = "pipeline_dist/distributor_topup"
UPDATE = "pipeline_dist/distributors_update"
BOOK = "pipeline_ops/pipeline_usage_log_create"


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def use(quantity: Any, unit: str = "call") -> list[dict[str, Any]]:
    return [{"unit": unit, "quantity": quantity}]


def change(shop: Shop, buyer: Distributor, **fields: Any) -> Any:
    version = shop.row("distributors", buyer.id)["lock_version"]
    return shop.try_post(UPDATE, id=buyer.id, lock_version=version, **fields)


def money(shop: Shop, buyer: Distributor) -> tuple[Any, Any]:
    """What is spent and reserved."""
    row = shop.row("distributors", buyer.id)
    return row["spend_used"], row["spend_reserved"]


def test_a_call_that_would_pass_the_limit_is_refused_before_it_is_booked(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="5")
    assert buyer.begin(pipeline, "a", status="succeeded", lines=use(4)).status_code == 201
    before = len(shop.ledger("distributor_id = %s", buyer.id))

    problem = refusal(
        buyer.begin(pipeline, "b", status="succeeded", lines=use("1.000001")),
        402, "spend_limit_reached",
    )  # fmt: skip

    values = {name: problem[name] for name in ("scope", "limit", "used", "reserved", "amount")}
    assert values == {
        "scope": "spend", "limit": "5.000000", "used": "4.0000000000",
        "reserved": "0.0000000000", "amount": "1.0000010000",
    }  # fmt: skip
    assert problem["resets_at"] is None
    assert len(shop.ledger("distributor_id = %s", buyer.id)) == before
    assert buyer.begin(pipeline, "b", status="succeeded", lines=use(1)).status_code == 201
    # At the limit, what costs nothing is let in; a call that begins is not.
    assert buyer.begin(pipeline, "c", status="failed", lines=[]).status_code == 201
    refusal(buyer.begin(pipeline, "d"), 402, "spend_limit_reached")
    assert buyer.begin(pipeline, "e", estimate=0).status_code == 201
    assert shop.ledger_differences() == ""


def test_items_of_a_batch_are_limited_one_by_one(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="5")
    calls = [
        {"idempotency_key": str(n), "pipeline": pipeline.code, "status": "succeeded",
         "lines": use(n)}
        for n in (3, 4, 2, 1)
    ]  # fmt: skip

    answer = buyer.client.post("/pipeline_dist/v1/calls/batch", json={"calls": calls}).json()

    assert [result["status"] for result in answer["results"]] == [201, 402, 201, 402]
    assert answer["results"][3]["error"]["amount"] == "1.0000000000"
    assert money(shop, buyer) == (5, 0)


def test_a_booking_by_hand_is_limited_alike(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="5")
    fields = {"pipeline_id": pipeline.id, "distributor_id": buyer.id, "status": "succeeded"}

    shop.post(BOOK, **fields, unit="call", quantity=5)
    refusal(shop.try_post(BOOK, **fields, unit="call", quantity=1), 402, "spend_limit_reached")
    shop.post(BOOK, **fields)
    assert shop.ledger_differences() == ""


def test_an_estimate_is_reserved_until_the_call_ends(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="10")

    first = buyer.begin(pipeline, "a", estimate="6.5").json()
    assert first["estimate"] == "6.5000000000"
    assert money(shop, buyer) == (0, Decimal("6.5"))
    problem = refusal(buyer.begin(pipeline, "b", estimate=4), 402, "spend_limit_reached")
    assert (problem["reserved"], problem["amount"]) == ("6.5000000000", "4.0000000000")
    second = buyer.begin(pipeline, "c", estimate=use(3)).json()
    assert second["estimate"] == "3.0000000000"
    refusal(buyer.begin(pipeline, "d", status="succeeded", lines=use(1)), 402,
            "spend_limit_reached")  # fmt: skip
    me = buyer.me()
    assert (me["spend_reserved"], me["spend_remaining"]) == ("9.5000000000", "0.5000000000")

    # A finish is booked whatever it costs: the work has happened.
    assert buyer.finish(first["call_no"], lines=use(20)).status_code == 200
    assert money(shop, buyer) == (20, 3)
    assert buyer.finish(second["call_no"], "cancelled").status_code == 200
    assert money(shop, buyer) == (20, 0)
    assert shop.ledger_differences() == ""


def test_an_estimate_belongs_to_the_request(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)

    first = buyer.begin(pipeline, "a", estimate="2.50").json()
    again = buyer.begin(pipeline, "a", estimate=2.5)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["estimate"] == first["estimate"]
    refusal(buyer.begin(pipeline, "a", estimate=3), 422, "idempotency_key_reused")
    refusal(buyer.begin(pipeline, "a"), 422, "idempotency_key_reused")
    assert money(shop, buyer)[1] == Decimal("2.5")
    assert buyer.begin(pipeline, "b").json()["estimate"] is None


@pytest.mark.parametrize(
    ("estimate", "pointer"),
    [
        (-1, "/estimate"), ("x", "/estimate"), ("0.00000000001", "/estimate"), ({}, "/estimate"),
        ("10000000000", "/estimate"), ([{"unit": "call"}], "/estimate/0/quantity"),
        ([{"unit": "call", "quantity": 1, "x": 1}], "/estimate/0/x"),
    ],
)  # fmt: skip
def test_what_is_no_estimate_is_refused(shop: Shop, estimate: Any, pointer: str) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)

    problem = refusal(buyer.begin(pipeline, "a", estimate=estimate), 400, "invalid_fields")

    assert pointer in {item["pointer"] for item in problem["errors"]}


@pytest.mark.parametrize(
    ("line", "status", "code", "pointer"),
    [
        ({"unit": "page"}, 409, "price_missing", "/estimate/1"),
        ({"unit": "call", "step_key": "s9"}, 400, "unknown_step", "/estimate/1/step_key"),
        ({"unit": "call", "quantity": "100000000000"}, 422, "amount_too_large", "/estimate/1"),
    ],
)
def test_what_is_wrong_with_an_estimate_is_told_of_it(
    shop: Shop, line: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    lines = [*use(1), {"quantity": 1, **line}]

    problem = refusal(buyer.begin(pipeline, "a", estimate=lines), status, code)

    assert [item["pointer"] for item in problem["errors"]] == [pointer]


def test_a_call_that_is_over_has_no_estimate(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)

    answer = buyer.begin(pipeline, "a", status="succeeded", lines=[], estimate=1)

    assert refusal(answer, 400, "invalid_fields")["errors"][0]["code"] == "not_together"


def test_refusals_come_in_their_order(shop: Shop) -> None:
    """not_enabled, unknown_step, price_missing, spend_limit_reached, quotas."""
    pipeline = shop.pipeline()
    buyer = shop.distributor(
        pipeline, spend_limit="0", quota_period="day", quota_calls=0, link={"enabled": 0}
    )
    (link,) = shop.installation.query(
        "select * from distributor_pipeline where distributor_id = %s", buyer.id
    )
    wrong = [{"unit": "none", "quantity": 1, "step_key": "no-step"}]

    def code(lines: Any, **fields: Any) -> str:
        return str(buyer.begin(pipeline, "a", **fields or {"status": "failed", "lines": lines})
                   .json()["code"])  # fmt: skip

    assert code(wrong) == "not_enabled"
    shop.post("pipeline_dist/distributor_pipeline_update", id=link["id"],
              lock_version=link["lock_version"], enabled=1)  # fmt: skip
    assert code(wrong) == "unknown_step"
    assert code([], estimate=wrong) == "unknown_step"
    assert code(use(1, "none")) == "price_missing"
    assert code([], estimate=use(1, "none")) == "price_missing"
    assert code(use(1)) == "spend_limit_reached"
    assert code([], estimate=use(1)) == "spend_limit_reached"
    assert code([]) == "quota_exceeded"


def test_the_period_of_a_limit_is_told_and_changed(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="5", spend_period="day")
    assert buyer.begin(pipeline, "a", status="succeeded", lines=use(5)).status_code == 201

    problem = refusal(buyer.begin(pipeline, "b"), 402, "spend_limit_reached")
    me = buyer.me()

    assert problem["resets_at"] == me["spend_resets_at"] is not None
    assert (me["spend_period"], me["spend_used"]) == ("day", "5.0000000000")
    # As if settled on another day: what it counts in is the day on the row.
    for period in ("month", "none", "day"):
        assert change(shop, buyer, spend_period=period).status_code == 200
        assert buyer.me()["spend_used"] == "5.0000000000"
        assert shop.ledger_differences() == ""


def test_a_prepaid_distributor_spends_its_balance(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, billing_mode="prepaid", spend_limit="1")
    refusal(buyer.begin(pipeline, "a"), 402, "spend_limit_reached")
    fields = {"distributor_id": buyer.id, "reason": "transfer"}

    row = shop.post(TOPUP, **fields, amount="10", reference="t-1")
    again = shop.post(TOPUP, **fields, amount="10.00", reference="t-1")

    assert (row["entry_type"], row["amount"], again["id"]) == (
        "topup", "10.0000000000", row["id"],
    )  # fmt: skip
    refusal(shop.try_post(TOPUP, **fields, amount="11", reference="t-1"), 409, "reference_reused")
    # An adjustment has numbers of its own.
    shop.post(ADJUST, **fields, amount="2", reference="t-1")
    call = buyer.begin(pipeline, "b", estimate=3).json()
    booking = buyer.begin(pipeline, "c", status="succeeded", lines=use(5))
    assert booking.status_code == 201
    problem = refusal(buyer.begin(pipeline, "d", status="succeeded", lines=use(1)), 402,
                      "spend_limit_reached")  # fmt: skip
    values = [problem[name] for name in ("balance", "limit", "used", "reserved", "amount")]
    assert [Decimal(value) for value in values] == [3, 3, 0, 3, 1]
    assert buyer.finish(call["call_no"], lines=use(7)).status_code == 200
    me = buyer.me()
    assert (me["balance"], me["spend_remaining"]) == ("-4.0000000000", "0.0000000000")
    assert (me["billing_mode"], me["spend_limit"]) == ("prepaid", None)
    # What is paid in is no part of the bill.
    assert me["spend_used"] == "14.0000000000"
    statement = buyer.client.get("/pipeline_dist/v1/statement").json()
    assert (statement["amount"], len(statement["adjustments"])) == ("14.0000000000", 1)
    assert shop.ledger_differences() == ""


def test_a_balance_begins_and_ends_with_the_billing(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    assert buyer.begin(pipeline, "a", status="succeeded", lines=use(5)).status_code == 201
    fields = {"distributor_id": buyer.id, "reason": "transfer"}
    refusal(shop.try_post(TOPUP, **fields, amount="1", reference="t"), 409, "not_prepaid")

    assert change(shop, buyer, billing_mode="prepaid").status_code == 200
    assert buyer.me()["balance"] == "0.0000000000"  # what was spent before is billed
    shop.post(TOPUP, **fields, amount="1", reference="t")
    refusal(change(shop, buyer, billing_mode="postpaid"), 409, "balance_left")
    shop.post(TOPUP, **fields, amount="-1", reference="back")
    assert change(shop, buyer, billing_mode="postpaid").status_code == 200
    assert buyer.me()["balance"] is None
    assert shop.ledger_differences() == ""


def test_what_no_coin_pays_is_no_balance_left(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, billing_mode="prepaid")
    fields = {"distributor_id": buyer.id, "reason": "transfer"}
    shop.post(TOPUP, **fields, amount="1", reference="t")
    assert buyer.begin(pipeline, "a", status="succeeded", lines=use("0.984")).status_code == 201
    problem = change(shop, buyer, billing_mode="postpaid")
    assert "a top-up of -0.01," in refusal(problem, 409, "balance_left")["detail"]
    shop.post(TOPUP, **fields, amount="-0.01", reference="back")

    assert change(shop, buyer, billing_mode="postpaid").status_code == 200
    assert shop.ledger_differences() == ""


@pytest.mark.parametrize("fields", [{"reference": None}, {"reference": ""}, {"amount": 0}])
def test_what_is_no_top_up_is_refused(shop: Shop, fields: dict[str, Any]) -> None:
    buyer = shop.distributor(billing_mode="prepaid")
    values = {"distributor_id": buyer.id, "amount": 1, "reason": "r", "reference": "x"} | fields

    refusal(shop.try_post(TOPUP, **values), 400, "invalid_fields")


def test_who_reads_the_use_misses_no_number(shop: Shop) -> None:
    """Calls without a line, what is voided, adjustments and top-ups too; each row once."""
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, billing_mode="prepaid")
    fields = {"distributor_id": buyer.id, "reason": "because"}
    shop.post(TOPUP, **fields, amount="10", reference="t")
    cancelled = buyer.begin(pipeline, "a").json()["call_no"]
    buyer.finish(cancelled, "cancelled")
    call = buyer.begin(pipeline, "b", status="succeeded", lines=[*use(1), *use(2)]).json()
    shop.post(ADJUST, **fields, amount="-1.5")
    shop.post("pipeline_ops/pipeline_usage_log_delete", id=call["call_no"], reason="wrong")

    lines: list[dict[str, Any]] = []
    query: dict[str, Any] = {"rows": 2}
    while True:
        page = buyer.client.get("/pipeline_dist/v1/usage", params=query).json()
        lines += page["rows"]
        if len(page["rows"]) < 2:
            break
        query = {"next": page["next"]}

    entries = shop.ledger("distributor_id = %s and entry_no is not null", buyer.id)
    places = [(line["entry_no"], line["call_no"], line["line_no"]) for line in lines]
    assert sorted(places) == sorted((r["entry_no"], r["call_no"], r["line_no"]) for r in entries)
    assert sorted({place[0] for place in places}) == [1, 2, 3, 4, 5]
    assert [line["entry_type"] for line in lines] == [
        "topup", "charge", "charge", "charge", "adjustment", "reversal", "reversal",
    ]  # fmt: skip
    total = buyer.client.get("/pipeline_dist/v1/usage", params={"group_by": "day"}).json()
    billed = [line for line in lines if line["entry_type"] != "topup"]
    assert total["total"] == {"calls": 0, "amount": "-1.5000000000"}
    assert sum(Decimal(line["amount"]) for line in billed) == Decimal("-1.5")
    assert sum(line["calls"] for line in billed) == 0
    assert sum(Decimal(row["amount"]) for row in total["rows"]) == Decimal("-1.5")


def test_many_clients_at_once_never_pass_the_limit(
    shop: Shop, server: Installation, tmp_path: Path
) -> None:
    """Through two workers, of two processes, on one database."""
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline, spend_limit="20")
    path, headers = "/pipeline_dist/v1/calls", buyer.client.headers

    with extra_worker(server, tmp_path) as worker, ThreadPoolExecutor(16) as pool:
        bases = [str(buyer.client.base_url).rstrip("/"), worker.base_url]

        def book(number: int) -> int:
            body = {"pipeline": pipeline.code, "status": "succeeded", "lines": use(3)}
            answer = buyer.client.post(
                bases[number % 2] + path, json=body,
                headers={**headers, "Idempotency-Key": f"k{number}"},
            )  # fmt: skip
            return answer.status_code

        statuses = list(pool.map(book, range(60)))

    assert statuses.count(201) == 6
    assert statuses.count(402) == 54
    assert money(shop, buyer) == (18, 0)
    assert shop.ledger_differences() == ""
