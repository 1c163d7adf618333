"""A world with the real workers, over HTTP: their clock cannot be moved, all else is tried."""

from tests.money.machine import run_world
from tests.money.wires import Http
from tests.money.worlds import Shop
from tests.support.installation import Installation


async def test_product_and_model_agree_over_http(server: Installation) -> None:
    shop = Shop(Http(server))
    await shop.open()
    await run_world(shop, 1, 60)
