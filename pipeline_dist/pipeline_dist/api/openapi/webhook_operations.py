"""The calls of the distributor API by which webhooks are managed."""

from typing import Any

from pipeline_dist.api.openapi import event_examples as examples
from pipeline_dist.api.openapi.event_operations import EVENTS
from pipeline_dist.api.openapi.operation import JSON, Operation, link, link_by
from pipeline_dist.api.openapi.rule_schemas import query_parameters
from pipeline_dist.api.openapi.schema import ref
from pipeline_dist.api.webhooks import DELIVERIES_QUERY, SCOPES

_NOT_FOUND = ("webhook_not_found",)
# Of what lets somebody be told of all lines.
_OF_TELLING = ("beyond_own_key",)


def _operation(
    name: str, path: str, method: str, *, codes: tuple[str, ...] = (), **more: Any
) -> Operation:
    return Operation(
        tag=EVENTS, name=name, path=f"/pipeline_dist/v1/webhooks{path}", method=method,
        scopes=SCOPES, codes=(*codes, "not_in_sandbox"), **more,
    )  # fmt: skip


# What can be done with a webhook, by the operation: the link's name and what it says.
_LINKS = {
    "test_webhook": ("test", "Send it an event to try it."),
    "webhook_deliveries": ("deliveries", "What was sent by it."),
    "update_webhook": ("update", "Change it, or switch it off and on."),
    "rotate_webhook": ("rotate", "Give it a new secret."),
    "delete_webhook": ("delete", "Delete it."),
}


def _to_webhook(place: str, *operations: str) -> dict[str, dict[str, Any]]:
    """Return the links to *operations* on the webhook whose id stands at *place* of an answer."""
    return {
        name: link(operation, about, parameters={"webhook_id": f"$response.body#/{place}"})
        if operation == "webhook_deliveries"
        else link_by(operation, about, "webhook_id", place)
        for operation in operations
        for name, about in [_LINKS[operation]]
    }


WEBHOOK_OPERATIONS: tuple[Operation, ...] = (
    _operation(
        "webhooks", "", "get",
        summary="Your webhooks",
        description="Each with how far it is, and since when it fails.",
        answers=((200, JSON, ref("WebhookList"), {"answer": examples.WEBHOOK_LIST}),),
        links=_to_webhook("rows/0/id", "test_webhook", "webhook_deliveries"),
    ),
    _operation(
        "create_webhook", "", "post",
        summary="Make a webhook",
        description="Events from now on are sent to it, in their order, signed as Standard Webhooks"
        " says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). The secret is told here"
        " only. An answer with 2xx within 10 seconds takes an event; else it is sent again after"
        " growing pauses, and the next one waits for it. After 3 days of failures, or an answer"
        " with 410, the webhook is disabled. Drop what comes twice by `webhook-id`.",
        body="NewWebhook",
        body_examples={"webhook": examples.NEW_WEBHOOK},
        answers=((201, JSON, ref("WebhookWithSecret"), {"answer": examples.WEBHOOK_SECRET}),),
        codes=("too_many_webhooks", *_OF_TELLING),
        links=_to_webhook(
            "id", "test_webhook", "webhook_deliveries", "update_webhook", "rotate_webhook",
            "delete_webhook",
        )
        | {
            "replay": link(
                "replay_webhook",
                "Send it what happened before, too.",
                requestBody={"webhook_id": "$response.body#/id", "from_event_no": 1},
            ),
        },
    ),
    _operation(
        "update_webhook", "/update", "post",
        summary="Change a webhook",
        description="What is left out stays. One that is enabled again goes on with the event at"
        " which it stopped.",
        body="WebhookChange",
        body_examples={"change": examples.WEBHOOK_CHANGE},
        answers=((200, JSON, ref("Webhook"), {"answer": examples.WEBHOOK}),),
        codes=(*_NOT_FOUND, *_OF_TELLING),
        links=_to_webhook("id", "test_webhook", "webhook_deliveries"),
    ),
    _operation(
        "rotate_webhook", "/rotate", "post",
        summary="Give a webhook a new secret",
        description="For `grace_hours` messages have a signature by each of both.",
        body="WebhookRotation",
        body_examples={"rotation": examples.WEBHOOK_ROTATION},
        answers=((200, JSON, ref("WebhookWithSecret"), {"answer": examples.WEBHOOK_SECRET}),),
        codes=(*_NOT_FOUND, *_OF_TELLING),
        links=_to_webhook("id", "test_webhook"),
    ),
    _operation(
        "delete_webhook", "/delete", "post",
        summary="Delete a webhook",
        description="With what is known of its deliveries.",
        body="WebhookId",
        body_examples={"webhook": examples.WEBHOOK_ID},
        answers=((200, JSON, ref("Webhook"), {"answer": examples.WEBHOOK}),),
        codes=_NOT_FOUND,
    ),
    _operation(
        "webhook_deliveries", "/deliveries", "get",
        queries={"answer": {"webhook_id": examples.WEBHOOK_ID["webhook_id"]}},
        summary="What was sent by a webhook",
        description="The newest first, for 30 days.",
        parameters=query_parameters(
            DELIVERIES_QUERY,
            {
                "webhook_id": "The webhook.",
                "rows": "Deliveries a page; {default} when left out.",
                "before": "From the page before: its `next_before`.",
            },
        ),
        answers=((200, JSON, ref("DeliveryList"), {"answer": examples.DELIVERY_LIST}),),
        codes=_NOT_FOUND,
        links={
            "next": link(
                "webhook_deliveries",
                "The page after.",
                parameters={
                    "webhook_id": "$request.query.webhook_id",
                    "before": "$response.body#/next_before",
                },
            ),
            "replay": link_by(
                "replay_webhook", "Send the first of them again.", "delivery_id", "rows/0/id"
            ),
        },
    ),
    _operation(
        "replay_webhook", "/replay", "post",
        summary="Send events again",
        description="Everything from `from_event_no` on, in order; or the event of one delivery,"
        " beside what is in order. Messages have the same `webhook-id` as the first time.",
        body="WebhookReplay",
        body_examples={"from_event": examples.WEBHOOK_REPLAY},
        answers=((202, JSON, ref("WebhookReplayed"), {"answer": examples.WEBHOOK_REPLAYED}),),
        codes=("events_gone", *_NOT_FOUND, *_OF_TELLING),
        links=_to_webhook("webhook/id", "webhook_deliveries"),
    ),
    _operation(
        "test_webhook", "/test", "post",
        summary="Try a webhook",
        description="Sends an event of the type `webhook.test`, also while it is disabled; the"
        " deliveries tell what came of it.",
        body="WebhookId",
        body_examples={"webhook": examples.WEBHOOK_ID},
        answers=((202, JSON, ref("Delivery"), {"answer": examples.DELIVERY}),),
        codes=_NOT_FOUND,
        links=_to_webhook("webhook_id", "webhook_deliveries"),
    ),
)  # fmt: skip
