"""
Tells in the log when the event loop stood still.

A worker answers all its requests in one thread: a call that blocks it keeps everybody waiting
(kernel D6). Time in which the machine had no processor for us is not counted.
"""

import asyncio
import logging
import os
import time
from contextlib import ExitStack

from app.base.logs import log_warning
from app.base.metrics import Counter, Histogram

log = logging.getLogger("pipeline.watchdog")

LOOK_EVERY_SECONDS = 0.05
TOLD_FROM_SECONDS = 0.1
_STEAL_SECONDS = 0.25
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


_lag = Histogram(
    "pipeline_loop_lag_seconds",
    "How much later than asked for the event loop went on, looked at twenty times a second",
)
_stops = Counter(
    "pipeline_loop_blocked", "Times that the event loop stood still for 100 ms or more"
)


async def watch_loop(stop: asyncio.Event) -> None:
    """Log a warning for each time the loop was blocked for 100 ms or more, until *stop* is set."""
    observe_lag = _lag.child().observe
    with StolenTime() as elsewhere:
        while not stop.is_set():
            began_at = time.monotonic()
            elsewhere.begin(began_at)
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            pause = time.monotonic() - began_at - LOOK_EVERY_SECONDS
            observe_lag(max(pause, 0.0))
            if pause >= TOLD_FROM_SECONDS:
                pause -= elsewhere.seconds()
            if pause >= TOLD_FROM_SECONDS:
                _stops.add()
                log_warning(
                    log,
                    "loop_blocked",
                    "the event loop stood still",
                    seconds=round(pause, 3),
                )


class StolenTime:
    """
    How long the processors were with others while this thread was ready to run: with other
    threads, as the scheduler counts it for each, and with other machines on the same hardware,
    as a virtual one is told for all of its processors. 0 where Linux does not say.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._queue = self._file("/proc/thread-self/schedstat")
        self._machine = self._file("/proc/stat")
        self._queued_before = self._stolen_before = 0.0
        self._stolen_at = 0.0

    def begin(self, moment: float) -> None:
        """Count from now on. What the machine lost is looked at less often, since that costs more
        where there are many processors: from up to a quarter of a second ago."""
        self._queued_before = self._queued()
        if moment - self._stolen_at >= _STEAL_SECONDS:
            self._stolen_before, self._stolen_at = self._stolen(), moment

    def seconds(self) -> float:
        """Return what was lost since `begin`."""
        return self._queued() - self._queued_before + self._stolen() - self._stolen_before

    def _queued(self) -> float:
        return self._number(self._queue, 1) / 1e9

    def _stolen(self) -> float:
        # "cpu  user nice system idle iowait irq softirq steal ..."
        return self._number(self._machine, 8) / _TICKS_PER_SECOND

    def _file(self, path: str) -> int | None:
        try:
            number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        self._open.callback(os.close, number)
        return number

    @staticmethod
    def _number(file: int | None, position: int) -> int:
        try:
            return int(os.pread(file, 200, 0).split()[position]) if file is not None else 0
        except (OSError, ValueError, IndexError):
            return 0

    def __enter__(self) -> "StolenTime":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
