"""
What distributors do with their webhooks: make, change and delete them, change the secret, ask for
a test or for events once more. All under the lock of the distributor's counter of events, which the
sender reads too, so that a new webhook begins exactly behind what was there.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.global_func import (
    SafeSqlor,
    bulk_insert_tuples,
    lock_parent,
    new_id,
    now,
    time_ordered_id,
    to_json,
)
from pipeline_dist.events.errors import EVENTS_GONE
from pipeline_dist.events.store import kept_numbers
from pipeline_dist.webhooks.errors import TOO_MANY_WEBHOOKS, WEBHOOK_NOT_FOUND
from pipeline_dist.webhooks.rows import (
    NOT_FAILING,
    SELECT,
    SELECT_DELIVERIES,
    TABLE,
    Delivery,
    Kind,
    Outcome,
    Reason,
    Webhook,
    add_delivery,
    read_webhook,
)
from pipeline_dist.webhooks.sealing import new_secret, seal

MAX_WEBHOOKS = 5
TEST_TYPE = "webhook.test"


async def list_webhooks(sor: SafeSqlor, distributor_id: str) -> list[Webhook]:
    """Return a distributor's webhooks, the oldest first."""
    text = f"{SELECT} distributor_id = ${{id}}$ order by created_at, id"
    return [Webhook(*row) for row in await sor.tuples(text, {"id": distributor_id})]


async def find_webhook(sor: SafeSqlor, webhook_id: str, distributor_id: str) -> Webhook:
    """Lock a webhook; raises NotFound `webhook_not_found`."""
    webhook = await read_webhook(sor, webhook_id, distributor_id, lock=True)
    if webhook is None:
        raise WEBHOOK_NOT_FOUND()
    return webhook


async def create_webhook(
    sor: SafeSqlor, distributor_id: str, url: str, types: Sequence[str]
) -> tuple[Webhook, str]:
    """Make a webhook for what happens from now on: it, and its secret, told only here. Raises
    Conflict `too_many_webhooks`."""
    # Written, so that of two on two database nodes one is told of the other's.
    await lock_parent(sor, "distributors", distributor_id)
    if len(await list_webhooks(sor, distributor_id)) >= MAX_WEBHOOKS:
        raise TOO_MANY_WEBHOOKS(most=MAX_WEBHOOKS)
    webhook_id, secret, moment = new_id(), new_secret(), now()
    values: dict[str, Any] = {
        "id": webhook_id,
        "distributor_id": distributor_id,
        "url": url,
        "types": to_json(sorted(set(types))),
        "enabled": 1,
        "secret": seal(secret, webhook_id),
        "sent_no": (await kept_numbers(sor, distributor_id)).last,
        "created_at": moment,
        "updated_at": moment,
    }
    await bulk_insert_tuples(sor, TABLE, list(values), [list(values.values())])
    return await find_webhook(sor, webhook_id, distributor_id), secret


async def update_webhook(
    sor: SafeSqlor,
    webhook: Webhook,
    *,
    url: str | None,
    types: Sequence[str] | None,
    enabled: bool | None,
) -> None:
    """Change what is given of a locked webhook. One that is enabled again begins where it was,
    or with the first event that is still kept (`delivery.py`)."""
    values: dict[str, Any] = {}
    if url is not None:
        values["url"] = url
    if types is not None:
        values["types"] = to_json(sorted(set(types)))
    if enabled is not None:
        values["enabled"] = int(enabled)
        values["disabled_reason"] = None if enabled else str(Reason.BY_REQUEST)
    if url is not None or enabled:
        values |= NOT_FAILING
    await set_columns(sor, webhook.id, values)


async def rotate_secret(sor: SafeSqlor, webhook: Webhook, grace_hours: int) -> str:
    """Give a locked webhook a new secret, and return it; the old one signs as well for
    *grace_hours*."""
    secret = new_secret()
    until = now() + timedelta(hours=grace_hours) if grace_hours else None
    await set_columns(
        sor,
        webhook.id,
        {
            "secret": seal(secret, webhook.id),
            "previous_secret": webhook.secret if grace_hours else None,
            "previous_until": until,
        },
    )
    return secret


async def delete_webhook(sor: SafeSqlor, webhook: Webhook) -> None:
    """Delete a locked webhook, with what is known of its deliveries."""
    values = {"id": webhook.id}
    await sor.sqlExe("delete from app_webhook_delivery where webhook_id = ${id}$", values)
    await sor.sqlExe("delete from app_webhook where id = ${id}$", values)


async def replay_from(sor: SafeSqlor, webhook: Webhook, event_no: int) -> None:
    """Send a locked webhook everything from this event on again, in order; from the next one that
    happens, where there is none of this number yet. Raises `events_gone` for one that is not kept
    any more."""
    numbers = await kept_numbers(sor, webhook.distributor_id)
    if event_no < numbers.first:
        extra = {"first_event_no": numbers.first}
        raise EVENTS_GONE(extra=extra, after=event_no - 1, first=numbers.first)
    event_no = min(event_no, numbers.last + 1)
    await set_columns(sor, webhook.id, {"sent_no": event_no - 1, **NOT_FAILING})


async def send_once(
    sor: SafeSqlor, webhook: Webhook, event_no: int, event_type: str, kind: Kind
) -> Delivery:
    """Let one event be sent once more, or a test (`event_no` 0), beside what is in order."""
    delivery = Delivery(
        time_ordered_id(), webhook.id, webhook.distributor_id, event_no, event_type, kind, 1,
        Outcome.WAITING, None, None, None, None, None, now(),
    )  # fmt: skip
    await add_delivery(sor, delivery)
    await set_columns(sor, webhook.id, {"waiting": 1})
    return delivery


async def list_deliveries(
    sor: SafeSqlor, webhook_id: str, rows: int, before: str | None = None
) -> list[Delivery]:
    """Return at most *rows* deliveries of a webhook, the newest first; before that with this id."""
    values = {"webhook_id": webhook_id, "rows": rows, "before": before}
    text = (
        f"{SELECT_DELIVERIES} webhook_id = ${{webhook_id}}$"
        f"{' and id < ${before}$' if before else ''} order by id desc limit ${{rows}}$"
    )
    return [Delivery(*row) for row in await sor.tuples(text, values)]


async def set_columns(sor: SafeSqlor, webhook_id: str, values: dict[str, Any]) -> None:
    """Set these columns of a webhook, whose names come from the program."""
    row = {**values, "updated_at": now()}
    sets = ", ".join(f"{name} = ${{{name}}}$" for name in row)
    text = f"update app_webhook set {sets} where id = ${{id}}$"  # noqa: S608
    await sor.sqlExe(text, {**row, "id": webhook_id})
