"""
Play seeds, and tell which of them show something that must not be:

    py3/bin/python -m tests.simulation [--seeds FIRST COUNT] [--seed N] [--plant FAULT]

One seed alone is told with all that happens in it.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from app.base.settings import ROOT
from tests.simulation.plants import PLANTS
from tests.simulation.play import play

# The order of sets of texts follows from this; a seed is to be the same run everywhere.
HASH_SEED = "0"


def main(argv: list[str]) -> int:
    """Play what is asked for; 1 if something does not hold."""
    parser = argparse.ArgumentParser(prog="py3/bin/python -m tests.simulation")
    parser.add_argument("--seeds", type=int, nargs=2, default=(1, 2000), metavar=("FIRST", "COUNT"))
    parser.add_argument("--seed", type=int, help="play this one, and tell all of it")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a fault to be found")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(_surroundings(Path(folder)))
        if options.seed is not None:
            return _tell(options.seed, options.plant)
        first, count = options.seeds
        return _play_all(first, count, options.plant)


def _surroundings(folder: Path) -> dict[str, str]:
    """The settings that come with the code, whatever this checkout is set to; the database that
    they name is never asked."""
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    config["databases"]["pipeline"]["kwargs"]["host"] = "nobody.invalid"
    file = folder / "config.json"
    file.write_text(json.dumps(config), "utf-8")
    return {"PIPELINE_CONF": str(file), "PIPELINE_VAR": str(folder)}


def _play_all(first: int, count: int, plant: str | None) -> int:
    start = time.perf_counter()
    gc.disable()  # each run's objects go with it
    commits = requests = 0
    faults: dict[str, int] = {}
    for seed in range(first, first + count):
        history = play(seed, plant)
        commits += sum(" commit " in event for event in history.events)
        requests += sum(len(one.attempts) for one in history.requests)
        for name, times in history.fault_counts.items():
            faults[name] = faults.get(name, 0) + times
        if history.violations:
            option = f" --plant {plant}" if plant else ""
            print(f"seed {seed}: {history.violations[0]}")
            print(f"py3/bin/python -m tests.simulation --seed {seed}{option}")
            return 1
        if seed % 100 == 0:
            gc.collect()
    seconds = time.perf_counter() - start
    print(f"{count} seeds, {requests} requests, {commits} commits in {seconds:.1f} s: all holds")
    print(", ".join(f"{name} {times}" for name, times in sorted(faults.items())))
    return 0


def _tell(seed: int, plant: str | None) -> int:
    history = play(seed, plant)
    print("\n".join(history.events))
    print("\n".join(history.violations) or "all holds")
    return bool(history.violations)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    sys.exit(main(sys.argv[1:]))
