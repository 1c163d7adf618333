"""
How long a page of a large list takes, beside the same page as a small table's list reads it.

    py3/bin/python tests/bench/lists.py [--rows 1000000] [--rounds 3]

Makes a scratch database with so many rows of use (one distributor and one pipeline have nine of
ten, others only the oldest), and reads each page in turns: with the limits of settings.Options, and
with none (`list_free_rows` out of reach: the whole count, an offset, any order). What takes longer
than `--seconds` there is ended.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.base.errors import AppError  # noqa: E402
from app.base.settings import settings  # noqa: E402
from app.db.pool import pools  # noqa: E402
from app.endpoints.lists import list_rows  # noqa: E402
from app.modules import load_modules  # noqa: E402
from app.records import table_sizes  # noqa: E402
from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.support.installation import write_config  # noqa: E402
from tests.support.large_ledger import fill_ledger  # noqa: E402

SECONDS_OF_A_YEAR = 365 * 86_400
DAY = {"started_at_from": "2026-06-05T00:00:00Z", "started_at_to": "2026-06-06T00:00:00Z"}
PAGES: dict[str, dict[str, Any]] = {
    "page 1": {},
    "the last page that has a number": {"page": 200},
    "a page far behind": {"page": "far"},
    "by started_at": {"sort": "started_at desc"},
    "by amount": {"sort": "amount"},
    "the big distributor": {"distributor_id": "main"},
    "a distributor of old": {"distributor_id": "past"},
    "a distributor with few": {"distributor_id": "few"},
    "the big pipeline": {"pipeline_id": "big"},
    "a pipeline of old": {"pipeline_id": "old"},
    "the big pipeline, one day": {"pipeline_id": "big", "day_key": "2026-06-05"},
    "a rare pipeline, one day by time": {"pipeline_id": "rare", **DAY},
    "one day by time": DAY,
    "voided (old ones)": {"status": "voided"},
    "search": {"q": "key-7777"},
}


async def measure(rows: int, rounds: int) -> list[str]:
    load_modules({})
    answers = []
    for name, params in PAGES.items():
        times: dict[bool, list[float]] = {True: [], False: []}
        words = {True: "", False: ""}
        for is_large in (True, False) * rounds:
            use(is_large=is_large)
            query = await page(params, rows, is_large=is_large)
            start = time.perf_counter()
            try:
                await list_rows(None, query, "pipeline_ops", "pipeline_usage_log")
            except AppError as exc:
                words[is_large] = exc.code
            times[is_large].append(1000 * (time.perf_counter() - start))
        ms = {key: statistics.median(some) for key, some in times.items()}
        before = f"{ms[False]:,.0f} {words[False]}".strip()
        after = f"{ms[True]:,.1f} {words[True]}".strip()
        answers.append(f"| {name} | {before} | {after} | {ms[False] / ms[True]:,.0f} |")
        sys.stderr.write(answers[-1] + "\n")
    await pools().close()
    return answers


async def page(params: dict[str, Any], rows: int, *, is_large: bool) -> dict[str, Any]:
    """What to ask for: a page far behind by its number, or from the end of the list."""
    if params.get("page") != "far":
        return params | {"rows": 50}
    if not is_large:
        return {"page": rows // 50 - 1, "rows": 50}
    end = await list_rows(None, {"_last": 1, "rows": 50}, "pipeline_ops", "pipeline_usage_log")
    return {"_before": end["previous"], "rows": 50}


def use(*, is_large: bool) -> None:
    """Take the limits of large lists into use, or none."""
    object.__setattr__(settings().options, "list_free_rows", 100_000 if is_large else 10**12)
    table_sizes.forget()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = make_database(Path(folder))
        try:
            write_config(installation.var_dir, report_seconds=arguments.seconds)
            installation.adopt()
            start = time.monotonic()
            fill_ledger(installation, arguments.rows, SECONDS_OF_A_YEAR // arguments.rows)
            sys.stderr.write(f"filled in {time.monotonic() - start:.0f} s\n")
            answers = asyncio.run(measure(arguments.rows, arguments.rounds))
        finally:
            installation.mariadb.stop()
    head = ["| page of 50 of the list of use | ms before | ms | × |", "|---|---|---|---|"]
    text = "\n".join([f"{machine()}. {arguments.rows:,} rows.", "", *head, *answers, ""])
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
