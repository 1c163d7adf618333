"""A receiver of webhooks that is a real server, and what tests do with it and with a sender."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Signer

from app.db.transactions import in_transaction, reading
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import add_events
from pipeline_dist.webhooks import addresses, manage
from pipeline_dist.webhooks.rows import Webhook
from pipeline_dist.webhooks.worker import Sender
from tests.support.trade import Trade

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


def allow_private(monkeypatch: pytest.MonkeyPatch, *, allows: bool) -> None:
    options = SimpleNamespace(options=SimpleNamespace(webhooks_allow_private=allows))
    monkeypatch.setattr(addresses, "settings", lambda: options)


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
