"""What is told of each error of the database: nothing that passes is a fault of ours (500)."""

import asyncio
from typing import Any, cast

import aiomysql
import pytest
from pymysql import err

from app.base.catalogue import requests as catalogue
from app.base.errors import AppError, ErrorCode
from app.db.connection import Connection
from app.db.errors import (
    RETRIED,
    TAKEN_BACK,
    passing_refusal,
    translate_errors,
    unreachable,
)
from app.db.packets import read_some
from app.db.settlement import end_transaction
from app.runtime.terminal import print_refusal

KINDS: dict[ErrorCode, tuple[int, ...]] = {
    # Deadlock or failed certification, lock time-out, changed row, changed table, lock taken away,
    # taken back for another member of a MySQL group.
    catalogue.DATABASE_BUSY: (1213, 1205, 1020, 1412, 1689, 3101),
    catalogue.STATEMENT_ENDED: (1317,),
    catalogue.NODE_NOT_READY: (1047,),
    catalogue.OUTCOME_UNKNOWN: (1180,),
    catalogue.DATABASE_UNAVAILABLE: (
        2002, 2003, 2006, 2013, 2014, 2027, 2055, 1927, 4031, 1053, 1080, 1152, 1184,
        1158, 1159, 1160, 1161, 1156, 1042, 1043,
        1040, 1203, 1226, 1135, 1037, 1038, 1041, 1206, 1637,
    ),
    catalogue.DATABASE_FULL: (3, 1021, 1026, 1030, 1114),
    catalogue.DATABASE_READ_ONLY: (1290, 1836),
    catalogue.STATEMENT_TOO_SLOW: (1969, 3024),
}  # fmt: skip
CASES = [(code, entry) for entry, codes in KINDS.items() for code in codes]


def driver_error(code: int) -> Exception:
    """The error as the driver makes it of what the server sends."""
    packet = b"\xff" + code.to_bytes(2, "little") + b"#HY000its reason"
    with pytest.raises(aiomysql.MySQLError) as caught:
        err.raise_mysql_exception(packet)
    return caught.value


def refusal_of(exc: Exception) -> AppError:
    with pytest.raises(AppError) as caught, translate_errors():
        raise exc
    return caught.value


def says(refusal: AppError | None, entry: ErrorCode) -> bool:
    return refusal is not None and refusal.text.template is entry.sentence


@pytest.mark.parametrize(("code", "entry"), CASES)
def test_what_passes_is_told_with_the_time_to_come_again(code: int, entry: ErrorCode) -> None:
    for refusal in (refusal_of(driver_error(code)), passing_refusal(driver_error(code))):
        assert refusal is not None
        assert says(refusal, entry)
        assert refusal.status == 503
        assert refusal.headers.get("Retry-After") or refusal.code == "too_slow"


@pytest.mark.parametrize(
    "error",
    [
        aiomysql.InterfaceError("(0, 'Not connected')"),
        aiomysql.InternalError("Packet sequence number wrong - got 1 expected 2"),
        ConnectionResetError(104, "reset"),
        BrokenPipeError(32, "pipe"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_ends_is_a_database_that_is_away(error: Exception) -> None:
    assert says(refusal_of(error), catalogue.DATABASE_UNAVAILABLE)


@pytest.mark.parametrize("code", [1054, 1064, 1146, 1364])
def test_a_wrong_statement_is_a_fault_of_ours(code: int) -> None:
    error = driver_error(code)
    assert passing_refusal(error) is None
    with pytest.raises(aiomysql.MySQLError), translate_errors():
        raise error


class Committing:
    """A connection whose commit fails."""

    closed = False

    def __init__(self, code: int) -> None:
        self._code = code
        self.is_rolled_back = False

    async def commit(self) -> None:
        raise driver_error(self._code)

    async def rollback(self) -> None:
        self.is_rolled_back = True

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("code", sorted({*RETRIED, 1180, 2013, 1053}))
async def test_only_what_surely_was_not_committed_is_done_again(code: int) -> None:
    connection = Committing(code)
    with translate_errors(), pytest.raises((AppError, aiomysql.MySQLError)) as caught:
        await end_transaction(connection, "commit")

    is_unknown = isinstance(caught.value, AppError) and says(
        caught.value, catalogue.OUTCOME_UNKNOWN
    )
    assert is_unknown == (code not in TAKEN_BACK)
    assert (connection.is_rolled_back, connection.closed) == (not is_unknown, is_unknown)


class EndedWriter:
    """What uvloop says once it knows that a connection has ended."""

    transport: Any

    def __init__(self) -> None:
        self.transport = self

    def write(self, data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


async def test_words_to_a_connection_that_has_ended_are_no_fault() -> None:
    connection = Connection(user="x")
    connection._writer = EndedWriter()
    assert says(await refusal_of_query(connection), catalogue.DATABASE_UNAVAILABLE)
    assert connection.closed


async def refusal_of_query(connection: Connection) -> AppError:
    with pytest.raises(AppError) as caught, translate_errors():
        await connection.query("select 1")
    return caught.value


async def test_an_answer_of_which_a_part_had_come_when_its_connection_was_ended() -> None:
    connection = Connection(user="x")
    connection._writer = EndedWriter()
    reader = connection._reader = asyncio.StreamReader()
    connection._next_seq_id = 0
    reading = asyncio.ensure_future(connection._read_packet())
    await asyncio.sleep(0)
    reader.feed_data(b"\x05\x00\x00\x00")
    connection.abort()
    with pytest.raises(AppError) as caught, translate_errors():
        await reading
    assert says(caught.value, catalogue.DATABASE_UNAVAILABLE)
    with pytest.raises(aiomysql.OperationalError):
        await read_some(cast(Any, connection))


def test_a_command_says_why_the_database_cannot_be_worked_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = aiomysql.OperationalError(2026, "TLS was asked for, and the server has none")

    with pytest.raises(AppError) as caught:
        raise unreachable(error) from error
    print_refusal(caught.value)

    text = capsys.readouterr().err
    assert "correct the server's certificate" in text
    assert "TLS was asked for, and the server has none" in text
