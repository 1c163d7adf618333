"""Every code a program may meet at the distributor API, with its status and what to do about it."""

EVERYWHERE = (
    "invalid_key",
    "distributor_suspended",
    "ip_not_allowed",
    "invalid_fields",
    "method_not_allowed",
    "unknown_host",
    "internal_error",
    "busy",
    "database_busy",
    "database_unavailable",
)
WITH_BODY = (
    "bad_json",
    "bad_body",
    "bad_form",
    "body_too_large",
    "body_too_slow",
    "unsupported_media_type",
)
OF_PIPELINE = ("pipeline_not_found", "pipeline_offline", "not_enabled")
OF_ADMISSION = (
    "rate_limited",
    *OF_PIPELINE,
    "spend_limit_reached",
    "quota_exceeded",
    "capacity_exceeded",
    "concurrency_exceeded",
)
OF_PRICING = ("price_missing", "amount_too_large")

ERROR_CODES: dict[str, tuple[int, str]] = {
    "invalid_key": (401, "No API key, or one that is malformed, unknown, revoked or expired."),
    "distributor_suspended": (403, "The distributor is suspended or closed. Ask the operator."),
    "ip_not_allowed": (403, "The calling address is not in the distributor's list."),
    "rate_limited": (429, "Too many calls within a minute. Wait for Retry-After seconds."),
    "pipeline_not_found": (404, "There is no such line, or it is not this distributor's."),
    "pipeline_offline": (409, "The line is not published now."),
    "not_enabled": (403, "The distributor's access to the line is switched off or not valid now."),
    "spend_limit_reached": (402, "The spending limit is reached. Ask the operator to raise it."),
    "quota_exceeded": (429, "A quota of the distributor is used up until `resets_at`."),
    "capacity_exceeded": (429, "The line has given all the calls it can until `resets_at`."),
    "concurrency_exceeded": (429, "Every slot of the line is taken. Finish calls, then try again."),
    "idempotency_key_required": (400, "The header Idempotency-Key is missing."),
    "idempotency_key_reused": (422, "The key was used before with another body."),
    "call_not_found": (404, "There is no such call of this distributor."),
    "already_finished": (409, "The call was finished before, with another body."),
    "lease_expired": (409, "The call's lease ran out before it was finished."),
    "price_missing": (409, "A reported unit has no price in force. Ask the operator to set one."),
    "amount_too_large": (422, "An amount has more digits than the ledger keeps."),
    "invalid_fields": (400, "Fields are missing, unknown or out of range; `errors` names each."),
    "bad_json": (400, "The body is not JSON; the detail tells line and column."),
    "bad_body": (400, "The body is not a JSON object."),
    "bad_form": (400, "The body cannot be read as its content type says."),
    "body_too_large": (413, "The body is too large. Send less at a time."),
    "body_too_slow": (408, "The body did not arrive in time."),
    "unsupported_media_type": (415, "The body must be sent as application/json."),
    "method_not_allowed": (405, "The address does not answer to this method; see Allow."),
    "not_found": (404, "There is nothing at this address."),
    "unknown_host": (400, "The server does not answer to the host name used."),
    "internal_error": (
        500,
        "A fault on our side. Report the request_id; repeat with the same key.",
    ),
    "busy": (503, "All connections are in use. Try again after Retry-After seconds."),
    "database_busy": (503, "Too many changes at once. Try again after Retry-After seconds."),
    "database_unavailable": (503, "The database does not answer. Nothing was changed; try again."),
}
