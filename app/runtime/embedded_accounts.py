"""
The accounts of the embedded database, as SQL: its administrator, and the application.

There are no others: `mariadb-install-db` leaves `root` without a password for every address of the
machine, and whoever can reach the loopback port would own the database.
"""

ADDRESSES = ("localhost", "127.0.0.1")  # the socket, and the loopback port


def all_accounts(app_passwords: tuple[str, ...], admin_passwords: tuple[str, ...]) -> list[str]:
    """Return the statements that make the accounts what they should be, whatever they were."""
    return [*remove_others(), *admin_account(*admin_passwords), *app_account(*app_passwords)]


def remove_others() -> list[str]:
    """Remove the nameless users, and `root` from anywhere but our socket."""
    return [
        "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost')",
        "FLUSH PRIVILEGES",
    ]


def admin_account(*passwords: str) -> list[str]:
    """Return the administrator's password; with two, each of them is let in."""
    return [f"ALTER USER 'root'@'localhost' {_identification(passwords)}"]


def app_account(*passwords: str) -> list[str]:
    """Return the application's user and its password; with two, each of them is let in."""
    statements = []
    for address in ADDRESSES:
        user = f"'pipeline'@'{address}'"
        statements.append(f"CREATE USER IF NOT EXISTS {user} {_identification(passwords)}")
        statements.append(f"ALTER USER {user} {_identification(passwords)}")
    return statements


def databases(sage_name: str) -> list[str]:
    """Return the application's databases, and its rights on these two only."""
    statements = []
    for name in dict.fromkeys(("pipeline", sage_name)):
        identifier = "`" + name.replace("`", "``") + "`"
        # In a GRANT the characters _ and % are patterns.
        pattern = identifier.replace("_", "\\_").replace("%", "\\%")
        statements.append(
            f"CREATE DATABASE IF NOT EXISTS {identifier} CHARACTER SET utf8mb4 "
            "COLLATE utf8mb4_unicode_ci"
        )
        statements += [
            f"GRANT ALL ON {pattern}.* TO 'pipeline'@'{address}'" for address in ADDRESSES
        ]
    return statements


def _identification(passwords: tuple[str, ...]) -> str:
    ways = [f"mysql_native_password USING PASSWORD({_text(word)})" for word in passwords]
    return f"IDENTIFIED VIA {' OR '.join(ways)}"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
