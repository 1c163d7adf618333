"""The OpenAPI 3.1 document of the distributor API, in the reader's language."""

from collections import defaultdict
from functools import cache
from typing import Any

from app.global_func import Message, settings, to_json, translate
from pipeline_dist.api.endpoints import ENDPOINTS
from pipeline_dist.api.error_codes import ERROR_CODES
from pipeline_dist.api.field_codes import field_sentences
from pipeline_dist.api.openapi import examples as openapi_examples
from pipeline_dist.api.openapi.call_operations import IDEMPOTENCY_KEY
from pipeline_dist.api.openapi.event_operations import EVENTS
from pipeline_dist.api.openapi.event_schemas import EVENT_DATA, schema_name
from pipeline_dist.api.openapi.key_operations import (
    KEY_ANSWERS,
    KEY_REQUESTS,
)
from pipeline_dist.api.openapi.named_schemas import named_schemas
from pipeline_dist.api.openapi.operation import Operation
from pipeline_dist.api.openapi.operations import (
    ETAG,
    HEADERS,
    OPERATIONS,
    REPLAYED,
    RETRY_AFTER,
    TAGS,
)
from pipeline_dist.api.openapi.requests import REQUESTS
from pipeline_dist.api.openapi.responses import ANSWERS
from pipeline_dist.api.openapi.schema import Schema, ref
from pipeline_dist.api.remedies import remedy_of
from pipeline_dist.events.kinds import EventType

VERSION = "1.0.0"
TITLE = "Distributor API"
ABOUT = (
    "Call production lines and be charged for them. Every request carries the key as"
    " `Authorization: Bearer ppk_…` or in `X-API-Key`. Money and quantities are decimal numbers in"
    " strings; times are UTC. Refusals are problem documents (RFC 9457) whose `code` is stable;"
    " those known are listed with each call, and there may be new ones. A request that was not"
    " answered may be sent again with the same Idempotency-Key: it is never booked twice."
)
_REPLAYED, _WAIT, _TAG = "Idempotent-Replayed", "Retry-After", "ETag"
_ALL_HEADERS = HEADERS | {_REPLAYED: REPLAYED, _WAIT: RETRY_AFTER, _TAG: ETAG}
# Of calls that have no example of their own for it.
_ANY_KEY = "order-90"
_OF_SANDBOX = (
    "BatchResult", "Call", "CallList", "EventList", "FinishedCall", "KeyList", "PipelineList",
    "Problem", "Quote", "Statement", "StatementList", "UsageLines", "UsageSums",
)  # fmt: skip
_SANDBOX = {"type": "boolean", "description": "True in answers to keys of the sandbox only."}
_WAYS_OF_THE_KEY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The API key.",
    },
}
_TOLD = ("title", "summary", "description", "remedy")


@cache
def document_text(lang: str) -> bytes:
    """Return the document as it is sent: JSON in UTF-8."""
    return to_json(document(lang)).encode()


def document(lang: str, *, public_url: str | None = None) -> dict[str, Any]:
    """
    Return the document with titles, summaries and descriptions in *lang* (`zh` or `en`), of the
    system that answers at *public_url*; by default this one.
    """
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": public_url or settings().public_url}],
        "security": [{"bearer": []}, {"api_key": []}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": _paths(),
        "webhooks": {str(kind): _webhook(kind) for kind in EventType},
        "components": {
            "schemas": named_schemas(REQUESTS | KEY_REQUESTS | _with_mark(ANSWERS | KEY_ANSWERS)),
            "headers": {name: _header(schema) for name, schema in _ALL_HEADERS.items()},
            "securitySchemes": _WAYS_OF_THE_KEY,
        },
        "x-error-codes": _error_codes(),
        "x-field-codes": [
            {"code": code, "description": sentence} for code, sentence in field_sentences()
        ],
    }
    result: dict[str, Any] = _in_language(whole, lang)
    return result


def _paths() -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in OPERATIONS:
        result[operation.path][operation.method] = _operation(operation)
    return dict(result)


def _error_codes() -> list[dict[str, Any]]:
    """Return each refusal with what to do about it."""
    return [
        {
            "code": entry.code,
            "status": entry.status,
            "description": entry.hint,
            "remedy": remedy.sentence,
            "repeat": str(remedy.repeat),
        }
        for entry in ERROR_CODES.values()
        for remedy in [remedy_of(entry)]
    ]


