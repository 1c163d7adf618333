"""
Who is decided with whom: the requests that wait at the same moment share one transaction.

A transaction on a hot line costs its locks and its commit however many calls it lets in. So while
one runs, the requests that come meanwhile wait, and then go together into the next: the more wait,
the less each costs. Nobody waits for company: a request that finds its rows free starts at once.

Two transactions of this process never touch the same distributor or line at the same time; several
that have nothing in common run side by side. Other processes are kept apart by the row locks.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from app.global_func import (
    DuplicateKey,
    Unavailable,
    add_measure,
    in_transaction,
    settings,
    twins_in_use,
    use_twins,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    authenticate,
)
from pipeline_dist.admission.commands import (
    BeginCall,
    BeginResult,
    CallCommand,
    Command,
    ExtendCall,
    FinishCall,
    FinishResult,
    is_begin,
)
from pipeline_dist.admission.decide import Outcome, decide_all
from pipeline_dist.admission.locking import StalePipeline
from pipeline_dist.admission.pending import GroupedRequest, PendingGroup, PendingRequest, line_row
from pipeline_dist.admission.queue_metrics import QUEUE_DEPTH, count_batch, count_outcomes
from pipeline_dist.errors import QUEUE_FULL
from pipeline_ops.calls.capacity import UnlockedReservations

MAX_BATCHES = 2
# One that has not ended for so long waits for rows that somebody holds, or for a database that has
# gone: it is no longer counted, up to so many, so that others go on. The pool of `two_trips` has a
# connection for each.
STUCK_SECONDS = 1.0
MAX_STUCK_BATCHES = 6
# Of the sandbox one, and one that is stuck: they go on the connections of everything else, so that
# the real ones have theirs for themselves.
MAX_SANDBOX_BATCHES = 1
MAX_STUCK_SANDBOX_BATCHES = 1
MAX_BATCH_REQUESTS = 128
MAX_BATCH_LINES = 4000
# A group of calls has its transaction for itself. Others wait for it no longer than for so many;
# where none have come for a while, it may be larger.
GROUP_BESIDE_OTHERS = 250
MAX_GROUP = 1000
MAX_QUIET_SECONDS = 1.0
# So many wait at most in this worker: four full transactions, some tenths of a second where rows
# are free, and enough that none ever waits for company. Who comes beyond them is told at once,
# which costs nobody anything, instead of waiting in vain. Calls that end have as much room again,
# since they free what the others wait for.
MAX_WAITING = 4 * MAX_BATCH_REQUESTS
MAX_ENDING = 2 * MAX_WAITING
# So many calls and keys are remembered, so that what they will lock is known beforehand.
MAX_KNOWN = 10_000

log = logging.getLogger("pipeline.admission")
V = TypeVar("V")


Outcomes = list[tuple[PendingRequest, Outcome | BaseException]]


class AdmissionQueue:
    """The queue of one process, in one event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wait_seconds: float, *, twins: bool = False
    ) -> None:
        """Decide on the real tables, or on their *twins*."""
        self.loop = loop
        self._twins = twins
        self._wait_seconds = wait_seconds
        self._waiting: list[PendingRequest | PendingGroup] = []
        self._last_single = -MAX_QUIET_SECONDS
        self._busy: set[str] = set()
        # When each began.
        self._running: dict[asyncio.Task[None], float] = {}
        self._woken = False
        self._watched = False
        # call_no -> (code of the line, its id): never changes.
        self._places: OrderedDict[str, tuple[str, str]] = OrderedDict()
        # Code of a line -> its id: proven by the line's row each time.
        self._pipelines: OrderedDict[str, str] = OrderedDict()
        # By the digest of a key: proven on its owner's locked row each time.
        self._keys: OrderedDict[str, ApiKey] = OrderedDict()

    def __len__(self) -> int:
        """Return how many requests and groups wait."""
        return len(self._waiting)

    async def begin(self, caller: str | Credentials, command: BeginCall) -> BeginResult:
        """Let a call in for *caller*, a distributor's id or what a request shows; raises what
        refuses it."""
        distributor_id, key = await self._identify(caller)
        pipeline_id = self._pipelines.get(command.pipeline)
        rows = frozenset((distributor_id, line_row(command.pipeline)))
        request = self._submit(caller, command, distributor_id, pipeline_id, rows, key)
        result = await self._outcome(request, key)
        assert isinstance(result, BeginResult)
        if pipeline_id is None:
            _remember(self._pipelines, command.pipeline, result.pipeline_id)
        if command.status is None:
            _remember(self._places, result.call["call_no"], (command.pipeline, result.pipeline_id))
        return result

    async def finish(self, caller: str | Credentials, command: FinishCall) -> FinishResult:
        """End a call for *caller*, a distributor's id or what a request shows; raises what refuses
        it."""
        return await self._change(caller, command, to_end=True)

    async def extend(self, caller: str | Credentials, command: ExtendCall) -> FinishResult:
        """Let a call go on for *caller*, a distributor's id or what a request shows; raises what
        refuses it."""
        return await self._change(caller, command, to_end=False)

    async def _change(
        self, caller: str | Credentials, command: CallCommand, *, to_end: bool
    ) -> FinishResult:
        distributor_id, key = await self._identify(caller, to_end=to_end)
        rows = frozenset((distributor_id,))
        place = self._places.get(command.call_no)
        if place is not None:
            rows |= {line_row(place[0])}
        pipeline_id = place[1] if place is not None else None
        request = self._submit(caller, command, distributor_id, pipeline_id, rows, key)
        result = await self._outcome(request, key)
        assert isinstance(result, FinishResult)
        return result

    async def begin_many(
        self, caller: str | AuthenticatedDistributor, commands: Sequence[BeginCall]
    ) -> list[BeginResult | BaseException]:
        """Let finished calls in, at most `group_size`, for *caller*, a distributor's id or whose
        key was looked up, and is again on the locked row, in a transaction of their own; the
        outcome of each, in their order. None spoils another."""
        if isinstance(caller, str):
            group = PendingGroup(caller, commands, self._pipelines)
        else:
            group = PendingGroup(
                caller.id, commands, self._pipelines, caller.credentials, self._memory(caller.key)
            )
        self._waiting.append(group)
        self._wake()
        try:
            outcomes = await group.future
            for request, outcome in zip(group.requests, outcomes, strict=True):
                if request.pipeline_id is None and isinstance(outcome, BeginResult):
                    assert isinstance(request.command, BeginCall)
                    _remember(self._pipelines, request.command.pipeline, outcome.pipeline_id)
        finally:
            # They know the group: without this circle they go at once, and are not left to the
            # garbage collector, which would hold everybody up.
            group.requests = []
        return outcomes

    def check_queue(self, *, ends_call: bool = False) -> None:
        """Raise Unavailable `busy` where there is no room for a call that begins, or ends."""
        if len(self._waiting) >= (MAX_ENDING if ends_call else MAX_WAITING):
            raise QUEUE_FULL(headers={"Retry-After": "1"})

    def group_size(self) -> int:
        """Return how many calls a group may have that asks now: fewer where others wait, or had
        their turn within the last second, and may come again while it is decided."""
        is_quiet = self.loop.time() - self._last_single > MAX_QUIET_SECONDS
        if is_quiet and not any(isinstance(one, PendingRequest) for one in self._waiting):
            return MAX_GROUP
        return GROUP_BESIDE_OTHERS

    async def _identify(
        self, caller: str | Credentials, *, to_end: bool = False
    ) -> tuple[str, ApiKey | None]:
        """
        Return the id of the distributor who asks, and the key; raises what refuses an unknown one.

        It only names the row to lock. Whether the key is still as it is known, and may be used, is
        decided on the locked row.
        """
        if isinstance(caller, str):
            return caller, None
        key = self._keys.get(caller.digest)
        if key is None:
            key = (await authenticate(caller, to_end=to_end)).key
            _remember(self._keys, caller.digest, key)
        return key.distributor_id, self._memory(key)

    def _memory(self, key: ApiKey) -> ApiKey | None:
        """Return what may be taken for known of a *key* until it is proven on the locked row; for
        the sandbox nothing: its rows are not written where keys are changed."""
        return None if self._twins else key

    def _submit(
        self,
        caller: str | Credentials,
        command: Command,
        distributor_id: str,
        pipeline_id: str | None,
        rows: frozenset[str],
        key: ApiKey | None,
    ) -> PendingRequest:
        self.check_queue(ends_call=not isinstance(command, BeginCall))
        credentials = None if isinstance(caller, str) else caller
        request = PendingRequest(command, distributor_id, credentials, pipeline_id, rows, key)
        self._waiting.append(request)
        self._wake()
        return request

    async def _outcome(
        self, request: PendingRequest, key: ApiKey | None
    ) -> BeginResult | FinishResult:
        """Return what *request*, which was sent with the known *key*, is told; the key is known
        anew where it was read again."""
        try:
            result: BeginResult | FinishResult = await request.future
            return result
        finally:
            if request.key is not key and request.credentials is not None:
                digest = request.credentials.digest
                self._keys.pop(digest, None)
                if request.key is not None:
                    _remember(self._keys, digest, request.key)

    def _wake(self) -> None:
        # At the end of this turn of the loop: what else arrived in it comes along for nothing.
        if not self._woken:
            self._woken = True
            self.loop.call_soon(self._start)

    def _start(self) -> None:
        self._woken = False
        while self._waiting and self._has_room():
            batch = self._next_batch()
            if not batch:
                break
            if not isinstance(batch[0], GroupedRequest):
                self._last_single = self.loop.time()
            if not self._twins:
                count_batch(batch, self.loop.time())
            rows = frozenset().union(*(request.rows for request in batch))
            self._busy |= rows
            task = self.loop.create_task(self._run(batch, rows))
            self._running[task] = self.loop.time()
        if self._waiting and not self._watched:
            self._watched = True
            self.loop.call_later(1, self._refuse_late)

    def _has_room(self) -> bool:
        count = len(self._running)
        most, most_stuck = MAX_BATCHES, MAX_STUCK_BATCHES
        if self._twins:
            most, most_stuck = MAX_SANDBOX_BATCHES, MAX_STUCK_SANDBOX_BATCHES
        if count < most:
            return True
        latest = self.loop.time() - STUCK_SECONDS
        stuck = sum([began_at < latest for began_at in self._running.values()])
        return count - min(stuck, most_stuck) < most

    def _next_batch(self) -> list[PendingRequest]:
        """Return those that wait and touch nothing that is busy, in the order they came, or a
        group; nobody passes one that waits for the same row."""
        batch: list[PendingRequest] = []
        rest: list[PendingRequest | PendingGroup] = []
        unavailable = set(self._busy)
        lines = 0
        for request in self._waiting:
            if request.is_over:
                continue  # refused for its long wait, or the one who asked has gone
            full = len(batch) >= MAX_BATCH_REQUESTS or lines > MAX_BATCH_LINES
            is_alone = isinstance(request, PendingGroup) or request.alone
            full = full or (bool(batch) and (is_alone or batch[0].alone))
            if full or not unavailable.isdisjoint(request.rows):
                unavailable |= request.rows
                rest.append(request)
            elif isinstance(request, PendingGroup):
                batch += request.requests
            else:
                lines += len(request.command.lines)
                batch.append(request)
        self._waiting = rest
        return batch

    async def _run(self, batch: list[PendingRequest], rows: frozenset[str]) -> None:
        outcomes: Outcomes = []
        try:
            outcomes = await self._commit_batch(batch)
        except asyncio.CancelledError:
            for request in batch:
                request.future.cancel()
            raise
        finally:
            self._busy -= rows
            task = asyncio.current_task()
            assert task is not None
            self._running.pop(task, None)
            try:
                # What has come meanwhile goes to the database first, which is at work on it while
                # the answers of this batch, which is committed, are written.
                self._start()
            finally:
                self._answer(outcomes)

    async def _commit_batch(
        self,
        batch: list[PendingRequest],
        *,
        check_ledger_first: bool = False,
        also_lock: frozenset[str] = frozenset(),
    ) -> Outcomes:
        """Decide *batch* in a transaction, or in several, and return what each is to be told;
        nothing of those that are to be decided again in another batch."""
        try:
            with use_twins(on=self._twins):
                outcomes = await in_transaction(
                    lambda sor: decide_all(
                        sor, batch, check_ledger_first=check_ledger_first, also_lock=also_lock
                    ),
                    two_trips=not self._twins,
                )
        except DuplicateKey as exc:
            if check_ledger_first:  # it cannot be: the distributor has been locked since the look
                return await self._commit_in_halves(batch, exc)
            return await self._commit_batch(batch, check_ledger_first=True, also_lock=also_lock)
        except UnlockedReservations as exc:
            # Each time there are more of them, so that this ends. Their locks may have to be waited
            # for, in the order in which everybody takes them.
            return await self._commit_batch(
                batch,
                check_ledger_first=check_ledger_first,
                also_lock=also_lock | exc.distributor_ids,
            )
        except StalePipeline:
            self._pipelines.clear()
            for request in batch:
                if is_begin(request):
                    request.pipeline_id = None
            return await self._commit_batch(
                batch, check_ledger_first=check_ledger_first, also_lock=also_lock
            )
        except Unavailable as exc:
            if exc.code == "database_busy" and len(batch) > 1:
                # Somebody holds a row of one of them, nobody knows whose.
                for request in batch:
                    request.alone, request.since = True, self.loop.time()
                self._waiting[:0] = batch
                return []
            return [(request, exc.copy()) for request in batch]
        except Exception as exc:  # noqa: BLE001  one request's fault must not become all's
            return await self._commit_in_halves(batch, exc)
        return list(zip(batch, outcomes, strict=True))

    async def _commit_in_halves(self, batch: list[PendingRequest], exc: Exception) -> Outcomes:
        """Decide the halves of *batch* for themselves, and theirs where need be: so that of many
        who go together the one with whom something is wrong costs some transactions, not one for
        each, in which everybody waits for the rows."""
        if len(batch) == 1:
            return [(batch[0], exc)]
        log.warning(
            "%d requests are decided in halves: %s", len(batch), exc,
            extra={"action": "batch_split"},
        )  # fmt: skip
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            self._answer(await self._commit_batch(half))
        return []

    def _answer(self, outcomes: Outcomes) -> None:
        """Tell requests what came of them; what is measured is of real ones alone."""
        if not self._twins:
            count_outcomes(outcomes)
        for request, outcome in outcomes:
            request.answer(outcome)

    def _refuse_late(self) -> None:
        """Refuse those that have waited longer than a request may wait for a connection."""
        self._watched = False
        latest = self.loop.time() - self._wait_seconds
        for request in self._waiting:
            if request.since < latest:
                self._answer(
                    [(one, QUEUE_FULL(headers={"Retry-After": "1"})) for one in _each(request)]
                )
        # While no transaction comes to its end, nobody else takes them out.
        self._waiting = [request for request in self._waiting if not request.is_over]
        if self._waiting:
            self._watched = True
            self.loop.call_later(1, self._refuse_late)
            self._wake()


def _each(request: PendingRequest | PendingGroup) -> Sequence[PendingRequest]:
    return request.requests if isinstance(request, PendingGroup) else (request,)


def _remember(memory: OrderedDict[str, V], key: str, value: V) -> None:
    memory[key] = value
    if len(memory) > MAX_KNOWN:
        memory.popitem(last=False)


# The real one, and that of the sandbox (True): their rows have nothing in common.
_current: dict[bool, AdmissionQueue] = {}


@add_measure
def _measure_depth() -> None:
    QUEUE_DEPTH.set(len(_current[False]) if False in _current else 0)


def admission_queue() -> AdmissionQueue:
    """Return the queue of this process for the tables in use; a new one where the event loop is
    another (tests)."""
    loop, twins = asyncio.get_running_loop(), twins_in_use()
    queue = _current.get(twins)
    if queue is None or queue.loop is not loop:
        queue = _current[twins] = AdmissionQueue(
            loop, settings().options.pool_wait_seconds, twins=twins
        )
    return queue
