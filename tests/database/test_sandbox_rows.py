"""What the sandbox takes of what is real, which is nothing, and how long its rows are kept."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.db.pool import TWO_TRIP_SIZE, pools
from app.db.transactions import in_transaction, reading
from app.db.twins import use_twins
from pipeline_dist.accounts import keys, sandbox
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.authentication import Credentials, authenticate
from pipeline_dist.accounts.sandbox import SANDBOX_SWEEPER, drop_orphans, sandbox_of
from pipeline_dist.accounts.sandbox_keeper import forget_old, forget_orphans
from pipeline_dist.admission import queue_metrics, service as admission
from pipeline_dist.api import batches
from pipeline_ops.calls import sweeper
from tests.support.installation import Installation
from tests.support.tampering import run_migration
from tests.support.trade import Clock, Trade, add_price, begin_call, make_trade

WITHIN_SECONDS = 30
MIGRATION = "0012"
LINES = [{"unit": "call", "quantity": Decimal(1)}]
# All that the sandbox has of a distributor, by the column that says whose it is.
TABLES = {
    "distributors": "id", "distributor_pipeline": "distributor_id",
    "pipeline_usage_log": "distributor_id", "app_call_tag": "distributor_id",
    "app_past_counter": "distributor_id",
}  # fmt: skip


class Program:
    """A distributor's program that tries its calls in the sandbox."""

    def __init__(self, trade: Trade, credentials: Credentials) -> None:
        self.trade = trade
        self._credentials = credentials
        self._number = 0

    async def within(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do *work* within the sandbox; fails where that waits for somebody."""
        async with asyncio.timeout(WITHIN_SECONDS):
            async with sandbox_of(await authenticate(self._credentials)):
                return await work()

    async def book(self, started_at: datetime | None = None) -> Any:
        """Book a call that is over."""
        self._number += 1
        command = begin_call(
            self.trade.code, idempotency_key=f"s{self._number}", status="succeeded", lines=LINES,
            started_at=started_at, is_told=started_at is not None, tags='{"team":"a"}',
        )  # fmt: skip
        return await self.within(lambda: admission.begin(self._credentials, command))

    async def begin(self) -> Any:
        """Begin a call."""
        self._number += 1
        command = begin_call(self.trade.code, idempotency_key=f"s{self._number}")
        return await self.within(lambda: admission.begin(self._credentials, command))


async def make_program(**changes: dict[str, Any]) -> Program:
    key = keys.mint()
    distributor = changes.pop("distributors", {})
    trade = await make_trade(
        distributors={"api_key_hash": keys.digest(key), **distributor}, **changes
    )
    await add_price(trade, unit_price=1)
    scopes = frozenset({Scope.CALLS})
    return Program(trade, Credentials(keys.digest(key), keys.prefix(key), "127.0.0.1", scopes))


async def change(text: str, **values: Any) -> None:
    await in_transaction(lambda sor: sor.sqlExe(text, values))


async def count_of(table: str, column: str, value: str) -> int:
    async with reading() as sor:
        rows = await sor.tuples(
            f"select count(*) from app_sandbox_{table} where {column} = ${{value}}$",
            {"value": value},
        )
    return int(rows[0][0])


async def test_it_goes_on_other_connections_than_admission(hands: Clock) -> None:
    program = await make_program()
    slots = pools().two_trips()._slots
    for _ in range(TWO_TRIP_SIZE):
        await slots.acquire()
    try:
        assert (await program.book()).call["status"] == "succeeded"
    finally:
        for _ in range(TWO_TRIP_SIZE):
            slots.release()


async def test_it_waits_for_no_row_of_a_line_and_writes_none(
    hands: Clock, pool: Installation
) -> None:
    program = await make_program()
    pipeline_id = program.trade.rows["pipelines"]["id"]
    await change("delete from pipeline_capacity where pipeline_id = ${id}$", id=pipeline_id)
    with pool.connect() as connection, connection.cursor() as cursor:
        cursor.execute("start transaction")
        cursor.execute("select id from pipelines where id = %s for update", (pipeline_id,))
        assert (await program.begin()).call["status"] == "reserved"
        hands.moment += timedelta(days=2)
        async with asyncio.timeout(WITHIN_SECONDS):
            with use_twins():
                assert await sweeper.expire_overdue(hands.moment) == 1
        cursor.execute("rollback")


async def test_batches_of_both_have_turns_of_their_own(hands: Clock) -> None:
    program = await make_program()
    item = {"idempotency_key": "b", "pipeline": program.trade.code, "status": "succeeded",
            "lines": [{"unit": "call", "quantity": 1}]}  # fmt: skip
    async with batches._turn({program.trade.distributor_id}):
        owner = program.trade.distributor_id
        result = await program.within(lambda: batches.book_all(owner, [item]))
    assert len(result.outcomes) == 1


async def test_nothing_of_it_is_measured(hands: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[float] = []

    class Gauge:
        def set(self, value: float) -> None:
            runs.append(value)

    async def is_right(_: Any) -> None:
        """The hands say another time than the database."""

    monkeypatch.setattr(sweeper, "_last_run", Gauge())
    monkeypatch.setattr(sweeper, "require_right_clock", is_right)
    program = await make_program()
    before = {key: child.value for key, child in queue_metrics._children.items()}
    await program.book()
    async with reading() as sor:
        await SANDBOX_SWEEPER.work(sor, asyncio.Event())
    assert {key: child.value for key, child in queue_metrics._children.items()} == before
    assert runs == []


async def test_what_counted_for_another_period_is_dropped(hands: Clock) -> None:
    program = await make_program(
        distributors={"quota_period": "month", "quota_calls": 9, "spend_limit": 9},
        distributor_pipeline={"monthly_quota": 9},
    )
    owner, pipeline_id = program.trade.distributor_id, program.trade.rows["pipelines"]["id"]
    await change(
        "update distributor_pipeline set created_at = '2026-01-01' where distributor_id = ${id}$",
        id=owner,
    )
    await program.book()
    await program.book(started_at=hands.moment - timedelta(days=31))
    assert await past_owners(owner) == {"", pipeline_id}
    await change(
        "update distributors set quota_period = 'day', spend_period = 'month' where id = ${id}$",
        id=owner,
    )
    await program.within(_nothing)
    async with reading() as sor:
        rows = await sor.tuples(
            "select quota_used, quota_key, spend_used from app_sandbox_distributors"
            " where id = ${id}$", {"id": owner},
        )  # fmt: skip
    assert [tuple(row) for row in rows] == [(0, None, 2)]
    assert await past_owners(owner) == {pipeline_id}
    # The line is taken away.
    await change("delete from distributor_pipeline where distributor_id = ${id}$", id=owner)
    await program.within(_nothing)
    assert await past_owners(owner) == set()


async def test_a_process_that_dies_between_its_transactions_leaves_no_counter_of_before(
    hands: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = await make_program(distributors={"quota_period": "month", "quota_calls": 9})
    owner = program.trade.distributor_id
    await program.book()
    bring_over = sandbox._bring_over

    async def period() -> tuple[Any, ...]:
        async with reading() as sor:
            (row,) = await sor.tuples(
                "select quota_period, quota_used from app_sandbox_distributors where id = ${id}$",
                {"id": owner},
            )
        return tuple(row)

    async def turn_to(name: str) -> None:
        await change(
            "update distributors set quota_period = ${name}$ where id = ${id}$", id=owner, name=name
        )

    async def dies(*_: Any) -> None:
        raise RuntimeError

    async def is_late(*args: Any) -> None:
        await turn_to("month")
        await bring_over(*args)

    assert await period() == ("month", 1)
    await turn_to("day")
    monkeypatch.setattr(sandbox, "_bring_over", dies)
    with pytest.raises(RuntimeError):
        await program.within(_nothing)
    monkeypatch.setattr(sandbox, "_bring_over", bring_over)
    await program.book()
    assert await period() == ("day", 1 + 1)  # what the ledger has of the day
    # Or the real one turns in between.
    monkeypatch.setattr(sandbox, "_bring_over", is_late)
    await program.within(_nothing)
    assert await period() == ("day", 2)
    monkeypatch.setattr(sandbox, "_bring_over", bring_over)
    await program.within(_nothing)
    assert await period() == ("month", 0)


async def test_nothing_is_counted_of_a_line_that_is_deleted(hands: Clock) -> None:
    program, other = await make_program(), await make_program()
    lines = []
    await change("update distributor_pipeline set created_at = '2026-01-01'")
    for one in (program, other):
        await change(
            "update pipeline_capacity set monthly_quota = 9 where pipeline_id = ${id}$",
            id=one.trade.rows["pipelines"]["id"],
        )
        await one.book()
        await one.book(started_at=hands.moment - timedelta(days=31))
        lines.append(one.trade.rows["pipelines"]["id"])
    tables = ("distributor_pipeline", "pipeline_capacity")

    async def counts() -> list[list[int]]:
        names = (*tables, "app_past_counter")
        return [[await count_of(name, "pipeline_id", line) for name in names] for line in lines]

    before = await counts()
    assert all(count > 0 for line in before for count in line)
    for table in tables:
        await change(f"delete from {table} where pipeline_id = ${{id}}$", id=lines[0])
    await drop_orphans(1000)
    assert await counts() == [[0, 0, 0], before[1]]


async def past_owners(distributor_id: str) -> set[str]:
    """Of which lines, or of all, the sandbox has counters of past periods for a distributor."""
    async with reading() as sor:
        return set(
            await sor.firsts(
                "select pipeline_id from app_sandbox_app_past_counter"
                " where distributor_id = ${id}$", {"id": distributor_id},
            )
        )  # fmt: skip


async def _nothing() -> None:
    """Be in the sandbox."""


async def test_its_calls_are_kept_as_long_as_events(hands: Clock) -> None:
    program = await make_program(distributors={"quota_period": "month", "quota_calls": 9})
    owner = program.trade.distributor_id
    await program.book()
    hands.moment += timedelta(days=60)
    await program.book()
    await forget_old(hands.moment, asyncio.Event())
    assert await count_of("app_call_tag", "distributor_id", owner) == 2
    hands.moment += timedelta(days=31)
    assert await forget_old(hands.moment, asyncio.Event()) >= 1
    assert await count_of("pipeline_usage_log", "distributor_id", owner) == 1
    assert await count_of("app_call_tag", "distributor_id", owner) == 1
    # And none of a real one.
    await program.trade.book_call(1)
    hands.moment += timedelta(days=400)
    await forget_old(hands.moment, asyncio.Event())
    async with reading() as sor:
        rows = await sor.firsts(
            "select id from pipeline_usage_log where distributor_id = ${id}$", {"id": owner}
        )
    assert rows


async def test_nothing_is_left_of_who_is_deleted(hands: Clock) -> None:
    program, other = await make_program(), await make_program()
    for one in (program, other):
        await one.book()
    owner, pipeline_id = program.trade.distributor_id, program.trade.rows["pipelines"]["id"]
    await program.begin()  # its slot is given back
    for table, column in (("distributor_pipeline", "distributor_id"), ("distributors", "id")):
        await change(f"delete from {table} where {column} = ${{id}}$", id=owner)
    assert await forget_orphans(asyncio.Event()) >= 1
    for table, column in TABLES.items():
        assert await count_of(table, column, owner) == 0, table
    async with reading() as sor:
        slots = await sor.firsts(
            "select running from app_sandbox_pipeline_capacity where pipeline_id = ${id}$",
            {"id": pipeline_id},
        )
    assert slots == [0]
    assert await count_of("pipeline_usage_log", "distributor_id", other.trade.distributor_id)


async def test_no_key_was_made_after_its_end(hands: Clock, pool: Installation) -> None:
    program = await make_program()
    owner = program.trade.distributor_id
    await change(
        "update app_key set made_at = '2026-06-01', expires_at = '2026-05-01'"
        " where distributor_id = ${id}$", id=owner,
    )  # fmt: skip
    await run_migration(pool, MIGRATION)
    async with reading() as sor:
        ((made_at, expires_at),) = await sor.tuples(
            "select made_at, expires_at from app_key where distributor_id = ${id}$", {"id": owner}
        )
    assert made_at < expires_at
