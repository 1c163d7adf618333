"""A transaction in two round trips: begun with its first statements, committed with its last."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiomysql import Connection

from app.base.errors import Unavailable
from app.base.refusals import DuplicateKey
from app.db.bulk import insert_texts, quote_of
from app.db.errors import failure_code
from app.db.pool import TwoTripPool, pools
from app.db.results import Query, run_statements
from app.db.transactions import in_transaction, reading, transaction
from app.db.two_trips import TwoTripSqlor
from tests.support.installation import Installation

TABLE = "app_login_attempt"
COLUMNS = ("id", "fails", "last_at")
ALL = Query(f"select id, fails from {TABLE} where id like ${{like}}$ order by id", {"like": "%"})


@pytest.fixture(autouse=True)
async def _empty(pool: Installation) -> None:
    async with transaction() as sor:
        await sor.sqlExe(f"delete from {TABLE}", {})


async def names() -> list[str]:
    async with reading() as sor:
        return [str(name) for name in await sor.firsts(f"select id from {TABLE} order by id", {})]


def rows(sor: Any, *ids: str) -> list[str]:
    quote = quote_of(sor)
    texts = [f"({quote(name)},1,'2026-11-30')" for name in ids]
    return list(insert_texts(TABLE, COLUMNS, texts))


async def test_all_is_done_in_two_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    send = Connection._execute_command

    async def send_and_keep(self: Any, command: int, text: Any) -> None:
        texts.append(text.decode() if isinstance(text, bytes) else text)
        await send(self, command, text)

    await in_transaction(lambda sor: sor.write_last(rows(sor, "a", "b")), two_trips=True)
    monkeypatch.setattr(Connection, "_execute_command", send_and_keep)

    before = await in_transaction(
        lambda sor: _then(sor.together(ALL), sor.write_last(rows(sor, "c"))), two_trips=True
    )

    assert [text.split()[0] for text in texts] == ["start", "insert"]
    assert texts[0].count("; ") == 1
    assert texts[1].endswith("; commit")
    assert before == [(("a", 1), ("b", 1))]
    monkeypatch.undo()
    assert await names() == ["a", "b", "c"]


async def test_a_node_of_a_cluster_is_asked_one_statement_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Galera may end a transaction within a text, and go on with the rest of it."""
    texts: list[str] = []
    send = Connection._execute_command

    async def send_and_keep(self: Any, command: int, text: Any) -> None:
        texts.append(text.decode() if isinstance(text, bytes) else text)
        await send(self, command, text)

    async def open_to_node(self: TwoTripPool) -> Connection:
        connection = await open_connection(self)
        connection.takes_texts = False
        return connection

    open_connection = TwoTripPool._open
    monkeypatch.setattr(TwoTripPool, "_open", open_to_node)
    await pools().two_trips().close()
    await in_transaction(lambda sor: sor.together(ALL), two_trips=True)
    monkeypatch.setattr(Connection, "_execute_command", send_and_keep)

    before = await in_transaction(
        lambda sor: _then(sor.together(ALL, ALL), sor.write_last(rows(sor, "a", "b"))),
        two_trips=True,
    )
    with pytest.raises(DuplicateKey):
        await in_transaction(
            lambda sor: sor.write_last([*rows(sor, "c"), *rows(sor, "a")]), two_trips=True
        )

    words = "start select select insert commit start insert insert rollback"
    assert [text.split()[0].lower() for text in texts] == words.split()
    assert before == [(), ()]
    await pools().two_trips().close()
    monkeypatch.undo()
    assert await names() == ["a", "b"]


async def _then(first: Any, second: Any) -> Any:
    result = await first
    await second
    return result


async def test_a_value_is_a_value_whatever_is_in_it() -> None:
    hostile = ["'; delete from app_login_attempt; --", "\\'; commit; '", "a;b", "名'\"\\\0\n\x1a%s"]

    async def work(sor: Any) -> list[Any]:
        answers = await sor.together(
            Query("select ${a}$, ${b}$", {"a": hostile[0], "b": hostile[1]}),
            Query("select ${c}$, ${d}$ where '%' = '%'", {"c": hostile[2], "d": hostile[3]}),
        )
        await sor.write_last(rows(sor, *hostile))
        return answers

    echoes = await in_transaction(work, two_trips=True)

    assert [value for rows_ in echoes for row in rows_ for value in row] == hostile
    assert sorted(await names()) == sorted(hostile)


async def test_what_stands_behind_a_failure_is_not_done() -> None:
    await in_transaction(lambda sor: sor.write_last(rows(sor, "a")), two_trips=True)

    async def repeat(sor: Any) -> None:
        await sor.write_last([*rows(sor, "b"), *rows(sor, "a"), *rows(sor, "c")])

    with pytest.raises(DuplicateKey) as caught:
        await in_transaction(repeat, two_trips=True)

    assert caught.value.index == "PRIMARY"
    assert await names() == ["a"]


async def test_a_query_that_fails_leaves_nothing_open() -> None:
    async def work(sor: Any) -> None:
        await sor.together(ALL, Query("select nothing from nowhere", {}), ALL)

    with pytest.raises(Exception, match="nowhere"):
        await in_transaction(work, two_trips=True)

    assert await in_transaction(lambda sor: sor.together(ALL), two_trips=True) == [()]


