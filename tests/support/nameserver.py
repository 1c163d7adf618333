"""A nameserver on this machine that answers what a test lets it, or nothing."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

_ROOT = ""
_A, _NS = 1, 2
_ANSWERED, _SERVFAIL, _NXDOMAIN = 0x8180, 0x8182, 0x8183
# Points at the name that was asked for.
_SAME_NAME = b"\xc0\x0c"


@dataclass
class Nameserver(asyncio.DatagramProtocol):
    """Knows `addresses` by name, and who has the root where `knows_root`; says of what is in
    `broken_names` that it cannot tell, nothing of `silent_names`, and nothing at all while
    `is_silent`."""

    addresses: dict[str, str] = field(default_factory=dict)
    knows_root: bool = True
    broken_names: frozenset[str] = frozenset()
    silent_names: frozenset[str] = frozenset()
    is_silent: bool = False
    place: str = ""
    names: list[str] = field(default_factory=list)
    _transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep what answers are sent by."""
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Answer a question, or not."""
        name, kind, question = _question(data)
        self.names.append(name)
        if self.is_silent or name in self.silent_names:
            return
        code, record = self._answer(name, kind)
        head = data[:2] + struct.pack("!HHHHH", code, 1, int(record is not None), 0, 0)
        self._transport.sendto(head + question + (record or b""), address)

    def _answer(self, name: str, kind: int) -> tuple[int, bytes | None]:
        if name == _ROOT:
            return (_ANSWERED, _record(_NS, b"\x01a\x00")) if self.knows_root else (_SERVFAIL, None)
        if name in self.broken_names:
            return _SERVFAIL, None
        if name not in self.addresses:
            return _NXDOMAIN, None
        if kind != _A:
            return _ANSWERED, None
        return _ANSWERED, _record(_A, ipaddress.ip_address(self.addresses[name]).packed)


def _question(data: bytes) -> tuple[str, int, bytes]:
    """Return the name that is asked for, which kind of record, and the bytes that say so."""
    labels, at = [], 12
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode())
        at += 1 + length
    end = at + 5
    return ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3]), data[12:end]


def _record(kind: int, content: bytes) -> bytes:
    return (
        _SAME_NAME
        + struct.pack("!HHIH", kind, 1, 0 if kind == _A else 3600, len(content))
        + content
    )


@asynccontextmanager
async def nameserver() -> AsyncIterator[Nameserver]:
    """Start a nameserver; its `place` is what programs are told."""
    result = Nameserver()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: result, ("127.0.0.1", 0))
    result.place = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    try:
        yield result
    finally:
        transport.close()
