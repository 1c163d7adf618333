"""
A node of the cluster is lost while all hosts are under load: killed, frozen, cut off; and comes
back. Nothing that was acknowledged is lost or doubled, all nodes have the same, and every amount
and counter is right.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from app.runtime.processes import wait_until
from tests.support import packet_filter
from tests.support.galera import Node
from tests.support.shop import Shop
from tests.support.witness import Witness

CAPACITY = {"max_concurrency": 500, "daily_quota": 1_000_000}
OUT_OF_SERVICE_SECONDS = 12
BACK_SECONDS = 90
TABLES = "pipeline_usage_log, distributors, distributor_pipeline, pipeline_capacity"


class Trade:
    """Customers of every host: of one pipeline and distributor that all share, and of one that each
    host has for itself."""

    def __init__(self, nodes: list[Node], shop: Shop) -> None:
        self.nodes = nodes
        self.hosts: list[list[Witness]] = []
        shared = shop.pipeline(capacity=CAPACITY)
        buyer = shop.distributor(shared)
        for number, node in enumerate(nodes, 1):
            own = shop.pipeline(capacity=CAPACITY)
            own_buyer = shop.distributor(own)
            url, name = node.installation.base_url, f"h{number}-"
            self.hosts.append(
                [
                    Witness(url, buyer.api_key, shared.code, clients=4, name=name),
                    Witness(url, own_buyer.api_key, own.code, clients=4, name=name),
                ]
            )
        for node in nodes:
            node.wait_for_row("distributor_pipeline", distributor_id=own_buyer.id)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Let all of them trade."""
        with ExitStack() as stack:
            for witness in self.witnesses:
                stack.enter_context(witness)
            yield

    @property
    def witnesses(self) -> list[Witness]:
        """All of them."""
        return [witness for host in self.hosts for witness in host]

    def wait_for_more(self, *hosts: int) -> None:
        """Return when customers of these hosts (of all, where none is named) have made calls."""
        for number in hosts or range(len(self.hosts)):
            # Of the shared pipeline one host may take nearly all.
            self.hosts[number][1].wait_for_more(20, BACK_SECONDS)

    def outages(self, since: float) -> str:
        """How long each host took no call since then, in seconds."""
        now = time.monotonic()
        seconds = [min(one.silence(since, now) for one in host) for host in self.hosts]
        return ", ".join(f"host {number} {one:.1f} s" for number, one in enumerate(seconds, 1))

    def compare(self) -> str:
        """Hold all that was told against the ledger, and the nodes against one another; how many
        calls that were."""
        assert wait_until(lambda: len(set(self._states())) == 1, 30), self._states()
        installation = self.nodes[0].installation
        for witness in self.witnesses:
            witness.compare_calls(installation)
        process = installation.manage("check-ledger", check=False)
        assert process.returncode == 0, process.stdout + process.stderr
        count = sum(len(witness.beginnings) for witness in self.witnesses)
        return f"{count} calls, lost 0, double 0, wrong money 0"

    def _states(self) -> list[str]:
        return [str(n.installation.query(f"checksum table {TABLES}")) for n in self.nodes]


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
        trade.wait_for_more(0, 2)
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
