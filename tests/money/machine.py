"""Runs worlds; tells of one that fails how it came to it, and how it is told again."""

import re
from collections.abc import Iterable
from time import monotonic

from tests.money.acts import Step
from tests.money.disagreement import Disagreement
from tests.money.worlds import FEATURES, Shop, World, text_of_history

STEPS_A_WORLD = 160


# So often a history is tried again while it is cut down.
MAX_TRIES = 200


class WorldFailed(AssertionError):
    """A world in which product and model do not agree."""


async def run_world(shop: Shop, seed: int, steps: int = STEPS_A_WORLD,
                    features: Iterable[str] = FEATURES) -> World:  # fmt: skip
    """Run the world of *seed*; raises WorldFailed with its history."""
    shop.clear()
    world = World(shop, seed, frozenset(features))
    try:
        await world.run(steps)
    except Exception as exc:
        history = await shorter(shop, world, exc)
        raise WorldFailed(
            f"seed {seed}, step {len(world.history)}: {sentence(exc)}\n"
            f"zone {world.model.calendar.zone}, {world.currencies}\n"
            f"{text_of_history(world.history)}\n\nThese steps are enough:\n"
            f"{text_of_history(history)}\n{sentence(exc)}\n"
            f"Again: bash tests/run.sh money --seed {seed} --steps {steps} --world {steps}"
        ) from exc
    return world


async def shorter(shop: Shop, world: World, failure: Exception) -> list[Step]:
    """The steps of a failed world without those that it fails without."""
    history, size, tries = world.history, max(len(world.history) // 2, 1), 0
    while size and tries < MAX_TRIES:
        place = 0
        while place < len(history) and tries < MAX_TRIES:
            less = history[:place] + history[place + size :]
            tries += 1
            if await fails_alike(shop, world, less, failure):
                history = less
            else:
                place += size
        size //= 2
    return history


async def fails_alike(shop: Shop, world: World, steps: list[Step], failure: Exception) -> bool:
    """Whether *steps* alone lead to a failure of this kind."""
    shop.clear()
    again = World(shop, world.seed, world.features)
    try:
        await again.replay(steps)
    except Exception as exc:  # noqa: BLE001  whatever it is, it is compared
        return kind_of(exc) == kind_of(failure)
    return False


def sentence(error: Exception) -> str:
    """What is wrong."""
    return str(error) if isinstance(error, Disagreement) else f"{type(error).__name__}: {error}"


def kind_of(error: Exception) -> str:
    """What is wrong, without the values."""
    text = sentence(error)
    if text.startswith("the product: "):
        return text.split(" (")[0]
    return re.sub(r"[0-9].*", "", text.partition(": ")[0])


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
