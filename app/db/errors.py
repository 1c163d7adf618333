"""What the database's errors mean to a caller, told in one place; SQL text never leaves it."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiomysql

from app.base.catalogue.records import BAD_VALUE
from app.base.catalogue.requests import (
    DATABASE_BUSY,
    DATABASE_FULL,
    DATABASE_NOT_SAFE,
    DATABASE_REFUSES,
    DATABASE_UNAVAILABLE,
    NODE_NOT_READY,
    SCHEMA_OF_LATER_CODE,
    STATEMENT_TOO_SLOW,
)
from app.base.errors import AppError, ErrorCode
from app.base.refusals import DuplicateKey
from app.db.time_limit import TimeLimit

# Lock time-out, deadlock, row changed under a snapshot, Galera node not ready.
RETRIED = frozenset({1205, 1213, 1020, 1047})
_GONE = frozenset({1040, 1053, 1152, 1927, 2002, 2003, 2006, 2013, 2014, 2055})
# A node of a cluster takes no statements: it is not primary, or joins.
NOT_READY = 1047
# Wrong password, no right to the database, host not known, no such database.
_REFUSED = frozenset({1044, 1045, 1049, 1129, 1130, 1698})
_NOT_SAFE = 2026
# A file cannot be written, disk full, table full, the storage engine's own error.
_FULL = frozenset({3, 1021, 1026, 1030, 1114})
_BAD_VALUE = frozenset({1048, 1264, 1265, 1292, 1366, 1406, 4025, 3819})
# The statement took longer than it might, as MariaDB and as MySQL say it.
_OVER_TIME = frozenset({1969, 3024})
# What the fence of a migration says to who writes (app/db/fence.py), of at most 128 characters.
FENCE_SENTENCE = (
    "pipeline: this table is being migrated; stop this worker, it is of another version"
)
_SIGNAL = 1644


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


def refusal_of(exc: BaseException) -> ErrorCode:
    """Return what callers are told of a database that cannot be worked with because of *exc*."""
    code = failure_code(exc)
    if code in _REFUSED:
        return DATABASE_REFUSES
    # The drivers tell what is wrong with a certificate as the cause of "cannot connect".
    if code == _NOT_SAFE or isinstance(exc.__cause__ or exc.__context__, ssl.SSLError):
        return DATABASE_NOT_SAFE
    return NODE_NOT_READY if code == NOT_READY else DATABASE_UNAVAILABLE


def unreachable(exc: BaseException) -> AppError:
    """Return the refusal for a database that cannot be reached; *exc* is for the log."""
    return refusal_of(exc)(headers={"Retry-After": "2"})


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
        if code in _OVER_TIME:
            raise STATEMENT_TOO_SLOW() from exc
        if code == NOT_READY:
            raise unreachable(exc) from exc
        if code == _SIGNAL and exc.args[1] == FENCE_SENTENCE:
            raise SCHEMA_OF_LATER_CODE(headers={"Retry-After": "2"}) from exc
        if code in RETRIED:
            raise DATABASE_BUSY(headers={"Retry-After": "1"}) from exc
        if code in _FULL:
            raise DATABASE_FULL(headers={"Retry-After": "10"}) from exc
        if code in _GONE or isinstance(exc, aiomysql.InterfaceError):
            raise unreachable(exc) from exc
        raise
    except (ConnectionError, BrokenPipeError) as exc:
        raise unreachable(exc) from exc
