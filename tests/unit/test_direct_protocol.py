"""One connection that answers plain requests by itself, and leaves the others to aiohttp's way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from app.access.request_context import WEB_PATHS
from app.server import direct, runner
from app.server.protocol import ProblemProtocol
from app.server.runner import PlainServer
from app.server.shedding import Shedding
from app.web.responses import Answer
from tests.support.waiting import until

HEAD = b"POST /api/v1/calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
Handler = Callable[[str], Awaitable[Answer]]


def request(body: bytes = b"{}", *, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


# Goes aiohttp's way, and is answered there with its body.
UNUSUAL = b"Expect: nothing\r\n"


class Host:
    """A server and what came to it, by which way."""

    def __init__(self, server: PlainServer, port: int) -> None:
        self.server, self.port = server, port
        self.ways: list[str] = []
        self.clients: list[asyncio.StreamWriter] = []

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, and let the connection's task begin to wait, as it mostly does."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(writer)
        await until(lambda: any(c._waiter is not None for c in self.server.connections))
        return reader, writer

    def holds(self) -> bool:
        """Whether a request waits for its body."""
        connections: list[Any] = self.server.connections
        return any(connection._pending for connection in connections)


@asynccontextmanager
async def serving(
    monkeypatch: pytest.MonkeyPatch,
    answer: Handler,
    most_under_way: dict[str, int] | None = None,
    *,
    keepalive: float = 75,
    max_connections: int = 100,
) -> AsyncIterator[Host]:
    async def own(request) -> Answer:
        host.ways.append("direct")
        return await answer(request.body.decode())

    async def guarded(request, handler) -> Answer:
        request.context = SimpleNamespace(request_id="id")
        return await handler(request)

    async def usual(request: web.Request) -> web.Response:
        host.ways.append("aiohttp")
        return web.Response(text="aiohttp:" + await request.text())

    endpoint = SimpleNamespace(
        direct=own, methods=("GET", "POST"), most_under_way=most_under_way or {}
    )
    monkeypatch.setattr(direct, "guard_directly", guarded)
    monkeypatch.setattr(direct, "direct_endpoint", lambda target: endpoint)
    monkeypatch.setattr(direct, "is_program_api", lambda path: path.startswith("/api/"))
    app = web.Application()
    paths: Any = SimpleNamespace(find=lambda path: SimpleNamespace(url=path))
    app[WEB_PATHS] = paths
    server = PlainServer(
        app, usual, body_limit_bytes=1 << 20, direct_answers=True,
        shedding=Shedding(max_connections), access_log=None, keepalive_timeout=keepalive,
    )  # fmt: skip
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    host = Host(server, listener.sockets[0].getsockname()[1])
    try:
        yield host
    finally:
        for client in host.clients:
            client.close()
            with suppress(ConnectionError):
                await client.wait_closed()
        listener.close()
        await server.shutdown(1)


async def echo(body: str) -> Answer:
    return Answer(f"direct:{body}", content_type="text/plain")


def after(event: asyncio.Event) -> Handler:
    """`echo`, once *event* is set."""

    async def slow(body: str) -> Answer:
        await event.wait()
        return await echo(body)

    return slow


async def read(reader: asyncio.StreamReader) -> str:
    """The body of the next answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return (await asyncio.wait_for(reader.readexactly(length), 60)).decode()


async def test_who_is_too_many_and_asks_for_health_is_answered_once(monkeypatch):
    async with serving(monkeypatch, echo, max_connections=1) as host:
        await host.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        text = await asyncio.wait_for(reader.read(), 60)  # to the end of the connection
        writer.close()

        assert text.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close" in text


async def test_health_is_no_way_past_the_limit(monkeypatch):
    monkeypatch.setattr(runner, "MAX_PARTING", 3)
    async with serving(monkeypatch, echo, max_connections=1) as host:
        await host.open()
        for _ in range(3):  # of whose heads the rest never comes
            _, writer = await asyncio.open_connection("127.0.0.1", host.port)
            host.clients.append(writer)
            writer.write(b"GET /healthz HTTP/1.1\r\n")
        await until(lambda: len(host.server.connections) == 4)
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

        assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 503 ")
        writer.close()


async def test_what_is_put_off_when_the_worker_ends_is_answered(monkeypatch):
    event = asyncio.Event()
    async with serving(monkeypatch, after(event), {"POST": 1}) as host:
        first, writer = await host.open()
        writer.write(request(b'"first"'))
        await until(lambda: host.ways)
        second, _ = await host.open()
        await until(lambda: len(host.server.connections) == 2)
        connections: list[Any] = host.server.connections
        (idle,) = (connection for connection in connections if connection._idle is None)
        await until(lambda: idle._waiter is not None)
        idle.data_received(request(b'"second"'))
        assert idle._early is not None
        host.server.is_leaving = True
        host.server.pre_shutdown()
        event.set()
        end = asyncio.ensure_future(host.server.shutdown(5))

        assert await read(first) == 'direct:"first"'
        assert await read(second) == 'direct:"second"'
        await end


