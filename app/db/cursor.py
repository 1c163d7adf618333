"""
A cursor that reads a result in one go.

aiomysql reads every column's description and every row as a packet of its own, with two awaits
each; for the short results of an API call this costs more than all else. Here what has arrived is
cut into packets at once (packets.py), and the descriptions of a result that was seen before are
remembered.

Long texts are quoted as PyMySQL quotes them, and quicker: its table of 128 letters makes a fault
inside Python of each letter beyond it: a million Chinese ones cost up to 0.1 s.
"""

import asyncio
import re
from time import perf_counter
from typing import Any, ClassVar

import aiomysql
from aiomysql.connection import MySQLResult
from pymysql.constants import COMMAND, SERVER_STATUS
from pymysql.protocol import MysqlPacket

from app.base.metrics import Histogram
from app.db.packets import PacketReader

observe_round_trip = (
    Histogram(
        "pipeline_database_round_trip_seconds",
        "Time from sending statements to the database until their whole answer is there",
    )
    .child()
    .observe
)
_MAX_DESCRIPTIONS = 1000
# Then others are let on: reading so many takes some ten milliseconds.
_ROW_BATCH_SIZE = 2000
_LONG = 1000
# Texts that mean themselves in every literal: printable ASCII without quotes and the backslash.
is_plain = re.compile(r"[ !#-&(-\[\]-~]*").fullmatch
# The backslash first, since the others bring one in.
_ESCAPES = (
    ("\\", "\\\\"), ("\0", "\\0"), ("\n", "\\n"), ("\r", "\\r"), ("\x1a", "\\Z"), ('"', '\\"'),
    ("'", "\\'"),
)  # fmt: skip

# Of each column: the encoding of its text (None: bytes) and what makes a value of it.
Converters = tuple[tuple[str | None, Any], ...]


class BufferedResult(MySQLResult):
    """The result of one statement."""

    _descriptions: ClassVar[dict[tuple[bytes, ...], tuple[tuple[Any, ...], Converters]]] = {}

    async def _read_result_packet(self, first_packet: Any) -> None:
        self.field_count = first_packet.read_length_encoded_integer()
        packets = await self._packets()
        self.description, converters = await self.describe(tuple(packets[: self.field_count]))
        last = MysqlPacket(packets[-1], None)
        self._check_packet_is_eof(last)
        # After the columns stands a packet that ends them.
        rows = packets[self.field_count + 1 : -1]
        if len(rows) <= _ROW_BATCH_SIZE:
            self.rows = tuple([row_of(packet, converters) for packet in rows])
        else:
            self.rows = await _many_rows(rows, converters)
        self.affected_rows = len(self.rows)
        self.connection = None

    async def describe(self, columns: tuple[bytes, ...]) -> tuple[tuple[Any, ...], Converters]:
        """Return what the packets of a result's *columns* say."""
        if columns in self._descriptions:
            return self._descriptions[columns]
        connection: Any = self.connection
        feed: Any = _Feed(connection, columns)
        self.connection = feed
        self.field_count = len(columns)
        try:
            await self._get_descriptions()
        finally:
            self.connection = connection
        description = (self.description, tuple(self.converters))
        if len(self._descriptions) >= _MAX_DESCRIPTIONS:
            self._descriptions.clear()
        self._descriptions[columns] = description
        return description

    async def _packets(self) -> list[bytes]:
        """Return all packets of the result after the first, the one that ends the rows being the
        last."""
        connection: Any = self.connection
        reader = PacketReader(connection)
        packets: list[bytes] = []
        end_count = 0
        while end_count < 2:  # of the columns, of the rows
            for packet in await reader.some():
                packets.append(packet)
                if packet[:1] == b"\xff":
                    MysqlPacket(packet, connection.encoding).raise_for_error()
                if packet[:1] == b"\xfe" and len(packet) < 9:
                    end_count += 1
        return packets


class BufferedCursor(aiomysql.Cursor):
    """aiomysql's cursor with quick results and quick quoting."""

    def _escape_args(self, args: Any, conn: Any) -> Any:
        if not isinstance(args, tuple):
            return super()._escape_args(args, conn)
        return tuple([sql_literal(conn, arg) for arg in args])

    async def _query(self, q: Any) -> None:
        connection = self._get_db()
        self._last_executed = q
        self._clear_result()
        text = q.encode(connection.encoding, "surrogateescape") if isinstance(q, str) else q
        started_at = perf_counter()
        await connection._execute_command(COMMAND.COM_QUERY, text)
        connection._result = None
        result = BufferedResult(connection)
        await result.read()
        observe_round_trip(perf_counter() - started_at)
        connection._result = result
        connection._affected_rows = result.affected_rows
        if result.server_status is not None:
            connection.server_status = result.server_status
        await self._do_get_result()


def sql_literal(connection: Any, value: Any) -> str:
    """Return *value* as a literal in a statement on *connection*."""
    if isinstance(value, str):
        # Put together, not formatted: a member of an enum formats as its name, not as its letters.
        if is_plain(value):
            return "'" + value + "'"
        if len(value) > _LONG and not _doubles_quotes(connection):
            return "'" + escape_text(value) + "'"
    literal: str = connection.escape(value)
    return literal


def _doubles_quotes(connection: Any) -> bool:
    """Return whether a backslash is a letter like others there."""
    flag = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
    return bool(connection.server_status & flag)


def escape_text(text: str) -> str:
    """Return *text* as PyMySQL's `escape_string` gives it."""
    for letter, code in _ESCAPES:
        text = text.replace(letter, code)
    return text


class _Feed:
    """The packets of a result's columns, in the connection's place."""

    def __init__(self, connection: Any, packets: tuple[bytes, ...]) -> None:
        self.use_unicode = connection.use_unicode
        self.encoding = connection.encoding
        self.decoders = connection.decoders
        self._packets = iter((*packets, b"\xfe\x00\x00\x00\x00"))

    async def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        return packet_type(next(self._packets), self.encoding)


async def _many_rows(packets: list[bytes], converters: Converters) -> tuple[tuple[Any, ...], ...]:
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(packets), _ROW_BATCH_SIZE):
        await asyncio.sleep(0)
        rows += [row_of(packet, converters) for packet in packets[start : start + _ROW_BATCH_SIZE]]
    return tuple(rows)


def row_of(data: bytes, converters: Converters) -> tuple[Any, ...]:
    """Return the values of a row's packet."""
    row: list[Any] = []
    position = 0
    for encoding, converter in converters:
        length = data[position]
        position += 1
        if length == 251:
            row.append(None)
            continue
        if length > 251:
            width = _WIDTHS[length]
            length = int.from_bytes(data[position : position + width], "little")
            position += width
        end = position + length
        value: Any = data[position:end]
        position = end
        if encoding is not None:
            value = value.decode(encoding)
        row.append(value if converter is None else converter(value))
    return tuple(row)


# How many bytes tell the length of a longer value, by the mark before it.
_WIDTHS = {252: 2, 253: 3, 254: 8}
