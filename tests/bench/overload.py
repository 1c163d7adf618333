"""
What becomes of a worker that is asked ten times what it can do, and of one whose connections say
or read nothing.

    py3/bin/python tests/bench/overload.py [--rounds 6] [--burdens 3] [--seconds 4] [--nginx]

One hot pipeline. A round is: so many clients as it takes to keep the worker busy, ten times that
rate whether answers come or not, and the first again; the ratio is that of the middle to the mean
of both sides. Since other programs may use the machine, what is let in is also told by the second
of the worker's processor time: that is the ratio which a worker with a core of its own would show.
Then the same in turns for each thing that costs connections: idle ones, slow senders, slow
readers, bodies of 100 MB. Only ratios within a run mean anything.
"""

import argparse
import json
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.load import (  # noqa: E402
    API,
    KEY,
    USED,
    Measured,
    bearer,
    cpu_seconds,
    drive,
    machine,
    need_compiler,
    post,
)
from tests.bench.targets import make_targets  # noqa: E402
from tests.ops.soak_samples import resident_mb  # noqa: E402
from tests.support.installation import Installation  # noqa: E402
from tests.support.nginx import configuration, running_nginx  # noqa: E402
from tests.support.ports import free_port  # noqa: E402

BUSY_CLIENTS, BESIDE_CLIENTS = 96, 32
TIMES = 10
PROBES = ("/healthz", "/readyz")


@dataclass(slots=True)
class Worker:
    """The workers of one installation, and what is sent to them."""

    installation: Installation
    file: Path
    key: str
    pipeline: str
    seconds: float
    front: str | None = None

    @property
    def port(self) -> int:
        """Where they listen."""
        return self.installation.port

    @property
    def pids(self) -> list[int]:
        """Their processes."""
        return list(self.installation.workers.running().values())

    def megabytes(self) -> float:
        """Return their memory."""
        return sum(map(resident_mb, self.pids))

    def rest(self) -> float:
        """Wait until they have nothing more to do, a minute at most; return the most memory."""
        megabytes, cpu = self.megabytes(), cpu_seconds(*self.pids)
        for _ in range(120):
            time.sleep(0.5)
            megabytes = max(megabytes, self.megabytes())
            last, cpu = cpu, cpu_seconds(*self.pids)
            if cpu - last <= 0.01:
                break
        return megabytes

    def run(self, clients: int, rate: float = 0) -> Measured:
        """Let so many clients book, with *rate* so many calls a second."""
        return drive(
            self.front or self.installation.base_url, self.file,
            clients=clients, seconds=self.seconds, rate=rate,
            pids=self.pids, database=self.installation.mariadb.pid(),
        )  # fmt: skip


@dataclass(slots=True)
class Watch:
    """/healthz and /readyz, asked by a process of its own while a run runs, and the most memory."""

    worker: Worker
    times_ms: list[float] = field(default_factory=list)
    failures: int = 0
    megabytes: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch until the block ends."""
        command = [sys.executable, __file__, "--probe", str(self.worker.port)]
        probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        is_over = threading.Event()
        look = threading.Thread(target=self._look, args=(is_over,))
        look.start()
        try:
            yield
        finally:
            is_over.set()
            look.join()
            output, _ = probe.communicate()
        times, failures = json.loads(output)
        self.times_ms += times
        self.failures += failures

    def _look(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.1):
            self.megabytes = max(self.megabytes, self.worker.megabytes())


def probe(port: int) -> None:
    """Ask each of PROBES ten times a second, each by a new connection, until stdin ends; print the
    times in ms, and how many did not answer 200 within 5 s."""
    is_over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=wait, daemon=True).start()
    times, failures = [], 0
    while not is_over.wait(0.1):
        for path in PROBES:
            start = time.perf_counter()
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as connection:
                    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    failures += b" 200 " not in connection.recv(65_536).split(b"\r\n")[0]
            except OSError:
                failures += 1
            times.append((time.perf_counter() - start) * 1000)
    sys.stdout.write(json.dumps([times, failures]))


@dataclass(slots=True)
class Round:
    """A usual run, ten times its rate, and a usual run again."""

    before: Measured
    crowded: Measured
    after: Measured

    @property
    def ratio(self) -> float:
        """What is let in a second, of what usually is."""
        return self.crowded.refusals.good_per_second / self._usual("per_second")

    @property
    def cpu_ratio(self) -> float:
        """What is let in by a second of the worker's processor time, of what usually is."""
        answers = self.crowded.good + self.crowded.errors
        cpu_each = self.crowded.cpu_us * answers / max(1, self.crowded.good)
        return self._usual("cpu_us") / cpu_each

    @property
    def refusal_us(self) -> float:
        """The worker's processor time of a refusal."""
        run = self.crowded
        total = run.cpu_us * (run.good + run.errors)
        return (total - run.good * self._usual("cpu_us")) / max(1, run.errors)

    @property
    def demand(self) -> float:
        """What was asked for, of what usually is answered."""
        answers = self.crowded.good + self.crowded.errors
        return answers / self.crowded.elapsed / self._usual("per_second")

    def _usual(self, name: str) -> float:
        return float(getattr(self.before, name) + getattr(self.after, name)) / 2


