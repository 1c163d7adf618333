"""The events that distributors are told, and what each type says, as JSON Schema."""

from pipeline_dist.api.openapi.price_schemas import PRICE, SCOPE
from pipeline_dist.api.openapi.schema import (
    CURRENCY,
    MODEL,
    PIPELINE,
    STEP,
    UNIT,
    Schema,
    list_of,
    maybe,
    moment,
    money,
    number,
    record,
    ref,
    text,
)
from pipeline_dist.events.kinds import EventType
from pipeline_dist.events.price_news import Change

_PERCENT = number("80 or 100.")
_PERIOD = maybe(text("The quota day or month; null where the limit has no period."))
_RESETS = maybe(moment("When the period ends."))
_CLIENT_REF = maybe(text("Your own number or note."))
_REASON = text("Why.")
_PRICE_DATA: dict[str, Schema] = {
    "pipeline": PIPELINE,
    "change": text(
        "begins, ends, continues: an end that was told is taken back, or discount: you pay another"
        " part of it.",
        enum=list(Change)
    ),
    "at": moment("From when on."),
    "price_scope": SCOPE,
    "step_key": STEP,
    "model": MODEL,
    "unit": UNIT,
    **{
        name: PRICE[name]
        for name in (
            "pricing_type", "unit_price", "unit_size", "package_size", "package_price", "currency",
        )
    },
    "effective_from": moment("When the price begins."),
    "effective_to": maybe(moment("When it ends; null where that is open.")),
    "discount_rate": maybe(money("What you pay of a general price, as a factor; null: all.")),
}  # fmt: skip
_CREDIT_DATA: dict[str, Schema] = {
    "entry_no": number("Its place in the order of settlement."),
    "amount": money("How much; negative: a credit, or what is paid back."),
    "currency": CURRENCY,
    "balance": maybe(money("What a prepaid account has after it.")),
    "reason": _REASON,
    "reference": maybe(text("Its number, if it has one.")),
}

