"""The calls of the distributor API: address, parameters, bodies, answers and refusals of each."""

from dataclasses import dataclass, field
from typing import Any

from pipeline_dist import openapi_examples as examples
from pipeline_dist.error_codes import (
    EVERYWHERE,
    OF_ADMISSION,
    OF_PIPELINE,
    OF_PRICING,
    WITH_BODY,
)
from pipeline_dist.schema_words import KEY, Schema, number, ref, text


@dataclass(frozen=True, kw_only=True)
class Operation:
    """
    One call. `answers`: (status, media type, schema, named examples) of each that is no refusal;
    `codes`: refusals besides those of every call.
    """

    path: str
    method: str
    name: str
    summary: str
    description: str
    parameters: tuple[dict[str, Any], ...] = ()
    body: str | None = None
    body_examples: dict[str, Any] = field(default_factory=dict)
    answers: tuple[tuple[int, str, Schema, dict[str, Any]], ...]
    codes: tuple[str, ...] = ()
    replays: bool = False

    @property
    def all_codes(self) -> tuple[str, ...]:
        """Every refusal this call may meet."""
        return (*EVERYWHERE, *(WITH_BODY if self.body else ()), *self.codes)


JSON = "application/json"


def parameter(name: str, schema: Schema, *, where: str = "query", required: bool = False) -> Any:
    """A parameter, described by its schema's description."""
    plain = {key: value for key, value in schema.items() if key != "description"}
    return {
        "name": name,
        "in": where,
        "required": required,
        "description": schema["description"],
        "schema": plain,
    }


