"""The servers that the admission benchmark compares, all on one database."""

import json
import os
import secrets
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.base.ids import new_id
from app.runtime.processes import free_port, listening_problem, wait_until
from pipeline_dist.accounts import keys
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
# So large that no run of the benchmark reaches them; what they cost is what is measured.
MUCH = 10**12


@dataclass(frozen=True)
class Server:
    """One of the things compared."""

    name: str
    url: str
    pids: tuple[int, ...]


def make_database(folder: Path) -> Installation:
    """An installation with nothing in it but the schema."""
    installation = Installation(folder / "var")
    installation.mariadb.start()
    installation.adopt()
    installation.make_databases()
    return installation


def make_targets(
    installation: Installation, distributors: int, pipelines: int, file: Path
) -> list[tuple[str, str]]:
    """
    Lines with prices and every kind of quota, sold to distributors: each its own, or all to the
    only one. Writes *file* for calls.lua; (API key, line) pairs.
    """
    result: list[tuple[str, str]] = []
    run = secrets.token_hex(3)
    with installation.connect() as connection, connection.cursor() as cursor:
        buyers = [_make_distributor(cursor, f"{run}-{number}") for number in range(distributors)]
        for number in range(pipelines):
            buyer, key = buyers[number % distributors]
            code = f"l-{run}-{number}"
            _make_pipeline(cursor, code, buyer)
            result.append((key, code))
    file.write_text("".join(f"{key} {code}\n" for key, code in result))
    return result


def _make_distributor(cursor: Any, name: str) -> tuple[str, str]:
    """A distributor with every limit there is; its id and key."""
    key, buyer = keys.mint(), new_id()
    cursor.execute(
        "insert into distributors (id, code, name, status, api_key_hash, quota_period, quota_calls,"
        " spend_limit, currency, created_at, updated_at)"
        " values (%s, %s, %s, 'active', %s, 'month', %s, 100000000000, 'CNY', now(3), now(3))",
        (buyer, f"d-{name}", f"D {name}", keys.digest(key), MUCH),
    )
    return buyer, key


def _make_pipeline(cursor: Any, code: str, buyer: str) -> None:
    """A pipeline with a price and a capacity, sold to *buyer*."""
    pipeline_id = new_id()
    cursor.execute(
        "insert into pipelines (id, code, name, description, status, current_version, created_at,"
        " updated_at) values (%s, %s, %s, '', 'published', 1, now(3), now(3))",
        (pipeline_id, code, code),
    )
    cursor.execute(
        "insert into pipeline_pricing (id, pipeline_id, unit, pricing_type, unit_price, currency,"
        " effective_from, enabled, created_at, updated_at) values"
        " (%s, %s, 'call', 'unit', 0.01, 'CNY', '2020-01-01', 1, now(3), now(3))",
        (new_id(), pipeline_id),
    )
    cursor.execute(
        "insert into pipeline_capacity (id, pipeline_id, daily_quota, monthly_quota,"
        " max_concurrency, enabled, created_at, updated_at)"
        " values (%s, %s, %s, %s, 1000000000, 1, now(3), now(3))",
        (new_id(), pipeline_id, MUCH, MUCH),
    )
    cursor.execute(
        "insert into distributor_pipeline (id, distributor_id, pipeline_id, enabled, pricing_mode,"
        " daily_quota, monthly_quota, created_at, updated_at)"
        " values (%s, %s, %s, 1, 'inherit', %s, %s, now(3), now(3))",
        (new_id(), buyer, pipeline_id, MUCH, MUCH),
    )


def make_procedures(installation: Installation) -> None:
    """The procedures of peer (d)."""
    text = (ROOT / "tests/bench/peers/procedure.sql").read_text()
    with installation.connect() as connection, connection.cursor() as cursor:
        for statement in text.split("-- ----\n")[1:]:
            cursor.execute(statement)


@contextmanager
def running(installation: Installation, folder: Path, names: set[str]) -> Iterator[list[Server]]:
    """The servers named in *names*: ours-1, ours-2, plain, fastapi, procedure."""
    place = installation.settings.pipeline_database
    connection = folder / "connection.json"
    connection.write_text(json.dumps({
        "unix_socket": place.unix_socket, "user": place.user, "password": place.password,
        "name": place.name,
    }))  # fmt: skip
    env = {**installation.env, "BENCH_CONNECTION": str(connection), "PYTHONPATH": str(ROOT)}
    processes: list[subprocess.Popen[bytes]] = []
    servers: list[Server] = []
    try:
        for name in ("ours-1", "ours-2", "plain", "fastapi", "procedure"):
            if name not in names:
                continue
            port = free_port()
            argv = _command(name, port, connection, folder)
            group = [
                subprocess.Popen(argv, cwd=ROOT, env={**env, "PIPELINE_PORT": str(port)})
                for _ in range(2 if name == "ours-2" else 1)
            ]
            processes += group
            _wait(port, name)
            servers.append(Server(name, f"http://127.0.0.1:{port}", tuple(p.pid for p in group)))
        yield servers
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(40)


def _command(name: str, port: int, connection: Path, folder: Path) -> list[str]:
    if name.startswith("ours"):
        return [sys.executable, str(ROOT / "app/pipeline_app.py")]
    if name == "fastapi":
        return [
            str(_bench_python(folder)), "-m", "uvicorn", "tests.bench.peers.fastapi_app:app",
            "--port", str(port), "--no-access-log", "--log-level", "warning",
        ]  # fmt: skip
    return [
        sys.executable, "-m", "tests.bench.peers.plain", str(port), str(connection), name,
    ]  # fmt: skip


def _bench_python(folder: Path) -> Path:
    """The Python of an environment with FastAPI and SQLAlchemy, made where it is missing."""
    where = Path(os.environ.get("PIPELINE_BENCH_ENV") or folder / "environment")
    python = where / "bin" / "python"
    if not python.exists():
        venv.create(where, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r",
             str(ROOT / "requirements-bench.lock")],
            check=True,
        )  # fmt: skip
    return python


def _wait(port: int, name: str) -> None:
    if not wait_until(lambda: listening_problem("127.0.0.1", port) is not None, 60):
        raise SystemExit(f"{name} did not start")
