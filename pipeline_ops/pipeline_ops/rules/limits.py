"""Limits that a call meets, and the refusal when one has no room."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.global_func import AppError, TooManyRequests, iso

# How the scopes of limits end that hold for a quota day or month.
PERIODS = ("_day", "_month")
_CODES = {
    "rate": "rate_limited",
    "distributor_day": "quota_exceeded",
    "distributor_month": "quota_exceeded",
    "link_day": "quota_exceeded",
    "link_month": "quota_exceeded",
    "capacity": "capacity_exceeded",
    "capacity_day": "capacity_exceeded",
    "capacity_month": "capacity_exceeded",
    "concurrency": "concurrency_exceeded",
}

_SENTENCES = {
    "rate_limited": "More than {limit} calls a minute. Slow down; there is room again at {when}.",
    "quota_exceeded": "The quota of {limit} calls is used up. There is room again at {when}.",
    "capacity_exceeded": "The line gives {limit} calls and has none left. Try again at {when}.",
    "concurrency_exceeded": (
        "All {limit} slots of the line are taken. Finish a call first; the next one's time is up"
        " at {when}."
    ),
}
# For limits that no clock gives room again.
_NOT_SOLD = "The line takes no calls now. Its operator can change that."
_NEVER = {
    "quota_exceeded": (
        "The quota of {limit} calls of that time does not come back by itself. The operator can"
        " raise it."
    ),
    "capacity_exceeded": (
        "All {limit} calls that the line gave for that time are taken. Its operator can change"
        " that."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """
    One limit: how much it allows, how much is used, when it has room again.

    `scope`: rate, distributor_day, distributor_month, link_day, link_month, capacity (line
    switched off), capacity_day, capacity_month, concurrency, spend (money, as Decimal).
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
    code = _CODES[full[0].scope]
    limit = max(
        (item for item in full if _CODES[item.scope] == code),
        key=lambda item: item.room_at(moment) or datetime.max.replace(tzinfo=UTC),
    )
    room_at = limit.room_at(moment)
    return TooManyRequests(
        code,
        _SENTENCES[code] if room_at is not None else _sentence_without_end(code, limit),
        extra={
            "scope": limit.scope,
            "limit": limit.limit,
            "used": limit.used,
            "resets_at": room_at,
        },
        headers=retry_header(retry_after(full, moment)),
        limit=limit.limit,
        when=iso(room_at) if room_at else "",
    )


def _sentence_without_end(code: str, limit: Limit) -> str:
    if limit.limit <= 0 and code != "quota_exceeded":
        return _NOT_SOLD
    return _NEVER.get(code, _NOT_SOLD)
