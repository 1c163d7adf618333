"""Who asks, and for which site: the caller's address, the host name, the origin of writes."""

from collections.abc import Iterable
from functools import lru_cache

from aiohttp import web

from app.access.api_request import AnyRequest
from app.access.request_context import SETTINGS
from app.base.actor import Actor
from app.base.addresses import Address, read_address, read_hop, read_network
from app.base.catalogue.requests import CROSS_SITE, OTHER_USER, UNKNOWN_HOST
from app.base.origins import read_origin

# The address of a caller whose address could not be told; RFC 7239's word for it. No list of
# networks holds it, and all such callers are one to the counters of failed logins.
UNKNOWN_ADDRESS = "unknown"


class Callers:
    """Where requests really come from: the peer, or what a trusted proxy says."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = [read_network(cidr) for cidr in trusted_proxies]

    def address(self, request: AnyRequest) -> str:
        """
        Return the caller's IP address, or UNKNOWN_ADDRESS.

        X-Forwarded-For is believed only from trusted proxies, hop by hop from the right. What a
        trusted proxy says and nobody can read is nobody's address: never the proxy's.
        """
        remote = request.remote or ""
        # A proxy may add its word as a line of its own, after what the caller made up.
        lines = request.headers.getall("X-Forwarded-For", ()) if self._trusted else ()
        if not lines:
            return _spelling(remote)
        peer = read_address(remote)
        if peer is None or not self._is_trusted(peer):
            return _spelling(remote)
        hops = [hop for hop in ",".join(lines).split(",") if hop.strip()]
        address = None
        for hop in reversed(hops):
            address = read_hop(hop)
            if address is None or not self._is_trusted(address):
                break
        return UNKNOWN_ADDRESS if address is None else str(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


CALLERS = web.AppKey("pipeline.callers", Callers)
# Host names that this server answers to.
ALLOWED_HOSTS = web.AppKey("pipeline.allowed_hosts", frozenset[str])


@lru_cache(maxsize=4096)
def _spelling(remote: str) -> str:
    """Return the one spelling of a peer's address; UNKNOWN_ADDRESS where it has none."""
    address = read_address(remote)
    return UNKNOWN_ADDRESS if address is None else str(address)


def check_host(request: AnyRequest, hosts: frozenset[str]) -> None:
    """Refuse host names that nobody configured: they would end up in links and cookies."""
    if host_name(request.host) not in hosts:
        raise UNKNOWN_HOST()


@lru_cache(maxsize=256)
def host_name(host: str) -> str:
    """Return the name in a Host header or a setting, without its port; IPv6 addresses in
    brackets."""
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def check_page_user(request: AnyRequest, actor: Actor) -> None:
    """
    Refuse what a page sends that another user has opened: one browser has one session, and its
    windows may be older. Pages name their user in the header X-Page-User; programs need not.
    """
    page_user = request.headers.get("X-Page-User")
    if page_user and actor.signed_in and page_user != actor.user_id:
        raise OTHER_USER(who=actor.username, extra={"signed_in_as": actor.username})


def check_origin(request: AnyRequest) -> None:
    """Refuse writes that a browser makes for another site (kernel B4)."""
    if request.method in ("GET", "HEAD"):
        return
    # Programs with a key come from anywhere; a session is believed from our own pages only.
    headers = request.headers
    has_key = headers.get("Authorization", "").strip() or headers.get("X-API-Key", "").strip()
    if has_key and "Cookie" not in headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else False
    if origin is not None and not foreign:
        foreign = not _is_own_site(request, origin)
    if foreign:
        raise CROSS_SITE()


def _is_own_site(request: AnyRequest, text: str) -> bool:
    """
    Return whether the `Origin` header *text* is of our own pages.

    That is what `public_url` says, whatever a proxy made of the Host header. What comes for another
    name of ours (from this machine, of `allowed_hosts`) has to agree with it; other ports of the
    public name are other programs.
    """
    origin = read_origin(text)
    if origin is None:
        return False
    public = request.app[SETTINGS].public_origin
    direct = read_origin(f"{origin.scheme}://{request.host}")
    if public is not None and direct is not None and direct.host == public.host:
        return origin == public
    return origin in (public, direct)
