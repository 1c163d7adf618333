"""
What becomes of a service that is asked far more than it can do, and of one whose connections say
nothing.

    py3/bin/python tests/bench/overload.py [--seconds 20] [--idle 900]

Two workers and one hot pipeline. First so many clients as it can serve; then many more, each of
which asks again at once, whatever it is told; then the first again. What is let in in a second, how
long a refusal takes, whether each has `Retry-After`, whether /healthz and /readyz answer, memory.
Then idle connections, slow senders and bodies of 100 MB beside good clients.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.load import machine  # noqa: E402
from tests.ops.soak_samples import resident_mb  # noqa: E402
from tests.support.installation import Installation  # noqa: E402
from tests.support.selling import link, make_distributor, make_pipeline, new_key  # noqa: E402

USUAL, OVERLOAD = 64, 2000


@dataclass(slots=True)
class Window:
    """What clients were answered in some seconds."""

    seconds: float
    served_ms: list[float] = field(default_factory=list)
    refusals_ms: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def row(self, name: str, probes: str, megabytes: float) -> str:
        """Return it as a line of a table."""
        rate = len(self.served_ms) / self.seconds
        others = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        return (
            f"| {name} | {rate:,.0f} | {spread(self.served_ms)} | {len(self.refusals_ms):,} |"
            f" {spread(self.refusals_ms)} | {probes} | {megabytes:.0f} | {others or '-'} |"
        )


def spread(times: list[float]) -> str:
    """Return the median and the 99th of a hundred, in ms."""
    if len(times) < 2:
        return "-"
    parts = quantiles(times, n=100)
    return f"{parts[49]:.0f} / {parts[98]:.0f}"


class Clients:
    """Clients on connections of their own, which stay open."""

    def __init__(self, installation: Installation, key: str) -> None:
        self._port = installation.settings.port
        self._key = key
        self._number = 0

    async def run(self, count: int, seconds: float) -> Window:
        """Let *count* clients book as fast as they are answered."""
        window = Window(seconds)
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._client(window, end) for _ in range(count)))
        return window

    async def _client(self, window: Window, end: float) -> None:
        while time.monotonic() < end:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                window.counts["not connected"] += 1
                await asyncio.sleep(0.5)
                continue
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                while time.monotonic() < end:
                    await asyncio.wait_for(self._book(window, reader, writer), 30)
            writer.close()

    async def _book(
        self, window: Window, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._number += 1
        body = b'{"pipeline":"hot","status":"succeeded","lines":[{"unit":"call","quantity":1}]}'
        start = time.perf_counter()
        writer.write(
            f"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Authorization: Bearer {self._key}\r\nIdempotency-Key: over-{self._number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split()[0])
        await reader.readexactly(length)
        took = (time.perf_counter() - start) * 1000
        status = head.split()[1]
        if status == "201":
            window.served_ms.append(took)
            return
        window.refusals_ms.append(took)
        window.counts[status] += 1
        window.counts["without Retry-After"] += "retry-after" not in head


async def probe(port: int, seconds: float) -> str:
    """Return how /healthz and /readyz answer, each twice a second on a new connection."""
    times: list[float] = []
    failures = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in ("healthz", "readyz"):
            start = time.perf_counter()
            try:
                status = await asyncio.wait_for(ask(port, path), 5)
                failures += status != "200"
            except (OSError, TimeoutError, IndexError):
                failures += 1
            times.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.5)
    return f"{len(times) - failures} of {len(times)}, {spread(times)}"


async def probe_apart(port: int, seconds: float) -> str:
    """Do as `probe` in a process of its own, whose time is not the clients'."""
    command = (sys.executable, __file__, "--probe", str(port), "--seconds", str(seconds))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode().strip()


async def ask(port: int, path: str) -> str:
    """Return the status of a page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    try:
        return (await reader.readline()).decode().split()[1]
    finally:
        writer.close()


async def idle(port: int, count: int, text: bytes) -> list[asyncio.StreamWriter]:
    """Open *count* connections that say *text*, and nothing more."""
    writers = []
    for _ in range(count):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            writers.append(writer)
    return writers


async def send_much(port: int, key: str) -> None:
    """Send 100 MB as one body, as far as they are taken."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {key}\r\nIdempotency-Key: big\r\n"
            "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n".encode()
        )
        for _ in range(100):
            writer.write(b" " * 1_000_000)
            await writer.drain()
        writer.close()


async def measure(installation: Installation, key: str, options: argparse.Namespace) -> list[str]:
    """Return the lines of the table."""
    clients, port = Clients(installation, key), installation.settings.port
    seconds = options.seconds
    rows = []

    async def window(name: str, count: int) -> None:
        result, probes = await asyncio.gather(
            clients.run(count, seconds), probe_apart(port, seconds)
        )
        pids = installation.workers.running().values()
        rows.append(result.row(name, probes, sum(map(resident_mb, pids))))
        sys.stderr.write(rows[-1] + "\n")

    await window(f"{USUAL} clients", USUAL)
    await window(f"{options.clients} clients", options.clients)
    await window(f"{USUAL} clients again", USUAL)
    writers = await idle(port, options.idle, b"")
    await window(f"beside {len(writers)} that say nothing", 16)
    for writer in writers:
        writer.close()
    half = b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
    writers = await idle(port, 300, half)
    await window("beside 300 slow senders", 16)
    for writer in writers:
        writer.close()
    bodies = [asyncio.create_task(send_much(port, key)) for _ in range(10)]
    await window("beside 10 bodies of 100 MB", 16)
    for body in bodies:
        body.cancel()
    await window(f"{USUAL} clients at the end", USUAL)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=OVERLOAD)
    parser.add_argument("--idle", type=int, default=900)
    parser.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe is not None:
        sys.stdout.write(asyncio.run(probe(options.probe, options.seconds)))
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = Installation(Path(folder))
        installation.mariadb.start()
        try:
            installation.make_databases()
            installation.start(workers=2)
            pipeline = make_pipeline(
                installation.admin, "hot", prices=[{"unit": "call", "unit_price": "0.01"}]
            )
            distributor = make_distributor(installation.admin, "busy")
            link(installation.admin, distributor, pipeline)
            key = new_key(installation.admin, distributor)
            rows = asyncio.run(measure(installation, key, options))
            check = installation.manage("check-ledger", check=False, timeout=600)
        finally:
            installation.stop()
            installation.mariadb.stop()
    head = (
        f"{machine()}; {options.seconds:.0f} s each.\n\n"
        "| | let in /s | ms p50 / p99 | refused | ms p50 / p99 | health, ms | MB | of these |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    sys.stdout.write(head + "\n".join(rows) + f"\n\n{check.stdout.strip().splitlines()[-1]}\n")


if __name__ == "__main__":
    main()
