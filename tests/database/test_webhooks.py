"""Webhooks against a real receiver: in order, each until it is taken, never somewhere private."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Signer, WebhookVerificationError

from app.db.transactions import in_transaction, reading
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import add_events, events_after
from pipeline_dist.webhooks import addresses, delivery, manage, messages, worker
from pipeline_dist.webhooks.rows import NOT_FAILING, Kind, Webhook
from pipeline_dist.webhooks.worker import Sender
from tests.support.installation import Installation
from tests.support.trade import Clock, Trade, make_trade

Answers = Callable[[int, web.Request], Any]


@dataclass
class Receiver:
    """A distributor's server: what came in, in order, and how it answers."""

    url: str
    secrets: list[str] = field(default_factory=list)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    # By how many messages came before: a status, or an answer.
    answers: Answers = lambda count, request: 204

    async def take(self, request: web.Request) -> web.StreamResponse:
        text, headers = await request.text(), dict(request.headers)
        body = [Signer(one).verify(text, headers) for one in self.secrets]
        self.messages.append((headers["webhook-id"], body[0]))
        answer = self.answers(len(self.messages), request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer if isinstance(answer, web.StreamResponse) else web.Response(status=answer)

    @property
    def numbers(self) -> list[int]:
        """The events that came in."""
        return [body["event_no"] for _, body in self.messages]


@pytest.fixture(autouse=True)
def _any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_private(monkeypatch, allows=True)


def allow_private(monkeypatch: pytest.MonkeyPatch, *, allows: bool) -> None:
    options = SimpleNamespace(options=SimpleNamespace(webhooks_allow_private=allows))
    monkeypatch.setattr(addresses, "settings", lambda: options)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    result = Receiver("")
    application = web.Application()

    async def take(request: web.Request) -> web.StreamResponse:
        return await result.take(request)  # which a test may replace

    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    result.url = f"http://127.0.0.1:{port}/hook"
    yield result
    await runner.cleanup()


@pytest.fixture
async def sender(pool: Installation) -> AsyncIterator[Sender]:
    result = Sender()
    yield result
    await result.close()


async def turn(sender: Sender) -> None:
    """Let a sender take up what is due, and end it."""
    async with reading() as sor:
        await sender.turn(sor, asyncio.Event())
    await asyncio.gather(*sender._tasks.values())


async def make_webhook(trade: Trade, receiver: Receiver, *types: str) -> Webhook:
    webhook, secret = await in_transaction(
        lambda sor: manage.create_webhook(sor, trade.distributor_id, receiver.url, types)
    )
    receiver.secrets.append(secret)
    return webhook


async def happen(trade: Trade, *subjects: str, kind: EventType = EventType.CALL_VOIDED) -> None:
    events = [NewEvent(trade.distributor_id, kind, name, {"call_no": name}) for name in subjects]
    await in_transaction(lambda sor: add_events(sor, events))


async def read(webhook: Webhook) -> Webhook:
    (row,) = await list_of(webhook)
    return row


async def list_of(webhook: Webhook) -> list[Webhook]:
    async with reading() as sor:
        return await manage.list_webhooks(sor, webhook.distributor_id)


async def outcomes(webhook: Webhook) -> list[tuple[int, str, int | None]]:
    async with reading() as sor:
        rows = await manage.list_deliveries(sor, webhook.id, 100)
    return [(row.event_no, row.outcome, row.http_status) for row in reversed(rows)]


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
