"""
What every request passes first and every answer last: one middleware.

Order: request id, caller's address, host name, path in its one spelling, session, right to the
path and to the file behind it, origin of writes, parameters (app/body.py); then the handler; then
errors into answers and security headers. Replaces ahserver's four middlewares.
"""

import ipaddress
import itertools
import re
import secrets
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from aiohttp import web

from app.actor import Actor
from app.answers import USUAL_HEADERS, is_page
from app.errors import BadRequest, Forbidden
from app.messages import pick_language

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_LANGUAGE_HEADER = "Accept-Language"
# The addresses of the distributor API in any version, one that is not there included.
_API_FOLDER = re.compile(r"/pipeline_dist/v[0-9]+(?:/|$)")


class Callers:
    """Where requests really come from: the peer, or what a trusted proxy says."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(cidr) for cidr in trusted_proxies]

    def address(self, request: web.Request) -> str:
        """The caller's IP address; X-Forwarded-For is believed only from trusted proxies."""
        peer = _unmapped(request.remote or "")
        if not self._trusted or not self._is_trusted(peer):
            return peer
        # A proxy may add its word as a line of its own, after what the caller made up.
        said = ",".join(request.headers.getall("X-Forwarded-For", ()))
        hops = [_unmapped(hop.strip()) for hop in said.split(",")]
        for hop in reversed([hop for hop in hops if hop]):
            if not self._is_trusted(hop):
                return hop if _is_address(hop) else peer
        return peer

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self._trusted)


def _unmapped(address: str) -> str:
    """*address*, an IPv4 one as such where a socket for both kinds tells it as `::ffff:1.2.3.4`."""
    if not address.lower().startswith("::ffff:"):
        return address
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return address if mapped is None else str(mapped)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# Random per process, counted within it: unique, and cheaper than random bytes for each request.
_PROCESS_ID = secrets.token_hex(5)
_request_numbers = itertools.count(1)


def own_request_id(request: web.BaseRequest) -> str:
    """The caller's X-Request-Id when it is well-formed, else a new one."""
    given = request.headers.get("X-Request-Id")
    if given is not None and _REQUEST_ID.match(given):
        return given
    return f"{_PROCESS_ID}{next(_request_numbers):08x}"


def language(request: web.Request) -> str:
    """
    `_lang` of the query, else Accept-Language; pages without either are Chinese, but what programs
    ask for is English, whatever they accept.
    """
    wanted, asked_by_page = None, False
    if request.query_string:
        wanted = request.query.get("_lang")
        asked_by_page = "_webbricks_" in request.query
    is_page_read = wants_page(request) and not is_for_programs(request)
    default = "zh" if asked_by_page or is_page_read else "en"
    return pick_language(wanted or request.headers.get(_LANGUAGE_HEADER), default)


def wants_page(request: web.Request) -> bool:
    """Whether a browser was sent here by its user (not by a script of a page)."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def is_for_programs(request: web.Request) -> bool:
    """Whether the address is of the distributor API, which programs ask with a key."""
    return _API_FOLDER.match(request.path) is not None


def check_host(request: web.Request, allowed: frozenset[str]) -> None:
    """Refuse host names that nobody configured: they would end up in links and cookies."""
    if _host_name(request.host) not in allowed:
        raise BadRequest(
            "unknown_host",
            "This server does not answer to the host name in the request. Its operator can add it"
            " to pipeline.allowed_hosts in conf/config.json.",
        )


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def check_origin(request: web.Request) -> None:
    """Refuse writes that a browser makes for another site (kernel B4)."""
    if request.method in ("GET", "HEAD"):
        return
    # Programs with a key come from anywhere; a session is believed from our own pages only.
    headers = request.headers
    if ("Authorization" in headers or "X-API-Key" in headers) and "Cookie" not in headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else False
    if origin is not None and not foreign:
        foreign = urlsplit(origin).netloc.lower() != request.host.lower()
    if foreign:
        raise Forbidden(
            "cross_site", "The request comes from another site. Open this site and try again there."
        )


def with_context(actor: Actor, request: web.Request) -> Actor:
    """*actor* with what this request adds: address, request id, language."""
    return Actor(
        actor.user_id,
        actor.username,
        actor.org_id,
        actor.roles,
        request["client_ip"],
        request["request_id"],
        request["lang"],
    )


def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on that every answer has."""
    headers = response.headers
    headers["X-Request-Id"] = request["request_id"]
    if "Referrer-Policy" in headers:
        return  # made by json_response, which starts with all of them
    for name, value in USUAL_HEADERS.items():
        if name not in headers:
            headers[name] = value


__all__ = [
    "Callers",
    "check_host",
    "check_origin",
    "finish",
    "is_for_programs",
    "is_page",
    "language",
    "own_request_id",
    "wants_page",
    "with_context",
]
