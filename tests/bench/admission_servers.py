"""The servers that the admission benchmark compares, all on one database."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.runtime.processes import free_port, wait_until
from app.runtime.workers import listeners
from tests.bench.targets import make_targets as make_targets  # versions.py: it was here before
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


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


def make_procedures(installation: Installation) -> None:
    """The procedures of peer (d)."""
    text = (ROOT / "tests/bench/peers/procedure.sql").read_text()
    with installation.connect() as connection, connection.cursor() as cursor:
        for statement in text.split("-- ----\n")[1:]:
            cursor.execute(statement)


@contextmanager
def running(
    installation: Installation, folder: Path, names: Iterable[str], pg: Path | None = None
) -> Iterator[list[Server]]:
    """
    The servers called *names*, each in as many processes as the number behind its name says: ours,
    plain, procedure, fastapi, reads, postgres (on the server whose socket is in *pg*).
    """
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
        for name in sorted(names):
            what, _, count = name.partition("-")
            port = free_port()
            argv = _command(what, port, pg if what == "postgres" else connection, folder)
            # Uvicorn starts its processes itself; the others listen together on one port.
            alone = what == "fastapi"
            group = [
                subprocess.Popen(
                    [*argv, "--workers", count or "1"] if alone else argv, cwd=ROOT,
                    env={**env, "PIPELINE_PORT": str(port)},
                )
                for _ in range(1 if alone else int(count or 1))
            ]  # fmt: skip
            processes += group
            _wait(port, name, len(group))
            servers.append(Server(name, f"http://127.0.0.1:{port}", tuple(p.pid for p in group)))
        yield servers
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(40)


def _command(what: str, port: int, place: Path | None, folder: Path) -> list[str]:
    if what == "ours":
        return [sys.executable, str(ROOT / "app/pipeline_app.py")]
    if what == "fastapi":
        return [
            str(_bench_python(folder)), "-m", "uvicorn", "tests.bench.peers.fastapi_app:app",
            "--port", str(port), "--no-access-log", "--log-level", "warning",
        ]  # fmt: skip
    if what == "postgres":
        return [
            str(_bench_python(folder)), "-m", "tests.bench.peers.postgres", str(port), str(place),
        ]  # fmt: skip
    module = "reads" if what == "reads" else "plain"
    return [
        sys.executable, "-m", f"tests.bench.peers.{module}", str(port), str(place), what,
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


def _wait(port: int, name: str, count: int) -> None:
    """Wait until so many processes listen on the port of the server called *name*."""
    if not wait_until(lambda: (listeners(port) or 0) >= count, 600):
        raise SystemExit(f"{name} did not start")
