"""
The table of figures: every job beside its raw peer, in one interleaved run.

    py3/bin/python tests/bench/table.py [--rounds 7] [--seconds 4] [--jobs one-go …] [--peers]
        [--kill] [--write]

This application with one worker and with two, and raw aiohttp and aiomysql doing the same in as
many processes, on one database with MariaDB's default durability; `--peers` adds FastAPI with
SQLAlchemy, a PostgreSQL function that is fed in batches, and the same SQL by a C program, each left
out with a sentence where it cannot be had. Ratios are taken within a round, who begins alternates,
and the least and the most of all rounds stand beside the median: that is the noise. Processor times
are those of an answer: of the server's processes, and of the database. `--kill` ends with the run
of `kills.py`. `--write` puts the block into docs/performance.md. Ten million rows are measured by
`big_reads.py`, a worker's start by `start.py`.
"""

import argparse
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import kills, sql_client  # noqa: E402
from tests.bench.admission_servers import Server, make_database, running  # noqa: E402
from tests.bench.contests import HEAD, Contest, Result, hold, spread  # noqa: E402
from tests.bench.load import (  # noqa: E402
    API,
    KEY,
    USED,
    Request,
    bearer,
    capacity,
    get,
    machine,
    need_compiler,
    post,
    write_requests,
)
from tests.bench.postgres_server import Postgres, postgres  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.bench.targets import make_targets  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

NAMES = {
    "ours-1": "this application, 1 worker",
    "ours-2": "this application, 2 workers",
    "plain-1": "raw: one plain transaction, 1 process",
    "plain-2": "raw: one plain transaction, 2 processes",
    "reads-1": "raw: one statement, 1 process",
    "fastapi-2": "FastAPI + SQLAlchemy, 2 processes",
    "postgres-1": "PostgreSQL function fed in batches, 1 process",
}
JOBS = (
    "one-go",
    "one-worker",
    "hundred",
    "one-client",
    "me",
    "pipelines",
    "code",
    "quote",
    "batch",
)
BATCH_SIZE, BATCH_CLIENTS = 1000, 4
SQL_BATCHES = (1, 32, 64, 500)
Pair = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--peers", action="store_true", help="the other peers too")
    parser.add_argument("--kill", action="store_true", help="and kill processes under load")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    need_compiler()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        text = run(Path(folder), arguments)
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "table", text)


