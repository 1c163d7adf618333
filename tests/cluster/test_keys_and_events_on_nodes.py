"""Keys, events and quotas of days that are over, as two nodes of a database cluster change them at
the same moment."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from app.base.clock import day_bounds, now, quota_day
from app.runtime.processes import wait_until
from tests.support.galera import Node, client_of
from tests.support.shop import Distributor, Pipeline, Shop

API = "/pipeline_dist/v1"
QUOTA = 30
CREDITS = 20
ROUNDS = 10


@contextmanager
def together(*works: Callable[[], None]) -> Iterator[None]:
    """Do *works* at once, beside what the context does, and wait for them."""
    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(work) for work in works]
        yield
    for future in futures:
        future.result()


def test_a_key_that_was_revoked_on_one_node_is_none_on_another(
    nodes: list[Node], shop: Shop
) -> None:
    """At the next request, which no node may answer by what it remembers."""
    pipeline = shop.pipeline()
    buyer = shop.distributor(pipeline)
    for number in range(ROUNDS):
        name = f"program-{number}"
        answer = buyer.client.post(
            f"{API}/keys", json={"name": name, "scopes": ["calls", "read"]},
            headers={"Idempotency-Key": name},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        rows = buyer.client.get(f"{API}/keys").json()["rows"]
        key_id = next(row["id"] for row in rows if row["name"] == name)
        with client_of(nodes[1], answer.json()["api_key"]) as there:
            assert there.get(f"{API}/me").status_code == 200
            assert book(there, pipeline, f"{name}-1").status_code == 201

            revoked = buyer.client.post(f"{API}/keys/revoke", json={"key_id": key_id})

            assert revoked.status_code == 200, revoked.text
            assert book(there, pipeline, f"{name}-2").status_code == 401
            assert there.get(f"{API}/me").status_code == 401
    assert shop.row("distributors", buyer.id)["entry_no"] == ROUNDS
    assert shop.ledger_differences() == ""


def book(
    client: httpx.Client, pipeline: Pipeline, key: str, started_at: datetime | None = None
) -> httpx.Response:
    """A call that is over, with *started_at* one that is told of afterwards."""
    # Without items: the prices are of today.
    body: dict[str, Any] = {"pipeline": pipeline.code, "status": "succeeded", "lines": []}
    if started_at is not None:
        body["started_at"] = started_at.isoformat()
    return until_well(
        lambda: client.post(f"{API}/calls", json=body, headers={"Idempotency-Key": key})
    )


def until_well(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask again while nodes that write the same rows take one another back, as a client does."""
    answer = ask()
    for _ in range(20):
        if answer.status_code != 503:
            break
        answer = ask()
    return answer


def test_the_numbers_of_events_have_no_gap_on_any_node(nodes: list[Node], shop: Shop) -> None:
    buyer = shop.distributor(shop.pipeline())
    for node in nodes[:2]:
        node.wait_for_row("distributors", id=buyer.id)

    def pay(node: Node) -> Callable[[], None]:
        own_shop = Shop(node.installation)

        def work() -> None:
            for number in range(CREDITS):
                reason = f"{node.installation.base_url} {number}"
                fields = {"distributor_id": buyer.id, "amount": "1", "reason": reason}
                answer = until_well(
                    partial(own_shop.try_post, "pipeline_dist/distributor_adjust", **fields)
                )
                assert answer.status_code == 200, answer.text

        return work

    with together(*map(pay, nodes[:2])):
        pass

    feeds = []
    for node in nodes:
        with client_of(node, buyer.api_key) as client:
            feeds.append(client.get(f"{API}/events", params={"rows": 1000}).json())
    assert [row["event_no"] for row in feeds[0]["rows"]] == list(range(1, 2 * CREDITS + 1))
    assert len({row["data"]["entry_no"] for row in feeds[0]["rows"]}) == 2 * CREDITS
    assert feeds[1] == feeds[0] == feeds[2]
    assert shop.ledger_differences() == ""


def seller(nodes: list[Node], shop: Shop, **link: Any) -> tuple[Pipeline, Distributor, datetime]:
    """A line with a capacity, a distributor that has it for long, and an hour of yesterday."""
    pipeline = shop.pipeline(capacity={"daily_quota": QUOTA})
    buyer = shop.distributor(pipeline, link=link)
    shop.installation.query(
        "update distributor_pipeline set created_at = '2020-01-01' where distributor_id = %s",
        buyer.id,
    )
    for node in nodes[:2]:
        node.wait_for_row("distributor_pipeline", distributor_id=buyer.id)
    yesterday = quota_day(now() - timedelta(days=1))
    assert buyer.begin(
        pipeline, "today", status="succeeded", lines=[{"unit": "call", "quantity": 1}]
    ).status_code == 201  # fmt: skip
    return pipeline, buyer, day_bounds(yesterday)[0] + timedelta(hours=12)


def test_two_nodes_do_not_pass_the_quota_of_a_day_that_is_over(
    nodes: list[Node], shop: Shop
) -> None:
    pipeline, buyer, noon = seller(nodes, shop, daily_quota=QUOTA + 10)
    codes: list[int] = []

    def fill(node: Node) -> Callable[[], None]:
        def work() -> None:
            with client_of(node, buyer.api_key) as client:
                for number in range(QUOTA):
                    key = f"{node.installation.base_url} {number}"
                    codes.append(book(client, pipeline, key, noon).status_code)

        return work

    with together(*map(fill, nodes[:2])):
        pass

    assert (codes.count(201), codes.count(429)) == (QUOTA, QUOTA), codes
    (counter,) = shop.installation.query(
        "select used from app_past_counter where pipeline_id = %s and distributor_id = ''"
        " and period_key = %s", pipeline.id, quota_day(noon),
    )  # fmt: skip
    assert counter["used"] == QUOTA
    assert shop.ledger_differences() == ""


def test_the_counters_hold_though_the_capacity_is_deleted_and_made_anew(
    nodes: list[Node], shop: Shop
) -> None:
    pipeline, buyer, noon = seller(nodes, shop)
    is_over = threading.Event()

    def fill(node: Node) -> Callable[[], None]:
        def work() -> None:
            number = 0
            with client_of(node, buyer.api_key) as client:
                while not is_over.is_set():
                    number += 1
                    key = f"{node.installation.base_url} {number}"
                    answer = book(client, pipeline, key, noon)
                    assert answer.status_code == 201, answer.text

        return work

    with together(*map(fill, nodes[:2])):
        try:
            for _ in range(ROUNDS):
                (capacity,) = shop.installation.query(
                    "select id, lock_version from pipeline_capacity where pipeline_id = %s",
                    pipeline.id,
                )
                shop.post("pipeline_ops/pipeline_capacity_delete", **capacity)
                shop.post(
                    "pipeline_ops/pipeline_capacity_create", pipeline_id=pipeline.id,
                    daily_quota=1_000_000,
                )  # fmt: skip
        finally:
            is_over.set()

    # What another node has committed comes here a moment later.
    assert wait_until(lambda: shop.ledger_differences() == "", 20), shop.ledger_differences()
