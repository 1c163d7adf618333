"""A class for each code of the API. Made of its document by clients/generate.py."""

from pipeline_client.problems import Problem

__all__ = [
    "AlreadyFinished",
    "AmountTooLarge",
    "Archived",
    "BadBody",
    "BadForm",
    "BadHttp",
    "BadJson",
    "BadQuery",
    "BeyondOwnKey",
    "BodyIncomplete",
    "BodyTooLarge",
    "BodyTooSlow",
    "Busy",
    "CallNotFound",
    "CapacityExceeded",
    "ConcurrencyExceeded",
    "CrossSite",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "DistributorSuspended",
    "EventsGone",
    "GraceRunning",
    "IdempotencyKeyRequired",
    "IdempotencyKeyReused",
    "InternalError",
    "InvalidFields",
    "InvalidKey",
    "IpNotAllowed",
    "KeyNameTaken",
    "KeyNotFound",
    "LastAdminKey",
    "MethodNotAllowed",
    "NoFilesHere",
    "NotEnabled",
    "NotFound",
    "NotInSandbox",
    "NotSignedIn",
    "PipelineNotFound",
    "PipelineOffline",
    "PriceMissing",
    "QuotaExceeded",
    "RateLimited",
    "Refused",
    "SchemaNotCurrent",
    "ScopeMissing",
    "SpendLimitReached",
    "StatementNotFound",
    "TooManyKeys",
    "TooManyWebhooks",
    "TooSlow",
    "UnknownExpectation",
    "UnknownHost",
    "UnknownStep",
    "UnsupportedEncoding",
    "UnsupportedMediaType",
    "VersionCorrupted",
    "WebhookNotFound",
]


class AlreadyFinished(Problem):
    """409: The call was finished before, with another request."""

    known_code = "already_finished"


class AmountTooLarge(Problem):
    """422: An amount has more digits than the ledger keeps."""

    known_code = "amount_too_large"


class Archived(Problem):
    """
    409: The call is of a month that is closed and archived. Ask the operator for an adjustment
    (`distributor_adjust`).
    """

    known_code = "archived"


class BadBody(Problem):
    """400: The body is no JSON object, or not what its Content-Encoding says."""

    known_code = "bad_body"


class BadForm(Problem):
    """400: The body cannot be read as its content type says."""

    known_code = "bad_form"


class BadHttp(Problem):
    """400: The request is not well-formed HTTP, or its head is too long."""

    known_code = "bad_http"


class BadJson(Problem):
    """400: The body is no JSON, or names a member twice; the detail tells the place."""

    known_code = "bad_json"


class BadQuery(Problem):
    """400: The address is not UTF-8 behind its question mark."""

    known_code = "bad_query"


class BeyondOwnKey(Problem):
    """403: A key cannot give or renew what it may not do itself."""

    known_code = "beyond_own_key"


class BodyIncomplete(Problem):
    """400: The connection ended before the whole body had arrived."""

    known_code = "body_incomplete"


class BodyTooLarge(Problem):
    """413: The body is too large. Send less at a time."""

    known_code = "body_too_large"


class BodyTooSlow(Problem):
    """408: The body did not arrive in time."""

    known_code = "body_too_slow"


class Busy(Problem):
    """503: All connections are in use. Try again after Retry-After seconds."""

    known_code = "busy"


class CallNotFound(Problem):
    """404: There is no such call of this distributor."""

    known_code = "call_not_found"


class CapacityExceeded(Problem):
    """429: The line has given all the calls it can until `resets_at`."""

    known_code = "capacity_exceeded"


class ConcurrencyExceeded(Problem):
    """429: Every slot of the line is taken. Finish calls, then try again."""

    known_code = "concurrency_exceeded"


class CrossSite(Problem):
    """403: A browser sent the request for another site."""

    known_code = "cross_site"


class DatabaseBusy(Problem):
    """503: Too many changes at once. Try again after Retry-After seconds."""

    known_code = "database_busy"


class DatabaseUnavailable(Problem):
    """503: The database does not answer. Nothing was changed; try again."""

    known_code = "database_unavailable"


class DistributorSuspended(Problem):
    """403: The distributor is suspended or closed. Ask the operator."""

    known_code = "distributor_suspended"


class EventsGone(Problem):
    """410: Events behind `after` are no longer kept; `first_event_no` is the first that is."""

    known_code = "events_gone"


class GraceRunning(Problem):
    """409: The secret of the rotation before is still valid; end it with end_previous."""

    known_code = "grace_running"