def crowd(worker: Worker, rounds: int, clients: int) -> list[str]:
    """Return what ten times the load does, in lines."""
    worker.run(BUSY_CLIENTS)  # fills pools and caches
    watch, all_rounds = Watch(worker), []
    at_first = worker.megabytes()
    before = worker.run(BUSY_CLIENTS)
    for _ in range(rounds):
        with watch.running():
            crowded = worker.run(clients, TIMES * before.per_second)
        after = worker.run(BUSY_CLIENTS)
        all_rounds.append(Round(before, crowded, after))
        sys.stderr.write(f"{all_rounds[-1].ratio:.2f} {all_rounds[-1].cpu_ratio:.2f}\n")
        before = after
    runs = [one.crowded for one in all_rounds]
    refusals = sum(run.errors for run in runs)
    told_when = sum(run.refusals.told_when for run in runs)
    statuses = sorted({status for run in runs for status in run.refusals.statuses})
    return [
        f"- let in a second, of what {BUSY_CLIENTS} clients get ({before.per_second:,.0f} in the"
        f" last run): {spread([one.ratio for one in all_rounds])}; by a second of the worker's"
        f" processor time {spread([one.cpu_ratio for one in all_rounds])}",
        f"- asked for: {spread([one.demand for one in all_rounds])} times that, by up to"
        f" {clients:,} connections at the same time; a booking costs the worker"
        f" {median(one.before.cpu_us for one in all_rounds):.0f} µs, a refusal"
        f" {median(one.refusal_us for one in all_rounds):.0f} µs",
        f"- refused: {refusals:,}, all by {', '.join(statuses)}, {told_when:,} with Retry-After;"
        f" ms p50 / p99 / most, medians of the rounds: {latencies(runs)}",
        f"- let in, ms p50 / p99: {median(run.p50_ms for run in runs):.0f} /"
        f" {median(run.p99_ms for run in runs):.0f}; connections lost:"
        f" {sum(run.lost for run in runs)}",
        f"- /healthz and /readyz: {len(watch.times_ms) - watch.failures} of"
        f" {len(watch.times_ms)} answered 200, ms p50 / p99: {parts_of(watch.times_ms)}",
        f"- the last answer came {median(run.elapsed - worker.seconds for run in runs):.2f} s after"
        " the last request; the next run let in"
        f" {spread([one.after.per_second / one.before.per_second for one in all_rounds])} of what"
        " the one before did",
        f"- memory: {at_first:.0f} MB before, {watch.megabytes:.0f} at most,"
        f" {worker.megabytes():.0f} at the end",
    ]


def spread(numbers: Sequence[float]) -> str:
    """Return the median, and in brackets the least and the most."""
    return f"{median(numbers):.2f} ({min(numbers):.2f}–{max(numbers):.2f})"


def latencies(runs: Sequence[Measured]) -> str:
    """Return those of the refusals of *runs*."""
    names = ("p50_ms", "p99_ms", "max_ms")
    return " / ".join(
        f"{median(getattr(run.refusals, name) for run in runs):.0f}" for name in names
    )


def parts_of(times: Sequence[float]) -> str:
    """Return the median of *times* and what 99 of 100 are below."""
    if len(times) < 2:
        return "-"
    parts = quantiles(times, n=100)
    return f"{parts[49]:.0f} / {parts[98]:.0f}"


Burden = Callable[[Worker], list[socket.socket]]


def connect(worker: Worker, count: int, text: bytes, receive_bytes: int = 0) -> list[socket.socket]:
    """Open *count* connections that say *text*, as far as it is taken at once, and nothing more."""
    connections = []
    for _ in range(count):
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", worker.port))
        connection.setblocking(False)
        with suppress(OSError):
            connection.send(text)
        connections.append(connection)
    return connections


def large_bodies(worker: Worker, count: int = 10) -> list[socket.socket]:
    """Begin to send bodies of 100 MB, each by a thread, as far and as long as they are taken."""
    head = booking_head(worker) + b"Content-Length: 100000000\r\n\r\n"
    connections = connect(worker, count, head)

    def send(connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError):
            for _ in range(100):
                connection.sendall(b" " * 1_000_000)

    for connection in connections:
        threading.Thread(target=send, args=(connection,), daemon=True).start()
    return connections


