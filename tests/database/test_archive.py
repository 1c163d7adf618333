"""Closed months go into files and come back: nothing lost, nothing twice, every sum as before."""

import random
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pymysql
import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.settings import ROOT
from app.db.transactions import in_transaction, reading
from pipeline_dist.admission import service as admission
from pipeline_ops.archive import parquet
from pipeline_ops.archive.batches import archive_folder
from pipeline_ops.archiving.export import place_rows
from pipeline_ops.archiving.restore import restore_batch
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.rules.usage_lines import usage_lines
from tests.support.archives import (
    DECEMBER,
    JANUARY,
    MOMENTS,
    NOVEMBER,
    archive,
    close,
    ledger_of,
    make_seller,
    story,
    void,
)
from tests.support.installation import Installation
from tests.support.long_form import by_form
from tests.support.tampering import without_triggers
from tests.support.trade import Clock, Trade, begin_call, differences, finish_call

STEPS = (
    "chosen", "read", "written", "named", "locked", "reduced", "marked", "committed",
)  # fmt: skip


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    seller = await make_seller()
    await story(seller, hands, seed=1)
    assert await differences() == []
    return seller


def batches_of(pool: Installation, trade: Trade) -> list[dict[str, Any]]:
    return pool.query(
        "select * from app_archive_batch where distributor_id = %s order by id",
        trade.distributor_id,
    )


async def faults() -> list[tuple[str, str, str]]:
    return [(item.table, item.key, item.counter) for item in await differences()]


async def exported(trade: Trade | None, month: str) -> list[dict[str, Any]]:
    whose = trade.distributor_id if trade else None
    names = parquet.ledger_schema().names
    async with reading(snapshot=True) as sor:
        rows = [
            dict(zip(names, row, strict=True))
            async for portion in place_rows(sor, whose, month, names)
            for row in portion
        ]
    return sorted(rows, key=lambda row: row["id"])


@pytest.mark.parametrize("seed", range(by_form(2, 4)))
async def test_every_check_holds_over_an_archived_ledger_and_it_comes_back_as_it_was(
    pool: Installation, hands: Clock, seed: int
) -> None:
    trade = await make_seller()
    await story(trade, hands, seed)
    before = ledger_of(pool, trade)
    rows = {month: await exported(trade, month) for month in (NOVEMBER, DECEMBER)}
    most = random.Random(seed).choice((1, 3, 7, 50_000))

    for month in (NOVEMBER, DECEMBER):
        await archive(trade, month, most)
        assert await differences() == []

    stubs = ledger_of(pool, trade)
    assert len(stubs) < len(before)
    assert {row["call_no"] for row in stubs} == {row["call_no"] for row in before}
    assert sum(row["amount"] for row in stubs) == sum(row["amount"] for row in before)
    assert all(
        row["unit"] == "" and row["archive_batch"]
        for row in stubs
        if row["month_key"] in (NOVEMBER, DECEMBER)
    )
    for month in (NOVEMBER, DECEMBER):
        assert await exported(trade, month) == rows[month]

    for batch in reversed(batches_of(pool, trade)):
        await in_transaction(partial(restore_batch, batch_id=batch["id"]))
    assert ledger_of(pool, trade) == before
    assert await differences() == []


@pytest.mark.parametrize("place", STEPS)
async def test_killed_between_any_two_steps_it_goes_on(
    pool: Installation, trade: Trade, place: str
) -> None:
    before = await exported(trade, NOVEMBER)
    count = 0

    def stop(step: str) -> None:
        nonlocal count
        count += step == place
        if step == place and count == 2:
            raise Killed

    with pytest.raises(Killed):
        await archive(trade, most=9, step=stop)
    assert await exported(trade, NOVEMBER) == before
    assert await differences() == []

    await archive(trade, most=9)

    assert await exported(trade, NOVEMBER) == before
    assert await differences() == []
    assert sum(batch["row_count"] for batch in batches_of(pool, trade)) == len(before)
    assert await archive(trade, most=9) == []


