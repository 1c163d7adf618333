"""
Run a script of the checkout that one stands in, at a time of the caller's:

    python tests/support/moved_clock.py app/pipeline_app.py

The time stands in the file that PIPELINE_TEST_MOMENT names, in ISO 8601, and is read each time
that somebody asks. With PIPELINE_TEST_SEED random numbers follow from it and the moment, so that
the same requests at the same moments write the same rows. The checkout may be one of earlier code.
"""

import os
import random
import runpy
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

MOMENT = "PIPELINE_TEST_MOMENT"
SEED = "PIPELINE_TEST_SEED"


def moment() -> datetime:
    """The time that the file has."""
    return datetime.fromisoformat(Path(os.environ[MOMENT]).read_text("utf-8"))


def random_bytes_of(seed: str) -> Callable[[int], bytes]:
    """What gives the same bytes after each move of the clock, however many were taken before."""
    state: dict[str, random.Random] = {}

    def draw(count: int) -> bytes:
        key = f"{seed} {moment().isoformat()}"
        if key not in state:
            state.clear()
            state[key] = random.Random(key)
        return state[key].randbytes(count)

    return draw


def main() -> None:
    """Put clock and chance into their places, and go on with the script."""
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path.cwd())
    if seed := os.environ.get(SEED):
        # Before anybody has taken the function from its module.
        os.urandom = random_bytes_of(seed)
        random._urandom = os.urandom  # type: ignore[attr-defined]
    try:
        from app.base import clock, ids
    except ImportError:  # code of before it had rooms
        from app import clock, ids  # type: ignore[attr-defined, no-redef]

    clock.set_source(moment)
    # Numbers of calls tell their time.
    ids.time = SimpleNamespace(  # type: ignore[assignment, attr-defined]
        time_ns=lambda: round(moment().timestamp() * 1000) * 1_000_000
    )
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
