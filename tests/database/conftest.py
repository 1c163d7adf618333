"""For tests that call the application's functions on a database of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

from app.base import clock
from app.db.pool import pools
from pipeline_dist.webhooks.worker import Sender
from tests.support.installation import Installation
from tests.support.trade import Clock
from tests.support.webhooks import Receiver, allow_private


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


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A distributor's server, on an address that is private, and allowed."""
    allow_private(monkeypatch, allows=True)
    result = Receiver("")
    application = web.Application()

    async def take(request: web.Request) -> web.StreamResponse:
        return await result.take(request)  # which a test may replace

    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    result.url = f"http://127.0.0.1:{port}/hook"
    yield result
    await runner.cleanup()


@pytest.fixture
async def sender(pool: Installation) -> AsyncIterator[Sender]:
    """A process that sends webhooks."""
    result = Sender()
    yield result
    await result.close()
