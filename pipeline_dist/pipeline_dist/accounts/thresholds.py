"""
Which thresholds of its limits a distributor reaches: 80 and 100 % of quotas and of money.

Asked with the counters as they were and as they are, of rows that a transaction changes; nearly
always the answer is that none is reached, found by whole numbers. Once for each limit and period,
also where calls are given back and made again: the event's subject says which.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import (
    SafeSqlor,
    day_bounds,
    month_bounds,
    now,
    quota_day,
    quota_month,
)
from pipeline_dist.accounts.rows import BillingMode, Distributor, Link
from pipeline_dist.events.kinds import EventType, NewEvent

# Percent of a limit that are told.
THRESHOLDS = (80, 100)
_FIRST = THRESHOLDS[0]


@dataclass(frozen=True, slots=True)
class Count:
    """A counter of one period, as it was and as it is, and what it may come to."""

    scope: str
    limit: int | Decimal
    key: str | None
    before: int | Decimal
    after: int | Decimal

    @property
    def is_near(self) -> bool:
        """Whether any threshold is reached, now or before: what most are not."""
        return self.after * 100 >= self.limit * _FIRST and self.after > self.before

    def reached(self) -> Iterator[int]:
        """Yield the thresholds, in percent, that are reached now and were not before."""
        for percent in THRESHOLDS:
            if self.before * 100 < self.limit * percent <= self.after * 100:
                yield percent


def distributor_events(before: tuple[Any, ...], row: Distributor) -> list[NewEvent]:
    """Return the thresholds that a distributor's row reaches; *before*: quota_key, quota_used,
    spend_key, spend_used, spend_reserved and balance, as they were."""
    quota_key, quota_used, key, spending, _, balance = before[:6]
    events: list[NewEvent] = []
    if row.quota_calls is not None and row.quota_used != quota_used:
        earlier = quota_used if quota_key == row.quota_key else 0
        scope = f"distributor_{row.quota_period}"
        count = Count(scope, row.quota_calls, row.quota_key, earlier, row.quota_used)
        if count.is_near:
            events += _quota_events(row.id, count, None)
    if row.billing_mode == BillingMode.PREPAID:
        if row.balance < balance:
            events += _balance_events(row, balance)
    elif row.spend_limit is not None and row.spend_used != spending:
        earlier_spending = spending if key == row.spend_key else Decimal(0)
        count = Count("spend", row.spend_limit, row.spend_key, earlier_spending, row.spend_used)
        if count.is_near:
            events += _spend_events(row, count)
    return events


def link_events(before: tuple[Any, ...], link: Link) -> list[NewEvent]:
    """Return the thresholds that a link's row reaches; *before*: day_key, day_used, month_key and
    month_used, as they were."""
    day_key, day_used, month_key, month_used = before
    events: list[NewEvent] = []
    if link.daily_quota is not None:
        earlier = day_used if day_key == link.day_key else 0
        count = Count("link_day", link.daily_quota, link.day_key, earlier, link.day_used)
        if count.is_near:
            events += _quota_events(link.distributor_id, count, link.pipeline_id)
    if link.monthly_quota is not None:
        earlier = month_used if month_key == link.month_key else 0
        count = Count("link_month", link.monthly_quota, link.month_key, earlier, link.month_used)
        if count.is_near:
            events += _quota_events(link.distributor_id, count, link.pipeline_id)
    return events


def events_of_limits(row: Distributor) -> list[NewEvent]:
    """Return the thresholds at which a distributor is, now that its limits are others."""
    current_keys = _current_keys()
    before = (
        row.quota_key, 0 if row.quota_key in current_keys else row.quota_used,
        row.spend_key, Decimal(0) if row.spend_key in current_keys else row.spend_used,
        row.spend_reserved, row.balance,
    )  # fmt: skip
    return distributor_events(before, row)


def events_of_link_limits(link: Link) -> list[NewEvent]:
    """Return the thresholds at which a link is, now that its limits are others."""
    current_keys = _current_keys()
    before = (
        link.day_key, 0 if link.day_key in current_keys else link.day_used,
        link.month_key, 0 if link.month_key in current_keys else link.month_used,
    )  # fmt: skip
    return link_events(before, link)


def _current_keys() -> tuple[str | None, ...]:
    """Return what the periods are called that run, also one without an end."""
    moment = now()
    return quota_day(moment), quota_month(moment), None


async def name_pipelines(sor: SafeSqlor, events: list[NewEvent]) -> list[NewEvent]:
    """Return *events* with the codes of the pipelines that they name by their ids."""
    ids = {event.data["pipeline"] for event in events if event.data.get("pipeline") is not None}
    if not ids:
        return events
    text = "select id, code from pipelines where id in ${ids}$"
    codes: dict[str, str] = dict(await sor.tuples(text, {"ids": sorted(ids)}))
    return [_with_code(event, codes) for event in events]


def _with_code(event: NewEvent, codes: Mapping[str, str]) -> NewEvent:
    pipeline_id = event.data.get("pipeline")
    if pipeline_id is None:
        return event
    return replace(event, data={**event.data, "pipeline": codes.get(pipeline_id, "")})


def _quota_events(distributor_id: str, count: Count, pipeline_id: str | None) -> Iterator[NewEvent]:
    for percent in count.reached():
        # Another limit is another threshold, also within the period.
        subject = f"{count.scope}:{pipeline_id or ''}:{count.key}:{count.limit}:{percent}"
        data = {
            "scope": count.scope,
            "pipeline": pipeline_id,
            "percent": percent,
            "limit": count.limit,
            "used": count.after,
            "period": count.key,
            "resets_at": _end(count.key),
        }
        yield NewEvent(distributor_id, EventType.QUOTA_THRESHOLD, subject, data)


def _spend_events(row: Distributor, count: Count) -> Iterator[NewEvent]:
    for percent in count.reached():
        subject = f"{count.key}:{count.limit}:{percent}"
        data = {
            "percent": percent,
            "limit": count.limit,
            "used": count.after,
            "currency": row.currency,
            "period": count.key,
            "resets_at": _end(count.key),
        }
        yield NewEvent(row.id, EventType.SPEND_THRESHOLD, subject, data)


def _balance_events(row: Distributor, before: Decimal) -> Iterator[NewEvent]:
    """Yield the thresholds of what was there after the last top-up; without one only that nothing
    is left."""
    base = row.balance_base or Decimal(0)
    for percent in THRESHOLDS:
        rest = base * (100 - percent) / 100
        if row.balance <= rest < before and (base > 0 or percent == THRESHOLDS[-1]):
            data = {
                "percent": percent,
                "balance": row.balance,
                "balance_after_topup": row.balance_base,
                "currency": row.currency,
            }
            subject = f"{row.balance_base_no or 0}:{percent}"
            yield NewEvent(row.id, EventType.BALANCE_THRESHOLD, subject, data)


def _end(key: str | None) -> datetime | None:
    """Return when the quota day or month *key* ends."""
    if key is None:
        return None
    return (month_bounds if len(key) == len("2026-11") else day_bounds)(key)[1]
