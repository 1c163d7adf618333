/** The codes of the API and the HTTP status of each. Made of its document by clients/generate.py. */
export const problemCodes = {
  /** The call was finished before, with another request. */
  already_finished: 409,
  /** An amount has more digits than the ledger keeps. */
  amount_too_large: 422,
  /** The call is of a month that is closed and archived. Ask the operator for an adjustment (`distributor_adjust`). */
  archived: 409,
  /** The body is no JSON object, or not what its Content-Encoding says. */
  bad_body: 400,
  /** The body cannot be read as its content type says. */
  bad_form: 400,
  /** The request is not well-formed HTTP, or its head is too long. */
  bad_http: 400,
  /** The body is no JSON, or names a member twice; the detail tells the place. */
  bad_json: 400,
  /** The address is not UTF-8 behind its question mark. */
  bad_query: 400,
  /** A key cannot give or renew what it may not do itself. */
  beyond_own_key: 403,
  /** The connection ended before the whole body had arrived. */
  body_incomplete: 400,
  /** The body is too large. Send less at a time. */
  body_too_large: 413,
  /** The body did not arrive in time. */
  body_too_slow: 408,
  /** All connections are in use. Try again after Retry-After seconds. */
  busy: 503,
  /** There is no such call of this distributor. */
  call_not_found: 404,
  /** The line has given all the calls it can until `resets_at`. */
  capacity_exceeded: 429,
  /** Every slot of the line is taken. Finish calls, then try again. */
  concurrency_exceeded: 429,
  /** A browser sent the request for another site. */
  cross_site: 403,
  /** Too many changes at once. Try again after Retry-After seconds. */
  database_busy: 503,
  /** The database does not answer. Nothing was changed; try again. */
  database_unavailable: 503,
  /** The distributor is suspended or closed. Ask the operator. */
  distributor_suspended: 403,
  /** Events behind `after` are no longer kept; `first_event_no` is the first that is. */
  events_gone: 410,
  /** The secret of the rotation before is still valid; end it with end_previous. */
  grace_running: 409,
  /** The header Idempotency-Key is missing. */
  idempotency_key_required: 400,
  /** The key was used before with another request. */
  idempotency_key_reused: 422,
  /** A fault on our side. Report the request_id; repeat with the same key. */
  internal_error: 500,
  /** Fields are missing, unknown or out of range; `errors` names each. */
  invalid_fields: 400,
  /** No API key, or one that is malformed, unknown, revoked or expired. */
  invalid_key: 401,
  /** The calling address is not in the distributor's list. */
  ip_not_allowed: 403,
  /** Another key has this name. */
  key_name_taken: 409,
  /** There is no such key of this distributor. */
  key_not_found: 404,
  /** The last key with the scope admin cannot be revoked by itself. */
  last_admin_key: 409,
  /** The address does not answer to this method; see Allow. */
  method_not_allowed: 405,
  /** The address takes no files. */
  no_files_here: 400,
  /** The distributor's access to the line is switched off or not valid now. */
  not_enabled: 403,
  /** There is nothing at this address. */
  not_found: 404,
  /** Keys of the sandbox have no use of this. */
  not_in_sandbox: 403,
  /** The address is none of this API. Check its spelling. */
  not_signed_in: 401,
  /** There is no such line, or it is not this distributor's. */
  pipeline_not_found: 404,
  /** The line is not published now. */
  pipeline_offline: 409,
  /** A reported unit has no price in force. Ask the operator to set one. */
  price_missing: 409,
  /** A quota of the distributor is used up until `resets_at`. */
  quota_exceeded: 429,
  /** Too many calls within a minute. Wait for Retry-After seconds. */
  rate_limited: 429,
  /** The request cannot be answered as it is; the detail says why. */
  refused: 400,
  /** The service is being upgraded. Nothing was changed; try again after Retry-After seconds. */
  schema_not_current: 503,
  /** The key does not have the scope that this call needs. */
  scope_missing: 403,
  /** The spending limit is reached, or the balance spent. Ask the operator. */
  spend_limit_reached: 402,
  /** There is no such statement of this distributor. */
  statement_not_found: 404,
  /** There are as many keys as there may be. */
  too_many_keys: 409,
  /** The distributor has as many webhooks as it may have. */
  too_many_webhooks: 409,
  /** What was asked for takes too long to find. Ask for a shorter time. */
  too_slow: 503,
  /** Only 100-continue can be expected. */
  unknown_expectation: 417,
  /** The server does not answer to the host name used. */
  unknown_host: 400,
  /** A line names a step that the version does not have with which the call began. Take the codes from `GET /pipelines?code=`, or leave `step_key` out. */
  unknown_step: 400,
  /** The body may be packed as gzip or deflate, once. */
  unsupported_encoding: 415,
  /** The body must be sent as application/json. */
  unsupported_media_type: 415,
  /** The line's live version is damaged. Tell the operator. */
  version_corrupted: 500,
  /** There is no such webhook or delivery of this distributor. */
  webhook_not_found: 404,
} as const;

export type ProblemCode = keyof typeof problemCodes;
