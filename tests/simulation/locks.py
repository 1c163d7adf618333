"""Row locks of the simulated database: waited for in order, for so long, and never in a circle."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Any

from tests.simulation.failures import deadlock, lock_wait

LOCK_WAIT_SECONDS = 5


class _Lock:
    """One row's, or one value's of a unique key."""

    __slots__ = ("owner", "waiting")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.waiting: deque[tuple[Any, asyncio.Future[None]]] = deque()


class Locks:
    """All locks; an owner is anything with `locks` (what it holds) and `waits_for`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._locks: dict[Hashable, _Lock] = {}

    async def take(self, owner: Any, key: Hashable) -> bool:
        """
        Lock *key* for *owner*; whether that had to be waited for.

        Raises the database's error for a circle of those who wait, in which this one gives up, and
        for a wait that was too long.
        """
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = _Lock(owner)
            owner.locks.append(key)
            return False
        if lock.owner is owner:
            return False
        other: _Lock | None = lock
        while other is not None:  # nobody waits for two
            if other.owner is owner:
                raise deadlock()
            other = other.owner.waits_for
        future: asyncio.Future[None] = self._loop.create_future()
        lock.waiting.append((owner, future))
        owner.waits_for = lock
        timer = self._loop.call_later(LOCK_WAIT_SECONDS, _give_up, future)
        try:
            await future
        except BaseException:
            # It may have been handed over in the same turn of the loop.
            holder = self._locks.get(key)
            if holder is not None and holder.owner is owner:
                self._hand_over(key, holder)
            raise
        finally:
            owner.waits_for = None
            timer.cancel()
        owner.locks.append(key)
        return True

    def release(self, owner: Any) -> None:
        """Give all that *owner* holds to those who wait for it."""
        for key in owner.locks:
            self._hand_over(key, self._locks[key])
        owner.locks.clear()

    def _hand_over(self, key: Hashable, lock: _Lock) -> None:
        while lock.waiting:
            owner, future = lock.waiting.popleft()
            if not future.done():
                lock.owner = owner
                owner.waits_for = None
                future.set_result(None)
                return
        del self._locks[key]


def _give_up(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(lock_wait())
