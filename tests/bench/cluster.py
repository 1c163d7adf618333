"""
Bookings on a cluster of three database nodes: on one, and on all of them.

Each host has a worker and a node. The same clients book one pipeline of one distributor by one
host, then by three; then each host a pipeline and a distributor of its own. Rounds take turns, and
the figures of one run are to be compared with one another only. Nothing is asserted but that
check-ledger finds nothing afterwards.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.load import Measured, bookings, drive, machine, write_requests  # noqa: E402
from tests.support.galera import Node, cluster, provider  # noqa: E402
from tests.support.shop import Shop  # noqa: E402

CLIENTS = 48
CAPACITY = {"daily_quota": 100_000_000}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    library = provider()
    if library is None:
        sys.exit("This benchmark needs Galera: apt-get install galera-4")
    folder = Path(tempfile.mkdtemp(prefix="pipeline-cluster-"))
    try:
        with cluster(folder, library) as nodes:
            for node in nodes:
                node.installation.start(workers=1)
            print(f"{machine()}, {CLIENTS} clients")
            _run(nodes, folder, arguments.rounds, arguments.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(nodes: Sequence[Node], folder: Path, rounds: int, seconds: float) -> None:
    shop = Shop(nodes[0].installation)
    pipelines = [shop.pipeline(capacity=CAPACITY) for _ in nodes]
    buyers = [shop.distributor(pipeline) for pipeline in pipelines]
    files = [
        write_requests(folder / f"own-{n}", bookings([(buyer.api_key, one.code)], "one_go"))
        for n, (buyer, one) in enumerate(zip(buyers, pipelines, strict=True))
    ]
    for node in nodes:
        node.wait_for_row("distributor_pipeline", distributor_id=buyers[-1].id)
    ways = {
        "one line, one node": [(nodes[0], files[0], CLIENTS)],
        "one line, three nodes": [(node, files[0], CLIENTS // 3) for node in nodes],
        "a line a node": [(n, f, CLIENTS // 3) for n, f in zip(nodes, files, strict=True)],
        "three lines, one node": [(nodes[0], f, CLIENTS // 3) for f in files],
    }
    runs: dict[str, list[list[Measured]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, loads in ways.items():
            runs[name].append(_at_once(loads, seconds))
            time.sleep(0.5)
    print(
        "| | a second, by host | together | p50 ms | p99 ms | refused |\n|---|---|---|---|---|---|"
    )
    for name, some in runs.items():
        print(_row(name, some))
    differences = shop.ledger_differences()
    print(f"check-ledger: {differences or 'no difference'}")


def _at_once(loads: Sequence[tuple[Node, Path, int]], seconds: float) -> list[Measured]:
    with ThreadPoolExecutor(len(loads)) as pool:
        tasks = [
            pool.submit(drive, node.installation.base_url, file, clients=clients, seconds=seconds)
            for node, file, clients in loads
        ]
        return [task.result() for task in tasks]


def _row(name: str, some: Sequence[Sequence[Measured]]) -> str:
    """Return the medians of the rounds, as a row of the table; only bookings count."""
    hosts = [median(one.good / one.elapsed for one in host) for host in zip(*some, strict=True)]
    total = median(sum(one.good / one.elapsed for one in hosts_) for hosts_ in some)
    p50 = median(max(one.p50_ms for one in hosts_) for hosts_ in some)
    p99 = median(max(one.p99_ms for one in hosts_) for hosts_ in some)
    refusals = sum(one.errors + one.lost for hosts_ in some for one in hosts_)
    by_host = " + ".join(f"{rate:.0f}" for rate in hosts)
    return f"| {name} | {by_host} | {total:.0f} | {p50:.0f} | {p99:.0f} | {refusals} |"


if __name__ == "__main__":
    main()
