"""
How long `check-ledger` takes on a large ledger.

    py3/bin/python tests/bench/ledger_size.py [--rows 10000000 | --ledger VAR] [--write]

On the ledger of `big_ledger.py`, made in a scratch folder or before: the check of all time, of one
month, and `--repair` when every counter is wrong. `--write` puts the figures into
docs/performance.md.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.big_ledger import add_arguments, ledger_of, say  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

_SPOIL = (
    "update distributors set quota_used = quota_used + 1, spend_used = spend_used + 1",
    "update distributor_pipeline set day_used = day_used + 1, month_used = month_used + 1",
    "update pipeline_capacity set day_used = day_used + 1, month_used = month_used + 1",
)


def timed(installation: Installation, *argv: str) -> tuple[float, str]:
    """Seconds that check-ledger took, and its last line."""
    start = time.monotonic()
    process = installation.manage("check-ledger", *argv, check=False, timeout=7200)
    if process.returncode not in (0, 1):
        raise SystemExit(process.stderr)
    return time.monotonic() - start, process.stdout.strip().splitlines()[-1]


def run(installation: Installation) -> str:
    """The figures, in words."""
    whole, report = timed(installation)
    say(f"checked in {whole:.0f} s: {report}")
    (row,) = installation.query("select max(month_key) as month from pipeline_usage_log")
    month, _ = timed(installation, "--month", row["month"])
    for statement in _SPOIL:
        installation.query(statement)
    repair, _ = timed(installation, "--repair")
    _, report = timed(installation)
    (size,) = installation.query("select count(*) as row_count from pipeline_usage_log")
    return (
        "## check-ledger\n\n"
        f"{machine()}. {size['row_count']:,} rows: all time {whole:.1f} s, one month {month:.1f} s,"
        f" repair of all counters {repair:.1f} s; afterwards:\n\n    {report}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    add_arguments(parser)
    parser.add_argument("--ledger", type=Path, help="a folder that big_ledger.py has made")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder,
        ledger_of(arguments, Path(folder)) as installation,
    ):
        text = run(installation)
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "ledger size", text)


if __name__ == "__main__":
    main()
