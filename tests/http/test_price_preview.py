"""What a month would have cost under other prices; nothing is booked."""

from typing import Any

import pytest

from app.base.clock import now, quota_month
from tests.support.installation import Installation
from tests.support.shop import Distributor, Pipeline, Shop

PREVIEW = "pipeline_ops/price_preview"


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def preview(shop: Shop, **fields: Any) -> dict[str, Any]:
    answer = shop.try_post(PREVIEW, month=quota_month(now()), **fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()["data"]
    return body


def book(buyer: Distributor, pipeline: Pipeline, key: str, quantity: int, **more: Any) -> str:
    line = {"unit": "call", "quantity": quantity} | more
    answer = buyer.begin(pipeline, key, status="succeeded", lines=[line])
    assert answer.status_code == 201, answer.text
    return str(answer.json()["call_no"])


def sums(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in (*names, "booked", "amount")) for row in rows]


def test_a_month_is_priced_again(shop: Shop) -> None:
    pipeline = shop.pipeline()
    plain = shop.distributor(pipeline)
    cheaper = shop.distributor(pipeline, link={"pricing_mode": "discount", "discount_rate": "0.5"})
    book(plain, pipeline, "a", 3, model="m1")
    book(plain, pipeline, "b", 1)
    book(cheaper, pipeline, "a", 10)
    voided = book(cheaper, pipeline, "b", 100)
    (header,) = shop.ledger("call_no = %s", voided)
    shop.post("pipeline_ops/pipeline_usage_log_delete", id=header["id"], reason="a test")
    before = shop.installation.query("select count(*) as n, max(entry_no) as e"
                                     " from pipeline_usage_log")  # fmt: skip

    price = {"pipeline_id": pipeline.id, "unit": "call", "unit_price": "2"}
    body = preview(shop, prices=[price])

    mine = [row for row in body["by_pipeline"] if row["pipeline_id"] == pipeline.id]
    assert sums(mine, "pipeline", "currency") == [
        (pipeline.code, "CNY", "9.0000000000", "18.0000000000")
    ]
    assert mine[0]["difference"] == "9.0000000000"
    rows = [row for row in body["rows"] if row["pipeline_id"] == pipeline.id]
    assert sorted(sums(rows, "distributor", "model")) == sorted([
        (plain.code, "m1", "3.0000000000", "6.0000000000"),
        (plain.code, "", "1.0000000000", "2.0000000000"),
        (cheaper.code, "", "5.0000000000", "10.0000000000"),
    ])  # fmt: skip
    assert body["lines"] == 3
    assert body["missing"] == []
    one = preview(shop, prices=[price], distributor_id=cheaper.id)
    assert sums(one["totals"]) == [("5.0000000000", "10.0000000000")]
    assert sums(one["by_distributor"], "distributor") == [
        (cheaper.code, "5.0000000000", "10.0000000000")
    ]
    assert sums(one["by_model"], "model") == [("", "5.0000000000", "10.0000000000")]
    assert before == shop.installation.query(
        "select count(*) as n, max(entry_no) as e from pipeline_usage_log"
    )


def test_changes_are_of_prices_in_the_list(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[])
    price = shop.post(
        "pipeline_ops/pipeline_pricing_create", pipeline_id=pipeline.id, unit="call", unit_price=1
    )
    buyer = shop.distributor(pipeline)
    book(buyer, pipeline, "a", 4)

    def amount(**change: Any) -> dict[str, Any]:
        return preview(shop, changes=[{"id": price["id"], **change}], distributor_id=buyer.id)

    assert sums(amount()["totals"]) == [("4.0000000000", "4.0000000000")]
    assert sums(amount(unit_price="0.25")["totals"]) == [("4.0000000000", "1.0000000000")]
    without = amount(enabled=0)
    assert sums(without["totals"]) == [("4.0000000000", "0.0000000000")]
    (missing,) = without["missing"]
    assert (missing["unit"], missing["lines"], missing["quantity"]) == ("call", 1, "4.000000")


