"""
What comes on a connection, cut into the packets of the protocol.

aiomysql awaits each packet twice; here all that has come is cut at once. A long row comes in more
than a hundred parts: they are counted as they come and joined once, when the last of them is there.
"""

import asyncio
from typing import Any

import aiomysql
from pymysql.constants import CR

_READ_BATCH_SIZE = 1 << 18
# A packet of this length is followed by more of the same.
_MAX_LENGTH = 0xFFFFFF
_HEAD_SIZE = 4


class PacketReader:
    """The packets of one answer on *connection*. Whoever reads lets others on between two parts:
    they are taken as they have come, and the next one comes in a later turn of the loop."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        # What has come of a packet that is not whole, and how many bytes of it are to come; or of
        # its head, before it is known how long the packet is.
        self._parts: list[bytes] = []
        self._missing = 0
        self._head = b""
        # The beginning of what is longer than a packet can be.
        self._pieces: list[bytes] = []

    async def some(self) -> list[bytes]:
        """Return the packets that have come, one at least; raises aiomysql.OperationalError where
        the connection is lost, and closes it then."""
        while True:
            data = await read_some(self._connection)
            if len(data) < self._missing:
                self._parts.append(data)
                self._missing -= len(data)
            elif packets := self._cut(data):
                return packets

    def _cut(self, data: bytes) -> list[bytes]:
        """Return the packets that end in *data*."""
        packets: list[bytes] = []
        start = self._missing
        if start:
            self._take(b"".join([*self._parts, data[:start]]), packets)
            self._parts, self._missing = [], 0
        elif self._head:
            data = self._head + data
        size = len(data)
        while (begin := start + _HEAD_SIZE) <= size:
            end = begin + (data[start] | data[start + 1] << 8 | data[start + 2] << 16)
            if end > size:
                self._parts, self._missing, self._head = [data[begin:]], end - size, b""
                return packets
            self._take(data[begin:end], packets)
            start = end
        self._head = data[start:]
        return packets

    def _take(self, packet: bytes, packets: list[bytes]) -> None:
        """Add *packet* to *packets*, or what it is the end of."""
        if self._pieces or len(packet) == _MAX_LENGTH:
            self._pieces.append(packet)
            if len(packet) == _MAX_LENGTH:
                return
            packet = b"".join(self._pieces)
            self._pieces = []
        packets.append(packet)


async def read_some(connection: Any) -> bytes:
    """Return what has come on *connection*, at least something; raises aiomysql.OperationalError
    where it is lost, and closes it then."""
    reader = connection._reader
    if reader is None:  # ended while others were let on
        raise lost()
    try:
        data: bytes = await reader.read(_READ_BATCH_SIZE)
    except asyncio.CancelledError:
        connection._close_on_cancel()
        raise
    except OSError as exc:
        connection.close()
        raise lost() from exc
    if not data:
        connection.close()
        raise lost()
    return data


def lost() -> aiomysql.OperationalError:
    """Return the error of a connection that has ended, as the drivers say it."""
    return aiomysql.OperationalError(
        CR.CR_SERVER_LOST, "Lost connection to MySQL server during query"
    )
