"""
Calls per minute: a sliding window, kept in the distributor's own row beside its quota, and in that
of a key with a limit of its own.

So it is shared by all workers and hosts, and locked with the distributor's row. The window counts
in half seconds and reaches back 60 s and the begun half second: never more than the limit within
any 60 s, and room again at most 0.5 s (under 1 %) later than an exact clock would give it.
"""

import struct
from datetime import UTC, datetime, timedelta

from pipeline_ops.rules.limits import Limit

WINDOW_SECONDS = 60
_BUCKET_MS = 500
_BUCKETS = WINDOW_SECONDS * 1000 // _BUCKET_MS + 1
_LAYOUT = struct.Struct(f">q{_BUCKETS}I")


class RateWindow:
    """What was let in during the last minute, as of one moment."""

    __slots__ = ("_counts", "_newest")

    def __init__(self, data: bytes | None, moment: datetime) -> None:
        """Open *data* as `dump` wrote it; None or anything else is an empty window."""
        self._newest = _bucket(moment)
        self._counts = [0] * _BUCKETS
        if data is None or len(data) != _LAYOUT.size:
            return
        newest, *counts = _LAYOUT.unpack(data)
        if newest - self._newest >= _BUCKETS:
            return  # The clock was set back; nothing that old window says is of use.
        # A window a little ahead comes from another host's clock: stay with it.
        self._newest = max(self._newest, newest)
        gone = self._newest - newest
        if gone < _BUCKETS:
            self._counts = [0] * gone + counts[: _BUCKETS - gone]

    @property
    def count(self) -> int:
        """Calls in the window."""
        return sum(self._counts)

    def add(self, count: int = 1) -> None:
        """Count calls that are let in now."""
        self._counts[0] += count

    def dump(self) -> bytes:
        """Return the window as it is stored, 492 bytes."""
        return _LAYOUT.pack(self._newest, *self._counts)

    def limit(self, maximum: int, scope: str = "rate") -> Limit:
        """Return the window as a limit of *maximum* calls; it resets when there is room for one
        more, or, while there is room, when the oldest call leaves it."""
        count = self.count
        excess = max(count - maximum, 0)
        passed = 0
        resets_at = _start(self._newest)
        for age in range(_BUCKETS - 1, -1, -1):
            passed += self._counts[age]
            if passed > excess:
                resets_at = _start(self._newest - age + _BUCKETS)
                break
        return Limit(scope=scope, limit=maximum, used=count, resets_at=resets_at)


def _bucket(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) // _BUCKET_MS


def _start(bucket: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=bucket * _BUCKET_MS)
