"""
How long reading may take: the database itself ends a statement that takes longer.

A reader who has gone, or an answer that was given up, ends nothing in the database; a statement
without a limit would keep its connection, a core and the disk for as long as it likes.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from app.base.errors import AppError, ErrorCode

_SELECT = re.compile(r"\A\s*select\b", re.IGNORECASE)


@dataclass(slots=True)
class TimeLimit:
    """The time that all statements of one use of a connection may take together: `seconds`, of
    which `rest` is left. What is done between them does not count."""

    refusal: ErrorCode
    seconds: int
    rest: float

    @classmethod
    def of(cls, seconds: int, refusal: ErrorCode) -> Self:
        """Return a limit of which nothing is used yet; *refusal* names `seconds` in its
        sentence."""
        return cls(refusal, seconds, seconds)

    def bound(self, connection: Any, text: str) -> str:
        """
        Return *text* so that the database ends it when the limit is over.

        Raises the refusal where it is over. MySQL can bound only what begins with `select`.
        """
        if self.rest < 0.001:  # 0 would be no limit at all
            raise self.error()
        if "MariaDB" in connection.server_version:
            return f"set statement max_statement_time={self.rest:.3f} for {text}"
        hint = f"select /*+ max_execution_time({self.rest * 1000:.0f}) */"
        return _SELECT.sub(hint, text, count=1)

    @contextmanager
    def count(self) -> Iterator[None]:
        """Take the time that the block takes off the rest."""
        started_at = time.monotonic()
        try:
            yield
        finally:
            self.rest -= time.monotonic() - started_at

    def error(self) -> AppError:
        """Return the refusal to raise."""
        return self.refusal(seconds=self.seconds)
