"""A database that is away writes a line a second, however many ask meanwhile."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.base.logs import time_text
from app.runtime.processes import wait_until
from tests.support.installation import DIRECT, Installation
from tests.support.log_lines import lines_of

pytestmark = pytest.mark.alone

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"


@pytest.fixture
def database_back(server: Installation) -> Iterator[None]:
    yield
    server.mariadb.start()


def test_an_outage_is_told_by_count_and_not_by_traces(
    server: Installation, admin: httpx.Client, database_back: None
) -> None:
    assert admin.get(LIST).status_code == 200
    pid = server.mariadb.pid()
    assert pid is not None
    start = time_text(time.time())
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not server.mariadb.answers(), 30)

    def ask() -> None:
        with httpx.Client(base_url=server.base_url, cookies=admin.cookies, **DIRECT) as client:
            for _ in range(50):
                assert client.get(LIST).status_code == 503

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def entries() -> list[dict[str, Any]]:
        return [
            line
            for line in lines_of(server)
            if line["at"] >= start and line["action"] == "database_unavailable"
        ]

    assert wait_until(lambda: sum(line["count"] for line in entries()) >= 200, 30), entries()
    assert all(line["cause"] and line["who"] for line in entries())
    about = {"action": "request", "status": 503, "path": LIST}
    assert wait_until(lambda: len(lines_of(server, **about)) == 200, 30)
    other_lines = [line for line in lines_of(server) if line["at"] >= start]
    other_lines = [line for line in other_lines if line["action"] != "request"]
    assert len(other_lines) < 150  # of two workers, for some seconds; one a refusal were 200
    assert "Traceback" not in json.dumps(other_lines)
