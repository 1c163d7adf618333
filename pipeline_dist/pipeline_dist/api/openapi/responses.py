"""What the distributor API answers, as JSON Schema (OpenAPI 3.1)."""

from app.global_func import Message
from pipeline_dist.accounts.status import DistributorStatus
from pipeline_dist.api.error_codes import ERROR_CODES, FIELD_CODES
from pipeline_dist.api.input import LABEL_WORDS
from pipeline_dist.api.openapi.event_schemas import EVENT_ANSWERS
from pipeline_dist.api.openapi.price_schemas import PRICE, PRICED_LINE, SCOPE
from pipeline_dist.api.openapi.report_responses import ARCHIVED, NEXT, REPORT_ANSWERS, TAGS, ZONE
from pipeline_dist.api.openapi.schema import (
    CURRENCY,
    MODEL,
    PIPELINE,
    STEP,
    UNIT,
    Schema,
    choice,
    list_of,
    maybe,
    moment,
    money,
    number,
    record,
    ref,
    text,
)
from pipeline_dist.api.openapi.webhook_schemas import WEBHOOK_ANSWERS

_UNITS_LEFT = maybe(money("Units of packages that are paid for and not used, this quota month."))
_LIMIT = record(
    "One limit and what is left of it.",
    {
        "scope": text("Which limit: rate, key, distributor_day, link_month, capacity_day, …"),
        "limit": {"type": ["integer", "string"], "description": "How much it allows."},
        "used": {"type": ["integer", "string"], "description": "How much is used."},
        "remaining": {"type": ["integer", "string"], "description": "How much is left."},
        "resets_at": maybe(moment("When there is room again; null where no clock decides.")),
        "reserved": money("Of money: how much is reserved for calls that run."),
    },
    "reserved",
)
_LIMITS = list_of(ref("Limit"), "The limits that apply, with what is left.")


_BEGUN: dict[str, Schema] = {
    "call_no": text("The call's number."),
    "pipeline": PIPELINE,
    "version_no": maybe(number("The version that was live when it began.")),
    "status": choice("What became of it.", "pipeline_usage_log", "status"),
    "started_at": moment("When it began."),
    "lease_expires_at": maybe(moment("Finish before; null for a call booked in one go.")),
    **{name: maybe(text(words)) for name, words in LABEL_WORDS.items()},
    "tags": TAGS,
}
_SUMMARY: dict[str, Schema] = {
    **_BEGUN,
    "finished_at": maybe(moment("When it ended.")),
    "duration_ms": maybe(number("How long it took, in milliseconds.")),
    "currency": CURRENCY,
    "amount": money("The sum of its lines, to 10 decimals."),
    "late": {"type": "boolean", "description": "Finished after its lease had run out."},
    "error": maybe(text("What went wrong.")),
}
_CURRENT = record(
    "What the call is now, in an answer that comes again; the rest is as it was answered first.",
    {
        "status": _BEGUN["status"],
        "lease_expires_at": _BEGUN["lease_expires_at"],
        "finished_at": maybe(moment("When it ended.")),
        "amount": money("The sum of its lines, to 10 decimals."),
    },
)

