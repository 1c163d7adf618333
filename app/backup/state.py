"""What a database holds, as a backup and a restore ask it: tables, size, version."""

from typing import Any

from app.access.sage_setup import Cursor, database_cursor
from app.base.settings import DatabaseSettings, Settings
from app.runtime import embedded_db


def is_same_place(one: DatabaseSettings, other: DatabaseSettings) -> bool:
    """Return whether both are the same database of the same server."""
    return is_same_server(one, other) and one.name == other.name


def is_same_server(one: DatabaseSettings, other: DatabaseSettings) -> bool:
    """Return whether both databases are on one server, as far as their addresses say."""
    return (one.host, one.port, one.unix_socket) == (other.host, other.port, other.unix_socket)


def is_own_sage(config: Settings) -> bool:
    """Return whether Sage's database is on the embedded server, and so nobody else's to back up."""
    return embedded_db.is_wanted() and is_same_server(
        config.pipeline_database, config.sage_database
    )


def address(place: DatabaseSettings) -> str:
    """Return where *place* is, for a person."""
    return f"{place.name} ({place.unix_socket or f'{place.host}:{place.port}'})"


def facts(place: DatabaseSettings) -> dict[str, Any]:
    """Return name, server and size of the database; raises CommandError when it cannot be
    reached."""
    with database_cursor(place) as cursor:
        cursor.execute(
            "SELECT version() AS server, count(*) AS tables,"
            " coalesce(sum(data_length), 0) AS size FROM information_schema.tables"
            " WHERE table_schema = database() AND table_type = 'BASE TABLE'"
        )
        row = cursor.fetchone()
    return {
        "name": place.name,
        "server": str(row["server"]),
        "tables": int(row["tables"]),
        "bytes": int(row["size"]),
    }


def objects(cursor: Cursor) -> list[str]:
    """Return the tables, views and routines of the database: none of them, and it is empty."""
    cursor.execute(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database()"
        " UNION ALL SELECT routine_name FROM information_schema.routines"
        " WHERE routine_schema = database() ORDER BY name"
    )
    return [str(row["name"]) for row in cursor.fetchall()]