async def test_a_command_that_is_killed_is_run_again(pool: Installation, trade: Trade) -> None:
    """By kill -9, a moment after each of the first batches."""
    before = [await exported(trade, month) for month in (NOVEMBER, DECEMBER)]
    argv = ("archive", "--before", JANUARY, "--distributor", trade.code, "--batch-rows", "5")
    for delay in (0.0, 0.01, 0.03):
        process = subprocess.Popen(
            [sys.executable, "app/manage.py", *argv],
            cwd=ROOT, env=pool.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        with process:
            assert process.stderr is not None
            process.stderr.readline()
            time.sleep(delay)
            process.kill()
        assert [await exported(trade, month) for month in (NOVEMBER, DECEMBER)] == before

    pool.manage(*argv)

    assert [await exported(trade, month) for month in (NOVEMBER, DECEMBER)] == before
    assert sum(batch["row_count"] for batch in batches_of(pool, trade)) == sum(map(len, before))
    assert await differences() == []


async def test_a_file_that_is_not_as_it_was_written_is_told(
    pool: Installation, trade: Trade
) -> None:
    await archive(trade, most=20)
    batch = batches_of(pool, trade)[0]
    path = archive_folder() / batch["file"]
    data = path.read_bytes()

    path.write_bytes(data[:-9] + b"x" + data[-8:])
    assert ("app_archive_batch", batch["file"], "archive_file_changed") in await faults()
    path.unlink()
    assert ("app_archive_batch", batch["file"], "archive_file_missing") in await faults()
    path.write_bytes(data)
    assert await differences() == []


async def test_a_stub_that_is_not_what_its_rows_come_to_is_told(
    pool: Installation, trade: Trade
) -> None:
    await archive(trade)
    stub = next(row for row in ledger_of(pool, trade) if row["archive_batch"] and row["amount"])
    change = "update pipeline_usage_log set amount = amount + %s where id = %s"
    with without_triggers(pool):
        pool.query(change, 1, stub["id"])
        wrong = await faults()
        pool.query(change, -1, stub["id"])

    assert ("app_archive_batch", f"{stub['call_no']}/{stub['line_no']}", "amount") in wrong
    assert await differences() == []


async def test_a_file_with_another_content_is_not_written_over(
    pool: Installation, trade: Trade
) -> None:
    def stop(step: str) -> None:
        if step == "named":
            raise Killed

    with pytest.raises(Killed):
        await archive(trade, step=stop)
    (path,) = (archive_folder() / NOVEMBER / trade.distributor_id).glob("[0-9]*.parquet")
    path.write_bytes(b"something else")

    with pytest.raises(AppError) as caught:
        await archive(trade)

    assert caught.value.code == "archive_file_there"
    assert path.read_bytes() == b"something else"
    assert batches_of(pool, trade) == []
    path.unlink()
    await archive(trade)
    assert await differences() == []


async def test_a_row_that_changes_meanwhile_leaves_the_ledger_alone(
    pool: Installation, trade: Trade
) -> None:
    row = next(row for row in ledger_of(pool, trade) if row["month_key"] == NOVEMBER)

    def change(step: str) -> None:
        if step == "named":
            pool.query(
                "update pipeline_usage_log set remark = 'new', lock_version = lock_version + 1"
                " where id = %s", row["id"],
            )  # fmt: skip

    with pytest.raises(AppError) as caught:
        await archive(trade, step=change)

    assert caught.value.code == "archive_rows_changed"
    assert batches_of(pool, trade) == []


@dataclass(frozen=True)
class Calls:
    """Numbers of calls of November: one that was finished with three items, one whose lease ran
    out, and one that was booked in one go."""

    whole: str
    overdue: str
    in_one_go: str


async def few_calls(trade: Trade, hands: Clock) -> Calls:
    """Make them, and close November."""
    calls = Calls(
        await trade.begin(lease_seconds=60),
        await trade.begin(lease_seconds=60),
        await trade.begin(
            status="succeeded", request_hash="of the third",
            lines=[{"unit": "call", "quantity": Decimal(3)}, {"unit": "page", "quantity": 4}],
        ),
    )  # fmt: skip
    await trade.finish(calls.whole, call="1", image="5", page="2")
    hands.moment = MOMENTS[1]
    await expire_overdue(hands.moment)
    await close(trade, NOVEMBER)
    return calls


async def test_an_archived_call_is_neither_voided_nor_finished(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_seller()
    calls = await few_calls(trade, hands)
    await archive(trade)
    before = ledger_of(pool, trade)

    for change in (
        void(calls.whole), void(calls.overdue), trade.finish(calls.overdue, call="1"),
        trade.finish(calls.overdue, "cancelled"),
    ):  # fmt: skip
        with pytest.raises(AppError) as caught:
            await change
        assert (caught.value.status, caught.value.code) == (409, "archived")
        assert "distributor_adjust" in str(caught.value)

    assert ledger_of(pool, trade) == before
    assert await differences() == []


async def test_what_was_answered_once_is_answered_by_the_stub(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_seller()
    calls = await few_calls(trade, hands)
    before = await admission.read_call(trade.distributor_id, calls.whole)
    assert len(before["lines"]) == 3
    assert "archived" not in before

    await archive(trade)

    after = await admission.read_call(trade.distributor_id, calls.whole)
    assert after == before | {"lines": [], "archived": True}
    command = finish_call(calls.whole, body_hash=calls.whole)
    end = await admission.finish(trade.distributor_id, command)
    assert end.replayed
    assert end.call == after
    assert end.current is not None
    assert end.current["amount"] == before["amount"]
    begin = begin_call(
        trade.code, idempotency_key="k3", status="succeeded", request_hash="of the third"
    )
    again = await admission.begin(trade.distributor_id, begin)
    assert again.replayed
    assert (again.call["call_no"], again.call["archived"]) == (calls.in_one_go, True)
    assert again.call["amount"] == Decimal("4.5")
    other = begin_call(
        trade.code, idempotency_key="k3", status="succeeded", request_hash="of another"
    )
    with pytest.raises(AppError) as caught:
        await admission.begin(trade.distributor_id, other)
    assert caught.value.code == "idempotency_key_reused"


async def test_a_batch_comes_back_in_the_order_in_which_they_went(
    pool: Installation, trade: Trade
) -> None:
    await archive(trade)
    await archive(trade, DECEMBER)
    first, *_, last = batches_of(pool, trade)

    with pytest.raises(AppError) as caught:
        await in_transaction(lambda sor: restore_batch(sor, first["id"]))

    assert caught.value.code == "archive_not_last"
    assert last["id"] in str(caught.value)


def test_a_file_holds_its_columns_exactly() -> None:
    schema = parquet.ledger_schema()

    assert str(schema.field("amount").type) == "decimal128(20, 10)"
    assert str(schema.field("quantity").type) == "decimal128(18, 6)"
    assert str(schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    with pytest.raises(Exception, match="data loss"):
        parquet.to_table(
            [[Decimal("0.12345678901") if name == "amount" else None for name in schema.names]],
            schema,
        )


async def test_calls_of_our_own_are_exported_as_they_are(pool: Installation, hands: Clock) -> None:
    trade = await make_seller()
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": None,
        "status": "succeeded", "started_at": hands.moment, "finished_at": hands.moment,
        **dict.fromkeys(("duration_ms", "client_ref", "error", "remark")),
    }  # fmt: skip
    lines = usage_lines([{"unit": unit, "quantity": Decimal(2)} for unit in ("call", "page")])
    for _ in range(3):
        await in_transaction(lambda sor: bookings.book(sor, values, lines, SYSTEM_ACTOR))
    expected = pool.query(
        "select id from pipeline_usage_log where distributor_id is null and month_key = %s"
        " order by id", NOVEMBER,
    )  # fmt: skip

    rows = await exported(None, NOVEMBER)

    assert len(rows) >= 6
    assert [row["id"] for row in rows] == [row["id"] for row in expected]


async def two_items(trade: Trade) -> str:
    """Book a call of two rows; its number."""
    lines = [{"unit": unit, "quantity": Decimal(1)} for unit in ("call", "image")]
    return await trade.begin(status="succeeded", lines=lines)


async def test_only_a_batch_that_is_moved_takes_rows_out(pool: Installation, hands: Clock) -> None:
    trade = await make_seller()
    calls = await few_calls(trade, hands)
    await archive(trade, most=1)
    (batch, *_) = batches_of(pool, trade)
    first, *items = (row for row in ledger_of(pool, trade) if row["call_no"] == calls.whole)
    assert items == []
    call_no = await two_items(trade)
    changes = (
        (
            "update pipeline_usage_log set archive_batch = %s where call_no = %s",
            batch["id"], call_no,
        ),
        ("update pipeline_usage_log set archive_batch = null where id = %s", first["id"]),
        ("update pipeline_usage_log set amount = 9 where id = %s", first["id"]),
        ("update pipeline_usage_log set status = 'voided' where id = %s", first["id"]),
        ("delete from pipeline_usage_log where id = %s", first["id"]),
        ("delete from pipeline_usage_log where call_no = %s and line_no = 1", call_no),
        ("update app_archive_batch set state = 'moving' where id = %s", batch["id"]),
        ("update app_archive_batch set last_entry = 9999 where id = %s", batch["id"]),
        ("update app_archive_batch set checksum = '' where id = %s", batch["id"]),
        ("delete from app_archive_batch where id = %s", batch["id"]),
    )  # fmt: skip
    for text, *values in changes:
        with pytest.raises(pymysql.MySQLError, match=r"never|nothing is deleted|no archive batch"):
            pool.query(text, *values)
    assert await differences() == []


async def test_a_batch_that_is_moved_takes_no_row_that_it_does_not_name(
    pool: Installation, hands: Clock
) -> None:
    trade = await make_seller()
    await few_calls(trade, hands)
    await archive(trade, most=1)
    (batch, *_) = batches_of(pool, trade)
    call_no = await two_items(trade)

    with pool.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        columns = [name for name in batch if name not in ("id", "state")]
        cursor.execute(
            f"insert into app_archive_batch (id, state, {', '.join(columns)})"
            f" select 'x', 'moving', {', '.join(columns)} from app_archive_batch where id = %s",
            (batch["id"],),
        )
        for text in (
            "update pipeline_usage_log set archive_batch = 'x' where call_no = %s",
            "delete from pipeline_usage_log where call_no = %s and line_no = 1",
        ):
            with pytest.raises(pymysql.MySQLError, match=r"no archive batch|nothing is deleted"):
                cursor.execute(text, (call_no,))
        connection.rollback()
    assert await differences() == []
