"""The limits of a distributor and its lines, and the headers that tell the tightest."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.global_func import (
    SafeSqlor,
    day_bounds,
    month_bounds,
    next_day_start,
    next_month_start,
    now,
    quota_day,
    quota_month,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.rows import Distributor, Link, QuotaPeriod
from pipeline_dist.admission.rate_window import WINDOW_SECONDS, RateWindow
from pipeline_dist.admission.spending import SpendLimit
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.past_counters import Owner, load_past
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.counters import PeriodCounts
from pipeline_ops.rules.limits import PERIODS, Limit

__all__ = ["Limit", "rate_limit_headers", "tightest"]


def quota_key(distributor: Distributor, moment: datetime) -> str | None:
    """Return the quota period that *moment* belongs to for this distributor; None without a
    period."""
    period = distributor.quota_period
    if period == QuotaPeriod.NONE:
        return None
    return quota_day(moment) if period == QuotaPeriod.DAY else quota_month(moment)


def quota_limits(distributor: Distributor, usage: int, moment: datetime) -> list[Limit]:
    """Return the distributor's own quota of calls, if it has one; *usage* of the period of
    *moment*."""
    period = distributor.quota_period
    if period == QuotaPeriod.NONE or distributor.quota_calls is None:
        return []
    resets = next_day_start if period == QuotaPeriod.DAY else next_month_start
    return [
        Limit(
            scope=f"distributor_{period}",
            limit=distributor.quota_calls,
            used=usage,
            resets_at=resets(moment),
        )
    ]


def rate_limits(distributor: Distributor, moment: datetime) -> list[Limit]:
    """Return the distributor's limit of calls a minute, if it has one."""
    maximum = distributor.rate_limit_per_minute
    if maximum is None:
        return []
    return [RateWindow(distributor.rate_window, moment).limit(maximum)]


def key_limits(key: ApiKey | None, moment: datetime) -> list[Limit]:
    """Return the limit of calls a minute that a *key* has of its own, if it has one."""
    if key is None or key.rate_limit_per_minute is None:
        return []
    window = RateWindow(key.rate_window, moment)
    return [window.limit(key.rate_limit_per_minute, scope="key")]


async def count_for_link(
    sor: SafeSqlor, link: Link, moment: datetime, counts: PeriodCounts
) -> None:
    """Put into *counts* how many calls of the line the distributor made on the day and in the month
    of *moment* where the link has no counter of them: of past ones as far as it has a quota."""
    day, month = quota_day(moment), quota_month(moment)
    for key in rules.keys_to_count(link, (day, month)):
        if key not in counts and not rules.is_past(key, link.day_key, link.month_key):
            calls = await ledger.count_calls(
                sor, key, pipeline_id=link.pipeline_id, distributor_id=link.distributor_id
            )
            counts.load(key, calls)
    owner = Owner(link.distributor_id, link.pipeline_id)
    await load_past(sor, owner, rules.past_keys_to_count(link, day, month), counts)


def tightest(limits: Sequence[Limit], moment: datetime) -> Limit | None:
    """Return the limit with the fewest calls left at *moment*; of equal ones that which lasts
    longest. What is left of money is not counted in calls, so that it tells only once none is
    left."""

    best: Limit | None = None
    least: int | Decimal = 0
    last: datetime | None = None
    for limit in limits:
        remaining, ends = limit.limit - limit.used, limit.resets_at
        if limit.scope == "spend":
            if not limit.full:
                continue
            remaining = 0
        if remaining <= 0:
            remaining, ends = 0, limit.room_at(moment)
        # One without an end lasts longest.
        longer = remaining == least and last is not None and (ends is None or ends > last)
        if best is None or remaining < least or longer:
            best, least, last = limit, remaining, ends
    return best


