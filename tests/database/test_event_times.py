"""Calls that are told of afterwards: where they count, by what they are priced, what refuses them;
and the written counters of days and months that are over."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.json_codec import canonical_json
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from app.records.table_service import TableService
from pipeline_dist.accounts import distributors, links
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.commands import ExtendCall
from pipeline_dist.closing import close as closing
from pipeline_dist.reports import usage
from pipeline_dist.reports.statement import statement
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger import expiry
from pipeline_ops.ledger.past_counters import PAST_COUNTERS
from pipeline_ops.tables import capacities
from tests.support.installation import Installation
from tests.support.trade import (
    EVENING,
    LONG_AGO,
    Clock,
    Trade,
    add_price,
    differences,
    finish_call,
    make_trade,
)

DAY = timedelta(days=1)
YESTERDAY = "2026-11-29"


@pytest.fixture
async def trade(pool: Installation, hands: Clock) -> Trade:
    return await seller(pool)


async def seller(pool: Installation, **changes: dict[str, Any]) -> Trade:
    """A trade with prices, whose link is old."""
    trade = await make_trade(**changes)
    pool.query(
        "update distributor_pipeline set created_at = %s where id = %s",
        LONG_AGO.replace(tzinfo=None), trade.rows["distributor_pipeline"]["id"],
    )  # fmt: skip
    await add_price(trade, unit_price=Decimal(1))
    return trade


async def tell(trade: Trade, started_at: datetime | None, **more: Any) -> str:
    """Book a call that is told of now; its number."""
    fields = {"lines": [{"unit": "call", "quantity": Decimal(1)}], "status": "succeeded"} | more
    return await trade.begin(started_at=started_at, is_told=True, **fields)


async def refusal(trade: Trade, started_at: datetime | None, **more: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await tell(trade, started_at, **more)
    return caught.value


def counters(pool: Installation, trade: Trade) -> dict[tuple[str, str], tuple[Any, int]]:
    """The written counters by (who, period): what they say, and how often they were written."""
    pipeline_id = trade.rows["pipelines"]["id"]
    rows = pool.query(
        "select * from app_past_counter where distributor_id = %s or"
        " distributor_id = '' and pipeline_id = %s",
        trade.distributor_id, pipeline_id,
    )  # fmt: skip
    kinds = {(False, True): "line", (True, False): "distributor", (True, True): "link"}
    return {
        (kinds[row["distributor_id"] != "", row["pipeline_id"] != ""], row["period_key"]): (
            row["used"], row["lock_no"],
        )
        for row in rows
    }  # fmt: skip


async def test_a_call_counts_and_is_priced_on_the_day_that_it_happened(
    pool: Installation, trade: Trade
) -> None:
    await add_price(trade, unit="page", unit_price=Decimal(2), effective_to=EVENING - 2 * DAY)
    page = [{"unit": "page", "quantity": Decimal(3)}]
    call_no = await tell(trade, EVENING - 3 * DAY, lines=page)

    call = await admission.read_call(trade.distributor_id, call_no)
    assert call["amount"] == 6
    assert call["started_at"] == call["finished_at"] == EVENING - 3 * DAY
    assert (await refusal(trade, EVENING - DAY, lines=page)).code == "price_missing"
    async with reading(snapshot=True) as sor:
        days = await usage.sums(sor, trade.distributor_id, usage.month_span("2026-11"), "day")
    assert [(row["day"], row["amount"]) for row in days] == [("2026-11-27", 6)]
    # What may be spent is that of the day on which it is settled.
    assert pool.query("select spend_day from pipeline_usage_log where call_no = %s", call_no)[0][
        "spend_day"
    ] == "2026-11-30"  # fmt: skip
    assert await differences() == []


@pytest.mark.parametrize("started_at", [EVENING + 3 * timedelta(seconds=1), EVENING - 36 * DAY])
async def test_a_call_did_not_happen_in_the_future_or_long_ago(
    trade: Trade, started_at: datetime
) -> None:
    problem = (await refusal(trade, started_at)).problems[0]

    assert (problem.field, problem.code) == (
        "started_at", "in_future" if started_at > EVENING else "too_long_ago",
    )  # fmt: skip


async def test_clocks_may_differ_a_little(trade: Trade) -> None:
    call_no = await tell(trade, EVENING + timedelta(seconds=2))

    assert (await admission.read_call(trade.distributor_id, call_no))["started_at"] == EVENING


async def test_no_call_happened_before_the_distributor_had_the_line(
    pool: Installation, trade: Trade
) -> None:
    pool.query(
        "update distributor_pipeline set created_at = %s where id = %s",
        (EVENING - DAY).replace(tzinfo=None), trade.rows["distributor_pipeline"]["id"],
    )  # fmt: skip
    problem = (await refusal(trade, EVENING - DAY - timedelta(milliseconds=1))).problems[0]

    assert (problem.field, problem.code) == ("started_at", "before_access")
    await tell(trade, EVENING - DAY)


async def add_version(values: dict[str, Any]) -> None:
    await in_transaction(lambda sor: insert_row(sor, "pipeline_versions", values, SYSTEM_ACTOR))


async def delete(service: TableService, record_id: str) -> None:
    await in_transaction(lambda sor: service.delete(sor, record_id, None, SYSTEM_ACTOR))


async def create(service: TableService, values: dict[str, Any]) -> None:
    await in_transaction(lambda sor: service.create(sor, values, SYSTEM_ACTOR))


async def test_the_version_is_the_one_that_was_live(pool: Installation, trade: Trade) -> None:
    times = {1: [EVENING - 9 * DAY, EVENING - 2 * DAY], 2: [EVENING - 5 * DAY], 3: []}
    for number, live in times.items():
        log = [{"event": "published", "at": at.isoformat()} for at in live]
        log += [{"event": "superseded", "at": (at + DAY).isoformat()} for at in live]
        values = {
            "pipeline_id": trade.rows["pipelines"]["id"], "version_no": number,
            "status": "published" if number == 1 else "superseded" if live else "saved",
            "snapshot": "{}", "checksum": "", "event_log": canonical_json(log),
        }  # fmt: skip
        await add_version(values)

    async def version(back: int, **more: Any) -> int:
        call_no = await tell(trade, EVENING - back * DAY, **more)
        return int((await admission.read_call(trade.distributor_id, call_no))["version_no"])

    assert [await version(back) for back in (20, 9, 6, 5, 3, 2, 0)] == [1, 1, 1, 2, 2, 1, 1]
    assert await version(1, version_no=2) == 2
    for wrong in (3, 4):
        problem = (await refusal(trade, EVENING, version_no=wrong)).problems[0]
        assert (problem.field, problem.code) == ("version_no", "unknown_version")


async def test_the_quotas_of_a_day_that_is_over_hold(pool: Installation, hands: Clock) -> None:
    trade = await seller(
        pool,
        distributors={"quota_period": "day", "quota_calls": 4},
        distributor_pipeline={"daily_quota": 3},
        pipeline_capacity={"daily_quota": 2, "monthly_quota": 100},
    )
    await trade.book_call(1)
    hands.moment = EVENING + DAY  # December
    await trade.book_call(1)
    await tell(trade, EVENING)
    assert counters(pool, trade)["line", "2026-11-30"] == (2, 0)
    full = await refusal(trade, EVENING - timedelta(hours=1))
    assert (full.code, full.extra["scope"], full.extra["used"]) == (
        "capacity_exceeded", "capacity_day", 2,
    )  # fmt: skip
    assert "Retry-After" not in full.headers
    assert {key: calls for key, (calls, _) in counters(pool, trade).items()} == {
        ("line", "2026-11-30"): 2, ("line", "2026-11"): 2,
        ("link", "2026-11-30"): 2, ("link", "2026-11"): None,
        ("distributor", "2026-11-30"): 2,
    }  # fmt: skip
    # Of another day there is room; nothing of it is counted on this one.
    await tell(trade, EVENING - DAY)
    assert counters(pool, trade)["line", YESTERDAY] == (1, 0)
    await trade.book_call(1)
    assert (await trade.row("pipeline_capacity"))["day_key"] == "2026-12-01"
    assert await differences() == []


async def test_what_is_given_back_of_a_day_that_is_over_has_room_again(
    pool: Installation, hands: Clock
) -> None:
    trade = await seller(
        pool, distributor_pipeline={"daily_quota": 2}, pipeline_capacity={"monthly_quota": 3}
    )
    running = await trade.begin()
    hands.moment = EVENING + timedelta(hours=1)  # the next day, and month
    await trade.book_call(1)
    late_call = await tell(trade, EVENING)
    assert (await refusal(trade, EVENING)).extra["scope"] == "link_day"

    await trade.finish(running, "cancelled")
    assert counters(pool, trade)["link", "2026-11-30"][0] == 1
    await tell(trade, EVENING)
    await in_transaction(
        lambda sor: bookings.void(sor, late_call, None, "twice", SYSTEM_ACTOR)
    )  # fmt: skip
    assert counters(pool, trade)["link", "2026-11-30"][0] == 1
    assert counters(pool, trade)["line", "2026-11"][0] == 1
    await bookings_by_hand(trade, EVENING)
    assert (await refusal(trade, EVENING)).extra["scope"] == "link_day"
    assert await differences() == []


async def bookings_by_hand(trade: Trade, started_at: datetime) -> None:
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "distributor_id": trade.distributor_id,
        "status": "succeeded", "started_at": started_at, "finished_at": started_at,
        "duration_ms": None, "client_ref": None, "error": None, "remark": None,
    }  # fmt: skip
    await in_transaction(lambda sor: bookings.book(sor, values, [], SYSTEM_ACTOR))


async def test_what_nobody_counts_is_written_all_the_same(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    """Of two nodes of which one counts and one only changes, one is taken back at the commit."""
    await trade.book_call(1)
    hands.moment = EVENING + DAY
    await trade.book_call(1)
    await tell(trade, EVENING)
    before = counters(pool, trade)
    assert before["line", "2026-11-30"] == (None, 0)
    assert before["link", "2026-11"] == (None, 0)
    await tell(trade, EVENING)

    assert counters(pool, trade)["line", "2026-11-30"] == (None, 1)
    # With a quota it is counted, and counts from then on.
    pool.query(
        "update pipeline_capacity set daily_quota = 4 where id = %s",
        trade.rows["pipeline_capacity"]["id"],
    )
    await tell(trade, EVENING)
    assert counters(pool, trade)["line", "2026-11-30"] == (4, 2)
    assert (await refusal(trade, EVENING)).code == "capacity_exceeded"
    assert await differences() == []


async def test_a_wrong_counter_is_found_and_counted_anew(pool: Installation, hands: Clock) -> None:
    trade = await seller(pool, pipeline_capacity={"daily_quota": 9})
    hands.moment = EVENING + DAY
    await trade.book_call(1)
    await tell(trade, EVENING)
    pool.query(
        "update app_past_counter set used = 7 where pipeline_id = %s and used = 1",
        trade.rows["pipelines"]["id"],
    )

    (fault,) = await differences()
    assert (fault.table, fault.counter, fault.says, fault.should_be) == (
        "app_past_counter", "used", 7, 1,
    )  # fmt: skip
    assert PAST_COUNTERS.rebuild is not None
    await PAST_COUNTERS.rebuild(fault.row_id)
    assert await differences() == []
    await tell(trade, EVENING)
    assert counters(pool, trade)["line", "2026-11-30"][0] == 2
    assert await differences() == []


async def test_counters_go_with_what_they_count_for(pool: Installation, hands: Clock) -> None:
    trade = await seller(
        pool,
        distributors={"quota_period": "day", "quota_calls": 9},
        distributor_pipeline={"daily_quota": 9},
        pipeline_capacity={"daily_quota": 9},
    )
    hands.moment = EVENING + DAY
    await trade.book_call(1)
    await tell(trade, EVENING)
    kinds = {kind for kind, _ in counters(pool, trade)}
    assert kinds == {"line", "link", "distributor"}

    ids = {table: row["id"] for table, row in trade.rows.items()}
    await in_transaction(
        lambda sor: distributors.SERVICE.update(
            sor, ids["distributors"], None, {"quota_period": "month"}, SYSTEM_ACTOR
        )
    )
    assert {kind for kind, _ in counters(pool, trade)} == {"line", "link"}
    for service, table in (
        (capacities.SERVICE, "pipeline_capacity"),
        (links.SERVICE, "distributor_pipeline"),
    ):
        await delete(service, ids[table])
    assert counters(pool, trade) == {}


async def test_who_begins_to_count_takes_no_counter_of_before(
    pool: Installation, hands: Clock
) -> None:
    """A call on another database node that knew of the row which was just deleted writes its
    counter after it; then the period goes on without anybody counting."""
    quotas = {"daily_quota": 2}
    trade = await seller(pool, distributor_pipeline=quotas, pipeline_capacity=quotas)
    hands.moment = EVENING + DAY
    await trade.book_call(1)
    await tell(trade, EVENING)
    late_counters = pool.query(
        "select * from app_past_counter where pipeline_id = %s", trade.rows["pipelines"]["id"]
    )
    assert len(late_counters) == 2 * 2
    services = (
        (capacities.SERVICE, "pipeline_capacity"), (links.SERVICE, "distributor_pipeline"),
    )  # fmt: skip
    for service, table in services:
        await delete(service, trade.rows[table]["id"])
    for row in late_counters:
        pool.query(
            f"insert into app_past_counter ({', '.join(row)})"
            f" values ({', '.join(['%s'] * len(row))})",
            *(row | {"used": 0}).values(),
        )

    for service, table in services:
        values: dict[str, Any] = {
            name: trade.rows[table][name]
            for name in ("pipeline_id", "distributor_id", "daily_quota", "enabled", "pricing_mode")
            if name in trade.rows[table]
        }
        await create(service, values)

    assert counters(pool, trade) == {}
    pool.query("update distributor_pipeline set created_at = %s", LONG_AGO.replace(tzinfo=None))
    await tell(trade, EVENING)
    assert counters(pool, trade)["line", "2026-11-30"][0] == 2
    assert (await refusal(trade, EVENING)).extra["used"] == 2
    assert await differences() == []


async def test_a_batch_reads_its_past_counters_in_one_statement(
    pool: Installation, hands: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement more is a round trip while the rows of a hot line are locked."""
    quotas = {"daily_quota": 9, "monthly_quota": 99}
    trade = await seller(
        pool,
        distributors={"quota_period": "day", "quota_calls": 9},
        distributor_pipeline=quotas,
        pipeline_capacity=quotas,
    )
    hands.moment = EVENING + DAY
    await trade.book_call(1)
    days = [EVENING - DAY * number for number in range(5)]
    await asyncio.gather(*(tell(trade, day) for day in days))
    reads: list[Any] = []
    tuples = SafeSqlor.tuples

    async def count_reads(sor: SafeSqlor, sql: str, values: Any) -> Any:
        reads.extend([sor] if "app_past_counter" in sql else [])
        return await tuples(sor, sql, values)

    monkeypatch.setattr(SafeSqlor, "tuples", count_reads)
    await asyncio.gather(*(tell(trade, day) for day in days * 2))

    assert reads
    assert all(reads.count(sor) == 1 for sor in reads)
    assert counters(pool, trade)["link", YESTERDAY][0] == 3
    assert await differences() == []


