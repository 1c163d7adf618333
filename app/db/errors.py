"""What the database's errors mean to a caller, told in one place; SQL text never leaves it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiomysql

from app.base.catalogue.records import BAD_VALUE
from app.base.catalogue.requests import DATABASE_BUSY, DATABASE_FULL, DATABASE_UNAVAILABLE
from app.base.errors import AppError
from app.base.refusals import DuplicateKey
from app.db.time_limit import TimeLimit

# Lock time-out, deadlock, row changed under a snapshot, Galera node not ready.
RETRIED = frozenset({1205, 1213, 1020, 1047})
_GONE = frozenset({1040, 1053, 1152, 1927, 2002, 2003, 2006, 2013, 2014, 2055})
# A file cannot be written, disk full, table full, the storage engine's own error.
_FULL = frozenset({3, 1021, 1026, 1030, 1114})
_BAD_VALUE = frozenset({1048, 1264, 1265, 1292, 1366, 1406, 4025, 3819})
# The statement took longer than it might, as MariaDB and as MySQL say it.
_OVER_TIME = frozenset({1969, 3024})


def failure_code(exc: BaseException) -> int | None:
    """Return the database's error number behind *exc*, if there is one."""
    error = exc if isinstance(exc, aiomysql.MySQLError) else exc.__cause__
    if isinstance(error, aiomysql.MySQLError) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    return None


def connection_lost(exc: BaseException) -> bool:
    """Return whether *exc* means that the database is away, and not that a statement is wrong."""
    lost = isinstance(exc, aiomysql.InterfaceError | ConnectionError)
    return lost or failure_code(exc) in _GONE


def unreachable(exc: BaseException) -> AppError:
    """Return the refusal for a database that cannot be reached; *exc* is for the log."""
    return DATABASE_UNAVAILABLE(headers={"Retry-After": "2"})


@contextmanager
def translate_errors(limit: TimeLimit | None = None) -> Iterator[None]:
    """Turn driver errors raised inside into the application's own; under *limit*, also that it is
    over."""
    try:
        yield
    except aiomysql.MySQLError as exc:
        code = failure_code(exc)
        if code == 1062:
            match = re.search(r"for key '(?:[^'.]*\.)?([^']+)'", str(exc.args[1]))
            raise DuplicateKey(match.group(1) if match else "") from exc
        if limit is not None and code in _OVER_TIME:
            raise limit.error() from exc
        if code in _BAD_VALUE:
            raise BAD_VALUE() from exc
        if code in RETRIED:
            raise DATABASE_BUSY(headers={"Retry-After": "1"}) from exc
        if code in _FULL:
            raise DATABASE_FULL(headers={"Retry-After": "10"}) from exc
        if code in _GONE or isinstance(exc, aiomysql.InterfaceError):
            raise unreachable(exc) from exc
        raise
    except (ConnectionError, BrokenPipeError) as exc:
        raise unreachable(exc) from exc
