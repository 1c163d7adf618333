"""Time zones by name, as pages and files give them."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.base.errors import BadRequest
from app.base.settings import settings


def time_zone(name: str | None, code: str) -> ZoneInfo:
    """Return the zone called *name*, that of quota days by default; raises BadRequest *code*."""
    try:
        return ZoneInfo(name or settings().quota_time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(code, "There is no time zone {name}.", name=str(name)[:64]) from None
