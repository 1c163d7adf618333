"""/metrics of several workers: any of them answers for all, and counters never fall."""

import os
import re
import signal

from app.runtime import processes
from app.runtime.processes import wait_until
from tests.support.installation import Installation


def value(server: Installation, name: str) -> float:
    """A number of /metrics, summed over its labels."""
    text = server.anonymous().get("/metrics").text
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))


def test_counts_outlive_their_workers(server: Installation) -> None:
    before = value(server, "pipeline_requests_total")
    for _ in range(20):  # connections of their own, so that both workers have some
        assert server.anonymous().get("/healthz").status_code == 200
    server.workers.replace_all(server.settings)
    # Those that ended wrote down what they had counted.
    assert value(server, "pipeline_requests_total") >= before + 20
    assert value(server, "pipeline_request_seconds_total") > 0
    assert value(server, "pipeline_workers") == 2

    count = value(server, "pipeline_requests_total")
    killed = server.workers.running()[1]
    os.kill(killed, signal.SIGKILL)
    try:
        # Before it is gone, a connection may still be its own.
        assert wait_until(lambda: processes.has_ended(killed), 10)
        assert wait_until(lambda: value(server, "pipeline_workers") == 1, 10)
        assert value(server, "pipeline_requests_total") >= count
    finally:
        server.start(workers=2)
    assert value(server, "pipeline_workers") == 2
