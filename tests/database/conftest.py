"""For tests that call the application's functions on a database of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.base import clock
from app.db.pool import pools
from tests.support.installation import Installation
from tests.support.trade import Clock


@pytest.fixture
async def bare_pool(mariadb: Installation) -> AsyncIterator[Installation]:
    """For tests that migrate: databases without a table."""
    mariadb.make_databases()
    mariadb.adopt()
    yield mariadb
    await pools().close()


@pytest.fixture
def hands(pool: Installation) -> Iterator[Clock]:
    """The application's clock, in the test's hands."""
    own = Clock()
    clock.set_source(own)
    yield own
    clock.set_source(None)
    clock.set_zone("Asia/Shanghai")
