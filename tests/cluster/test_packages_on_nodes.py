"""Packages that two nodes of a database cluster use at once: a lock of one node is none of the
other's, so only what is written keeps them apart."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import httpx
import pytest

from tests.support.galera import Node, cluster, provider
from tests.support.installation import DIRECT
from tests.support.shop import Distributor, Pipeline, Shop

ROUNDS = 10
PRICE = {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"}
LIBRARY = provider()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="needs Debian's package galera-4")


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    """Three nodes; the application runs on two of them."""
    assert LIBRARY is not None
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-cluster-"))
    try:
        with cluster(folder, LIBRARY) as members:
            for node in members[:2]:
                node.installation.start(workers=1)
            yield members
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def shop(nodes: list[Node]) -> Shop:
    return Shop(nodes[0].installation)


def wait_for_call(nodes: list[Node], call_no: str) -> None:
    """Wait until all nodes know the call."""
    for node in nodes:
        text = "select 1 as one from pipeline_usage_log where call_no = %s"
        deadline = time.monotonic() + 20
        while not node.installation.query(text, call_no):
            assert time.monotonic() < deadline
            time.sleep(0.02)


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
    assert shop.row("distributors", buyer.id)["spend_used"] == count * 25
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
