"""Transactions tell the truth, connections come back, and reads leave nothing open."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.base.clock import now
from app.base.errors import BadRequest, NotFound, Unavailable
from app.base.refusals import DuplicateKey
from app.db.errors import failure_code
from app.db.transactions import in_transaction, reading, transaction
from tests.support.installation import Installation

TABLE = "app_login_attempt"


def attempt(name: str, fails: int = 1) -> dict[str, object]:
    return {"id": name, "fails": fails, "last_at": now()}


async def names() -> list[str]:
    async with reading() as sor:
        rows = await sor.sqlExe(f"select id from {TABLE} order by id", {})
    return [row.id for row in rows]


@pytest.fixture(autouse=True)
async def _empty(pool: Installation):
    async with transaction() as sor:
        await sor.sqlExe(f"delete from {TABLE}", {})


@pytest.mark.parametrize("error", [ValueError("boom"), asyncio.CancelledError()])
async def test_a_failure_rolls_back_and_reaches_the_caller(error):
    with pytest.raises(type(error)):  # noqa: PT012  the block is what is tested
        async with transaction() as sor:
            await sor.C(TABLE, attempt("a"))
            raise error

    assert await names() == []


async def test_a_cancelled_statement_leaves_nothing_behind():
    async def slow():
        async with transaction() as sor:
            await sor.C(TABLE, attempt("a"))
            await sor.sqlExe("select sleep(30)", {})

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await names() == []


async def test_fifty_failures_use_no_connection_up(pool: Installation):
    before = pool.query("select count(*) as n from information_schema.processlist")[0]["n"]

    for _ in range(50):
        with pytest.raises(BadRequest):
            async with transaction() as sor:
                await sor.C(TABLE, attempt("a") | {"nothing": 1})

    after = pool.query("select count(*) as n from information_schema.processlist")[0]["n"]
    assert after <= before + 1


async def test_reads_leave_no_transaction_open(pool: Installation):
    await names()

    open_now = pool.query(
        "select count(*) as n from information_schema.processlist"
        " where command = 'Sleep' and state like '%transaction%'"
    )
    assert open_now[0]["n"] == 0
    # With a transaction left open this would wait for its metadata lock.
    pool.query("set statement max_statement_time=3 for alter table app_login_attempt comment 'x'")


async def test_concurrent_failures_and_successes_are_not_mixed_up():
    async def one(number: int) -> str:
        try:
            async with transaction() as sor:
                await sor.C(TABLE, attempt(f"{number:03d}"))
                if number % 3 == 0:
                    raise ValueError("no")
        except ValueError:
            return "failed"
        return "kept"

    outcomes = await asyncio.gather(*(one(number) for number in range(90)))

    expected = [f"{number:03d}" for number in range(90) if number % 3]
    assert [f"{n:03d}" for n, outcome in enumerate(outcomes) if outcome == "kept"] == expected
    assert await names() == expected


async def test_deadlocks_are_tried_again():
    async with transaction() as sor:
        await sor.C(TABLE, attempt("a", 0))
        await sor.C(TABLE, attempt("b", 0))
    tries = 0

    async def add(first: str, second: str) -> None:
        async def work(sor):
            nonlocal tries
            tries += 1
            for name in (first, second):
                await sor.sqlExe(
                    f"update {TABLE} set fails = fails + 1 where id = ${{n}}$", {"n": name}
                )
                await asyncio.sleep(0.05)

        await in_transaction(work)

    await asyncio.gather(add("a", "b"), add("b", "a"))

    async with reading() as sor:
        rows = await sor.sqlExe(f"select fails from {TABLE}", {})
    assert [row.fails for row in rows] == [2, 2]
    assert tries > 2


async def test_a_snapshot_sees_one_state():
    async with reading(snapshot=True) as sor:
        first = await sor.one(f"select count(*) as n from {TABLE}", {})
        async with transaction() as other:
            await other.C(TABLE, attempt("late"))
        second = await sor.one(f"select count(*) as n from {TABLE}", {})

    assert first == second == {"n": 0}
    assert await names() == ["late"]


async def test_a_duplicate_names_its_key():
    with pytest.raises(DuplicateKey) as error:  # noqa: PT012
        async with transaction() as sor:
            await sor.C(TABLE, attempt("a"))
            await sor.C(TABLE, attempt("a"))

    assert error.value.index == "PRIMARY"
    assert failure_code(error.value) == 1062


@pytest.mark.parametrize("key", [0, 1, None, True, ""])
async def test_a_key_that_is_no_text_deletes_nothing(key):
    async with transaction() as sor:
        await sor.C(TABLE, attempt("a"))

    with pytest.raises(BadRequest):
        async with transaction() as sor:
            await sor.D(TABLE, {"id": key})

    assert await names() == ["a"]


async def test_changing_what_is_not_there_is_an_error():
    for change in ({"id": "nobody", "fails": 3},):
        with pytest.raises(NotFound):
            async with transaction() as sor:
                await sor.U(TABLE, change)


async def test_an_update_to_the_same_value_finds_its_row():
    async with transaction() as sor:
        await sor.C(TABLE, attempt("a", 7))

        assert await sor.U(TABLE, {"id": "a", "fails": 7}) == 1


async def test_money_and_times_come_back_exactly():
    async with reading() as sor:
        row = await sor.one(
            "select cast('1234567890.1234567891' as decimal(20,10)) as amount,"
            " cast('2026-11-24 06:00:00.123' as datetime(3)) as at",
            {},
        )

    assert row == {
        "amount": Decimal("1234567890.1234567891"),
        "at": datetime(2026, 11, 24, 6, 0, 0, 123000, UTC),
    }


async def test_a_full_pool_answers_busy_after_its_wait(monkeypatch: pytest.MonkeyPatch):
    from app.base.settings import settings
    from app.db.pool import Pool

    small = Pool(settings().pipeline_database, size=1, wait_seconds=0.2)
    async with small.connection():
        with pytest.raises(Unavailable) as error:
            async with small.connection():
                pass
    await small.close()

    assert error.value.code == "busy"
