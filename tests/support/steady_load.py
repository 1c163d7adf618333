"""Clients that ask all the time, and forgive nothing: what fails once is a failure."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Load:
    """What clients met: answers by status, and each failure in words."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    connections: int = 0
    closings: int = 0
    versions: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: int, *, is_new: bool, is_last: bool) -> None:
        """Count one answer, whether its connection was new, and whether it was told to close."""
        with self._lock:
            self.statuses[status] += 1
            self.connections += is_new
            self.closings += is_last

    def fail(self, reason: str) -> None:
        """Note that a request had no answer."""
        with self._lock:
            self.failures.append(reason)


@contextmanager
def steady_load(
    port: int,
    paths: list[str],
    headers: Mapping[str, str],
    *,
    keeping: int = 3,
    calling: int = 2,
    pause: float = 0.005,
) -> Iterator[Load]:
    """Ask for *paths* in turn until the end: *keeping* clients keep their connections as long as
    they may, *calling* ones have another for each request; the *pause* is between two requests."""
    load, end = Load(), threading.Event()
    threads = [
        threading.Thread(
            target=_ask, args=(port, paths, headers, load, end, number < keeping, pause, number)
        )
        for number in range(keeping + calling)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        end.set()
        for thread in threads:
            thread.join(60)


def _ask(
    port: int,
    paths: list[str],
    headers: Mapping[str, str],
    load: Load,
    end: threading.Event,
    keeps: bool,
    pause: float,
    turn: int,
) -> None:
    connection: http.client.HTTPConnection | None = None
    while not end.wait(pause):
        turn += 1
        is_new = connection is None
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", paths[turn % len(paths)], headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as exc:
            load.fail(f"{'new' if is_new else 'kept'} connection: {exc!r}")
            connection.close()
            connection = None
            continue
        is_last = answer.will_close
        load.note(answer.status, is_new=is_new, is_last=is_last)
        if is_last or not keeps:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
