"""
Sending the calls of a trace through the HTTP API: begin, then finish, several at once.

It is done with the client that distributors have (clients/python), which sends again with the same
key what got no usable answer: nothing is booked twice.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import httpx

from pipeline_client import AsyncClient, BadAnswer, Line, NoAnswer, PipelineError, Problem, Retries
from pipeline_dist.replay.errors import REPLAY_BAD_ANSWER, REPLAY_WITHOUT_ANSWER
from pipeline_dist.replay.setup import STEP, Target
from pipeline_dist.replay.trace import ReplayError, TraceCall

RETRIES = Retries(tries=8, patience=300, max_pause=60)
REQUEST_SECONDS = 60
MAX_FAILURES_SHOWN = 5


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


class Sender:
    """Sends calls to the API at *base_url*; *report* hears the totals after each call."""

    def __init__(
        self,
        base_url: str,
        target: Target,
        prefix: str,
        report: Callable[[Totals], None],
    ) -> None:
        self._base_url = base_url
        self._target = target
        self._prefix = prefix
        self._report = report
        self.totals = Totals()

    async def send(self, calls: Sequence[TraceCall], *, speed: float, concurrency: int) -> None:
        """
        Send all *calls*, *concurrency* at once. *speed* 0 is as fast as it goes, 1 as recorded,
        10 ten times as fast. Raises ReplayError when the application does not answer at all.
        """
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        # The machine's proxies are for other addresses than the application's own.
        async with httpx.AsyncClient(
            limits=limits, timeout=REQUEST_SECONDS, trust_env=False
        ) as http:
            client = self._client(http, RETRIES)
            await self._check_reachable(self._client(http, Retries(tries=1)))
            waiting = iter(calls)
            start = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._work(client, waiting, start, speed))

    def _client(self, http: httpx.AsyncClient, retries: Retries) -> AsyncClient:
        return AsyncClient(self._base_url, self._target.api_key, http=http, retries=retries)

    async def _check_reachable(self, client: AsyncClient) -> None:
        try:
            await client.me()
        except (Problem, BadAnswer) as exc:
            raise ReplayError(REPLAY_BAD_ANSWER, url=self._base_url, answer=exc) from None
        except NoAnswer as exc:
            raise ReplayError(REPLAY_WITHOUT_ANSWER, url=self._base_url, problem=exc) from None

    async def _work(
        self, client: AsyncClient, waiting: Iterator[TraceCall], start: float, speed: float
    ) -> None:
        for call in waiting:
            if speed > 0:
                await asyncio.sleep(start + call.seconds / speed - time.monotonic())
            try:
                await self._send_one(client, call)
            except PipelineError as exc:
                self.totals.failure_count += 1
                if len(self.totals.failures) < MAX_FAILURES_SHOWN:
                    self.totals.failures.append(f"row {call.row}: {exc}")
            self._report(self.totals)

    async def _send_one(self, client: AsyncClient, call: TraceCall) -> None:
        name = f"row {call.row}"
        key = f"{self._prefix}-{call.row}"
        begin = await client.begin(self._target.pipeline, client_ref=name, idempotency_key=key)
        tokens = {"input_token": call.input_tokens, "output_token": call.output_tokens}
        lines = [
            Line(unit, quantity, step_key=STEP, model=self._target.model)
            for unit, quantity in tokens.items()
        ]
        result = await client.finish(begin.call_no, "succeeded", lines)
        self.totals.calls += 1
        self.totals.bookings += not result.replayed
        self.totals.amount += result.amount or 0
