"""
The long form of the machine, started by `bash tests/run.sh money [--steps N] [--seed S]`.

Runs worlds on a database of its own until they had so many steps, and says how far it is. A world
that fails is told with its seed and history and is cut down to the steps that it needs.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from app.db.pool import pools
from app.modules import load_modules
from tests.money.machine import STEPS_A_WORLD, WorldFailed, run_worlds
from tests.money.wires import OwnProcess
from tests.money.worlds import FEATURES, Shop
from tests.support.installation import Installation


def main(argv: list[str]) -> int:
    """Run as many steps as asked for; 1 if a world fails."""
    parser = argparse.ArgumentParser(prog="bash tests/run.sh money")
    parser.add_argument("--steps", type=int, default=20_000, help="how many steps (20000)")
    parser.add_argument("--seed", type=int, default=1, help="the first world's seed (1)")
    parser.add_argument("--world", type=int, default=STEPS_A_WORLD, help="steps a world (160)")
    parser.add_argument("--features", default=",".join(FEATURES), help="which parts to use")
    options = parser.parse_args(argv)
    installation = Installation(Path(os.environ["PIPELINE_TEST_VAR"]), quick=True)
    installation.mariadb.start()
    try:
        installation.adopt()
        installation.make_databases()
        load_modules({})
        return asyncio.run(_run(installation, options))
    finally:
        installation.mariadb.stop()


async def _run(installation: Installation, options: argparse.Namespace) -> int:
    shop = Shop(OwnProcess(installation))
    features = options.features.split(",")
    try:
        await shop.open()
        count = await run_worlds(
            shop, options.seed, options.steps, options.world, features, say=True
        )
        print(f"{count} steps: product and model agree.")
    except WorldFailed as exc:
        print(exc)
        return 1
    finally:
        await pools().close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
