"""
Booking calls that are over by way of a spool: put on the disk at once, sent in batches behind it.

    with client.batch_writer("calls.spool") as writer:
        writer.add(BatchItem("script-to-video", [Line("second", "12.5")], client_ref="order 88"))
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline_client import operations
from pipeline_client.exchange import Retries, perform
from pipeline_client.models import BatchItemResult
from pipeline_client.operations import Lines, call_body
from pipeline_client.problems import BadAnswer, PipelineError, Problem, problem_of
from pipeline_client.records import plain
from pipeline_client.spool import Spool
from pipeline_client.wire import Pause, Plan, Stopped, to_json

if TYPE_CHECKING:
    from pipeline_client.clients import AsyncClient, Client

log = logging.getLogger("pipeline_client")
# What one request to `calls/batch` may have, with room to spare.
MAX_BATCH_CALLS = 1000
MAX_BATCH_BYTES = 4_000_000
MAX_BATCH_LINES = 30_000
MIN_WAIT = 1.0
# A whole batch that is refused so has one call in it that the API cannot even read.
UNREADABLE = frozenset({400, 413, 422})
Waiting = list[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class SendingTerms:
    """
    How a spool is sent: batches of at most `batch_size` calls, every `interval` seconds while some
    wait. `on_refusal` hears of each call that is set aside, with its key.
    """

    path: "str | os.PathLike[str]"
    batch_size: int = 500
    interval: float = 1.0
    on_refusal: Callable[[str, Problem], None] | None = None


@dataclass
class SendingResult:
    """What came of sending, since the writer was made."""

    bookings: int = 0
    refusals: int = 0
    fault: PipelineError | None = field(default=None)


class _Sending:
    """The spool and the plan of sending it. Its disk is used under a lock, never while waiting."""

    def __init__(self, retries: Retries, terms: SendingTerms) -> None:
        self.spool = Spool(terms.path)
        self.result = SendingResult()
        self._retries = retries
        self._terms = terms
        self._lock = threading.Lock()
        self._failures = 0
        # When calls that were not let in may go again, by their keys.
        self._not_before: dict[str, float] = {}

    def add(self, calls: Iterable[Mapping[str, Any]]) -> list[str]:
        with self._lock:
            return self.spool.add(calls)

    def take_refused_back(self) -> int:
        with self._lock:
            return self.spool.take_refused_back()

    def refused_calls(self) -> list[tuple[str, dict[str, Any]]]:
        with self._lock:
            return self.spool.refused_calls()

    def send(self, patience: float = 0.0) -> Plan[None]:
        """
        Send until nothing waits, or nothing may go within *patience* seconds. Raises what keeps all
        of it from being taken.
        """
        while True:
            batch, wait = self._next_batch()
            if batch:
                yield from self._send(batch)
            elif wait is not None and wait <= patience:
                patience -= wait
                yield Pause(wait)
            else:
                self._failures, self.result.fault = 0, None
                return

    def attempt(self) -> Plan[None]:
        """Send what may go now; what keeps it from going is noted, and tried again later."""
        try:
            yield from self.send()
        except PipelineError as exc:
            log.warning("%d calls wait in %s: %s", len(self.spool), self.spool.path, exc)
            self._failures, self.result.fault = self._failures + 1, exc

    def seconds_to_attempt(self) -> float:
        """Return when the next attempt is to be made: later after each that failed."""
        return max(self._terms.interval, min(2.0**self._failures, 60.0) if self._failures else 0.0)

    def _next_batch(self) -> tuple[Waiting, float | None]:
        """Return the calls that go next; else in how many seconds some may."""
        now = time.monotonic()
        with self._lock:
            waiting = self.spool.waiting()
        most = min(self._terms.batch_size, MAX_BATCH_CALLS)
        due = ((key, call) for key, call in waiting if self._not_before.get(key, 0.0) <= now)
        batch: Waiting = []
        size = line_count = 0
        for key, call in islice(due, most):
            size += len(to_json(call)) + 250
            line_count += len(call.get("lines") or ())
            if batch and (size > MAX_BATCH_BYTES or line_count > MAX_BATCH_LINES):
                break
            batch.append((key, call))
        wait = min((self._not_before.get(key, now) - now for key, _ in waiting), default=None)
        return batch, None if wait is None else max(wait, MIN_WAIT)

    def _send(self, batch: Waiting) -> Plan[None]:
        items = [{"idempotency_key": key, **call} for key, call in batch]
        try:
            answer = yield from perform(operations.book_batch(items), self._retries)
        except Problem as exc:
            if exc.status not in UNREADABLE:
                raise
            if len(batch) == 1:
                self._settle([], [(batch[0][0], exc)])
                return
            half = len(batch) // 2
            yield from self._send(batch[:half])
            yield from self._send(batch[half:])
            return
        self._take(batch, answer.results)

    def _take(self, batch: Waiting, results: list[BatchItemResult]) -> None:
        if len(results) != len(batch):
            raise BadAnswer(f"{len(batch)} calls were answered with {len(results)} results")
        bookings, refusals = [], []
        for (key, _), result in zip(batch, results, strict=True):
            if result.error is None:
                bookings.append(key)
                continue
            problem = problem_of(result.status, plain(result.error), retry_after=result.retry_after)
            if problem.passes_by_itself:
                self._not_before[key] = time.monotonic() + (problem.retry_after or MIN_WAIT)
            else:
                refusals.append((key, problem))
        self._settle(bookings, refusals)

    def _settle(self, bookings: list[str], refusals: list[tuple[str, Problem]]) -> None:
        with self._lock:
            self.spool.end(bookings)
            self.spool.refuse((key, _reason(problem)) for key, problem in refusals)
            self.result.bookings += len(bookings)
            self.result.refusals += len(refusals)
        for key in (*bookings, *(key for key, _ in refusals)):
            self._not_before.pop(key, None)
        for key, problem in refusals:
            log.warning("call %s was refused and set aside: %s", key, problem)
            if self._terms.on_refusal is not None:
                self._terms.on_refusal(key, problem)


def _reason(problem: Problem) -> dict[str, Any]:
    reason: dict[str, Any] = {"status": problem.status, "code": problem.code}
    reason["detail"] = problem.detail
    if problem.errors:
        reason["errors"] = [plain(item) for item in problem.errors]
    return reason


class BatchItem:
    """A call that is over, as both kinds of writer take it."""

    def __init__(
        self,
        pipeline: str,
        lines: Lines,
        *,
        status: str = "succeeded",
        client_ref: str | None = None,
        tags: Mapping[str, str] | None = None,
        error: str | None = None,
        started_at: datetime | None = None,
        version_no: int | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """With a key of your own, made of what you know the work by, it may be added again after a
        crash."""
        self.body = call_body(
            pipeline,
            lines=lines,
            status=status,
            client_ref=client_ref,
            tags=tags,
            error=error,
            started_at=started_at,
            version_no=version_no,
        )
        if idempotency_key is not None:
            self.body["idempotency_key"] = idempotency_key


class _Writer:
    """What both kinds of writer have in common."""

    def __init__(self, retries: Retries, terms: SendingTerms) -> None:
        self._sending = _Sending(retries, terms)
        self._patience = retries.patience

    @property
    def waiting_count(self) -> int:
        """How many calls are on the disk and not booked yet."""
        return len(self._sending.spool)

    @property
    def result(self) -> SendingResult:
        """What came of sending so far; `fault` is what keeps it from going on."""
        return self._sending.result

    def _has_left(self, fault: PipelineError) -> None:
        log.warning("%d calls wait for the next time: %s", self.waiting_count, fault)


class BatchWriter(_Writer):
    """A writer for programs with threads, safe for several of them; see `Client.batch_writer`."""

    def __init__(self, client: "Client", terms: SendingTerms) -> None:
        super().__init__(client.retries, terms)
        self._client = client
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="pipeline-spool", daemon=True)

    def __enter__(self) -> "BatchWriter":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        try:
            if fault is None:
                self.flush()
        except PipelineError as exc:
            self._has_left(exc)
        finally:
            self.close()

    def add(self, *items: BatchItem) -> list[str]:
        """Put calls on the disk and return their idempotency keys."""
        return self._sending.add(item.body for item in items)

    def flush(self) -> int:
        """Send what waits now; return how many calls still wait, since they were not let in yet."""
        with self._turn:
            self._client.drive(self._sending.send(self._patience))
        return self.waiting_count

    def refused_calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what was refused for good, by its key: `call`, `reason`, `at`."""
        return self._sending.refused_calls()

    def take_refused_back(self) -> int:
        """Let all that was refused wait again, with the same keys, once the reason is gone."""
        return self._sending.take_refused_back()

    def close(self) -> None:
        """Leave the spool to others; what waits stays in it."""
        self._sending.spool.close()

    def _run(self) -> None:
        while not self._stop.wait(self._sending.seconds_to_attempt()):
            with self._turn, contextlib.suppress(Stopped):
                self._client.drive(self._sending.attempt(), self._stop)


