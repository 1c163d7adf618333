"""The limits of a distributor and its lines, and the headers that tell the tightest."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import (
    Row,
    SafeSqlor,
    next_day_start,
    next_month_start,
    now,
    quota_day,
    quota_month,
)
from pipeline_dist.rate_limit import RateWindow
from pipeline_ops import capacity as rules
from pipeline_ops import ledger
from pipeline_ops.calls import Capacity, open_capacity
from pipeline_ops.limits import Limit, wait_seconds

__all__ = ["Limit", "limits_of", "rate_limit_headers", "tightest", "wait_seconds"]


def quota_key(distributor: Mapping[str, Any], moment: datetime) -> str | None:
    """The quota period that *moment* belongs to for this distributor; None without a period."""
    period = distributor["quota_period"]
    if period == "none":
        return None
    return quota_day(moment) if period == "day" else quota_month(moment)


def quota_limits(distributor: Mapping[str, Any], used: int, moment: datetime) -> list[Limit]:
    """The distributor's own quota of calls, if it has one; *used* of the period of *moment*."""
    period = distributor["quota_period"]
    if period == "none" or distributor["quota_calls"] is None:
        return []
    resets = next_day_start if period == "day" else next_month_start
    return [
        Limit(
            scope=f"distributor_{period}",
            limit=distributor["quota_calls"],
            used=used,
            resets_at=resets(moment),
        )
    ]


def spend_limits(distributor: Mapping[str, Any]) -> list[Limit]:
    """The distributor's limit of money, if it has one; it is for life, so no clock resets it."""
    if distributor["spend_limit"] is None:
        return []
    return [
        Limit(
            scope="spend",
            limit=distributor["spend_limit"],
            used=distributor["spend_used"],
            resets_at=None,
        )
    ]


def rate_limits(distributor: Mapping[str, Any], moment: datetime) -> list[Limit]:
    """The distributor's limit of calls a minute, if it has one."""
    allowed = distributor["rate_limit_per_minute"]
    if allowed is None:
        return []
    return [RateWindow(distributor["rate_window"], moment).limit(allowed)]


async def limits_of(
    sor: SafeSqlor,
    distributor: Mapping[str, Any],
    link: Mapping[str, Any] | None = None,
    capacity: Mapping[str, Any] | None = None,
    moment: datetime | None = None,
    *,
    slot: bool = True,
) -> list[Limit]:
    """
    The limits that apply to a distributor (with *link* and *capacity*: to its calls of one
    line, which with *slot* take one), as they stand, for a look: nothing is locked or changed. In
    the order of admission.
    """
    at = moment or now()
    found = rate_limits(distributor, at) + spend_limits(distributor)
    key = quota_key(distributor, at)
    if key is not None:
        used = distributor["quota_used"]
        if distributor["quota_key"] != key:
            used = await ledger.count_calls(sor, key, distributor_id=distributor["id"])
        found += quota_limits(distributor, used, at)
    if link is not None:
        found += await _link_limits(sor, link, at)
    if capacity is not None:
        look = Capacity(pipeline_id=capacity["pipeline_id"], row=Row(capacity), counted={})
        await open_capacity(sor, look, at, slot=slot, expire=False)
        found += look.limits(at, slot=slot)
    return found


async def _link_limits(sor: SafeSqlor, link: Mapping[str, Any], moment: datetime) -> list[Limit]:
    counted: dict[str, int] = {}
    await count_for_link(sor, link, moment, counted)
    day, month = quota_day(moment), quota_month(moment)
    return rules.period_limits(link, "link", day, month, moment, counted)


async def count_for_link(
    sor: SafeSqlor, link: Mapping[str, Any], moment: datetime, counted: dict[str, int]
) -> None:
    """Put into *counted* what the ledger says of the distributor's calls of the line, for the
    day and month of *moment* where the link has no counter of them."""
    for key in rules.keys_to_count(link, (quota_day(moment), quota_month(moment))):
        if key not in counted:
            counted[key] = await ledger.count_calls(
                sor, key, pipeline_id=link["pipeline_id"], distributor_id=link["distributor_id"]
            )


def tightest(limits: Sequence[Limit]) -> Limit | None:
    """The limit with the fewest calls left; of equal ones that which lasts longest. Money is
    not counted in calls and left out."""
    counting = [limit for limit in limits if limit.scope != "spend"]
    return min(
        counting,
        key=lambda limit: (
            limit.remaining,
            -limit.resets_at.timestamp() if limit.resets_at else -math.inf,
        ),
        default=None,
    )


def rate_limit_headers(limits: Sequence[Limit], moment: datetime | None = None) -> dict[str, str]:
    """RateLimit-Limit, -Remaining and -Reset (seconds from *moment*) of the tightest limit; no
    headers where nothing limits."""
    limit = tightest(limits)
    if limit is None:
        return {}
    at = moment or now()
    seconds = (limit.resets_at - at).total_seconds() if limit.resets_at else 0
    return {
        "RateLimit-Limit": str(limit.limit),
        "RateLimit-Remaining": str(limit.remaining),
        "RateLimit-Reset": str(max(0, math.ceil(seconds))),
    }
