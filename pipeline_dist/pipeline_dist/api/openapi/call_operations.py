"""The calls of the distributor API by which calls are begun, ended, booked and looked at."""

from typing import Any

from pipeline_dist.api import v1
from pipeline_dist.api.error_codes import OF_ADMISSION, OF_PRICING
from pipeline_dist.api.input import KEY
from pipeline_dist.api.openapi import examples
from pipeline_dist.api.openapi.operation import (
    JSON,
    NEXT,
    OF_REPORT,
    Operation,
    link,
    link_by,
    link_to_call,
    next_page,
)
from pipeline_dist.api.openapi.requests import KEY_WORDS
from pipeline_dist.api.openapi.rule_schemas import parameter, query_parameters, tag_filter_pattern
from pipeline_dist.api.openapi.schema import ref
from pipeline_dist.api.tags import MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS
from pipeline_dist.api.v1 import CALL_QUERY

CALLS = "calls"
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

CALL_OPERATIONS: tuple[Operation, ...] = (
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
            "finish": link(
                "finish_call",
                "End the call.",
                requestBody={
                    "call_no": "$response.body#/call_no",
                    "status": "succeeded",
                    "lines": [],
                },
            ),
            "cancel": link(
                "finish_call",
                "Give it up: nothing is charged.",
                requestBody={"call_no": "$response.body#/call_no", "status": "cancelled"},
            ),
            "extend": link_by("extend_call", "Let it run for longer.", "call_no", "call_no"),
            "read": link_to_call("call_no"),
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
                    "next": NEXT,
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
        codes=("call_not_found", *OF_REPORT),
        links={
            "next": next_page("read_call"),
            "read": link_to_call("rows/0/call_no"),
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
        links={"read": link_to_call("call_no")},
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
        links={"read": link_to_call("call_no")},
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
        links={"read": link_to_call("results/0/call/call_no")},
    ),
)
