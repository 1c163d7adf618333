"""
What a worker does by itself beside the requests, again and again.

Every worker comes to it now and then; one at a time does it, chosen by a lock in the database: when
it dies, its connection dies, and another one takes over. Two at once would have to do no harm, for
such a lock holds on one database node.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from app.base.errors import AppError
from app.base.log_repeats import log_failure, log_unavailable
from app.base.pause import pause
from app.db.named_locks import holds_lock, named_lock
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading

# With each failure behind another the pause is doubled, so often.
MAX_DOUBLINGS = 3


@dataclass(frozen=True, kw_only=True)
class BackgroundWork:
    """
    Work of one worker at a time, the others standing by.

    `work` is given the connection that holds the lock, for short questions, and the event by which
    it is asked to stop; it ends soon then. `lock` is the lock's name, `who` and `failure` are what
    the log calls it and its failures. With `keeps_lock` who has begun goes on for as long as it
    can: for what comes so often that taking the lock each time would be most of it.
    """

    work: Callable[[SafeSqlor, asyncio.Event], Awaitable[None]]
    lock: str
    who: str
    failure: str
    log: logging.Logger
    pause_seconds: float
    keeps_lock: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Do it every `pause_seconds`, and less often while it fails, until *stop* is set."""
        failure_count = 0
        while not stop.is_set():
            try:
                async for _ in self._turns(stop):
                    failure_count = 0
            except AppError as exc:
                failure_count += 1
                log_unavailable(exc, self.who)
            except Exception as exc:  # noqa: BLE001  it must not end for the process's life
                failure_count += 1
                log_failure(self.log, self.failure, f"{self.who} failed; it goes on", exc)
            await pause(stop, self.pause_seconds * 2 ** min(failure_count, MAX_DOUBLINGS))

    async def _turns(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Do it, if no other process does, and yield when that went well; with `keeps_lock` again
        and again."""
        async with AsyncExitStack() as stack:
            async with _entrance():
                sor = await stack.enter_async_context(reading())
                is_first = await stack.enter_async_context(named_lock(sor, self.lock))
            if is_first:
                await self.work(sor, stop)
            yield
            while is_first and await self._goes_on(sor, stop):
                await self.work(sor, stop)
                yield

    async def _goes_on(self, sor: SafeSqlor, stop: asyncio.Event) -> bool:
        if not self.keeps_lock:
            return False
        await pause(stop, self.pause_seconds)
        return not stop.is_set() and await holds_lock(sor, self.lock)


def _entrance() -> asyncio.Lock:
    """Return what lets one of this process's kinds of work ask at a time whether it is its turn:
    all at once, as after a start, they would take the connections that requests wait for."""
    loop = asyncio.get_running_loop()
    return _entrances.setdefault(loop, asyncio.Lock())


_entrances: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
