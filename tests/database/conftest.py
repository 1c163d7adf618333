"""For tests that call the application's functions on a database of their own."""

from collections.abc import Iterator

import pytest

from app.base import clock
from tests.support.installation import Installation
from tests.support.trade import Clock


@pytest.fixture
def hands(pool: Installation) -> Iterator[Clock]:
    """The application's clock, in the test's hands."""
    own = Clock()
    clock.set_source(own)
    yield own
    clock.set_source(None)
    clock.set_zone("Asia/Shanghai")
