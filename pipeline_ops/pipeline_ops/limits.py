"""Limits that a call meets, and the refusal when one has no room."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import AppError, TooManyRequests, iso

# What a caller is told when nobody can know when there will be room again.
UNKNOWN_WAIT_SECONDS = 60

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
_NOT_SOLD = "The line takes no calls now. Its operator can change that."


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
        left = self.limit - self.used
        return max(left, left - left)

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return self.used >= self.limit

    def public(self) -> dict[str, Any]:
        """For an answer: scope, limit, used, remaining, resets_at."""
        return {
            "scope": self.scope,
            "limit": self.limit,
            "used": self.used,
            "remaining": self.remaining,
            "resets_at": self.resets_at,
        }


def wait_seconds(limit: Limit, moment: datetime) -> int:
    """Whole seconds from *moment* until *limit* has room, at least 1."""
    if limit.resets_at is None:
        return UNKNOWN_WAIT_SECONDS
    return max(1, math.ceil((limit.resets_at - moment).total_seconds()))


def check_room(limits: Sequence[Limit], moment: datetime) -> None:
    """
    Raise TooManyRequests if one of *limits* (in the order of admission) is full.

    The first full one decides the code; of those with this code the one that lasts longest is
    told. `Retry-After` is the time until all of them have room.
    """
    full = [limit for limit in limits if limit.full]
    if full:
        raise refusal(full, moment)


def refusal(full: Sequence[Limit], moment: datetime) -> AppError:
    """The refusal for these *full* limits, in the order of admission."""
    code = _CODES[full[0].scope]
    told = max(
        (limit for limit in full if _CODES[limit.scope] == code),
        key=lambda limit: wait_seconds(limit, moment),
    )
    wait = max(wait_seconds(limit, moment) for limit in full)
    sentence = _SENTENCES[code] if told.resets_at is not None else _NOT_SOLD
    return TooManyRequests(
        code,
        sentence,
        extra={
            "scope": told.scope,
            "limit": told.limit,
            "used": told.used,
            "resets_at": told.resets_at,
        },
        headers={
            "Retry-After": str(wait),
            "RateLimit-Limit": str(told.limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(wait_seconds(told, moment)),
        },
        limit=told.limit,
        when=iso(told.resets_at) if told.resets_at else "",
    )
