"""Names of receivers that cannot be looked up: whose failure that is, and what it holds up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.db.transactions import reading
from pipeline_dist.webhooks import delivery, lookups, manage
from pipeline_dist.webhooks.rows import Webhook
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
    """Let nobody be waited for long."""
    monkeypatch.setattr(lookups, "ASK_SECONDS", 0.2)
    monkeypatch.setattr(lookups, "LOOKUP_SECONDS", 1.0)
    monkeypatch.setattr(lookups, "SILENCE_SECONDS", 0.0)


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


def counted(outcome: str) -> float:
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
    hands: Clock, receiver: Receiver, names: Nameserver
) -> None:
    names.is_silent = True
    webhook = await by_name(receiver)
    sender, before = Sender([names.place]), counted("unsent")
    for _ in range(delivery.MIN_ATTEMPTS + 1):
        await turn(sender)
        hands.moment += timedelta(days=1)
    present = await read(webhook)

    assert (present.enabled, present.attempts, present.failing_since) == (1, 0, None)
    assert set(await outcomes(webhook)) == {(1, "unsent", None)}
    count = len(await outcomes(webhook))
    # Another test's webhook may be sent by the way.
    assert counted("unsent") - before >= count == delivery.MIN_ATTEMPTS + 1
    assert "nameservers of the sending host" in await last_error(webhook)
    # And when they answer again, it is sent.
    names.is_silent = False
    await turn(sender)
    await sender.close()
    assert (receiver.numbers, (await read(webhook)).sent_no) == ([1], 1)


@pytest.mark.usefixtures("_patience")
async def test_what_the_receivers_nameservers_do_not_tell_is_its_failure(
    hands: Clock, receiver: Receiver, names: Nameserver
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
    await fails()
    names.silent_names, names.addresses = frozenset(), {}
    assert "not found" in await fails()
    # A nameserver that knows nothing itself is none.
    names.broken_names, names.knows_root = frozenset({NAME}), False
    await turn(sender)
    assert (await read(webhook)).attempts == attempts
    assert (await outcomes(webhook))[-1] == (1, "unsent", None)
    await sender.close()


@pytest.mark.usefixtures("_patience")
async def test_nobody_else_waits_for_nameservers_that_have_just_not_answered(
    hands: Clock, receiver: Receiver, names: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
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
