"""
Driving a server with the client `load.c`, which gcc compiles when it is first asked for, and what
that cost everybody.

`py3/bin/python tests/bench/load.py` tells how many requests a second the client itself can do
against a constant answer, and what one costs it.
"""

import argparse
import atexit
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
# What the client puts in the place of these: a key of its own, the call_no of the answer before.
KEY = "%" * 16
CALL = "#" * 32
API = "/pipeline_dist/v1"


@dataclass(frozen=True)
class Request:
    """What is sent, and what follows it where it was answered by 201."""

    text: bytes
    follow: bytes = b""


@dataclass(frozen=True)
class Measured:
    """
    One timed run: answers a second, latencies, and the processor time of an answer in µs: of the
    servers, of the database and of the client. `good` answers are below 300, other ones `errors`.
    `elapsed`: seconds to the last of them; `per_second` are those within the time alone. Latencies
    are those of good answers, and apart from them of `refusals`.
    """

    per_second: float
    elapsed: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float
    database_us: float
    client_us: float
    good: int
    errors: int
    lost: int
    refusals: "Refusals"


@dataclass(frozen=True)
class Refusals:
    """What a run was answered that is not good, how quickly, and how many said `Retry-After`; good
    answers a second beside them, and requests that were due while every client waited."""

    statuses: Mapping[str, int]
    told_when: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    good_per_second: float
    unsent: int


def get(path: str, headers: Mapping[str, str] | None = None) -> Request:
    """A GET of *path*."""
    return Request(_text("GET", path, headers or {}))


def post(path: str, body: Any, headers: Mapping[str, str]) -> Request:
    """A POST of *body* as JSON."""
    return Request(_text("POST", path, headers, json.dumps(body, separators=(",", ":")).encode()))


def _text(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def bearer(key: str) -> dict[str, str]:
    """The header that shows an API key."""
    return {"Authorization": f"Bearer {key}"}


USED = [{"unit": "call", "quantity": 1}]


def bookings(targets: Iterable[tuple[str, str]], mode: str) -> list[Request]:
    """A call of each of *targets* (API key, pipeline): `one_go`, or `begin_finish`."""
    requests = []
    for key, code in targets:
        headers = bearer(key) | {"Idempotency-Key": KEY}
        end = {"status": "succeeded", "lines": USED}
        if mode == "one_go":
            requests.append(post(f"{API}/calls", {"pipeline": code} | end, headers))
            continue
        begin = post(f"{API}/calls", {"pipeline": code}, headers).text
        finish = post(f"{API}/calls/finish", {"call_no": CALL} | end, bearer(key)).text
        requests.append(Request(begin, finish))
    return requests


def write_requests(file: Path, requests: Iterable[Request]) -> Path:
    """Write what the client sends; *file* again."""
    blocks = [
        f"{len(one.text)} {len(one.follow)}\n".encode() + one.text + one.follow for one in requests
    ]
    file.write_bytes(b"".join(blocks))
    return file


def drive(
    url: str,
    file: Path,
    *,
    clients: int,
    seconds: float,
    pids: Sequence[int] = (),
    database: int | None = None,
    rate: float = 0,
) -> Measured:
    """Send the requests of *file* to *url*, *rate* a second where that is not 0; *pids* are the
    server's processes, *database* that of the database, all with their children."""
    port = url.rsplit(":", 1)[1].strip("/")
    line, before = "", [0.0, 0.0]
    with subprocess.Popen(
        [str(client()), port, str(clients), str(seconds), secrets.token_hex(4), str(file),
         str(rate)],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line == "begin\n":
                before = [cpu_seconds(*pids), cpu_seconds(*filter(None, [database]))]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    figures = json.loads(line)
    count = max(figures["answers"], 1)
    return Measured(
        figures["in_time"] / figures["seconds"],
        figures["elapsed"],
        figures["p50_us"] / 1000,
        figures["p99_us"] / 1000,
        figures["max_us"] / 1000,
        (cpu_seconds(*pids) - before[0]) * 1e6 / count,
        (cpu_seconds(*filter(None, [database])) - before[1]) * 1e6 / count,
        figures["cpu_us"] / count,
        figures["good"],
        figures["answers"] - figures["good"],
        figures["lost"],
        Refusals(
            {what: n for what, n in figures["statuses"].items() if int(what) >= 300},
            figures["told_when"],
            figures["refused_p50_us"] / 1000,
            figures["refused_p99_us"] / 1000,
            figures["refused_max_us"] / 1000,
            figures["good_in_time"] / figures["seconds"],
            figures["unsent"],
        ),
    )


def need_compiler() -> str:
    """Where gcc is; ends the script with what to install when there is none."""
    path = shutil.which("gcc")
    if path is None:
        raise SystemExit("This benchmark compiles its client: apt-get install gcc libc6-dev")
    return path


@cache
def client() -> Path:
    """The compiled client; it goes away with this process."""
    return compiled("load.c")


def compiled(source: str, *options: str) -> Path:
    """Compile a program of this folder; it goes away with this process."""
    folder = Path(tempfile.mkdtemp(prefix="pipeline-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / Path(source).stem
    subprocess.run(
        [need_compiler(), "-O2", "-Wall", "-o", str(program), str(HERE / source), *options],
        check=True,
    )
    return program


def cpu_seconds(*pids: int) -> float:
    """Processor time that these processes have used, user and system, with all their children."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue  # it has ended
        total += sum(map(int, fields[11:15]))
        total += round(cpu_seconds(*map(int, children)) * os.sysconf("SC_CLK_TCK"))
    return total / os.sysconf("SC_CLK_TCK")


def middle(runs: Sequence[Measured]) -> Measured:
    """The medians of several runs, and the sums of their counts."""
    names = (
        "per_second",
        "elapsed",
        "p50_ms",
        "p99_ms",
        "max_ms",
        "cpu_us",
        "database_us",
        "client_us",
    )
    return Measured(
        **{name: median(getattr(run, name) for run in runs) for name in names},
        **{name: sum(getattr(run, name) for run in runs) for name in ("good", "errors", "lost")},
        refusals=runs[0].refusals,
    )


def machine() -> str:
    """What the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores of {model}; load before the run {os.getloadavg()[0]:.2f}"


# Answers every read by one constant, without looking at it: less than any server can do.
_CONSTANT = """
import asyncio, uvloop

class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")

async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

uvloop.run(main())
"""


def capacity(seconds: float) -> str:
    """What the client does against a constant answer, in words."""
    server = subprocess.Popen(
        [sys.executable, "-c", _CONSTANT], stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
            file = write_requests(Path(folder) / "requests", bookings([("k" * 47, "l")], "one_go"))
            run = drive(url, file, clients=64, seconds=seconds, pids=[server.pid])
    finally:
        server.terminate()
        server.wait(10)
    return (
        f"the client: {run.client_us:.1f} µs a request, against a constant answer"
        f" ({run.cpu_us:.1f} µs of its server) {run.per_second:,.0f} a second"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=float, default=3)
    sys.stdout.write(f"{machine()}; {capacity(parser.parse_args().seconds)}\n")


if __name__ == "__main__":
    main()
