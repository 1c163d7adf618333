"""Runs worlds; tells of one that fails how it came to it, and how it is told again."""

from collections.abc import Iterable
from time import monotonic

from tests.money.compare import Disagreement
from tests.money.worlds import FEATURES, Shop, World, text_of_history

STEPS_A_WORLD = 80


class WorldFailed(AssertionError):  # noqa: N818  a sentence
    """A world in which product and model do not agree."""


async def run_world(shop: Shop, seed: int, steps: int = STEPS_A_WORLD,
                    features: Iterable[str] = FEATURES) -> World:  # fmt: skip
    """Run the world of *seed*; raises WorldFailed with its history."""
    shop.clear()
    world = World(shop, seed, frozenset(features))
    try:
        await world.run(steps)
    except Exception as exc:
        kind = "" if isinstance(exc, Disagreement) else f"{type(exc).__name__}: "
        raise WorldFailed(
            f"seed {seed}, step {len(world.history)}: {kind}{exc}\n"
            f"zone {world.model.calendar.zone}, {world.currencies}\n"
            f"{text_of_history(world.history)}\n"
            f"Again: bash tests/run.sh money --seed {seed} --steps {steps}"
        ) from exc
    return world


async def run_worlds(shop: Shop, seed: int, steps: int, world_steps: int = STEPS_A_WORLD,
                     features: Iterable[str] = FEATURES, *, say: bool = False) -> int:  # fmt: skip
    """Run worlds from *seed* on until they had *steps* steps together; how many."""
    start, count, number = monotonic(), 0, 0
    while count < steps:
        world = await run_world(shop, seed + number, min(world_steps, steps - count), features)
        count += len(world.history)
        number += 1
        if say and number % 10 == 0:
            seconds = monotonic() - start
            print(f"{count} of {steps} steps, {number} worlds, {seconds:.0f} s", flush=True)
    return count
