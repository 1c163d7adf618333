"""
What happens to every request of an outage, told once a second with how often it did.

A database that is away fails thousands of requests a second; a line for each, with its traceback,
would fill the disk while nobody looks.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Any

from app.base.errors import AppError
from app.base.logs import log_error

WINDOW_SECONDS = 1.0
# More kinds at the same time are each told at once.
MAX_KINDS = 1000

log = logging.getLogger("pipeline.unavailable")


class Repeats:
    """Events of one event loop, by kind: the first is told at once, the others of its second
    together when that is over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # How many of a kind wait to be told, and how to tell of the last one.
        self._waiting: dict[Hashable, tuple[int, Callable[[int], None]]] = {}

    def tell(self, kind: Hashable, write: Callable[[int], None]) -> None:
        """Count an event of *kind*; *write* is called with how many happened, or a later one's
        is."""
        if kind in self._waiting:
            self._waiting[kind] = (self._waiting[kind][0] + 1, write)
            return
        write(1)
        if len(self._waiting) < MAX_KINDS:
            self._open(kind, write)

    def _open(self, kind: Hashable, write: Callable[[int], None]) -> None:
        self._waiting[kind] = (0, write)
        self.loop.call_later(WINDOW_SECONDS, self._close, kind)

    def _close(self, kind: Hashable) -> None:
        count, write = self._waiting.pop(kind)
        if count:
            write(count)
            self._open(kind, write)


_current: list[Repeats] = []


def tell_repeated(kind: Hashable, write: Callable[[int], None]) -> None:
    """Tell of an event of *kind* by *write*, at most once a second; at once outside of a loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        write(1)
        return
    if not _current or _current[0].loop is not loop:
        _current[:] = [Repeats(loop)]
    _current[0].tell(kind, write)


def log_unavailable(
    error: AppError, who: str, cause: BaseException | None = None, **about: Any
) -> None:
    """
    Log that *who* was refused for a while by what *error* says, such as a database that is away:
    one line a second for each code, with a `count`, and why.
    """
    reason = cause or error.__cause__ or error.__context__

    def write(count: int) -> None:
        log_error(
            log, error.code, str(error), who=who, count=count,
            cause="" if reason is None else str(reason)[:300], **about,
        )  # fmt: skip

    tell_repeated(("unavailable", error.code), write)


def log_failure(
    logger: logging.Logger, action: str, message: str, exc: BaseException, **about: Any
) -> None:
    """Log a fault with its traceback; the same one, of the same place in the code, once a second
    with a `count`."""

    def write(count: int) -> None:
        log_error(logger, action, message, exc_info=exc, count=count, **about)

    tell_repeated((action, *_place(exc)), write)


def _place(exc: BaseException) -> tuple[Any, ...]:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return (type(exc),)
    return type(exc), trace.tb_frame.f_code.co_filename, trace.tb_lineno
