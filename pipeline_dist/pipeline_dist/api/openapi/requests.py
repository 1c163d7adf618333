"""What goes into the distributor API, as JSON Schema (OpenAPI 3.1), made from what checks it."""

from typing import Any

from pipeline_dist.api.input import (
    BATCH_ITEM_RULES,
    CALL_RULES,
    ESTIMATE_RULES,
    EVENT_RULES,
    EXTEND_RULES,
    FINISH_RULES,
    LABEL_WORDS,
    MAX_CALLS,
    QUOTE_RULES,
)
from pipeline_dist.api.openapi.rule_schemas import body_schema, one_line, rule_schema
from pipeline_dist.api.openapi.schema import (
    ERROR_WORDS,
    MODEL_WORDS,
    PIPELINE_WORDS,
    STEP_WORDS,
    UNIT_WORDS,
    Schema,
    body,
    list_of,
    maybe,
    ref,
)
from pipeline_dist.api.openapi.webhook_schemas import WEBHOOK_REQUESTS
from pipeline_dist.api.tags import MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS, SEPARATORS, TAG_WORDS
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rules.usage_lines import LINE_RULES, MAX_LINES

KEY_WORDS = (
    "A value of your own for each call; the same key never books twice. Requests are the same when"
    " they mean the same: the order of members, null or absent, a default spelled out, an empty"
    ' text in client_ref, error, step_key or model, and 1, 1.0 or "1" make no difference. Another'
    " request with the same key is refused with idempotency_key_reused."
)
_LINES = list_of(ref("Line"), "What was used.", maxItems=MAX_LINES)
_ESTIMATE: Schema = {
    "anyOf": [
        maybe(rule_schema(ESTIMATE_RULES["estimate"], "An amount in your currency.")),
        list_of(ref("Line"), "What it may use; priced now.", maxItems=MAX_LINES),
    ],
    "description": "What a call that begins may cost: so much of what may be spent is reserved"
    " until it ends. Without it a call begins as long as anything is left.",
}
_OF_A_CALL = {
    "idempotency_key": KEY_WORDS,
    "pipeline": PIPELINE_WORDS,
    **LABEL_WORDS,
    "lease_seconds": "A call that begins holds its slot this long at most, {default} seconds when"
    " left out; finish before. It means nothing to a call that is over.",
    "status": "How the call ended.",
    "started_at": "Of a call that is over: when it happened, with its zone; by default now. It"
    " counts and is priced on that day, at most 35 days back (or as many as the operator has"
    " set) and not before you may call the line.",
    "version_no": "Of a call that is over: the version that was used; by default the one that was"
    " live then.",
    "error": ERROR_WORDS,
}
_ONE_TAG = {"type": "string", "maxLength": MAX_TAG_VALUE, "pattern": one_line(may_be_empty=True)}
_TAGS: Schema = {
    "type": ["object", "null"],
    "description": TAG_WORDS,
    "maxProperties": MAX_TAGS,
    "propertyNames": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TAG_KEY,
        "pattern": one_line(without=SEPARATORS),
    },
    "additionalProperties": _ONE_TAG,
}


def _there(name: str, kind: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": kind}}}


# A call that is over has its lines; one that begins has neither lines nor an error.
_OVER_OR_NOT = {
    "if": _there("status", "string"),
    "then": {
        "required": ["lines"],
        "properties": {"lines": {"type": "array"}, "estimate": {"type": "null"}},
    },
    "else": {
        "properties": {
            "lines": {"type": "null"},
            "error": {"enum": ["", None]},
            **{name: {"type": "null"} for name in EVENT_RULES},
        }
    },
}
_CANCELLED_WITHOUT_LINES = {
    "if": {"properties": {"status": {"const": CallStatus.CANCELLED}}},
    "then": {"properties": {"lines": {"maxItems": 0}}},
}

REQUESTS: dict[str, Schema] = {
    **WEBHOOK_REQUESTS,
    "Line": body_schema(
        "So much of one unit was used.",
        LINE_RULES,
        {
            "step_key": STEP_WORDS,
            "model": MODEL_WORDS,
            "unit": UNIT_WORDS,
            "quantity": "At least 0, at most 6 decimals; a string keeps every digit.",
        },
    ),
    "NewCall": body_schema(
        "A call that begins; or, with status and lines, one that is over and is booked in one go.",
        CALL_RULES,
        _OF_A_CALL,
        lines=maybe(_LINES),
        estimate=_ESTIMATE,
        tags=_TAGS,
    )
    | _OVER_OR_NOT,
    "Ending": body_schema(
        "How a call that was begun ended.",
        FINISH_RULES,
        {
            "call_no": "From the answer to the begin.",
            "status": "cancelled gives the quota back, failed does not.",
            "error": ERROR_WORDS,
        },
        lines=maybe(_LINES),
    )
    | _CANCELLED_WITHOUT_LINES,
    "Extension": body_schema(
        "How much longer a call may run.",
        EXTEND_RULES,
        {
            "call_no": "From the answer to the begin.",
            "lease_seconds": "It may run for so many seconds from now on.",
        },
    ),
    "Batch": body(
        "Finished calls to be booked.",
        {
            "calls": list_of(
                body_schema(
                    "One finished call.",
                    BATCH_ITEM_RULES,
                    _OF_A_CALL,
                    "lines",
                    lines=_LINES,
                    tags=_TAGS,
                ),
                "The calls, each on its own.",
                minItems=1,
                maxItems=MAX_CALLS,
            )
        },
        "calls",
    ),
    "QuoteRequest": body_schema(
        "What is to be priced.", QUOTE_RULES, _OF_A_CALL, "lines", lines=_LINES
    ),
}