_IDEMPOTENCY = parameter("Idempotency-Key", KEY, where="header", required=True)
_FROM = parameter(
    "from", text("A date (a whole quota day) or a time; by default this quota month's start.")
)
_TO = parameter("to", text("A date (that day included) or a time (excluded); by default now."))

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        path="/pipeline_dist/v1/me",
        method="get",
        name="me",
        summary="Who the key belongs to, and what is left",
        description="Changes nothing and counts against no limit, like every GET.",
        answers=((200, JSON, ref("Me"), {"answer": examples.ME}),),
    ),
    Operation(
        path="/pipeline_dist/v1/pipelines",
        method="get",
        name="pipelines",
        summary="The lines you may call, or one of them",
        description="Without `code` a list, page by page. With `code` one line, with its live"
        " version: stages run one after another, the steps of a stage in parallel.",
        parameters=(
            parameter("code", text("The code of one line.", maxLength=64)),
            parameter("q", text("Part of a code or name.", maxLength=128)),
            parameter("page", number("Page, from 1.", minimum=1, default=1)),
            parameter("rows", number("Lines a page.", minimum=1, maximum=100, default=20)),
        ),
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("PipelineDetail"), ref("PipelineList")]},
                {"line": examples.PIPELINE_DETAIL, "list": examples.PIPELINE_LIST},
            ),
        ),
        codes=(*OF_PIPELINE, "version_corrupted"),
    ),
    Operation(
        path="/pipeline_dist/v1/quote",
        method="post",
        name="quote",
        summary="What a call would cost",
        description="Prices lines as a call that begins now would be priced, and says whether it"
        " would be let in. Books nothing.",
        body="QuoteRequest",
        body_examples={"quote": examples.QUOTE_REQUEST},
        answers=((200, JSON, ref("Quote"), {"answer": examples.QUOTE}),),
        codes=("pipeline_not_found", *OF_PRICING),
    ),
    Operation(
        path="/pipeline_dist/v1/calls",
        method="post",
        name="begin_call",
        summary="Begin a call, or book a finished one in one go",
        description="Takes one of each quota and, for a call that begins, a slot for"
        " `lease_seconds`. With `status` and `lines` it books a call that is over. The same key and"
        " body get the same answer again; a try that was refused may be repeated with its key.",
        parameters=(_IDEMPOTENCY,),
        body="NewCall",
        body_examples={"begin": examples.BEGIN, "one_go": examples.ONE_GO},
        answers=(
            (
                201,
                JSON,
                {"anyOf": [ref("FinishedCall"), ref("Call")]},
                {"begun": examples.BEGUN, "booked": examples.FINISHED},
            ),
        ),
        codes=(
            *OF_ADMISSION,
            *OF_PRICING,
            "idempotency_key_required",
            "idempotency_key_reused",
        ),
        replays=True,
    ),
    Operation(
        path="/pipeline_dist/v1/calls",
        method="get",
        name="read_call",
        summary="One call with its lines",
        description="As the ledger has it now.",
        parameters=(parameter("call_no", text("The call's number.", maxLength=32), required=True),),
        answers=((200, JSON, ref("FinishedCall"), {"answer": examples.FINISHED}),),
        codes=("call_not_found",),
    ),
    Operation(
        path="/pipeline_dist/v1/calls/finish",
        method="post",
        name="finish_call",
        summary="End a call that was begun",
        description="Gives the slot back and charges the lines. `cancelled` gives the quota back"
        " too, `failed` does not. Repeating it with the same body answers the same.",
        body="Ending",
        body_examples={"finish": examples.ENDING},
        answers=((200, JSON, ref("FinishedCall"), {"answer": examples.FINISHED}),),
        codes=("call_not_found", "already_finished", "lease_expired", *OF_PRICING),
        replays=True,
    ),
    Operation(
        path="/pipeline_dist/v1/calls/batch",
        method="post",
        name="book_batch",
        summary="Book up to 1,000 finished calls",
        description="Each item is booked on its own and counts as one call; one that is refused"
        " does not touch the others. After a lost answer send the same batch again.",
        body="Batch",
        body_examples={"batch": examples.BATCH},
        answers=((200, JSON, ref("BatchResult"), {"answer": examples.BATCH_RESULT}),),
    ),
    Operation(
        path="/pipeline_dist/v1/usage",
        method="get",
        name="usage",
        summary="What was used: sums, or the lines",
        description="With `group_by` sums per group and unit; without it the lines, page by page:"
        " send `next` back until it is null. A call counts where it began; voided calls are left"
        " out.",
        parameters=(
            _FROM,
            _TO,
            parameter("group_by", text("Sums by this.", enum=["day", "pipeline", "model", "step"])),
            parameter("rows", number("Lines a page.", minimum=1, maximum=1000, default=100)),
            parameter("next", text("From the page before.", maxLength=200)),
        ),
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("UsageSums"), ref("UsageLines")]},
                {"sums": examples.USAGE_SUMS, "lines": examples.USAGE_LINES},
            ),
        ),
    ),
    Operation(
        path="/pipeline_dist/v1/statement",
        method="get",
        name="statement",
        summary="The statement of a month",
        description="Amounts have 10 decimals; only the total is rounded, once, half up, to 2.",
        parameters=(
            parameter(
                "month",
                text("The quota month; by default this one.", pattern="^[0-9]{4}-[0-9]{2}$"),
            ),
            parameter(
                "format", text("What it comes as.", enum=["json", "csv", "xlsx"], default="json")
            ),
            parameter(
                "bom",
                text(
                    "With `1`, the CSV file begins with a byte order mark, which Excel needs to"
                    " read it as UTF-8.",
                    enum=["0", "1"],
                ),
            ),
        ),
        answers=(
            (200, JSON, ref("Statement"), {"answer": examples.STATEMENT}),
            (200, "text/csv", {"type": "string"}, {}),
            (
                200,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                {"type": "string", "contentEncoding": "binary"},
                {},
            ),
        ),
    ),
)

# What an answer's headers tell; the same everywhere.
HEADERS: dict[str, Any] = {
    "RateLimit-Limit": number("How much the tightest limit allows."),
    "RateLimit-Remaining": number("How much of it is left."),
    "RateLimit-Reset": number("In how many seconds there is room again."),
    "X-Request-Id": text("The request's id: yours when well-formed, else made here."),
}
RETRY_AFTER = number("In how many seconds to try again.", minimum=1)
REPLAYED = text("`true` when this is the answer of an earlier request again.", enum=["true"])
