"""Every code a program may meet at the distributor API, with its status and what to do about it."""

EVERYWHERE = (
    "invalid_key",
    "distributor_suspended",
    "ip_not_allowed",
    "invalid_fields",
    "method_not_allowed",
    "unknown_host",
    "bad_http",
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
    "body_incomplete",
    "unknown_expectation",
    "unsupported_media_type",
    "no_files_here",
    "cross_site",
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
    "body_incomplete": (400, "The connection ended before the whole body had arrived."),
    "unknown_expectation": (417, "Only 100-continue can be expected."),
    "no_files_here": (400, "The address takes no files."),
    "cross_site": (403, "A browser sent the request for another site."),
    "unsupported_media_type": (415, "The body must be sent as application/json."),
    "method_not_allowed": (405, "The address does not answer to this method; see Allow."),
    "not_found": (404, "There is nothing at this address."),
    "unknown_host": (400, "The server does not answer to the host name used."),
    "bad_http": (400, "The request is not well-formed HTTP, or its head is too long."),
    "refused": (400, "The request cannot be answered as it is; the detail says why."),
    "not_signed_in": (401, "The address is none of this API. Check its spelling."),
    "version_corrupted": (500, "The line's live version is damaged. Tell the operator."),
    "internal_error": (
        500,
        "A fault on our side. Report the request_id; repeat with the same key.",
    ),
    "busy": (503, "All connections are in use. Try again after Retry-After seconds."),
    "database_busy": (503, "Too many changes at once. Try again after Retry-After seconds."),
    "database_unavailable": (503, "The database does not answer. Nothing was changed; try again."),
}

# What is wrong with one field: the `code` of an entry of `errors`.
FIELD_CODES = (
    "required", "unknown_field", "empty", "not_text", "not_scalar", "not_a_number",
    "not_an_integer",
    "not_a_list", "not_an_object", "out_of_range", "out_of_order", "too_many_decimals", "too_long",
    "too_many", "bad_boolean", "bad_characters", "bad_choice", "bad_cursor", "bad_date",
    "bad_datetime", "bad_idempotency_key", "bad_month", "bad_pattern", "not_together",
    "price_missing", "amount_too_large",
)  # fmt: skip
