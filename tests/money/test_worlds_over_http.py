"""A few worlds with the real workers, over HTTP: their clock cannot be moved, all else is tried."""

import pytest

from tests.money.machine import run_world
from tests.money.wires import Http
from tests.money.worlds import Shop
from tests.support.installation import Installation


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_product_and_model_agree_over_http(server: Installation, seed: int) -> None:
    shop = Shop(Http(server))
    await shop.open()
    await run_world(shop, seed, 60)