ANSWERS: dict[str, Schema] = {
    "Limit": _LIMIT,
    "Me": record(
        "The distributor that calls.",
        {
            "code": text("The distributor's code."),
            "name": text("The distributor's name."),
            "status": text("active, else no call gets here.", enum=[DistributorStatus.ACTIVE]),
            "currency": CURRENCY,
            "quota_period": choice("Period of the quota.", "distributors", "quota_period"),
            "quota_calls": maybe(number("Calls a period.")),
            "quota_used": maybe(number("Calls used in this period.")),
            "quota_remaining": maybe(number("Calls left in this period.")),
            "quota_resets_at": maybe(moment("When the next period begins.")),
            "time_zone": ZONE,
            "rate_limit_per_minute": maybe(number("Calls a minute.")),
            "billing_mode": choice(
                "postpaid: up to the spending limit; prepaid: what was paid in.",
                "distributors",
                "billing_mode",
            ),
            "balance": maybe(
                money("Prepaid: what was paid in less what was spent; null when postpaid.")
            ),
            "spend_limit": maybe(money("What may be spent in a period, or in all.")),
            "spend_period": choice(
                "Period of the spending limit; none: in all.", "distributors", "spend_period"
            ),
            "spend_used": money("What is spent so far in this period."),
            "spend_reserved": money("What is reserved for calls that run, by their estimates."),
            "spend_remaining": maybe(money("What may still be spent.")),
            "spend_resets_at": maybe(moment("When the next spending period begins.")),
            "allowed_ips": list_of(
                text("A network."), "Where calls may come from; empty: anywhere."
            ),
            "api_key_prefix": text("How the key used begins."),
            "api_key_expires_at": maybe(moment("When the key used ends; null: never.")),
            "sandbox": {"type": "boolean", "description": "Whether the key is of the sandbox."},
            "api_key_name": text("What the key used is called."),
            "api_key_scopes": list_of(text("A scope."), "What the key used may be used for."),
            "api_key_pipelines": maybe(
                list_of(PIPELINE, "The only lines it may be used for; null for all.")
            ),
            "limits": _LIMITS,
        },
    ),
    "Price": record(
        "A price that applies to this distributor now.",
        {
            "step_key": STEP,
            "model": MODEL,
            "unit": UNIT,
            **PRICE,
            "price_scope": SCOPE,
            "units_left": _UNITS_LEFT,
        },
    ),
    "Pipeline": record(
        "A line this distributor may call.",
        {
            "code": PIPELINE,
            "name": text("The line's name."),
            "description": maybe(text("What it does.")),
            "version_no": number("Number of the live version."),
            "pricing_mode": choice(
                "Where the prices come from.", "distributor_pipeline", "pricing_mode"
            ),
            "valid_from": maybe(moment("The access begins.")),
            "valid_to": maybe(moment("The access ends.")),
            "prices": list_of(ref("Price"), "Effective prices."),
            "limits": _LIMITS,
        },
    ),
    "PipelineList": record(
        "One page of lines.",
        {
            "total": number("Lines in all."),
            "page": number("This page, from 1."),
            "rows": list_of(ref("Pipeline"), "The lines."),
            "next": NEXT,
        },
    ),
    "Step": record(
        "A step of a line.",
        {
            "step_key": text("The step's key."),
            "name": text("The step's name."),
            "step_type": choice("What kind of step.", "pipeline_steps", "step_type"),
            "model": maybe(text("The model it uses.")),
            "timeout_seconds": number("Longest time it may take."),
        },
    ),
    "PipelineDetail": {
        "description": "A line with its live version.",
        "allOf": [
            ref("Pipeline"),
            record(
                "The live version.",
                {
                    "version": record(
                        "The live version.",
                        {
                            "version_no": number("Its number."),
                            "checksum": text("SHA-256 of its definition."),
                            "published_at": maybe(moment("When it was made live first.")),
                            "stages": list_of(
                                record(
                                    "Steps that run in parallel.",
                                    {
                                        "stage": number("Stages run one after another."),
                                        "steps": list_of(ref("Step"), "The steps."),
                                    },
                                ),
                                "The stages in order.",
                            ),
                        },
                    )
                },
            ),
        ],
    },
}

