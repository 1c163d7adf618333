"""Events of distributors: each once, under numbers without a gap, in the order of the commits."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.base.actor import SYSTEM_ACTOR, Actor
from app.db.transactions import in_transaction, reading
from pipeline_dist.accounts import distributors
from pipeline_dist.accounts.links import SERVICE as LINKS
from pipeline_dist.admission.credits import book_credit
from pipeline_dist.closing.close import close_month
from pipeline_dist.events import keys, store
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import add_events, events_after, kept_numbers
from pipeline_ops.calls import booking
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.ledger.states import EntryType
from tests.support.events import read_events
from tests.support.reads import reads_of
from tests.support.trade import EVENING, Clock, Trade, add_price, make_trade

WHO = Actor(user_id="u", username="u")


async def write_events(events: list[NewEvent]) -> None:
    await in_transaction(lambda sor: add_events(sor, events))


async def percents(trade: Trade, kind: str) -> list[Any]:
    """What the threshold events of a type say, in order."""
    return [(one.data.get("scope"), one.data["percent"]) for one in await read_events(trade, kind)]


def event_of(number: int, distributor_id: str) -> NewEvent:
    return NewEvent(distributor_id, EventType.CALL_VOIDED, str(number), {"call_no": str(number)})


async def test_numbers_have_no_gap_and_a_matter_is_told_once(hands: Clock) -> None:
    trade = await make_trade()

    async def write(number: int) -> None:
        # Each matter is told by two at the same time.
        events = [event_of(number // 2, trade.distributor_id)]
        await in_transaction(lambda sor: add_events(sor, events))

    numbers: list[int] = []

    async def follow() -> None:
        after = 0
        while len(numbers) < 12:
            async with reading() as sor:
                page = await events_after(sor, trade.distributor_id, after, 3)
            if page:
                after = page[-1].event_no
                numbers.extend(one.event_no for one in page)
            await asyncio.sleep(0)

    await asyncio.gather(follow(), *(write(n) for n in range(24)))

    assert numbers == list(range(1, 13))
    assert {one.data["call_no"] for one in await read_events(trade)} == {str(n) for n in range(12)}


async def test_a_reader_waits_for_who_has_a_smaller_number(hands: Clock) -> None:
    """A later event is not there before the one that has the number before it."""
    trade = await make_trade()
    has_number, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(sor: Any) -> None:
        await add_events(sor, [event_of(1, trade.distributor_id)])
        has_number.set()
        await goes_on.wait()

    first = asyncio.create_task(in_transaction(slow))
    await has_number.wait()
    second = asyncio.create_task(
        in_transaction(lambda sor: add_events(sor, [event_of(2, trade.distributor_id)]))
    )
    await asyncio.sleep(0.1)
    assert await read_events(trade) == []
    goes_on.set()
    await asyncio.gather(first, second)

    assert [one.data["call_no"] for one in await read_events(trade)] == ["1", "2"]


async def test_quotas_tell_80_and_100_percent_once_a_period(hands: Clock) -> None:
    trade = await make_trade(
        distributors={"quota_period": "month", "quota_calls": 10},
        distributor_pipeline={"daily_quota": 5},
    )
    calls = [await trade.begin() for _ in range(4)]
    assert await percents(trade, "quota.threshold") == [("link_day", 80)]
    # Given back and made again, it is the same threshold.
    await trade.finish(calls.pop(), "cancelled")
    calls.append(await trade.begin())
    calls.append(await trade.begin())
    hands.moment += timedelta(hours=1)
    await trade.begin()  # of the next day, which is of the next month
    (first, second) = await read_events(trade, "quota.threshold")

    assert (first.data["percent"], second.data["percent"]) == (80, 100)
    assert first.data == {
        "scope": "link_day", "pipeline": trade.code, "percent": 80, "limit": 5, "used": 4,
        "period": "2026-11-30", "resets_at": "2026-11-30T16:00:00.000Z",
    }  # fmt: skip
    for _ in range(4):
        await trade.begin()
    hands.moment += timedelta(days=1)
    for _ in range(5):
        await trade.begin()
    assert await percents(trade, "quota.threshold") == [
        ("link_day", 80), ("link_day", 100), ("link_day", 80), ("link_day", 100),
        ("distributor_month", 80), ("link_day", 80),
        ("distributor_month", 100), ("link_day", 100),
    ]  # fmt: skip


async def test_common_calls_tell_thresholds_too(hands: Clock) -> None:
    trade = await make_trade(distributors={"spend_limit": Decimal(100), "spend_period": "day"},
                             distributor_pipeline={"monthly_quota": 5})  # fmt: skip
    await add_price(trade, unit_price=Decimal(1))
    await in_transaction(
        lambda sor: sor.sqlExe("update distributors set usage_day='2026-01-01'", {})
    )

    for quantity in (10, 69, 2, 18, 1):
        await trade.book_call(quantity)

    assert await percents(trade, "quota.threshold") == [("link_month", 80), ("link_month", 100)]
    events = await read_events(trade, "spend.threshold")
    assert [(one.data["percent"], one.data["used"]) for one in events] == [
        (80, "81.0000000000"), (100, "100.0000000000"),
    ]  # fmt: skip


async def test_a_lowered_limit_and_a_new_one_are_told(hands: Clock) -> None:
    trade = await make_trade(distributors={"quota_period": "day", "quota_calls": 100})
    for _ in range(9):
        await trade.begin()
    await in_transaction(
        lambda sor: distributors.SERVICE.update(
            sor, trade.distributor_id, None, {"quota_calls": 10}, SYSTEM_ACTOR
        )
    )
    await in_transaction(
        lambda sor: LINKS.update(
            sor, trade.rows["distributor_pipeline"]["id"], None, {"daily_quota": 10}, SYSTEM_ACTOR
        )
    )
    await trade.begin()

    assert await percents(trade, "quota.threshold") == [
        ("distributor_day", 80), ("link_day", 80), ("distributor_day", 100), ("link_day", 100),
    ]  # fmt: skip


async def test_balances_tell_what_is_left_of_the_last_top_up(hands: Clock) -> None:
    trade = await make_trade(distributors={"billing_mode": "prepaid", "prepaid_entry_no": 0})
    await add_price(trade, unit_price=Decimal(1))

    async def top_up(amount: int) -> None:
        await in_transaction(
            lambda sor: book_credit(
                sor, EntryType.TOPUP, trade.distributor_id, Decimal(amount), "paid", None, WHO
            )
        )

    await top_up(10)
    for quantity in (7, 1, 1, 1):
        await trade.book_call(quantity)
    await top_up(5)
    await trade.book_call(4)

    assert [one.data["percent"] for one in await read_events(trade, "balance.threshold")] == [
        80,
        100,
        80,
    ]
    (first, second) = await read_events(trade, "topup.created")
    assert (first.data["balance"], second.data["amount"]) == ("10.0000000000", "5.0000000000")


async def test_ends_of_calls_by_others_are_told(hands: Clock) -> None:
    trade = await make_trade()
    late = await trade.begin(lease_seconds=10, client_ref="mine")
    estimated = await trade.begin(lease_seconds=10, estimate=Decimal(1))
    hands.moment += timedelta(seconds=11)
    await expire_overdue(hands.moment)
    await trade.finish(late)
    header = await in_transaction(
        lambda sor: sor.R("pipeline_usage_log", {"call_no": late, "line_no": 0})
    )
    await in_transaction(lambda sor: booking.void(sor, header[0]["id"], None, "wrong", WHO))

    events = await read_events(trade)
    assert sorted(one.data["call_no"] for one in events[:2]) == sorted([late, estimated])
    assert [one.type for one in events] == ["call.expired", "call.expired", "call.voided"]
    assert {one.data["client_ref"] for one in events[:2]} == {"mine", None}
    assert events[0].data["pipeline"] == trade.code
    assert (events[2].data["reason"], events[2].data["client_ref"]) == ("wrong", "mine")


async def test_a_call_that_gives_way_to_another_is_told(hands: Clock) -> None:
    """Who needs the slot ends it, and not the sweeper."""
    trade = await make_trade(pipeline_capacity={"max_concurrency": 1})
    late = await trade.begin(lease_seconds=10)
    hands.moment += timedelta(seconds=11)
    await trade.begin()

    assert [(one.type, one.data["call_no"]) for one in await read_events(trade)] == [
        ("call.expired", late)
    ]


async def test_money_by_hand_and_closed_months_are_told(hands: Clock) -> None:
    trade = await make_trade()
    await in_transaction(
        lambda sor: book_credit(
            sor, EntryType.ADJUSTMENT, trade.distributor_id, Decimal("-2.5"), "sorry", "R1", WHO
        )
    )
    # The same again is the same.
    await in_transaction(
        lambda sor: book_credit(
            sor, EntryType.ADJUSTMENT, trade.distributor_id, Decimal("-2.5"), "sorry", "R1", WHO
        )
    )
    hands.moment += timedelta(days=5)
    await in_transaction(lambda sor: close_month(sor, trade.distributor_id, "2026-11", WHO))

    adjustment, closed = await read_events(trade)
    assert adjustment.type == "adjustment.created"
    assert (adjustment.data["reference"], adjustment.data["reason"]) == ("R1", "sorry")
    assert (closed.type, closed.data["month"], closed.data["calls"]) == (
        "statement.closed", "2026-11", 0,
    )  # fmt: skip


async def test_keys_tell_before_they_expire(hands: Clock) -> None:
    trade = await make_trade(
        distributors={"api_key_prefix": "ppk_abc", "api_key_hash": "0" * 64,
                      "api_key_expires_at": EVENING + timedelta(days=8)}
    )  # fmt: skip
    for _ in range(9):
        await keys.tell_expiring(hands.moment)
        hands.moment += timedelta(days=1)

    assert [one.data["days"] for one in await read_events(trade, "key.expiring")] == [7, 1]


async def test_old_events_go_and_numbers_stay(hands: Clock) -> None:
    trade = await make_trade()
    for number in range(3):
        events = [event_of(number, trade.distributor_id)]
        await write_events(events)
        hands.moment += timedelta(days=45)
    assert await store.prune(hands.moment) >= 1
    await in_transaction(lambda sor: add_events(sor, [event_of(9, trade.distributor_id)]))

    async with reading() as sor:
        kept_range = await kept_numbers(sor, trade.distributor_id)
    assert (kept_range.first, kept_range.last) == (2, 4)
    assert [one.event_no for one in await read_events(trade)] == [2, 3, 4]


async def test_what_is_refused_tells_nothing(hands: Clock) -> None:
    trade = await make_trade(distributors={"quota_period": "day", "quota_calls": 1})
    await trade.begin()
    assert (await trade.refusal()).code == "quota_exceeded"

    assert await percents(trade, "quota.threshold") == [
        ("distributor_day", 80), ("distributor_day", 100),
    ]  # fmt: skip


async def test_events_of_a_type_are_read_without_the_others(hands: Clock) -> None:
    """However many of other types are between them; counted by the reads of the database."""
    trade = await make_trade()
    whose = trade.distributor_id
    rare = [EventType.CALL_EXPIRED, EventType.STATEMENT_CLOSED]
    news = [event_of(number, whose) for number in range(600)]
    for place, kind in ((9, rare[0]), (300, rare[1]), (590, rare[0])):
        news.insert(place, NewEvent(whose, kind, f"rare {place}", {}))
    await write_events(news)
    async with reading() as sor:
        for types, numbers in ((rare, [10, 301, 591]), (rare[:1], [10, 591])):
            events, reads = await reads_of(sor, events_after(sor, whose, 0, 100, types))
            assert [one.event_no for one in events] == numbers
            assert reads < 60
        work = events_after(sor, whose, 10, 2, [*rare, EventType.CALL_VOIDED])
        events, reads = await reads_of(sor, work)
        assert [one.event_no for one in events] == [11, 12]
        assert reads < 60
