"""Every code a program may meet at the distributor API, each an entry of a catalogue."""

from app.global_func import request_refusals as host
from pipeline_core.errors import VERSION_CORRUPTED
from pipeline_dist.errors import (
    ALREADY_FINISHED,
    BEYOND_OWN_KEY,
    CALL_NOT_FOUND,
    DISTRIBUTOR_SUSPENDED,
    GRACE_RUNNING,
    IDEMPOTENCY_KEY_REQUIRED,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_KEY,
    IP_NOT_ALLOWED,
    KEY_NAME_TAKEN,
    KEY_NOT_FOUND,
    LAST_ADMIN_KEY,
    NOT_ENABLED,
    PIPELINE_NOT_FOUND,
    PIPELINE_OFFLINE,
    SCOPE_MISSING,
    SPEND_LIMIT_REACHED,
    TOO_MANY_KEYS,
)
from pipeline_dist.events.errors import EVENTS_GONE
from pipeline_dist.reports.errors import STATEMENT_NOT_FOUND
from pipeline_dist.webhooks.errors import NOT_IN_SANDBOX, TOO_MANY_WEBHOOKS, WEBHOOK_NOT_FOUND
from pipeline_ops.errors import (
    AMOUNT_TOO_LARGE,
    ARCHIVED,
    CAPACITY_EXCEEDED,
    CONCURRENCY_EXCEEDED,
    PRICE_MISSING,
    QUOTA_EXCEEDED,
    RATE_LIMITED,
    UNKNOWN_LINE_STEP,
)

EVERYWHERE = (
    "invalid_key",
    "distributor_suspended",
    "ip_not_allowed",
    "scope_missing",
    "invalid_fields",
    "bad_query",
    "method_not_allowed",
    "unknown_host",
    "bad_http",
    "internal_error",
    "busy",
    "database_busy",
    "database_unavailable",
    "schema_not_current",
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
    "unsupported_encoding",
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
OF_PRICING = ("unknown_step", "version_corrupted", "price_missing", "amount_too_large")

ERROR_CODES = {
    entry.code: entry
    for entry in (
        INVALID_KEY,
        DISTRIBUTOR_SUSPENDED,
        IP_NOT_ALLOWED,
        SCOPE_MISSING,
        RATE_LIMITED,
        PIPELINE_NOT_FOUND,
        PIPELINE_OFFLINE,
        NOT_ENABLED,
        SPEND_LIMIT_REACHED,
        QUOTA_EXCEEDED,
        CAPACITY_EXCEEDED,
        CONCURRENCY_EXCEEDED,
        IDEMPOTENCY_KEY_REQUIRED,
        IDEMPOTENCY_KEY_REUSED,
        CALL_NOT_FOUND,
        ALREADY_FINISHED,
        ARCHIVED,
        STATEMENT_NOT_FOUND,
        KEY_NOT_FOUND,
        KEY_NAME_TAKEN,
        TOO_MANY_KEYS,
        BEYOND_OWN_KEY,
        LAST_ADMIN_KEY,
        GRACE_RUNNING,
        EVENTS_GONE,
        NOT_IN_SANDBOX,
        TOO_MANY_WEBHOOKS,
        WEBHOOK_NOT_FOUND,
        UNKNOWN_LINE_STEP,
        PRICE_MISSING,
        AMOUNT_TOO_LARGE,
        host.INVALID_FIELDS,
        host.BAD_JSON,
        host.BAD_BODY,
        host.BAD_FORM,
        host.BODY_TOO_LARGE,
        host.BODY_TOO_SLOW,
        host.BODY_INCOMPLETE,
        host.UNKNOWN_EXPECTATION,
        host.NO_FILES_HERE,
        host.CROSS_SITE,
        host.UNSUPPORTED_MEDIA_TYPE,
        host.UNSUPPORTED_ENCODING,
        host.BAD_QUERY,
        host.METHOD_NOT_ALLOWED,
        host.NOT_FOUND,
        host.UNKNOWN_HOST,
        host.BAD_HTTP,
        host.REFUSED,
        host.NOT_SIGNED_IN,
        VERSION_CORRUPTED,
        host.INTERNAL_ERROR,
        host.BUSY,
        host.DATABASE_BUSY,
        host.DATABASE_UNAVAILABLE,
        host.SCHEMA_NOT_CURRENT,
        host.TOO_SLOW,
    )
}

# What is wrong with one field: the `code` of an entry of `errors`.
FIELD_CODES = (
    "required", "unknown_field", "empty", "not_text", "not_scalar", "not_a_number",
    "not_an_integer",
    "not_a_list", "not_an_object", "out_of_range", "out_of_order", "too_many_decimals", "too_long",
    "too_many", "bad_boolean", "bad_characters", "bad_choice", "bad_cursor", "bad_date",
    "bad_datetime", "bad_event_types", "bad_idempotency_key", "bad_month", "bad_pattern",
    "bad_replay", "bad_webhook_url", "blank_ends", "no_zone",
    "not_as_before", "not_together", "private_webhook_url",
    "in_future", "too_long_ago", "before_access", "unknown_version",
    "bad_address", "grace_running", "in_the_past", "name_reserved", "unknown_pipeline",
    "unknown_step", "price_missing", "amount_too_large",
)  # fmt: skip