ANSWERS |= {
    "Call": record(
        "A call that runs.",
        _BEGUN
        | {
            "estimate": maybe(money("What is reserved of what may be spent, if anything.")),
            "current": _CURRENT,
        },
        "current",
    ),
    "PricedLine": PRICED_LINE,
    "FinishedCall": record(
        "A call with its priced lines.",
        {
            **_SUMMARY,
            "lines": list_of(ref("PricedLine"), "What was used."),
            "archived": ARCHIVED,
            "current": _CURRENT,
        },
        "archived",
        "current",
    ),
    "CallList": record(
        "One page of calls, the newest first.",
        {
            "rows": list_of(
                record("A call without its lines.", {**_SUMMARY, "archived": ARCHIVED}, "archived"),
                "The calls.",
            ),
            "next": NEXT,
        },
    ),
    "QuoteLine": {
        "description": "A line of a quote.",
        "allOf": [
            ref("PricedLine"),
            record("What would be left after it.", {"units_left": _UNITS_LEFT}),
        ],
    },
    "Quote": record(
        "What a call would cost now.",
        {
            "pipeline": PIPELINE,
            "version_no": maybe(number("The live version.")),
            "currency": CURRENCY,
            "lines": list_of(ref("QuoteLine"), "The lines with their prices."),
            "total": money("The sum, to 10 decimals."),
            "admitted": {"type": "boolean", "description": "Whether a call would be let in now."},
            "refusal": {
                "anyOf": [ref("Refusal"), {"type": "null"}],
                "description": "What would refuse it; null when it would be let in.",
            },
        },
    ),
    "BatchResult": record(
        "One result for each item, in order.",
        {
            "accepted": number("Items that are booked."),
            "refused": number("Items that are not."),
            "results": list_of(
                record(
                    "The result of one item.",
                    {
                        "status": number("The HTTP status it would have had alone."),
                        "replayed": {
                            "type": "boolean",
                            "description": "Booked before, with the same key and content.",
                        },
                        "call": ref("FinishedCall"),
                        "error": ref("Refusal"),
                        "retry_after": maybe(
                            number(
                                "With status 429 or 503: in how many seconds to try again; null"
                                " where no clock makes room.",
                                minimum=1,
                            )
                        ),
                    },
                    "replayed",
                    "call",
                    "error",
                    "retry_after",
                ),
                "The results.",
            ),
        },
    ),
}
ANSWERS |= REPORT_ANSWERS | EVENT_ANSWERS | WEBHOOK_ANSWERS

# Never an enum: a code that is new would stop programs made from the document.
_CODE = text(
    Message(
        "What programs go by; it does not change. There may be new ones. Known: {codes}.",
        codes=", ".join(ERROR_CODES),
    )
)
_REFUSED: dict[str, Schema] = {
    "detail": text("What to do about it."),
    "code": _CODE,
    "errors": list_of(
        record(
            "What is wrong with one field.",
            {
                "pointer": text("Which field, as a JSON pointer."),
                "code": text(
                    Message(
                        "What is wrong with it. There may be new ones. Known: {codes}.",
                        codes=", ".join(FIELD_CODES),
                    )
                ),
                "detail": text("What would be right."),
            },
        ),
        "One entry for each field.",
    ),
    "scope": text("Which limit was reached."),
    "limit": {"type": ["integer", "string"], "description": "How much it allows."},
    "used": {"type": ["integer", "string"], "description": "How much is used."},
    "resets_at": maybe(moment("When there is room again; null where no clock decides.")),
    "reserved": money("Of money: how much is reserved for calls that run."),
    "amount": maybe(money("Of money: what this call costs or is estimated at, if that is known.")),
    "balance": money("Of a prepaid account: what is left."),
    "first_event_no": number("The first event that is kept."),
}
_OF_LIMITS = (
    "scope", "limit", "used", "resets_at", "reserved", "amount", "balance", "first_event_no",
)  # fmt: skip
ANSWERS |= {
    "Refusal": record("A refusal inside an answer.", _REFUSED, "errors", *_OF_LIMITS),
    "Problem": record(
        "A refusal (RFC 9457). `code` is stable, `detail` says what to do.",
        {
            "type": text("A URI made of the code."),
            "title": text("The kind of refusal."),
            "status": number("The HTTP status."),
            "request_id": text("For questions to the operator; also in X-Request-Id."),
            **_REFUSED,
        },
        "errors",
        *_OF_LIMITS,
    ),
}
