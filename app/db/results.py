"""What is asked by several statements that are sent as one text, and what comes for them."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import aiomysql
from pymysql.constants import COMMAND, SERVER_STATUS
from pymysql.protocol import MysqlPacket, OKPacketWrapper

from app.db.cursor import BufferedResult, Converters, observe_round_trip, row_of
from app.db.packets import PacketReader

Rows = Sequence[tuple[Any, ...]]

_OK, _END, _ERROR = 0x00, 0xFE, 0xFF


class Query(NamedTuple):
    """A query with `${name}$` placeholders, and the values of these."""

    text: str
    values: Mapping[str, Any]


async def run_statements(
    connection: Any, texts: Sequence[str]
) -> tuple[list[Rows], aiomysql.MySQLError | None]:
    """
    Run the statements *texts*, in their order, in one round trip; *connection* takes several.

    Return the rows of each, none for a change, and the error of the first that failed: it stands
    behind the rows of those that were done, and no later one was run. Raises
    aiomysql.OperationalError, OSError where the connection is lost, and nobody knows how many were.
    """
    started_at = perf_counter()
    text = "; ".join(texts).encode(connection.encoding)
    # As aiomysql's own cursors do: by this the pool knows for how long it was idle.
    connection._last_usage = connection._loop.time()
    await connection._execute_command(COMMAND.COM_QUERY, text)
    connection._result = None
    results = _Results(connection)
    await results.read()
    observe_round_trip(perf_counter() - started_at)
    return results.complete, results.error


class _Results:
    """The results of one text, being read: packets are taken as they have come, many at once."""

    def __init__(self, connection: Any) -> None:
        self.complete: list[Rows] = []
        self.error: aiomysql.MySQLError | None = None
        self._connection = connection
        self._columns: list[bytes] = []
        # Of the result that is being read; None before its columns are known.
        self._converters: Converters | None = None
        self._rows: list[tuple[Any, ...]] = []
        self._is_head = True
        self._is_over = False

    async def read(self) -> None:
        """Read all of them."""
        reader = PacketReader(self._connection)
        while not self._is_over:
            for packet in await reader.some():
                await self._take(packet)

    async def _take(self, packet: bytes) -> None:
        kind = packet[0]
        if kind == _ERROR:
            self._fail(packet)
        elif self._is_head:
            self._begin(packet)
        elif kind == _END and len(packet) < 9:
            await self._end_part(packet)
        elif self._converters is None:
            self._columns.append(packet)
        else:
            self._rows.append(row_of(packet, self._converters))

    def _begin(self, packet: bytes) -> None:
        if packet[0] == _OK:
            status = OKPacketWrapper(MysqlPacket(packet, self._connection.encoding)).server_status
            self._end_result((), status)
        else:
            self._is_head, self._columns, self._converters, self._rows = False, [], None, []

    async def _end_part(self, packet: bytes) -> None:
        """Take the end of the columns, or of the rows behind them."""
        if self._converters is None:
            result = BufferedResult(self._connection)
            self._converters = (await result.describe(tuple(self._columns)))[1]
        else:
            self._end_result(tuple(self._rows), int.from_bytes(packet[3:5], "little"))

    def _end_result(self, rows: Rows, status: int) -> None:
        self.complete.append(rows)
        self._connection.server_status = status
        self._is_head = True
        self._is_over = not status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS

    def _fail(self, packet: bytes) -> None:
        self._is_over = True
        try:
            MysqlPacket(packet, self._connection.encoding).raise_for_error()
        except aiomysql.MySQLError as exc:
            self.error = exc
