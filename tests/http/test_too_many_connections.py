"""More connections than a worker takes: those that are too many hear 503, and health answers."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.runtime.processes import wait_until
from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import Installation

MAX_CONNECTIONS = 10


@pytest.fixture(scope="module")
def full(database: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtraWorker]:
    """A worker with as many connections as it takes, on which nobody says a word."""
    with (
        extra_worker(
            database, tmp_path_factory.mktemp("full"), max_connections=MAX_CONNECTIONS
        ) as worker,
        ExitStack() as silent,
    ):
        for _ in range(MAX_CONNECTIONS):
            silent.enter_context(connect(worker))
        # Accepted all, once one more is refused.
        assert wait_until(lambda: b" 503 " in ask(worker, "/login.ui"), 20)
        yield worker


def connect(worker: ExtraWorker) -> socket.socket:
    port = int(worker.base_url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), 10)


def ask(worker: ExtraWorker, path: str, body: bytes = b"") -> bytes:
    """All that is answered on a new connection, to its end."""
    head = f"POST {path}" if body else f"GET {path}"
    request = f"{head} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    with connect(worker) as plug:
        plug.sendall(f"{request}Connection: close\r\n\r\n".encode() + body)
        answer = b""
        while data := plug.recv(65_536):
            answer += data
    return answer


def test_those_that_are_too_many_are_told_so(full: ExtraWorker) -> None:
    # A body that nobody reads must not take the answer from the client.
    head, _, body = ask(full, "/pipeline_dist/v1/calls", b"x" * 100_000).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in head
    assert b"\r\nConnection: close" in head
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("busy", 503)
    entries = [json.loads(text) for text in full.log.splitlines() if "connections_refused" in text]
    assert entries[0]["max_connections"] == MAX_CONNECTIONS


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_told_all_the_same(full: ExtraWorker, path: str) -> None:
    assert ask(full, path).startswith(b"HTTP/1.1 200 ")
