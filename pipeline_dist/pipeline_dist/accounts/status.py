"""Whether a distributor may do anything at all."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.global_func import Forbidden


class DistributorStatus(StrEnum):
    """Whether a distributor is served. Rows that are read have the letters, which equal the
    member."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


def check_active(distributor: Mapping[str, Any]) -> None:
    """Raise Forbidden `distributor_suspended` unless the distributor is active."""
    if distributor["status"] != DistributorStatus.ACTIVE:
        raise Forbidden(
            "distributor_suspended",
            "This distributor is suspended or closed. Ask the operator to activate it.",
        )
