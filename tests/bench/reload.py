"""
What programs notice of a reload, a killed, a hung and an ended parent process, under load.

    py3/bin/python tests/bench/reload.py [--clients 16]

An installation of its own is started by start.sh with its demo; load.c books calls on it all the
time. Told are how long each took, and how many requests had no answer. The ledger is checked at the
end: every call that was acknowledged is in it.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.cli.demo import _CALL  # noqa: E402
from app.runtime.processes import wait_until  # noqa: E402
from tests.bench.load import API, KEY, bearer, drive, get, machine, post, write_requests  # noqa: E402
from tests.ops.conftest import Place  # noqa: E402

_PATIENCE_SECONDS = 120
# Longer than anything takes: the rest of the time nothing happens.
_LOAD_SECONDS = 60


def reload(place: Place) -> None:
    """`start.sh --reload`, as after an update."""
    place.start("--reload")


def killed(place: Place) -> None:
    """A worker that is killed, until another one is in its place."""
    _replace(place, signal.SIGKILL)


def hung(place: Place) -> None:
    """A worker that stands still, until another one is in its place."""
    _replace(place, signal.SIGSTOP)


def orphaned(place: Place) -> None:
    """The parent process killed, then `start.sh`."""
    pid = place.parent_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    place.start()


def _replace(place: Place, end: signal.Signals) -> None:
    before = place.workers.running()[1]
    os.kill(before, end)
    if not wait_until(
        lambda: place.workers.running().get(1) not in (None, before), _PATIENCE_SECONDS
    ):
        raise SystemExit("nobody replaced the worker")


def measure(place: Place, file: Path, clients: int, event: Callable[[Place], None]) -> str:
    """One row: what came of *event*."""
    url = f"http://127.0.0.1:{place.port}"
    with ThreadPoolExecutor(1) as threads:
        load = threads.submit(drive, url, file, clients=clients, seconds=_LOAD_SECONDS)
        time.sleep(2)
        began_at = time.monotonic()
        event(place)
        seconds = time.monotonic() - began_at
        result = load.result()
    return (
        f"{event.__name__:<9} {seconds:6.1f} s  {result.good:9,} answered"
        f"  {result.errors:4} refused  {result.lost:4} without an answer"
        f"  p99 {result.p99_ms:,.0f} ms  max {result.max_ms:,.0f} ms"
    )


def lift_limits(place: Place) -> None:
    """Let the demo's distributor call as often as it likes."""
    database = place.database.connection()
    assert database is not None
    with database.open(database=database.name, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("update distributors set quota_calls = 1000000000")
        cursor.execute("update pipeline_capacity set daily_quota = 1000000000")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        place = Place(Path(folder) / "var")
        try:
            place.start("--demo")
            lift_limits(place)
            key = json.loads((place.var_dir / "demo.json").read_text())["distributor"]["api_key"]
            headers = bearer(key)
            calls = post(f"{API}/calls", _CALL, headers | {"Idempotency-Key": KEY})
            file = write_requests(Path(folder) / "requests", [calls, get(f"{API}/me", headers)])
            print(machine(), flush=True)
            for event in (reload, killed, hung, orphaned):
                print(measure(place, file, arguments.clients, event), flush=True)
            print(place.manage("check-ledger").stdout.strip().splitlines()[-1])
        finally:
            with suppress(KeyboardInterrupt):
                place.run("stop.sh")


if __name__ == "__main__":
    main()
