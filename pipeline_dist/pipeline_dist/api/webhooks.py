"""
Webhooks, managed by their distributor: made, changed, tried, sent again and looked at.

All of these need a key with the scope `admin`. The sandbox has none: nothing of it is sent.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.global_func import (
    ApiRequest,
    FieldRule,
    InvalidFields,
    SafeSqlor,
    check_params,
    in_transaction,
    reading,
)
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.authentication import AuthenticatedDistributor, lock_caller
from pipeline_dist.api import input as api_input
from pipeline_dist.api.endpoint import ApiCall, ByCaller, Reply, endpoint, needs
from pipeline_dist.errors import BEYOND_OWN_KEY
from pipeline_dist.events.errors import BAD_EVENT_TYPES
from pipeline_dist.events.kinds import EventType
from pipeline_dist.webhooks import manage
from pipeline_dist.webhooks.addresses import MAX_URL, check_url
from pipeline_dist.webhooks.errors import BAD_REPLAY, NOT_IN_SANDBOX, WEBHOOK_NOT_FOUND
from pipeline_dist.webhooks.rows import Delivery, Kind, Webhook, read_delivery

T = TypeVar("T")

# What a key must be allowed for all that stands here.
SCOPES = frozenset({Scope.ADMIN})
MAX_GRACE_HOURS = 30 * 24
DEFAULT_GRACE_HOURS = 24
WEBHOOK_ID = FieldRule(kind="str", required=True, length=32)
_URL = FieldRule(kind="str", length=MAX_URL)
WEBHOOK_RULES = {"url": FieldRule(kind="str", required=True, length=MAX_URL)}
WEBHOOK_UPDATE_RULES = {"webhook_id": WEBHOOK_ID, "url": _URL, "enabled": FieldRule(kind="bool")}
WEBHOOK_ROTATE_RULES = {
    "webhook_id": WEBHOOK_ID,
    "grace_hours": FieldRule(
        kind="int", minimum=0, maximum=MAX_GRACE_HOURS, default=DEFAULT_GRACE_HOURS
    ),
}
WEBHOOK_RULES_OF_ONE = {"webhook_id": WEBHOOK_ID}
WEBHOOK_REPLAY_RULES = {
    "webhook_id": FieldRule(kind="str", length=32),
    "from_event_no": FieldRule(kind="int", minimum=1, maximum=2**63 - 1),
    "delivery_id": FieldRule(kind="str", length=32),
}
DELIVERIES_QUERY = {
    "webhook_id": WEBHOOK_ID,
    "rows": FieldRule(kind="int", minimum=1, maximum=100, default=20),
    "before": FieldRule(kind="str", length=32),
}


async def webhooks(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the distributor's webhooks."""
    api_input.query(request, {})
    async with reading() as sor:
        rows = await manage.list_webhooks(sor, caller.id)
    return Reply(body={"rows": [webhook.public() for webhook in rows]})


async def create_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Make a webhook for what happens from now on; its secret is told here only."""
    values, types = _body(request, WEBHOOK_RULES, with_types=True)
    check_url(values["url"])
    webhook, secret = await _change(
        caller, lambda sor: manage.create_webhook(sor, caller.id, values["url"], types or ())
    )
    return Reply(body=webhook.public() | {"secret": secret}, status=201, holds_secret=True)


async def update_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Change the address, the types, or switch it off and on."""
    values, types = _body(request, WEBHOOK_UPDATE_RULES, with_types=True)
    if values["url"] is not None:
        check_url(values["url"])

    async def work(sor: SafeSqlor) -> Webhook:
        webhook = await manage.find_webhook(sor, values["webhook_id"], caller.id)
        enabled = None if values["enabled"] is None else bool(values["enabled"])
        await manage.update_webhook(sor, webhook, url=values["url"], types=types, enabled=enabled)
        return await manage.find_webhook(sor, webhook.id, caller.id)

    return Reply(body=(await _change(caller, work)).public())


async def rotate_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Give a webhook a new secret; for a while it is signed with both."""
    values, _ = _body(request, WEBHOOK_ROTATE_RULES)

    async def work(sor: SafeSqlor) -> tuple[Webhook, str]:
        webhook = await manage.find_webhook(sor, values["webhook_id"], caller.id)
        secret = await manage.rotate_secret(sor, webhook, values["grace_hours"])
        return await manage.find_webhook(sor, webhook.id, caller.id), secret

    webhook, secret = await _change(caller, work)
    return Reply(body=webhook.public() | {"secret": secret}, holds_secret=True)


async def delete_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Delete a webhook, with what is known of its deliveries."""
    values, _ = _body(request, WEBHOOK_RULES_OF_ONE)

    async def work(sor: SafeSqlor) -> Webhook:
        webhook = await manage.find_webhook(sor, values["webhook_id"], caller.id)
        await manage.delete_webhook(sor, webhook)
        return webhook

    return Reply(body=(await _change(caller, work)).public())


