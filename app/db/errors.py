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
    DATABASE_READ_ONLY,
    DATABASE_REFUSES,
    DATABASE_UNAVAILABLE,
    NODE_NOT_READY,
    OUTCOME_UNKNOWN,
    SCHEMA_OF_LATER_CODE,
    STATEMENT_ENDED,
    STATEMENT_TOO_SLOW,
)
from app.base.errors import AppError, ErrorCode
from app.base.refusals import DuplicateKey
from app.db.time_limit import TimeLimit

# Said of a commit, that nothing is committed: lock time-out, deadlock or failed certification, row
# changed under a snapshot, Galera node not ready, taken back for another member of a MySQL group.
TAKEN_BACK = frozenset({1205, 1213, 1020, 1047, 3101})
# A statement that was ended from outside, as Galera also does for another node's commit.
_ENDED = 1317
# The whole transaction may be begun again; also where another one has changed a table meanwhile, or
# waited for it to do so.
RETRIED = TAKEN_BACK | {_ENDED, 1412, 1689}
# No connection, or it is lost: the server ends, has no room for one more (connections, memory,
# threads) or ends those that are idle; somebody ended it; the network failed, as both sides say it.
_GONE = frozenset(
    {
        1037, 1038, 1040, 1041, 1042, 1043, 1053, 1080, 1135, 1152, 1156, 1158, 1159, 1160, 1161,
        1184, 1203, 1206, 1226, 1637, 1927, 2002, 2003, 2006, 2013, 2014, 2027, 2055, 4031,
    }
)  # fmt: skip
# The node of a cluster was cut off from it while it committed; others may have it.
_UNKNOWN = 1180
# A stand-by, or a server that somebody has closed to changes, as MariaDB and as MySQL say it.
_READ_ONLY = frozenset({1290, 1836})
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
    code = failure_code(exc)
    if isinstance(exc, aiomysql.InternalError) and code is None:
        return True  # the driver does not understand what came: the rest of it is of no use
    return isinstance(exc, aiomysql.InterfaceError | ConnectionError) or code in _GONE


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


def passing_refusal(exc: BaseException) -> AppError | None:
    """Return the refusal for *exc* where it is the database's state that is told by it, so that the
    same may be tried again later; None where the statement is wrong."""
    code = failure_code(exc)
    if code == NOT_READY or connection_lost(exc):
        return unreachable(exc)
    if code == _ENDED:
        return STATEMENT_ENDED(headers={"Retry-After": "1"})
    if code in RETRIED:
        return DATABASE_BUSY(headers={"Retry-After": "1"})
    if code in _FULL:
        return DATABASE_FULL(headers={"Retry-After": "10"})
    if code in _READ_ONLY:
        return DATABASE_READ_ONLY(headers={"Retry-After": "2"})
    if code == _UNKNOWN:
        return unknown_outcome()
    return STATEMENT_TOO_SLOW() if code in _OVER_TIME else None


def unknown_outcome() -> AppError:
    """Return the refusal for a commit of which nobody can know whether it arrived."""
    return OUTCOME_UNKNOWN(headers={"Retry-After": "2"})


@contextmanager
def translate_errors(limit: TimeLimit | None = None) -> Iterator[None]:
    """Turn driver errors raised inside into the application's own; under *limit*, also that it is
    over."""
    try:
        yield
    except (aiomysql.MySQLError, ConnectionError) as exc:
        code = failure_code(exc)
        if code == 1062:
            match = re.search(r"for key '(?:[^'.]*\.)?([^']+)'", str(exc.args[1]))
            raise DuplicateKey(match.group(1) if match else "") from exc
        if limit is not None and code in _OVER_TIME:
            raise limit.error() from exc
        if code in _BAD_VALUE:
            raise BAD_VALUE() from exc
        if code == _SIGNAL and exc.args[1] == FENCE_SENTENCE:
            raise SCHEMA_OF_LATER_CODE(headers={"Retry-After": "2"}) from exc
        if refusal := passing_refusal(exc):
            raise refusal from exc
        raise
