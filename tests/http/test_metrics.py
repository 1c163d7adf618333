"""/metrics of several workers: any of them answers for all, and counters never fall."""

import os
import re
import signal
import time
from collections import Counter
from functools import partial

from app.runtime import processes
from app.runtime.processes import wait_until
from tests.support.installation import Installation
from tests.support.selling import make_pipeline, make_reseller


def value(server: Installation, name: str) -> float:
    """A number of /metrics, summed over its labels."""
    text = server.anonymous().get("/metrics").text
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))


def outcomes(server: Installation) -> Counter[str]:
    """What came of calls that were to begin."""
    text = server.anonymous().get("/metrics").text
    pattern = r'^pipeline_admissions_total{operation="begin",outcome="(\w+)"} (\d+)\.0$'
    return Counter({name: int(count) for name, count in re.findall(pattern, text, re.MULTILINE)})


def is_told(server: Installation, name: str) -> bool:
    """Whether any worker has counted under *name*."""
    return value(server, name) > 0


def settled_outcomes(server: Installation) -> Counter[str]:
    """The same when every worker has told its numbers, which it does every two seconds."""
    numbers = outcomes(server)
    for _ in range(10):
        time.sleep(2.5)
        numbers, last = outcomes(server), numbers
        if numbers == last:
            return numbers
    raise AssertionError(f"calls begin, and no test makes them: {last}, {numbers}")


def test_what_happens_to_calls_is_told_by_its_outcome(server: Installation) -> None:
    pipeline = make_pipeline(server.admin, code="measured")
    seller = make_reseller(server, pipeline)
    before = settled_outcomes(server)  # the workers may be those of tests before
    assert seller.begin(pipeline, key="once").status_code == 201
    seller.begin(pipeline, key="once")
    seller.post("calls", {"pipeline": "no-such-pipeline"}, key="other")
    server.anonymous().post("/login.dspy", json={"username": "nobody", "password": "x"})

    expected = before + Counter(admitted=1, repeated=1, pipeline_not_found=1)
    # The other worker tells its numbers every two seconds.
    assert wait_until(lambda: outcomes(server) == expected, 30), (before, outcomes(server))
    for name in (
        "pipeline_admission_batch_size_count",
        "pipeline_admission_queue_wait_seconds_count",
        "pipeline_database_round_trip_seconds_count",
        "pipeline_login_failures_total",
        "pipeline_loop_lag_seconds_count",
        "pipeline_process_open_fds",
        "pipeline_process_resident_memory_bytes",
        "pipeline_pool_connections_max",
    ):
        assert wait_until(partial(is_told, server, name), 30), name
    assert wait_until(
        lambda: value(server, "pipeline_sweeper_last_run_timestamp_seconds") > 1.7e9, 30
    )


def test_counts_outlive_their_workers(server: Installation) -> None:
    before = value(server, "pipeline_requests_total")
    for _ in range(20):  # connections of their own, so that both workers have some
        assert server.anonymous().get("/healthz").status_code == 200
    server.workers.replace_all(server.settings)
    # Those that ended wrote down what they had counted.
    assert value(server, "pipeline_requests_total") >= before + 20
    assert value(server, "pipeline_request_seconds_total") > 0
    assert wait_until(lambda: value(server, "pipeline_workers") == 2, 30)

    count = value(server, "pipeline_requests_total")
    killed = server.workers.running()[1]
    os.kill(killed, signal.SIGKILL)
    try:
        # Before it is gone, a connection may still be its own.
        assert wait_until(lambda: processes.has_ended(killed), 30)
        assert wait_until(lambda: value(server, "pipeline_workers") == 1, 30)
        assert value(server, "pipeline_requests_total") >= count
    finally:
        server.start(workers=2)
    assert wait_until(lambda: value(server, "pipeline_workers") == 2, 30)
