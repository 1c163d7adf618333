"""The quick cursor reads what aiomysql's own reads, whatever the size and the type."""

import asyncio
from enum import Enum
from typing import Any

import aiomysql
import pytest
from pymysql.converters import escape_string

from app.db.cursor import BufferedCursor, escape_text, sql_literal
from app.db.pool import pools
from app.db.results import Rows, run_statements
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading
from tests.support.installation import Installation

pytestmark = pytest.mark.usefixtures("pool")

STATEMENTS = [
    "select 1 as a, null as b, 'täxt 产线' as c, 1.50 as d, now(3) as e, x'00ff' as f, '' as g",
    "select * from information_schema.columns order by table_name, ordinal_position limit 3000",
    "select * from pipelines where 1 = 0",
    "select repeat('x', 250) as a, repeat('y', 251) as b, repeat('z', 70000) as c, 7 as d",
    "select json_object('k', 'v') as j, cast('2026-01-01' as date) as d, true as t, 1e300 as f",
    "do 1",
    "show variables like 'version%'",
]


async def both(statement: str) -> list[Any]:
    """Rows and columns as aiomysql's cursor and ours read them."""
    result = []
    async with reading() as sor:
        for kind in (aiomysql.Cursor, BufferedCursor, BufferedCursor):
            async with sor.conn.cursor(kind) as cursor:
                count = await cursor.execute(statement)
                result.append((count, cursor.description, await cursor.fetchall()))
    return result


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_it_reads_the_same(pool: Installation, statement: str) -> None:
    plain, first, again = await both(statement)

    assert first[0] == plain[0]
    if "now(" not in statement:
        assert first == plain
    assert again[1] == first[1]


async def by_cursor(sor: SafeSqlor, statement: str) -> Rows:
    async with sor.conn.cursor(BufferedCursor) as cursor:
        await cursor.execute(statement)
        rows: Rows = await cursor.fetchall()
        return rows


async def by_text(sor: SafeSqlor, statement: str) -> Rows:
    (rows,), error = await run_statements(sor.conn, [statement])
    assert error is None
    return rows


@pytest.mark.parametrize("rows_by", [by_cursor, by_text])
async def test_a_row_of_more_than_16_megabytes_and_others_go_on(rows_by: Any) -> None:
    turn_count = 0

    async def go_on() -> None:
        nonlocal turn_count
        while True:
            await asyncio.sleep(0)
            turn_count += 1

    async with reading() as sor:
        await sor.statement("set @many = repeat('m', 1000000)")
        others = asyncio.create_task(go_on())
        columns = ", ".join(["@many"] * 20)
        (row,) = await rows_by(sor, f"select {columns}, 5 as last")
        others.cancel()

    assert [len(value) for value in row[:-1]] == [1_000_000] * 20
    assert row[-1] == 5
    # What comes at a time is 400 kB at most.
    assert turn_count > 50


async def test_an_error_in_the_middle_of_a_result_is_told_and_the_connection_goes_on(
    pool: Installation,
) -> None:
    async with reading() as sor, sor.conn.cursor(BufferedCursor) as cursor:
        with pytest.raises(aiomysql.MySQLError):
            await cursor.execute(
                "select seq, (select 1 union select if(seq > 50, 2, 1)) from seq_1_to_100"
            )
        await cursor.execute("select 3")
        assert await cursor.fetchall() == ((3,),)


async def test_a_cancelled_statement_closes_its_connection(pool: Installation) -> None:
    async def slow() -> None:
        async with reading() as sor, sor.conn.cursor(BufferedCursor) as cursor:
            await cursor.execute("select sleep(5)")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow(), 0.2)

    async with reading() as sor:
        assert (await sor.one("select 4 as four", {})) == {"four": 4}
    assert pools().pool("pipeline") is not None


def test_long_texts_are_quoted_as_the_driver_quotes_them() -> None:
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    nasty = "\\' \\\\'' \\0\0 %s %% ${x}$ \x1a\\Z\n\\n\"\\\"" * 100

    for text in (every, every[::-1], nasty, "", "\\" * 2001):
        assert escape_text(text) == escape_string(text)


async def test_every_letter_is_quoted_as_the_driver_quotes_it(pool: Installation) -> None:
    letters = [chr(code) for code in (*range(0x250), *range(0x2010, 0x2040), 0xFF07, 0x1F600)]

    async with reading() as sor:
        for letter in letters:
            for text in (letter, f"a{letter}", f"{letter}b-1", letter * 2):
                assert sql_literal(sor.conn, text) == sor.conn.escape(text)
        for value in ("", "order-4711", "a b", 4, True, None, 1.5):
            assert sql_literal(sor.conn, value) == sor.conn.escape(value)


class Kind(str, Enum):  # noqa: UP042  # of its own, what a StrEnum is not
    PLAIN = "plain"
    QUOTED = "it's"
    LONG = "é" * 2000


class Formatted(str):
    __slots__ = ()

    def __format__(self, _: str) -> str:
        return "' or 1 = 1 -- "


async def test_a_kind_of_text_is_quoted_by_its_letters(pool: Installation) -> None:
    async with reading() as sor:
        for value in (*Kind, Formatted("plain"), Formatted("it's"), Formatted("é" * 2000)):
            assert sql_literal(sor.conn, value) == sor.conn.escape(value)


async def test_a_long_text_of_any_letters_comes_back_as_it_was_sent() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)])) + "\\' or 1 = 1 -- "
    async with reading() as sor:
        rows = await sor.sqlExe("select ${text}$ as said", {"text": text})

    assert rows[0]["said"] == text
