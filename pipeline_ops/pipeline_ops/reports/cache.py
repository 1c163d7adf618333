"""
Answers that took long, remembered for a while in this process.

Pages ask for the same figures again and again. Where finding them takes long, the ledger is large
and a little more of it changes little; where it is quick, they are found anew each time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

SLOW_SECONDS = 0.3
# So many times as long as it took to find is an answer kept: finding takes 5 % of the time at most.
KEEP_FACTOR = 20
MAX_SECONDS = 600

T = TypeVar("T")


class SlowAnswerCache:
    """The answers of one process, by question; *clock* tells seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # question -> (until when it is kept, the answer)
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, question: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """
        Return the answer to *question*: the one that is kept, or what *work* finds.

        Who asks while it is being found gets the same answer, or the same exception, which is
        never kept. Nobody may change an answer. One who goes away does not end the work.
        """
        entry = self._answers.get(question)
        if entry is not None and self._clock() < entry[0]:
            ready: T = entry[1]
            return ready
        task = self._tasks.get(question)
        # Where the event loop is another one (tests), nobody there ends the work any more.
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.ensure_future(self._find(question, work))
            self._tasks[question] = task
            task.add_done_callback(_look_at_failure)
        answer: T = await asyncio.shield(task)
        return answer

    async def _find(self, question: Hashable, work: Callable[[], Awaitable[Any]]) -> Any:
        started_at = self._clock()
        try:
            answer = await work()
        finally:
            self._tasks.pop(question, None)
        now = self._clock()
        self._answers = {key: entry for key, entry in self._answers.items() if now < entry[0]}
        if now - started_at > SLOW_SECONDS:
            until = now + min(KEEP_FACTOR * (now - started_at), MAX_SECONDS)
            self._answers[question] = (until, answer)
        return answer


def _look_at_failure(task: asyncio.Task[Any]) -> None:
    # Where all who asked have gone, nobody else does, and asyncio would complain.
    if not task.cancelled():
        task.exception()


_process_cache = SlowAnswerCache()
slow_answer = _process_cache.ask
