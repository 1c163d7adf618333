"""
Time: one source of "now", and the turn of quota days and months.

Everything is stored and sent as UTC with milliseconds. Quota days and months turn at midnight
of the configured zone (default Asia/Shanghai), found by calendar arithmetic in that zone, so
daylight-saving days of 23 or 25 hours come out right.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_source: Callable[[], datetime] | None = None
_zone = ZoneInfo("Asia/Shanghai")


def set_source(source: Callable[[], datetime] | None) -> None:
    """Take "now" from *source* (None: the machine's clock). For tests and for replaying."""
    global _source  # noqa: PLW0603  one clock a process is the point
    _source = source


def set_zone(name: str) -> None:
    """Set the zone whose midnight turns quota days; raises ZoneInfoNotFoundError."""
    global _zone  # noqa: PLW0603
    _zone = ZoneInfo(name)
    _period.cache_clear()


def zone_name() -> str:
    """Return the name of the quota zone, such as `Asia/Shanghai`."""
    return _zone.key


def zone_offset(moment: datetime) -> timedelta:
    """Return how far the quota zone is ahead of UTC at *moment*."""
    return moment.astimezone(_zone).utcoffset() or timedelta(0)


def now() -> datetime:
    """Return the current time, aware, UTC, cut to milliseconds as the database keeps it."""
    moment = _source() if _source is not None else datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def quota_day(moment: datetime) -> str:
    """Return the quota day of *moment* as `YYYY-MM-DD` in the quota zone."""
    return _period_of(moment)[0]


def quota_month(moment: datetime) -> str:
    """Return the quota month of *moment* as `YYYY-MM` in the quota zone."""
    return _period_of(moment)[1]


def next_day_start(moment: datetime) -> datetime:
    """Return when the quota day after *moment*'s begins, in UTC."""
    return _period_of(moment)[2]


def next_month_start(moment: datetime) -> datetime:
    """Return when the quota month after *moment*'s begins, in UTC."""
    return _period_of(moment)[3]


def _period_of(moment: datetime) -> tuple[str, str, datetime, datetime]:
    # No zone has changed its offset, or had one, within a second.
    return _period(moment.astimezone(UTC).replace(microsecond=0))


@lru_cache(maxsize=256)
def _period(moment: datetime) -> tuple[str, str, datetime, datetime]:
    """Quota day and month of *moment* (UTC) and the start of the next of each: asked many times
    of one moment, and always in UTC, since equal local times of a night may differ by an hour."""
    local = moment.astimezone(_zone)
    tomorrow = local.date() + timedelta(days=1)
    next_year, next_month = divmod(local.year * 12 + local.month, 12)
    return (
        local.strftime("%Y-%m-%d"),
        local.strftime("%Y-%m"),
        datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=_zone).astimezone(UTC),
        datetime(next_year, next_month + 1, 1, tzinfo=_zone).astimezone(UTC),
    )


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Start and end (exclusive), in UTC, of the quota month `YYYY-MM`; raises ValueError, also
    where one of them is beyond the years that dates can have."""
    return _bounds(month, _MONTH, "%Y-%m", next_month_start)


def day_bounds(day: str) -> tuple[datetime, datetime]:
    """Start and end (exclusive), in UTC, of the quota day `YYYY-MM-DD`; raises ValueError, also
    where one of them is beyond the years that dates can have."""
    return _bounds(day, _DAY, "%Y-%m-%d", next_day_start)


def _bounds(
    text: str, shape: re.Pattern[str], form: str, following: Callable[[datetime], datetime]
) -> tuple[datetime, datetime]:
    # strptime alone takes "2026-1", which is no key of anything, and digits of other scripts.
    if not shape.fullmatch(text):
        raise ValueError(f"{text!r} is not of the form {form}")
    try:
        start = datetime.strptime(text, form).replace(tzinfo=_zone)
        return start.astimezone(UTC), following(start)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is at an end of the calendar") from exc


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and `Z`."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