class CountedLimits(Sequence[Limit]):
    """
    Limits by whole numbers, all with an end, of a call that was let in, and of which there is room
    for one more where nobody asks otherwise: as objects only for who wants to see them.

    *terms*: scope, maximum and end of each, in the order of admission; *usage*: how much of each is
    used. *rate*: the limit of calls a minute, if there is one, how many were let in, and the window
    that says when. *spend*: the limit of money, if there is one, and what of it is so now: what is
    spent, or the balance. Something is left of it, so that no header tells of it.
    """

    __slots__ = ("_moment", "_rate", "_spend", "_terms", "_usage")

    def __init__(
        self,
        terms: Sequence[tuple[str, int, datetime]],
        usage: Sequence[int],
        rate: tuple[int, int, bytes] | None,
        spend: tuple[SpendLimit, Decimal] | None,
        moment: datetime,
    ) -> None:
        self._terms = terms
        self._spend = spend
        self._usage = usage
        self._rate = rate
        self._moment = moment

    def __len__(self) -> int:
        return len(self._terms) + (self._rate is not None) + (self._spend is not None)

    def __getitem__(self, index: Any) -> Any:
        limits = [
            Limit(scope=scope, limit=maximum, used=count, resets_at=ends)
            for (scope, maximum, ends), count in zip(self._terms, self._usage, strict=True)
        ]
        if self._spend is not None:
            spend, amount = self._spend
            is_balance = spend.is_balance
            money = replace(spend, limit=amount) if is_balance else replace(spend, used=amount)
            limits.insert(0, money)
        if self._rate is not None:
            maximum, _, window = self._rate
            limits.insert(0, RateWindow(window, self._moment).limit(maximum))
        return limits[index]

    def headers(self, moment: datetime) -> dict[str, str]:
        """Return what `rate_limit_headers` does; mostly the numbers say which is the tightest."""
        best: tuple[str, int, datetime] | None = None
        least = 0
        for terms, count in zip(self._terms, self._usage, strict=True):
            remaining = terms[1] - count
            if best is None or remaining < least or (remaining == least and terms[2] > best[2]):
                best, least = terms, remaining
        # A full one is told by when it has room, and the window by what is in it.
        rate = self._rate
        if best is None or least <= 0 or (rate is not None and rate[0] - rate[1] <= least):
            return rate_limit_headers(list(self), moment)
        scope, maximum, ends = best
        return _headers(scope, maximum, str(least), ends, ends, moment, is_full=False)


def _end(limit: Limit, moment: datetime) -> datetime | None:
    return limit.room_at(moment) if limit.full else limit.resets_at


def rate_limit_headers(limits: Sequence[Limit], moment: datetime | None = None) -> dict[str, str]:
    """
    RateLimit-Limit, -Remaining, -Reset (seconds from *moment*) and -Policy of the tightest limit.

    No headers where nothing limits, no -Reset where a full limit has no time at which there is
    room. A spent limit of money allows 0 calls.
    """
    at = moment or now()
    if isinstance(limits, CountedLimits):
        return limits.headers(at)
    limit = tightest(limits, at)
    if limit is None:
        return {}
    is_full = limit.full
    maximum = 0 if limit.scope == "spend" else limit.limit
    remaining = "0" if is_full else str(limit.remaining)
    return _headers(
        limit.scope, maximum, remaining, limit.resets_at, _end(limit, at), at, is_full=is_full
    )


def _headers(
    scope: str,
    maximum: int | Decimal,
    remaining: str,
    resets_at: datetime | None,
    ends: datetime | None,
    moment: datetime,
    *,
    is_full: bool,
) -> dict[str, str]:
    headers = {
        "RateLimit-Limit": str(maximum),
        "RateLimit-Remaining": remaining,
        "RateLimit-Policy": _policy(scope, maximum, resets_at if scope.endswith(PERIODS) else None),
    }
    if ends is not None:
        seconds = math.ceil((ends - moment).total_seconds())
        headers["RateLimit-Reset"] = str(max(int(is_full), seconds))
    elif not is_full:
        headers["RateLimit-Reset"] = "0"
    return headers


@lru_cache(maxsize=1024)
def _policy(scope: str, maximum: int | Decimal, ends: datetime | None) -> str:
    """Return a limit of *maximum* calls in the style of the IETF's draft; with *ends* one of a
    quota day or month that ends then."""
    terms = ""
    if ends is not None:
        # As long as that period really is: days have 23 to 25 hours.
        last = ends - timedelta(milliseconds=1)
        is_day = scope.endswith("_day")
        start, end = day_bounds(quota_day(last)) if is_day else month_bounds(quota_month(last))
        terms = f";w={round((end - start).total_seconds())}"
    elif scope in ("rate", "key"):
        terms = f";w={WINDOW_SECONDS}"
    elif scope == "concurrency":
        terms = ';qu="concurrent-requests"'
    return f'"{scope}";q={maximum}{terms}'
