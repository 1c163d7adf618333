"""The files of statements: made after the close of what is kept then, once, whoever makes them."""

import asyncio
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pymysql
import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction, reading
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.closing import close as closing, files, store
from pipeline_dist.closing.close import close_month
from pipeline_dist.closing.content import content_checksum, document_of, statement_content
from pipeline_dist.closing.files import keep_missing_files, kept_file
from pipeline_dist.closing.look import view_of_month
from pipeline_dist.closing.render import ALL_FILES, File, Kind, render
from pipeline_dist.closing.store import Statement
from tests.database.test_closing import (  # noqa: F401  a fixture
    AFTER,
    DECEMBER,
    NOVEMBER,
    close,
    kept_bytes,
    trade,
    void,
)
from tests.support.installation import Installation
from tests.support.trade import Clock, Trade, differences

JSON, CSV = File(Kind.JSON), File(Kind.CSV)


@pytest.fixture
async def result(trade: Trade, hands: Clock) -> Statement:  # noqa: F811
    """November, closed by a process that was killed before it made the files."""
    hands.moment = AFTER
    statement = await in_transaction(
        lambda sor: close_month(sor, trade.distributor_id, NOVEMBER, SYSTEM_ACTOR)
    )
    assert statement is not None
    return statement


async def content_of(statement: Statement) -> str:
    async with reading() as sor:
        return await store.read_content(sor, statement.id)


async def test_nothing_is_rendered_while_the_distributor_is_locked(
    pool: Installation,
    trade: Trade,  # noqa: F811
    hands: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hands.moment = AFTER
    rows: list[Any] = []

    def render_and_book(document: Mapping[str, Any], file: File) -> bytes:
        pool.query("update distributors set lock_no = lock_no + 1 where id = %s",
                   trade.distributor_id)  # fmt: skip
        rows.extend(pool.query("select closed_month from distributors where id = %s",
                               trade.distributor_id))  # fmt: skip
        return render(document, file)

    monkeypatch.setattr(files, "render", render_and_book)
    await close(trade)

    assert [row["closed_month"] for row in rows] == [NOVEMBER] * len(ALL_FILES)


async def test_what_was_cut_short_is_made_by_whoever_asks(
    pool: Installation, result: Statement
) -> None:
    assert await kept_bytes(pool, result.id) == []

    data = await kept_file(result.id, CSV)

    assert await kept_bytes(pool, result.id) == [("csv", "", data)]
    assert await differences() == []


async def test_what_was_cut_short_is_made_by_a_worker(
    pool: Installation, result: Statement
) -> None:
    await kept_file(result.id, CSV)

    await keep_missing_files(AFTER - timedelta(seconds=1))
    assert len(await kept_bytes(pool, result.id)) == 1

    await keep_missing_files(AFTER)
    rows = {(kind, lang) for kind, lang, _ in await kept_bytes(pool, result.id)}
    assert rows == set(ALL_FILES)


async def test_files_that_cannot_be_made_leave_the_month_closed(
    trade: Trade,  # noqa: F811
    hands: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hands.moment = AFTER

    def fail(document: Mapping[str, Any], file: File) -> bytes:
        raise MemoryError

    monkeypatch.setattr(files, "render", fail)

    assert await close(trade) is not None
    assert "making the files" in caplog.text
    assert (await trade.row("distributors")).closed_month == NOVEMBER


@pytest.mark.parametrize("file", ALL_FILES)
async def test_whoever_makes_a_file_makes_the_same_bytes(result: Statement, file: File) -> None:
    document = document_of(await content_of(result))
    first = render(document, file)
    await asyncio.sleep(2.1)  # a zip counts two seconds

    assert render(document, file) == first


async def test_two_readers_at_once_get_what_is_kept(
    pool: Installation, result: Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they would not make the same, as two versions of the code might not."""
    numbers = iter(range(100))
    another = threading.Event()

    def render_anew(document: Mapping[str, Any], file: File) -> bytes:
        number = next(numbers)
        # In a thread: the first is done only when a second one has begun.
        if number:
            another.set()
        elif not another.wait(30):
            raise TimeoutError("nobody made the file at the same time")
        return f"made by {number}".encode()

    monkeypatch.setattr(files, "render", render_anew)
    answers = await asyncio.gather(*(kept_file(result.id, JSON) for _ in range(8)))

    assert next(numbers) > 1
    assert [("json", "", answers[0])] == await kept_bytes(pool, result.id)
    assert set(answers) == {answers[0]}


async def test_the_content_says_all_that_the_files_are_made_of(
    trade: Trade,  # noqa: F811
    hands: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lines, corrections and adjustments come back from it in the kinds of values they had."""
    late = await trade.book_call(3)
    hands.moment = AFTER
    await close(trade)
    await void(late["call_no"])
    hands.moment = AFTER + timedelta(days=31)
    documents: list[Mapping[str, Any]] = []

    def keep_document(document: Mapping[str, Any]) -> str:
        documents.append(document)
        return statement_content(document)

    monkeypatch.setattr(closing, "statement_content", keep_document)
    december = await close(trade, DECEMBER)

    assert december is not None
    (document,) = documents
    assert document["corrections"]
    copy = document_of(await content_of(december))
    assert copy == {**document, "checksum": december.checksum}
    assert _kinds(copy) == _kinds({**document, "checksum": ""})


def _kinds(document: Mapping[str, Any]) -> dict[str, Any]:
    """The kinds of all values by their names, and the order of the names."""
    values = {name: value for name, value in document.items() if not isinstance(value, list)}
    rows = [*document["lines"], *document["corrections"], *document["adjustments"]]
    return {name: _kind(value) for name, value in values.items()} | {
        "rows": [[(name, _kind(value)) for name, value in row.items()] for row in rows],
        "order": list(document),
    }


def _kind(value: Any) -> type:
    return str if isinstance(value, str) else type(value)


async def test_what_is_long_is_kept_in_pieces(
    pool: Installation,
    trade: Trade,  # noqa: F811
    hands: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = [(await trade.book_call(1))["call_no"] for _ in range(30)]
    hands.moment = AFTER
    await close(trade)
    for call_no in calls:
        await void(call_no)
    hands.moment = AFTER + timedelta(days=31)
    monkeypatch.setattr(store, "MAX_PIECE_CHARACTERS", 1000)
    december = await close(trade, DECEMBER)

    assert december is not None
    text = await content_of(december)
    assert len(text) > 10_000
    assert content_checksum(text) == december.checksum
    for table in ("app_statement", "app_statement_file", "app_statement_piece"):
        (row,) = pool.query(f"select max(char_length(content)) as longest from {table}")
        if table == "app_statement_piece":
            assert row["longest"] == 1000
    (row,) = pool.query("select content from app_statement where id = %s", december.id)
    assert row["content"] == "{}"
    async with reading() as sor:
        distributor = await read_distributor(sor, trade.distributor_id)
        assert distributor is not None
        view = await view_of_month(sor, distributor, DECEMBER)
        document = await view.read_document(sor)
    assert len(document["corrections"]) == 30
    for file in ALL_FILES:
        assert await view.file(file) == render(document, file)
    assert [item for item in await differences() if item.row_id == december.id] == []
    with pytest.raises(pymysql.MySQLError, match="never changes"):
        pool.query("delete from app_statement_piece")