async def webhook_deliveries(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return what was sent by a webhook, the newest first."""
    query = api_input.query(request, DELIVERIES_QUERY)
    async with reading() as sor:
        if all(one.id != query["webhook_id"] for one in await manage.list_webhooks(sor, caller.id)):
            raise WEBHOOK_NOT_FOUND()
        rows = await manage.list_deliveries(
            sor, query["webhook_id"], query["rows"], query["before"]
        )
    is_full = len(rows) == query["rows"]
    body = {
        "rows": [delivery.public() for delivery in rows],
        "next_before": rows[-1].id if is_full else None,
    }
    return Reply(body=body)


async def replay_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Send everything from an event on again, or one delivery."""
    values, _ = _body(request, WEBHOOK_REPLAY_RULES)
    _check_replay(values)

    async def work(sor: SafeSqlor) -> tuple[Webhook, Delivery | None]:
        if values["delivery_id"] is None:
            webhook = await manage.find_webhook(sor, values["webhook_id"], caller.id)
            await manage.replay_from(sor, webhook, values["from_event_no"])
            return await manage.find_webhook(sor, webhook.id, caller.id), None
        delivery = await read_delivery(sor, values["delivery_id"], caller.id)
        if delivery is None or not delivery.event_no:
            raise WEBHOOK_NOT_FOUND()
        webhook = await manage.find_webhook(sor, delivery.webhook_id, caller.id)
        again = await manage.send_once(sor, webhook, delivery.event_no, delivery.type, Kind.REPLAY)
        return webhook, again

    webhook, again = await _change(caller, work)
    body = {"webhook": webhook.public(), "delivery": None if again is None else again.public()}
    return Reply(body=body, status=202)


async def test_webhook(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Let a webhook be tried: an event of the type webhook.test, which is in no feed."""
    values, _ = _body(request, WEBHOOK_RULES_OF_ONE)

    async def work(sor: SafeSqlor) -> Delivery:
        webhook = await manage.find_webhook(sor, values["webhook_id"], caller.id)
        return await manage.send_once(sor, webhook, 0, manage.TEST_TYPE, Kind.TEST)

    return Reply(body=(await _change(caller, work)).public(), status=202)


async def _change(caller: AuthenticatedDistributor, work: Callable[[SafeSqlor], Awaitable[T]]) -> T:
    """Run *work*, which changes webhooks of the *caller*, in a transaction that holds its row and
    has looked at its key again."""

    async def work_of_caller(sor: SafeSqlor) -> T:
        await lock_caller(sor, caller)
        return await work(sor)

    return await in_transaction(work_of_caller)


def _body(
    request: ApiRequest, rules: dict[str, FieldRule], *, with_types: bool = False
) -> tuple[dict[str, Any], list[str] | None]:
    """Return the typed members of the body, and the types of events that it lists, if any."""
    body = api_input.json_body(request)
    types = body.pop("types", None) if with_types else None
    values = check_params(rules, body, strict=True)
    if types is None:
        return values, None
    if (
        not isinstance(types, list)
        or len(types) > len(EventType)
        or not all(isinstance(one, str) and one in set(EventType) for one in types)
    ):
        raise InvalidFields([BAD_EVENT_TYPES("types", types=", ".join(EventType))])
    return values, types


def _check_replay(values: dict[str, Any]) -> None:
    """Raise InvalidFields unless either a delivery is named, or a webhook and an event."""
    names = {name for name, value in values.items() if value is not None}
    if names not in ({"delivery_id"}, {"webhook_id", "from_event_no"}):
        raise InvalidFields([BAD_REPLAY(name) for name in WEBHOOK_REPLAY_RULES if name in names
                             or not names])  # fmt: skip


def _by_admin(function: ByCaller, *, tells_all: bool = False) -> ApiCall:
    """Make an API function that keys of the sandbox have no use of; and, where it lets somebody be
    told of all events (*tells_all*), none that may not read them, or those of some lines only."""

    async def call(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
        if caller.key.sandbox:
            raise NOT_IN_SANDBOX()
        if tells_all and caller.key.pipelines is not None:
            raise BEYOND_OWN_KEY(what="pipelines")
        if tells_all and Scope.READ not in caller.key.all_scopes:
            raise BEYOND_OWN_KEY(what=Scope.READ)
        return await function(request, caller)

    return needs(*SCOPES, is_shared=True)(call)


WEBHOOK_ENDPOINTS = {
    "v1_webhooks": endpoint(
        GET=_by_admin(webhooks), POST=_by_admin(create_webhook, tells_all=True)
    ),
    "v1_webhooks_update": endpoint(POST=_by_admin(update_webhook, tells_all=True)),
    "v1_webhooks_rotate": endpoint(POST=_by_admin(rotate_webhook, tells_all=True)),
    "v1_webhooks_delete": endpoint(POST=_by_admin(delete_webhook)),
    "v1_webhooks_deliveries": endpoint(GET=_by_admin(webhook_deliveries)),
    "v1_webhooks_replay": endpoint(POST=_by_admin(replay_webhook, tells_all=True)),
    "v1_webhooks_test": endpoint(POST=_by_admin(test_webhook)),
}