async def test_a_plain_request_is_answered_here_time_and_again(monkeypatch):
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        for number in range(3):
            writer.write(request(b'{"n":%d}' % number))
            assert await read(reader) == f'direct:{{"n":{number}}}'
        writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await read(reader) == "direct:"
        assert host.server.requests_count == 4


async def test_what_is_unusual_goes_the_other_way_and_what_follows_comes_back(monkeypatch):
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        for more in (b"", UNUSUAL, b""):
            writer.write(request(b"{}", more=more))
            await read(reader)
        assert host.ways == ["direct", "aiohttp", "direct"]


async def test_what_comes_before_the_connections_task_waits_again_is_answered_here(monkeypatch):
    def early(self: direct.DirectProtocol) -> None:
        text = request(b"1")
        for part in (text[:9], text[9:]):  # in the turn in which an answer of aiohttp's ends
            self._loop.call_soon(self.data_received, part)

    async def finish(self, *values):
        result = await ProblemProtocol.finish_response(self, *values)
        early(self)
        return result

    monkeypatch.setattr(direct.DirectProtocol, "finish_response", finish)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        writer.write(request(more=UNUSUAL))
        assert [await read(reader), await read(reader)] == ["aiohttp:{}", "direct:1"]


async def test_what_comes_as_a_connection_begins_is_answered_here(monkeypatch):
    def begin(self: direct.DirectProtocol, transport: asyncio.BaseTransport) -> None:
        ProblemProtocol.connection_made(self, transport)
        self.data_received(request(b"1"))

    monkeypatch.setattr(direct.DirectProtocol, "connection_made", begin)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        assert await read(reader) == "direct:1"
        writer.write(request(b"2"))
        assert await read(reader) == "direct:2"


async def test_a_body_that_comes_behind_its_head_is_waited_for(monkeypatch):
    monkeypatch.setattr(direct, "PATIENCE_SECONDS", 30)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        text = request(b'{"a":1}')
        for part in (text[:20], text[20:-7], text[-7:-3], text[-3:]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)
        assert await read(reader) == 'direct:{"a":1}'


async def test_a_body_that_takes_its_time_is_read_the_other_way(monkeypatch):
    monkeypatch.setattr(direct, "PATIENCE_SECONDS", 0.01)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        text = request(b'{"a":1}')
        writer.write(text[:-3])
        await until(lambda: host.ways == ["aiohttp"])
        writer.write(text[-3:])
        assert await read(reader) == 'aiohttp:{"a":1}'


async def test_a_larger_body_is_not_waited_for_here(monkeypatch):
    monkeypatch.setattr(direct, "PATIENCE_SECONDS", 30)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        text = request(b'"' + b"x" * 10_000 + b'"')
        writer.write(text[:-3])
        await until(lambda: host.ways == ["aiohttp"])
        writer.write(text[-3:])
        assert len(await read(reader)) == 10_010


async def test_requests_sent_at_once_are_answered_in_their_order(monkeypatch):
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        writer.write(b"".join(request(b"%d" % n) for n in range(40)))
        assert [await read(reader) for _ in range(40)] == [f"aiohttp:{n}" for n in range(40)]


async def test_requests_that_come_meanwhile_wait_for_their_turn(monkeypatch):
    go_on = asyncio.Event()
    async with serving(monkeypatch, after(go_on)) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        await until(lambda: host.ways == ["direct"])
        for number in (2, 3):
            writer.write(request(b"%d" % number))
        await asyncio.sleep(0.05)
        assert host.ways == ["direct"]
        go_on.set()
        assert [await read(reader) for _ in range(3)] == ["direct:1", "aiohttp:2", "aiohttp:3"]


async def test_what_was_asked_for_happens_when_the_caller_has_gone(monkeypatch):
    go_on, ends = asyncio.Event(), []

    async def slow(body: str) -> Answer:
        await go_on.wait()
        ends.append(body)
        return await echo(body)

    async with serving(monkeypatch, slow) as host:
        _, writer = await host.open()
        writer.write(request(b"1"))
        await until(lambda: host.ways == ["direct"])
        writer.transport.abort()
        await asyncio.sleep(0.02)
        go_on.set()
        await until(lambda: ends == ["1"] and not host.server.connections)


async def test_nothing_stays_of_a_caller_who_goes_before_the_body(monkeypatch):
    monkeypatch.setattr(direct, "PATIENCE_SECONDS", 30)
    async with serving(monkeypatch, echo) as host:
        _, writer = await host.open()
        writer.write(request(b"12345")[:-3])
        await until(host.holds)
        writer.transport.abort()
        await until(lambda: not host.server.connections)
        assert host.ways == []


