"""The days that figures are asked for, and the time before that they are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.global_func import OUT_OF_ORDER, FieldRule, InvalidFields, day_bounds, quota_day
from pipeline_ops.errors import PERIOD_TO_COME, PERIOD_TOO_LONG, PERIOD_TOO_OLD
from pipeline_ops.reports.call_filter import Period, period_days

MAX_DAYS = 400
# What is longer has a bar a month.
MAX_DAY_BARS = 92
OLDEST_DAY = date(2000, 1, 1)
_DAY = timedelta(days=1)
_OF_MONTHS = (Period.MONTH, Period.LAST_MONTH)

PERIOD_RULES = {
    "period": FieldRule(kind="str", choices=tuple(name for name in Period if name != Period.ALL)),
    "first_day": FieldRule(kind="date"),
    "last_day": FieldRule(kind="date"),
}


class BarStep(StrEnum):
    """How much time one bar of a chart is of."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Days:
    """The quota days `first` to `last`; where the last has only gone by in part, up to and without
    `until`."""

    first: date
    last: date
    until: datetime | None = None

    @property
    def step(self) -> BarStep:
        """What one bar is of."""
        if self.first == self.last:
            return BarStep.HOUR
        return BarStep.DAY if (self.last - self.first).days < MAX_DAY_BARS else BarStep.MONTH

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When they begin and end."""
        return day_bounds(self.first.isoformat())[0], day_bounds(self.last.isoformat())[1]

    def keys(self) -> list[str]:
        """Return the days, or the months, each of which has a bar."""
        count = (self.last - self.first).days + 1
        days = [(self.first + number * _DAY).isoformat() for number in range(count)]
        if self.step == BarStep.MONTH:
            return sorted({day[:7] for day in days})
        return days


@dataclass(frozen=True, slots=True)
class Comparison:
    """The days that are asked for, and as many before: of months the same days of the month before,
    and of a day that runs its calls up to the same time of day."""

    days: Days
    before: Days


def comparison_of(query: Mapping[str, Any], moment: datetime) -> Comparison:
    """Return what typed parameters mean at *moment*; raises InvalidFields. Days to come are left
    out; by default it is today."""
    today = date.fromisoformat(quota_day(moment))
    period = query["period"] or Period.TODAY
    if query["first_day"] or query["last_day"]:
        period = ""
        first = query["first_day"] or query["last_day"]
        last = query["last_day"] or max(first, today)
    else:
        first, last = map(date.fromisoformat, period_days(period, moment))
    _check(first, last, today)
    days = Days(first, min(last, today))
    return Comparison(days, _before(days, period, today, moment))


def _check(first: date, last: date, today: date) -> None:
    problems = []
    if last < first:
        problems.append(OUT_OF_ORDER("last_day"))
    if first > today:
        problems.append(PERIOD_TO_COME("first_day"))
    if first < OLDEST_DAY:
        problems.append(PERIOD_TOO_OLD("first_day", first=OLDEST_DAY.isoformat()))
    if not problems and (min(last, today) - first).days >= MAX_DAYS:
        problems.append(PERIOD_TOO_LONG("last_day", most=MAX_DAYS))
    if problems:
        raise InvalidFields(problems)


def _before(days: Days, period: str, today: date, moment: datetime) -> Days:
    if period not in _OF_MONTHS:
        length = days.last - days.first + _DAY
        return _cut(Days(days.first - length, days.first - _DAY), days, today, moment)
    end = days.first - _DAY
    first = end.replace(day=1)
    if period == Period.LAST_MONTH or days.last.day > end.day:
        return Days(first, end)
    return _cut(Days(first, end.replace(day=days.last.day)), days, today, moment)


def _cut(before: Days, days: Days, today: date, moment: datetime) -> Days:
    """Return *before* up to the time of day at *moment*, if *days* run."""
    if days.last != today:
        return before
    start, end = day_bounds(before.last.isoformat())
    until = start + (moment - day_bounds(today.isoformat())[0])
    return Days(before.first, before.last, until) if until < end else before
