"""A shop for the worlds of one test: the product in this process on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from app.base import clock
from tests.money.wires import OwnProcess
from tests.money.worlds import Shop
from tests.support.installation import Installation


@pytest.fixture
async def shop(pool: Installation) -> AsyncIterator[Shop]:
    """Pipelines for the worlds of one test."""
    own_shop = Shop(OwnProcess(pool))
    await own_shop.open()
    yield own_shop
    clock.set_source(None)
    clock.set_zone("Asia/Shanghai")
