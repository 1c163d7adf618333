"""Webhooks that are not taken, and senders that die: nothing is lost, and who fails is told."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from app.db.transactions import in_transaction, reading
from pipeline_dist.events.store import events_after, prune
from pipeline_dist.webhooks import delivery, manage, messages
from pipeline_dist.webhooks.rows import NOT_FAILING
from pipeline_dist.webhooks.worker import Sender
from tests.support.installation import Installation
from tests.support.trade import Clock, make_trade
from tests.support.webhooks import (
    Receiver,
    happen,
    make_webhook,
    outcomes,
    read,
    turn,
)


async def test_whatever_sending_comes_to_is_noted_as_a_failure(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    reads = messages._beginning

    async def fails(response: Any) -> str:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(messages, "_beginning", fails)
    await happen(trade, "a")
    await turn(sender)
    present = await read(webhook)
    assert (present.attempts, await outcomes(webhook)) == (1, [(1, "failed", None)])
    monkeypatch.setattr(messages, "_beginning", reads)
    hands.moment += timedelta(seconds=7)
    await turn(sender)
    assert (await read(webhook)).sent_no == 1


async def test_failing_for_days_disables_it_and_nothing_is_lost(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    receiver.answers = lambda count, request: 500
    await happen(trade, "a", "b")
    for _ in range(60):
        await turn(sender)
        present = await read(webhook)
        if not present.enabled:
            break
        assert present.next_try_at is not None
        hands.moment = max(hands.moment, present.next_try_at)
    assert (present.enabled, present.disabled_reason, present.sent_no) == (0, "failures", 0)
    assert timedelta(days=3) <= hands.moment - present.failing_since < timedelta(days=3.3)  # type: ignore[operator]
    async with reading() as sor:
        events = await events_after(sor, trade.distributor_id, 2, 9)
    assert [(one.type, one.data["reason"]) for one in events] == [("webhook.disabled", "failures")]

    receiver.answers, receiver.messages = lambda count, request: 200, []
    await in_transaction(
        lambda sor: manage.update_webhook(sor, present, url=None, types=None, enabled=True)
    )
    await turn(sender)
    assert receiver.numbers == [1, 2, 3]


async def test_a_clock_that_jumps_disables_nothing(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    """Or a host that was off for days: it is not the receiver's fault."""
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    receiver.answers = lambda count, request: 500
    await happen(trade, "a")
    for _ in range(delivery.MIN_ATTEMPTS + 2):
        await turn(sender)
        present = await read(webhook)
        hands.moment += timedelta(days=4)

    assert (present.enabled, present.attempts) == (1, delivery.MIN_ATTEMPTS + 2)
    # Long pauses alone, as a receiver may ask for, are not many tries.
    receiver.answers = lambda count, request: web.Response(
        status=503, headers={"Retry-After": "999999"}
    )
    await in_transaction(
        lambda sor: manage.set_columns(
            sor, webhook.id, {**NOT_FAILING, "failing_seconds": 3 * 86_400}
        )
    )
    for _ in range(delivery.MIN_ATTEMPTS):
        assert (await read(webhook)).enabled
        await turn(sender)
        hands.moment += timedelta(hours=7)
    assert not (await read(webhook)).enabled


async def test_gone_disables_at_once(hands: Clock, receiver: Receiver, sender: Sender) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    receiver.answers = lambda count, request: 410
    await happen(trade, "a")
    await turn(sender)
    present = await read(webhook)

    assert (present.enabled, present.disabled_reason) == (0, "gone")


async def test_one_that_was_off_for_longer_than_events_are_kept_says_what_is_gone(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)

    async def enable(*, enabled: bool) -> None:
        present = await read(webhook)
        await in_transaction(
            lambda sor: manage.update_webhook(sor, present, url=None, types=None, enabled=enabled)
        )

    await happen(trade, "a")
    await turn(sender)
    await enable(enabled=False)
    await happen(trade, "b", "c")
    hands.moment += timedelta(days=400)
    await happen(trade, "d")
    await prune(hands.moment)
    await enable(enabled=True)
    await turn(sender)
    await turn(sender)

    assert receiver.numbers == [1, 4, 5]
    assert receiver.messages[2][1]["type"] == "webhook.events_gone"
    assert receiver.messages[2][1]["data"] == {
        "webhook_id": webhook.id, "url": webhook.url, "delivered_event_no": 1, "first_event_no": 4,
    }  # fmt: skip
    assert (await outcomes(webhook))[1:] == [
        (3, "failed", None), (4, "delivered", 204), (5, "delivered", 204),
    ]  # fmt: skip
    async with reading() as sor:
        gone = (await manage.list_deliveries(sor, webhook.id, 9))[2]
    assert gone.error == "events 2 to 3 are no longer kept; it goes on with 4"


async def test_two_senders_send_nothing_twice(hands: Clock, receiver: Receiver) -> None:
    trade = await make_trade()
    await make_webhook(trade, receiver)
    senders = [Sender(), Sender(), Sender()]
    for number in range(5):
        await happen(trade, *(f"{number}-{n}" for n in range(4)))
        await asyncio.gather(*(turn(one) for one in senders))
    await turn(senders[0])
    for one in senders:
        await one.close()

    assert receiver.numbers == list(range(1, 21))


_SENDER = """
import asyncio
from types import SimpleNamespace
from pipeline_dist.webhooks import addresses
addresses.settings = lambda: SimpleNamespace(options=SimpleNamespace(webhooks_allow_private=True))
from pipeline_dist.webhooks.worker import run_sender
asyncio.run(run_sender(asyncio.Event()))
"""


async def test_who_is_killed_after_sending_sends_it_again_under_the_same_id(
    pool: Installation, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    await make_webhook(trade, receiver)
    await happen(trade, *(str(n) for n in range(6)))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _SENDER, env=pool.env)

    def kill(count: int, request: web.Request) -> int:
        if count == 3:
            os.kill(process.pid, signal.SIGKILL)
        return 200

    receiver.answers = kill
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    assert receiver.numbers == [1, 2, 3]
    await turn(sender)  # the dead one has the lease
    assert receiver.numbers == [1, 2, 3]
    await in_transaction(
        lambda sor: sor.sqlExe(
            "update app_webhook set lease_until = ${at}$", {"at": datetime(2020, 1, 1, tzinfo=UTC)}
        )
    )
    await turn(sender)

    assert receiver.numbers == [1, 2, 3, 3, 4, 5, 6]
    assert receiver.messages[2][0] == receiver.messages[3][0]


async def test_a_lost_note_is_no_lost_event(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose database goes away between sending and noting."""
    trade = await make_trade()
    await make_webhook(trade, receiver)
    await happen(trade, "a", "b")
    note, count = delivery._note, 0

    async def fails(*args: Any) -> Any:
        nonlocal count
        count += 1
        if count == 1:
            raise ConnectionError
        return await note(*args)

    monkeypatch.setattr(delivery, "_note", fails)
    await turn(sender)
    hands.moment += timedelta(seconds=61)
    await turn(sender)

    assert receiver.numbers == [1, 1, 2]
