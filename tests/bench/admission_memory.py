"""
Whether a worker's memory stays flat over one million calls.

    py3/bin/python tests/bench/admission_memory.py [--calls 1000000] [--write]

One worker is driven by load.c, in turns with one-go bookings on one hot line, begin and finish on
100 lines of 100 distributors, and so on, until it has answered so many calls. Its memory is
read after the first 50,000 and at the end. `--write` puts the figures into docs/performance.md.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.admission import MODES, PLACES, request_files  # noqa: E402
from tests.bench.admission_servers import make_database, running  # noqa: E402
from tests.bench.load import drive, machine, need_compiler  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.extra_worker import resident_bytes  # noqa: E402

WARM = 50_000
MAX_GROWTH = 0.10
SECONDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    need_compiler()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        counts, sizes = measure(Path(folder), arguments.calls)
    warm = next(size for count, size in zip(counts, sizes, strict=True) if count >= WARM)
    growth = sizes[-1] / warm - 1
    text = (
        "## Memory of a worker\n\n"
        f"{machine()}. {counts[-1]:,.0f} requests: {warm / 2**20:.1f} MiB after the first"
        f" {WARM:,}, {sizes[-1] / 2**20:.1f} MiB at the end, {max(sizes) / 2**20:.1f} MiB at most:"
        f" {growth:+.1%} (goal: under {MAX_GROWTH:.0%}).\n"
    )
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "admission memory", text)
    sys.exit(growth >= MAX_GROWTH)


def measure(folder: Path, calls: int) -> tuple[list[float], list[int]]:
    """Requests answered so far and the worker's memory, again and again."""
    installation = make_database(folder)
    counts, sizes, requests = [], [], 0.0
    try:
        files = request_files(installation, folder, list(PLACES), list(MODES))
        with running(installation, folder, {"ours-1"}) as servers:
            for file in itertools.cycle(files.values()):
                run = drive(servers[0].url, file, clients=64, seconds=SECONDS)
                requests += run.good
                counts.append(requests)
                sizes.append(resident_bytes(servers[0].pids[0]))
                sys.stderr.write(f"{requests:,.0f}: {sizes[-1] / 2**20:.1f} MiB\n")
                if requests >= calls:
                    return counts, sizes
    finally:
        installation.mariadb.stop()
    raise AssertionError("unreachable")


if __name__ == "__main__":
    main()
