"""Names of receivers that cannot be looked up: whose failure that is, and what it holds up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from socket import AF_INET

import pytest

from app.db.transactions import in_transaction, reading
from pipeline_dist.events.kinds import EventType
from pipeline_dist.webhooks import delivery, lookups, manage
from pipeline_dist.webhooks.addresses import NoNameserver
from pipeline_dist.webhooks.leases import LEASE
from pipeline_dist.webhooks.rows import Kind, Webhook
from pipeline_dist.webhooks.worker import Sender
from tests.support.nameserver import Nameserver, nameserver
from tests.support.trade import Clock, make_trade
from tests.support.webhooks import Receiver, happen, make_webhook, outcomes, read, turn

NAME = "hooks.example.com"


@pytest.fixture
async def names() -> AsyncIterator[Nameserver]:
    """A nameserver that knows the receiver."""
    async with nameserver() as result:
        result.addresses[NAME] = "127.0.0.1"
        yield result


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nameservers that say nothing be asked again each time."""
    monkeypatch.setattr(lookups, "SILENCE_SECONDS", 0.0)


def shorten(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Do not wait for what nobody answers. What is answered keeps its time: this loop is slow."""
    for name in names:
        monkeypatch.setattr(lookups, name, 0.1)


OF_NAME, OF_ROOT = ("ASK_SECONDS", "LOOKUP_SECONDS"), "ROOT_ASK_SECONDS"


async def by_name(receiver: Receiver) -> Webhook:
    """Make a webhook of a distributor of its own, which goes to the receiver by its name."""
    trade = await make_trade()
    address = receiver.url
    receiver.url = address.replace("127.0.0.1", NAME)
    webhook = await make_webhook(trade, receiver)
    receiver.url = address
    await happen(trade, "a")
    return webhook


async def last_error(webhook: Webhook) -> str:
    async with reading() as sor:
        (row,) = await manage.list_deliveries(sor, webhook.id, 1)
    return row.error or ""


def outcome_count(outcome: str) -> float:
    return delivery._deliveries.child(outcome).value


async def test_nameservers_that_do_not_answer_hold_up_no_other_webhook(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ASK_SECONDS", "LOOKUP_SECONDS"):
        monkeypatch.setattr(lookups, name, 600.0)
    names.is_silent = True
    waiting = await by_name(receiver)
    receiver.secrets = []
    trade = await make_trade()
    other = await make_webhook(trade, receiver)
    await happen(trade, "b")
    sender = Sender([names.place])
    async with reading() as sor:
        await sender.turn(sor, asyncio.Event())
    await sender._tasks[other.id]

    assert await outcomes(other) == [(1, "delivered", 204)]
    assert not sender._tasks[waiting.id].done()
    sender._tasks[waiting.id].cancel()
    await sender.close()


@pytest.mark.usefixtures("_patience")
async def test_what_this_host_cannot_look_up_counts_for_nothing(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.is_silent = True
    webhook = await by_name(receiver)
    before = outcome_count("unsent")
    with monkeypatch.context() as patch:
        shorten(patch, *OF_NAME, OF_ROOT)
        sender = Sender([names.place])
        for _ in range(delivery.MIN_ATTEMPTS + 1):
            await turn(sender)
            hands.moment += timedelta(days=1)
        await sender.close()
    present = await read(webhook)

    assert (present.enabled, present.attempts, present.failing_since) == (1, 0, None)
    assert set(await outcomes(webhook)) == {(1, "unsent", None)}
    count = len(await outcomes(webhook))
    # Another test's webhook may be sent by the way.
    assert outcome_count("unsent") - before >= count == delivery.MIN_ATTEMPTS + 1
    assert "nameservers of the sending host" in await last_error(webhook)
    # And when they answer again, it is sent.
    names.is_silent = False
    sender = Sender([names.place])
    await turn(sender)
    await sender.close()
    assert (receiver.numbers, (await read(webhook)).sent_no) == ([1], 1)


@pytest.mark.usefixtures("_patience")
async def test_what_the_receivers_nameservers_do_not_tell_is_its_failure(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await by_name(receiver)
    sender = Sender([names.place])
    attempts = 0

    async def fails() -> str:
        nonlocal attempts
        attempts += 1
        await turn(sender)
        hands.moment += timedelta(hours=5)
        present = await read(webhook)
        assert (present.attempts, present.failing_since is not None) == (attempts, True)
        assert (await outcomes(webhook))[-1] == (1, "failed", None)
        return await last_error(webhook)

    names.broken_names = frozenset({NAME})
    await fails()
    names.broken_names, names.silent_names = frozenset(), frozenset({NAME})
    with monkeypatch.context() as patch:
        shorten(patch, "LOOKUP_SECONDS")
        await fails()
    names.silent_names, names.addresses = frozenset(), {}
    assert "not found" in await fails()
    # Of one that does not tell of the root either nobody knows whose failure it is: it is ours.
    names.broken_names, names.knows_root = frozenset({NAME}), False
    await turn(sender)
    hands.moment += timedelta(hours=5)
    assert (await outcomes(webhook))[-1][1] == "unsent"
    assert (await read(webhook)).attempts == attempts
    await sender.close()
    # And it is found behind one that says nothing.
    names.knows_root = True
    async with nameserver() as silent:
        silent.is_silent = True
        sender = Sender([silent.place, names.place])
        with monkeypatch.context() as patch:
            shorten(patch, "LOOKUP_SECONDS")
            await fails()
        await sender.close()
        assert "" in silent.names


async def test_nobody_else_waits_for_nameservers_that_have_just_not_answered(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, *OF_NAME, OF_ROOT)
    monkeypatch.setattr(lookups, "SILENCE_SECONDS", 600.0)
    names.is_silent = True
    sender = Sender([names.place])
    await by_name(receiver)
    await turn(sender)
    count = len(names.names)
    webhook = await by_name(receiver)
    await turn(sender)
    await sender.close()

    assert await outcomes(webhook) == [(1, "unsent", None)]
    assert len(names.names) == count > 0


async def test_a_nameserver_that_has_just_answered_is_asked_again(
    names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "SILENCE_SECONDS", 600.0)
    book = lookups.Lookups([names.place])
    await book.addresses(NAME, AF_INET)
    names.is_silent = True
    shorten(monkeypatch, *OF_NAME, OF_ROOT)
    for name in ("a.example.com", "b.example.com"):
        with pytest.raises(NoNameserver):
            await book.addresses(name, AF_INET)
        assert name in names.names
    book.close()


async def test_a_host_that_cannot_look_up_at_all_ends_no_sending(
    hands: Clock, receiver: Receiver, names: Nameserver
) -> None:
    with pytest.raises(NoNameserver):
        lookups.Lookups(["no nameserver"])
    webhook = await by_name(receiver)
    sender = Sender(["no nameserver"])
    await turn(sender)
    await sender.close()
    assert await outcomes(webhook) == []
    hands.moment += 2 * LEASE
    sender = Sender([names.place])
    await turn(sender)
    await sender.close()
    assert await outcomes(webhook) == [(1, "delivered", 204)]


async def test_what_was_asked_for_waits_until_this_host_can_send_it(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await by_name(receiver)
    await in_transaction(lambda sor: manage.set_columns(sor, webhook.id, {"sent_no": 1}))
    kind = str(EventType.CALL_VOIDED)
    await in_transaction(lambda sor: manage.send_once(sor, webhook, 1, kind, Kind.REPLAY))
    names.is_silent = True
    with monkeypatch.context() as patch:
        shorten(patch, *OF_NAME, OF_ROOT)
        sender = Sender([names.place])
        await turn(sender)
        assert NAME in names.names
        assert (await read(webhook)).waiting
        assert await outcomes(webhook) == [(1, "waiting", None)]
        count = len(names.names)
        await turn(sender)  # a minute it is left alone
        assert len(names.names) == count
        await sender.close()
    names.is_silent = False
    hands.moment += timedelta(seconds=2 * delivery.UNSENT_PAUSE)
    sender = Sender([names.place])
    await turn(sender)
    await sender.close()
    assert await outcomes(webhook) == [(1, "delivered", 204)]
