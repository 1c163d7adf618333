"""
Databases as they were set up once: tables, triggers and rows, to be put back after each module.

What a test has changed is made again, and nothing else: that is much quicker than to migrate.
"""

import re
from collections.abc import Iterator
from typing import Any

from pymysql.cursors import DictCursor
from pymysql.err import OperationalError

DATABASES = ("pipeline", "sage")
_NO_SUCH_DATABASE = 1049
_GENERATED = re.compile(r"^ *`(\w+)` .* GENERATED ALWAYS ", re.MULTILINE)
# When a trigger was made and by which account is no part of what it is.
_TRIGGER_PARTS = ("Trigger", "Event", "Table", "Statement", "Timing", "sql_mode")

Row = dict[str, Any]


class Template:
    """The tables and triggers of both databases with their rows."""

    def __init__(self, cursor: DictCursor) -> None:
        """Take them as they are now."""
        self._tables = _tables(cursor)
        self._triggers = _triggers(cursor)
        self._rows = {name: _rows(cursor, name, text) for name, text in self._tables.items()}

    def fits(self, cursor: DictCursor) -> bool:
        """Return whether tables and triggers are what they were, whatever their rows."""
        return _tables(cursor) == self._tables and _triggers(cursor) == self._triggers

    def put_tables_back(self, cursor: DictCursor) -> None:
        """Make what is missing or otherwise, and drop what has come."""
        cursor.execute("SET foreign_key_checks = 0")
        present = _tables(cursor)
        for name, text in present.items():
            if self._tables.get(name) != text:
                cursor.execute(f"DROP TABLE {name}")
        for name, text in self._tables.items():
            if present.get(name) != text:
                cursor.execute(f"USE {name.partition('.')[0]}")
                cursor.execute(text)
        # A dropped table took its triggers along.
        triggers = _triggers(cursor)
        for name in self._tables:
            if triggers.get(name) != self._triggers.get(name):
                _make_triggers(cursor, name, triggers.get(name, []), self._triggers.get(name, []))

    def put_rows_back(self, cursor: DictCursor) -> None:
        """Put the rows of the first set-up in the place of those that are there."""
        cursor.execute("SET foreign_key_checks = 0")
        for name, rows in self._rows.items():
            # To empty a table makes its file anew; most were not written to.
            if not rows and "AUTO_INCREMENT" not in self._tables[name]:
                cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
                if not cursor.fetchall():
                    continue
            cursor.execute(f"TRUNCATE TABLE {name}")
            if rows:
                columns = ", ".join(f"`{column}`" for column in rows[0])
                marks = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(
                    f"INSERT INTO {name} ({columns}) VALUES ({marks})",
                    [list(row.values()) for row in rows],
                )


def _tables(cursor: DictCursor) -> dict[str, str]:
    """Every table with its definition."""
    tables = {}
    for database in DATABASES:
        for row in _show(cursor, f"SHOW TABLES FROM `{database}`"):
            name = f"`{database}`.`{next(iter(row.values()))}`"
            (definition,) = _read(cursor, f"SHOW CREATE TABLE {name}")
            # The counter grows with use and is no part of the definition.
            tables[name] = re.sub(r" AUTO_INCREMENT=\d+", "", definition["Create Table"])
    return tables


def _rows(cursor: DictCursor, name: str, definition: str) -> list[Row]:
    """All rows of a table, without the columns that it works out by itself."""
    formula_columns = _GENERATED.findall(definition)
    return [
        {column: value for column, value in row.items() if column not in formula_columns}
        for row in _read(cursor, f"SELECT * FROM {name}")
    ]


def _triggers(cursor: DictCursor) -> dict[str, list[Row]]:
    """The triggers of every table that has some, in their order."""
    triggers: dict[str, list[Row]] = {}
    for database in DATABASES:
        for row in _show(cursor, f"SHOW TRIGGERS FROM `{database}`"):
            own = triggers.setdefault(f"`{database}`.`{row['Table']}`", [])
            own.append({part: row[part] for part in _TRIGGER_PARTS})
    return triggers


def _make_triggers(cursor: DictCursor, table: str, present: list[Row], own: list[Row]) -> None:
    # Without the database's name, as `migrate` makes them: a dump has a trigger by the letter, and
    # could not be restored under another name.
    database, _, table = table.partition(".")
    cursor.execute(f"USE {database}")
    for trigger in present:
        cursor.execute(f"DROP TRIGGER `{trigger['Trigger']}`")
    cursor.execute("SELECT @@sql_mode AS mode")
    (before,) = cursor.fetchall()
    for trigger in own:
        cursor.execute("SET sql_mode = %s", (trigger["sql_mode"],))
        cursor.execute(
            f"CREATE TRIGGER `{trigger['Trigger']}` {trigger['Timing']} {trigger['Event']}"
            f" ON {table} FOR EACH ROW {trigger['Statement']}"
        )
    cursor.execute("SET sql_mode = %s", (before["mode"],))


def _show(cursor: DictCursor, sql: str) -> Iterator[Row]:
    """What a database that may be missing has of something."""
    try:
        yield from _read(cursor, sql)
    except OperationalError as exc:
        if exc.args[0] != _NO_SUCH_DATABASE:
            raise


def _read(cursor: DictCursor, sql: str) -> list[Row]:
    cursor.execute(sql)
    return list(cursor.fetchall())