async def test_a_call_of_a_closed_month_is_a_correction(
    pool: Installation, trade: Trade, hands: Clock
) -> None:
    await trade.book_call(5)
    hands.moment = EVENING + 4 * DAY
    await closing.close(trade.distributor_id, "2026-11", SYSTEM_ACTOR)
    call_no = await tell(trade, EVENING - DAY)

    async with reading(snapshot=True) as sor:
        row = await distributors_row(sor, trade)
        december = await statement(sor, row, "2026-12")
    (correction,) = december["corrections"]
    assert (correction["call_no"], correction["month"]) == (call_no, "2026-11")
    assert december["amount"] == 1
    assert await differences() == []


async def distributors_row(sor: Any, trade: Trade) -> Any:
    return await read_distributor(sor, trade.distributor_id)


async def test_a_lease_that_was_extended_is_not_ended_by_who_found_it_overdue(
    trade: Trade, hands: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_no = await trade.begin(lease_seconds=60)
    hands.moment = EVENING + timedelta(seconds=60)
    find_overdue = expiry.find_overdue

    async def find_and_lose(*args: Any, **more: Any) -> Any:
        """Somebody else extends it, in time by its own clock, before it is locked."""
        calls = await find_overdue(*args, **more)
        hands.moment = EVENING + timedelta(seconds=59)
        command = ExtendCall(call_no=call_no, lease_seconds=300)
        await admission.extend(trade.distributor_id, command)
        return calls

    monkeypatch.setattr("pipeline_ops.calls.sweeper.find_overdue", find_and_lose)
    await expire_overdue(EVENING + timedelta(seconds=60))

    call = await admission.read_call(trade.distributor_id, call_no)
    assert call["status"] == "reserved"
    assert call["lease_expires_at"] == EVENING + timedelta(seconds=359)
    hands.moment = EVENING + timedelta(seconds=360)
    monkeypatch.undo()
    await expire_overdue(hands.moment)
    call = await admission.read_call(trade.distributor_id, call_no)
    assert (call["status"], call["duration_ms"]) == ("expired", 359_000)
    assert await differences() == []


async def test_ending_and_extending_in_one_batch_are_decided_in_turn(trade: Trade) -> None:
    call_no = await trade.begin(lease_seconds=60)
    lines = finish_call(call_no, "failed")
    extension, ending, late = await asyncio.gather(
        admission.extend(trade.distributor_id, ExtendCall(call_no=call_no, lease_seconds=90)),
        admission.finish(trade.distributor_id, lines),
        admission.extend(trade.distributor_id, ExtendCall(call_no=call_no, lease_seconds=90)),
        return_exceptions=True,
    )
    assert not isinstance(extension, BaseException)
    assert extension.call["lease_expires_at"] == EVENING + timedelta(seconds=90)
    assert not isinstance(ending, BaseException)
    assert isinstance(late, AppError)
    assert late.code == "already_finished"
    call = await admission.read_call(trade.distributor_id, call_no)
    assert call["lease_expires_at"] == EVENING + timedelta(seconds=90)
    assert await differences() == []
