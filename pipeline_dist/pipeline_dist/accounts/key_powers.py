"""
That no key gives another more than it has: of whatever a key is limited by, the other is limited by
as much. Who has got hold of a key that ends, or holds from one place only, makes none that goes on.
"""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from pipeline_dist.accounts.api_key import ApiKey, words
from pipeline_dist.accounts.authentication import allowed_networks
from pipeline_dist.errors import BEYOND_OWN_KEY


def check_within(maker: ApiKey, values: Mapping[str, Any]) -> None:
    """Raise Forbidden `beyond_own_key` where a key of *values* could do what *maker* cannot; when
    it ends is for `check_end`."""
    if maker.sandbox and not values.get("sandbox"):
        raise BEYOND_OWN_KEY(what="sandbox")
    scopes = sorted(set(words(values["scopes"])) - set(words(maker.scopes)))
    if scopes:
        raise BEYOND_OWN_KEY(what=", ".join(scopes))
    if maker.pipelines is not None:
        codes = words(values.get("pipelines"))
        beyond = sorted(set(codes) - set(words(maker.pipelines)))
        if beyond or not codes:
            raise BEYOND_OWN_KEY(what=", ".join(beyond) or "pipelines")
    if not _is_from_within(maker.allowed_ips, values.get("allowed_ips")):
        raise BEYOND_OWN_KEY(what="allowed_ips")
    most, rate = maker.rate_limit_per_minute, values.get("rate_limit_per_minute")
    if most is not None and (rate is None or rate > most):
        raise BEYOND_OWN_KEY(what="rate_limit_per_minute")


def check_end(end: datetime | None, latest: datetime | None) -> None:
    """Raise Forbidden `beyond_own_key` for an *end* behind the *latest*; None: never."""
    if latest is not None and (end is None or end > latest):
        raise BEYOND_OWN_KEY(what="expires_at")


def _is_from_within(own: str | None, other: str | None) -> bool:
    """Return whether every address of the column *other* is one of the column *own*."""
    if not own:
        return True
    # Neighbours may be one network to who writes them otherwise.
    networks = allowed_networks(own)
    v4 = list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))
    v6 = list(collapse_addresses(one for one in networks if isinstance(one, IPv6Network)))
    others = allowed_networks(other)
    return bool(others) and all(
        any(one.subnet_of(network) for network in v4)
        if isinstance(one, IPv4Network)
        else any(one.subnet_of(network) for network in v6)
        for one in others
    )
