"""
What Schemathesis needs to know of the API beyond its document; loaded by the run that
tests/http/test_schemathesis.py starts, which puts the line that may be called into LINE.

Three of Schemathesis' checks are replaced by the same checks with the lawful refusals named.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import schemathesis
from schemathesis.specs.openapi import checks

REPLACED = (
    "positive_data_acceptance", "negative_data_rejection", "ensure_resource_availability",
)  # fmt: skip
PIPELINE = "PIPELINE_TEST_LINE"
UNIT = "input_token"
STEP = "answer"
_CALL_NO = re.compile("[0-9a-f]{32}")
_RUNNING: list[str] = []
_WEBHOOKS: list[str] = []
# Webhooks and keys that a link from their making has deleted or revoked: by POST, so that
# Schemathesis does not know.
_GONE: set[str] = set()

# Refusals of requests that fit the document: what no schema can say, and why.
LAWFUL_CODES = {
    "idempotency_key_reused": "one generated key comes with several bodies",
    "pipeline_not_found": "made-up codes are no lines",
    "call_not_found": "made-up numbers are no calls",
    "statement_not_found": "made-up numbers are no statements",
    "already_finished": "a call is finished again with another body",
    "price_missing": "a made-up model or step may have no price",
    "events_gone": "a made-up number may be older than what is kept",
}
LAWFUL_PROBLEMS = {
    ("/to", "out_of_order"): "two generated times come in any order",
    ("/to", "too_long"): "two generated times lie more than 400 days apart",
    ("/from", "not_together"): "a month has times of its own",
    ("/to", "not_together"): "a month has times of its own",
    ("/next", "bad_cursor"): "a cursor is what an answer gave",
    ("/page", "not_together"): "one line by its code has no pages",
    ("/rows", "not_together"): "one line by its code, or a sum, has no pages",
    ("/next", "not_together"): "one line by its code, or a sum, has no pages",
    ("/q", "not_together"): "one line by its code is not searched for",
    ("/month", "not_together"): "one statement by its number has its month",
    **{
        (f"/{name}", "not_together"): "one call by its number is not looked for"
        for name in ("status", "from", "to", "pipeline", "client_ref", "rows", "tag", "next")
    },
    ("/started_at", "in_future"): "a generated time comes at any time",
    ("/started_at", "too_long_ago"): "a generated time comes at any time",
    ("/started_at", "before_access"): "a generated time comes at any time",
    ("/version_no", "unknown_version"): "made-up numbers are no versions",
    ("/expires_at", "in_the_past"): "a generated time comes at any time",
    ("/pipelines", "unknown_pipeline"): "made-up codes are no lines",
    ("/allowed_ips", "bad_address"): "a network of IPv4 as IPv6, and of others, means nothing sure",
    ("/allowed_ips", "too_long"): "how many networks fit goes by how long they are",
    ("/name", "name_reserved"): "a made-up name may be that of the first key",
    ("/url", "bad_webhook_url"): "no schema says which addresses are good",
    ("/url", "private_webhook_url"): "no schema says which addresses are public",
    **{
        (f"/{name}", "bad_replay"): "a delivery is sent again, or all from an event on"
        for name in ("webhook_id", "from_event_no", "delivery_id")
    },
}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let what is generated to fit be about a pipeline, a step and a unit that are there."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # Beside these nothing else is taken, which no schema says.
    alone = next((name for name in ("call_no", "next") if name in (case.query or {})), None)
    if alone is not None and "$response" not in str(case.query[alone]):
        case.query = {alone: case.query[alone]}
    if isinstance(case.body, dict):
        if case.path.endswith("/webhooks/replay") and _WEBHOOKS and _says_too_much(case.body):
            case.body = {"webhook_id": _WEBHOOKS[-1], "from_event_no": 1}
        if "call_no" in case.body and _RUNNING and not _CALL_NO.fullmatch(case.body["call_no"]):
            case.body["call_no"] = _RUNNING.pop()
        for call in [case.body, *_objects(case.body.get("calls"))]:
            if "pipeline" in call:
                call["pipeline"] = os.environ[PIPELINE]
            if isinstance(call.get("estimate"), float):
                call["estimate"] = round(call["estimate"], 6)
            for line in [*_objects(call.get("lines")), *_objects(call.get("estimate"))]:
                line["unit"] = UNIT
                if line.get("step_key"):
                    line["step_key"] = STEP
                # JSON Schema has no word for decimals that programs reckoning in binary can use.
                if isinstance(line.get("quantity"), float):
                    line["quantity"] = round(line["quantity"], 6)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Remember the calls that run, for a finish that names none of them, and the webhooks that are
    there, for a replay that names none."""
    if response.status_code == 201 and case.path.endswith("/webhooks"):
        _WEBHOOKS.append(response.json()["id"])
    if response.status_code == 200 and case.path.endswith("/webhooks/delete"):
        _WEBHOOKS[:] = [one for one in _WEBHOOKS if one != case.body["webhook_id"]]
    if response.status_code == 200 and case.path.endswith(("/webhooks/delete", "/keys/revoke")):
        _GONE.update(_ids(case.body))
    if response.status_code == 201 and case.path.endswith("/calls"):
        call = response.json()
        if call["status"] == "reserved":
            _RUNNING.append(call["call_no"])


@schemathesis.check
def fitting_requests_are_taken(ctx: Any, response: Any, case: Any) -> bool | None:
    """positive_data_acceptance, but for lawful refusals."""
    if _is_lawful(response):
        return None
    verdict: bool | None = checks.positive_data_acceptance(ctx, response, case)
    return verdict


@schemathesis.check
def other_requests_are_refused(ctx: Any, response: Any, case: Any) -> bool | None:
    """negative_data_rejection; a batch refuses each item in an answer of its own, by design."""
    if case.path.endswith("/calls/batch") and response.status_code == 200:
        if any(result["status"] == 400 for result in response.json()["results"]):
            return None
    verdict: bool | None = checks.negative_data_rejection(ctx, response, case)
    return verdict


@schemathesis.check
def begun_calls_are_found(ctx: Any, response: Any, case: Any) -> bool | None:
    """ensure_resource_availability; what a link puts into a body is now and then made up anew."""
    if _GONE.intersection([*_ids(case.body), *_ids(case.query)]):
        return None
    if isinstance(case.body, dict) and not _CALL_NO.fullmatch(str(case.body.get("call_no"))):
        return None
    verdict: bool | None = checks.ensure_resource_availability(ctx, response, case)
    return verdict


def _is_lawful(response: Any) -> bool:
    if response.status_code < 400 or "json" not in response.headers["content-type"][0]:
        return False
    problem = response.json()
    if problem["code"] in LAWFUL_CODES:
        return True
    # The places in a list are alike.
    wrong = [
        (re.sub(r"^(/pipelines)/\d+$", r"\1", item["pointer"]), item["code"])
        for item in problem.get("errors", ())
    ]
    return bool(wrong) and all(item in LAWFUL_PROBLEMS for item in wrong)


def _says_too_much(replay: dict[str, Any]) -> bool:
    """Return whether *replay* names both a delivery and an event, which is never taken."""
    return replay.get("delivery_id") is not None and replay.get("from_event_no") is not None


def _ids(values: Any) -> list[str]:
    """Return the ids of a webhook and of a key that a body or a query names."""
    if not isinstance(values, Mapping):
        return []
    return [str(values[name]) for name in ("webhook_id", "key_id") if name in values]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
