"""Blocking connections, for commands: on the first server of a database that is well."""

from typing import Any

import pymysql

from app.base.database_settings import DatabaseSettings, Host
from app.db.errors import NOT_READY
from app.db.server_kind import (
    ABOUT_KIND,
    ABOUT_NODE,
    ABOUT_WRITING,
    Health,
    ServerKind,
    state_of,
)

# Commands wait for rows that others hold; a server that hangs holds them no longer than this.
READ_SECONDS = 60


def open_blocking(place: DatabaseSettings) -> "pymysql.connections.Connection[Any]":
    """Open a connection whose rows are dicts; raises pymysql.err.MySQLError, that of the first
    host, where none can be worked with."""
    errors: list[pymysql.err.MySQLError] = []
    half: pymysql.connections.Connection[Any] | None = None
    for host in place.hosts:
        try:
            connection, health = _open(place, host)
        except pymysql.err.MySQLError as exc:
            errors.append(exc)
            continue
        if health == Health.WELL:
            if half is not None:
                half.close()
            return connection
        if half is None:
            half = connection
        else:
            connection.close()
    if half is None:
        raise errors[0]
    return half


def _open(
    place: DatabaseSettings, host: Host
) -> tuple["pymysql.connections.Connection[Any]", Health]:
    arguments = place.connect_args(host)
    # pymysql has no `db` any more, aiomysql nothing else.
    arguments["database"] = arguments.pop("db")
    connection: pymysql.connections.Connection[Any] = pymysql.connect(
        **arguments, charset="utf8mb4", read_timeout=READ_SECONDS
    )
    try:
        with connection.cursor() as cursor:
            kind = ServerKind.of(_pairs(cursor, ABOUT_KIND))
            status = _pairs(cursor, ABOUT_NODE) if kind.is_galera else {}
            state = state_of(status, _pairs(cursor, ABOUT_WRITING).get("read_only", ""))
        if state.health == Health.AWAY:
            raise pymysql.err.OperationalError(NOT_READY, "the node takes no statements")
    except BaseException:
        connection.close()
        raise
    connection.cursorclass = pymysql.cursors.DictCursor
    return connection, state.health


def _pairs(cursor: Any, statement: str) -> dict[str, str]:
    cursor.execute(statement)
    return {str(name).lower(): str(value) for name, value in cursor.fetchall()}