def booking_head(worker: Worker) -> bytes:
    """Return the head of a booking without its end."""
    headers = bearer(worker.key) | {"Idempotency-Key": KEY}
    body = {"pipeline": worker.pipeline, "status": "succeeded", "lines": USED}
    return post(f"{API}/calls", body, headers).text.split(b"Content-Length")[0]


def half_bodies(worker: Worker, count: int = 500) -> list[socket.socket]:
    """Open connections that send half a body."""
    return connect(worker, count, booking_head(worker) + b"Content-Length: 50\r\n\r\n{")


def deaf(worker: Worker, count: int = 100) -> list[socket.socket]:
    """Open connections that ask for a large document a hundred times and read nothing."""
    text = f"GET {API}/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    return connect(worker, count, text * 100, 4096)


def beside(worker: Worker, name: str, burden: Burden, rounds: int) -> str:
    """Return, as a line of a table, what bookings cost beside the connections of *burden*."""
    rates, costs, times, own_ms, sizes, counts = [], [], [], [], [], []
    before = worker.run(BESIDE_CLIENTS)
    for _ in range(rounds):
        size, cpu = worker.megabytes(), cpu_seconds(*worker.pids)
        connections = burden(worker)
        size = worker.rest() - size
        counts.append(len(connections))
        own_ms.append((cpu_seconds(*worker.pids) - cpu) * 1000 / len(connections))
        run = worker.run(BESIDE_CLIENTS)
        sizes.append(size)
        for connection in connections:
            connection.close()
        worker.rest()
        after = worker.run(BESIDE_CLIENTS)
        rates.append(2 * run.per_second / (before.per_second + after.per_second))
        costs.append(2 * run.cpu_us / (before.cpu_us + after.cpu_us))
        times += [run.p99_ms / ((before.p99_ms + after.p99_ms) / 2)]
        before = after
    return (
        f"| {counts[0]:,} {name} | {median(own_ms):.2f} | {max(sizes):+.0f} | {spread(rates)} |"
        f" {spread(costs)} | {spread(times)} |"
    )


def burdens(worker: Worker, rounds: int, idle: int) -> list[str]:
    """Return what connections cost the others, as a table."""
    kinds: list[tuple[str, Burden]] = [
        ("that say nothing", lambda one: connect(one, idle, b"")),
        (
            "that stop within the head",
            lambda one: connect(one, 500, b"POST /pipeline_dist/v1/ca"),
        ),
        ("that stop within the body", half_bodies),
        ("that read nothing", deaf),
        ("that send 100 MB", large_bodies),
    ]
    return [
        "| connections | processor ms of each | MB more | bookings beside them: rate"
        " | processor time | p99 |",
        "|---|---|---|---|---|---|",
        *(beside(worker, name, kind, rounds) for name, kind in kinds if rounds),
    ]


@contextmanager
def nginx(folder: Path, installation: Installation) -> Iterator[str]:
    """Run ops/nginx.conf in front, for a client of one address that speaks no TLS; return where."""
    port, redirect_port = free_port(), free_port()
    text = configuration(folder, f"127.0.0.1:{installation.port}", port, redirect_port)
    text = text.replace(" ssl http2 ", " ")
    text = re.sub(r"\n *(ssl_\w+|limit_conn) .*", "", text)
    with running_nginx(folder, text, port):
        yield f"http://127.0.0.1:{port}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--burdens", type=int, default=3, help="rounds of each")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, default=1280)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--nginx", action="store_true", help="behind ops/nginx.conf, without TLS")
    parser.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe is not None:
        probe(options.probe)
        return
    need_compiler()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = Installation(Path(folder))
        installation.mariadb.start()
        try:
            installation.adopt()
            installation.make_databases()
            installation.start(workers=options.workers)
            file = Path(folder) / "requests"
            key, pipeline = make_targets(installation, 1, 1, file)[0]
            with nginx(Path(folder), installation) if options.nginx else nullcontext() as front:
                worker = Worker(installation, file, key, pipeline, options.seconds, front)
                lines = crowd(worker, options.rounds, options.clients)
                lines += ["", *burdens(worker, options.burdens, options.idle)]
            check = installation.manage("check-ledger", check=False, timeout=600)
        finally:
            installation.stop()
            installation.mariadb.stop()
    head = f"{machine()}; {options.workers} worker(s), {options.seconds:.0f} s a run.\n\n"
    ending = f"\n\n{check.stdout.strip().splitlines()[-1]}\n"
    sys.stdout.write(head + "\n".join(lines) + ending)


if __name__ == "__main__":
    main()
