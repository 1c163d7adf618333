"""
Time: one source of "now", and the turn of quota days and months.

Everything is stored and sent as UTC with milliseconds. Quota days and months turn at midnight
of the configured zone (default Asia/Shanghai), found by calendar arithmetic in that zone, so
daylight-saving days of 23 or 25 hours come out right.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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


def now() -> datetime:
    """The current time, aware, UTC, cut to milliseconds as the database keeps it."""
    moment = _source() if _source is not None else datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def quota_day(moment: datetime) -> str:
    """The quota day of *moment* as `YYYY-MM-DD` in the quota zone."""
    return moment.astimezone(_zone).strftime("%Y-%m-%d")


def quota_month(moment: datetime) -> str:
    """The quota month of *moment* as `YYYY-MM` in the quota zone."""
    return moment.astimezone(_zone).strftime("%Y-%m")


def next_day_start(moment: datetime) -> datetime:
    """When the quota day after *moment*'s begins, in UTC."""
    local = moment.astimezone(_zone)
    day = local.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=_zone).astimezone(UTC)


def next_month_start(moment: datetime) -> datetime:
    """When the quota month after *moment*'s begins, in UTC."""
    local = moment.astimezone(_zone)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=_zone).astimezone(UTC)


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Start and end (exclusive), in UTC, of the quota month `YYYY-MM`; raises ValueError."""
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=_zone)
    return start.astimezone(UTC), next_month_start(start)


def day_bounds(day: str) -> tuple[datetime, datetime]:
    """Start and end (exclusive), in UTC, of the quota day `YYYY-MM-DD`; raises ValueError."""
    start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=_zone)
    return start.astimezone(UTC), next_day_start(start)


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and `Z`."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )
