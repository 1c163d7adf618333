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
from dataclasses import replace
from typing import TypeVar

from app.global_func import AppError, DuplicateKey, Unavailable, in_transaction, settings
from pipeline_dist.accounts.authentication import Credentials, authenticate
from pipeline_dist.admission.commands import Admitted, End, Finished, Start, Wanted
from pipeline_dist.admission.decide import Outcome, decide_all
from pipeline_dist.admission.workset import StaleLine

BATCHES_AT_ONCE = 2
REQUESTS_AT_ONCE = 128
LINES_AT_ONCE = 4000
# So many calls and keys are remembered, so that what they will lock is known beforehand.
KEPT = 10_000

log = logging.getLogger("pipeline.admission")
V = TypeVar("V")


class Ticket:
    """A request that waits for its outcome; `rows` are the names of what it will lock, `alone`
    that it goes without others."""

    __slots__ = ("alone", "future", "rows", "since", "wanted")

    def __init__(self, wanted: Wanted, rows: frozenset[str], loop: asyncio.AbstractEventLoop):
        self.wanted = wanted
        self.rows = rows
        self.alone = False
        self.since = loop.time()
        self.future: asyncio.Future[Admitted | Finished] = loop.create_future()

    def answer(self, outcome: Outcome | BaseException) -> None:
        """Tell the outcome, unless the one who asked has gone."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Admitter:
    """The queue of one process, in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wait_seconds: float) -> None:
        self.loop = loop
        self._wait_seconds = wait_seconds
        self._waiting: list[Ticket] = []
        self._busy: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._woken = False
        self._watched = False
        # call_no -> (code of the line, its id): never changes.
        self._places: OrderedDict[str, tuple[str, str]] = OrderedDict()
        # Code of a line -> its id: proven by the line's row each time.
        self._lines: OrderedDict[str, str] = OrderedDict()
        # Digest of a key -> id of the distributor: proven on its locked row each time.
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def identify(self, shown: Credentials) -> str:
        """
        The id of the distributor that a key belongs to; raises what refuses an unknown key.

        It only names the row to lock. Whether the key is still that distributor's, and may be
        used, is decided on the locked row.
        """
        found = self._owners.get(shown.digest)
        if found is None:
            found = (await authenticate(shown)).id
            _keep(self._owners, shown.digest, found)
        return found

    def known_line(self, code: str) -> str | None:
        """The id of a line, if calls of it were let in here; a guess, proven later."""
        return self._lines.get(code)

    def known_line_of(self, call_no: str) -> str | None:
        """The id of a call's line, if the call began here."""
        place = self._places.get(call_no)
        return place[1] if place is not None else None

    async def begin(self, wanted: Start) -> Admitted:
        """Let a call in; raises what refuses it."""
        rows = frozenset((wanted.distributor_id, "line " + wanted.pipeline))
        done = await self._submit(wanted, rows)
        assert isinstance(done, Admitted)
        if wanted.pipeline_id is None:
            _keep(self._lines, wanted.pipeline, done.pipeline_id)
        if wanted.status is None:
            _keep(self._places, done.call["call_no"], (wanted.pipeline, done.pipeline_id))
        return done

    async def finish(self, wanted: End) -> Finished:
        """End a call; raises what refuses it."""
        rows = frozenset((wanted.distributor_id,))
        place = self._places.get(wanted.call_no)
        if place is not None:
            rows |= {"line " + place[0]}
        done = await self._submit(wanted, rows)
        assert isinstance(done, Finished)
        return done

    async def _submit(self, wanted: Wanted, rows: frozenset[str]) -> Admitted | Finished:
        ticket = Ticket(wanted, rows, self.loop)
        self._waiting.append(ticket)
        self._wake()
        return await ticket.future

    def _wake(self) -> None:
        # At the end of this turn of the loop: what else arrived in it comes along for nothing.
        if not self._woken:
            self._woken = True
            self.loop.call_soon(self._start)

    def _start(self) -> None:
        self._woken = False
        while self._waiting and len(self._running) < BATCHES_AT_ONCE:
            batch = self._next_batch()
            if not batch:
                break
            rows = frozenset().union(*(ticket.rows for ticket in batch))
            self._busy |= rows
            task = self.loop.create_task(self._run(batch, rows))
            self._running.add(task)
        if self._waiting and not self._watched:
            self._watched = True
            self.loop.call_later(1, self._refuse_late)

    def _next_batch(self) -> list[Ticket]:
        """Those that wait and touch nothing that is busy, in the order they came; nobody passes
        one that waits for the same row."""
        taken: list[Ticket] = []
        left: list[Ticket] = []
        blocked = set(self._busy)
        lines = 0
        for ticket in self._waiting:
            if ticket.future.done():
                continue  # the one who asked has gone
            full = len(taken) >= REQUESTS_AT_ONCE or lines > LINES_AT_ONCE
            full = full or (bool(taken) and (ticket.alone or taken[0].alone))
            if full or not blocked.isdisjoint(ticket.rows):
                blocked |= ticket.rows
                left.append(ticket)
            else:
                lines += len(ticket.wanted.lines)
                taken.append(ticket)
        self._waiting = left
        return taken

    async def _run(self, batch: list[Ticket], rows: frozenset[str]) -> None:
        try:
            await self._settle(batch)
        except asyncio.CancelledError:
            for ticket in batch:
                ticket.future.cancel()
            raise
        finally:
            self._busy -= rows
            task = asyncio.current_task()
            assert task is not None
            self._running.discard(task)
            self._wake()

    async def _settle(self, batch: list[Ticket], *, look_first: bool = False) -> None:
        wanted = [ticket.wanted for ticket in batch]
        try:
            outcomes = await in_transaction(
                lambda sor: decide_all(sor, wanted, look_first=look_first)
            )
        except DuplicateKey as exc:
            if look_first:  # it cannot be: the distributor has been locked since the look
                await self._settle_alone(batch, exc)
            else:
                await self._settle(batch, look_first=True)
        except StaleLine:
            self._lines.clear()
            for ticket in batch:
                if isinstance(ticket.wanted, Start):
                    ticket.wanted = replace(ticket.wanted, pipeline_id=None)
            await self._settle(batch, look_first=look_first)
        except Unavailable as exc:
            if exc.code == "database_busy" and len(batch) > 1:
                # Somebody holds a row of one of them, nobody knows whose.
                for ticket in batch:
                    ticket.alone, ticket.since = True, self.loop.time()
                self._waiting = batch + self._waiting
                return
            for ticket in batch:
                ticket.answer(_own_copy(exc))
        except Exception as exc:  # noqa: BLE001  one request's fault must not become all's
            await self._settle_alone(batch, exc)
        else:
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.answer(outcome)

    async def _settle_alone(self, batch: list[Ticket], exc: Exception) -> None:
        if len(batch) == 1:
            batch[0].answer(exc)
            return
        log.warning(
            "%d requests are decided one by one: %s", len(batch), exc,
            extra={"action": "batch_split"},
        )  # fmt: skip
        for ticket in batch:
            await self._settle([ticket])

    def _refuse_late(self) -> None:
        """Refuse those that have waited longer than a request may wait for a connection."""
        self._watched = False
        latest = self.loop.time() - self._wait_seconds
        for ticket in self._waiting:
            if ticket.since < latest:
                ticket.answer(
                    Unavailable(
                        "busy", "Too many calls wait for the database. Try again in a moment.",
                        headers={"Retry-After": "1"},
                    )
                )  # fmt: skip
        if self._waiting:
            self._watched = True
            self.loop.call_later(1, self._refuse_late)
            self._wake()


def _keep(memory: OrderedDict[str, V], key: str, value: V) -> None:
    memory[key] = value
    if len(memory) > KEPT:
        memory.popitem(last=False)


_current: list[Admitter] = []


def admitter() -> Admitter:
    """The admitter of this process; a new one where the event loop is another (tests)."""
    loop = asyncio.get_running_loop()
    if not _current or _current[0].loop is not loop:
        _current[:] = [Admitter(loop, settings().options.pool_wait_seconds)]
    return _current[0]


def _own_copy(exc: AppError) -> AppError:
    """The same refusal for another request, which adds headers of its own to it."""
    made = AppError.__new__(type(exc), *exc.args)
    made.__dict__.update(exc.__dict__, headers=dict(exc.headers))
    made.__cause__ = exc.__cause__
    return made
