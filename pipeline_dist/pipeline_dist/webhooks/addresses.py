"""
Where webhooks may go: to public addresses, by https.

A distributor names the address, and this host can reach what it cannot: neighbours, services on
this machine, a cloud's metadata. So every address that a name resolves to is looked at, and that
very address is connected to: nothing is resolved twice. Redirects are not followed, and no proxy of
the environment is used (`sender.py`).
"""

import errno
import ipaddress
import re
import socket
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from app.global_func import InvalidFields, read_address, settings
from pipeline_dist.webhooks.errors import BAD_WEBHOOK_URL, ODD_WEBHOOK_HOST, PRIVATE_WEBHOOK_URL

MAX_URL = 500
_VISIBLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_ANY_PORT = 443
# What connecting to an address of IPv6 comes to on a host that has none.
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENETUNREACH})
# What ipaddress takes for global, and leads elsewhere: addresses of IPv6 with one of IPv4 inside
# (NAT64, 6to4, Teredo), site-local ones, and those that the IETF keeps for protocols.
_LEADING_ELSEWHERE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10", "::/96",
        "192.0.0.0/24", "192.88.99.0/24",
    )
)  # fmt: skip


class PrivateAddress(OSError):
    """A name resolves to an address that webhooks may not be sent to."""


class NameUnknown(OSError):
    """A name has no address: the failure of who owns it."""


class NoNameserver(OSError):
    """The nameservers of this host do not answer: the failure of this host."""


# An address as it is connected to.
Place = tuple[socket.AddressFamily, str]


class AddressBook(Protocol):
    """Who knows the addresses of names."""

    async def addresses(self, host: str, family: socket.AddressFamily) -> list[Place]:
        """Return the addresses of *host*; raises NameUnknown, and NoNameserver."""


def is_public(text: str) -> bool:
    """Return whether the address that *text* spells is one of the open internet."""
    address = read_address(text)
    if address is None or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if any(address in network for network in _LEADING_ELSEWHERE):
        return False
    return address.is_global


def check_url(url: str) -> None:
    """Raise InvalidFields where webhooks cannot be sent to *url*, as far as it can be told without
    a look-up."""
    parts = _parts(url)
    schemes = ("https", "http") if settings().options.webhooks_allow_private else ("https",)
    if parts is None or parts.scheme not in schemes or parts.username or parts.password:
        raise InvalidFields([BAD_WEBHOOK_URL("url")])
    host = parts.hostname or ""
    if not _is_plain(host):
        raise InvalidFields([ODD_WEBHOOK_HOST("url")])
    if read_address(host) is not None and not is_allowed(host):
        raise InvalidFields([PRIVATE_WEBHOOK_URL("url")])


def is_allowed(address: str) -> bool:
    """Return whether webhooks may be sent to this address: a public one, or the settings allow
    any."""
    return settings().options.webhooks_allow_private or is_public(address)


def _is_plain(host: str) -> bool:
    """
    Return whether *host* is a name, or an address as it is commonly written.

    System calls read more than that as addresses of IPv4: one to four numbers, hexadecimal and
    octal too (`2130706433`, `0x7f.1`). No name ends in a number, so none of them is one.
    """
    if read_address(host) is not None:
        return True
    if not _NAME.fullmatch(host):
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is None


def _parts(url: str) -> SplitResult | None:
    """Return the parts of a URL that a request can be sent to, or None."""
    if len(url) > MAX_URL or not _VISIBLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and port != 0 and not parts.fragment else None


def has_way_to(address: str) -> bool:
    """Return whether this host can send to *address* at all; False alone for one of IPv6 where the
    host has none itself."""
    place = read_address(address)
    if place is None or place.version == 4:
        return True
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _ANY_PORT))  # sends nothing
    except OSError as exc:
        return exc.errno not in _NO_IPV6
    return True


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those with an address that is not public."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of *host*; raises PrivateAddress where one may not be used, and
        OSError where there is none."""
        if not _is_plain(host):
            raise PrivateAddress(f"{host} is no name and no plain address")
        results: list[ResolveResult] = []
        for kind, address in await self._book.addresses(host, family):
            if not is_allowed(address):
                raise PrivateAddress(f"{host} has an address that is not public")
            if not has_way_to(address):
                continue
            results.append(
                ResolveResult(
                    hostname=host, host=address, port=port, family=kind, proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST,
                )
            )  # fmt: skip
        if not results:
            raise NameUnknown(f"{host} has no address that the sending host has a way to")
        return results

    async def close(self) -> None:
        """Nothing is kept."""


def check_host(url: str) -> None:
    """Raise PrivateAddress where *url* names an address itself, which is not looked up, and may not
    be used, or spells its host so that it might be one."""
    host = urlsplit(url).hostname or ""
    if not _is_plain(host):
        raise PrivateAddress(f"{host} is no name and no plain address")
    if read_address(host) is not None and not is_allowed(host):
        raise PrivateAddress(f"{host} is not public")
