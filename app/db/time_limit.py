"""
How long reading may take: the database itself ends a statement that takes longer.

A reader who has gone, or an answer that was given up, ends nothing in the database; a statement
without a limit would keep its connection, a core and the disk for as long as it likes.
"""

import re
import time
from dataclasses import dataclass
from typing import Any, Self

from app.base.errors import AppError, ErrorCode

_SELECT = re.compile(r"\A\s*select\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """All statements of one use of a connection, together: `seconds`, up to `ends_at`."""

    refusal: ErrorCode
    seconds: int
    ends_at: float

    @classmethod
    def from_now(cls, seconds: int, refusal: ErrorCode) -> Self:
        """Return a limit that begins now; *refusal* names `seconds` in its sentence."""
        return cls(refusal, seconds, time.monotonic() + seconds)

    def bound(self, connection: Any, text: str) -> str:
        """
        Return *text* so that the database ends it when the limit is over.

        Raises the refusal where it is over. MySQL can bound only what begins with
        `select`.
        """
        rest = self.ends_at - time.monotonic()
        if rest < 0.001:  # 0 would be no limit at all
            raise self.error()
        if "MariaDB" in connection.server_version:
            return f"set statement max_statement_time={rest:.3f} for {text}"
        return _SELECT.sub(f"select /*+ max_execution_time({rest * 1000:.0f}) */", text, count=1)

    def error(self) -> AppError:
        """Return the refusal to raise."""
        return self.refusal(seconds=self.seconds)
