"""Whether a distributor may do anything at all."""

from enum import StrEnum

from pipeline_dist.errors import DISTRIBUTOR_SUSPENDED


class DistributorStatus(StrEnum):
    """Whether a distributor is served. Rows that are read have the letters, which equal the
    member."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


def check_active(status: DistributorStatus) -> None:
    """Raise Forbidden `distributor_suspended` unless the *status* of a distributor is active."""
    if status != DistributorStatus.ACTIVE:
        raise DISTRIBUTOR_SUSPENDED()
