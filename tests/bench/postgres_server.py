"""A PostgreSQL of the benchmark's own, with what its peer needs, where the machine has one."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
_SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
    "shared_buffers": "256MB", "listen_addresses": "", "max_connections": "20",
}  # fmt: skip
_COPIED = {
    "distributors": ("id", "code", "status", "currency", "api_key_hash", "quota_calls",
                     "spend_limit"),
    "pipelines": ("id", "code", "status"),
    "distributor_pipeline": ("id", "distributor_id", "pipeline_id", "daily_quota",
                             "monthly_quota"),
    "pipeline_capacity": ("id", "pipeline_id", "daily_quota", "monthly_quota"),
    "pipeline_pricing": ("id", "pipeline_id", "unit", "unit_price", "unit_size",
                         "effective_from"),
}  # fmt: skip
_FAULTS = (
    "select (select count(*) from (select d.id from distributors d left join pipeline_usage_log u"
    " on u.distributor_id = d.id group by d.id having d.entry_no <> count(u.id)"
    " or d.quota_used <> count(u.id) or d.spend_used <> coalesce(sum(u.amount), 0)) x)"
    " + (select count(*) from (select l.id from distributor_pipeline l left join"
    " pipeline_usage_log u on u.distributor_id = l.distributor_id"
    " and u.pipeline_id = l.pipeline_id and u.month_key = l.month_key group by l.id"
    " having l.month_used <> count(u.id)) y),"
    " (select count(*) from pipeline_usage_log)"
)


@dataclass(frozen=True)
class Postgres:
    """A server that runs: its socket's folder, its process, and how psql reaches it."""

    folder: Path
    pid: int
    psql: tuple[str, ...]

    def run(self, text: str) -> str:
        """What psql answers to *text*."""
        return subprocess.run(
            [*self.psql], input=text, text=True, check=True, capture_output=True
        ).stdout  # fmt: skip

    def copy_targets(self, installation: Installation) -> None:
        """Bring what MariaDB has of distributors and pipelines here."""
        for table, columns in _COPIED.items():
            names = ", ".join(columns)
            rows = installation.query(f"select {names} from {table}")
            values = ", ".join(
                "(" + ", ".join(f"'{row[name]}'" for name in columns) + ")" for row in rows
            )
            self.run(f"insert into {table} ({names}) values {values};")

    def check(self) -> str:
        """How many rows there are, and how many counters are wrong, in words."""
        faults, calls = self.run(_FAULTS + ";").strip().split("|")
        return f"{calls} calls: {faults} wrong counter(s)"


def binaries() -> Path | None:
    """Where PostgreSQL's programs are; None where there are none."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    own = shutil.which("initdb")
    if own:
        places.insert(0, Path(own).parent)
    names = ("initdb", "postgres", "psql", "pg_isready")
    return next((place for place in places if all((place / name).exists() for name in names)), None)


@contextmanager
def postgres() -> Iterator[Postgres | None]:
    """A server with the peer's tables and function; None where the machine has no PostgreSQL."""
    programs = binaries()
    if programs is None:
        yield None
        return
    # It does not run as root.
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pipeline-pg-"))
    process = None
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"
        subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8",
             "--no-locale"],
            user=user, check=True, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options],
                user=user, stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        psql = (str(programs / "psql"), "-h", str(folder), "-U", "bench", "-qAt", "-v",
                "ON_ERROR_STOP=1")  # fmt: skip
        _wait(programs, folder)
        subprocess.run([*psql, "-d", "postgres", "-c", "create database bench"], check=True)
        server = Postgres(folder, process.pid, (*psql, "-d", "bench"))
        server.run((ROOT / "tests/bench/peers/postgres.sql").read_text())
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(programs: Path, folder: Path) -> None:
    for _ in range(300):
        ready = subprocess.run(
            [str(programs / "pg_isready"), "-h", str(folder), "-U", "bench"],
            stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if ready.returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}")
