"""Clients of the distributor API: they ask, ask again with the same key where they heard nothing
certain, leave, and ask twice at the same time."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from app.base.catalogue.requests import OUTCOME_UNKNOWN
from app.base.errors import AppError
from pipeline_dist.admission import service
from pipeline_dist.admission.commands import BeginCall, BeginResult, FinishCall, FinishResult
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rules.usage_lines import UsageLine
from tests.simulation.faults import Faults
from tests.simulation.history import Attempt, ClientRequest, History
from tests.simulation.workers import Worker
from tests.simulation.world import UNIT, World

MAX_TRIES = 12
UNKNOWN = str(OUTCOME_UNKNOWN())
Result = BeginResult | FinishResult
Work = Callable[[], Coroutine[Any, Any, Any]]


class Client:
    """One client, of one distributor, with some requests one after another."""

    def __init__(
        self,
        number: int,
        chance: random.Random,
        world: World,
        workers: list[Worker],
        faults: Faults,
        history: History,
    ) -> None:
        self._number = number
        self._chance = chance
        self._workers = workers
        self._faults = faults
        self._history = history
        self._distributor_id = chance.choice(world.distributors)
        self._pipelines = world.pipelines
        self._count = 0

    async def work(self, seconds: float) -> None:
        """Do all that this client has to do."""
        await asyncio.sleep(self._chance.uniform(0, seconds))
        for _ in range(self._chance.randint(1, 2)):
            kind = self._chance.choice(("book", "book", "run", "run", "leave_open", "group"))
            if kind == "group":
                await self._group()
            elif kind == "book":
                status = self._chance.choice((CallStatus.SUCCEEDED, CallStatus.FAILED))
                await self._begin(lines=self._lines(1), status=status)
            else:
                await self._run(ends=kind == "run")
            await asyncio.sleep(self._chance.choice((0.0, 0.001, 0.3)))

    def _lines(self, low: int) -> tuple[UsageLine, ...]:
        count = self._chance.choice((low, 1, 2))
        return tuple(
            UsageLine(unit=UNIT, quantity=Decimal(self._chance.randint(0, 70)))
            for _ in range(count)
        )

    def _new_request(self, pipeline_id: str, call_no: str | None = None) -> ClientRequest:
        self._count += 1
        key = f"k{self._number}-{self._count}"
        request = ClientRequest(self._distributor_id, pipeline_id, key, call_no)
        self._history.requests.append(request)
        return request

    def _command(self, request: ClientRequest, **about: Any) -> BeginCall:
        return BeginCall(
            pipeline=f"code-{request.pipeline_id}", idempotency_key=request.key,
            request_hash=f"t1{request.key}", **about,
        )  # fmt: skip

    async def _begin(self, **about: Any) -> Result | None:
        request = self._new_request(self._chance.choice(self._pipelines))
        command = self._command(request, **about)
        return await self._insist(request, lambda: service.begin(self._distributor_id, command))

    async def _run(self, *, ends: bool) -> None:
        estimate = self._chance.choice((None, Decimal(1), Decimal(9)))
        lease = self._chance.choice((1, 2, 300)) if ends else self._chance.choice((1, 2))
        result = await self._begin(lease_seconds=lease, estimate=estimate)
        if result is None or not ends:
            return
        call_no, pipeline = result.call["call_no"], result.call["pipeline"]
        await asyncio.sleep(self._chance.choice((0.0, 0.2, 3.0)))
        ways = [CallStatus.SUCCEEDED, CallStatus.CANCELLED, CallStatus.FAILED]
        statuses = self._chance.sample(ways, self._chance.choice((1, 1, 1, 2)))
        # Two ways at the same time: one of them holds.
        results = await asyncio.gather(
            *(self._finish(call_no, pipeline[len("code-") :], status) for status in statuses)
        )
        end_statuses = {one.call["status"] for one in results if one is not None}
        self._history.require(
            len(end_statuses) <= 1, f"{call_no} was told to have ended {end_statuses}"
        )

    async def _finish(self, call_no: str, pipeline_id: str, status: CallStatus) -> Result | None:
        request = self._new_request(pipeline_id, call_no)
        lines = () if status == CallStatus.CANCELLED else self._lines(0)
        command = FinishCall(
            call_no=call_no, status=status, lines=lines, body_hash=f"t1{request.key}"
        )
        return await self._insist(request, lambda: service.finish(self._distributor_id, command))

    async def _group(self) -> None:
        requests = [self._new_request(self._chance.choice(self._pipelines)) for _ in range(3)]
        commands = [
            self._command(one, lines=self._lines(1), status=CallStatus.SUCCEEDED)
            for one in requests
        ]
        worker = self._chance.choice(self._workers)
        attempts = [self._attempt(one, worker) for one in requests]
        task = worker.run(service.begin_many(self._distributor_id, commands))
        await asyncio.wait([task])
        outcomes: list[Any] = [asyncio.CancelledError()] * 3 if task.cancelled() else task.result()
        for request, attempt, outcome in zip(requests, attempts, outcomes, strict=True):
            self._hear(request, attempt, outcome)
        for request, attempt, command in zip(requests, attempts, commands, strict=True):
            if attempt.outcome == "unknown":
                await self._insist(request, self._again(command))

    def _again(self, command: BeginCall) -> Work:
        return lambda: service.begin(self._distributor_id, command)

    async def _insist(self, request: ClientRequest, work: Work) -> Result | None:
        """Ask, on any worker, until something certain is told; sometimes twice at once."""
        result: Result | None = None
        for _ in range(MAX_TRIES):
            tries = [self._try(request, work)]
            if self._chance.random() < 0.1:
                tries.append(self._try(request, work))
            answers = await asyncio.gather(*tries)
            results = [one for one in answers if not isinstance(one, BaseException)]
            result = results[0] if results else None
            if result is not None and self._chance.random() < 0.95:
                return result
            if result is None and not any(map(_may_ask_again, answers)):
                return None
            await asyncio.sleep(self._chance.uniform(0.1, 2.5))
        return result

    def _attempt(self, request: ClientRequest, worker: Worker) -> Attempt:
        attempt = Attempt(worker.number, asyncio.get_running_loop().time())
        request.attempts.append(attempt)
        self._history.note(f"{request.key} asks worker {worker.number} {request.call_no or ''}")
        return attempt

    async def _try(self, request: ClientRequest, work: Work) -> Result | BaseException:
        worker = self._chance.choice(self._workers)
        attempt = self._attempt(request, worker)
        task = worker.run(work())
        patience = None
        if self._faults.happens("client_leaves"):
            patience = self._chance.uniform(0, 0.02)
        await asyncio.wait([task], timeout=patience)
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        outcome = asyncio.CancelledError() if task.cancelled() else task.exception()
        return self._hear(request, attempt, task.result() if outcome is None else outcome)

    def _hear(
        self, request: ClientRequest, attempt: Attempt, outcome: Result | BaseException
    ) -> Result | BaseException:
        attempt.ends = asyncio.get_running_loop().time()
        history = self._history
        if isinstance(outcome, BaseException):
            code = getattr(outcome, "code", type(outcome).__name__)
            is_lost = isinstance(outcome, asyncio.CancelledError)
            if not isinstance(outcome, AppError) and not is_lost:
                history.violate(f"{request.key} got {outcome!r}")
            # It has the code of a database that is away; its words alone say what it is.
            is_lost = is_lost or str(outcome) == UNKNOWN
            attempt.outcome = "unknown" if is_lost else "refused"
            history.note(f"{request.key} hears {code}, {attempt.outcome}")
            history.check_refusal(request)
            return outcome
        attempt.outcome = "booked"
        call_no, status = outcome.call["call_no"], outcome.call["status"]
        history.note(f"{request.key} hears {call_no} {status} replayed={outcome.replayed}")
        request.call_numbers.add(call_no)
        header = history.header(call_no)
        history.require(header is not None, f"{request.key} was told {call_no}, which is nowhere")
        if header is not None and "amount" in outcome.call:
            amount = history.amount_of(call_no)
            told_amount = Decimal(outcome.call["amount"])
            history.require(header["status"] == status, f"{call_no} is {header['status']}")
            history.require(amount == told_amount, f"{call_no}: {amount}, told {told_amount}")
        return outcome


def _may_ask_again(outcome: Any) -> bool:
    return not isinstance(outcome, AppError) or outcome.status >= 500
