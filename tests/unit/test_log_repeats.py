"""What happens to every request of an outage is told once a second, with how often it did."""

import asyncio
import json
import logging

import pytest

from app.base import log_repeats
from app.base.catalogue.requests import DATABASE_UNAVAILABLE
from app.base.log_repeats import Repeats, log_failure, log_unavailable
from app.base.logs import OneLineJson


class _Clock:
    """A loop whose time is turned by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def call_later(self, seconds: float, *call: object) -> None:
        assert seconds == log_repeats.WINDOW_SECONDS
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for function, *arguments in calls:
            function(*arguments)  # type: ignore[operator]


def test_the_first_is_told_at_once_and_the_others_of_its_second_together() -> None:
    clock = _Clock()
    counts: list[int] = []
    repeats = Repeats(clock)  # type: ignore[arg-type]

    for _ in range(5000):
        repeats.tell("away", counts.append)
    assert counts == [1]
    clock.turn()
    assert counts == [1, 4999]
    for _ in range(10):
        repeats.tell("away", counts.append)
    clock.turn()
    assert counts == [1, 4999, 10]


def test_after_a_quiet_second_it_is_told_at_once_again() -> None:
    clock = _Clock()
    counts: list[int] = []
    repeats = Repeats(clock)  # type: ignore[arg-type]

    repeats.tell("away", counts.append)
    clock.turn()
    assert clock.calls == []
    repeats.tell("away", counts.append)

    assert counts == [1, 1]


def test_kinds_are_told_apart_and_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_repeats, "MAX_KINDS", 2)
    clock = _Clock()
    counts: list[int] = []
    repeats = Repeats(clock)  # type: ignore[arg-type]

    for kind in ("a", "b", "c", "c"):
        repeats.tell(kind, counts.append)

    assert counts == [1, 1, 1, 1]
    assert len(clock.calls) == 2


async def test_an_outage_has_no_trace_and_a_fault_has_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log_repeats._current.clear()
    try:
        raise ConnectionError("the cable")
    except ConnectionError as exc:
        cause = exc
    for _ in range(3):
        log_unavailable(DATABASE_UNAVAILABLE(), "requests", cause, request_id="one")
        log_failure(logging.getLogger("test"), "failed", "it failed", cause)

    texts = [OneLineJson().format(record) for record in caplog.records]
    outage, fault = map(json.loads, texts)
    assert outage.items() >= {
        "level": "ERROR", "action": "database_unavailable", "count": 1, "cause": "the cable",
        "request_id": "one", "who": "requests",
    }.items()  # fmt: skip
    assert "error" not in outage
    assert "ConnectionError: the cable" in fault["error"]


def test_outside_of_a_loop_all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    for _ in range(2):
        log_unavailable(DATABASE_UNAVAILABLE(), "a command")

    assert len(caplog.records) == 2
