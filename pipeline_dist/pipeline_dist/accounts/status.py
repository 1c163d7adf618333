"""Whether a distributor may do anything at all."""

from collections.abc import Mapping
from typing import Any

from app.global_func import Forbidden


def check_active(distributor: Mapping[str, Any]) -> None:
    """Raise Forbidden `distributor_suspended` unless the distributor is active."""
    if distributor["status"] != "active":
        raise Forbidden(
            "distributor_suspended",
            "This distributor is suspended or closed. Ask the operator to activate it.",
        )
