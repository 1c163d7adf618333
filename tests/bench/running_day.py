"""
What a distributor's own use of the running day costs to read, by how many lines it has already.

    py3/bin/python tests/bench/running_day.py [--lines 100000] [--rounds 9] [--seconds 180]

Makes a scratch database with so many calls of today of one distributor and as many of others, and
reads in turns what `GET /v1/usage` reads: the first page, a total and sums by model, with the sums
of the running day (pipeline_ops/rollup/running.py) and without them, as before. No round begins
after --seconds but the first one: where others work beside it, a round may take minutes.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.base.clock import now, quota_day  # noqa: E402
from app.db.pool import pools  # noqa: E402
from app.db.transactions import reading  # noqa: E402
from app.modules import load_modules  # noqa: E402
from pipeline_dist.reports import usage  # noqa: E402
from pipeline_ops.rollup.running import forget_running, sum_up_running  # noqa: E402
from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

OWNERS = ("mine", "other")
_INSERT = """
insert into pipeline_usage_log (id, call_no, line_no, entry_no, distributor_id, pipeline_id, model,
  unit, quantity, unit_price, unit_size, pricing_type, amount, status, idempotency_key, started_at,
  finished_at, day_key, month_key, spend_day, calls, created_at, updated_at)
select concat(left({owner}, 1), lpad(hex(seq), 31, '0')), concat({owner}, '-', seq), 0, seq,
  {owner}, 'line', concat('model-', mod(seq, 5)), 'call', 1, 0.01, 1, 'unit', 0.01, 'succeeded',
  concat('key-', seq), {moment}, {moment}, {day}, left({day}, 7), {day}, 1, {moment}, {moment}
from seq_1_to_{lines}
"""


def fill(installation: Installation, lines: int) -> None:
    """Put the calls of today into the ledger; all days before are kept."""
    moment, day = now(), quota_day(now())
    installation.query(
        "insert into pipelines (id, code, name, created_at, updated_at)"
        " values ('line', 'line', 'line', now(3), now(3))"
    )
    for owner in OWNERS:
        installation.query(
            "insert into distributors (id, code, name, entry_no, created_at, updated_at)"
            " values (%s, %s, %s, %s, now(3), now(3))", owner, owner, owner, lines,
        )  # fmt: skip
        text = _INSERT.format(owner=f"'{owner}'", moment="%s", day="%s", lines=lines)
        at = moment.replace(tzinfo=None)
        installation.query(text, at, at, day, day, day, at, at)
    before = quota_day(moment - timedelta(days=1))
    installation.query("insert into app_usage_rollup (id, built_day) values ('days', %s)", before)
    installation.query("analyze table pipeline_usage_log")


def reads() -> dict[str, Callable[[Any], Awaitable[Any]]]:
    """What is read, by its name."""
    today = quota_day(now())
    span = usage.whole_days(today, today)
    page = usage.Page(span, 100, (0, 0), {})
    return {
        "first page": lambda sor: usage.list_lines(sor, "o", OWNERS[0], page),
        "total": lambda sor: usage.total(sor, OWNERS[0], span),
        "by model": lambda sor: usage.sums(sor, OWNERS[0], span, "model"),
    }


async def measure(rounds: int, seconds: float) -> list[str]:
    """The table of medians of at most *rounds* rounds, the last of which begins within
    *seconds*."""
    load_modules({})
    end = time.monotonic() + seconds
    times: dict[tuple[str, bool], list[float]] = {}
    answers: dict[str, list[Any]] = {}
    round_count = 0
    while round_count < rounds and (round_count == 0 or time.monotonic() < end):
        round_count += 1
        for is_kept in (False, True):
            await _measure_reads(times, answers, is_kept=is_kept)
        sys.stderr.write(f"round {round_count} of at most {rounds}\n")
    await pools().close()
    assert all(one == some[0] for some in answers.values() for one in some)
    ms = {key: 1000 * statistics.median(some) for key, some in times.items()}
    summing = ms["summing up", True]
    sys.stderr.write(f"{round_count} rounds; summing up the whole day: {summing:,.0f} ms\n")
    return [
        f"| {name} | {ms[name, False]:,.1f} | {ms[name, True]:,.1f}"
        f" | {ms[name, False] / ms[name, True]:,.0f} |"
        for name in reads()
    ]


async def _measure_reads(
    times: dict[tuple[str, bool], list[float]], answers: dict[str, list[Any]], *, is_kept: bool
) -> None:
    """Add to *times* and *answers* those of each read, with the day's sums or without."""
    await forget_running(OWNERS[0])
    if is_kept:
        start = time.perf_counter()
        await sum_up_running(OWNERS[0])
        times.setdefault(("summing up", True), []).append(time.perf_counter() - start)
    for name, work in reads().items():
        async with reading(snapshot=True) as sor:
            start = time.perf_counter()
            answer = await work(sor)
            times.setdefault((name, is_kept), []).append(time.perf_counter() - start)
        answers.setdefault(name, []).append(answer[0] if name == "first page" else answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=180)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = make_database(Path(folder))
        try:
            installation.adopt()
            fill(installation, arguments.lines)
            rows = asyncio.run(measure(arguments.rounds, arguments.seconds))
        finally:
            installation.mariadb.stop()
    head = ["| read of the running day | ms of the ledger | ms | × |", "|---|---|---|---|"]
    title = f"{machine()}. {arguments.lines:,} lines of the distributor's day."
    sys.stdout.write("\n".join([title, "", *head, *rows, ""]))


if __name__ == "__main__":
    main()
