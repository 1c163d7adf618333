"""
How fast calls are admitted, beside other ways to do exactly the same, in one interleaved run.

    py3/bin/python tests/bench/admission.py [--seconds 3] [--rounds 2] [--write]

On one database: this application with one worker and with two; a raw aiohttp and aiomysql handler
with one plain transaction a call; the same as FastAPI and SQLAlchemy; and a raw handler that calls
one stored procedure. Driven by load.c. Ratios are of this run only; `--write` puts the tables into
docs/performance.md. FastAPI's environment is made anew each time unless PIPELINE_BENCH_ENV names a
folder for it.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.admission_servers import (  # noqa: E402
    Server,
    make_database,
    make_procedures,
    make_targets,
    running,
)
from tests.bench.load import (  # noqa: E402
    Measured,
    bookings,
    drive,
    machine,
    middle,
    need_compiler,
    write_requests,
)
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

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
    need_compiler()
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
        files = request_files(installation, folder, arguments.places, arguments.modes)
        with running(installation, folder, set(arguments.servers)) as servers:
            lines = [
                "## Admission\n",
                f"{machine()}; {arguments.rounds} interleaved rounds of {arguments.seconds} s,"
                " medians; default durability (every commit is on disk before its answer). Ratios"
                " are the application's requests a second to the peer's, in this run.\n",
            ]
            lines += tables(servers, files, arguments)
        check = installation.manage("check-ledger", check=False, timeout=600)
        lines.append(f"\nAfterwards `check-ledger` said: {check.stdout.strip().splitlines()[-1]}")
        return "\n".join(lines) + "\n"
    finally:
        installation.mariadb.stop()


def request_files(
    installation: Installation, folder: Path, places: Sequence[str], modes: Sequence[str]
) -> dict[tuple[str, str], Path]:
    """What is sent, by place and mode; the distributors and pipelines are made."""
    files = {}
    for number, place in enumerate(places):
        targets = make_targets(installation, *PLACES[place], folder / "targets")
        for mode in modes:
            file = folder / f"requests-{number}-{mode}"
            files[place, mode] = write_requests(file, bookings(targets, mode))
    return files


def tables(
    servers: list[Server], files: dict[tuple[str, str], Path], arguments: argparse.Namespace
) -> Iterator[str]:
    for (place, mode), file in files.items():
        yield f"\n### {place[0].upper()}{place[1:]}, {MODES[mode]}\n"
        yield "| clients | server | req/s | p50 ms | p99 ms | ours / this |"
        yield "|---|---|---|---|---|---|"
        for clients in arguments.clients:
            yield from rows(servers, file, clients, arguments)


def rows(
    servers: list[Server], file: Path, clients: int, arguments: argparse.Namespace
) -> Iterator[str]:
    runs: dict[str, list[Measured]] = {server.name: [] for server in servers}
    for number in range(-1, arguments.rounds):
        for server in servers:
            seconds = arguments.seconds if number >= 0 else 1  # what fills pools is not counted
            run = drive(server.url, file, clients=clients, seconds=seconds)
            if number >= 0:
                runs[server.name].append(run)
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


if __name__ == "__main__":
    main()
