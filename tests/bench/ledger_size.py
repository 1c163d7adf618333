"""
How long `check-ledger` takes on a large ledger.

    py3/bin/python tests/bench/ledger_size.py [--rows 10000000] [--write]

Makes a scratch database with so many rows (a header and a line for each call, 100 lines of 100
distributors, three months), sets the counters by `--repair`, and times the check of all time and of
one month. `--write` puts the figures into docs/performance.md.
"""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.schema.plan import _index_sql  # noqa: E402
from app.schema.tables import table  # noqa: E402
from tests.bench.admission_servers import make_database, make_targets  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

CALL_BATCH_SIZE = 250_000
_KEYS = """date(date_add('2026-09-01', interval s.seq * 90 div {calls} day))"""
_SELECT = """
insert into pipeline_usage_log (id, call_no, line_no, distributor_id, pipeline_id, version_no,
  unit, quantity, pricing_id, pricing_type, pricing_mode, unit_price, unit_size, amount, currency,
  status, idempotency_key, request_hash, source, started_at, finished_at, duration_ms, day_key,
  month_key, quota_key, entry_no, calls, created_at, created_by, updated_at, updated_by)
select concat('{mark}', lpad(hex(s.seq), 31, '0')), concat('0', lpad(hex(s.seq), 31, '0')), {line},
  l.distributor_id, l.pipeline_id, 1, {unit}, {quantity}, {pricing}, {kind}, {mode}, {price},
  {size}, {amount}, 'CNY',
  elt(1 + s.seq % 50, 'failed', 'expired', 'succeeded') , concat('k-', s.seq),
  {hash}, 'api', {at}, {at}, 900, {day}, left({day}, 7), left({day}, 7), s.seq,
  1 - {line}, {at}, 'bench',
  {at}, 'bench'
from seq_{first}_to_{last} s join bench_links l on l.number = s.seq % 100
"""


def fill(installation: Installation, rows: int) -> None:
    """Make the ledger; its secondary indexes come last, which is much quicker."""
    model = table("pipeline_usage_log")
    calls = rows // 2
    with installation.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "create table bench_links as select row_number() over (order by id) - 1 as number,"
            " distributor_id, pipeline_id from distributor_pipeline"
        )
        for index in model.indexes:
            cursor.execute(f"alter table pipeline_usage_log drop index `{index.name}`")
        for first in range(1, calls + 1, CALL_BATCH_SIZE):
            for line in (0, 1):
                cursor.execute(
                    statement(first, min(first + CALL_BATCH_SIZE - 1, calls), line, calls)
                )
        for index in model.indexes:
            cursor.execute(f"alter table pipeline_usage_log add {_index_sql(index)}")
        cursor.execute("analyze table pipeline_usage_log")
        cursor.execute("drop table bench_links")
        for name in ("distributor_pipeline", "pipeline_capacity"):
            cursor.execute(f"update {name} set day_key = '2026-11-15', month_key = '2026-11'")
        cursor.execute("update distributors set quota_key = '2026-11'")


def statement(first: int, last: int, line: int, calls: int) -> str:
    """Insert the headers (*line* 0) or the lines of these calls."""
    day = f"cast({_KEYS.format(calls=calls)} as char)"
    at = f"timestamp({_KEYS.format(calls=calls)}, '04:00:00')"
    fields: dict[str, Any] = {
        "unit": "''", "quantity": "0", "pricing": "null", "kind": "null", "mode": "null",
        "price": "null", "size": "null", "amount": "0", "hash": "sha2(s.seq, 256)",
    }  # fmt: skip
    if line:
        fields = {
            "unit": "'output_token'", "quantity": "1 + s.seq % 4000", "pricing": "'bench-price'",
            "kind": "'unit'", "mode": "'inherit'", "price": "2.5", "size": "1000000",
            "amount": "(1 + s.seq % 4000) * 2.5 / 1000000", "hash": "null",
        }  # fmt: skip
    text = _SELECT.format(first=first, last=last, line=line, mark=line, day=day, at=at, **fields)
    # Of 50 calls one failed and one ran out; elt() has no more names and answers null.
    return re.sub(r"elt\((.*?)\) ,", r"coalesce(elt(\1), 'succeeded'),", text)


def timed(installation: Installation, *argv: str) -> tuple[float, str]:
    """Seconds that check-ledger took, and its last line."""
    start = time.monotonic()
    process = installation.manage("check-ledger", *argv, check=False, timeout=3600)
    if process.returncode not in (0, 1):
        raise SystemExit(process.stderr)
    return time.monotonic() - start, process.stdout.strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = make_database(Path(folder))
        try:
            make_targets(installation, 100, 100, Path(folder) / "targets")
            start = time.monotonic()
            fill(installation, arguments.rows)
            sys.stderr.write(f"filled in {time.monotonic() - start:.0f} s\n")
            repair, report = timed(installation, "--repair")
            sys.stderr.write(f"repaired in {repair:.0f} s: {report}\n")
            whole, report = timed(installation)
            month, _ = timed(installation, "--month", "2026-10")
        finally:
            installation.mariadb.stop()
    text = (
        "## check-ledger\n\n"
        f"{machine()}. {arguments.rows:,} rows: all time {whole:.1f} s, one month {month:.1f} s,"
        f" repair of all counters {repair:.1f} s.\n\n    {report}\n"
    )
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "ledger size", text)


if __name__ == "__main__":
    main()
