"""What is told of a key: all but its secrets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline_dist.accounts.api_key import words

_SHOWN = ("id", "name", "prefix", "scopes", "rate_limit_per_minute", "pipelines", "allowed_ips")


def key_view(row: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """Return a row of app_key as it is told at *moment*."""
    previous_end = row["previous_expires_at"]
    in_grace = row["previous_hash"] is not None and previous_end and previous_end > moment
    lists = {name: words(row[name]) for name in ("scopes", "pipelines", "allowed_ips")}
    return {
        **{name: row[name] for name in _SHOWN},
        **lists,
        "pipelines": lists["pipelines"] or None,
        "expires_at": row["expires_at"],
        "previous_expires_at": previous_end if in_grace else None,
        "sandbox": bool(row["sandbox"]),
        "last_used_at": row["last_used_at"],
        "last_used_ip": row["last_used_ip"],
        "created_at": row["created_at"],
        "revoked_at": row["revoked_at"],
    }