def _with_mark(answers: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of *answers* with the mark that those to keys of the sandbox have."""
    result = dict(answers)
    for name in _OF_SANDBOX:
        result[name] = _schema_with_mark(answers[name])
    rows = result["UsageLines"]["properties"]["rows"]
    result["UsageLines"]["properties"]["rows"] = rows | {"items": _schema_with_mark(rows["items"])}
    return result


def _schema_with_mark(schema: Schema) -> Schema:
    return schema | {"properties": schema["properties"] | {"sandbox": _SANDBOX}}


def _webhook(kind: EventType) -> dict[str, Any]:
    """Return what is sent where an event of this type happens."""
    return {
        "post": {
            "operationId": f"on_{kind.replace('.', '_')}",
            "tags": [EVENTS],
            "summary": EVENT_DATA[kind][0],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": ref(schema_name(kind))}},
            },
            "responses": {"2XX": {"description": "Taken."}},
        }
    }


def _operation(operation: Operation) -> dict[str, Any]:
    description: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        **_deprecation(operation),
        "x-scopes": sorted(operation.scopes),
        "responses": _responses(operation),
    }
    if operation.parameters:
        description["parameters"] = [_parameter(operation, item) for item in operation.parameters]
    if operation.body:
        description["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{operation.body}"},
                    **_by_name(operation.body_examples),
                }
            },
        }
    return description


def _parameter(operation: Operation, parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter with its examples."""
    name = parameter["name"]
    values = {which: query[name] for which, query in operation.queries.items() if name in query}
    if name == IDEMPOTENCY_KEY and not values:
        values = {"any": _ANY_KEY}
    deprecated = {"deprecated": True} if name in operation.deprecated else {}
    return {**parameter, **deprecated, **_by_name(values)}


def endpoint_name(path: str) -> str:
    """Return the name in ENDPOINTS of what answers at *path*."""
    return path.removeprefix("/pipeline_dist/").replace("/", "_").replace(".", "_")


def _deprecation(operation: Operation) -> dict[str, Any]:
    """Return what is told of a call that new programs should do without."""
    endpoint = ENDPOINTS.get(endpoint_name(operation.path))
    terms = None if endpoint is None else endpoint.deprecations.get(operation.method.upper())
    if terms is None:
        return {}
    sunset = None if terms.sunset is None else terms.sunset.isoformat()
    return {"deprecated": True, "x-deprecated-since": terms.since.isoformat(), "x-sunset": sunset}


def _responses(operation: Operation) -> dict[str, Any]:
    names = [*HEADERS]
    if operation.replays:
        names.append(_REPLAYED)
    if operation.repeats:
        names.append(_WAIT)
    if operation.is_kept:
        names.append(_TAG)
    headers = _headers(*names)
    responses: dict[str, Any] = {}
    for status, media_type, schema, examples in operation.answers:
        answer = responses.setdefault(
            str(status), {"description": "Done.", "headers": headers, "content": {}}
        )
        answer["content"][media_type] = {"schema": schema} | _by_name(examples)
        if operation.links:
            answer["links"] = operation.links
    if operation.is_kept:
        still_so = "What you have is still so."
        responses["304"] = {"description": still_so, "headers": headers, "content": {}}
    return responses | _refusals(operation)


def _refusals(operation: Operation) -> dict[str, Any]:
    codes: dict[int, list[str]] = defaultdict(list)
    for code in operation.all_codes:
        codes[ERROR_CODES[code].status].append(code)
    return {str(status): _refusal(status, codes[status]) for status in sorted(codes)}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    media_type: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status == openapi_examples.PROBLEM["status"]:
        media_type |= _by_name({"refusal": openapi_examples.PROBLEM})
    return {
        "description": Message("Refused: {codes}.", codes=", ".join(codes)),
        "headers": _headers(*HEADERS, *([_WAIT] if status in (429, 503) else [])),
        "content": {"application/problem+json": media_type},
        "x-codes": codes,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _by_name(examples: dict[str, Any]) -> dict[str, Any]:
    if not examples:
        return {}
    return {"examples": {name: {"value": value} for name, value in examples.items()}}


def _header(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in schema.items() if name != "description"}
    return {"description": schema["description"], "schema": plain}


def _in_language(node: Any, lang: str) -> Any:
    """Return a copy of *node* with everything that is told to a reader in *lang*; examples stay."""
    if isinstance(node, list):
        return [_in_language(item, lang) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: translate(value, lang)
        if name in _TOLD and isinstance(value, str | Message)
        else value
        if name == "examples"
        else _in_language(value, lang)
        for name, value in node.items()
    }
