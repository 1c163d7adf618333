"""A read that takes too long is ended in the database itself, and its connection goes on."""

import asyncio
from typing import Any

import pytest

from app.base.catalogue.requests import TOO_SLOW
from app.base.errors import Unavailable
from app.base.i18n import translate
from app.db.time_limit import TimeLimit
from app.db.transactions import reading
from tests.support.installation import Installation

# Hours of work that sends nothing meanwhile.
LONG = (
    "select count(*) as slow_read from seq_1_to_1000000 a, seq_1_to_1000000 b"
    " where a.seq * b.seq < ${least}$"
)
# Rows are on their way already when it grows too long.
LATE = "select a.seq, sleep(if(a.seq > 200, 60, 0)) as slow_read from seq_1_to_1000 a"

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can wait for."""
    limit_of = TimeLimit.of
    monkeypatch.setattr(TimeLimit, "of", classmethod(lambda _, __, refusal: limit_of(1, refusal)))


async def statements() -> list[str]:
    """What the database is at."""
    async with reading() as sor:
        rows = await sor.sqlExe(
            "select info from information_schema.processlist where info like ${like}$"
            " and id <> connection_id()",
            {"like": "%slow_read%"},
        )
    return [row["info"] for row in rows]


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("sql", [LONG, LATE, f"with w as ({LONG}) select * from w"])
async def test_it_is_refused_and_ended(pool: Installation, sql: str, *, snapshot: bool) -> None:
    async with reading(snapshot=snapshot, refusal=TOO_SLOW) as sor:
        (number,) = await sor.firsts("select connection_id()", {})
        with pytest.raises(Unavailable) as refusal:
            await sor.sqlExe(sql, {"least": 0})

    assert (refusal.value.code, refusal.value.status) == ("too_slow", 503)
    assert "1 s" in str(refusal.value)
    assert "1 秒" in translate(refusal.value.text, "zh")
    assert await statements() == []
    # The same connection goes on, for reads without a limit too.
    async with reading() as sor:
        row = await sor.one("select connection_id() as id, sleep(1.2) as slept", {})
    assert row == {"id": number, "slept": 0}


@pytest.mark.usefixtures("seconds")
async def test_statements_share_the_time(pool: Installation) -> None:
    count = 0
    with pytest.raises(Unavailable) as refusal:  # noqa: PT012  the block is what is tested
        async with reading(refusal=TOO_SLOW) as sor:
            while count < 100:
                await sor.one("select sleep(0.2) as slow_read", {})
                count += 1

    assert refusal.value.code == "too_slow"
    assert count < 6


@pytest.mark.usefixtures("seconds")
async def test_only_the_time_in_the_database_counts(pool: Installation) -> None:
    async with reading(refusal=TOO_SLOW) as sor:
        await asyncio.sleep(1.1)
        assert await sor.firsts("select 1", {}) == [1]
        with pytest.raises(Unavailable):
            await sor.firsts("select sleep(3)", {})
        with pytest.raises(Unavailable, match="1 s"):
            await sor.firsts("select 1", {})


async def test_values_are_bound_as_elsewhere(pool: Installation) -> None:
    async with reading(refusal=TOO_SLOW) as sor:
        rows = await sor.sqlExe(
            "select ${text}$ as `text`, 7 % 4 as rest, 'a%' as letters", {"text": "%s 'x'"}
        )
        assert await sor.firsts("select 100 % 7", {}) == [2]

    assert rows == [{"text": "%s 'x'", "rest": 3, "letters": "a%"}]


class Server:
    """A connection by what its server says of itself."""

    def __init__(self, version: str) -> None:
        self.server_version = version


@pytest.mark.parametrize(
    ("version", "beginning"),
    [
        ("5.5.5-10.11.6-MariaDB-1", "set statement max_statement_time=19."),
        ("8.0.36", "select /*+ max_execution_time(19"),
    ],
)
def test_each_server_is_told_in_its_own_words(version: str, beginning: str) -> None:
    limit = TimeLimit(TOO_SLOW, 20, 19.999)
    connection: Any = Server(version)

    text = limit.bound(connection, "select 1 from (select 2) a")

    assert text.startswith(beginning)
    assert text.endswith(" 1 from (select 2) a")
