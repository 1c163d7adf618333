"""Packages that two nodes of a database cluster use at once: a lock of one node is none of the
other's, so only what is written keeps them apart."""

import threading
import time
from math import ceil

import httpx
import pytest

from app.runtime.processes import wait_until
from tests.support.galera import Node
from tests.support.installation import DIRECT
from tests.support.shop import Distributor, Pipeline, Shop

ROUNDS = 10
PRICE = {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"}


def wait_for_call(nodes: list[Node], call_no: str) -> None:
    """Wait until all nodes know the call."""
    for node in nodes:
        node.wait_for_row("pipeline_usage_log", call_no=call_no)


def finish_at_once(nodes: list[Node], buyer: Distributor, calls: list[str], images: int) -> None:
    """Finish each of *calls* on another node, all at the same moment."""
    gate = threading.Barrier(len(calls))
    answers: list[httpx.Response] = []

    def finish(node: Node, call_no: str) -> None:
        headers = {"Authorization": f"Bearer {buyer.api_key}"}
        body = {"call_no": call_no, "status": "succeeded",
                "lines": [{"unit": "image", "quantity": images}]}  # fmt: skip
        with httpx.Client(
            base_url=node.installation.base_url, headers=headers, timeout=60, **DIRECT
        ) as client:
            client.get("/pipeline_dist/v1/me")  # the connection, and the key is known there
            gate.wait()
            answers.append(client.post("/pipeline_dist/v1/calls/finish", json=body))

    threads = [
        threading.Thread(target=finish, args=pair) for pair in zip(nodes, calls, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * len(calls), [
        answer.text for answer in answers
    ]


def check_packages(shop: Shop, nodes: list[Node], buyer: Distributor, units: int) -> None:
    """Hold what was charged, and what is left, against what is due, on every node."""
    count = ceil(units / 100)
    # What another node has committed comes here a moment later.
    assert wait_until(lambda: shop.row("distributors", buyer.id)["spend_used"] == count * 25, 20), (
        shop.row("distributors", buyer.id)
    )
    for node in nodes:
        deadline = time.monotonic() + 20
        text = "select units_left from app_package_use where distributor_id = %s"
        while node.installation.query(text, buyer.id) != [{"units_left": count * 100 - units}]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_nodes_are_one_cluster(nodes: list[Node]) -> None:
    assert {node.status("wsrep_cluster_size") for node in nodes} == {"3"}


def begin(buyer: Distributor, pipeline: Pipeline, number: int) -> str:
    answer = buyer.begin(pipeline, f"k{number}")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["call_no"])


@pytest.mark.parametrize("images", [60, 45])
def test_finishes_on_two_nodes_share_no_rest_twice(
    nodes: list[Node], shop: Shop, images: int
) -> None:
    """Two of 60 after 10 of 100: by what each node sees alone, both cost nothing. Two of 45: both
    cost nothing, and both rests count."""
    pipeline = shop.pipeline(prices=[PRICE])
    for _ in range(ROUNDS):
        buyer = shop.distributor(pipeline)
        once = buyer.begin(
            pipeline, "once", status="succeeded", lines=[{"unit": "image", "quantity": 10}]
        )
        assert once.json()["amount"] == "25.0000000000"
        calls = [begin(buyer, pipeline, number) for number in range(2)]
        for call_no in calls:
            wait_for_call(nodes, call_no)

        finish_at_once(nodes[:2], buyer, calls, images)

        check_packages(shop, nodes, buyer, 10 + 2 * images)
    assert shop.ledger_differences() == ""


def test_the_first_packages_of_two_nodes_make_one_row(nodes: list[Node], shop: Shop) -> None:
    pipeline = shop.pipeline(prices=[PRICE])
    for _ in range(ROUNDS):
        buyer = shop.distributor(pipeline)
        calls = [begin(buyer, pipeline, number) for number in range(2)]
        for call_no in calls:
            wait_for_call(nodes, call_no)

        finish_at_once(nodes[:2], buyer, calls, 30)

        check_packages(shop, nodes, buyer, 60)
    assert shop.ledger_differences() == ""