@pytest.mark.parametrize("error", [ValueError("boom"), asyncio.CancelledError()])
async def test_who_fails_between_the_two_writes_nothing(error: BaseException) -> None:
    async def work(sor: Any) -> None:
        await sor.together(ALL)
        await sor.write_last(rows(sor, "a"))
        raise error

    with pytest.raises(type(error)):
        await in_transaction(work, two_trips=True)

    assert await names() == []


async def test_a_deadlock_is_tried_again() -> None:
    async with transaction() as sor:
        for text in rows(sor, "a", "b"):
            await sor.write(text)
    tries = 0
    locks: set[str] = set()

    async def add(first: str, second: str) -> None:
        async def work(sor: Any) -> None:
            nonlocal tries
            tries += 1
            lock = f"select id, fails from {TABLE} where id = ${{id}}$ for update"
            for name in (first, second):
                ((row,),) = await sor.together(Query(lock, {"id": name}))
                locks.add(name)
                while len(locks) < 2:
                    await asyncio.sleep(0.01)
                change = f"update {TABLE} set fails = {row[1] + 1} where id = '{name}'"
                await sor.write_last([change])

        await in_transaction(work, two_trips=True)

    await asyncio.gather(add("a", "b"), add("b", "a"))

    async with reading() as sor:
        assert await sor.firsts(f"select fails from {TABLE}", {}) == [3, 3]
    assert tries > 2


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_commit_that_may_have_arrived_is_told(
    pool: Installation, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """The connection goes while the last round trip is under way; whether the database had it all,
    nobody can say."""

    async def work(sor: TwoTripSqlor) -> None:
        await sor.together(ALL)
        await sor.write_last(rows(sor, "a"))
        if not is_there:
            (number,) = await sor.firsts("select connection_id()", {})
            pool.query(f"kill connection {number}")
        else:
            monkeypatch.setattr("app.db.packets.read_some", gone)

    async def gone(connection: Any) -> bytes:
        while not pool.query(f"select 1 from {TABLE}"):
            await asyncio.sleep(0.02)  # the database is at it
        connection.close()
        raise OSError("gone")

    with pytest.raises(Unavailable) as caught:
        await in_transaction(work, two_trips=True)

    monkeypatch.undo()
    assert "may be there or not" in str(caught.value.text)
    assert await names() == (["a"] if is_there else [])


@pytest.mark.parametrize(("number", "is_tried_again"), [(1213, True), (1180, False)])
async def test_a_commit_that_the_database_refuses(
    monkeypatch: pytest.MonkeyPatch, number: int, is_tried_again: bool
) -> None:
    """As a cluster does whose other node was quicker (1213), or cannot say what came of it."""
    tries = 0

    async def refuse_first(connection: Any, texts: Sequence[str]) -> Any:
        nonlocal tries
        if texts[-1] == "commit":
            tries += 1
            if tries == 1:
                refusal = f"signal sqlstate '40001' set mysql_errno = {number}"
                texts = [*texts[:-1], refusal]
        return await run_statements(connection, texts)

    monkeypatch.setattr("app.db.two_trips.run_statements", refuse_first)

    async def work(sor: Any) -> None:
        await sor.together(ALL)
        await sor.write_last(rows(sor, "a"))

    if is_tried_again:
        await in_transaction(work, two_trips=True)
    else:
        with pytest.raises(Unavailable) as caught:
            await in_transaction(work, two_trips=True)
        assert "may be there or not" in str(caught.value.text)

    assert (tries, await names()) == ((2, ["a"]) if is_tried_again else (1, []))


async def test_the_loss_of_a_connection_before_the_last_is_no_doubt(pool: Installation) -> None:
    async def work(sor: Any) -> None:
        (number,) = await sor.firsts("select connection_id()", {})
        pool.query(f"kill connection {number}")
        await sor.together(ALL)

    with pytest.raises(Unavailable) as caught:
        await in_transaction(work, two_trips=True)

    assert caught.value.code == "database_unavailable"
    assert "may be there or not" not in str(caught.value.text)
    assert failure_code(caught.value) is not None


async def test_a_connection_that_the_server_cut_is_not_lent(pool: Installation) -> None:
    number = await in_transaction(
        lambda sor: sor.firsts("select connection_id()", {}), two_trips=True
    )
    pool.query(f"kill connection {number[0]}")
    await asyncio.sleep(0.1)

    assert await in_transaction(lambda sor: sor.together(ALL), two_trips=True) == [()]


async def test_only_these_connections_take_several_statements() -> None:
    with pytest.raises(Exception, match="syntax"):
        async with reading() as sor:
            await sor.statement("select 1; select 2")


async def test_long_texts_go_ahead_of_the_commit() -> None:
    ids = [f"{number:05d}" for number in range(25_000)]

    async def work(sor: Any) -> None:
        await sor.write_last(rows(sor, *ids))

    await in_transaction(work, two_trips=True)

    assert len(await names()) == 25_000
    async with transaction() as sor:
        await sor.sqlExe(f"delete from {TABLE}", {})


async def test_a_connection_in_use_is_not_idle() -> None:
    await in_transaction(lambda sor: sor.together(ALL), two_trips=True)
    (connection,) = pools().two_trips()._free
    connection._last_usage -= 10_000

    await in_transaction(lambda sor: sor.together(ALL), two_trips=True)

    (connection,) = pools().two_trips()._free
    assert asyncio.get_running_loop().time() - connection.last_usage < 1000
