"""
Peer (f): the SQL of a batch of calls without anything around it, by a C program of two round trips.

The row that it inserts is one that the application wrote, column by column, so that it stays the
row of the application whatever that becomes; the ledger and its counters are right afterwards.
"""

import json
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from app.base.private_files import write_private
from tests.bench.load import compiled, cpu_seconds
from tests.support.installation import Installation

ID, NUMBER = "#" * 32, "@" * 10
# Debian's libmariadb3, which has no name without its number.
LIBRARY = "-l:libmariadb.so.3"
# What is locked and read, in the order of the application.
_LOCKS = (
    "select id, code, status, api_key_hash, currency, quota_period, quota_calls, quota_key,"
    " quota_used, billing_mode, balance, spend_limit, spend_period, spend_key, spend_used,"
    " spend_reserved, entry_no, closed_month, rate_window, lock_no from distributors"
    " where id = '{distributor_id}' for update",
    "select id, enabled, pricing_mode, discount_rate, daily_quota, monthly_quota, day_key,"
    " day_used, month_key, month_used, valid_from, valid_to from distributor_pipeline"
    " where distributor_id = '{distributor_id}' and pipeline_id = '{pipeline_id}' for update",
    "select id, daily_quota, monthly_quota, max_concurrency, enabled, day_key, day_used, month_key,"
    " month_used, running from pipeline_capacity where pipeline_id = '{pipeline_id}' for update",
    "select id, code, status, current_version, terms_no from pipelines where id = '{pipeline_id}'",
    "select * from pipeline_pricing where pipeline_id = '{pipeline_id}' and enabled = 1"
    " and distributor_id in ('', '{distributor_id}') and effective_from <= now(3)",
)
_WRITES = (
    "update distributors set quota_key = '{quota_key}', quota_used = quota_used + {n},"
    " spend_used = spend_used + {n} * {amount}, entry_no = entry_no + {n}"
    " where id = '{distributor_id}'",
    "update distributor_pipeline set day_key = '{day_key}', day_used = day_used + {n},"
    " month_key = '{month_key}', month_used = month_used + {n}"
    " where distributor_id = '{distributor_id}' and pipeline_id = '{pipeline_id}'",
    "update pipeline_capacity set day_key = '{day_key}', day_used = day_used + {n},"
    " month_key = '{month_key}', month_used = month_used + {n}"
    " where pipeline_id = '{pipeline_id}'",
)


@dataclass(frozen=True)
class SqlRun:
    """Calls a second, and the processor time of a call in µs: of the program and the database."""

    per_second: float
    client_us: float
    database_us: float


def compile_client() -> Path | str:
    """The program, or why it cannot be made."""
    try:
        return compiled("peers/client.c", LIBRARY)
    except subprocess.CalledProcessError:
        return "the library libmariadb (Debian's libmariadb3) is not there"


def run(
    program: Path, installation: Installation, pipeline: str, *, batch: int, seconds: float
) -> SqlRun:
    """Let *program* book calls of *pipeline*, of which the application has booked some."""
    (row,) = installation.query(
        "select u.* from pipeline_usage_log u join pipelines p on p.id = u.pipeline_id"
        # The application's own, by the version of its id: peers make others.
        " where p.code = %s and u.status = 'succeeded' and substr(u.id, 13, 1) = '7' limit 1",
        pipeline,
    )
    (account,) = installation.query(
        "select entry_no from distributors where id = %s", row["distributor_id"]
    )
    plan = installation.var_dir / "sql-plan"
    parts = _plan(installation, row)  # a password is among them
    write_private(plan, "".join(f"{len(part.encode())}\n{part}" for part in parts))
    database = installation.mariadb.pid()
    assert database is not None
    before = cpu_seconds(database)
    process = subprocess.run(
        [str(program), str(plan), str(seconds), str(batch), str(account["entry_no"] + 1),
         secrets.token_hex(4)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    figures = json.loads(process.stdout)
    return SqlRun(
        figures["calls"] / figures["seconds"],
        figures["cpu_us"] / figures["calls"],
        (cpu_seconds(database) - before) * 1e6 / figures["calls"],
    )


def _plan(installation: Installation, row: dict[str, Any]) -> list[str]:
    place = installation.settings.pipeline_database
    assert place.unix_socket is not None
    values = {name: value for name, value in row.items() if value is not None}
    values |= {"id": ID, "call_no": ID, "idempotency_key": f"sql-{ID}", "entry_no": None}
    texts = [
        NUMBER if value is None else pymysql.converters.escape_item(value, "utf8mb4")
        for value in values.values()
    ]
    locks = "; ".join(_LOCKS).format(**row)
    return [
        place.unix_socket, place.user, place.password, place.name,
        f"start transaction; {locks}",
        f"insert into pipeline_usage_log ({', '.join(values)}) values ",
        f"({', '.join(texts)})",
        "; " + "; ".join(_WRITES).format(**row, n=NUMBER) + "; commit",
    ]  # fmt: skip
