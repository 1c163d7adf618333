"""
A long mixed load on two workers, and whether anything of them grows: `bash tests/run.sh soak`.

    bash tests/run.sh soak [--minutes 60] [--plant memory|files]

Calls begun and ended by programs, their questions, pages read, people who sign in and out, requests
that are refused or given up, a pipeline published, keys rotated and months closed, all at the same
time and at a moderate rate. Memory, open files, threads, connections to the database, log and
processor time of a request and latencies are sampled, rows are counted (`soak_verdict.py` says what
may rise by how much). It ends with 1 where something grows, a request failed, or the ledger is not
exact. `--plant` lets the workers leak, to see that it is seen.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.ops.soak_load import Load, pace, run
from tests.ops.soak_samples import row_counts
from tests.ops.soak_verdict import Sample, problems, table
from tests.support.installation import Installation

LEAKING = Path(__file__).parents[1] / "support" / "leaking"
# Rows that stay by design: of calls and what is told of them, of what administrators did and made
# (a distributor has a key). Other tables have rows of days, months and people, which a run hardly
# makes more of.
GROWING = frozenset(
    f"pipeline.{name}"
    for name in (
        "pipeline_usage_log",
        "app_usage_day",
        "app_event",
        "app_audit",
        "distributors",
        "app_key",
        "pipeline_versions",
    )
)
MAX_OTHER_ROWS = 30


async def watch(load: Load, samples: list[Sample], minutes: float) -> None:
    """Take a sample a minute while the load runs; of a short one, twenty."""
    pause = min(60.0, minutes * 60 / 20)
    while not load.is_over():
        await pace(load, pause)
        samples.append(await asyncio.to_thread(load.sampler.take))


def report(load: Load, samples: list[Sample], rows: Counter[str], check: str) -> str:
    """Return what is told of the run, in Markdown."""
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(load.counts.items()))
    failures = "; ".join(f"{count} × {name}" for name, count in load.failures.items()) or "none"
    grown = ", ".join(f"{name} {count:+,}" for name, count in rows.most_common() if count)
    return "\n".join(
        [
            *table(samples),
            "",
            f"{counts}. Failures: {failures}. Rows: {grown}. `check-ledger`: {check}",
        ]
    )


def main(argv: list[str]) -> int:
    """Run it; 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(prog="bash tests/run.sh soak")
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    parser.add_argument("--plant", choices=("memory", "files"), help="let the workers leak this")
    options = parser.parse_args(argv)
    installation = Installation(Path(os.environ["PIPELINE_TEST_VAR"]))
    if options.plant:
        installation.extra_env |= {"PYTHONPATH": str(LEAKING), "TEST_LEAK": options.plant}
    samples: list[Sample] = []
    installation.mariadb.start()
    try:
        installation.make_databases()
        installation.start(workers=2)
        before = row_counts(installation)
        print(time.strftime("from %H:%M:%S UTC", time.gmtime()), flush=True)
        load = asyncio.run(
            run(
                installation, options.minutes * 60,
                lambda load: watch(load, samples, options.minutes),
            )
        )  # fmt: skip
        print(time.strftime("to %H:%M:%S UTC", time.gmtime()), flush=True)
        rows = row_counts(installation)
        rows.subtract(before)
        check = installation.manage("check-ledger", check=False, timeout=600)
    finally:
        installation.stop()
        installation.mariadb.stop()
    print(report(load, samples, rows, (check.stdout or check.stderr).strip().splitlines()[-1]))
    growing = problems(samples)
    growing += [
        f"{name} grows by {count:,} rows"
        for name, count in rows.items()
        if name not in GROWING and count > MAX_OTHER_ROWS
    ]
    print("\n".join(growing) or "Nothing grows.")
    return int(bool(growing or load.failures or check.returncode))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
