"""The calls of the distributor API: address, parameters, bodies, answers and refusals of each."""

from dataclasses import replace
from typing import Any

from app.global_func import XLSX_TYPE
from pipeline_dist.api import v1
from pipeline_dist.api.error_codes import OF_ADMISSION, OF_PIPELINE, OF_PRICING
from pipeline_dist.api.input import KEY
from pipeline_dist.api.openapi import examples
from pipeline_dist.api.openapi.event_operations import EVENT_OPERATIONS, EVENTS
from pipeline_dist.api.openapi.key_operations import KEY_OPERATIONS, KEYS
from pipeline_dist.api.openapi.operation import JSON, Operation
from pipeline_dist.api.openapi.requests import KEY_WORDS
from pipeline_dist.api.openapi.rule_schemas import (
    parameter,
    query_parameters,
    tag_filter_pattern,
)
from pipeline_dist.api.openapi.schema import number, ref, text
from pipeline_dist.api.openapi.webhook_operations import WEBHOOK_OPERATIONS
from pipeline_dist.api.tags import MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS
from pipeline_dist.api.v1 import (
    CALL_QUERY,
    PIPELINES_QUERY,
    STATEMENT_CSV_QUERY,
    STATEMENT_FILE_QUERY,
    STATEMENT_QUERY,
    STATEMENTS_QUERY,
    USAGE_QUERY,
)

ACCOUNT, PIPELINES, CALLS, REPORTS = "account", "pipelines", "calls", "reports"
TAGS = {
    ACCOUNT: "Who calls, and what is left.",
    PIPELINES: "What may be called, and what it costs.",
    CALLS: "Calls: begun and finished, or booked when they are over.",
    REPORTS: "What was used, and what is to be paid.",
    EVENTS: "What happened, in the order it did.",
    KEYS: "Keys of your own, each with what it may be used for.",
}
IDEMPOTENCY_KEY = "Idempotency-Key"
_IDEMPOTENCY = parameter(IDEMPOTENCY_KEY, KEY, KEY_WORDS, where="header")
_TAG: dict[str, Any] = {
    "name": "tag",
    "in": "query",
    "required": False,
    "description": "A tag as name:value, such as team:video; several: those with all of them.",
    "schema": {
        "type": "array",
        "maxItems": MAX_TAGS,
        "items": {
            "type": "string",
            "maxLength": MAX_TAG_KEY + 1 + MAX_TAG_VALUE,
            "pattern": tag_filter_pattern(),
        },
    },
}
_NEXT = (
    "From the page before: goes on with its query, which need not be sent again and cannot be"
    " changed."
)
_WHICH = {
    "month": "The quota month; by default this one.",
    "number": "The statement of this number; not beside `month`.",
}
_OF_REPORT = ("too_slow",)
_OF_STATEMENT = ("statement_not_found", *_OF_REPORT)
# CSV and Excel have addresses of their own, so that each address answers one kind of thing.
_JSON_ONLY = {"format": replace(STATEMENT_QUERY["format"], choices=("json",))}


def _link(operation: str, about: str, **parameters: Any) -> dict[str, Any]:
    return {"operationId": operation, "description": about, **parameters}


