"""The normal run's share of steps, in parts: a file each, so that processes take them in turns."""

from collections.abc import Awaitable, Callable

import pytest

from tests.money.machine import STEPS_A_WORLD, run_worlds
from tests.money.worlds import Shop
from tests.support.long_form import by_form

TESTS_A_PART = 4
# Two worlds; eight in the long form.
STEPS_A_TEST = by_form(2, 8) * STEPS_A_WORLD


def part(number: int) -> Callable[[Shop, int], Awaitable[None]]:
    """The test of one part: other seeds than those of all others."""
    seeds = [1_000_000 * number + 1000 * place for place in range(TESTS_A_PART)]

    @pytest.mark.parametrize("seed", seeds)
    async def test_product_and_model_agree(shop: Shop, seed: int) -> None:
        assert await run_worlds(shop, seed, STEPS_A_TEST) >= STEPS_A_TEST

    return test_product_and_model_agree
