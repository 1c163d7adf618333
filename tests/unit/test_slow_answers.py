"""What took long to find is kept for a while; what did not is found anew each time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline_ops.reports.cache import MAX_SECONDS, SlowAnswerCache


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Figures:
    """Work that takes *seconds*; each time another answer."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.times = 0
        self.gate: asyncio.Event | None = None
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.times += 1
        number = self.times
        if self.gate is not None:
            await self.gate.wait()
        self.clock.seconds += self.seconds
        if self.failure is not None:
            raise self.failure
        return number


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def asked_twice(
    clock: Clock, ask: Callable[[], Awaitable[int]], seconds_between: float
) -> list[int]:
    first = await ask()
    clock.seconds += seconds_between
    return [first, await ask()]


async def test_what_is_found_quickly_is_found_anew_each_time(clock: Clock) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, 0.3)

    assert await asked_twice(clock, lambda: memory.ask("q", figures), 0) == [1, 2]


@pytest.mark.parametrize(
    ("took", "seconds"), [(0.5, 10), (2, 40), (30, MAX_SECONDS), (100, MAX_SECONDS)]
)
async def test_what_took_long_is_kept_twenty_times_as_long(
    clock: Clock, took: float, seconds: float
) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, took)

    assert await asked_twice(clock, lambda: memory.ask("q", figures), seconds - 0.1) == [1, 1]
    clock.seconds += 0.1
    assert await memory.ask("q", figures) == 2


async def test_each_question_has_its_own_answer(clock: Clock) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, 5)

    answers = [await memory.ask(question, figures) for question in (("a", 1), ("a", 2), ("a", 1))]

    assert answers == [1, 2, 1]


async def test_who_asks_at_the_same_time_shares_one_search(clock: Clock) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, 0)
    figures.gate = asyncio.Event()
    asking = [asyncio.ensure_future(memory.ask("q", figures)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()  # the one it was begun for goes away
    figures.gate.set()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [1] * 4
    assert await memory.ask("q", figures) == 2


async def test_a_failure_reaches_all_who_asked_and_is_not_kept(clock: Clock) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, 5)
    figures.failure = ValueError("away")
    both = await asyncio.gather(
        *(memory.ask("q", figures) for _ in range(2)), return_exceptions=True
    )
    assert both == [figures.failure] * 2

    figures.failure = None
    assert await memory.ask("q", figures) == 2


def test_a_search_that_ended_with_its_event_loop_is_begun_anew(clock: Clock) -> None:
    memory, figures = SlowAnswerCache(clock), Figures(clock, 0)

    async def go_away() -> None:
        figures.gate = asyncio.Event()
        asking = asyncio.ensure_future(memory.ask("q", figures))
        await asyncio.sleep(0)
        asking.cancel()

    asyncio.run(go_away())
    figures.gate = None

    assert asyncio.run(memory.ask("q", figures)) == 2
