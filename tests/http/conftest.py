"""For every test over HTTP."""

from collections.abc import Iterator

import pytest

from tests.support.watching import nobody_waits


@pytest.fixture(autouse=True)
def _no_blocking_call(request: pytest.FixtureRequest) -> Iterator[None]:
    """No request may keep a worker from answering others for 100 ms (kernel D6)."""
    if "server" not in request.fixturenames:
        yield
        return
    with nobody_waits(request.getfixturevalue("server").var_dir):
        yield
