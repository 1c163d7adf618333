"""Limits that a call meets, and the refusal when one has no room."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.global_func import AppError, ErrorCode, Message, iso
from pipeline_ops.errors import (
    CAPACITY_EXCEEDED,
    CAPACITY_OVER,
    CONCURRENCY_EXCEEDED,
    NOT_SOLD,
    QUOTA_EXCEEDED,
    QUOTA_OVER,
    RATE_LIMITED,
)

# How the scopes of limits end that hold for a quota day or month.
PERIODS = ("_day", "_month")
_ENTRIES = {
    "rate": RATE_LIMITED,
    "key": RATE_LIMITED,
    "distributor_day": QUOTA_EXCEEDED,
    "distributor_month": QUOTA_EXCEEDED,
    "link_day": QUOTA_EXCEEDED,
    "link_month": QUOTA_EXCEEDED,
    "capacity": CAPACITY_EXCEEDED,
    "capacity_day": CAPACITY_EXCEEDED,
    "capacity_month": CAPACITY_EXCEEDED,
    "concurrency": CONCURRENCY_EXCEEDED,
}
# For limits that no clock gives room again.
_WITHOUT_END = {QUOTA_EXCEEDED.code: QUOTA_OVER, CAPACITY_EXCEEDED.code: CAPACITY_OVER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """
    One limit: how much it allows, how much is used, when it has room again.

    `scope`: rate, key (calls a minute by one key), distributor_day, distributor_month, link_day,
    link_month, capacity (line switched off), capacity_day, capacity_month, concurrency, spend
    (money, as Decimal; see SpendLimit of pipeline_dist).
    `resets_at` is None where no clock decides.
    """

    scope: str
    limit: int | Decimal
    used: int | Decimal
    resets_at: datetime | None

    @property
    def remaining(self) -> int | Decimal:
        """What is left, never below 0; money with all its decimals."""
        rest = self.limit - self.used
        return max(rest, rest - rest)

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return self.used >= self.limit

    def room_at(self, moment: datetime) -> datetime | None:
        """
        Return when this full limit has room again, as seen at *moment*; None when that is nobody's
        to know or never will be: no clock resets it, it allows nothing at all, or it is the quota
        of a day or month that is over.
        """
        is_over = self.scope.endswith(PERIODS) and (self.resets_at or moment) <= moment
        return None if self.limit <= 0 or is_over else self.resets_at

    def public(self) -> dict[str, Any]:
        """For an answer: scope, limit, used, remaining, resets_at."""
        return {
            "scope": self.scope,
            "limit": self.limit,
            "used": self.used,
            "remaining": self.remaining,
            "resets_at": self.resets_at,
        }


def retry_after(limits: Iterable[Limit], moment: datetime) -> int | None:
    """
    Whole seconds from *moment* until all of *limits* have room, at least 1; None when one of
    them never will by itself.
    """
    ends = [limit.room_at(moment) for limit in limits if limit.full]
    if None in ends:
        return None
    waits = [math.ceil((end - moment).total_seconds()) for end in ends if end is not None]
    return max([1, *waits])


def retry_header(seconds: int | None) -> dict[str, str]:
    """Return `Retry-After`; no header where trying again does not help."""
    return {} if seconds is None else {"Retry-After": str(seconds)}


def check_room(limits: Sequence[Limit], moment: datetime) -> None:
    """
    Raise TooManyRequests if one of *limits* (in the order of admission) is full.

    The first full one decides the code; of those with this code the one that lasts longest is
    told. `Retry-After` is the time until all of them have room; it is left out where there is
    no such time.
    """
    full = [limit for limit in limits if limit.full]
    if full:
        raise refusal(full, moment)


def refusal(full: Sequence[Limit], moment: datetime) -> AppError:
    """Return the refusal for these *full* limits, in the order of admission."""
    entry = _ENTRIES[full[0].scope]
    limit = max(
        (item for item in full if _ENTRIES[item.scope] is entry),
        key=lambda item: item.room_at(moment) or datetime.max.replace(tzinfo=UTC),
    )
    room_at = limit.room_at(moment)
    if room_at is None:
        message = _without_end(entry, limit)
    else:
        message = entry.message(limit=limit.limit, when=iso(room_at))
    return entry(
        message,
        extra={
            "scope": limit.scope,
            "limit": limit.limit,
            "used": limit.used,
            "resets_at": room_at,
        },
        headers=retry_header(retry_after(full, moment)),
    )


def _without_end(entry: ErrorCode, limit: Limit) -> Message:
    if limit.limit <= 0 and entry is not QUOTA_EXCEEDED:
        return NOT_SOLD.message()
    return _WITHOUT_END.get(entry.code, NOT_SOLD).message(limit=limit.limit)
