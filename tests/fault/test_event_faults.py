"""Events and webhooks while workers and the receiver are killed: none lost, none doubled but under
its id, in their order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.event_storm import Storm
from tests.support.installation import Installation, write_config
from tests.support.shop import Shop

pytestmark = pytest.mark.alone


@pytest.fixture
def open_server(server: Installation) -> Iterator[Installation]:
    """Whose webhooks may go to this machine."""
    server.stop()
    write_config(server.var_dir, webhooks_allow_private=True)
    server.start(workers=2)
    yield server
    server.stop()
    write_config(server.var_dir)
    server.start(workers=2)


def test_each_event_is_told_once_whatever_dies(open_server: Installation, tmp_path: Path) -> None:
    storm = Storm(Shop(open_server), tmp_path)
    with storm:
        storm.wait_for_more(10)
        storm.kill_workers(1)
        storm.wait_for_more(10)
        storm.receiver.kill()
        storm.wait_for_more(5)
        storm.receiver.start()
        storm.kill_workers(2)
        storm.wait_for_more(10)
        storm.kill_workers(1, 2)
        storm.wait_for_more(10)
        storm.settle()
        figures = storm.compare()

    assert figures["events"] >= 45
    assert figures["messages"] >= figures["events"]
