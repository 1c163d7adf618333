"""The generated ledger of the benchmarks: the same each time, skewed, and right to the last row."""

import hashlib
from collections import Counter
from datetime import UTC, datetime

from tests.bench.big_ledger import make_ledger
from tests.bench.trace_ledger import COLUMNS, LedgerMaker, read_trace
from tests.support.installation import Installation

UNTIL = datetime(2026, 11, 20, 7, tzinfo=UTC)
ROWS = 20_000


def maker(seed: int = 1) -> LedgerMaker:
    return LedgerMaker(seed, ROWS, UNTIL, read_trace(None))


def digest(rows: LedgerMaker) -> str:
    text = hashlib.sha256()
    for lines in rows.portions():
        text.update("".join(lines).encode())
    return text.hexdigest()


def test_one_seed_makes_one_ledger() -> None:
    assert digest(maker()) == digest(maker())
    assert digest(maker(2)) != digest(maker())


def test_the_check_finds_nothing_in_it(database: Installation) -> None:
    rows = maker()
    api_keys = make_ledger(database, rows)
    assert len(api_keys) == 100
    assert abs(rows.counters.rows - ROWS) < ROWS * 0.02
    check = database.manage("check-ledger", check=False, timeout=300)
    assert check.stdout.splitlines()[-1].startswith(
        f"{sum_of_calls(database)} calls, {rows.counters.rows} rows: 0 difference(s)."
    ), check.stdout
    settings = database.query("select @@global.local_infile as files,"
                              " @@global.innodb_flush_log_at_trx_commit as flush")  # fmt: skip
    assert settings == [{"files": 0, "flush": 1}]


def sum_of_calls(database: Installation) -> int:
    (row,) = database.query("select sum(line_no = 0) as calls from pipeline_usage_log")
    return int(row["calls"])


def test_it_is_as_skewed_as_it_says() -> None:
    rows = [
        dict(zip(COLUMNS, line.rstrip("\n").split("\t"), strict=True))
        for lines in maker().portions()
        for line in lines
    ]
    headers = [row for row in rows if row["line_no"] == "0"]
    for name, share in (("pipeline_id", 0.80), ("distributor_id", 0.30)):
        (_, most), *_ = Counter(row[name] for row in headers).most_common()
        assert abs(most / len(headers) - share) < 0.02
    assert len({row["month_key"] for row in headers}) == 13
    statuses = Counter(row["status"] for row in headers)
    assert set(statuses) == {"succeeded", "failed", "cancelled", "expired", "voided"}
    assert any(row["finished_at"] > row["lease_expires_at"] > "" for row in headers
               if row["status"] == "succeeded" and row["lease_seconds"] != r"\N")  # fmt: skip
    assert max(row["started_at"] for row in headers) < "2026-11-20 07:00"
