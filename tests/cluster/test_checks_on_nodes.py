"""
What must not both happen, asked of three nodes at the same moment: each node sees only its own
locks, so what is checked is written too, and one of two is done again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

import httpx
import pytest

from tests.support.galera import Node
from tests.support.shop import Shop
from tests.support.witness import Witness

ROUNDS = 8
T = TypeVar("T")


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do all *tasks* at the same moment; their results in order."""
    gate = threading.Barrier(len(tasks))
    results: list[T | None] = [None] * len(tasks)

    def run(number: int) -> None:
        gate.wait()
        results[number] = tasks[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [result for result in results if result is not None]


@pytest.fixture(scope="module")
def administrators(nodes: list[Node]) -> list[httpx.Client]:
    """A client on each host, signed in there."""
    return [node.installation.admin for node in nodes]


def create_price(client: httpx.Client, pipeline_id: str, unit_price: str) -> httpx.Response:
    fields = {"pipeline_id": pipeline_id, "unit": "image", "unit_price": unit_price}
    return client.post("/pipeline_ops/api/pipeline_pricing_create.dspy", json=fields)


def test_one_price_is_in_force(
    nodes: list[Node], shop: Shop, administrators: list[httpx.Client]
) -> None:
    """The same price made on three nodes at once: one is in force, however many were tried."""
    for _ in range(ROUNDS):
        pipeline = shop.pipeline(prices=[])
        for node in nodes:
            node.wait_for_row("pipeline_versions", pipeline_id=pipeline.id, status="published")

        answers = at_once(
            [
                partial(create_price, client, pipeline.id, str(number))
                for number, client in enumerate(administrators, 1)
            ]
        )

        assert sorted(answer.status_code for answer in answers) == [200, 409, 409], [
            answer.text for answer in answers
        ]
        rows = nodes[0].installation.query(
            "select id from pipeline_pricing where pipeline_id = %s and enabled = 1"
            " and unit = 'image'", pipeline.id,
        )  # fmt: skip
        assert len(rows) == 1


def test_what_is_deleted_has_no_children(
    nodes: list[Node], shop: Shop, administrators: list[httpx.Client]
) -> None:
    """A pipeline is deleted on one node while another node gives it a capacity: one of both."""
    for number in range(ROUNDS):
        record = shop.post("pipeline_core/pipelines_create", code=f"orphan-{number}", name="x")
        nodes[1].wait_for_row("pipelines", id=record["id"])
        delete_it = partial(
            administrators[0].post, "/pipeline_core/api/pipelines_delete.dspy",
            json={"id": record["id"]},
        )  # fmt: skip
        add_capacity = partial(
            administrators[1].post, "/pipeline_ops/api/pipeline_capacity_create.dspy",
            json={"pipeline_id": record["id"], "daily_quota": 5},
        )  # fmt: skip

        answers = at_once([delete_it, add_capacity])

        assert [answer.status_code for answer in answers].count(200) == 1, [
            answer.text for answer in answers
        ]
    orphans = (
        "select c.id from pipeline_capacity c left join pipelines p on p.id = c.pipeline_id"
        " where p.id is null"
    )
    time.sleep(0.5)
    assert nodes[2].installation.query(orphans) == []


def delete(shop: Shop, capacity_id: str) -> None:
    """Delete a capacity under load: calls of other nodes may come first, five times at a time."""
    for _ in range(20):
        answer = shop.try_post("pipeline_ops/pipeline_capacity_delete", id=capacity_id)
        if answer.status_code != 503:
            break
    assert answer.status_code == 200, answer.text


def create(shop: Shop, pipeline_id: str) -> str:
    """Make a capacity under load."""
    for _ in range(20):
        answer = shop.try_post(
            "pipeline_ops/pipeline_capacity_create",
            pipeline_id=pipeline_id, daily_quota=1_000_000, max_concurrency=1000,
        )  # fmt: skip
        if answer.status_code != 503:
            break
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def test_a_capacity_that_is_made_counts_every_call(nodes: list[Node], shop: Shop) -> None:
    """Where there is none, calls change no row of the pipeline; made on one node while others let
    calls in, it has all of them."""
    pipeline = shop.pipeline()
    buyers = [shop.distributor(pipeline) for _ in nodes]
    for node in nodes:
        node.wait_for_row("distributor_pipeline", distributor_id=buyers[-1].id)
    witnesses = [
        Witness(node.installation.base_url, buyer.api_key, pipeline.code, clients=3)
        for node, buyer in zip(nodes, buyers, strict=True)
    ]
    with ExitStack() as stack:
        for witness in witnesses:
            stack.enter_context(witness)
        for witness in witnesses:
            witness.wait_for_more(5)
        for _ in range(ROUNDS):
            capacity_id = create(shop, pipeline.id)
            time.sleep(0.3)
            delete(shop, capacity_id)
            time.sleep(0.2)
        create(shop, pipeline.id)
        witnesses[0].wait_for_more(5)
    time.sleep(1)
    assert [problem for witness in witnesses for problem in witness.problems] == []
    assert shop.ledger_differences() == ""
