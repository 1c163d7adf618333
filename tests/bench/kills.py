"""
Whether the ledger stays exact while processes are killed under load.

    py3/bin/python tests/bench/kills.py [--seconds 60] [--write]

64 clients book on one hot pipeline and on a hundred, while one worker, all workers and the database
are killed (SIGKILL) in turn and started again. Afterwards `check-ledger` must find nothing, and
the ledger must have every call that was acknowledged, and none that was never sent.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.runtime.processes import wait_until  # noqa: E402
from app.runtime.workers import readiness_problem  # noqa: E402
from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.load import drive, machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.bench.targets import make_targets  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

SECONDS = 60
_PAUSE_SECONDS, _READY_SECONDS = 1.0, 60


def kill_worker(installation: Installation) -> None:
    """Kill one worker, and start it again."""
    os.kill(installation.workers.running()[1], signal.SIGKILL)
    time.sleep(_PAUSE_SECONDS / 2)
    installation.workers.start(1)


def kill_workers(installation: Installation) -> None:
    """Kill all workers, and start them again."""
    for pid in installation.workers.running().values():
        os.kill(pid, signal.SIGKILL)
    time.sleep(_PAUSE_SECONDS / 2)
    for number in (1, 2):
        installation.workers.start(number)


def kill_database(installation: Installation) -> None:
    """Kill the database, and start it again."""
    pid = installation.mariadb.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    time.sleep(_PAUSE_SECONDS / 2)
    installation.mariadb.start()


KILLS: dict[str, Callable[[Installation], None]] = {
    "one worker": kill_worker, "all workers": kill_workers, "the database": kill_database,
}  # fmt: skip


def run(installation: Installation, folder: Path, seconds: float) -> str:
    """What came of it, in words; ends the script where the ledger is not exact."""
    make_targets(installation, 1, 1, folder / "one")
    make_targets(installation, 100, 100, folder / "hundred")
    installation.start(workers=2)
    over = threading.Event()
    with ThreadPoolExecutor(3) as threads:
        loads = [
            threads.submit(drive, installation.base_url, folder / name, clients=32, seconds=seconds)
            for name in ("one", "hundred")
        ]
        killer = threads.submit(_kill_in_turn, installation, over)
        runs = [load.result() for load in loads]
        over.set()
        counts = killer.result()
    installation.workers.stop()
    acknowledged, lost = sum(one.good for one in runs), sum(one.lost for one in runs)
    unclear = lost + sum(one.errors for one in runs)
    check = installation.manage("check-ledger", check=False, timeout=600)
    (row,) = installation.query("select count(*) as calls from pipeline_usage_log")
    calls, last = row["calls"], check.stdout.strip().splitlines()[-1]
    text = (
        f"Killed under load of 64 clients in {seconds:.0f} s: "
        + ", ".join(f"{name} {count} ×" for name, count in counts.items())
        + f". {acknowledged:,} calls acknowledged, {unclear:,} requests refused or without an"
        f" answer, {calls:,} calls in the ledger. `check-ledger`: {last}\n"
    )
    if check.returncode or not acknowledged <= calls <= acknowledged + unclear:
        raise SystemExit(f"The ledger is not exact. {text}\n{check.stdout[-3000:]}")
    return text


def _kill_in_turn(installation: Installation, over: threading.Event) -> dict[str, int]:
    counts = dict.fromkeys(KILLS, 0)
    while True:
        for name, kill in KILLS.items():
            if over.wait(_PAUSE_SECONDS):
                return counts
            kill(installation)
            counts[name] += 1
            wait_until(lambda: not readiness_problem(installation.settings), _READY_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        before = machine()
        installation = make_database(Path(folder))
        try:
            text = f"{before}. " + run(installation, Path(folder), arguments.seconds)
        finally:
            installation.stop()
            installation.mariadb.stop()
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "kills", f"## Killed under load\n\n{text}")


if __name__ == "__main__":
    main()
