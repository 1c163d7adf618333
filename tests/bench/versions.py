"""
What a request costs the worker and the database, in this checkout beside another one.

    py3/bin/python tests/bench/versions.py OTHER [--rounds 12] [--seconds 2] [--clients 64]

OTHER is a built checkout (an older commit, say). Each side has a database and one worker of its
own; rounds alternate between them, and the client is this checkout's (`load.c`). Told are the
medians of all rounds, and the ratios of this side to the other: answers a second, the time in which
half of them came, and the processor times of an answer. Only ratios within one run mean anything.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.load import (  # noqa: E402
    API,
    KEY,
    USED,
    Measured,
    bearer,
    bookings,
    drive,
    get,
    machine,
    post,
    write_requests,
)

# Runs in each checkout with that one's own code; ends when its input does.
_SERVE = """
import json, sys, tempfile
from pathlib import Path
import tests.bench.admission_servers as servers
try:
    from tests.bench.targets import make_targets
except ImportError:
    make_targets = servers.make_targets

with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as name:
    folder = Path(name)
    installation = servers.make_database(folder)
    try:
        targets = make_targets(installation, 1, 1, folder / "targets")
        with servers.running(installation, folder, {"ours-1"}) as running:
            place = [running[0].url, running[0].pids[0], installation.mariadb.pid()]
            print(json.dumps([*place, *targets[0]]), flush=True)
            sys.stdin.read()
    finally:
        installation.mariadb.stop()
"""
BATCH_SIZE, BATCH_CLIENTS = 1000, 4
FIGURES = {"per_second": "/s", "p50_ms": " ms", "cpu_us": " µs", "database_us": " µs db"}


@dataclass(frozen=True)
class Side:
    """One of the two checkouts, being served."""

    process: subprocess.Popen[str]
    url: str
    pid: int
    database: int
    key: str
    pipeline: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--jobs", nargs="+", default=["one_go", "me", "batch"])
    arguments = parser.parse_args()
    sides = {"this": serve(ROOT), "other": serve(arguments.other.resolve())}
    try:
        sys.stdout.write(f"{machine()}; {arguments.rounds} rounds of {arguments.seconds} s\n")
        with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as name:
            for job in arguments.jobs:
                files = {who: request_file(Path(name), job, side) for who, side in sides.items()}
                clients = BATCH_CLIENTS if job == "batch" else arguments.clients
                words = compare(sides, files, arguments, clients)
                sys.stdout.write(f"{job}, {clients} client(s): {words}\n")
                sys.stdout.flush()
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
            return Side(process, *json.loads(line))
    raise SystemExit(f"{checkout} did not start")


def request_file(folder: Path, job: str, side: Side) -> Path:
    """What a client sends for *job*, in a file."""
    if job == "one_go":
        requests = bookings([(side.key, side.pipeline)], "one_go")
    elif job == "me":
        requests = [get(f"{API}/me", bearer(side.key))]
    else:
        item = {"pipeline": side.pipeline, "status": "succeeded", "lines": USED}
        calls = [{"idempotency_key": f"{KEY}-{n}", **item} for n in range(BATCH_SIZE)]
        requests = [post(f"{API}/calls/batch", {"calls": calls}, bearer(side.key))]
    return write_requests(folder / f"{job}-{side.pid}", requests)


def compare(
    sides: Mapping[str, Side],
    files: Mapping[str, Path],
    arguments: argparse.Namespace,
    clients: int,
) -> str:
    """The medians of both sides and their ratios, in words."""
    runs: dict[str, list[Measured]] = {name: [] for name in sides}
    for number in range(-1, arguments.rounds):
        # Who goes first alternates, so that a slow stretch of the machine hits both.
        for name in sorted(sides, reverse=number % 2 == 1):
            side = sides[name]
            run = drive(
                side.url, files[name], clients=clients, seconds=arguments.seconds,
                pids=[side.pid], database=side.database,
            )  # fmt: skip
            if run.errors or run.lost:
                raise SystemExit(f"{name}: {run}")
            if number >= 0:  # the first round fills pools and caches
                runs[name].append(run)
    words = []
    for field, unit in FIGURES.items():
        ours, theirs = (median(getattr(run, field) for run in runs[who]) for who in sides)
        words.append(f"{ours:.4g}{unit}, other {theirs:.4g}, ratio {ours / theirs:.3f}")
    return "; ".join(words)


if __name__ == "__main__":
    main()
