"""Prices as administrators enter them: checked, succeeded instead of edited; of several that are
entered at once, one."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.http.test_bookings import ONE, PRICING, pointers, refusal
from tests.support.installation import Installation
from tests.support.shop import Pipeline, Shop

WRITERS = 6


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def test_two_prices_for_the_same_use_never_overlap(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[])
    common = {"pipeline_id": pipeline.id, "unit": "image", "unit_price": "1"}

    def price(start: str, end: str | None, **more: Any) -> httpx.Response:
        return shop.try_post(
            f"{PRICING}_create",
            **{**common, "effective_from": start, "effective_to": end, **more},
        )

    first = price("2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z")
    assert first.status_code == 200, first.text
    overlap = refusal(price("2026-06-30T23:59:59Z", None), 409, "price_overlap")
    assert overlap["other"]["id"] == first.json()["data"]["id"]
    refusal(price("2025-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z"), 409, "price_overlap")
    refusal(price("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"), 409, "price_overlap")
    # Ends touch; another step, model or unit; switched off: all fine.
    assert price("2026-07-01T00:00:00Z", None).status_code == 200
    assert price("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z").status_code == 200
    assert price("2026-02-01T00:00:00Z", None, step_key="s1").status_code == 200
    assert price("2026-02-01T00:00:00Z", None, model="m").status_code == 200
    off = price("2026-02-01T00:00:00Z", None, enabled=0)
    assert off.status_code == 200
    refusal(
        shop.try_post(f"{PRICING}_update", id=off.json()["data"]["id"], lock_version=1, enabled=1),
        409,
        "price_overlap",
    )


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"unit_price": None}, {"/unit_price"}),
        ({"pricing_type": "package"}, {"/package_size", "/package_price", "/unit_price"}),
        ({"package_size": 5, "package_price": 0}, {"/package_size", "/package_price"}),
        ({"unit_price": "1.1234567"}, {"/unit_price"}),
        ({"unit_price": "-1"}, {"/unit_price"}),
        ({"unit_price": "abc", "unit_size": 0}, {"/unit_price", "/unit_size"}),
        ({"effective_from": "2026-02-01T00:00:00Z", "effective_to": "2026-02-01T00:00:00Z"},
         {"/effective_to"}),
        ({"pipeline_id": "nobody"}, {"/pipeline_id"}),
        ({"colour": "red"}, {"/colour"}),
    ],
)  # fmt: skip
def test_a_price_that_is_not_right_is_refused_field_by_field(
    shop: Shop, fields: dict[str, Any], wrong: set[str]
) -> None:
    pipeline = shop.pipeline(prices=[])
    values = {"pipeline_id": pipeline.id, "unit": "call", "unit_price": "1"} | fields

    problem = refusal(shop.try_post(f"{PRICING}_create", **values), 400, "invalid_fields")

    assert pointers(problem) == wrong


def price_of(shop: Shop, pipeline: Pipeline) -> dict[str, Any]:
    (row,) = shop.installation.query(
        "select id, step_key, model, unit, pricing_type, unit_price from pipeline_pricing"
        " where pipeline_id = %s",
        pipeline.id,
    )
    return row


def test_a_price_in_force_is_succeeded_and_ended_not_edited(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    price = price_of(shop, pipeline)
    body = buyer.begin(pipeline, "a", status="succeeded", lines=ONE).json()

    change = {"id": price["id"], "lock_version": 1, "unit_price": "2"}
    refusal(shop.try_post(f"{PRICING}_update", **change), 409, "in_use")
    successor = shop.post(f"{PRICING}_update", **change, change_from="now")
    assert successor["unit_price"] == "2.000000"
    assert successor["replaces"] == successor["ended"]["id"] == price["id"]
    assert buyer.read(body["call_no"])["lines"][0]["unit_price"] == "1.000000"
    assert (
        buyer.begin(pipeline, "b", status="succeeded", lines=ONE).json()["amount"] == "2.0000000000"
    )
    refusal(shop.try_post(f"{PRICING}_update", **change, change_from="now"), 409, "edit_conflict")
    record = shop.post(f"{PRICING}_delete", id=successor["id"])
    assert record["effective_to"] is not None
    refusal(buyer.begin(pipeline, "c", status="succeeded", lines=ONE), 409, "price_missing")
    refusal(shop.try_post(f"{PRICING}_delete", id=successor["id"]), 409, "in_use")
    unused = shop.post(
        f"{PRICING}_create", pipeline_id=pipeline.id, unit="image", unit_price="1", enabled=0
    )
    shop.post(f"{PRICING}_delete", id=unused["id"])


@pytest.mark.parametrize("start", ["tomorrow", "2020-01-01", "2020-01-01T00:00:00Z"])
def test_from_when_a_change_holds_is_now_or_a_time_to_come(shop: Shop, start: str) -> None:
    price = price_of(shop, shop.pipeline())

    problem = refusal(
        shop.try_post(
            f"{PRICING}_update", id=price["id"], lock_version=1, unit_price="2", change_from=start
        ),
        400,
        "invalid_fields",
    )

    assert pointers(problem) == {"/change_from"}


@pytest.mark.parametrize(
    "other",
    [{"step_key": "s1"}, {"model": "m1"}, {"unit": "image"},
     {"pricing_type": "package", "package_size": 10, "package_price": "7", "unit_price": None}],
)  # fmt: skip
def test_what_a_price_in_force_is_for_does_not_change(shop: Shop, other: dict[str, Any]) -> None:
    pipeline = shop.pipeline()
    price = price_of(shop, pipeline)
    same = {name: str(value) for name, value in price.items()}
    draft = shop.post(
        f"{PRICING}_create", pipeline_id=pipeline.id, unit="page", unit_price="1", enabled=0
    )
    shop.post(f"{PRICING}_update", id=draft["id"], lock_version=1, **other)

    problem = refusal(
        shop.try_post(f"{PRICING}_update", **(same | other), lock_version=1), 409, "in_use"
    )

    assert pointers(problem) == {f"/{name}" for name in other}
    assert problem["ask"]["name"] == "change_from"
    # A form sends what did not change along.
    again = shop.post(f"{PRICING}_update", **same, remark="as agreed", lock_version=1)
    assert again["remark"] == "as agreed"


@pytest.fixture(scope="module")
def writers(server: Installation) -> Iterator[list[httpx.Client]]:
    clients = [server.sign_in("admin") for _ in range(WRITERS)]
    yield clients
    for client in clients:
        client.close()


def at_once(writers: list[httpx.Client], endpoint: str, **fields: Any) -> Counter[str]:
    """What each is told: `ok`, or the code of the refusal."""
    url = f"/pipeline_ops/api/pipeline_pricing_{endpoint}.dspy"
    with ThreadPoolExecutor(WRITERS) as threads:
        answers = list(threads.map(lambda client: client.post(url, json=fields), writers))
    return Counter("ok" if one.status_code == 200 else one.json()["code"] for one in answers)


@pytest.mark.parametrize("start", [None, "2099-01-01T00:00:00Z"])
def test_one_price_of_a_key_is_made(
    shop: Shop, writers: list[httpx.Client], start: str | None
) -> None:
    pipeline = shop.pipeline(prices=[])

    outcome = at_once(
        writers, "create", pipeline_id=pipeline.id, unit="call", unit_price="1",
        effective_from=start,
    )  # fmt: skip

    assert outcome == {"ok": 1, "price_overlap": WRITERS - 1}


def test_one_successor_is_made(
    server: Installation, shop: Shop, writers: list[httpx.Client]
) -> None:
    pipeline = shop.pipeline()
    (price,) = server.query("select id from pipeline_pricing where pipeline_id = %s", pipeline.id)

    outcome = at_once(
        writers, "update", id=price["id"], lock_version=1, unit_price="2", change_from="now"
    )

    assert outcome == {"ok": 1, "edit_conflict": WRITERS - 1}
    rows = server.query("select id from pipeline_pricing where pipeline_id = %s", pipeline.id)
    assert len(rows) == 2


def test_a_currency_of_the_past_is_not_chosen_and_stays_where_it_is(
    server: Installation, shop: Shop
) -> None:
    pipeline = shop.pipeline(prices=[])
    price = {"pipeline_id": pipeline.id, "unit": "call", "unit_price": "1"}
    old = shop.post(f"{PRICING}_create", **price)
    server.query("update pipeline_pricing set currency = 'DEM' where id = %s", old["id"])
    buyer = {"code": "of-the-past", "name": "Of the past"}

    for path, fields in (
        (f"{PRICING}_create", price | {"unit": "image", "currency": "DEM"}),
        ("pipeline_dist/distributors_create", buyer | {"currency": "DEM"}),
    ):
        problem = refusal(shop.try_post(path, **fields), 400, "invalid_fields")
        assert pointers(problem) == {"/currency"}
    successor = shop.post(
        f"{PRICING}_update", id=old["id"], lock_version=1, unit_price="2", currency="DEM",
        change_from="now",
    )  # fmt: skip

    assert successor["currency"] == "DEM"
