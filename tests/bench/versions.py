"""
What a request costs the worker, in this checkout beside another one, in one interleaved run.

    py3/bin/python tests/bench/versions.py OTHER [--rounds 40] [--requests 300] [--clients 8]

OTHER is a built checkout (an older commit, say). Each side has a database and one worker of its
own; rounds alternate between them. Told are, for one-go bookings and `GET /me`, the processor times
of the worker a request and how many requests a second were answered: of all rounds the median and
the quickest quarter's, which others on the same hardware disturb least. Only ratios within one run
mean anything; the clients cost the same on both sides, so the rates differ less than the servers.
"""

import argparse
import http.client
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.load import machine  # noqa: E402

# Runs in each checkout with that one's own code; ends when its input does.
_SERVE = """
import json, sys, tempfile
from pathlib import Path
from tests.bench.admission_servers import make_database, make_targets, running

with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as name:
    folder = Path(name)
    installation = make_database(folder)
    try:
        targets = make_targets(installation, 1, 1, folder / "targets")
        with running(installation, folder, {"ours-1"}) as servers:
            print(json.dumps([servers[0].url, servers[0].pids[0], *targets[0]]), flush=True)
            sys.stdin.read()
    finally:
        installation.mariadb.stop()
"""


@dataclass(frozen=True)
class Side:
    """One of the two checkouts, being served."""

    process: subprocess.Popen[str]
    address: str
    pid: int
    key: str
    pipeline: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--clients", type=int, default=8)
    arguments = parser.parse_args()
    sides = {"this": serve(ROOT), "other": serve(arguments.other.resolve())}
    try:
        sys.stdout.write(f"{machine()}; {arguments.rounds} rounds of {arguments.requests}\n")
        for name, send in {"one-go": book, "GET /me": read_me}.items():
            sys.stdout.write(f"{name}: {compare(sides, send, arguments)}\n")
    finally:
        for side in sides.values():
            side.process.communicate()


def serve(checkout: Path) -> Side:
    """Start the worker of *checkout* on a database of its own."""
    process = subprocess.Popen(
        [str(checkout / "py3/bin/python"), "-c", _SERVE], cwd=checkout, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:  # setting up prints too
        if line.startswith("["):
            url, pid, key, pipeline = json.loads(line)
            return Side(process, urlsplit(url).netloc, pid, key, pipeline)
    raise SystemExit(f"{checkout} did not start")


def compare(
    sides: dict[str, Side],
    send: Callable[[http.client.HTTPConnection, Side], int],
    arguments: argparse.Namespace,
) -> str:
    """The medians of both sides and their ratio, in words."""
    costs: dict[str, list[float]] = {name: [] for name in sides}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-1, arguments.rounds):
        # Who goes first alternates, so that a slow stretch of the machine hits both.
        for name in sorted(sides, reverse=number % 2 == 1):
            start = time.monotonic()
            cost = measure(sides[name], send, arguments.requests, arguments.clients)
            if number >= 0:  # the first round fills pools and caches
                costs[name].append(cost)
                times[name].append(time.monotonic() - start)
    words = []
    for kind, middle in (("median", median), ("quickest quarter", quickest)):
        ours, theirs = middle(costs["this"]), middle(costs["other"])
        words.append(f"{kind} {ours:.0f} µs, other {theirs:.0f} µs, ratio {ours / theirs:.3f}")
        rates = [arguments.requests / middle(times[name]) for name in ("this", "other")]
        words.append(f"{rates[0]:.0f}/s, other {rates[1]:.0f}/s, ratio {rates[0] / rates[1]:.3f}")
    return "; ".join(words)


def quickest(costs: list[float]) -> float:
    """The median of the quickest quarter of *costs*."""
    return median(sorted(costs)[: max(1, len(costs) // 4)])


def measure(
    side: Side,
    send: Callable[[http.client.HTTPConnection, Side], int],
    requests: int,
    clients: int,
) -> float:
    """Microseconds of the worker's processor time a request."""
    failures: list[int] = []

    def work() -> None:
        connection = http.client.HTTPConnection(side.address, timeout=30)
        for _ in range(requests // clients):
            status = send(connection, side)
            if status >= 300:
                failures.append(status)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    before = cpu_nanoseconds(side.pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} requests failed, the first with {failures[0]}")
    return (cpu_nanoseconds(side.pid) - before) / 1000 / (requests // clients * clients)


def cpu_nanoseconds(pid: int) -> int:
    """Processor time that the threads of *pid* have used; finer than the ticks of its stat."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def book(connection: http.client.HTTPConnection, side: Side) -> int:
    """Book one call in one go."""
    body = json.dumps({
        "pipeline": side.pipeline, "client_ref": "order-4711", "status": "succeeded",
        "lines": [{"unit": "call", "quantity": 1}],
    })  # fmt: skip
    connection.request("POST", "/pipeline_dist/v1/calls", body, {
        "Authorization": f"Bearer {side.key}", "Content-Type": "application/json",
        "Idempotency-Key": secrets.token_hex(12),
    })  # fmt: skip
    return _finish(connection)


def read_me(connection: http.client.HTTPConnection, side: Side) -> int:
    """Read the distributor's own record."""
    connection.request("GET", "/pipeline_dist/v1/me", headers={"X-API-Key": side.key})
    return _finish(connection)


def _finish(connection: http.client.HTTPConnection) -> int:
    response = connection.getresponse()
    response.read()
    return response.status


if __name__ == "__main__":
    main()
