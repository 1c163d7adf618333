"""Webhooks and what was sent by them, as JSON Schema."""

from pipeline_dist.api.openapi.rule_schemas import body_schema
from pipeline_dist.api.openapi.schema import (
    Schema,
    list_of,
    maybe,
    moment,
    number,
    record,
    ref,
    text,
)
from pipeline_dist.api.webhooks import (
    WEBHOOK_REPLAY_RULES,
    WEBHOOK_ROTATE_RULES,
    WEBHOOK_RULES,
    WEBHOOK_RULES_OF_ONE,
    WEBHOOK_UPDATE_RULES,
)
from pipeline_dist.events.kinds import EventType
from pipeline_dist.webhooks.rows import Kind, Outcome, Reason

_TYPES_WORDS = "Which types of events are sent; none: all, also new ones."
_TYPES_IN = list_of(
    {"type": "string", "enum": list(EventType)}, _TYPES_WORDS, maxItems=len(EventType)
)
_WORDS = {
    "webhook_id": "The webhook.",
    "url": "Where to: an https address that is public.",
    "enabled": "Whether events are sent.",
    "grace_hours": "How long the old secret signs as well; {default} hours when left out.",
    "from_event_no": "With `webhook_id`: the first event that is sent again.",
    "delivery_id": "Alone: the delivery whose event is sent again.",
}

WEBHOOK_REQUESTS: dict[str, Schema] = {
    "NewWebhook": body_schema("A webhook.", WEBHOOK_RULES, _WORDS, types=maybe(_TYPES_IN)),
    "WebhookChange": body_schema(
        "What of a webhook is to be otherwise.", WEBHOOK_UPDATE_RULES, _WORDS,
        types=maybe(_TYPES_IN),
    ),
    "WebhookRotation": body_schema("Which webhook.", WEBHOOK_ROTATE_RULES, _WORDS),
    "WebhookId": body_schema("Which webhook.", WEBHOOK_RULES_OF_ONE, _WORDS),
    "WebhookReplay": body_schema("What is sent again.", WEBHOOK_REPLAY_RULES, _WORDS),
}  # fmt: skip

_WEBHOOK: dict[str, Schema] = {
    "id": text("The webhook's id."),
    "url": text("Where to."),
    "types": list_of(text("A type."), _TYPES_WORDS),
    "enabled": {"type": "boolean", "description": "Whether events are sent."},
    "disabled_reason": maybe(
        text("Why not: failures for 3 days, gone (it answered 410), by_request.", enum=list(Reason))
    ),
    "delivered_event_no": number("The last event that was taken."),
    "failing_since": maybe(moment("Since when it fails; null while it does not.")),
    "next_try_at": maybe(moment("When the next try is.")),
    "previous_secret_until": maybe(moment("Until when the secret before signs as well.")),
    "created_at": moment("When it was made."),
}
_DELIVERY = record(
    "One message that was sent, or is to be.",
    {
        "id": text("The delivery's id."),
        "webhook_id": text("The webhook."),
        "event_no": number("The event; 0 for a test."),
        "type": text("The event's type."),
        "kind": text("Why: event (in its turn), replay, test.", enum=list(Kind)),
        "attempt": number("The how-manieth try of the event this was."),
        "outcome": text(
            "What became of it; unsent: our own nameservers did not answer, which counts for"
            " nothing.",
            enum=list(Outcome),
        ),
        "http_status": maybe(number("What the receiver answered.")),
        "duration_ms": maybe(number("How long that took, in milliseconds.")),
        "answer": maybe(text("The first 500 characters of the answer.")),
        "error": maybe(text("What went wrong.")),
        "next_try_at": maybe(moment("When the event is sent again.")),
        "created_at": moment("When it was sent, or asked for."),
    },
)
WEBHOOK_ANSWERS: dict[str, Schema] = {
    "Webhook": record("A webhook.", _WEBHOOK),
    "WebhookList": record("Webhooks.", {"rows": list_of(ref("Webhook"), "The webhooks.")}),
    "WebhookWithSecret": record(
        "A webhook with its new secret, told only here.",
        {**_WEBHOOK, "secret": text("What its messages are signed with; keep it.")},
    ),
    "Delivery": _DELIVERY,
    "DeliveryList": record(
        "A page of deliveries, the newest first.",
        {
            "rows": list_of(ref("Delivery"), "The deliveries."),
            "next_before": maybe(text("Send it as `before` for the next page; null on the last.")),
        },
    ),
    "WebhookReplayed": record(
        "What is sent again.",
        {
            "webhook": ref("Webhook"),
            "delivery": {
                "anyOf": [ref("Delivery"), {"type": "null"}],
                "description": "The delivery that was asked for; null of a range of events.",
            },
        },
    ),
}
