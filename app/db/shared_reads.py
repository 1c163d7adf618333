"""
What is asked for in one turn of the event loop, or while such a question is being answered, shares
one statement.

It is sent after all of them have asked, and its answer is for them alone: nothing is kept for who
asks later, so that what was committed is seen by the very next request. What a statement costs
here, the pool's connection and the driver, is three quarters of a small request. So who asks while
a statement is out waits for its end and shares the next one: the quicker the database answers, the
fewer would ask together else, and the more each of them would cost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from app.base.errors import AppError
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading
from app.db.twins import use_twins

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")

# More than wait together in one worker; what is more goes into a second statement.
MAX_QUESTIONS = 500
# Nobody waits longer for the end of another's statement: one connection may hang.
MAX_WAIT_SECONDS = 0.02


class SharedReads(Generic[Q, A]):
    """Questions of one kind. *answer* is given all of one turn, each once, and says what is the
    answer to each; who asked the same are answered by the same object. With *twins* they are asked
    of tables' twins (app/db/twins.py), else never."""

    def __init__(
        self,
        answer: Callable[[SafeSqlor, Sequence[Q]], Awaitable[Mapping[Q, A]]],
        *,
        twins: bool = False,
    ) -> None:
        self._answer = answer
        self._twins = twins
        # Of the loop in which there are any.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._questions: list[tuple[Q, asyncio.Future[A]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._send_at: asyncio.Handle | None = None

    def ask(self, question: Q) -> "asyncio.Future[A]":
        """Return what will have the answer; the database may say no instead (AppError)."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._questions, self._tasks, self._send_at = loop, [], set(), None
        if not self._questions:
            if self._tasks:
                self._send_at = loop.call_later(MAX_WAIT_SECONDS, self._send)
            else:
                # In the next turn: whatever else comes in this one has asked by then.
                self._send_at = loop.call_soon(self._send)
        future: asyncio.Future[A] = loop.create_future()
        self._questions.append((question, future))
        return future

    def _send(self) -> None:
        if self._send_at is not None:
            self._send_at.cancel()
            self._send_at = None
        waiting, self._questions = self._questions, []
        for start in range(0, len(waiting), MAX_QUESTIONS):
            task = asyncio.ensure_future(self._tell(waiting[start : start + MAX_QUESTIONS]))
            self._tasks.add(task)
            task.add_done_callback(self._go_on)

    def _go_on(self, task: asyncio.Task[None]) -> None:
        """Go on with those who have asked meanwhile."""
        if task in self._tasks:  # else of a loop that is no more
            self._tasks.discard(task)
            if self._questions and not self._tasks:
                self._send()

    async def _tell(self, waiting: "Sequence[tuple[Q, asyncio.Future[A]]]") -> None:
        try:
            # This is run by whoever asked first.
            with use_twins(on=self._twins):
                async with reading() as sor:
                    questions = list(dict.fromkeys(one for one, _ in waiting))
                    answers = await self._answer(sor, questions)
        except Exception as exc:  # noqa: BLE001  it is told to those who asked
            for _, future in waiting:
                if not future.done():
                    future.set_exception(exc.copy() if isinstance(exc, AppError) else exc)
            return
        except BaseException:
            for _, future in waiting:
                future.cancel()
            raise
        for question, future in waiting:
            if not future.done():  # else who asked has gone
                future.set_result(answers[question])
