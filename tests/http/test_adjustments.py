"""Adjustments: what is booked on a distributor's bill by hand, beside all calls."""

import csv
from decimal import Decimal
from io import StringIO

import pytest

from tests.http.test_bookings import ONE, refusal
from tests.support.installation import Installation
from tests.support.shop import Shop

ADJUST = "pipeline_dist/distributor_adjust"
BOOK = "pipeline_ops/pipeline_usage_log_create"
VOID = "pipeline_ops/pipeline_usage_log_delete"


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def test_an_adjustment_raises_the_bill_and_a_credit_lowers_it(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    buyer.begin(pipeline, "a", status="succeeded", lines=ONE)

    row = shop.post(ADJUST, distributor_id=buyer.id, amount="12.34", reason="set-up")
    shop.post(ADJUST, distributor_id=buyer.id, amount=-20, reason="goodwill", reference="cn-1")

    assert (row["entry_type"], row["entry_no"], row["calls"]) == ("adjustment", 2, 0)
    assert (row["line_no"], row["pipeline_id"], row["status"]) == (0, None, "succeeded")
    assert (row["reason"], row["amount"]) == ("set-up", "12.3400000000")
    assert Decimal(buyer.me()["spend_used"]) == Decimal("-6.66")
    statement = buyer.client.get("/pipeline_dist/v1/statement").json()
    assert (statement["calls"], statement["amount"]) == (1, "-6.6600000000")
    usage = buyer.client.get(
        "/pipeline_dist/v1/usage", params={"month": statement["month"], "group_by": "day"}
    ).json()
    assert usage["total"] == {"calls": 1, "amount": "-6.6600000000"}
    assert shop.ledger_differences() == ""


def test_a_reference_is_booked_once(shop: Shop) -> None:
    buyer = shop.distributor(shop.pipeline())
    other = shop.distributor(shop.pipeline())
    fields = {"amount": "-5", "reason": "goodwill", "reference": "cn-1"}

    first = shop.post(ADJUST, distributor_id=buyer.id, **fields)
    again = shop.post(ADJUST, distributor_id=buyer.id, **fields)
    shop.post(ADJUST, distributor_id=other.id, **fields)

    assert again["id"] == first["id"]
    answer = shop.try_post(ADJUST, distributor_id=buyer.id, **fields | {"amount": "-6"})
    refusal(answer, 409, "reference_reused")
    assert Decimal(buyer.me()["spend_used"]) == -5
    assert shop.ledger_differences() == ""


def test_an_id_is_told_exactly(shop: Shop) -> None:
    """The database would find a row by its id in other capitals, and write that into the ledger."""
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    other = buyer.id.swapcase()

    answer = shop.try_post(ADJUST, distributor_id=other, amount=1, reason="set-up")
    refusal(answer, 404, "not_found")
    for fields in ({"distributor_id": other}, {"pipeline_id": pipeline.id.swapcase()}):
        booking = {"distributor_id": buyer.id, "pipeline_id": pipeline.id} | fields
        answer = shop.try_post(BOOK, **booking, status="succeeded", lines=ONE)
        problem = refusal(answer, 400, "invalid_fields")
        assert [item["pointer"] for item in problem["errors"]] == [f"/{next(iter(fields))}"]
    assert shop.ledger("distributor_id = %s", buyer.id) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reference": "x" * 201}, "reference"),
    ],
)
def test_what_is_not_fit_is_refused(shop: Shop, fields: dict[str, str], field: str) -> None:
    buyer = shop.distributor(shop.pipeline())

    answer = shop.try_post(
        ADJUST, **{"distributor_id": buyer.id, "amount": "1", "reason": "r"} | fields
    )

    assert answer.status_code == 400
    assert f"/{field}" in answer.text


def test_an_adjustment_is_not_voided(shop: Shop) -> None:
    buyer = shop.distributor(shop.pipeline())
    row = shop.post(ADJUST, distributor_id=buyer.id, amount="1", reason="r")

    refusal(shop.try_post(VOID, id=row["id"], reason="no"), 409, "not_voidable")


def test_an_adjustment_is_no_call(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    row = shop.post(ADJUST, distributor_id=buyer.id, amount="1", reason="r")

    call = buyer.client.get("/pipeline_dist/v1/calls", params={"call_no": row["call_no"]})
    refusal(call, 404, "call_not_found")
    refusal(buyer.finish(row["call_no"], "cancelled"), 404, "call_not_found")
    overview = shop.admin.get(
        "/pipeline_dist/api/distributor_overview.dspy", params={"id": buyer.id}
    ).json()["data"]
    assert [(day["calls"], day["succeeded"]) for day in overview["by_day"]] == [(0, 0)]
    shop.post("pipeline_ops/pipeline_usage_log_update", id=row["id"], remark="seen")


def test_adjustments_stand_in_the_statements_files(shop: Shop) -> None:
    buyer = shop.distributor(shop.pipeline())
    shop.post(ADJUST, distributor_id=buyer.id, amount="-1.5", reason="=goodwill")

    statement = buyer.client.get("/pipeline_dist/v1/statement").json()
    text = buyer.client.get("/pipeline_dist/v1/statement.csv").text

    (adjustment,) = statement["adjustments"]
    assert (adjustment["amount"], adjustment["reason"], adjustment["reference"]) == (
        "-1.5000000000", "=goodwill", None,
    )  # fmt: skip
    assert statement["total"] == "-1.50"
    row, last = csv.DictReader(StringIO(text))
    assert (row["kind"], row["reason"], row["amount"]) == (
        "adjustment", "'=goodwill", "-1.5000000000",
    )  # fmt: skip
    assert (last["kind"], last["total"]) == ("total", "-1.50")
    assert buyer.client.get("/pipeline_dist/v1/statement.xlsx").status_code == 200
