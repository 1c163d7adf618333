"""
What an archived call takes, in the ledger before and after and in its files, by its items.

    py3/bin/python tests/bench/archive_size.py [--calls 20000] [--write]

Makes calls of one month with 1, 3 and 10 items in a scratch database, archives them, and measures
the table with its indexes after `optimize table`, before and after, and the files. `--write` puts
the figures into docs/archive.md.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.db.pool import pools  # noqa: E402
from app.modules import load_modules  # noqa: E402
from pipeline_ops.archiving.months import ClosedMonth  # noqa: E402
from pipeline_ops.archiving.move import BATCH_ROWS, archive_month, read_facts  # noqa: E402
from tests.bench.admission_servers import make_database, make_targets  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

MONTH = "2023-12"
ITEMS = (1, 3, 10)
# By the document: what is said of the memory, and the head of the table.
TEXTS = {
    "archive.md": (
        "Memory at most {:.0f} MiB.",
        "| items a call | ledger before, bytes a call | after | files, bytes a call |"
        " ledger before / after | command's processor time, µs a row |",
    ),
    "archive.zh-CN.md": (
        "内存至多 {:.0f} MiB。",
        "| 每次调用的计量项 | 归档前账本每次调用字节数 | 归档后 | 文件每次调用字节数 | 前 / 后 |"
        " 命令每行处理器时间（µs） |",
    ),
}
# As admission writes them: the header's row has the first item, each further item its own.
_INSERT = """
insert into pipeline_usage_log (id, call_no, line_no, distributor_id, pipeline_id, version_no,
  step_key, model, unit, quantity, pricing_id, matched, pricing_type, pricing_mode, unit_price,
  unit_size, amount, currency, status, idempotency_key, request_hash, terms_no, source, started_at,
  finished_at, duration_ms, day_key, month_key, quota_key, spend_day, entry_no, calls, created_at,
  created_by, updated_at, updated_by)
select concat('{line:x}', lpad(hex(s.seq), 31, '0')), concat('0', lpad(hex(s.seq), 31, '0')),
  {line}, l.distributor_id, l.pipeline_id, 1, 'answer', 'claude-haiku-4-5', 'output_token',
  1 + s.seq % 4000, '{price}', 'all', 'unit', 'inherit', 2.5, 1000000,
  (1 + s.seq % 4000) * 2.5 / 1000000, 'CNY', 'succeeded', uuid(), {hash}, {terms}, 'api', {at},
  {at}, 900, {day}, '{month}', '{month}', {day}, s.seq, {calls}, {at}, 'bench', {at}, 'bench'
from seq_1_to_{count} s join distributor_pipeline l
"""


def fill(installation: Installation, calls: int, items: int) -> None:
    """Make the calls, and nothing else in the ledger."""
    at = f"timestamp('{MONTH}-01') + interval s.seq * 2500000 div {calls} second"
    installation.query("truncate table pipeline_usage_log")
    for line in range(items):
        installation.query(
            _INSERT.format(
                line=line,
                price="0" * 32,
                count=calls,
                month=MONTH,
                at=at,
                day=f"left({at}, 10)",
                hash="sha2(s.seq, 256)" if line == 0 else "null",
                calls=int(line == 0),
                terms=3 if line == 0 else "null",
            )
        )


def table_bytes(installation: Installation) -> int:
    """The bytes of the table with its indexes when it is densely built."""
    installation.query("optimize table pipeline_usage_log")
    installation.query("analyze table pipeline_usage_log")
    (row,) = installation.query(
        "select data_length + index_length as bytes from information_schema.tables"
        " where table_schema = database() and table_name = 'pipeline_usage_log'"
    )
    return int(row["bytes"])


async def archive(installation: Installation) -> int:
    """Archive all of it; the bytes of the files."""
    (row,) = installation.query("select id, code from distributors limit 1")
    month = ClosedMonth(row["id"], row["code"], MONTH, is_closed=True)
    try:
        facts = await read_facts(month)
        return sum([batch.file_bytes async for batch in archive_month(month, facts, BATCH_ROWS)])
    finally:
        await pools().close()


def measure(installation: Installation, calls: int, items: int) -> str:
    """A row of the table of figures."""
    fill(installation, calls, items)
    before = table_bytes(installation)
    start, cpu_start = time.monotonic(), time.process_time()
    file_bytes = asyncio.run(archive(installation))
    seconds, cpu_seconds = time.monotonic() - start, time.process_time() - cpu_start
    after = table_bytes(installation)
    rows = calls * items
    sys.stderr.write(f"{items} item(s): {rows} rows in {seconds:.0f} s\n")
    values: list[Any] = [
        items, f"{before / calls:,.0f}", f"{after / calls:,.0f}", f"{file_bytes / calls:,.0f}",
        f"{before / after:.1f}", f"{cpu_seconds / rows * 1e6:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(map(str, values))} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--write", action="store_true", help="write docs/archive.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = make_database(Path(folder))
        load_modules({})
        try:
            make_targets(installation, 1, 1, Path(folder) / "targets")
            rows = [measure(installation, arguments.calls, items) for items in ITEMS]
        finally:
            installation.mariadb.stop()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    place = f"{machine()}; {arguments.calls:,} calls; `tests/bench/archive_size.py`."
    texts = {
        name: f"{place} {memory_text.format(memory)}\n\n{head}\n|---|---|---|---|---|---|\n"
        + "".join(rows)
        for name, (memory_text, head) in TEXTS.items()
    }
    sys.stdout.write(texts["archive.md"])
    if arguments.write:
        for name, text in texts.items():
            put_section(ROOT / "docs" / name, "archive", text)


if __name__ == "__main__":
    main()
