"""Work beside the requests: one process at a time, less often while it fails, over when asked."""

import asyncio
import logging

import pytest

from app.base.catalogue.requests import BUSY
from app.db import background
from app.db.background import BackgroundWork
from app.db.sqlor import SafeSqlor
from tests.support.installation import Installation

LONG_SECONDS = 3600.0


@pytest.fixture(autouse=True)
def _on_a_database(pool: Installation) -> None:
    pass


def work_of(work, *, pause_seconds: float = LONG_SECONDS, keeps_lock: bool = False):
    return BackgroundWork(
        work=work, lock="test_work", who="the test", failure="test_failed",
        log=logging.getLogger("test"), pause_seconds=pause_seconds, keeps_lock=keeps_lock,
    )  # fmt: skip


class Pauses:
    """In place of `pause`: none is waited for; *stop* is set at the last of *count*."""

    def __init__(self, count: int) -> None:
        self.seconds: list[float] = []
        self._count = count

    async def __call__(self, stop: asyncio.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == self._count:
            stop.set()
        await asyncio.sleep(0)


async def outcomes(monkeypatch: pytest.MonkeyPatch, *ends: Exception | None, keeps_lock: bool):
    """The pauses behind work that has these *ends*."""
    pauses, rest = Pauses(len(ends)), iter(ends)
    monkeypatch.setattr(background, "pause", pauses)

    async def work(sor: SafeSqlor, stop: asyncio.Event) -> None:
        if error := next(rest):
            raise error

    await work_of(work, pause_seconds=1.0, keeps_lock=keeps_lock).run(asyncio.Event())
    return pauses.seconds


@pytest.mark.parametrize("keeps_lock", [False, True])
async def test_failures_in_a_row_make_the_pauses_longer(monkeypatch, keeps_lock):
    fault = ValueError("boom")
    ends = (None, fault, BUSY(), fault, fault, None, None, fault)

    pauses = await outcomes(monkeypatch, *ends, keeps_lock=keeps_lock)

    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 1.0, 1.0, 2.0]


@pytest.mark.parametrize("keeps_lock", [False, True])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_stop_ends_the_pause_at_once(keeps_lock, fails):
    did = asyncio.Event()

    async def work(sor: SafeSqlor, stop: asyncio.Event) -> None:
        did.set()
        if fails:
            raise ValueError("boom")

    stop = asyncio.Event()
    task = asyncio.create_task(work_of(work, keeps_lock=keeps_lock).run(stop))
    await did.wait()
    stop.set()

    await asyncio.wait_for(task, 30)


async def test_one_at_a_time_until_it_is_gone():
    running, most, who_was = 0, 0, set()
    both = asyncio.Event()

    def worker(number: int):
        async def work(sor: SafeSqlor, stop: asyncio.Event) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1
            who_was.add(number)
            if len(who_was) == 2:
                both.set()

        return work_of(work, pause_seconds=0.001)

    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker(number).run(stop)) for number in range(2)]
    await asyncio.wait_for(both.wait(), 30)
    stop.set()
    await asyncio.gather(*tasks)

    assert most == 1


async def test_who_keeps_the_lock_goes_on_until_its_connection_is_gone():
    turns: list[int] = []
    again = asyncio.Event()

    def worker(number: int):
        async def work(sor: SafeSqlor, stop: asyncio.Event) -> None:
            turns.append(number)
            if len(turns) >= 5 and number == turns[0]:
                sor.conn.abort()  # as when its server ends it
            if turns[0] != number:
                again.set()

        return work_of(work, pause_seconds=0.001, keeps_lock=True)

    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker(number).run(stop)) for number in range(2)]
    await asyncio.wait_for(again.wait(), 30)
    stop.set()
    await asyncio.gather(*tasks)

    assert turns[:5] == [turns[0]] * 5
