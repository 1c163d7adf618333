"""Requests of programs that are too many at the same time: refused at once, and nothing else is."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from app.server import crowding, direct
from app.server.metrics import REQUEST_METRICS
from app.web.responses import Answer
from tests.support.waiting import until
from tests.unit.test_direct_protocol import Host, read, request, serving

LIMIT = 3
OTHER = b"POST /api/v1/calls/finish HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class World:
    """A server whose answers to POST /api/v1/calls wait for `release`, three at the same time."""

    host: Host
    release: asyncio.Event
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        client = await self.host.open()
        self.clients.append(client)
        return client

    async def fill(self) -> None:
        """Let as many requests be under way as may be."""
        for number in range(LIMIT):
            (await self.client())[1].write(request(b"%d" % number))
        await until(lambda: len(self.host.ways) == LIMIT)

    def idle_connection(self) -> Any:
        """The only connection on which nothing is answered."""
        connections: list[Any] = self.host.server.connections
        (own,) = (one for one in connections if one._idle is None)
        return own

    async def let_go(self) -> list[str]:
        """What those are answered that are under way."""
        self.release.set()
        return [await read(reader) for reader, _ in self.clients[:LIMIT]]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    release = asyncio.Event()

    async def answer(body: str) -> Answer:
        if body.isdigit():
            await release.wait()
        return Answer(f"direct:{body}", content_type="text/plain")

    async with serving(monkeypatch, answer, {"POST": LIMIT}) as host:
        one = World(host, release)

        def count(name: str, status: int, seconds: float) -> None:
            one.counts[name, status] += 1

        metrics: Any = SimpleNamespace(count=count)
        host.server.app[REQUEST_METRICS] = metrics
        yield one
        release.set()


async def ask(client: Client, text: bytes) -> tuple[str, str]:
    """Head and body of the answer to *text*."""
    reader, writer = client
    writer.write(text)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
    return head, (await asyncio.wait_for(reader.readexactly(length), 5)).decode()


async def test_one_too_many_is_told_so_at_once_and_nothing_of_it_happens(world: World) -> None:
    await world.fill()
    client = await world.client()
    for _ in range(2):  # the connection goes on
        head, body = await ask(client, request(b"9", more=b"X-Request-Id: mine\r\n"))
        assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
        assert "\r\nRetry-After: 1\r\n" in head
        assert "\r\nX-Request-Id: mine\r\n" in head
        problem = json.loads(body)
        assert (problem["code"], problem["status"], problem["request_id"]) == ("busy", 503, "mine")
    assert world.host.ways == ["direct"] * LIMIT
    assert world.counts == {("/api/v1/calls", 503): 2}

    assert await world.let_go() == [f"direct:{number}" for number in range(LIMIT)]
    assert (await ask(client, request(b"9")))[1] == "direct:9"


async def test_each_refusal_has_an_id_of_its_own_and_the_callers_language(world: World) -> None:
    await world.fill()
    client = await world.client()
    problems = [json.loads((await ask(client, request(b"9")))[1]) for _ in range(2)]
    assert problems[0]["request_id"] != problems[1]["request_id"]
    _, chinese = await ask(client, request(b"9", more=b"Accept-Language: zh\r\n"))
    assert json.loads(chinese)["detail"] != problems[0]["detail"]


async def test_the_others_of_the_worker_are_answered(world: World) -> None:
    await world.fill()
    client = await world.client()
    for text in (OTHER, b"GET /api/v1/calls HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert (await ask(client, text))[0].startswith("HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "parts",
    [[b"POST /api/v1/calls?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n9"],
     [request(b"99")[:-1], b"9"], [request(b"99")[:9], request(b"99")[9:]]],
    ids=["query", "late body", "late head"],
)  # fmt: skip
async def test_however_it_comes_it_is_one_too_many(world: World, parts: list[bytes]) -> None:
    await world.fill()
    client = await world.client()
    for part in parts[:-1]:
        client[1].write(part)
        await asyncio.sleep(0.01)
    head, _ = await ask(client, parts[-1])
    assert head.startswith("HTTP/1.1 503 ")
    assert world.host.ways == ["direct"] * LIMIT


async def test_who_wants_the_connection_to_end_goes_the_usual_way(world: World) -> None:
    await world.fill()
    head, body = await ask(await world.client(), request(b"{}", more=b"Connection: close\r\n"))
    assert (head.startswith("HTTP/1.1 200 OK\r\n"), body) == (True, "aiohttp:{}")


async def test_places_of_those_who_have_gone_are_free_again(world: World) -> None:
    await world.fill()
    for _, writer in world.clients:
        writer.transport.abort()
    world.release.set()
    await until(lambda: not world.host.server.connections)
    assert (await ask(await world.client(), request(b"9")))[1] == "direct:9"


async def test_refusals_are_a_few_each_turn_and_all_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowding, "MAX_REFUSALS_A_TURN", 2)
    await world.fill()
    clients = [await world.client() for _ in range(9)]
    await ask(clients[0], request(b"9"))  # now the worker knows how these requests begin
    crowds = world.host.server._direct[0]  # type: ignore[index]
    lengths: list[int] = []
    some = crowding.Crowds._take_some

    def take_some(self: crowding.Crowds) -> None:
        lengths.append(len(self._put_off))
        some(self)

    monkeypatch.setattr(crowding.Crowds, "_take_some", take_some)
    connections: list[Any] = world.host.server.connections
    idle = [one for one in connections if one._idle is None]
    for connection in idle:
        connection.data_received(request(b"9"))
    assert world.counts["/api/v1/calls", 503] == 1
    for reader, _ in clients:
        assert json.loads(await read(reader))["code"] == "busy"
    assert lengths == [9, 7, 5, 3, 1]
    assert not crowds._put_off


async def test_who_sends_on_without_waiting_is_not_kept_without_end(world: World) -> None:
    await world.fill()
    client = await world.client()
    await ask(client, request(b"9"))
    own = world.idle_connection()
    requests = request(b"{}")
    count = direct.MAX_EARLY_BYTES // len(requests) + 2
    own.data_received(requests)
    own.data_received(requests * (count - 1))
    assert own._has_stopped_reading
    assert [await read(client[0]) for _ in range(count)] == ["aiohttp:{}"] * count


async def test_who_does_not_read_refusals_is_not_written_to_without_end(world: World) -> None:
    await world.fill()
    client = await world.client()
    await ask(client, request(b"9"))
    own = world.idle_connection()
    own.pause_writing()
    own.data_received(request(b"9"))
    await until(lambda: len(world.host.ways) == LIMIT + 1)
    own.resume_writing()
    await world.let_go()
    assert await read(client[0]) == "direct:9"


async def test_the_fault_of_one_that_is_put_off_keeps_no_other_waiting() -> None:
    crowds = crowding.Crowds(SimpleNamespace())  # type: ignore[arg-type]
    crowds._by_start[b"POST /a"] = SimpleNamespace(count=1, limit=1)  # type: ignore[assignment]
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    takings: list[int] = []

    def fail() -> None:
        raise ValueError

    assert crowds.is_put_off(b"POST /a HTTP/1.1\r\n", fail)
    assert crowds.is_put_off(b"POST /a HTTP/1.1\r\n", lambda: takings.append(1))

    await until(lambda: takings == [1])
