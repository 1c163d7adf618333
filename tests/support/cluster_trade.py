"""Customers of every host of a cluster, while a test breaks nodes, and what is true after it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.runtime.processes import wait_until
from tests.support.galera import Node
from tests.support.shop import Shop
from tests.support.witness import Witness

CAPACITY = {"max_concurrency": 500, "daily_quota": 1_000_000}
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

    def longest(self) -> str:
        """How long the longest request of all hosts has waited for its answer, in seconds."""
        return f"longest answer {max(one.longest for one in self.witnesses):.1f} s"

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
