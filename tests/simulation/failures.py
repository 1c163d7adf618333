"""What the database and the network say when something goes wrong, as the driver raises it."""

import aiomysql


def deadlock() -> aiomysql.MySQLError:
    """Return the error of a transaction that gives way to another; it is rolled back."""
    return aiomysql.OperationalError(1213, "Deadlock found when trying to get lock")


def lock_wait() -> aiomysql.MySQLError:
    """Return the error of a statement that has waited too long; its transaction stays."""
    return aiomysql.OperationalError(1205, "Lock wait timeout exceeded")


def duplicate(key: str) -> aiomysql.MySQLError:
    """Return the error of a row whose unique *key* is there already."""
    return aiomysql.IntegrityError(1062, f"Duplicate entry 'x' for key '{key}'")


def lost() -> aiomysql.MySQLError:
    """Return the error of a connection that has gone while it was used."""
    return aiomysql.OperationalError(2013, "Lost connection to MySQL server during query")


def unreachable() -> aiomysql.MySQLError:
    """Return the error of a database that cannot be reached."""
    return aiomysql.OperationalError(2003, "Can't connect to MySQL server")
