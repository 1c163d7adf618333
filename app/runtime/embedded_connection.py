"""How the embedded database is reached: the connection files in its folder."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql


class EmbeddedDatabaseError(Exception):
    """The embedded database cannot be started or stopped; the message says what to do."""


@dataclass(frozen=True)
class Connection:
    """How to reach the server as one user."""

    unix_socket: str
    port: int
    user: str
    password: str
    name: str
    host: str = "127.0.0.1"

    def open(self, **options: Any) -> "pymysql.connections.Connection[Any]":
        """Return a blocking connection over the socket; raises pymysql.err.OperationalError."""
        connection: pymysql.connections.Connection[Any] = pymysql.connect(
            unix_socket=self.unix_socket,
            user=self.user,
            password=self.password,
            charset="utf8mb4",
            defer_connect=True,
            ssl_disabled=True,
            **options,
        )
        # Not left to pymysql, which leaves its socket open when it cannot connect.
        plug = socket.socket(socket.AF_UNIX)
        plug.settimeout(5)
        try:
            plug.connect(self.unix_socket)
        except OSError as exc:
            plug.close()
            raise pymysql.err.OperationalError(2002, f"{self.unix_socket}: {exc}") from exc
        connection.connect(plug)
        return connection


def read_connection(file: Path) -> Connection | None:
    """Return what *file* says, None without it; raises EmbeddedDatabaseError for a damaged one."""
    try:
        return Connection(**json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as exc:
        raise EmbeddedDatabaseError(f"{file} is damaged: {exc}. Remove it, start again.") from exc