async def test_who_does_not_read_the_answer_gets_no_further_ones(monkeypatch):
    async def large(body: str) -> Answer:
        return Answer("x" * 20_000_000, content_type="text/plain")

    async with serving(monkeypatch, large) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        await until(lambda: host.ways == ["direct"])
        writer.write(request(b"2"))
        await asyncio.sleep(0.1)
        assert host.ways == ["direct"]
        assert len(await read(reader)) == 20_000_000
        assert await read(reader) == "aiohttp:2"


async def test_shutting_down_waits_for_the_answer_and_closes(monkeypatch):
    go_on = asyncio.Event()
    async with serving(monkeypatch, after(go_on)) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        await until(lambda: host.ways == ["direct"])
        host.server.pre_shutdown()
        end = asyncio.ensure_future(host.server.shutdown(20))
        await asyncio.sleep(0.02)
        assert not end.done()
        go_on.set()
        assert await read(reader) == "direct:1"
        assert await asyncio.wait_for(reader.read(), 60) == b""
        await asyncio.wait_for(end, 60)


async def test_shutting_down_ends_what_does_not_end(monkeypatch):
    cancellations = []

    async def endless(body: str) -> Answer:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancellations.append(body)
            raise
        raise AssertionError

    async with serving(monkeypatch, endless) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        await until(lambda: host.ways == ["direct"])
        host.server.pre_shutdown()
        await asyncio.wait_for(host.server.shutdown(0.05), 60)
        assert await asyncio.wait_for(reader.read(), 60) == b""
        await until(lambda: cancellations == ["1"])


async def test_shutting_down_does_not_wait_for_a_body(monkeypatch):
    monkeypatch.setattr(direct, "PATIENCE_SECONDS", 30)
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        writer.write(request(b"12345")[:-3])
        await until(host.holds)
        host.server.pre_shutdown()
        await asyncio.wait_for(host.server.shutdown(20), 60)
        assert await asyncio.wait_for(reader.read(), 60) == b""


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(monkeypatch):
    async def slow(body: str) -> Answer:
        await asyncio.sleep(0.5)
        return await echo(body)

    async with serving(monkeypatch, slow, keepalive=0.2) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        assert await read(reader) == "direct:1"
        assert await asyncio.wait_for(reader.read(), 60) == b""


async def test_a_header_that_would_be_two_ends_the_connection(monkeypatch):
    async def forging(body: str) -> Answer:
        return Answer("x", headers={"X-Name": "a\r\nSet-Cookie: b"}, content_type="text/plain")

    async with serving(monkeypatch, forging) as host:
        reader, writer = await host.open()
        writer.write(request(b"1"))
        assert await asyncio.wait_for(reader.read(), 60) == b""
        await until(lambda: not host.server.connections)


async def test_bytes_that_are_no_http_are_answered_by_aiohttps_way(monkeypatch):
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        writer.write(request(b"1") + b"nonsense\r\n\r\n")
        text = (await asyncio.wait_for(reader.read(), 60)).decode()
        assert "400 Bad Request" in text
        assert "bad_http" in text


@pytest.mark.parametrize(
    ("direct_answers", "missing", "kind"),
    [
        (True, set(), direct.DirectProtocol),
        (False, set(), ProblemProtocol),
        (True, {"_waiter"}, ProblemProtocol),
    ],
)
async def test_another_aiohttp_answers_everything_itself(
    monkeypatch, direct_answers, missing, kind
):
    monkeypatch.setattr(runner, "unknown_internals", lambda: missing)
    server = PlainServer(
        web.Application(), echo, body_limit_bytes=1,  # type: ignore[arg-type]
        direct_answers=direct_answers, shedding=Shedding(10),
    )  # fmt: skip

    assert type(server()) is kind


# The end of a worker


@pytest.mark.parametrize("more", [b"", UNUSUAL], ids=["direct", "aiohttp"])
async def test_a_worker_that_ends_answers_and_says_that_it_was_the_last(monkeypatch, more):
    async with serving(monkeypatch, echo) as host:
        reader, writer = await host.open()
        host.server.is_leaving = True
        writer.write(request(b"{}", more=more))

        everything = (await asyncio.wait_for(reader.read(), 5)).decode()

    assert everything.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nConnection: close\r\n" in everything
    assert everything.endswith(":{}")


@pytest.mark.parametrize("more", [b"", UNUSUAL], ids=["direct", "aiohttp"])
async def test_what_was_sent_behind_it_is_answered_too(monkeypatch, more):
    release = asyncio.Event()
    async with serving(monkeypatch, after(release)) as host:
        reader, writer = await host.open()
        writer.write(request(b"{}"))
        await until(lambda: bool(host.ways))
        writer.write(request(b"[]", more=more))
        connections: list[Any] = host.server.connections
        await until(lambda: bool(connections[0]._messages))
        host.server.is_leaving = True
        release.set()

        everything = (await asyncio.wait_for(reader.read(), 5)).decode()

    assert everything.count("HTTP/1.1 200 OK") == 2
    assert everything.count("Connection: close") == 1
