"""
This host's clock held against the database's, which all hosts share.

A host that is days ahead books into the next month and ends other hosts' calls as overdue. So it
takes no calls (`/readyz`), and what it would do by itself in the background it leaves to others.
"""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from app.base.catalogue.requests import HOST_CLOCK
from app.db.sqlor import SafeSqlor

MAX_OFFSET_SECONDS = 2.0


class Offset(NamedTuple):
    """How many seconds this host is ahead of the database (behind: below 0), give or take
    `uncertainty`, half of the time that the question took."""

    seconds: float
    uncertainty: float

    @property
    def is_too_far(self) -> bool:
        """Whether it is beyond MAX_OFFSET_SECONDS for certain."""
        return abs(self.seconds) - self.uncertainty > MAX_OFFSET_SECONDS


async def clock_offset(sor: SafeSqlor) -> Offset:
    """Measure the offset by one statement that reads no table."""
    start, started_at = time.monotonic(), datetime.now(UTC)
    row = await sor.one("select utc_timestamp(6) as moment", {})
    assert row is not None
    half = (time.monotonic() - start) / 2
    return Offset((started_at - row["moment"].astimezone(UTC)).total_seconds() + half, half)


async def require_right_clock(sor: SafeSqlor) -> None:
    """Raise Unavailable `host_clock` where this host's clock is too far from the database's."""
    offset = await clock_offset(sor)
    if offset.is_too_far:
        raise HOST_CLOCK(seconds=round(offset.seconds, 1), limit=round(MAX_OFFSET_SECONDS))
