"""More programs than a worker has room for, and connections that say or read nothing."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from pipeline_dist.admission.queue import MAX_WAITING
from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller

CALLS = "/pipeline_dist/v1/calls"
MORE = 60
# Much more than kernels keep of what is not read.
DOCUMENT, DOCUMENTS = "/pipeline_dist/v1/openapi.json", 400


@pytest.fixture(scope="module")
def worker(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtraWorker]:
    with extra_worker(server, tmp_path_factory.mktemp("over"), pool_wait_seconds=60) as one:
        yield one


@pytest.fixture(scope="module")
def reseller(server: Installation) -> Reseller:
    pipeline = make_pipeline(server.admin, "crowd", prices=[{"unit": "call", "unit_price": "1"}])
    return make_reseller(server, pipeline)


class Client:
    """A connection that sends and is read when the test says so."""

    def __init__(self, worker: ExtraWorker, stack: ExitStack) -> None:
        place = urlsplit(worker.base_url)
        assert place.hostname is not None
        self.socket = stack.enter_context(
            socket.create_connection((place.hostname, place.port), 60)
        )
        # Closed too: the connection is not while it is open.
        self._in = stack.enter_context(self.socket.makefile("rb"))

    def send(self, text: bytes) -> None:
        self.socket.sendall(text)

    def read(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        status = int(self._in.readline().split()[1])
        headers = {}
        while line := self._in.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self._in.read(int(headers["content-length"]))


def booking(reseller: Reseller, number: int) -> bytes:
    body = b'{"pipeline":"crowd","status":"succeeded","lines":[{"unit":"call","quantity":1}]}'
    return (
        f"POST {CALLS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {reseller.key}\r\n"
        f"Idempotency-Key: crowd-{number}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def wait_for(count: int, clients: list[Client]) -> None:
    """Return once so many of *clients* have an answer to read."""
    poll = select.poll()
    for client in clients:
        poll.register(client.socket, select.POLLIN)
    end = time.monotonic() + 60
    while len(poll.poll(100)) < count:
        assert time.monotonic() < end, "those who are too many are not told"


def test_who_is_too_many_is_told_at_once_and_who_is_let_in_is_booked(
    server: Installation, worker: ExtraWorker, reseller: Reseller
) -> None:
    with ExitStack() as stack:
        clients = [Client(worker, stack) for _ in range(MAX_WAITING + MORE)]
        for client in clients:
            client.send(get("/healthz"))
        assert {client.read()[0] for client in clients} == {200}
        connection = stack.enter_context(server.connect())
        cursor = stack.enter_context(connection.cursor())
        connection.begin()
        cursor.execute(
            "select id from distributors where id = %s for update", (reseller.distributor["id"],)
        )

        for number, client in enumerate(clients):
            client.send(booking(reseller, number))
        wait_for(MORE, clients)
        beside = worker.client()
        for path in ("/healthz", "/readyz"):
            assert beside.get(path).status_code == 200
        connection.rollback()
        answers = [client.read() for client in clients]

        clients[-1].send(booking(reseller, len(clients)))
        assert clients[-1].read()[0] == 201
    good = [status for status, *_ in answers if status == 201]
    refusals = [answer for answer in answers if answer[0] != 201]
    assert len(refusals) >= MORE
    for status, headers, body in refusals:
        assert (status, headers["retry-after"]) == (503, "1"), body
    assert [json.loads(body)["code"] for *_, body in refusals].count("busy") >= MORE
    rows = server.query(
        "select count(distinct call_no) as n from pipeline_usage_log where distributor_id = %s",
        reseller.distributor["id"],
    )
    assert rows[0]["n"] == len(good) + 1
    assert '"action": "too_many_requests"' in worker.log


def test_who_says_little_or_reads_nothing_costs_little(
    worker: ExtraWorker, reseller: Reseller
) -> None:
    before = worker.resident_bytes
    with ExitStack() as stack:
        idle = [Client(worker, stack) for _ in range(150)]
        text = booking(reseller, 10_000)
        for number, client in enumerate(idle[:100]):
            client.send(text[:20] if number % 2 else text[:-5])
        large = text[: text.index(b"Content-Length")] + b"Content-Length: 100000000\r\n\r\n"
        senders = [Client(worker, stack) for _ in range(4)]
        for sender in senders:
            sender.send(large + b" " * 100_000)
        reader = Client(worker, stack)
        reader.send(get(DOCUMENT) * DOCUMENTS)

        assert [sender.read()[0] for sender in senders] == [413] * 4
        good = Client(worker, stack)
        for number in range(20_000, 20_020):
            good.send(booking(reseller, number))
            assert good.read()[0] == 201
        # The answers that fit between the two are written, and the others when there is room.
        assert reader.read()[0] == 200
        assert worker.log.count(f'"path": "{DOCUMENT}"') < DOCUMENTS
        assert worker.resident_bytes - before < 50 * 2**20