def test_an_own_price_is_tried_and_packages_are_shared(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer, other = shop.distributor(pipeline), shop.distributor(pipeline)
    for key, quantity in (("a", 4), ("b", 4), ("c", 4)):
        book(buyer, pipeline, key, quantity)
    book(other, pipeline, "a", 4)

    body = preview(shop, prices=[{
        "pipeline_id": pipeline.id, "distributor_id": buyer.id, "unit": "call",
        "pricing_type": "package", "package_size": 10, "package_price": "3",
    }])  # fmt: skip

    rows = [row for row in body["rows"] if row["pipeline_id"] == pipeline.id]
    assert sorted(sums(rows, "distributor")) == sorted([
        (buyer.code, "12.0000000000", "6.0000000000"),
        (other.code, "4.0000000000", "4.0000000000"),
    ])  # fmt: skip


def test_what_is_wrong_is_told_at_its_place(shop: Shop) -> None:
    pipeline = shop.pipeline()
    month = quota_month(now())

    def problems(**fields: Any) -> dict[str, str]:
        answer = shop.try_post(PREVIEW, **{"month": month, **fields})
        assert answer.status_code == 400, answer.text
        return {one["pointer"]: one["code"] for one in answer.json()["errors"]}

    price = {"pipeline_id": pipeline.id, "unit": "call"}
    assert problems() == {"/prices": "required"}
    assert problems(month="November") == {"/month": "bad_month"}
    assert problems(prices=[price, 7]) == {
        "/prices/0/unit_price": "required", "/prices/1": "not_an_object",
    }  # fmt: skip
    for fields in (
        {"changes": [{"id": "none"}]},
        {"prices": [price | {"pipeline_id": "none", "unit_price": "1"}]},
        {"prices": [price | {"unit_price": "1"}], "distributor_id": "none"},
    ):
        assert shop.try_post(PREVIEW, month=month, **fields).status_code == 404


@pytest.mark.parametrize(
    ("mode", "affected", "missing"),
    [("inherit", (1, 0, "2.0000000000"), []), ("fixed", (0, 1, "0.0000000000"), [("call", 1)])],
)
def test_an_own_price_that_is_removed_is_part_of_the_trial(
    shop: Shop, mode: str, affected: tuple[int, int, str], missing: list[Any]
) -> None:
    pipeline = shop.pipeline()
    own = {"unit": "call", "unit_price": "0.5"}
    link = {"pricing_mode": mode, "fixed_prices": [own]}
    buyer, other = (shop.distributor(pipeline, link=link) for _ in range(2))
    for one in (buyer, other):
        book(one, pipeline, "a", 4)
    (price,) = shop.installation.query(
        "select id from pipeline_pricing where distributor_id = %s", buyer.id
    )

    body = preview(shop, changes=[{"id": price["id"], "enabled": 0, "effective_from": None}])

    (row,) = body["affected"]
    assert (row["distributor"], row["lines"], row["missing"]) == (buyer.code, *affected[:2])
    assert row["difference"] == affected[2]
    assert [(one["unit"], one["lines"]) for one in body["missing"]] == missing


def test_two_prices_for_one_use_at_once_are_refused(shop: Shop) -> None:
    price = {"pipeline_id": shop.pipeline().id, "unit": "call", "unit_price": "2"}
    start = "2026-11-10T00:00:00Z"
    answer = shop.try_post(PREVIEW, month="2026-11", prices=[price, price | {"unit_price": "3"}])

    assert answer.status_code == 400
    assert [(item["pointer"], item["code"]) for item in answer.json()["errors"]] == [
        ("/prices/1/effective_from", "price_overlap")
    ]
    one_after_another = [price | {"effective_to": start}, price | {"effective_from": start}]
    assert preview(shop, prices=[*one_after_another, price | {"model": "m1"}])["lines"] == 0


@pytest.mark.parametrize(("who", "status"), [("operator", 200), ("viewer", 403)])
def test_it_is_for_those_who_may_change_prices(
    shop: Shop, server: Installation, who: str, status: int
) -> None:
    pipeline = shop.pipeline()
    body = {"month": "2026-11",
            "prices": [{"pipeline_id": pipeline.id, "unit": "call", "unit_price": 1}]}  # fmt: skip

    answer = server.sign_in(who).post("/pipeline_ops/api/price_preview.dspy", json=body)

    assert answer.status_code == status
