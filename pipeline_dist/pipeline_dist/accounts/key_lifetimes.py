"""How long the secrets of a key live: the present one, and the one before it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any


def end_as_before(current: Mapping[str, Any], moment: datetime) -> datetime | None:
    """Return when a secret that is made now ends that lives as long as the present one was made
    for."""
    end = current["expires_at"]
    return None if end is None else moment + (end - current["made_at"])


def with_end(
    current: Mapping[str, Any], end: datetime | None, moment: datetime
) -> dict[str, datetime | None]:
    """Return what else changes with another *end* of a key: it lives for as long as from now on,
    when it renews itself too, and its secret before ends with it at the latest."""
    previous_end = current["previous_expires_at"]
    if end is not None and previous_end is not None:
        previous_end = min(previous_end, end)
    return {"made_at": moment, "previous_expires_at": previous_end}


def with_grace(current: Mapping[str, Any], moment: datetime, grace_hours: int) -> dict[str, Any]:
    """Return what a key has of its secret until now, which stays valid for *grace_hours*, not
    beyond its own end; with 0 nothing."""
    ends = moment + timedelta(hours=grace_hours)
    if current["expires_at"] is not None:
        ends = min(ends, current["expires_at"])
    # Calls may be ended with a key that has expired, but not with one that went without grace.
    if not grace_hours:
        return {"previous_hash": None, "previous_expires_at": None}
    return {"previous_hash": current["hash"], "previous_expires_at": ends}
