"""
How fast the host is, beside raw aiohttp and aiomysql doing the same, in one interleaved run.

    py3/bin/python tests/bench/host.py [--rounds 5] [--seconds 3] [--write]

One worker of this application and one raw process, on the same machine and database, driven by
load.c in turn. Ratios are of this run only; `--write` puts the table into docs/performance.md.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.base.ids import new_id  # noqa: E402
from app.runtime.processes import free_port, wait_until  # noqa: E402
from tests.bench.load import Measured, drive, get, machine, middle, need_compiler, write_requests  # noqa: E402
from tests.bench.peers.reads import ME  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402
from tests.support.selling import make_distributor, new_key  # noqa: E402

PIPELINE_COUNT = 10_000
GOALS = {
    "trivial script": 0.65,
    "trivial script, logged in": 0.60,
    "one row with key": 0.85,
    "list of 20 of 10,000": 1.0,
}


@dataclass(frozen=True)
class Case:
    """One thing to compare: our URL and the raw handler's, with the headers both get."""

    name: str
    ours: str
    raw: str
    headers: dict[str, str] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    need_compiler()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        text = run(Path(folder), arguments)
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "host", text)


def run(folder: Path, arguments: argparse.Namespace) -> str:
    installation = prepare(folder)
    raw = None
    try:
        installation.start(workers=1)
        cases = make_cases(installation)
        raw_port = free_port()
        raw = start_raw(folder, installation, raw_port)
        pid = next(iter(installation.workers.running().values()))
        bases = {
            "ours": (installation.base_url, pid),
            "raw": (f"http://127.0.0.1:{raw_port}", raw.pid),
        }
        lines = [
            f"{machine()}; {arguments.rounds} rounds of {arguments.seconds} s, medians.",
            "",
        ]
        lines += [
            "| case | clients | raw req/s | ours req/s | ratio | raw CPU µs | ours CPU µs"
            " | CPU ratio"
            " | p50 / p99 ms raw | p50 / p99 ms ours | goal |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for case in cases:
            for clients in arguments.clients:
                lines.append(compare(case, clients, bases, arguments))
                sys.stderr.write(lines[-1] + "\n")
        return "\n".join(lines) + "\n"
    finally:
        if raw is not None:
            raw.terminate()
            raw.wait(10)
        installation.stop()
        installation.mariadb.stop()


def compare(
    case: Case, clients: int, bases: dict[str, tuple[str, int]], arguments: argparse.Namespace
) -> str:
    runs: dict[str, list[Measured]] = {"ours": [], "raw": []}
    for _ in range(arguments.rounds):
        for who, path in (("raw", case.raw), ("ours", case.ours)):
            url, pid = bases[who]
            with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
                file = write_requests(Path(folder) / "requests", [get(path, case.headers)])
                runs[who].append(
                    drive(url, file, clients=clients, seconds=arguments.seconds, pids=[pid])
                )
    raw, ours = middle(runs["raw"]), middle(runs["ours"])
    if raw.errors or ours.errors:
        raise SystemExit(
            f"{case.name}: {raw.errors} raw and {ours.errors} of our answers were errors"
        )
    return (
        f"| {case.name} | {clients} | {raw.per_second:,.0f} | {ours.per_second:,.0f}"
        f" | {ours.per_second / raw.per_second:.2f} | {raw.cpu_us:.0f} | {ours.cpu_us:.0f}"
        f" | {raw.cpu_us / ours.cpu_us:.2f} | {raw.p50_ms:.2f} / {raw.p99_ms:.2f}"
        f" | {ours.p50_ms:.2f} / {ours.p99_ms:.2f} | {GOALS[case.name]:.2f} |"
    )


def prepare(folder: Path) -> Installation:
    """An installation whose web root has one more script, the trivial one."""
    web_root = folder / "wwwroot"
    shutil.copytree(ROOT / "app" / "wwwroot", web_root, symlinks=True)
    (web_root / "hello.dspy").write_text('return {"ok": True}\n')
    config = json.loads((ROOT / "conf" / "config.json").read_text())
    config["website"]["paths"] = [[str(web_root), ""]]
    (folder / "config.json").write_text(json.dumps(config))
    installation = Installation(folder / "var")
    installation.extra_env["PIPELINE_CONF"] = str(folder / "config.json")
    installation.mariadb.start()
    installation.adopt()
    installation.make_databases()
    installation.query(
        "insert into permission (id, name, path) values ('hello', 'bench', '/hello.dspy')",
        database="sage",
    )
    installation.query(
        "insert into rolepermission (id, roleid, permid) values ('hello', 'any', 'hello')",
        database="sage",
    )
    return installation


def make_cases(installation: Installation) -> list[Case]:
    admin = installation.admin
    key = new_key(admin, make_distributor(admin))
    with installation.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into pipelines (id, code, name, description, status, created_at, updated_at)"
            " values (%s, %s, %s, 'made for the benchmark', 'draft', now(3), now(3))",
            [
                (new_id(), f"bench-{n:05d}", f"Line {n * 7919 % PIPELINE_COUNT:05d}")
                for n in range(PIPELINE_COUNT)
            ],
        )
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    signed_in = {"Cookie": cookie}
    bearer = {"Authorization": f"Bearer {key}"}
    list_url = "/pipeline_core/pipelines/get_pipelines.dspy?page=1&rows=20&sort=name"
    return [
        Case("trivial script", "/hello.dspy", "/hello"),
        Case("trivial script, logged in", "/hello.dspy", "/hello", signed_in),
        Case("one row with key", "/pipeline_dist/v1/me", "/row", bearer),
        Case("list of 20 of 10,000", list_url, "/list", signed_in),
    ]


def start_raw(folder: Path, installation: Installation, port: int) -> "subprocess.Popen[bytes]":
    place = installation.settings.pipeline_database
    connection = {
        "unix_socket": place.unix_socket, "user": place.user, "password": place.password,
        "name": place.name,
    }  # fmt: skip
    (folder / "raw.json").write_text(json.dumps(connection))
    (folder / "statements.json").write_text(json.dumps([ME]))
    raw = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/bench/raw_host.py"), str(port),
         str(folder / "raw.json"), str(folder / "statements.json")],
        cwd=ROOT,
    )  # fmt: skip

    def answers() -> bool:
        import socket

        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    if not wait_until(answers, 10):
        raise SystemExit("the raw server did not start")
    return raw


if __name__ == "__main__":
    main()
