"""
A ledger of millions of rows in a database: generated, loaded, indexed and counted.

    py3/bin/python tests/bench/big_ledger.py VAR [--rows 10000000] [--seed 1] [--trace FILE]
        [--until 2026-11-29T10:00Z]

Makes the installation in the folder VAR, starts its database, and leaves both there: `table.py
--ledger VAR` and `ledger_size.py --ledger VAR` measure on it. Ten million rows take about 10 GB.
Without --trace (a CSV with TIMESTAMP, ContextTokens, GeneratedTokens) calls are made up.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.base.clock import now  # noqa: E402
from app.base.private_files import write_private  # noqa: E402
from app.schema.plan import _index_sql  # noqa: E402
from app.schema.tables import table  # noqa: E402
from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.targets import make_world_rows, write_counters  # noqa: E402
from tests.bench.trace_ledger import COLUMNS, LedgerMaker, read_trace  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

TABLE = "pipeline_usage_log"
# The seed of the ledger, and the API keys of its distributors, the biggest first.
ABOUT = "bench-ledger.json"
# Several are made from one pass over the table, and need room on the disk beside it.
_INDEX_BATCH_SIZE = 4
_LOAD = f"load data local infile %s into table {TABLE} ({', '.join(COLUMNS)})"
# Of the load alone; put back before anything is measured.
_QUICK = {"local_infile": 1, "innodb_flush_log_at_trx_commit": 0}


def make_ledger(
    installation: Installation, maker: LedgerMaker, *, say: Any = lambda text: None
) -> list[str]:
    """
    Load all rows of *maker* into the empty ledger of *installation*; the API keys of the
    distributors, the biggest first.

    Its secondary indexes come last, which is much quicker than keeping them meanwhile. Raises
    RuntimeError when the database took another number of rows than there were.
    """
    api_keys = make_world_rows(installation, maker.world)
    model = table(TABLE)
    start = time.monotonic()
    with quick(installation), installation.connect() as connection, connection.cursor() as cursor:
        for index in model.indexes:
            cursor.execute(f"alter table {TABLE} drop index `{index.name}`")
        _load(installation, maker)
        say(f"{maker.counters.rows:,} rows loaded in {time.monotonic() - start:.0f} s")
        cursor.execute(f"select count(*) as taken from {TABLE}")
        (row,) = cursor.fetchall()
        if row["taken"] != maker.counters.rows:
            raise RuntimeError(f"{maker.counters.rows} rows became {row['taken']}")
        for first in range(0, len(model.indexes), _INDEX_BATCH_SIZE):
            indexes = model.indexes[first : first + _INDEX_BATCH_SIZE]
            additions = ", ".join(f"add {_index_sql(index)}" for index in indexes)
            cursor.execute(f"alter table {TABLE} {additions}")
        cursor.execute(f"analyze table {TABLE}")
    write_counters(installation, maker.world, maker.counters)
    say(f"indexed after {time.monotonic() - start:.0f} s")
    return api_keys


def _load(installation: Installation, maker: LedgerMaker) -> None:
    """The next portion is generated while the database reads one."""
    place = installation.mariadb.connection()
    assert place is not None
    with (
        place.open(database="pipeline", autocommit=True, local_infile=True) as connection,
        connection.cursor() as cursor,
        tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder,
        ThreadPoolExecutor(1) as loader,
    ):
        cursor.execute("set unique_checks = 0, foreign_key_checks = 0")

        def load(file: Path) -> None:
            cursor.execute(_LOAD, (str(file),))
            file.unlink()

        running: Future[None] | None = None
        for number, lines in enumerate(maker.portions()):
            file = Path(folder) / f"{number}.txt"
            file.write_text("".join(lines), "utf-8")
            if running is not None:
                running.result()
            running = loader.submit(load, file)
        if running is not None:
            running.result()


@contextmanager
def quick(installation: Installation) -> Iterator[None]:
    """Let the database load files, and not wait for its disk, for this long."""
    admin = installation.mariadb.admin_connection()
    assert admin is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {', '.join('@@global.' + name for name in _QUICK)}")
        before = dict(zip(_QUICK, cursor.fetchone() or (), strict=True))
        try:
            for name, value in _QUICK.items():
                cursor.execute(f"set global {name} = {value}")
            yield
        finally:
            for name, value in before.items():
                cursor.execute(f"set global {name} = {value}")


def make_installation(folder: Path, maker: LedgerMaker, *, say: Any) -> Installation:
    """An installation with the ledger of *maker*, its database running; its keys in a file."""
    installation = make_database(folder)
    api_keys = make_ledger(installation, maker, say=say)
    build_sums(installation)
    about = {"seed": maker.world.seed, "api_keys": api_keys}
    write_private(installation.var_dir / ABOUT, json.dumps(about))
    return installation


def build_sums(installation: Installation) -> None:
    """Let the application sum up the days that are over, where this version of it does that."""
    start = time.monotonic()
    process = installation.manage("usage-days", check=False, timeout=7200)
    if process.returncode == 0:
        say(f"summed up in {time.monotonic() - start:.0f} s")
    elif process.returncode != 2:  # 2: it has no such command
        raise RuntimeError(process.stdout + process.stderr)


@contextmanager
def ledger_of(arguments: argparse.Namespace, folder: Path) -> Iterator[Installation]:
    """The installation of `--ledger`, or one that is made in *folder*; its database runs."""
    if arguments.ledger:
        installation = Installation(arguments.ledger.resolve())
        installation.mariadb.start()
        installation.adopt()
    else:
        installation = make_installation(folder, maker_of(arguments), say=say)
    try:
        yield installation
    finally:
        installation.stop()
        installation.mariadb.stop()


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(text + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What says which ledger it is."""
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", type=Path, help="a recorded trace of calls, CSV")
    parser.add_argument("--until", type=datetime.fromisoformat, help="(the hour that began last)")


def maker_of(arguments: argparse.Namespace) -> LedgerMaker:
    """The maker of the ledger that the arguments of a script mean."""
    return LedgerMaker(
        arguments.seed, arguments.rows,
        arguments.until or now().replace(minute=0, second=0, microsecond=0),
        read_trace(arguments.trace),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("var", type=Path)
    add_arguments(parser)
    arguments = parser.parse_args()
    start = time.monotonic()
    installation = make_installation(arguments.var.resolve(), maker_of(arguments), say=say)
    installation.mariadb.stop()
    say(f"ready after {time.monotonic() - start:.0f} s: {installation.var_dir}")


if __name__ == "__main__":
    main()