def run(folder: Path, arguments: argparse.Namespace) -> str:
    """The block of docs/performance.md."""
    before, client = machine(), capacity(1)
    notes: list[str] = []
    with ExitStack() as stack:
        pg = stack.enter_context(postgres()) if arguments.peers else None
        if arguments.peers and pg is None:
            notes.append("PostgreSQL is left out: the machine has none.")
        installation = make_database(folder)
        stack.callback(installation.mariadb.stop)
        contests = list(make_contests(installation, folder, pg, arguments))
        if pg:
            pg.copy_targets(installation)
        results, sql = measure(installation, folder, pg, contests, arguments, notes)
        if pg:
            notes.append(f"PostgreSQL afterwards: {pg.check()}.")
        check = installation.manage("check-ledger", check=False, timeout=1200)
        notes.append(f"`check-ledger` afterwards: {check.stdout.strip().splitlines()[-1]}")
        if arguments.kill:
            notes.append(_after_kills(folder))
    lines = [
        "## Calls and reads beside their peers", "",
        f"{before}, after it {os.getloadavg()[0]:.2f}; {arguments.rounds} rounds of"
        f" {arguments.seconds:g} s, medians; {client}. Every commit is on disk before its answer.",
        "", *HEAD, *(line for result in results for line in result.rows(NAMES)), "", *sql,
        *(f"- {note}" for note in notes),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def make_contests(
    installation: Installation, folder: Path, pg: Postgres | None, arguments: argparse.Namespace
) -> Iterator[Contest]:
    """What is compared; the distributors and pipelines for it are made."""
    (one,) = make_targets(installation, 1, 1, folder / "one")
    make_targets(installation, 100, 100, folder / "hundred")
    others = ["fastapi-2", *(["postgres-1"] if pg else [])] if arguments.peers else []
    contests = {
        "one-go": Contest("one-go, one hot line, 64 clients", ("ours-2", "plain-2", *others),
                          folder / "one", 64, "≥ 6 × raw"),
        "one-worker": Contest("one-go, one hot line, 64 clients, one worker",
                              ("ours-1", "plain-1"), folder / "one", 64,
                              "≤ 130 µs, database ≤ 60 µs"),
        "hundred": Contest("100 pipelines × 100 distributors, 64 clients",
                           ("ours-2", "plain-2", *others), folder / "hundred", 64, "≥ 3 × raw"),
        "one-client": Contest("one-go, one client", ("ours-1", "plain-1", *others),
                              folder / "one", 1, "p50 ≤ 1.2 ms"),
        "batch": Contest(f"batch, {BATCH_CLIENTS} connections of {BATCH_SIZE:,} calls, calls/s",
                         ("ours-2",), write_requests(folder / "batch", [batch(one)]),
                         BATCH_CLIENTS, "≥ 15,000 calls/s", BATCH_SIZE),
    }  # fmt: skip
    for name, (title, request, goal) in reads(one).items():
        file = write_requests(folder / name, [request])
        contests[name] = Contest(f"{title}, 32 clients", ("ours-1", "reads-1"), file, 32, goal)
    return (contests[name] for name in JOBS if name in arguments.jobs)


def reads(target: Pair) -> dict[str, tuple[str, Request, str]]:
    """The reads: what each is called, its request, and what is to be reached."""
    key, code = target
    quote = {"pipeline": code, "lines": USED}
    return {
        "me": ("`GET /me`", get(f"{API}/me", bearer(key)), "≥ 1.0 × raw"),
        "pipelines": ("`GET /pipelines`", get(f"{API}/pipelines", bearer(key)), "≥ 0.8 × raw"),
        "code": ("`GET /pipelines?code=`", get(f"{API}/pipelines?code={code}", bearer(key)),
                 "≥ 0.8 × raw"),
        "quote": ("`POST /quote`", post(f"{API}/quote", quote, bearer(key)), "≥ 0.8 × raw"),
    }  # fmt: skip


def batch(target: Pair) -> Request:
    """A batch of calls in one go."""
    key, code = target
    call = {"pipeline": code, "status": "succeeded", "lines": USED, "idempotency_key": KEY}
    return post(f"{API}/calls/batch", {"calls": [call] * BATCH_SIZE}, bearer(key))


def measure(
    installation: Installation,
    folder: Path,
    pg: Postgres | None,
    contests: Sequence[Contest],
    arguments: argparse.Namespace,
    notes: list[str],
) -> tuple[list[Result], list[str]]:
    """The results, and the table of the C program."""
    names = {name for contest in contests for name in contest.servers}
    database = installation.mariadb.pid()
    assert database is not None
    databases = dict.fromkeys(names, database) | ({"postgres-1": pg.pid} if pg else {})
    with running(installation, folder, names, pg.folder if pg else None) as servers:
        by_name = {server.name: server for server in servers}
        compare_reads(by_name, contests)
        results = []
        for contest in contests:
            before = _ledger_size(installation)
            result = hold(
                contest, by_name, databases, rounds=arguments.rounds, seconds=arguments.seconds
            )
            results.append(result)
            row_count = _ledger_size(installation) - before
            if contest.calls > 1 and row_count != result.good * contest.calls:
                raise SystemExit(f"{contest.name}: {result.good} answers, {row_count} rows")
    if not arguments.peers or "one-go" not in arguments.jobs:
        return results, []
    return results, sql_table(installation, arguments, notes)


def _ledger_size(installation: Installation) -> int:
    (row,) = installation.query("select count(*) as row_count from pipeline_usage_log")
    return int(row["row_count"])


def compare_reads(servers: dict[str, Server], contests: Sequence[Contest]) -> None:
    """End the script where a raw peer does not answer what the application does."""
    for contest in contests:
        if "reads-1" not in contest.servers:
            continue
        answers = [_answer(servers[name].url, contest.file) for name in contest.servers]
        if answers[0] != answers[1]:
            raise SystemExit(f"{contest.name}: the answers differ: {answers}")


def _answer(url: str, file: Path) -> bytes:
    """The body of what is answered to the request in *file*."""
    head, _, body = file.read_bytes().partition(b"\n")[2].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    request = urllib.request.Request(url + path, body or None, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text: bytes = answer.read()
    return text


def sql_table(
    installation: Installation, arguments: argparse.Namespace, notes: list[str]
) -> list[str]:
    """What the database alone does with the SQL of batches on the hot pipeline."""
    program = sql_client.compile_client()
    if isinstance(program, str):
        notes.append(f"The same SQL by a C program is left out: {program}.")
        return []
    (row,) = installation.query(
        "select p.code from pipeline_usage_log u join pipelines p on p.id = u.pipeline_id"
        " group by p.id, p.code order by count(*) desc limit 1"
    )
    lines = [
        "| the same SQL by a C program, one connection, calls a transaction | calls/s"
        " (least–most) | its µs | database µs |",
        "|---|---|---|---|",
    ]
    for size in SQL_BATCHES:
        runs = [
            sql_client.run(
                program, installation, row["code"], batch=size, seconds=arguments.seconds
            )
            for _ in range(arguments.rounds)
        ]
        lines.append(
            f"| {size} | {spread([run.per_second for run in runs], 0)}"
            f" | {median(run.client_us for run in runs):.1f}"
            f" | {median(run.database_us for run in runs):.0f} |"
        )
    return [*lines, ""]


def _after_kills(folder: Path) -> str:
    place = folder / "kills"
    place.mkdir()
    installation = make_database(place)
    try:
        return kills.run(installation, place, kills.SECONDS).strip()
    finally:
        installation.stop()
        installation.mariadb.stop()


if __name__ == "__main__":
    main()
