"""
A call as a block of a program: begun before it, its lease renewed while it runs, ended after it.

    with client.call("script-to-video", client_ref="order 88") as call:
        answer = work()
        call.add("output_token", answer.tokens, model="claude-haiku-4-5")
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline_client import operations
from pipeline_client.exchange import Operation, Retries, perform
from pipeline_client.models import Call
from pipeline_client.operations import Line, Lines
from pipeline_client.problems import BadAnswer, NoAnswer, PipelineError, Problem
from pipeline_client.wire import Pause, Plan, Stopped

if TYPE_CHECKING:
    from pipeline_client.clients import AsyncClient, Client

log = logging.getLogger("pipeline_client")
# A lease is renewed when a third of it is over: two renewals may be lost.
RENEWALS_A_LEASE = 3
MIN_RENEWAL_SECONDS = 0.3
RENEWAL_RETRIES = Retries(tries=3, patience=30)
# What servers answer that know no renewal, and what one answers when the call has just ended.
WITHOUT_RENEWAL = frozenset(
    {"not_found", "not_signed_in", "method_not_allowed", "refused", "already_finished"}
)


@dataclass(frozen=True)
class CallTerms:
    """
    How a call begins. It is renewed as long as the block runs, for `lease_seconds` at a time; if
    the program dies, its slot is free again after as long.
    """

    pipeline: str
    lease_seconds: int = 300
    client_ref: str | None = None
    tags: Mapping[str, str] | None = None
    estimate: Decimal | int | str | Lines | None = None
    idempotency_key: str | None = None

    def begin(self) -> Operation[Call]:
        """Return the operation that begins the call."""
        return operations.begin(
            self.pipeline,
            lease_seconds=self.lease_seconds,
            client_ref=self.client_ref,
            tags=self.tags,
            estimate=self.estimate,
            idempotency_key=self.idempotency_key,
        )


class CallBlock:
    """What both kinds of block have in common: what was used, and how it ends."""

    def __init__(self, terms: CallTerms) -> None:
        self._terms = terms
        self._call: Call | None = None
        self._lease_expires_at: datetime | None = None
        self._status = "succeeded"
        self._error: str | None = None
        self.lines: list[Line] = []

    @property
    def call(self) -> Call:
        """The call as it was begun; after the block as it ended, with its amount."""
        assert self._call is not None, "the block has not begun"
        return self._call

    @property
    def call_no(self) -> str:
        """The call's number."""
        return self.call.call_no

    def add(
        self, unit: str, quantity: Decimal | int | str, *, step_key: str = "", model: str = ""
    ) -> None:
        """Note that so much was used; it is charged when the block ends."""
        line = Line(unit, quantity, step_key, model)
        line.body()  # a float is refused here, and not at the end
        self.lines.append(line)

    def fail(self, error: str) -> None:
        """Let the call end as failed: what was used is charged, the quota stays used."""
        self._status, self._error = "failed", error

    def cancel(self) -> None:
        """Let the call end as cancelled: nothing is charged, the quota comes back."""
        self._status = "cancelled"

    def _has_begun(self, call: Call) -> None:
        self._call = call
        self._lease_expires_at = call.lease_expires_at

    def _ending(self, fault: BaseException | None) -> Operation[Call]:
        if fault is not None:
            # The name alone: what a fault says may be nobody else's business.
            return operations.finish(self.call_no, "cancelled", error=type(fault).__name__)
        return operations.finish(self.call_no, self._status, self.lines, error=self._error)

    def _renewals(self) -> Plan[None]:
        """Renew the lease until that is refused, or not known to the server."""
        while True:
            yield Pause(self._seconds_to_renewal())
            operation = operations.extend(self.call_no, self._terms.lease_seconds)
            try:
                call = yield from perform(operation, RENEWAL_RETRIES)
                self._lease_expires_at = call.lease_expires_at
            except (NoAnswer, BadAnswer) as exc:
                log.warning("the lease of call %s was not renewed: %s", self.call_no, exc)
            except Problem as exc:
                if exc.passes_by_itself:
                    continue
                if exc.code not in WITHOUT_RENEWAL:
                    log.warning("the lease of call %s is not renewed: %s", self.call_no, exc)
                return

    def _seconds_to_renewal(self) -> float:
        """Return a third of the lease, or of what is left of one that the server has shortened."""
        seconds = float(self._terms.lease_seconds)
        if self._lease_expires_at is not None:
            rest = (self._lease_expires_at - datetime.now(timezone.utc)).total_seconds()
            if 0 < rest < seconds:  # clocks may differ
                seconds = rest
        return max(seconds / RENEWALS_A_LEASE, MIN_RENEWAL_SECONDS)

    def _cannot_cancel(self, problem: PipelineError) -> None:
        log.warning("call %s was not cancelled, it will expire: %s", self.call_no, problem)


class RunningCall(CallBlock):
    """A call as the block of a `with` statement; see `Client.call`."""

    def __init__(self, client: "Client", terms: CallTerms) -> None:
        super().__init__(terms)
        self._client = client
        self._stop = threading.Event()

    def __enter__(self) -> "RunningCall":
        self._has_begun(self._client.drive(perform(self._terms.begin(), self._client.retries)))
        threading.Thread(target=self._renew, name="pipeline-lease", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        try:
            self._call = self._client.drive(perform(self._ending(fault), self._client.retries))
        except PipelineError as exc:
            if fault is None:
                raise
            self._cannot_cancel(exc)

    def _renew(self) -> None:
        with contextlib.suppress(Stopped):
            self._client.drive(self._renewals(), self._stop)


class AsyncRunningCall(CallBlock):
    """A call as the block of an `async with` statement; see `AsyncClient.call`."""

    def __init__(self, client: "AsyncClient", terms: CallTerms) -> None:
        super().__init__(terms)
        self._client = client
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "AsyncRunningCall":
        operation = self._terms.begin()
        self._has_begun(await self._client.drive(perform(operation, self._client.retries)))
        self._renewing = asyncio.create_task(self._client.drive(self._renewals()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._renewing is not None
        self._renewing.cancel()
        ending = perform(self._ending(fault), self._client.retries)
        try:
            self._call = await self._client.drive(ending)
        except PipelineError as exc:
            if fault is None:
                raise
            self._cannot_cancel(exc)
