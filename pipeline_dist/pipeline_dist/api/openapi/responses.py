"""What the distributor API answers, as JSON Schema (OpenAPI 3.1)."""

from app.global_func import Message
from pipeline_dist.accounts.status import DistributorStatus
from pipeline_dist.api.error_codes import ERROR_CODES, FIELD_CODES
from pipeline_dist.api.input import LABEL_WORDS
from pipeline_dist.api.openapi.price_schemas import PRICE, PRICED_LINE, SCOPE
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
from pipeline_dist.reports.statement import MonthStatus
from pipeline_dist.reports.usage import GROUPS

_UNITS_LEFT = maybe(money("Units of packages that are paid for and not used, this quota month."))
_LIMIT = record(
    "One limit and what is left of it.",
    {
        "scope": text("Which limit: rate, distributor_day, link_month, capacity_day, …"),
        "limit": {"type": ["integer", "string"], "description": "How much it allows."},
        "used": {"type": ["integer", "string"], "description": "How much is used."},
        "remaining": {"type": ["integer", "string"], "description": "How much is left."},
        "resets_at": maybe(moment("When there is room again; null where no clock decides.")),
        "reserved": money("Of money: how much is reserved for calls that run."),
    },
    "reserved",
)
_ARCHIVED = {
    "type": "boolean",
    "description": "True where the month is closed and archived: the amount is that of all lines,"
    " which are not told any more.",
}
_CALLS_WITH_ITEM = (
    "Calls that used it and were not voided. A call may be in several groups, so these do not add"
    " up to the calls of the whole."
)
_NEXT = maybe(text("Send it back as `next` for the next page; null on the last one."))
_LIMITS = list_of(ref("Limit"), "The limits that apply, with what is left.")