def _read_call(place: str) -> dict[str, Any]:
    return _link(
        "read_call",
        "The call as the ledger has it.",
        parameters={"call_no": f"$response.body#/{place}"},
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        tag=ACCOUNT,
        path="/pipeline_dist/v1/me",
        method="get",
        name="me",
        scopes=v1.me.scopes,
        summary="Who the key belongs to, and what is left",
        description="Changes nothing and counts against no limit, like every GET.",
        answers=((200, JSON, ref("Me"), {"answer": examples.ME}),),
    ),
    Operation(
        tag=PIPELINES,
        path="/pipeline_dist/v1/pipelines",
        method="get",
        name="pipelines",
        scopes=v1.pipelines.scopes,
        summary="The lines you may call, or one of them",
        description="Without `code` a list, page by page. With `code` one line, with its live"
        " version: stages run one after another, the steps of a stage in parallel.",
        parameters=query_parameters(
            PIPELINES_QUERY,
            {
                "code": "The code of one line.",
                "q": "Part of a code or name.",
                "page": "Page, from {default}.",
                "rows": "Lines a page; {default} when left out.",
                "next": _NEXT,
            },
        ),
        queries={"line": {"code": "script-to-video"}, "list": {"rows": "20"}},
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("PipelineDetail"), ref("PipelineList")]},
                {"line": examples.PIPELINE_DETAIL, "list": examples.PIPELINE_LIST},
            ),
        ),
        links={
            "line": _link(
                "pipelines",
                "The first of them, with its live version.",
                parameters={"code": "$response.body#/rows/0/code"},
            ),
            "begin": _link(
                "begin_call",
                "Begin a call of the first of them.",
                requestBody={"pipeline": "$response.body#/rows/0/code"},
            ),
        },
        codes=(*OF_PIPELINE, "version_corrupted"),
        is_kept=True,
    ),
    Operation(
        tag=PIPELINES,
        path="/pipeline_dist/v1/quote",
        method="post",
        name="quote",
        scopes=v1.quote.scopes,
        summary="What a call would cost",
        description="Prices lines as a call that begins now would be priced, and says whether it"
        " would be let in. Books nothing.",
        body="QuoteRequest",
        body_examples={"quote": examples.QUOTE_REQUEST},
        answers=((200, JSON, ref("Quote"), {"answer": examples.QUOTE}),),
        codes=("pipeline_not_found", *OF_PRICING),
    ),
    Operation(
        tag=CALLS,
        path="/pipeline_dist/v1/calls",
        method="post",
        name="begin_call",
        scopes=v1.begin_call.scopes,
        summary="Begin a call, or book a finished one in one go",
        description="Takes one of each quota and, for a call that begins, a slot for"
        " `lease_seconds`; with `estimate` it reserves so much of what may be spent. With `status`"
        " and `lines` it books a call that is over. The same key and body get the same answer"
        " again; a try that was refused may be repeated with its key.",
        parameters=(_IDEMPOTENCY,),
        body="NewCall",
        body_examples={"begin": examples.BEGIN, "one_go": examples.ONE_GO},
        queries={"begin": {IDEMPOTENCY_KEY: "order-88"}, "one_go": {IDEMPOTENCY_KEY: "order-89"}},
        answers=(
            (
                201,
                JSON,
                {"anyOf": [ref("FinishedCall"), ref("Call")]},
                {
                    "begun": examples.BEGUN,
                    "booked": examples.BOOKED,
                    "replayed": examples.REPLAYED,
                },
            ),
        ),
        codes=(
            *OF_ADMISSION,
            *OF_PRICING,
            "idempotency_key_required",
            "idempotency_key_reused",
        ),
        links={
            "finish": _link(
                "finish_call",
                "End the call.",
                requestBody={
                    "call_no": "$response.body#/call_no",
                    "status": "succeeded",
                    "lines": [],
                },
            ),
            "read": _read_call("call_no"),
        },
        replays=True,
    ),
    Operation(
        tag=CALLS,
        path="/pipeline_dist/v1/calls",
        method="get",
        name="read_call",
        scopes=v1.read_calls.scopes,
        summary="Your calls, or one with its lines",
        description="Without `call_no` a list, page by page, the newest first: all that run,"
        " failed, ran out, were cancelled or voided too, as the ledger has them now. All that is"
        " asked for must fit; each `tag` is one more. With `call_no` one call, with its lines.",
        parameters=(
            *query_parameters(
                CALL_QUERY,
                {
                    "call_no": "The number of one call; beside it nothing else.",
                    "status": "What became of it.",
                    "from": "It began on this date (a quota day, in the zone of /me) or later, or"
                    " at this time with its zone.",
                    "to": "It began on this date or before, or before this time with its zone.",
                    "pipeline": "The code of its line.",
                    "client_ref": "Your own number or note.",
                    "rows": "Calls a page; {default} when left out.",
                    "next": _NEXT,
                },
            ),
            _TAG,
        ),
        queries={"ended": {"call_no": examples.CALL_NO}, "list": {"rows": "20"}},
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("FinishedCall"), ref("CallList")]},
                {
                    "running": examples.RUNNING,
                    "ended": examples.FINISHED,
                    "list": examples.CALL_LIST,
                },
            ),
        ),
        codes=("call_not_found", *_OF_REPORT),
        links={
            "next": _link(
                "read_call", "The page after.", parameters={"next": "$response.body#/next"}
            ),
            "read": _read_call("rows/0/call_no"),
        },
    ),
    Operation(
        tag=CALLS,
        path="/pipeline_dist/v1/calls/finish",
        method="post",
        name="finish_call",
        scopes=v1.finish_call.scopes,
        summary="End a call that was begun",
        description="Gives the slot back and charges the lines. `cancelled` gives the quota back"
        " too, `failed` does not. Repeating it with the same body answers the same. It is taken"
        " also while the account is suspended or the key expired: the work has happened.",
        body="Ending",
        body_examples={"finish": examples.ENDING},
        answers=((200, JSON, ref("FinishedCall"), {"answer": examples.FINISHED}),),
        codes=("call_not_found", "already_finished", "archived", *OF_PRICING),
        links={"read": _read_call("call_no")},
        replays=True,
    ),
    Operation(
        tag=CALLS,
        path="/pipeline_dist/v1/calls/extend",
        method="post",
        name="extend_call",
        scopes=v1.extend_call.scopes,
        summary="Let a call run for longer",
        description="Its lease ends `lease_seconds` from now, unless it ends later anyway, and"
        " never more than 7 days after the begin. So repeating it does no harm. A call that is over"
        " or whose lease ran out cannot go on: already_finished; its end is taken late too.",
        body="Extension",
        body_examples={"extend": examples.EXTENSION},
        answers=((200, JSON, ref("FinishedCall"), {"answer": examples.EXTENDED}),),
        codes=("call_not_found", "already_finished"),
        links={"read": _read_call("call_no")},
    ),
    Operation(
        tag=CALLS,
        path="/pipeline_dist/v1/calls/batch",
        method="post",
        name="book_batch",
        scopes=v1.book_batch.scopes,
        summary="Book up to 1,000 finished calls",
        description="Each item is booked on its own and counts as one call; one that is refused"
        " does not touch the others. The answer is 200 also where items are refused; where no item"
        " could be decided it is 503 itself. Items with status 429 or 503 may be repeated with"
        " their keys after `retry_after` seconds; the header Retry-After has the smallest of these."
        " After a lost answer send the same batch again. The body may have 8 MiB.",
        body="Batch",
        body_examples={"batch": examples.BATCH},
        answers=((200, JSON, ref("BatchResult"), {"answer": examples.BATCH_RESULT}),),
        repeats=True,
        links={"read": _read_call("results/0/call/call_no")},
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/usage",
        method="get",
        name="usage",
        scopes=v1.usage_report.scopes,
        summary="What was used: sums, or the lines",
        description="With `group_by` sums per group and unit; without it the lines, page by page,"
        " in the order they were settled: send `next` back until a page has fewer lines than"
        " `rows`. Keep the last `next`: sent later, it answers what was settled since, each line"
        " once, also of calls that began long before. What was voided is taken back by lines of"
        " its own (`entry_type` reversal); adjustments of the bill and top-ups are lines as well."
        " `from` and `to` go by the days when calls began, `month` by the statement.",
        parameters=query_parameters(
            USAGE_QUERY,
            {
                "month": "What stands in the statement of this quota month; not beside `from`"
                " and `to`.",
                "from": "A date (a whole quota day, in time_zone) or a time with its zone; by"
                " default this quota month's start.",
                "to": "A date (that day included) or a time with its zone (excluded); by default"
                " now.",
                "group_by": "Sums by one or two (parted by a comma) of day, month, hour, pipeline,"
                " model, step, client_ref and tag:NAME.",
                "rows": "Lines a page; {default} when left out.",
                "next": _NEXT,
            },
        ),
        queries={"sums": {"group_by": "day"}, "lines": {"rows": "100"}},
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("UsageSums"), ref("UsageLines")]},
                {"sums": examples.USAGE_SUMS, "lines": examples.USAGE_LINES},
            ),
        ),
        codes=_OF_REPORT,
        links={
            "next": _link("usage", "The page after.", parameters={"next": "$response.body#/next"}),
            "read": _read_call("rows/0/call_no"),
        },
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statements",
        method="get",
        name="statements",
        scopes=v1.statements.scopes,
        summary="The statements of closed months",
        description="Page by page, the newest first. A month without anything in it has none.",
        parameters=query_parameters(
            STATEMENTS_QUERY,
            {"rows": "Statements a page; {default} when left out.", "next": _NEXT},
        ),
        queries={"answer": {"rows": "12"}},
        answers=((200, JSON, ref("StatementList"), {"answer": examples.STATEMENTS}),),
        links={
            "statement": _link(
                "statement",
                "The first of them.",
                parameters={"number": "$response.body#/rows/0/number"},
            ),
        },
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement",
        method="get",
        name="statement",
        scopes=v1.month_statement.scopes,
        summary="The statement of a month",
        description="Amounts have 10 decimals; only the total is rounded, once, half up, to the"
        " currency's minor units. A closed month's is answered byte for byte the same for ever;"
        " what comes later for a closed month stands under `corrections` of the open one.",
        parameters=query_parameters(
            STATEMENT_FILE_QUERY | _JSON_ONLY,
            _WHICH
            | {
                "format": "Left out in new programs: CSV and Excel have addresses of their own."
                " The values csv and xlsx go on working here.",
            },
        ),
        deprecated=("format",),
        queries={"answer": {"month": "2026-11"}},
        answers=((200, JSON, ref("Statement"), {"answer": examples.STATEMENT}),),
        codes=_OF_STATEMENT,
        is_kept=True,
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement.csv",
        method="get",
        name="statement_csv",
        scopes=v1.statement_csv.scopes,
        summary="The statement of a month as CSV",
        description="A row for each line of the statement, then one for the total.",
        parameters=query_parameters(
            STATEMENT_CSV_QUERY,
            _WHICH
            | {
                "bom": "With `1`, the CSV file begins with a byte order mark, which Excel needs to"
                " read it as UTF-8.",
            },
        ),
        queries={"answer": {"month": "2026-11", "bom": "1"}},
        answers=((200, "text/csv", {"type": "string"}, {}),),
        codes=_OF_STATEMENT,
        is_kept=True,
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement.xlsx",
        method="get",
        name="statement_xlsx",
        scopes=v1.statement_xlsx.scopes,
        summary="The statement of a month as an Excel file",
        description="A row for each line of the statement, then one for the total.",
        parameters=query_parameters(STATEMENT_FILE_QUERY, _WHICH),
        queries={"answer": {"month": "2026-11"}},
        answers=((200, XLSX_TYPE, {"type": "string", "format": "binary"}, {}),),
        codes=_OF_STATEMENT,
        is_kept=True,
    ),
    *EVENT_OPERATIONS,
    *WEBHOOK_OPERATIONS,
    *KEY_OPERATIONS,
)

# What an answer's headers tell; the same everywhere.
HEADERS: dict[str, Any] = {
    "RateLimit-Limit": number("How many calls the tightest limit allows, after this answer."),
    "RateLimit-Remaining": number("How many of them are left."),
    "RateLimit-Reset": number(
        "In how many seconds there is room again; left out where no clock makes room."
    ),
    "RateLimit-Policy": text(
        "Which limit that is: its scope, how much it allows (q) and in how many seconds (w)."
    ),
    "X-Request-Id": text("The request's id: yours when well-formed, else made here."),
}
RETRY_AFTER = number(
    "In how many seconds to try again; left out where that does not help by itself.", minimum=1
)
ETAG = text(
    "The answer's tag. Sent back in If-None-Match it is answered 304, without a body, while the"
    " answer is the same."
)
REPLAYED = text("`true` when this is the answer of an earlier request again.", enum=["true"])