class IdempotencyKeyRequired(Problem):
    """400: The header Idempotency-Key is missing."""

    known_code = "idempotency_key_required"


class IdempotencyKeyReused(Problem):
    """422: The key was used before with another request."""

    known_code = "idempotency_key_reused"


class InternalError(Problem):
    """500: A fault on our side. Report the request_id; repeat with the same key."""

    known_code = "internal_error"


class InvalidFields(Problem):
    """400: Fields are missing, unknown or out of range; `errors` names each."""

    known_code = "invalid_fields"


class InvalidKey(Problem):
    """401: No API key, or one that is malformed, unknown, revoked or expired."""

    known_code = "invalid_key"


class IpNotAllowed(Problem):
    """403: The calling address is not in the distributor's list."""

    known_code = "ip_not_allowed"


class KeyNameTaken(Problem):
    """409: Another key has this name."""

    known_code = "key_name_taken"


class KeyNotFound(Problem):
    """404: There is no such key of this distributor."""

    known_code = "key_not_found"


class LastAdminKey(Problem):
    """409: The last key with the scope admin cannot be revoked by itself."""

    known_code = "last_admin_key"


class MethodNotAllowed(Problem):
    """405: The address does not answer to this method; see Allow."""

    known_code = "method_not_allowed"


class NoFilesHere(Problem):
    """400: The address takes no files."""

    known_code = "no_files_here"


class NotEnabled(Problem):
    """403: The distributor's access to the line is switched off or not valid now."""

    known_code = "not_enabled"


class NotFound(Problem):
    """404: There is nothing at this address."""

    known_code = "not_found"


class NotInSandbox(Problem):
    """403: Keys of the sandbox have no use of this."""

    known_code = "not_in_sandbox"


class NotSignedIn(Problem):
    """401: The address is none of this API. Check its spelling."""

    known_code = "not_signed_in"


class PipelineNotFound(Problem):
    """404: There is no such line, or it is not this distributor's."""

    known_code = "pipeline_not_found"


class PipelineOffline(Problem):
    """409: The line is not published now."""

    known_code = "pipeline_offline"


class PriceMissing(Problem):
    """409: A reported unit has no price in force. Ask the operator to set one."""

    known_code = "price_missing"


class QuotaExceeded(Problem):
    """429: A quota of the distributor is used up until `resets_at`."""

    known_code = "quota_exceeded"


class RateLimited(Problem):
    """429: Too many calls within a minute. Wait for Retry-After seconds."""

    known_code = "rate_limited"


class Refused(Problem):
    """400: The request cannot be answered as it is; the detail says why."""

    known_code = "refused"


class SchemaNotCurrent(Problem):
    """
    503: The service is being upgraded. Nothing was changed; try again after Retry-After seconds.
    """

    known_code = "schema_not_current"


class ScopeMissing(Problem):
    """403: The key does not have the scope that this call needs."""

    known_code = "scope_missing"


class SpendLimitReached(Problem):
    """402: The spending limit is reached, or the balance spent. Ask the operator."""

    known_code = "spend_limit_reached"


class StatementNotFound(Problem):
    """404: There is no such statement of this distributor."""

    known_code = "statement_not_found"


class TooManyKeys(Problem):
    """409: There are as many keys as there may be."""

    known_code = "too_many_keys"


class TooManyWebhooks(Problem):
    """409: The distributor has as many webhooks as it may have."""

    known_code = "too_many_webhooks"


class TooSlow(Problem):
    """503: What was asked for takes too long to find. Ask for a shorter time."""

    known_code = "too_slow"


class UnknownExpectation(Problem):
    """417: Only 100-continue can be expected."""

    known_code = "unknown_expectation"


class UnknownHost(Problem):
    """400: The server does not answer to the host name used."""

    known_code = "unknown_host"


class UnknownStep(Problem):
    """
    400: A line names a step that the version does not have with which the call began. Take the
    codes from `GET /pipelines?code=`, or leave `step_key` out.
    """

    known_code = "unknown_step"


class UnsupportedEncoding(Problem):
    """415: The body may be packed as gzip or deflate, once."""

    known_code = "unsupported_encoding"


class UnsupportedMediaType(Problem):
    """415: The body must be sent as application/json."""

    known_code = "unsupported_media_type"


class VersionCorrupted(Problem):
    """500: The line's live version is damaged. Tell the operator."""

    known_code = "version_corrupted"


class WebhookNotFound(Problem):
    """404: There is no such webhook or delivery of this distributor."""

    known_code = "webhook_not_found"
