"""
Sending what a webhook is due: its events in their order, each until the receiver has taken it.

An event is sent again after growing pauses until it is taken; the next one waits for it. What this
host could not send, since its nameservers do not answer, is tried again and counts for nothing.
After three days of failures, or when the receiver says that it is gone, the webhook is disabled and
the distributor told; nothing is passed over, so that it goes on there when it is enabled again.
What a delivery came to is noted after it: who dies in between sends it once more, under the same
id.

A webhook is sent to for a turn, which has an end, so that others get theirs.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import aiohttp

from app.global_func import (
    Counter,
    SafeSqlor,
    in_transaction,
    now,
    reading,
    time_ordered_id,
)
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import Event, Kept, add_events, events_after, kept_numbers
from pipeline_dist.webhooks.leases import Lease
from pipeline_dist.webhooks.manage import set_columns
from pipeline_dist.webhooks.messages import Answer, Message, send
from pipeline_dist.webhooks.rows import (
    NOT_FAILING,
    SELECT_DELIVERIES,
    Delivery,
    Kind,
    Outcome,
    Reason,
    Webhook,
    add_delivery,
)
from pipeline_dist.webhooks.sealing import unseal

# Seconds until the next try, after so many; the last one from then on.
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)
_JITTER = 0.2
# And after one that this host could not make, which counts for nothing.
UNSENT_PAUSE = 60
# Disabled after so many tries, when so long was waited between them. Not by the clock alone: it may
# have jumped, or nobody was there to send.
MAX_FAILING = timedelta(days=3)
MIN_ATTEMPTS = 10
TURN_SECONDS = 30
# Of what somebody asked for, so many are sent in a turn before what is in order goes on.
MAX_WAITING = 100
_GONE = 410
_EVENT_BATCH_SIZE = 50
_WAITING = f"{SELECT_DELIVERIES} webhook_id = ${{id}}$ and outcome = 'waiting' order by id limit 20"

_deliveries = Counter("pipeline_webhook_deliveries", "Webhooks sent, by outcome", ["outcome"])


@dataclass(slots=True)
class Turn:
    """How much may still be sent by a webhook before others have their turn; *stop* ends it too."""

    stop: asyncio.Event
    waiting: int = field(default_factory=lambda: MAX_WAITING)
    _end: float = field(default_factory=lambda: monotonic() + TURN_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.stop.is_set() or monotonic() >= self._end


async def deliver(session: aiohttp.ClientSession, lease: Lease, turn: Turn) -> None:
    """Send what the webhook of *lease* is due until nothing is, one try fails, or *turn* is
    over."""
    while not turn.is_over:
        webhook = await in_transaction(lease.hold)
        if webhook is None:
            return
        if webhook.waiting and turn.waiting > 0:
            if not await _send_waiting(session, lease, webhook, turn):
                return
        elif not await _send_in_order(session, lease, webhook, turn):
            return


async def _send_in_order(
    session: aiohttp.ClientSession, lease: Lease, webhook: Webhook, turn: Turn
) -> bool:
    """Send the next events of a webhook; whether there may be more for it now."""
    if not webhook.enabled or (webhook.next_try_at is not None and webhook.next_try_at > now()):
        return False
    events, numbers = await _next_events(webhook)
    if webhook.sent_no < numbers.first - 1:
        await _pass_gone(lease, webhook, numbers.first)
        return True
    if not events:
        await _pass_by(lease, webhook, numbers.last)
        return False
    for event in events:
        if turn.is_over:
            return False
        answer = await send(session, webhook.url, _message(webhook, event), secrets_of(webhook))
        present = await _note(lease, webhook, event, answer)
        if present is None or not answer.is_delivered:
            return False
        if present.waiting and turn.waiting > 0:
            return True
        webhook = present
    return True


def secrets_of(webhook: Webhook) -> list[str]:
    """Return what a webhook is signed with now; raises OtherKey."""
    secrets = [unseal(webhook.secret, webhook.id)]
    until = webhook.previous_until
    if webhook.previous_secret is not None and until is not None and until > now():
        secrets.append(unseal(webhook.previous_secret, webhook.id))
    return secrets


def next_pause(attempts: int, retry_after: int | None) -> float:
    """Return how many seconds to wait after so many tries that failed."""
    return max(_jittered(PAUSES[min(attempts, len(PAUSES)) - 1]), retry_after or 0)


def _jittered(pause: float) -> float:
    return pause * random.uniform(1 - _JITTER, 1 + _JITTER)


async def _next_events(webhook: Webhook) -> tuple[list[Event], Kept]:
    """Return the next events that a webhook wants, and the numbers of those that there are."""
    async with reading(snapshot=True) as sor:
        numbers = await kept_numbers(sor, webhook.distributor_id)
        events = await events_after(
            sor, webhook.distributor_id, webhook.sent_no, _EVENT_BATCH_SIZE, webhook.types
        )
    return events, numbers


async def _pass_by(lease: Lease, webhook: Webhook, last_no: int) -> None:
    """Note that a webhook wants none of the events up to *last_no*."""

    async def work(sor: SafeSqlor) -> None:
        current = await lease.hold(sor)
        if current is not None and current.sent_no == webhook.sent_no < last_no:
            await set_columns(sor, webhook.id, {"sent_no": last_no})

    await in_transaction(work)


async def _pass_gone(lease: Lease, webhook: Webhook, first_no: int) -> None:
    """Let a webhook that was behind for longer than events are kept go on with *first_no*, the
    first that is: said once, in its log and by an event."""
    gone = f"events {webhook.sent_no + 1} to {first_no - 1} are no longer kept"

    async def work(sor: SafeSqlor) -> None:
        current = await lease.hold(sor)
        if current is None or current.sent_no != webhook.sent_no:
            return
        await set_columns(sor, webhook.id, {"sent_no": first_no - 1})
        data = {
            "webhook_id": webhook.id,
            "url": webhook.url,
            "delivered_event_no": webhook.sent_no,
            "first_event_no": first_no,
        }
        kind, owner = EventType.WEBHOOK_EVENTS_GONE, webhook.distributor_id
        last = Event(first_no - 1, str(kind), now(), data)
        answer = Answer(None, "", f"{gone}; it goes on with {first_no}", 0)
        await add_delivery(sor, _delivery(webhook, last, current.attempts + 1, answer, None))
        await add_events(sor, [NewEvent(owner, kind, f"{webhook.id}:{first_no}", data)])

    await in_transaction(work)


async def _note(lease: Lease, webhook: Webhook, event: Event, answer: Answer) -> Webhook | None:
    """Note what came of sending *event*; the webhook as it is then, None where another sends for it
    now, or it was changed meanwhile."""

    async def work(sor: SafeSqlor) -> Webhook | None:
        current = await lease.hold(sor)
        if current is None:
            return None
        attempt = current.attempts + 1
        # Of another address the answer says nothing.
        is_as_before = (current.sent_no, current.enabled, current.url) == (
            webhook.sent_no, webhook.enabled, webhook.url,
        )  # fmt: skip
        next_try_at = None
        if is_as_before and answer.is_delivered:
            current.sent_no = event.event_no
            await set_columns(sor, webhook.id, {"sent_no": event.event_no, **NOT_FAILING})
        elif is_as_before and answer.is_unsent:
            next_try_at = now() + timedelta(seconds=_jittered(UNSENT_PAUSE))
            await set_columns(sor, webhook.id, {"next_try_at": next_try_at})
        elif is_as_before:
            next_try_at = await _note_failure(sor, current, attempt, answer)
        await add_delivery(sor, _delivery(webhook, event, attempt, answer, next_try_at))
        if is_as_before and next_try_at is None and not answer.is_delivered:
            await add_events(sor, [_disabled_event(current, answer)])
        return current if is_as_before else None

    result = await in_transaction(work)
    _deliveries.child(str(_outcome(answer))).add()
    return result


async def _note_failure(
    sor: SafeSqlor, current: Webhook, attempt: int, answer: Answer
) -> datetime | None:
    """Note that a try failed; when the next one is, None where the webhook is disabled instead."""
    moment = now()
    current.failing_since = current.failing_since or moment
    values = {"attempts": attempt, "failing_since": current.failing_since}
    reason = _reason_to_disable(current, attempt, answer)
    if reason is not None:
        current.disabled_reason = reason
        await set_columns(
            sor, current.id,
            {**values, "enabled": 0, "disabled_reason": str(reason), "next_try_at": None},
        )  # fmt: skip
        return None
    pause = next_pause(attempt, answer.retry_after)
    next_try_at = moment + timedelta(seconds=pause)
    failing_seconds = current.failing_seconds + int(pause)
    await set_columns(
        sor, current.id, {**values, "failing_seconds": failing_seconds, "next_try_at": next_try_at}
    )
    return next_try_at


def _reason_to_disable(webhook: Webhook, attempt: int, answer: Answer) -> Reason | None:
    if answer.http_status == _GONE:
        return Reason.GONE
    has_failed_for_long = webhook.failing_seconds >= MAX_FAILING.total_seconds()
    return Reason.FAILURES if has_failed_for_long and attempt >= MIN_ATTEMPTS else None


def _disabled_event(webhook: Webhook, answer: Answer) -> NewEvent:
    data = {
        "webhook_id": webhook.id,
        "url": webhook.url,
        "reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "http_status": answer.http_status,
        "error": answer.error,
        "delivered_event_no": webhook.sent_no,
    }
    subject = f"{webhook.id}:{time_ordered_id()}"
    return NewEvent(webhook.distributor_id, EventType.WEBHOOK_DISABLED, subject, data)


async def _send_waiting(
    session: aiohttp.ClientSession, lease: Lease, webhook: Webhook, turn: Turn
) -> bool:
    """Send what somebody asked for, each once, whatever comes of it; whether there may be more for
    it now. What this host could not send waits on."""
    async with reading() as sor:
        deliveries = [Delivery(*row) for row in await sor.tuples(_WAITING, {"id": webhook.id})]
    for delivery in deliveries[: turn.waiting]:
        if turn.is_over:
            return False
        turn.waiting -= 1
        message = await _message_of(webhook, delivery)
        if message is None:
            answer = Answer(None, "", "the event is no longer kept", 0)
        else:
            answer = await send(session, webhook.url, message, secrets_of(webhook))
        present = await _note_waiting(lease, delivery, answer)
        if present is None or answer.is_unsent:
            return False
        webhook = present
    if not deliveries:
        await in_transaction(lambda sor: _end_waiting(sor, lease))
    return True


async def _end_waiting(sor: SafeSqlor, lease: Lease) -> None:
    # Looked at again under the lock, which who asks for one takes as well.
    if await lease.hold(sor) is not None and not await sor.tuples(
        _WAITING, {"id": lease.webhook_id}
    ):
        await set_columns(sor, lease.webhook_id, {"waiting": 0})


async def _note_waiting(lease: Lease, delivery: Delivery, answer: Answer) -> Webhook | None:
    """Note what a delivery came to; return the webhook as it is now, None without the lease. One
    that could not be sent is as it was, and the lease is given back for later."""

    async def work(sor: SafeSqlor) -> Webhook | None:
        webhook = await lease.hold(sor)
        if webhook is None:
            return None
        if answer.is_unsent:
            await lease.put_off(sor, now() + timedelta(seconds=_jittered(UNSENT_PAUSE)))
            return webhook
        await sor.sqlExe(
            "update app_webhook_delivery set outcome = ${outcome}$, http_status = ${status}$,"
            " duration_ms = ${duration}$, answer = ${answer}$, error = ${error}$"
            " where id = ${id}$",
            {
                "id": delivery.id,
                "outcome": str(_outcome(answer)),
                "status": answer.http_status,
                "duration": answer.duration_ms,
                "answer": answer.text,
                "error": answer.error,
            },
        )
        return webhook

    result = await in_transaction(work)
    _deliveries.child(str(_outcome(answer))).add()
    return result


def _message(webhook: Webhook, event: Event) -> Message:
    return Message(f"{webhook.id}.{event.event_no}", event.public())


async def _message_of(webhook: Webhook, delivery: Delivery) -> Message | None:
    """Return what a delivery that was asked for sends; None where the event is gone."""
    if delivery.kind == Kind.TEST:
        body = {
            "event_no": 0,
            "type": delivery.type,
            "created_at": delivery.created_at,
            "data": {"webhook_id": webhook.id},
        }
        return Message(f"{webhook.id}.test.{delivery.id}", body)
    async with reading() as sor:
        events: Sequence[Event] = await events_after(
            sor, webhook.distributor_id, delivery.event_no - 1, 1
        )
    if not events or events[0].event_no != delivery.event_no:
        return None
    return _message(webhook, events[0])


def _outcome(answer: Answer) -> Outcome:
    if answer.is_unsent:
        return Outcome.UNSENT
    return Outcome.DELIVERED if answer.is_delivered else Outcome.FAILED


def _delivery(
    webhook: Webhook, event: Event, attempt: int, answer: Answer, next_try_at: datetime | None
) -> Delivery:
    return Delivery(
        time_ordered_id(), webhook.id, webhook.distributor_id, event.event_no, event.type,
        Kind.EVENT, attempt, _outcome(answer), answer.http_status, answer.duration_ms,
        answer.text, answer.error, next_try_at, now(),
    )  # fmt: skip
