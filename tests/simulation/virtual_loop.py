"""An event loop whose time passes at once: it is as late as the next timer says."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class Stuck(Exception):
    """Somebody waits, and nothing will ever happen any more."""


class _NoWait(selectors.BaseSelector):
    """Selects nothing; where the loop would wait, its time moves on."""

    def __init__(self) -> None:
        self.time = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, _number(fileobj), events, data)
        self._keys[key.fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(_number(fileobj))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("everybody waits")
        self.time += timeout
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {key.fileobj: key for key in self._keys.values()}


def _number(file: Any) -> int:
    return file if isinstance(file, int) else int(file.fileno())


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop of one run, at second 0."""

    def __init__(self) -> None:
        self._no_wait = _NoWait()
        super().__init__(self._no_wait)

    def time(self) -> float:
        """Return the seconds since the run began."""
        return self._no_wait.time
