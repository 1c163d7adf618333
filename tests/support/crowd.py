"""Many clients in several processes that all ask at the same time."""

import asyncio
import multiprocessing
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from tests.support.installation import DIRECT

Answer = tuple[int, dict[str, Any]]
PROCESSES = 3


@dataclass(frozen=True)
class Request:
    """One POST to the distributor API."""

    api_key: str
    path: str
    body: dict[str, Any]
    idempotency_key: str | None = None

    async def send(self, client: httpx.AsyncClient) -> Answer:
        """The status and body of the answer."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        answer = await client.post(self.path, json=self.body, headers=headers)
        return answer.status_code, answer.json()


@dataclass(frozen=True)
class Customer:
    """A client that makes *tries* calls of a pipeline, each a mix of what clients do."""

    api_key: str
    pipeline: str
    name: str
    tries: int
    # Each a way to make a call: begin, finish, fail, cancel, one_go, repeat.
    ways: tuple[str, ...]

    async def trade(self, client: httpx.AsyncClient, dice: random.Random) -> "Counter[str]":
        """Make the calls; how many were kept, cancelled and refused by which code."""
        counts: Counter[str] = Counter()
        for number in range(self.tries):
            counts[await self._call(client, dice, f"{self.name}-{number}")] += 1
        return counts

    async def _call(self, client: httpx.AsyncClient, dice: random.Random, key: str) -> str:
        way = dice.choice(self.ways)
        body: dict[str, Any] = {"pipeline": self.pipeline}
        lines = [{"unit": "call", "quantity": dice.randint(0, 3)}]
        if way == "one_go":
            body |= {"status": "succeeded", "lines": lines}
        begin = Request(self.api_key, "/pipeline_dist/v1/calls", body, key)
        tries = 3 if way == "repeat" else 1
        answers = await asyncio.gather(*(begin.send(client) for _ in range(tries)))
        if len({answer[1].get("call_no") for answer in answers if answer[0] == 201}) > 1:
            return "one key made two calls"
        # Of tries at once the first may be refused and a later one find room.
        status, answer = min(answers, key=lambda item: item[0])
        if status != 201:
            return str(answer["code"])
        if way in ("begin", "one_go", "repeat"):
            return "kept"
        ending = {"finish": "succeeded", "fail": "failed", "cancel": "cancelled"}[way]
        call: dict[str, Any] = {"call_no": answer["call_no"], "status": ending}
        if way != "cancel":
            call["lines"] = lines
        finish = Request(self.api_key, "/pipeline_dist/v1/calls/finish", call)
        status, answer = await finish.send(client)
        if status != 200:
            return f"finish {answer['code']}"
        return "cancelled" if way == "cancel" else "kept"


def trade_all(base_url: str, customers: Sequence[Customer]) -> "Counter[str]":
    """Let all *customers* trade at once, spread over several processes; what they saw."""
    counts: Counter[str] = Counter()
    shares = [customers[i::PROCESSES] for i in range(PROCESSES)]
    tasks = [_processes().submit(_trade_share, base_url, s, i) for i, s in enumerate(shares)]
    for task in tasks:
        counts += task.result()
    return counts


@cache
def _processes() -> ProcessPoolExecutor:
    """The processes that trade; kept, since starting them takes longer than what they do."""
    return ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"))


def send_all(base_url: str, requests: Sequence[Request]) -> list[Answer]:
    """Send all *requests* at once from one process, in any order; the answers as they were
    asked for."""
    return asyncio.run(_send(base_url, requests))


def _trade_share(base_url: str, customers: Sequence[Customer], seed: int) -> "Counter[str]":
    return asyncio.run(_trade(base_url, customers, seed))


async def _trade(base_url: str, customers: Sequence[Customer], seed: int) -> "Counter[str]":
    async with _client(base_url) as client:
        parts = await asyncio.gather(
            *(
                customer.trade(client, random.Random(seed * 1000 + number))
                for number, customer in enumerate(customers)
            )
        )
    counts: Counter[str] = Counter()
    for part in parts:
        counts += part
    return counts


async def _send(base_url: str, requests: Sequence[Request]) -> list[Answer]:
    async with _client(base_url) as client:
        return await asyncio.gather(*(request.send(client) for request in requests))


def _client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(60, pool=None),
        **DIRECT,
        limits=httpx.Limits(max_connections=100),
    )
