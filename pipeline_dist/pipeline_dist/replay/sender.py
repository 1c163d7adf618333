"""
Sending the calls of a trace through the HTTP API: begin, then finish, several at once.

A request that got no usable answer is sent again with the same key, as any client of the API
should do it: nothing is booked twice.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp

from pipeline_dist.errors import REPLAY_BAD_ANSWER, REPLAY_WITHOUT_ANSWER
from pipeline_dist.replay.setup import STEP, Target
from pipeline_dist.replay.trace import ReplayError, TraceCall

TRIES = 8
MAX_PAUSE_SECONDS = 60.0
REQUEST_SECONDS = 60
MAX_FAILURES_SHOWN = 5
_AGAIN = (408, 429, 502, 503, 504)


@dataclass
class Totals:
    """What came of a replay so far."""

    calls: int = 0
    bookings: int = 0
    amount: Decimal = Decimal("0.0000000000")
    failure_count: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def finished_count(self) -> int:
        """Calls that are through, well or not."""
        return self.calls + self.failure_count


class Refused(Exception):
    """The API refused a call, for good."""


class Sender:
    """Sends calls to the API at *base_url*; *report* hears the totals after each call."""

    def __init__(
        self,
        base_url: str,
        target: Target,
        prefix: str,
        report: Callable[[Totals], None],
    ) -> None:
        self._base_url = f"{base_url.rstrip('/')}/pipeline_dist/v1/"
        self._target = target
        self._prefix = prefix
        self._report = report
        self.totals = Totals()

    async def send(self, calls: Sequence[TraceCall], *, speed: float, concurrency: int) -> None:
        """
        Send all *calls*, *concurrency* at once. *speed* 0 is as fast as it goes, 1 as recorded,
        10 ten times as fast. Raises ReplayError when the application does not answer at all.
        """
        headers = {"Authorization": f"Bearer {self._target.api_key}"}
        limits = aiohttp.TCPConnector(limit=concurrency)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(
            headers=headers, connector=limits, timeout=timeout
        ) as session:
            await self._check_reachable(session)
            waiting = iter(calls)
            start = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._work(session, waiting, start, speed))

    async def _check_reachable(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(self._base_url + "me") as answer:
                if answer.status != 200:
                    raise ReplayError(REPLAY_BAD_ANSWER, url=answer.url, answer=answer.status)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise ReplayError(REPLAY_WITHOUT_ANSWER, url=self._base_url, problem=exc) from None

    async def _work(
        self,
        session: aiohttp.ClientSession,
        waiting: Iterator[TraceCall],
        start: float,
        speed: float,
    ) -> None:
        for call in waiting:
            if speed > 0:
                await asyncio.sleep(start + call.seconds / speed - time.monotonic())
            try:
                await self._call(session, call)
            except Refused as exc:
                self.totals.failure_count += 1
                if len(self.totals.failures) < MAX_FAILURES_SHOWN:
                    self.totals.failures.append(f"row {call.row}: {exc}")
            self._report(self.totals)

    async def _call(self, session: aiohttp.ClientSession, call: TraceCall) -> None:
        key = f"{self._prefix}-{call.row}"
        body: dict[str, Any] = {"pipeline": self._target.pipeline, "client_ref": f"row {call.row}"}
        begin, _ = await self._post(session, "calls", body, {"Idempotency-Key": key})
        tokens = {"input_token": call.input_tokens, "output_token": call.output_tokens}
        lines = [
            {"step_key": STEP, "model": self._target.model, "unit": unit, "quantity": quantity}
            for unit, quantity in tokens.items()
        ]
        ending = {"call_no": begin["call_no"], "status": "succeeded", "lines": lines}
        result, replayed = await self._post(session, "calls/finish", ending, {})
        self.totals.calls += 1
        self.totals.bookings += not replayed
        self.totals.amount += Decimal(result["amount"])

    async def _post(
        self,
        session: aiohttp.ClientSession,
        path: str,
        body: dict[str, Any],
        headers: dict[str, str],
    ) -> tuple[dict[str, Any], bool]:
        """Return the answer to a POST, and whether it is one of an earlier request."""
        problem = "no answer"
        for attempt in range(TRIES):
            pause = min(0.2 * 2**attempt, MAX_PAUSE_SECONDS)
            try:
                async with session.post(
                    self._base_url + path, json=body, headers=headers
                ) as answer:
                    if answer.status in (200, 201):
                        body_of_answer: dict[str, Any] = await answer.json()
                        return body_of_answer, "Idempotent-Replayed" in answer.headers
                    problem = f"{answer.status} {(await answer.text())[:300]}"
                    if answer.status not in _AGAIN:
                        raise Refused(problem)
                    pause = max(pause, _retry_after(answer))
            except (aiohttp.ClientError, TimeoutError) as exc:
                problem = f"{type(exc).__name__}: {exc}"
            await asyncio.sleep(pause)
        raise Refused(f"{problem} (after {TRIES} tries)")


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", "0")), MAX_PAUSE_SECONDS)
    except ValueError:
        return 0.0
