"""
How fast calls are admitted, beside other ways to do exactly the same, in one interleaved run.

    py3/bin/python tests/bench/admission.py [--seconds 3] [--rounds 2] [--write]

On one database: this application with one worker and with two; a raw aiohttp and aiomysql handler
with one plain transaction a call; the same as FastAPI and SQLAlchemy; and a raw handler that calls
one stored procedure. Driven by wrk. Ratios are of this run only; `--write` puts the tables into
docs/performance.md. FastAPI's environment is made anew each time unless PIPELINE_BENCH_ENV names a
folder for it.
"""

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.admission_servers import (  # noqa: E402
    Server,
    make_database,
    make_procedures,
    make_targets,
    running,
)
from tests.bench.load import machine, need_wrk  # noqa: E402
from tests.bench.report import put_section  # noqa: E402

PLACES = {
    "one hot line": (1, 1),
    "100 lines of 100 distributors": (100, 100),
    "100 lines of one distributor": (1, 100),
}
MODES = {"one_go": "one-go", "begin_finish": "begin and finish"}
NAMES = {
    "ours-1": "this application, 1 worker",
    "ours-2": "this application, 2 workers",
    "plain": "(b) plain transaction",
    "fastapi": "(c) FastAPI + SQLAlchemy",
    "procedure": "(d) stored procedure",
}
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Run:
    """What wrk measured in one timed run."""

    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--servers", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--places", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    need_wrk()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        text = run(Path(folder), arguments)
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "admission", text)


def run(folder: Path, arguments: argparse.Namespace) -> str:
    """All tables, as Markdown."""
    installation = make_database(folder)
    try:
        make_procedures(installation)
        targets = {}
        for number, place in enumerate(arguments.places):
            targets[place] = folder / f"targets-{number}"
            make_targets(installation, *PLACES[place], targets[place])
        with running(installation, folder, set(arguments.servers)) as servers:
            lines = [
                "## Admission\n",
                f"{machine()}; {arguments.rounds} interleaved rounds of {arguments.seconds} s,"
                " medians; default durability (every commit is on disk before its answer). Ratios"
                " are the application's requests a second to the peer's, in this run.\n",
            ]
            lines += tables(servers, targets, arguments)
        check = installation.manage("check-ledger", check=False, timeout=600)
        lines.append(f"\nAfterwards `check-ledger` said: {check.stdout.strip().splitlines()[-1]}")
        return "\n".join(lines) + "\n"
    finally:
        installation.mariadb.stop()


def tables(
    servers: list[Server], targets: dict[str, Path], arguments: argparse.Namespace
) -> Iterator[str]:
    for place, file in targets.items():
        for mode in arguments.modes:
            yield f"\n### {place[0].upper()}{place[1:]}, {MODES[mode]}\n"
            yield "| clients | server | req/s | p50 ms | p99 ms | ours / this |"
            yield "|---|---|---|---|---|---|"
            for clients in arguments.clients:
                yield from rows(servers, file, mode, clients, arguments)


def rows(
    servers: list[Server], file: Path, mode: str, clients: int, arguments: argparse.Namespace
) -> Iterator[str]:
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for _ in range(arguments.rounds):
        for server in servers:
            runs[server.name].append(drive(server, file, mode, clients, arguments.seconds))
    middles = {name: middle(some) for name, some in runs.items()}
    ours = middles.get("ours-1")
    for name, figures in middles.items():
        ratio = f"{ours.per_second / figures.per_second:.2f}" if ours else ""
        errors = f" ({figures.errors} errors)" if figures.errors else ""
        line = (
            f"| {clients} | {NAMES[name]} | {figures.per_second:,.0f}{errors}"
            f" | {figures.p50_ms:.2f} | {figures.p99_ms:.2f} | {ratio} |"
        )
        sys.stderr.write(line + "\n")
        yield line


def drive(server: Server, file: Path, mode: str, clients: int, seconds: int) -> Run:
    """One timed run of wrk, after a moment that fills pools and is not counted."""
    for length in (1, seconds):
        process = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{length}s", "--latency", "--timeout", "10s",
             "-s", str(ROOT / "tests/bench/calls.lua"), server.url,
             "--", mode, secrets.token_hex(4), str(file)],
            capture_output=True, text=True, check=True, env={**os.environ, "CALLS_MODE": mode},
        ).stdout  # fmt: skip
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", process)
    lost = re.search(r"Socket errors: .*", process)
    if lost:
        sys.stderr.write(f"{server.name}: {lost.group(0)}\n")
    return Run(
        float(_first_group(r"Requests/sec:\s+([\d.]+)", process)),
        _ms(_first_group(r"50%\s+([\d.]+\w+)", process)),
        _ms(_first_group(r"99%\s+([\d.]+\w+)", process)),
        int(errors.group(1)) if errors else 0,
    )


def middle(runs: list[Run]) -> Run:
    """The medians of several runs."""
    return Run(
        median(run.per_second for run in runs),
        median(run.p50_ms for run in runs),
        median(run.p99_ms for run in runs),
        sum(run.errors for run in runs),
    )


def _first_group(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said something unexpected:\n{text}")
    return match.group(1)


def _ms(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s)", text)
    assert match is not None
    return float(match.group(1)) * _UNITS[match.group(2)]


if __name__ == "__main__":
    main()
