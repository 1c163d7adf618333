"""
What a worker costs before it has done anything: processor time to its first answers, memory.

    py3/bin/python tests/bench/start_up.py [--rounds 5] [--write]

One worker, started again each round, on an installation with one pipeline that a distributor may
call. Processor time is that of the worker's process as the kernel counts it; the time in which it
waits for a processor or the database is not in it. A process that only imports what a server of
this kind cannot do without is started beside it, in the same round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.host_soak import resident_mb  # noqa: E402
from tests.bench.load import cpu_seconds, machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import DIRECT, Installation  # noqa: E402
from tests.support.selling import make_pipeline, make_reseller  # noqa: E402

# aiohttp, its event loop, the database's driver, templates and JSON: the least there can be.
_BARE = """
import json, resource, aiohttp.web, aiomysql, jinja2, orjson, uvloop
used = resource.getrusage(resource.RUSAGE_SELF)
rows = open("/proc/self/status").read().splitlines()
size = next(int(row.split()[1]) for row in rows if row.startswith("VmRSS:"))
print(json.dumps([used.ru_utime + used.ru_stime, size / 1024]))
"""
_LIST = "/pipeline_core/pipelines/get_pipelines.dspy?page=1&rows=20"
_WAIT_SECONDS = 60


class Cost(NamedTuple):
    """Processor time since the start in seconds, and memory in MB."""

    seconds: float
    megabytes: float


class Customer(NamedTuple):
    """What the requests need: whose key calls which pipeline, and who looks at pages."""

    pipeline_code: str
    key: str
    cookies: dict[str, str]

    def requests(self, client: httpx.Client) -> list[tuple[str, Callable[[], httpx.Response]]]:
        """Return the requests in order, each with the name of its row in the table."""
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": f"{time.time_ns()}"}
        body = {"pipeline": self.pipeline_code}
        calls = "/pipeline_dist/v1/calls"
        return [
            ("first answer, of `/healthz`", lambda: when_it_listens(client)),
            ("first call begun", lambda: client.post(calls, json=body, headers=headers)),
            ("first list", lambda: client.get(_LIST, cookies=self.cookies)),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-start-") as folder:
        installation = Installation(Path(folder))
        installation.mariadb.start()
        try:
            installation.make_databases()
            text = table(installation, arguments.rounds)
        finally:
            installation.stop()
            installation.mariadb.stop()
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "start-up", text)


def table(installation: Installation, rounds: int) -> str:
    """Measure *rounds* starts and return the table of their medians."""
    installation.start(workers=1)
    pipeline = make_pipeline(installation.admin)
    seller = make_reseller(installation, pipeline)
    customer = Customer(pipeline["code"], seller.key, dict(installation.admin.cookies))
    installation.stop()
    measured = [measure(installation, customer) for _ in range(rounds)]
    text = (
        f"{machine()}; {rounds} starts, medians; `tests/bench/start_up.py`.\n\n"
        "| one worker | processor time s | memory MB |\n|---|---|---|\n"
    )
    for name in measured[0]:
        seconds = statistics.median(costs[name].seconds for costs in measured)
        megabytes = statistics.median(costs[name].megabytes for costs in measured)
        text += f"| {name} | {seconds:.2f} | {megabytes:.0f} |\n"
    return text


def measure(installation: Installation, customer: Customer) -> dict[str, Cost]:
    """Start a worker, ask it, and end it; what it had cost after each answer."""
    bare = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, check=True)
    costs = {"only the packages that it cannot do without": Cost(*json.loads(bare.stdout))}
    pid, _ = installation.workers.start(1)
    try:
        with httpx.Client(base_url=installation.base_url, **DIRECT) as client:
            for name, request in customer.requests(client):
                request().raise_for_status()
                costs[name] = Cost(cpu_seconds(pid), resident_mb(pid))
    finally:
        installation.workers.stop()
    return costs


def when_it_listens(client: httpx.Client) -> httpx.Response:
    """Ask for /healthz until the worker takes requests."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return client.get("/healthz")
        except httpx.ConnectError:
            time.sleep(0.02)
    raise SystemExit("the worker takes no requests")


if __name__ == "__main__":
    main()
