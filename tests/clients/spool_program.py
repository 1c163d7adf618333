"""
A distributor's program that reports its calls by way of a spool, and may be killed at any moment:

    python spool_program.py SPOOL CALLS POSITION

It notes in the file POSITION how many it has handed over. Started again, it goes on there; what it
has handed over and not noted it hands over once more, with the same key.
"""

import json
import os
import sys
from pathlib import Path

from pipeline_client import BatchItem, Client, Line, Retries

BATCH_SIZE = 40


def main() -> int:
    """Hand over the calls; 0 once all of them are booked."""
    spool, calls, position = map(Path, sys.argv[1:])
    rows = json.loads(calls.read_text("utf-8"))
    start = int(position.read_text("utf-8") or 0) if position.exists() else 0
    with (
        Client(retries=Retries(first_pause=0.02)) as client,
        client.batch_writer(spool, interval=0.01, batch_size=BATCH_SIZE) as writer,
    ):
        for number in range(start, len(rows), 5):
            writer.add(
                *(
                    BatchItem(
                        os.environ["LINE"],
                        [Line(*line) for line in lines],
                        client_ref=f"row {number + step}",
                        idempotency_key=f"row-{number + step}",
                    )
                    for step, lines in enumerate(rows[number : number + 5])
                )
            )
            position.write_text(str(number), "utf-8")
        return writer.flush()


if __name__ == "__main__":
    sys.exit(main())