class AsyncBatchWriter(_Writer):
    """A writer for programs with asyncio; see `AsyncClient.batch_writer`."""

    def __init__(self, client: "AsyncClient", terms: SendingTerms) -> None:
        super().__init__(client.retries, terms)
        self._client = client
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "AsyncBatchWriter":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        try:
            if fault is None:
                await self.flush()
        except PipelineError as exc:
            self._has_left(exc)
        finally:
            await self.close()

    async def add(self, *items: BatchItem) -> list[str]:
        """Put calls on the disk and return their idempotency keys."""
        return await asyncio.to_thread(self._sending.add, [item.body for item in items])

    async def flush(self) -> int:
        """Send what waits now; return how many calls still wait, since they were not let in yet."""
        async with self._turn:
            await self._client.drive(self._sending.send(self._patience))
        return self.waiting_count

    async def refused_calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what was refused for good, by its key: `call`, `reason`, `at`."""
        return await asyncio.to_thread(self._sending.refused_calls)

    async def take_refused_back(self) -> int:
        """Let all that was refused wait again, with the same keys, once the reason is gone."""
        return await asyncio.to_thread(self._sending.take_refused_back)

    async def close(self) -> None:
        """Leave the spool to others; what waits stays in it."""
        await asyncio.to_thread(self._sending.spool.close)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._sending.seconds_to_attempt())
            async with self._turn:
                await self._client.drive(self._sending.attempt())
