"""Whether a distributor may do anything at all."""

from collections.abc import Mapping
from typing import Any

from pipeline_dist.errors import DISTRIBUTOR_SUSPENDED


def check_active(distributor: Mapping[str, Any]) -> None:
    """Raise Forbidden `distributor_suspended` unless the distributor is active."""
    if distributor["status"] != "active":
        raise DISTRIBUTOR_SUSPENDED()
