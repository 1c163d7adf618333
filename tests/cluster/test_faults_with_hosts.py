"""
Every host knows all nodes (`databases.*.hosts`), and a node is lost under load: each host goes on
at another one by itself, and is back at the first of its list when that is well. Nothing that was
acknowledged is lost or doubled, all nodes have the same, and every amount and counter is right.

Two ways to list them: all hosts alike, so that one node takes all changes (what we recommend), and
each with another node first.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from app.runtime.processes import wait_until
from tests.support import packet_filter
from tests.support.cluster_trade import BACK_SECONDS, Trade
from tests.support.galera import Node
from tests.support.shop import Shop

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time to start a server again
OUT_OF_SERVICE_SECONDS = 12
# How many places on in the nodes' order each host's list begins.
TOPOLOGIES = {"one node for all": (0, 0, 0), "a node each": (0, 1, 2)}


def order_from(nodes: list[Node], first: int) -> list[Node]:
    """The nodes as a list that begins with the one at *first* has them."""
    return nodes[first:] + nodes[:first]


@pytest.fixture(scope="module", params=TOPOLOGIES)
def topology(request: pytest.FixtureRequest, nodes: list[Node], shop: Shop) -> Iterator[str]:
    """How the hosts list the nodes; afterwards each is tied to its own again."""
    texts = [(node.installation.var_dir / "config.json").read_text("utf-8") for node in nodes]
    try:
        for node, first in zip(nodes, TOPOLOGIES[request.param], strict=True):
            node.name_hosts(order_from(nodes, first))
            node.installation.restart()
        yield request.param
    finally:
        for node, text in zip(nodes, texts, strict=True):
            (node.installation.var_dir / "config.json").write_text(text, "utf-8")
            node.installation.extra_env.pop("PIPELINE_DB_PASSWORD", None)
            node.installation.restart()


@pytest.fixture
def trade(topology: str, nodes: list[Node], shop: Shop) -> Trade:
    for node in nodes:
        node.wait(len(nodes))
    return Trade(nodes, shop)


def changes(node: Node) -> list[str]:
    """Which nodes the host beside *node* has changed to, by their ports, in their order."""
    lines = map(json.loads, node.installation.logs().splitlines())
    return [
        line["host"].rpartition(":")[2] for line in lines if line["action"] == "database_changed"
    ]


@contextmanager
def kill(nodes: list[Node], library: str) -> Iterator[None]:
    nodes[0].kill()
    try:
        yield
    finally:
        nodes[0].start_again(library, nodes[1:])
        nodes[0].wait(len(nodes))


@contextmanager
def freeze(nodes: list[Node], library: str) -> Iterator[None]:
    nodes[0].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        nodes[0].signal(signal.SIGCONT)


@contextmanager
def cut(nodes: list[Node], library: str) -> Iterator[None]:
    if reason := packet_filter.refusal():
        pytest.skip(reason)
    node, *others = nodes
    assert node.process is not None
    ports = [other.group_port for other in others]
    with packet_filter.cut_off(node.process.pid, node.group_port, ports):
        yield


Fault = Callable[[list[Node], str], AbstractContextManager[None]]


@pytest.mark.parametrize("fault", [kill, freeze, cut])
def test_the_first_node_is_lost_and_comes_back(
    trade: Trade, nodes: list[Node], library: str, topology: str, fault: Fault, figures: list[str]
) -> None:
    first = str(nodes[0].port)
    of_first = [node for node, place in zip(nodes, TOPOLOGIES[topology], strict=True) if place == 0]
    counts = [len(changes(node)) for node in of_first]
    with trade.going_on():
        trade.wait_for_more()
        since = time.monotonic()
        with fault(nodes, library):
            # Of all hosts, also of those whose first node is away.
            trade.wait_for_more()
            time.sleep(max(0, since + OUT_OF_SERVICE_SECONDS - time.monotonic()))
        trade.wait_for_more()
        for node, count in zip(of_first, counts, strict=True):

            def is_back(node: Node, count: int) -> bool:
                ports = changes(node)[count:]
                return len(ports) > 1 and ports[-1] == first

            assert wait_until(partial(is_back, node, count), BACK_SECONDS), changes(node)
        trade.wait_for_more()
        outages = trade.outages(since)
    figures.append(
        f"{topology}, {fault.__name__} of the first: {trade.compare()};"
        f" no call taken: {outages}; {trade.longest()}"
    )
