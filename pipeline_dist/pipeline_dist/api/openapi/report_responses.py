"""What the distributor API answers to those who look at use and statements, as JSON Schema."""

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
    text,
)
from pipeline_dist.reports.statement import MonthStatus
from pipeline_dist.reports.usage_groups import GROUPS

_CALLS_WITH_ITEM = (
    "Calls that used it and were not voided. A call may be in several groups, so these do not add"
    " up to the calls of the whole."
)
ARCHIVED = {
    "type": "boolean",
    "description": "True where the month is closed and archived: the amount is that of all lines,"
    " which are not told any more.",
}
NEXT = maybe(text("Send it back as `next` for the next page; null on the last one."))
ZONE = text("The zone of quota days and months, such as Asia/Shanghai.")
TAGS: Schema = {
    "type": "object",
    "description": "The tags that it was marked with.",
    "additionalProperties": {"type": "string"},
}
_SPAN: dict[str, Schema] = {
    "from": moment("Start of the time."),
    "to": moment("End of the time, not included."),
    "time_zone": ZONE,
    "currency": CURRENCY,
}
REPORT_ANSWERS: dict[str, Schema] = {
    "UsageSums": record(
        "Sums of a time.",
        {
            **_SPAN,
            "group_by": text("By what, as it was asked for."),
            "rows": list_of(
                record(
                    "The sum of one group and unit.",
                    {
                        "day": text("The quota day."),
                        "month": text("The quota month of the day."),
                        "hour": moment("The start of the hour."),
                        "client_ref": maybe(text("Your own number or note; null without one.")),
                        "pipeline": maybe(PIPELINE),
                        "model": MODEL,
                        "step": STEP,
                        "unit": text("What is counted; empty for adjustments of the bill."),
                        "calls": number(_CALLS_WITH_ITEM),
                        "quantity": money("How much was used."),
                        "amount": money("What it costs."),
                        "currency": CURRENCY,
                    },
                    *GROUPS,
                ),
                "The sums. By a tag there is a member named like it, tag:NAME, null for calls"
                " without it.",
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
                        "client_ref": maybe(text("The call's own number or note.")),
                        "tags": TAGS,
                        "archived": ARCHIVED,
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
            "next": NEXT,
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
