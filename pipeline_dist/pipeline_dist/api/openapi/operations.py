"""The calls of the distributor API: address, parameters, bodies, answers and refusals of each."""

from typing import Any

from pipeline_dist.api import v1
from pipeline_dist.api.error_codes import OF_PIPELINE, OF_PRICING
from pipeline_dist.api.openapi import examples
from pipeline_dist.api.openapi.call_operations import CALL_OPERATIONS, CALLS
from pipeline_dist.api.openapi.event_operations import EVENT_OPERATIONS, EVENTS
from pipeline_dist.api.openapi.key_operations import KEY_OPERATIONS, KEYS
from pipeline_dist.api.openapi.operation import JSON, NEXT, Operation, link, next_page
from pipeline_dist.api.openapi.report_operations import REPORT_OPERATIONS, REPORTS
from pipeline_dist.api.openapi.rule_schemas import (
    query_parameters,
)
from pipeline_dist.api.openapi.schema import number, ref, text
from pipeline_dist.api.openapi.webhook_operations import WEBHOOK_OPERATIONS
from pipeline_dist.api.v1 import (
    PIPELINES_QUERY,
)

ACCOUNT, PIPELINES = "account", "pipelines"
TAGS = {
    ACCOUNT: "Who calls, and what is left.",
    PIPELINES: "What may be called, and what it costs.",
    CALLS: "Calls: begun and finished, or booked when they are over.",
    REPORTS: "What was used, and what is to be paid.",
    EVENTS: "What happened, in the order it did.",
    KEYS: "Keys of your own, each with what it may be used for.",
}

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
                "next": NEXT,
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
            "line": link(
                "pipelines",
                "The first of them, with its live version.",
                parameters={"code": "$response.body#/rows/0/code"},
            ),
            "begin": link(
                "begin_call",
                "Begin a call of the first of them.",
                requestBody={"pipeline": "$response.body#/rows/0/code"},
            ),
            "next": next_page("pipelines"),
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
        links={
            "begin": link(
                "begin_call",
                "Begin a call of this line.",
                requestBody={"pipeline": "$request.body#/pipeline"},
            ),
        },
    ),
    *CALL_OPERATIONS,
    *REPORT_OPERATIONS,
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
    "X-Sandbox": text("`true` in answers to keys of the sandbox only.", enum=["true"]),
}
RETRY_AFTER = number(
    "In how many seconds to try again; left out where that does not help by itself.", minimum=1
)
ETAG = text(
    "The answer's tag. Sent back in If-None-Match it is answered 304, without a body, while the"
    " answer is the same."
)
REPLAYED = text("`true` when this is the answer of an earlier request again.", enum=["true"])
