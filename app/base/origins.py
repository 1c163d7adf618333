"""Origins of web addresses: scheme, host and port, in one spelling."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What a browser means by one site (RFC 6454). The host is in lower case and ASCII."""

    scheme: str
    host: str
    port: int


@lru_cache(maxsize=256)
def read_origin(text: str) -> Origin | None:
    """
    Read the origin of the address or `Origin` header *text*; None for what has none.

    A port that is left out is the scheme's own, and a host name is spelt as it goes over the wire
    (`产线.example` as `xn--wlq758i.example`), so that two spellings of a site are one.
    """
    try:
        parts = urlsplit(text)
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        host = (parts.hostname or "").encode("idna" if not text.isascii() else "ascii").decode()
    except (ValueError, KeyError):
        return None
    has_user = "@" in parts.netloc  # which no browser puts into an origin, and no Host has
    return Origin(parts.scheme, host.lower(), port) if host and not has_user else None
