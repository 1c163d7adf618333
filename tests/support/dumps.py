"""A database as the statements that make it again: a dump, and its restore."""

from typing import Any

from tests.support.installation import Installation


def dump(installation: Installation) -> list[str]:
    """The statements that make the application's tables as they are, rows and triggers included."""
    statements = []
    with installation.connect() as connection, connection.cursor() as cursor:

        def rows(sql: str) -> list[dict[str, Any]]:
            cursor.execute(sql)
            return list(cursor.fetchall())

        names = [next(iter(row.values())) for row in rows("show tables")]
        for name in names:
            statements.append(rows(f"show create table `{name}`")[0]["Create Table"])
            computed_columns = {
                row["Field"] for row in rows(f"show columns from `{name}`")
                if "GENERATED" in row["Extra"]
            }  # fmt: skip
            for row in rows(f"select * from `{name}`"):
                values = {key: value for key, value in row.items() if key not in computed_columns}
                columns = ", ".join(f"`{key}`" for key in values)
                literals = ", ".join(connection.escape(value) for value in values.values())
                statements.append(f"insert into `{name}` ({columns}) values ({literals})")
        statements += [
            f"create trigger `{row['Trigger']}` {row['Timing']} {row['Event']} on"
            f" `{row['Table']}` for each row {row['Statement']}"
            for row in rows("show triggers")
        ]
    return statements


def restore(installation: Installation, statements: list[str]) -> None:
    """Drop all the application's tables and make them anew by *statements*."""
    with installation.connect() as connection, connection.cursor() as cursor:
        cursor.execute("show tables")
        names = [next(iter(row.values())) for row in cursor.fetchall()]
        for name in names:
            cursor.execute(f"drop table `{name}`")
        for sql in statements:
            cursor.execute(sql)