_BEGUN: dict[str, Schema] = {
    "call_no": text("The call's number."),
    "pipeline": PIPELINE,
    "version_no": maybe(number("The version that was live when it began.")),
    "status": choice("What became of it.", "pipeline_usage_log", "status"),
    "started_at": moment("When it began."),
    "lease_expires_at": maybe(moment("Finish before; null for a call booked in one go.")),
    **{name: maybe(text(words)) for name, words in LABEL_WORDS.items()},
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
_ZONE = text("The zone of quota days and months, such as Asia/Shanghai.")

_SPAN: dict[str, Schema] = {
    "from": moment("Start of the time."),
    "to": moment("End of the time, not included."),
    "time_zone": _ZONE,
    "currency": CURRENCY,
}
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
            "time_zone": _ZONE,
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
            "next": _NEXT,
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
            **_BEGUN,
            "finished_at": maybe(moment("When it ended.")),
            "duration_ms": maybe(number("How long it took, in milliseconds.")),
            "currency": CURRENCY,
            "amount": money("The sum of its lines, to 10 decimals."),
            "late": {"type": "boolean", "description": "Finished after its lease had run out."},
            "error": maybe(text("What went wrong.")),
            "lines": list_of(ref("PricedLine"), "What was used."),
            "archived": _ARCHIVED,
            "current": _CURRENT,
        },
        "archived",
        "current",
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
    "UsageSums": record(
        "Sums of a time.",
        {
            **_SPAN,
            "group_by": text("By what.", enum=list(GROUPS)),
            "rows": list_of(
                record(
                    "The sum of one group and unit.",
                    {
                        "day": text("The quota day."),
                        "pipeline": maybe(PIPELINE),
                        "model": MODEL,
                        "step": STEP,
                        "unit": text("What is counted; empty for adjustments of the bill."),
                        "calls": number(_CALLS_WITH_ITEM),
                        "quantity": money("How much was used."),
                        "amount": money("What it costs."),
                        "currency": CURRENCY,
                    },
                    "day",
                    "pipeline",
                    "model",
                    "step",
                ),
                "The sums.",
            ),
            "total": record(
                "Everything in this time.",
                {"calls": number("Calls."), "amount": money("What they cost.")},
            ),
        },
    ),
    "UsageLines": record(
        "One page of lines, in the order they were settled.",
        {
            **_SPAN,
            "rows": list_of(
                record(
                    "One line of a call, what takes one back, an adjustment or a top-up (which"
                    " counts in no sum).",
                    {
                        "entry_no": number(
                            "When it was settled: these numbers only grow, without a gap over all"
                            " that is settled."
                        ),
                        "entry_type": choice("What it is for.", "pipeline_usage_log", "entry_type"),
                        "call_no": text("The call's number."),
                        **PRICED_LINE["properties"],
                        "unit": text("What is counted; empty where nothing was used."),
                        "pricing_type": maybe(PRICE["pricing_type"]),
                        "price_scope": maybe(SCOPE),
                        "pipeline": maybe(PIPELINE),
                        "version_no": maybe(number("The version.")),
                        "currency": CURRENCY,
                        "calls": number("1 with the first line of a call, -1 where it is voided."),
                        "status": text("How the call ended."),
                        "started_at": moment("When the call began."),
                        "finished_at": maybe(moment("When it ended.")),
                        "reason": maybe(text("Why it was voided, adjusted or topped up.")),
                        "reference": maybe(text("Of an adjustment or a top-up: its number.")),
                        "archived": _ARCHIVED,
                    },
                    "archived",
                ),
                "The lines.",
            ),
            "next": text("Send it back as `next` for what comes after; there is always one."),
        },
    ),
    "StatementList": record(
        "A page of the statements of closed months, the newest first.",
        {
            "rows": list_of(
                record(
                    "One statement, without its lines.",
                    {
                        "number": text("The statement's number."),
                        "month": text("The quota month."),
                        **_SPAN,
                        "calls": number("Calls of the month, less cancelled and voided ones."),
                        "amount": money("The exact sum, to 10 decimals."),
                        "total": money("What is to be paid."),
                        "closed_at": moment("When the month was closed."),
                        "checksum": text("SHA-256 of the statement's content."),
                    },
                ),
                "The statements.",
            ),
            "next": _NEXT,
        },
    ),
    "Statement": record(
        "The statement of a month.",
        {
            "number": maybe(
                text("The statement's number, such as 2026-11-0001; null until it is closed.")
            ),
            "status": text(
                "open: the month runs; ended: it is over; closed: nothing of it changes any more.",
                enum=list(MonthStatus),
            ),
            "sender": text("Who it is from."),
            "distributor": record(
                "Whose statement it is.", {"code": text("Code."), "name": text("Name.")}
            ),
            "month": text("The quota month."),
            **_SPAN,
            "calls": number("Calls of the month, less cancelled and voided ones."),
            "running": number("Calls that have not ended yet."),
            "lines": list_of(
                record(
                    "Everything used at one price.",
                    {
                        "pipeline": PIPELINE,
                        "pipeline_name": text("The line's name."),
                        "step_key": STEP,
                        "model": MODEL,
                        "unit": UNIT,
                        **PRICE,
                        "calls": number(_CALLS_WITH_ITEM),
                        "quantity": money("How much was used."),
                        "amount": money("What it costs, to 10 decimals."),
                    },
                ),
                "What belongs to the month by its date.",
            ),
            "corrections": list_of(
                record(
                    "What came too late for the statement of its own month, or takes back what"
                    " stands in it.",
                    {
                        "call_no": text("The call's number."),
                        "line_no": number("Its row in the call."),
                        "entry_no": maybe(
                            number("When it was settled; null of a call that still runs.")
                        ),
                        "entry_type": choice("What it is for.", "pipeline_usage_log", "entry_type"),
                        "month": text("The month in which the call began."),
                        "started_at": moment("When the call began."),
                        "pipeline": PIPELINE,
                        "pipeline_name": text("The line's name."),
                        "step_key": STEP,
                        "model": MODEL,
                        "unit": UNIT,
                        **PRICE | {"pricing_type": maybe(PRICE["pricing_type"])},
                        "calls": number("What it adds to the calls of this statement."),
                        "quantity": money("How much was used."),
                        "amount": money("What it costs, to 10 decimals."),
                        "reason": maybe(text("Why it was taken back.")),
                    },
                ),
                "What belongs to closed months.",
            ),
            "adjustments": list_of(
                record(
                    "A change of the bill by hand.",
                    {
                        "entry_no": number("Its place in the order of settlement."),
                        "booked_at": moment("When it was booked."),
                        "amount": money("What it adds; negative: what it takes off."),
                        "currency": CURRENCY,
                        "reason": text("Why."),
                        "reference": maybe(text("Its number, if it has one.")),
                    },
                ),
                "What was added or taken off by hand.",
            ),
            "lines_amount": money("The exact sum of `lines`."),
            "corrections_amount": money("The exact sum of `corrections`."),
            "adjustments_amount": money("The exact sum of `adjustments`."),
            "amount": money("The exact sum of all, to 10 decimals."),
            "total": money(
                "What is to be paid: the sum rounded once, half up, to the currency's minor units."
            ),
            "final": {
                "type": "boolean",
                "description": "Whether the month is closed: then it answers the same for ever.",
            },
            "closed_at": maybe(moment("When the month was closed.")),
            "made_at": moment("When it was made."),
            "checksum": maybe(
                text("SHA-256 of its canonical JSON without this field; null until it is closed.")
            ),
        },
    ),
}

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
}
_OF_LIMITS = ("scope", "limit", "used", "resets_at", "reserved", "amount", "balance")
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
