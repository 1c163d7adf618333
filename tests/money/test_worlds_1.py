"""Random worlds."""

from tests.money.machine import run_worlds
from tests.money.worlds import Shop


async def test_product_and_model_agree(shop: Shop) -> None:
    await run_worlds(shop, 1000, 400)
