"""
IP addresses and networks as texts, read in one way for the whole application.

An IPv4 address that an IPv6 socket tells as `::ffff:1.2.3.4` is the IPv4 address, and a network of
such addresses the IPv4 network: wherever one is compared, stored or counted, both are one thing.
"""

import ipaddress
import re
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A hop with its port, brackets, zone and quotes is shorter.
MAX_HOP = 100
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# A node of RFC 7239 behind its quotes: [v6], [v6]:port, v4:port. A port may be obfuscated.
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\[\]]+)\]{_PORT}")
_WITH_PORT = re.compile(rf"([0-9.]+){_PORT}")


@lru_cache(maxsize=4096)
def read_address(text: str) -> Address | None:
    """
    Read the address that *text* spells, or None.

    A mapped address is read as its IPv4, and the zone of a link-local one (`%eth0`) is left out:
    no list names zones.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 4:
        return address
    inner = address.ipv4_mapped
    return inner if inner is not None else ipaddress.IPv6Address(int(address))


def read_hop(text: str) -> Address | None:
    """
    Read the address of a hop of X-Forwarded-For, or None for what tells none.

    Taken are an address, `1.2.3.4:51008`, `[2001:db8::1]`, `[2001:db8::1]:443`, each with quotes or
    blanks around it; not `unknown`, `_hidden` (RFC 7239, 6.2 and 6.3) or anything else.
    """
    node = text.strip(" \t")
    if len(node) > MAX_HOP:  # nor kept in the memory of addresses
        return None
    if len(node) > 1 and node[0] == node[-1] == '"':
        node = node[1:-1].strip(" \t")
    if bracketed := _BRACKETED.fullmatch(node):
        return read_address(bracketed[1]) if ":" in bracketed[1] else None
    with_port = _WITH_PORT.fullmatch(node)
    return read_address(with_port[1] if with_port else node)


def read_network(text: str, *, strict: bool = False) -> Network:
    """
    Read the network or single address that *text* spells.

    Raises ValueError for anything else, with *strict* also for one with bits beyond its mask; for
    a zone, which no caller has here; and for a network that holds all mapped addresses and IPv6
    ones beside them, of which nobody could say what it means.
    """
    if "%" in text:
        raise ValueError(text)
    network = ipaddress.ip_network(text, strict=strict)
    if network.version == 4:
        return network
    if network.subnet_of(_MAPPED):
        address = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((int(address), network.prefixlen - _MAPPED.prefixlen))
    if network.prefixlen and network.supernet_of(_MAPPED):
        raise ValueError(text)
    return network
