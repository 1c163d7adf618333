"""What all who have a line are told of it: its changes, and those of its prices."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.base.actor import SYSTEM_ACTOR
from app.base.ids import new_id
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from pipeline_core.lifecycle.status import set_status
from pipeline_dist.accounts.links import SERVICE as LINKS
from pipeline_dist.events import outbox
from pipeline_dist.events.kinds import EventType
from pipeline_dist.events.store import add_events, events_after
from pipeline_ops.tables.prices import SERVICE as PRICES
from tests.support.events import read_events
from tests.support.trade import Clock, Trade, make_trade


async def insert(table: str, values: dict[str, Any]) -> Any:
    return await in_transaction(lambda sor: insert_row(sor, table, values, SYSTEM_ACTOR))


async def keep_change(topic: str, pipeline_id: str) -> None:
    await in_transaction(lambda sor: outbox.put(sor, topic, pipeline_id, {"pipeline": "x"}))


def price_of(trade: Trade, effective_from: datetime) -> dict[str, Any]:
    return {
        "pipeline_id": trade.rows["pipelines"]["id"], "step_key": "", "model": "", "unit": "call",
        "pricing_type": "unit", "unit_size": 1, "unit_price": Decimal(1), "currency": "CNY",
        "enabled": 1, "distributor_id": "", "effective_from": effective_from,
    }  # fmt: skip


async def test_changes_of_a_pipeline_are_told_to_all_who_have_it(
    hands: Clock, monkeypatch: Any
) -> None:
    trade = await make_trade()
    pipeline_id = trade.rows["pipelines"]["id"]
    ids = [trade.distributor_id]
    for number in range(4):
        name = new_id().lower()
        fields = trade.rows["distributors"] | {"id": None, "code": name, "name": name}
        fields = {k: fields[k] for k in ("code", "name", "status", "quota_period", "currency")}
        row = await insert("distributors", fields)
        values = {
            "distributor_id": row["id"], "pipeline_id": pipeline_id, "enabled": int(number < 3),
            "pricing_mode": "inherit",
        }  # fmt: skip
        await insert("distributor_pipeline", values)
        ids.append(row["id"])
    await in_transaction(
        lambda sor: set_status(sor, pipeline_id, "offline", None, "repair", SYSTEM_ACTOR)
    )
    # One dies after some were told, and another one goes on.
    monkeypatch.setattr(outbox, "PORTION_SIZE", 2)
    portions = 0

    async def dies(sor: Any, events: Any) -> None:
        nonlocal portions
        portions += 1
        if portions == 2:
            raise ConnectionError
        await add_events(sor, events)

    monkeypatch.setattr(outbox, "add_events", dies)
    assert await outbox.tell_due(hands.moment) == 1
    assert await outbox.tell_due(hands.moment) == 0  # a while it is left alone
    hands.moment += timedelta(seconds=6)
    assert await outbox.tell_due(hands.moment) == 1
    assert await outbox.tell_due(hands.moment + timedelta(days=1)) == 0

    async with reading() as sor:
        numbers = [[one.event_no for one in await events_after(sor, key, 0, 9)] for key in ids]
    assert numbers == [[1], [1], [1], [1], []]
    (event,) = await read_events(trade)
    assert (event.type, event.data) == (
        "pipeline.offline", {"pipeline": trade.code, "status": "offline"},
    )  # fmt: skip


async def test_what_changed_later_in_a_pipeline_waits_for_a_row_that_fails_but_not_for_ever(
    hands: Clock,
) -> None:
    trade = await make_trade()
    pipeline_id = trade.rows["pipelines"]["id"]
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))
    await keep_change("of a later program", pipeline_id)
    hands.moment += timedelta(seconds=1)
    await keep_change(EventType.PIPELINE_OFFLINE, pipeline_id)

    for pause in outbox.PAUSES[:-1]:
        await outbox.tell_due(hands.moment)
        assert await read_events(trade) == []
        hands.moment += timedelta(seconds=pause + 1)
    await outbox.tell_due(hands.moment)

    assert [one.type for one in await read_events(trade)] == ["pipeline.offline"]
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))


async def test_rows_that_always_fail_do_not_hold_up_those_behind_them(
    hands: Clock, monkeypatch: Any
) -> None:
    trade = await make_trade()
    pipeline_id = trade.rows["pipelines"]["id"]
    monkeypatch.setattr(outbox, "TURN_SIZE", 3)
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))

    for _ in range(3):
        other = await make_trade()
        await keep_change("of a later program", other.rows["pipelines"]["id"])
    hands.moment += timedelta(seconds=1)
    await keep_change(EventType.PIPELINE_OFFLINE, pipeline_id)
    counts = [await outbox.tell_due(hands.moment) for _ in range(3)]

    assert counts == [3, 1, 0]
    assert [one.type for one in await read_events(trade)] == ["pipeline.offline"]
    # Each time they wait for longer.
    hands.moment += timedelta(seconds=6)
    assert await outbox.tell_due(hands.moment) == 3
    hands.moment += timedelta(seconds=6)
    assert await outbox.tell_due(hands.moment) == 0
    assert await outbox.tell_due(hands.moment + timedelta(seconds=31)) == 3
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))


async def test_prices_are_told_when_recorded_and_when_they_come(hands: Clock) -> None:
    trade = await make_trade(distributor_pipeline={"pricing_mode": "discount",
                                                   "discount_rate": Decimal("0.5")})  # fmt: skip
    price = price_of(trade, hands.moment)
    first = await in_transaction(lambda sor: PRICES.create(sor, price, SYSTEM_ACTOR))
    later = hands.moment + timedelta(days=2)
    change = {"unit_price": Decimal(2), "change_from": later.isoformat()}
    await in_transaction(lambda sor: PRICES.update(sor, first["id"], None, change, SYSTEM_ACTOR))
    # In a currency that the distributor does not pay in.
    foreign = price | {"currency": "USD", "unit": "image", "confirm_currency": 1}
    await in_transaction(lambda sor: PRICES.create(sor, foreign, SYSTEM_ACTOR))
    while await outbox.tell_due(hands.moment):
        pass
    before = await read_events(trade)
    hands.moment = later
    while await outbox.tell_due(hands.moment):
        pass
    events = await read_events(trade)

    assert [(one.type, one.data["change"], one.data["unit_price"]) for one in before] == [
        ("price.changed", "begins", "1.000000"), ("price.coming", "begins", "2.000000"),
    ]  # fmt: skip
    assert [(one.type, one.data["change"], one.data["unit_price"]) for one in events[2:]] == [
        ("price.changed", "begins", "2.000000"),
    ]
    assert events[0].data["discount_rate"] == "0.5000"
    assert events[2].data["at"] == "2026-12-02T15:30:00.000Z"


async def test_another_discount_is_told_of_each_general_price(hands: Clock) -> None:
    trade = await make_trade(distributor_pipeline={"pricing_mode": "discount",
                                                   "discount_rate": Decimal("0.5")})  # fmt: skip
    link_id = trade.rows["distributor_pipeline"]["id"]
    later = hands.moment + timedelta(days=2)
    price = price_of(trade, hands.moment)
    prices = [
        price,
        price | {"unit": "image", "effective_from": later},
        price | {"unit": "page"},
        price | {"unit": "page", "distributor_id": trade.distributor_id},  # goes before that
        price | {"unit": "song", "currency": "USD", "confirm_currency": 1},
    ]
    for one in prices:
        await in_transaction(lambda sor, one=one: PRICES.create(sor, one, SYSTEM_ACTOR))  # type: ignore[misc]
    while await outbox.tell_due(hands.moment):
        pass
    before = len(await read_events(trade))

    async def news(**change: Any) -> list[tuple[Any, ...]]:
        hands.moment += timedelta(minutes=1)
        await in_transaction(lambda sor: LINKS.update(sor, link_id, None, change, SYSTEM_ACTOR))
        while await outbox.tell_due(hands.moment):
            pass
        nonlocal before
        events = (await read_events(trade))[before:]
        before += len(events)
        return sorted(
            (one.type, one.data["change"], one.data["unit"], one.data["discount_rate"])
            for one in events
        )

    unit = price["unit"]
    assert await news(discount_rate=Decimal("0.8")) == [
        ("price.changed", "discount", unit, "0.8000"),
        ("price.coming", "discount", "image", "0.8000"),
    ]  # fmt: skip
    assert await news(daily_quota=7) == []
    assert await news(pricing_mode="inherit") == [
        ("price.changed", "discount", unit, None), ("price.coming", "discount", "image", None),
    ]  # fmt: skip
    assert await news(discount_rate=Decimal("0.3")) == []  # which counts for nothing then
    assert await news(pricing_mode="fixed") == [
        ("price.changed", "ends", unit, None), ("price.coming", "ends", "image", None),
    ]  # fmt: skip
    assert await news(pricing_mode="discount") == [
        ("price.changed", "begins", unit, "0.3000"), ("price.coming", "begins", "image", "0.3000"),
    ]  # fmt: skip


async def test_a_price_that_is_taken_back_does_not_come(hands: Clock) -> None:
    trade = await make_trade()
    later = hands.moment + timedelta(days=2)
    price = price_of(trade, later) | {"distributor_id": trade.distributor_id}
    row = await in_transaction(lambda sor: PRICES.create(sor, price, SYSTEM_ACTOR))
    await outbox.tell_due(hands.moment)
    await in_transaction(lambda sor: PRICES.delete(sor, row["id"], None, SYSTEM_ACTOR))
    await outbox.tell_due(hands.moment)
    hands.moment = later
    await outbox.tell_due(hands.moment)

    assert [(one.type, one.data["price_scope"]) for one in await read_events(trade)] == [
        ("price.coming", "own")
    ]


async def tell_all(clock: Clock) -> None:
    """Let everything that is due be told."""
    while await outbox.tell_due(clock.moment):
        pass


async def test_prices_are_told_while_a_line_is_off_sale(hands: Clock) -> None:
    trade = await make_trade()
    pipeline_id = trade.rows["pipelines"]["id"]
    await in_transaction(
        lambda sor: set_status(sor, pipeline_id, "offline", None, "repair", SYSTEM_ACTOR)
    )
    hands.moment += timedelta(minutes=1)
    price = price_of(trade, hands.moment)
    await in_transaction(lambda sor: PRICES.create(sor, price, SYSTEM_ACTOR))
    await tell_all(hands)
    await tell_all(hands)

    assert [one.type for one in await read_events(trade)] == ["pipeline.offline", "price.changed"]


async def test_who_has_a_line_again_is_told_once_what_applies_now(hands: Clock) -> None:
    trade = await make_trade(
        distributor_pipeline={"pricing_mode": "discount", "discount_rate": Decimal("0.5")}
    )
    link_id, owner = trade.rows["distributor_pipeline"]["id"], trade.distributor_id

    async def news(**changes: Any) -> list[tuple[Any, ...]]:
        count = len(await read_events(trade))
        hands.moment += timedelta(minutes=1)
        await in_transaction(lambda sor: LINKS.update(sor, link_id, None, changes, SYSTEM_ACTOR))
        await tell_all(hands)
        await tell_all(hands)
        return [
            (one.type, one.data.get("status") or one.data.get("version_no"))
            if one.type.startswith("pipeline.")
            else (one.type, one.data["unit"], one.data["price_scope"], one.data["discount_rate"])
            for one in (await read_events(trade))[count:]
        ]

    assert await news(enabled=0) == [("pipeline.offline", "not_enabled")]
    general, later = price_of(trade, hands.moment), hands.moment + timedelta(days=2)
    prices = (
        general, general | {"unit": "image", "effective_from": later},
        general | {"unit": "page", "distributor_id": owner},
    )  # fmt: skip
    for price in prices:
        await in_transaction(lambda sor, price=price: PRICES.create(sor, price, SYSTEM_ACTOR))  # type: ignore[misc]
    await in_transaction(lambda sor: sor.sqlExe(
        "update pipelines set current_version = 7 where id = ${id}$",
        {"id": trade.rows["pipelines"]["id"]},
    ))  # fmt: skip
    await news(discount_rate=Decimal("0.25"))
    before = {(one.type, one.data.get("unit")) for one in await read_events(trade)}
    assert ("price.changed", general["unit"]) not in before
    first, *others = await news(enabled=1)
    assert first == ("pipeline.online", 7)
    assert sorted(others) == [
        ("price.changed", general["unit"], "general", "0.2500"),
        ("price.changed", "page", "own", None),
        ("price.coming", "image", "general", "0.2500"),
    ]  # fmt: skip
    # Switched several times before anybody is told, it is told what holds, once; nothing by itself
    # that the line and its prices came to meanwhile.
    count = len(await read_events(trade))
    new = general | {"unit": "song", "effective_from": hands.moment}
    await in_transaction(lambda sor: PRICES.create(sor, new, SYSTEM_ACTOR))
    for enabled in (0, 1, 0, 1):
        await in_transaction(
            lambda sor, enabled=enabled: LINKS.update(  # type: ignore[misc]
                sor, link_id, None, {"enabled": enabled}, SYSTEM_ACTOR
            )
        )
    await tell_all(hands)
    events = (await read_events(trade))[count:]
    assert sorted((one.type, one.data.get("unit", "")) for one in events) == [
        ("pipeline.online", ""), ("price.changed", general["unit"]), ("price.changed", "page"),
        ("price.changed", "song"), ("price.coming", "image"),
    ]  # fmt: skip


async def test_workers_of_the_version_before_leave_switches_alone(hands: Clock) -> None:
    trade = await make_trade()
    link_id = trade.rows["distributor_pipeline"]["id"]
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))
    await in_transaction(lambda sor: LINKS.update(sor, link_id, None, {"enabled": 0}, SYSTEM_ACTOR))
    async with reading() as sor:
        topics = await sor.firsts("select topic from app_event_outbox", {})
        # As they look for what is due.
        due = await sor.firsts(
            "select topic from app_event_outbox where due_at <= ${moment}$",
            {"moment": hands.moment + timedelta(days=36500)},
        )
    assert (topics, due) == (["switch"], [])
    await tell_all(hands)
    assert [one.type for one in await read_events(trade)] == ["pipeline.offline"]


async def test_a_topic_of_a_later_version_is_kept_where_nobody_has_the_line(hands: Clock) -> None:
    trade = await make_trade(distributor_pipeline={"enabled": 0})
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))
    await keep_change("of a later program", trade.rows["pipelines"]["id"])
    await tell_all(hands)
    async with reading() as sor:
        assert await sor.firsts("select attempts from app_event_outbox", {}) == [1]
    await in_transaction(lambda sor: sor.sqlExe("delete from app_event_outbox", {}))
