"""Webhooks against a real receiver: in order, each until it is taken, never somewhere private."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Signer, WebhookVerificationError

from app.db.transactions import in_transaction, reading
from pipeline_dist.events.kinds import EventType
from pipeline_dist.webhooks import delivery, manage, messages, worker
from pipeline_dist.webhooks.rows import Kind
from pipeline_dist.webhooks.worker import Sender
from tests.support.trade import Clock, make_trade
from tests.support.webhooks import (
    Receiver,
    allow_private,
    happen,
    make_webhook,
    outcomes,
    read,
    turn,
)


async def test_events_arrive_in_order_signed_and_only_those_wanted(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    await happen(trade, "before")
    webhook = await make_webhook(trade, receiver, "call.voided")
    await happen(trade, "a", "b")
    await happen(trade, "c", kind=EventType.CALL_EXPIRED)
    await happen(trade, "d")
    await turn(sender)

    assert [body["data"]["call_no"] for _, body in receiver.messages] == ["a", "b", "d"]
    assert [key for key, _ in receiver.messages] == [f"{webhook.id}.{n}" for n in (2, 3, 5)]
    assert (await read(webhook)).sent_no == 5
    await happen(trade, "e", kind=EventType.CALL_EXPIRED)
    await turn(sender)
    assert (await read(webhook)).sent_no == 6
    assert len(receiver.messages) == 3


async def test_what_is_not_taken_comes_again_before_the_next(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    headers = {"Retry-After": "1000"}
    replies = {1: 500, 2: web.Response(status=503, headers=headers)}
    receiver.answers = lambda count, request: replies.get(count, 200)
    await happen(trade, "a", "b")
    await turn(sender)
    await turn(sender)  # too early
    assert receiver.numbers == [1]
    hands.moment += timedelta(seconds=7)
    await turn(sender)
    hands.moment += timedelta(seconds=900)
    await turn(sender)  # it was asked to wait longer
    assert receiver.numbers == [1, 1]
    hands.moment += timedelta(seconds=101)
    await turn(sender)

    assert receiver.numbers == [1, 1, 1, 2]
    assert len({key for key, _ in receiver.messages}) == 2
    assert await outcomes(webhook) == [
        (1, "failed", 500), (1, "failed", 503), (1, "delivered", 200), (2, "delivered", 200),
    ]  # fmt: skip


async def test_redirects_are_not_followed(hands: Clock, receiver: Receiver, sender: Sender) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    receiver.answers = lambda count, request: web.Response(
        status=307, headers={"Location": receiver.url}
    )
    await happen(trade, "a")
    await turn(sender)

    assert (receiver.numbers, await outcomes(webhook)) == ([1], [(1, "failed", 307)])


async def test_a_slow_receiver_holds_up_no_other(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "TIMEOUT_SECONDS", 1)
    trade = await make_trade()
    slow = await make_webhook(trade, receiver)
    other = await make_webhook(trade, receiver)
    receiver.secrets = []
    never = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        if request.headers["webhook-id"].startswith(slow.id):
            await never.wait()
        return web.Response()

    receiver.take = take  # type: ignore[method-assign]
    await happen(trade, "a", "b")
    await turn(sender)
    never.set()

    assert await outcomes(other) == [(1, "delivered", 200), (2, "delivered", 200)]
    assert await outcomes(slow) == [(1, "failed", None)]


async def test_slow_receivers_of_one_distributor_leave_room_for_others(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "TIMEOUT_SECONDS", 0.3)
    trade, other_trade = await make_trade(), await make_trade()
    slow = {(await make_webhook(trade, receiver)).id for _ in range(4)}
    receiver.secrets = []
    never = asyncio.Event()
    webhook_ids: list[str] = []

    async def take(request: web.Request) -> web.Response:
        webhook_id = request.headers["webhook-id"].split(".")[0]
        webhook_ids.append(webhook_id)
        if webhook_id in slow:
            await never.wait()
        return web.Response()

    receiver.take = take  # type: ignore[method-assign]
    await happen(trade, "a")
    hands.moment += timedelta(seconds=1)
    other = await make_webhook(other_trade, receiver)
    receiver.secrets = []
    await happen(other_trade, "b")
    await turn(sender)

    assert (len(webhook_ids), other.id in webhook_ids) == (1 + worker.MAX_SENDING_OF_ONE, True)
    # Then those that have waited since, before those that were tried.
    hands.moment += timedelta(seconds=7)
    await turn(sender)
    assert set(webhook_ids[3:]) == slow - set(webhook_ids[:3])
    never.set()


async def test_a_turn_has_an_end_and_what_was_asked_for_leaves_room_in_it(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_WAITING", 2)
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)

    async def ask(sor: Any) -> None:
        for _ in range(3):
            await manage.send_once(sor, webhook, 0, manage.TEST_TYPE, Kind.TEST)

    await in_transaction(ask)
    await happen(trade, "a", "b")
    await turn(sender)
    assert receiver.numbers == [0, 0, 1, 2]
    await turn(sender)
    assert receiver.numbers == [0, 0, 1, 2, 0]
    assert not (await read(webhook)).waiting

    # Each answer takes two thirds of a turn.
    answer_seconds = delivery.TURN_SECONDS * 2 / 3
    monkeypatch.setattr(delivery, "monotonic", lambda: len(receiver.messages) * answer_seconds)
    await happen(trade, "c", "d", "e")
    await turn(sender)
    assert receiver.numbers[5:] == [3, 4]
    await turn(sender)
    assert receiver.numbers[5:] == [3, 4, 5]


async def test_both_secrets_sign_during_the_grace(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    old = receiver.secrets[0]
    receiver.secrets.append(await in_transaction(lambda sor: manage.rotate_secret(sor, webhook, 2)))
    await happen(trade, "a")
    await turn(sender)  # the receiver checks by each of both
    hands.moment += timedelta(hours=3)
    receiver.secrets.remove(old)
    await happen(trade, "b")
    await turn(sender)
    assert receiver.numbers == [1, 2]

    headers = messages.signed_headers(
        messages.Message("x", {}), delivery.secrets_of(await read(webhook)), datetime.now(UTC)
    )
    with pytest.raises(WebhookVerificationError):
        Signer(old).verify("{}", headers)


async def test_tests_and_replays_are_sent_beside_the_order(
    hands: Clock, receiver: Receiver, sender: Sender
) -> None:
    trade = await make_trade()
    webhook = await make_webhook(trade, receiver)
    await happen(trade, "a", "b", "c")
    await turn(sender)

    async def again(sor: Any) -> None:
        await manage.send_once(sor, webhook, 0, manage.TEST_TYPE, Kind.TEST)
        await manage.send_once(sor, webhook, 2, "call.voided", Kind.REPLAY)

    await in_transaction(again)
    await turn(sender)
    await in_transaction(lambda sor: manage.replay_from(sor, webhook, 3))
    await turn(sender)

    assert receiver.numbers == [1, 2, 3, 0, 2, 3]
    assert receiver.messages[3][1]["type"] == "webhook.test"
    assert receiver.messages[1][0] == receiver.messages[4][0]


async def test_private_addresses_are_not_sent_to(
    hands: Clock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await make_trade()
    literal = await make_webhook(trade, receiver)
    receiver.url = receiver.url.replace("127.0.0.1", "localhost")
    name = await make_webhook(trade, receiver)
    allow_private(monkeypatch, allows=False)
    await happen(trade, "a")
    await turn(sender)

    async with reading() as sor:
        errors = [
            row.error
            for webhook in (literal, name)
            for row in await manage.list_deliveries(sor, webhook.id, 9)
        ]
    assert (receiver.messages, errors) == ([], ["the address is not public"] * 2)