# What each type is told for, and what its `data` has.
EVENT_DATA: dict[EventType, tuple[str, dict[str, Schema]]] = {
    EventType.QUOTA_THRESHOLD: (
        "80 or 100 % of a quota of calls are used: yours, or that of a line for you. Once for each"
        " limit and period.",
        {
            "scope": text(
                "Which quota.",
                enum=["distributor_day", "distributor_month", "link_day", "link_month"],
            ),
            "pipeline": maybe(text("The line that the quota is of; null of your own.")),
            "percent": _PERCENT,
            "limit": number("How many calls the quota allows."),
            "used": number("How many were used when it was reached."),
            "period": _PERIOD,
            "resets_at": _RESETS,
        },
    ),
    EventType.SPEND_THRESHOLD: (
        "80 or 100 % of the limit of money are spent. Once for each limit and period.",
        {
            "percent": _PERCENT,
            "limit": money("How much may be spent."),
            "used": money("How much was spent when it was reached."),
            "currency": CURRENCY,
            "period": _PERIOD,
            "resets_at": _RESETS,
        },
    ),
    EventType.BALANCE_THRESHOLD: (
        "Prepaid: 80 or 100 % of what was there after the last top-up are spent. Once for each"
        " top-up.",
        {
            "percent": _PERCENT,
            "balance": money("What is left."),
            "balance_after_topup": maybe(money("What was there after the last top-up.")),
            "currency": CURRENCY,
        },
    ),
    EventType.KEY_EXPIRING: (
        "A key expires within 7 days, and again within 1 day.",
        {
            "key_prefix": text("How the key begins."),
            "key_name": text("What the key is called."),
            "expires_at": moment("When it expires."),
            "days": number("7 or 1."),
        },
    ),
    EventType.PRICE_CHANGED: (
        "A price that applies to you begins or ends, or your discount on it is another one.",
        _PRICE_DATA,
    ),
    EventType.PRICE_COMING: (
        "A price that applies to you will begin or end. Until then it may be changed or taken"
        " back; price.changed says what came.",
        _PRICE_DATA,
    ),
    EventType.PIPELINE_OFFLINE: (
        "A line that you may call is taken off: calls that begin are refused.",
        {
            "pipeline": PIPELINE,
            "status": text("offline, archived, or not_enabled: off for you alone."),
        },
    ),
    EventType.PIPELINE_ONLINE: (
        "A line that was taken off is back.",
        {"pipeline": PIPELINE, "version_no": number("The live version.")},
    ),
    EventType.VERSION_PUBLISHED: (
        "Another version of a line that you may call is live; an older one where the operator went"
        " back.",
        {
            "pipeline": PIPELINE,
            "version_no": number("The live version."),
            "previous_version_no": maybe(number("The version before.")),
            "checksum": text("SHA-256 of its definition."),
        },
    ),
    EventType.CALL_EXPIRED: (
        "A call was not finished before its lease ran out. It can be finished all the same.",
        {
            "call_no": text("The call's number."),
            "pipeline": PIPELINE,
            "client_ref": _CLIENT_REF,
            "started_at": moment("When the call began."),
            "expired_at": moment("When its lease ran out."),
        },
    ),
    EventType.CALL_VOIDED: (
        "The operator voided a call: what it cost is given back.",
        {
            "call_no": text("The call's number."),
            "pipeline": PIPELINE,
            "client_ref": _CLIENT_REF,
            "started_at": moment("When the call began."),
            "amount": money("How much is given back."),
            "currency": CURRENCY,
            "reason": _REASON,
        },
    ),
    EventType.STATEMENT_CLOSED: (
        "A month is closed, and its statement is there for good.",
        {
            "number": text("The statement's number."),
            "month": text("The quota month."),
            "total": money("What is to be paid."),
            "currency": CURRENCY,
            "calls": number("Calls of the month, less cancelled and voided ones."),
            "checksum": text("SHA-256 of the statement's content."),
            "closed_at": moment("When the month was closed."),
        },
    ),
    EventType.ADJUSTMENT_CREATED: ("The bill was changed by hand.", _CREDIT_DATA),
    EventType.WEBHOOK_DISABLED: (
        "A webhook is disabled: it failed for 3 days, or answered 410.",
        {
            "webhook_id": text("The webhook."),
            "url": text("Where it sent to."),
            "reason": text("failures or gone."),
            "failing_since": moment("Since when it fails."),
            "http_status": maybe(number("What the receiver answered last.")),
            "error": maybe(text("What went wrong last.")),
            "delivered_event_no": number("The last event that was taken."),
        },
    ),
    EventType.WEBHOOK_EVENTS_GONE: (
        "A webhook was behind for longer than events are kept: what it was not sent of them is"
        " gone, and it goes on with the first that is kept.",
        {
            "webhook_id": text("The webhook."),
            "url": text("Where it sends to."),
            "delivered_event_no": number("The last event that was taken."),
            "first_event_no": number("The first event that is kept, which it goes on with."),
        },
    ),
    EventType.TOPUP_CREATED: ("Something was paid in, or paid back.", _CREDIT_DATA),
}


def schema_name(kind: EventType) -> str:
    """Return what the schema of events of this type is called."""
    return "".join(word.capitalize() for word in kind.replace(".", "_").split("_")) + "Event"


def _event(kind: EventType) -> Schema:
    description, data = EVENT_DATA[kind]
    return {
        "description": description,
        "allOf": [
            ref("Event"),
            record(
                "What it says.",
                {
                    "type": {"const": str(kind), "description": "The type."},
                    "data": record("What happened.", data),
                },
            ),
        ],
    }


EVENT_ANSWERS: dict[str, Schema] = {
    "Event": record(
        "Something that happened.",
        {
            "event_no": number("Its number: they grow by one, in the order of what happened."),
            "type": text("What happened. There may be new types; leave out those you do not know."),
            "created_at": moment("When."),
            "data": {"type": "object", "description": "More of it, by its type."},
        },
    ),
    "EventList": record(
        "A page of events, the oldest first.",
        {
            "rows": list_of(ref("Event"), "The events."),
            "next_after": number("Send it as `after` for what comes behind this page."),
            "first_event_no": number("The first event that is kept."),
            "last_event_no": number("The last event that there is; 0 before the first."),
        },
    ),
    **{schema_name(kind): _event(kind) for kind in EventType},
}
