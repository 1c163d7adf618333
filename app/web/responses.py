"""
How results and refusals leave the server: one maker for each.

Three readers: a page (`_webbricks_=1`: a Message or Error widget with status 200), a program
(JSON or an RFC 9457 problem document with the HTTP status) and a browser that was sent somewhere
(a readable page, see app/server/error_pages.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from app.access.api_request import AnyRequest
from app.access.request_context import CONTEXT
from app.base.errors import AppError, Message
from app.base.i18n import translate
from app.base.json_codec import json_bytes
from app.records.rows import public

JSON_TYPE = "application/json; charset=utf-8"
PROBLEM_TYPE = "application/problem+json; charset=utf-8"


PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# Data is never a page: nothing in it may load or run, should a browser show it.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# What every answer has (kernel D5); made once, since a copy is cheaper than setting each.
USUAL_HEADERS: CIMultiDict[str] = CIMultiDict(
    {
        "Content-Security-Policy": DATA_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": "pipeline",
    }
)

# Of answers that tell how far a piece of work is: nginx would keep what comes bit by bit back until
# there is much of it. It reads this header and leaves it out.
AS_IT_COMES = {"X-Accel-Buffering": "no"}


def insist_on_https(seconds: int) -> None:
    """
    Let every answer of this process tell browsers to come by https only for so many *seconds*.

    With 0 those that were told so before forget it; without the header they would not.
    """
    USUAL_HEADERS["Strict-Transport-Security"] = f"max-age={seconds}"
    usual_headers.cache_clear()


class ReadyJson(bytes):
    """JSON in UTF-8 that is sent as it is, for whoever writes it quicker than `json_bytes`."""

    __slots__ = ()


@dataclass
class Answer:
    """An answer with more to it than its data: status, headers, another content type, a message."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    message: Message | None = None
    table: str | None = None


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = JSON_TYPE,
) -> web.Response:
    """Return *value* as JSON, or text and bytes as they are."""
    # aiohttp takes a copy of them.
    response = web.Response(
        body=body_bytes(value, content_type), status=status, headers=usual_headers(content_type)
    )
    if headers:
        response.headers.update(headers)
    return response


def body_bytes(value: Any, content_type: str) -> bytes:
    """Return *value* as the body of an answer: JSON, or text and bytes as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and content_type != JSON_TYPE:
        return value.encode("utf-8")
    return json_bytes(value)


@lru_cache(maxsize=64)
def usual_headers(content_type: str) -> CIMultiDict[str]:
    """Return what every answer of this content type has."""
    headers = USUAL_HEADERS.copy()
    headers["Content-Type"] = content_type
    if content_type.startswith("text/html"):
        headers["Content-Security-Policy"] = PAGE_POLICY
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return headers


def is_page(params: Mapping[str, Any]) -> bool:
    """Return whether a page of the runtime asks, which wants widgets."""
    return str(params.get("_webbricks_", "")) == "1"


def success(request: web.Request, params: Mapping[str, Any], answer: Answer) -> web.Response:
    """Return what an admin endpoint answers: the record as data, or as a Message widget."""
    record = answer.body
    if answer.table and isinstance(record, Mapping):
        record = public(answer.table, record)
    if not is_page(params):
        return json_response({"data": record}, answer.status, answer.headers)
    lang = request[CONTEXT].lang
    if isinstance(record, Mapping) and "widgettype" in record:
        return json_response(record, headers=answer.headers)
    return json_response(
        {
            "widgettype": "Message",
            "options": {
                "title": translate(Message("Done"), lang),
                "message": translate(answer.message or Message("Saved."), lang),
                "timeout": 3,
                "user_data": record,
            },
        }
    )


def refusal(request: web.Request, error: AppError) -> web.Response:
    """Return the answer to a refusal: an Error widget for pages, else a problem document."""
    answer = refusal_answer(request, error)
    return json_response(answer.body, answer.status, answer.headers, answer.content_type)


def refusal_answer(request: AnyRequest, error: AppError) -> Answer:
    """As `refusal`, still to be written."""
    context = request[CONTEXT]
    # The runtime handles a missing login or right by the status alone, see bricks-contract 14.
    by_widget = error.status < 500 and error.status not in (401, 403)
    # Programs go by the status, whatever they put into their requests.
    by_widget = by_widget and not context.is_for_programs
    lang, request_id = context.lang, context.request_id
    if by_widget and is_page(context.params):
        return Answer(_error_widget(error, lang, request_id), headers=error.headers)
    return Answer(
        problem_document(error, lang, request_id), error.status, error.headers, PROBLEM_TYPE
    )


def problem_document(error: AppError, lang: str, request_id: str) -> dict[str, Any]:
    """Return *error* as RFC 9457 wants it; further members come from the error's `extra`."""
    document: dict[str, Any] = {
        "type": f"urn:pipeline:problem:{error.code}",
        "title": translate(Message(_TITLES.get(error.status, "Refused")), lang),
        "status": error.status,
        "detail": translate(error.text, lang),
        "code": error.code,
        "request_id": request_id,
    }
    if error.problems:
        document["errors"] = [
            {"pointer": f"/{item.field}", "code": item.code, "detail": translate(item.text, lang)}
            for item in error.problems
        ]
    return document | {name: value for name, value in error.extra.items() if name not in document}


def _error_widget(error: AppError, lang: str, request_id: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "title": translate(Message(_TITLES.get(error.status, "Refused")), lang),
        "message": translate(error.text, lang),
        "code": error.code,
        "fields": {item.field: translate(item.text, lang) for item in error.problems},
        "request_id": request_id,
    }
    options |= {name: value for name, value in error.extra.items() if name not in options}
    return {"widgettype": "Error", "options": options}


_TITLES = {
    400: "The request is not right",
    401: "Authentication needed",
    402: "The spending limit is reached",
    403: "Not allowed",
    404: "Not found",
    405: "Wrong method",
    409: "Not possible now",
    413: "Too large",
    415: "Wrong content type",
    422: "Contradictory request",
    429: "Limit reached",
    500: "Internal error",
    503: "Not available now",
}
