"""Time zones by name, as pages and files give them."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.base.catalogue.records import BAD_ZONE
from app.base.errors import ErrorCode
from app.base.settings import settings


def time_zone(name: str | None, entry: ErrorCode = BAD_ZONE) -> ZoneInfo:
    """Return the zone called *name*, that of quota days by default; raises BadRequest *entry*."""
    try:
        return ZoneInfo(name or settings().quota_time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise entry(BAD_ZONE.message(name=str(name)[:64])) from None
