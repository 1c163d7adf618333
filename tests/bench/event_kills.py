"""
Whether events and webhooks stay exact while workers and the receiver are killed under load.

    py3/bin/python tests/bench/event_kills.py [--rounds 10]

Each round kills (SIGKILL) a worker, the receiver, and all workers, and starts them again, while
clients book, void and adjust. Afterwards feed, webhooks and ledger are held against each other.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.load import machine  # noqa: E402
from tests.support.event_storm import Storm  # noqa: E402
from tests.support.installation import Installation, write_config  # noqa: E402
from tests.support.shop import Shop  # noqa: E402

ROUNDS = 10
EVENTS_BETWEEN = 20


def run(installation: Installation, folder: Path, rounds: int) -> str:
    """What came of it, in words; raises where something was lost or out of order."""
    write_config(installation.var_dir, webhooks_allow_private=True)
    installation.start(workers=2)
    begin = time.monotonic()
    storm = Storm(Shop(installation), folder)
    with storm:
        for number in range(rounds):
            storm.wait_for_more(EVENTS_BETWEEN)
            storm.kill_workers(1 + number % 2)
            storm.wait_for_more(EVENTS_BETWEEN)
            storm.receiver.kill()
            storm.wait_for_more(EVENTS_BETWEEN)
            storm.receiver.start()
            storm.kill_workers(1, 2)
        storm.wait_for_more(EVENTS_BETWEEN)
        storm.settle()
        figures = storm.compare()
    return (
        f"{rounds} rounds in {time.monotonic() - begin:.0f} s: workers killed {3 * rounds} ×, the"
        f" receiver {rounds} ×. {figures['events']:,} events, each in the feed once and in order;"
        f" {figures['messages']:,} messages, {figures['failures']:,} of them not taken,"
        f" {figures['doubles']:,} taken twice under the same id. Nothing was lost.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        before = machine()
        installation = make_database(Path(folder))
        try:
            text = f"{before}. " + run(installation, Path(folder), arguments.rounds)
        finally:
            installation.stop()
            installation.mariadb.stop()
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
