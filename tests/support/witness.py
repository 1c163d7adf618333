"""
Customers who write down what they were told, while a test breaks things around the server.

Each repeats a request with the same key until it gets a definite answer. Afterwards every answer
is held against the ledger: nothing that was acknowledged is missing, nothing is there twice.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

from app.runtime.processes import wait_until
from tests.support.installation import DIRECT, Installation
from tests.support.replays import first_answer

CALLS = "/pipeline_dist/v1/calls"
FINISH = "/pipeline_dist/v1/calls/finish"
# The longest that a customer insists after the test has said stop.
PATIENCE_SECONDS = 30
ONE = [{"unit": "call", "quantity": 1}]


@dataclass
class Witness:
    """
    Customers of one distributor and pipeline, in a thread of their own.

    *stops_at_refusal*: each stops at its first refusal for want of quota. *name* begins their keys.
    """

    base_url: str
    api_key: str
    pipeline: str
    clients: int = 12
    stops_at_refusal: bool = False
    name: str = ""
    beginnings: dict[str, dict[str, Any]] = field(default_factory=dict)
    endings: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: "Counter[int]" = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    # When they were answered with 200 or 201.
    moments: list[float] = field(default_factory=list)
    # Seconds for which one request has waited for its answer at most.
    longest: float = 0.0

    def __enter__(self) -> "Witness":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS + 30)
        assert not self._thread.is_alive()

    def wait_for_more(self, count: int = 30, seconds: float = 30) -> None:
        """Return when so many more calls have been acknowledged."""
        target = len(self.beginnings) + count
        deadline = time.monotonic() + seconds
        while len(self.beginnings) < target:
            assert time.monotonic() < deadline, f"no calls: {self.statuses} {self.problems[:3]}"
            time.sleep(0.05)

    def silence(self, since: float, until: float) -> float:
        """Return the longest time between two answers that took a call, of those in this time."""
        moments = [since, *(at for at in self.moments if since <= at <= until), until]
        return max(later - earlier for earlier, later in pairwise(moments))

    def wait_for_status(self, status: int, seconds: float = 30) -> None:
        """Return when a customer has been answered with *status*."""
        before = self.statuses[status]
        assert wait_until(lambda: self.statuses[status] > before, seconds), self.statuses

    def wait_for_end(self, seconds: float = 90) -> None:
        """Return when all customers have stopped by themselves."""
        self._thread.join(seconds)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=self.clients, max_keepalive_connections=self.clients)
        async with httpx.AsyncClient(
            base_url=self.base_url, timeout=20, **DIRECT, limits=limits,
            headers={"Authorization": f"Bearer {self.api_key}"},
        ) as client:  # fmt: skip
            await asyncio.gather(*(self._customer(client, n) for n in range(self.clients)))

    async def _customer(self, client: httpx.AsyncClient, number: int) -> None:
        dice = random.Random(number)
        for count in range(100_000):
            if self._stop.is_set():
                return
            going_on = await self._call(client, f"{self.name}c{number}-{count}", dice)
            if not going_on:
                return

    async def _call(self, client: httpx.AsyncClient, key: str, dice: random.Random) -> bool:
        body: dict[str, Any] = {"pipeline": self.pipeline}
        one_go = dice.random() < 0.5
        if one_go:
            body |= {"status": "succeeded", "lines": ONE}
        headers = {"Idempotency-Key": key}
        answer = await self._insist(client, CALLS, body, headers)
        if answer is None or answer.status_code == 429:
            return not self.stops_at_refusal
        if answer.status_code != 201:
            self.problems.append(f"{key}: {answer.text}")
            return True
        call = self.beginnings[key] = first_answer(answer.json())
        if dice.random() < 0.2:
            again = await self._insist(client, CALLS, body, headers)
            if again is not None and first_answer(again.json()) != call:
                self.problems.append(f"{key}: {call} became {again.text}")
        if not one_go:
            ending = {"call_no": call["call_no"], "status": "succeeded", "lines": ONE}
            answer_to_end = await self._insist(client, FINISH, ending, {})
            if answer_to_end is not None and answer_to_end.status_code == 200:
                self.endings[call["call_no"]] = first_answer(answer_to_end.json())
            elif answer_to_end is not None:
                self.problems.append(f"finish {key}: {answer_to_end.text}")
        return True

    async def _insist(
        self, client: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> httpx.Response | None:
        """The first definite answer; None when there is none for too long."""
        given_up: float | None = None
        while given_up is None or time.monotonic() < given_up:
            if given_up is None and self._stop.is_set():
                given_up = time.monotonic() + PATIENCE_SECONDS
            began_at = time.monotonic()
            try:
                answer = await client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                self.statuses[0] += 1
            else:
                self.statuses[answer.status_code] += 1
                if answer.status_code < 500:
                    if answer.is_success:
                        self.moments.append(time.monotonic())
                    return answer
                if answer.status_code == 500:
                    self.problems.append(answer.text)
            finally:
                self.longest = max(self.longest, time.monotonic() - began_at)
            await asyncio.sleep(0.05)
        self.problems.append(f"no definite answer for {path} {headers}")
        return None

    def compare(self, installation: Installation) -> None:
        """Hold everything that was told against the ledger, and its counters against it."""
        self.compare_calls(installation)
        process = installation.manage("check-ledger", check=False)
        assert process.returncode == 0, process.stdout + process.stderr

    def compare_calls(self, installation: Installation) -> None:
        """Hold everything that was told against the ledger."""
        assert self.problems == []
        rows = installation.query(
            "select u.call_no, u.idempotency_key, u.status, u.line_no, u.unit, u.amount"
            " from pipeline_usage_log u join pipelines p on p.id = u.pipeline_id"
            " where p.code = %s order by u.call_no, u.line_no",
            self.pipeline,
        )
        headers = {row["idempotency_key"]: row for row in rows if row["line_no"] == 0}
        lines: dict[str, list[Any]] = {}
        for row in rows:
            if row["unit"]:
                lines.setdefault(row["call_no"], []).append(row["amount"])
        assert len(headers) == sum(row["line_no"] == 0 for row in rows)
        for key, call in self.beginnings.items():
            header = headers[key]
            assert header["call_no"] == call["call_no"]
            state = self.endings.get(call["call_no"], call)
            if state["status"] != "reserved":
                assert header["status"] == state["status"]
                assert [f"{amount:f}" for amount in lines[call["call_no"]]] == [
                    line["amount"] for line in state["lines"]
                ]
