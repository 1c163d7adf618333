"""
Each host is tied to a node of its own, and a node is lost while all hosts are under load: killed,
frozen, cut off; and comes back. Nothing that was acknowledged is lost or doubled, all nodes have
the same, and every amount and counter is right.
"""

import signal
import time

import pytest

from app.runtime.processes import wait_until
from tests.support import packet_filter
from tests.support.cluster_trade import Trade
from tests.support.galera import Node
from tests.support.shop import Shop

OUT_OF_SERVICE_SECONDS = 12


@pytest.fixture
def trade(nodes: list[Node], shop: Shop) -> Trade:
    for node in nodes:
        node.wait(len(nodes))
    return Trade(nodes, shop)


def test_all_hosts_at_once(trade: Trade, figures: list[str]) -> None:
    with trade.going_on():
        trade.wait_for_more()
        time.sleep(OUT_OF_SERVICE_SECONDS)
    shared = [len(host[0].beginnings) for host in trade.hosts]
    own = [len(host[1].beginnings) for host in trade.hosts]
    figures.append(f"all well: {trade.compare()}; shared line by host {shared}, own lines {own}")


def test_a_node_is_killed(
    trade: Trade, nodes: list[Node], library: str, figures: list[str]
) -> None:
    with trade.going_on():
        trade.wait_for_more()
        since = time.monotonic()
        nodes[1].kill()
        try:
            trade.wait_for_more(0, 2)
        finally:
            nodes[1].start_again(library, [nodes[0], nodes[2]])
            nodes[1].wait(3)
        trade.wait_for_more()
        outages = trade.outages(since)
    figures.append(f"killed, and started again: {trade.compare()}; no call taken: {outages}")


def test_a_node_is_frozen(trade: Trade, nodes: list[Node], figures: list[str]) -> None:
    with trade.going_on():
        trade.wait_for_more()
        since = time.monotonic()
        nodes[2].signal(signal.SIGSTOP)
        try:
            trade.wait_for_more(0, 1)
            time.sleep(max(0, since + OUT_OF_SERVICE_SECONDS - time.monotonic()))
        finally:
            nodes[2].signal(signal.SIGCONT)
        trade.wait_for_more()
        outages = trade.outages(since)
    figures.append(f"frozen for {OUT_OF_SERVICE_SECONDS} s: {trade.compare()}; {outages}")


def test_a_node_is_cut_off(trade: Trade, nodes: list[Node], figures: list[str]) -> None:
    if reason := packet_filter.refusal():
        pytest.skip(reason)
    assert nodes[1].process is not None
    others = [nodes[0].group_port, nodes[2].group_port]
    with trade.going_on():
        trade.wait_for_more()
        since = time.monotonic()
        with packet_filter.cut_off(nodes[1].process.pid, nodes[1].group_port, others):
            trade.wait_for_more(0, 2)
            # What it says of itself once it knows: no call is taken by a part without majority.
            assert wait_until(lambda: nodes[1].status("wsrep_cluster_status") != "Primary", 40)
            time.sleep(max(0, since + OUT_OF_SERVICE_SECONDS - time.monotonic()))
        trade.wait_for_more()
        outages = trade.outages(since)
    figures.append(f"cut off for {OUT_OF_SERVICE_SECONDS} s or more: {trade.compare()}; {outages}")
