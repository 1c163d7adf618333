"""What goes into the distributor API, as JSON Schema (OpenAPI 3.1)."""

from pipeline_dist.api_input import DEFAULT_LEASE_SECONDS, LONGEST_LEASE_SECONDS, MOST_CALLS
from pipeline_dist.schema_words import (
    ENDED,
    ERROR,
    KEY,
    LINES,
    MODEL,
    PIPELINE,
    REF,
    STEP,
    UNIT,
    Schema,
    body,
    listed,
    maybe,
    number,
    text,
)

REQUESTS: dict[str, Schema] = {
    "Line": body(
        "So much of one unit was used.",
        {
            "step_key": STEP,
            "model": MODEL,
            "unit": UNIT,
            "quantity": {
                "type": ["string", "number"],
                "description": "At least 0, at most 6 decimals; a string keeps every digit.",
            },
        },
        "unit",
        "quantity",
    ),
    "NewCall": body(
        "A call that begins; or, with status and lines, one that is over and is booked in one go.",
        {
            "pipeline": PIPELINE,
            "client_ref": maybe(REF),
            "lease_seconds": maybe(
                number(
                    "The slot is held this long at most; finish before.",
                    minimum=1,
                    maximum=LONGEST_LEASE_SECONDS,
                    default=DEFAULT_LEASE_SECONDS,
                )
            ),
            "status": maybe(ENDED),
            "lines": maybe(LINES),
            "error": maybe(ERROR),
        },
        "pipeline",
    ),
    "Ending": body(
        "How a call that was begun ended.",
        {
            "call_no": text("From the answer to the begin.", maxLength=32),
            "status": text(
                "cancelled gives the quota back, failed does not.",
                enum=["succeeded", "failed", "cancelled"],
            ),
            "lines": maybe(LINES),
            "error": maybe(ERROR),
        },
        "call_no",
        "status",
    ),
    "Batch": body(
        "Finished calls to be booked.",
        {
            "calls": listed(
                body(
                    "One finished call.",
                    {
                        "idempotency_key": KEY,
                        "pipeline": PIPELINE,
                        "client_ref": maybe(REF),
                        "status": ENDED,
                        "lines": LINES,
                        "error": maybe(ERROR),
                    },
                    "idempotency_key",
                    "pipeline",
                    "status",
                    "lines",
                ),
                "The calls, each on its own.",
                minItems=1,
                maxItems=MOST_CALLS,
            )
        },
        "calls",
    ),
    "QuoteRequest": body(
        "What is to be priced.", {"pipeline": PIPELINE, "lines": LINES}, "pipeline", "lines"
    ),
}
