"""
One connection to a database server: encrypted where that was asked for, given up where the server
has vanished, and closed at once where nobody waits for it any more.
"""

import asyncio
import socket
from typing import Any

import aiomysql
from pymysql.constants import CLIENT, COMMAND, CR, FIELD_TYPE
from pymysql.converters import conversions

from app.base.database_settings import DatabaseSettings, Host
from app.db.packets import lost
from app.db.sqlor import to_utc

# MYSQL_OPTION_MULTI_STATEMENTS_OFF of the protocol.
_ONE_STATEMENT = b"\x01\x00"
# Quoted, since aiomysql puts it into its SET statement as it is.
_SQL_MODE = "'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'"

_CONVERTERS = dict(conversions) | {FIELD_TYPE.DATETIME: to_utc, FIELD_TYPE.TIMESTAMP: to_utc}


class Connection(aiomysql.Connection):
    """aiomysql's connection that is never unencrypted where TLS was asked for; `node` is what its
    server is to those who watch it."""

    node: Any = None
    # Whether several statements may go in one text (app/db/two_trips.py).
    takes_texts = False

    async def _request_authentication(self) -> None:
        # Before a word of user and password is sent; aiomysql itself would go on without TLS.
        if self._ssl_context and not self.server_capabilities & CLIENT.SSL:
            raise aiomysql.OperationalError(
                CR.CR_SSL_CONNECTION_ERROR, "TLS was asked for, and the server has none"
            )
        await super()._request_authentication()

    def give_up(self, seconds: int) -> None:
        """Let the kernel end the connection when the other side was silent for *seconds*: what was
        sent is not acknowledged, or it does not answer to signs of life."""
        own_socket = self._writer.transport.get_extra_info("socket")
        if self.unix_socket or own_socket is None:
            return
        for name, value in (
            ("TCP_USER_TIMEOUT", seconds * 1000),
            ("TCP_KEEPIDLE", 1),
            ("TCP_KEEPINTVL", 1),
            ("TCP_KEEPCNT", seconds),
        ):
            if hasattr(socket, name):  # Linux has them all
                own_socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def abort(self) -> None:
        """Close it at once: whoever waits for an answer on it hears that it is lost."""
        if not self.closed:
            self._writer.transport.abort()
            self.close()

    def _write_bytes(self, data: bytes) -> None:
        try:
            super()._write_bytes(data)
        except (RuntimeError, AttributeError) as exc:
            # uvloop's word for a connection that has ended; without a writer we have ended it.
            self.close()
            raise lost() from exc

    async def _read_bytes(self, num_bytes: int) -> bytes:
        if self._reader is None:
            # Ended by `abort` when a part of an answer had come, and nobody had read it yet.
            raise lost()
        data: bytes = await super()._read_bytes(num_bytes)
        return data

    async def take_one_statement(self) -> None:
        """Refuse texts of several statements from now on, which aiomysql asks the server to
        take."""
        await self._execute_command(COMMAND.COM_SET_OPTION, _ONE_STATEMENT)
        await self._read_packet()

    def is_cut(self) -> bool:
        """Return whether the server has ended it, as far as is known here."""
        reader = self._reader
        return bool(reader is None or reader.at_eof() or reader.exception() or reader.eof_received)

    async def answers(self) -> bool:
        """Return whether the server answers on it."""
        try:
            await self.ping(reconnect=False)
        except (aiomysql.MySQLError, OSError, RuntimeError):
            return False
        return True


async def open_connection(
    place: DatabaseSettings,
    host: Host,
    name: str | None,
    *,
    init: str | None = None,
    limits: set[asyncio.Timeout] | None = None,
) -> Connection:
    """
    Open a connection in autocommit mode to the database *name* of *place* on *host*, within
    `connect_timeout` seconds; *init* is run first. While it is being opened its time limit is one
    of *limits*, for who wants to end it before.

    Raises aiomysql.MySQLError, OSError.
    """
    arguments = place.connect_args(host) | {
        "charset": "utf8mb4",
        "autocommit": True,
        "client_flag": CLIENT.FOUND_ROWS,  # an update that changes nothing still found its row
        "conv": _CONVERTERS,
        "sql_mode": _SQL_MODE,
        "db": name,
        "init_command": init,
    }
    connection = Connection(**arguments)
    # All of it: aiomysql's own limit is for the first packet of TCP only.
    limit = asyncio.timeout(place.connect_timeout)
    limits = set() if limits is None else limits
    try:
        async with limit:
            limits.add(limit)
            try:
                await connection._connect()
            finally:
                limits.discard(limit)
        connection.give_up(place.read_timeout)
    except TimeoutError as exc:
        connection.abort()
        raise aiomysql.OperationalError(
            CR.CR_CONN_HOST_ERROR, f"no answer within {place.connect_timeout} s"
        ) from exc
    except BaseException:
        connection.abort()
        raise
    return connection
