"""
Who may end a call that was begun before, and that nothing else opens with it.

A finish or a cancel is taken from a suspended or closed distributor, with an expired key, with the
key before the present one, and from any address; a key that was revoked, or rotated away without
grace, is none.
"""

from typing import Any

import httpx
import pytest

from tests.http.test_bookings import refusal
from tests.support.installation import Installation
from tests.support.raw_keys import EXPIRED, GRACE_OVER, change_keys
from tests.support.shop import Distributor, Pipeline, Shop

BOTH_WAYS = True  # tests/conftest.py

UPDATE = "pipeline_dist/distributors_update"
KEY = "pipeline_dist/distributor_generate_key"
V1 = "/pipeline_dist/v1/"
ONE = [{"unit": "call", "quantity": 1}]


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def change(shop: Shop, buyer: Distributor, **fields: Any) -> None:
    version = shop.row("distributors", buyer.id)["lock_version"]
    shop.post(UPDATE, id=buyer.id, lock_version=version, **fields)


def begin(buyer: Distributor, pipeline: Pipeline) -> str:
    answer = buyer.begin(pipeline, "first")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["call_no"])


def expire(shop: Shop, buyer: Distributor) -> None:
    # The form takes no time that is over.
    change_keys(shop.installation, buyer.id, EXPIRED)


def only_ends(buyer: Distributor, pipeline: Pipeline, call_no: str, status: int, code: str) -> None:
    """Fail unless the call is ended, and told again, and all else is refused as *code*."""

    def everything_else() -> list[httpx.Response]:
        booking = {"pipeline": pipeline.code, "status": "succeeded", "lines": ONE}
        item = booking | {"idempotency_key": "item"}
        client = buyer.client
        return [
            buyer.begin(pipeline, "second"),
            buyer.begin(pipeline, "first"),  # a repetition as well
            buyer.begin(pipeline, "third", status="succeeded", lines=ONE),
            client.post(V1 + "calls/batch", json={"calls": [item]}),
            client.post(V1 + "quote", json={"pipeline": pipeline.code, "lines": ONE}),
            client.get(V1 + "calls", params={"call_no": call_no}),
            *(client.get(V1 + name) for name in ("me", "pipelines", "usage", "statement")),
        ]

    for answer in everything_else():
        refusal(answer, status, code)
    refusal(
        buyer.client.post(
            V1 + "calls/finish", content=b"{", headers={"Content-Type": "application/json"}
        ),
        400,
        "bad_json",
    )
    refusal(buyer.finish("nobodys"), 404, "call_not_found")
    for replayed in (False, True):
        answer = buyer.finish(call_no, lines=ONE)
        assert answer.status_code == 200, answer.text
        assert ("Idempotent-Replayed" in answer.headers) is replayed
        assert answer.json()["amount"] == "1.0000000000"
    refusal(buyer.finish(call_no, "failed"), 409, "already_finished")
    for answer in everything_else():
        refusal(answer, status, code)


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_of_a_distributor_that_is_not_served(shop: Shop, state: str) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)

    change(shop, buyer, status=state)

    only_ends(buyer, pipeline, call_no, 403, "distributor_suspended")
    assert shop.ledger_differences() == ""


def test_from_another_address(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)

    change(shop, buyer, allowed_ips="203.0.113.0/24")

    only_ends(buyer, pipeline, call_no, 403, "ip_not_allowed")


def test_with_an_expired_key(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)

    expire(shop, buyer)

    only_ends(buyer, pipeline, call_no, 401, "invalid_key")


def test_with_the_key_before_when_its_grace_is_over(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)

    shop.post(KEY, id=buyer.id, grace_hours=1)
    change_keys(shop.installation, buyer.id, GRACE_OVER)

    only_ends(buyer, pipeline, call_no, 401, "invalid_key")


def test_with_a_key_that_was_rotated_away_after_it_expired(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)
    expire(shop, buyer)

    shop.post(KEY, id=buyer.id, grace_hours=1, expires_at="2099-01-01T00:00:00Z")

    only_ends(buyer, pipeline, call_no, 401, "invalid_key")


@pytest.mark.parametrize("way", ["revoked", "rotated", "rotated twice"])
def test_a_key_that_is_gone_ends_nothing(shop: Shop, way: str) -> None:
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)

    if way == "revoked":
        shop.post("pipeline_dist/distributor_revoke_key", id=buyer.id)
    else:
        shop.post(KEY, id=buyer.id, grace_hours=1 if way == "rotated twice" else 0)
    if way == "rotated twice":
        shop.post(KEY, id=buyer.id, grace_hours=1, end_previous=1)

    refusal(buyer.finish(call_no, lines=ONE), 401, "invalid_key")
    refusal(buyer.finish(call_no, "cancelled"), 401, "invalid_key")
    assert shop.ledger("call_no = %s", call_no)[0]["status"] == "reserved"


def test_nobody_ends_the_call_of_another(shop: Shop) -> None:
    pipeline = shop.pipeline()
    buyer, thief = shop.distributor(pipeline), shop.distributor(pipeline)
    call_no = begin(buyer, pipeline)
    change(shop, thief, status="suspended")

    refusal(thief.finish(call_no, "cancelled"), 404, "call_not_found")
    assert shop.ledger("call_no = %s", call_no)[0]["status"] == "reserved"
