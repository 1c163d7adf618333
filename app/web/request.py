"""
What every request passes first and every answer last: one middleware.

Order: request id, caller's address, host name, path in its one spelling, session, right to the
path and to the file behind it, origin of writes, parameters (app/web/body.py); then the handler;
then errors into answers and security headers. Replaces ahserver's four middlewares.
"""

import itertools
import re
import secrets

from aiohttp import web

from app.base.actor import Actor
from app.base.i18n import pick_language
from app.web.responses import USUAL_HEADERS, is_for_programs, is_page

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_LANGUAGE_HEADER = "Accept-Language"


# Random per process, counted within it: unique, and cheaper than random bytes for each request.
_PROCESS_ID = secrets.token_hex(5)
_request_numbers = itertools.count(1)


def own_request_id(request: web.BaseRequest) -> str:
    """The caller's X-Request-Id when it is well-formed, else a new one."""
    request_id = request.headers.get("X-Request-Id")
    if request_id is not None and _REQUEST_ID.match(request_id):
        return request_id
    return f"{_PROCESS_ID}{next(_request_numbers):08x}"


def language(request: web.Request) -> str:
    """
    `_lang` of the query, else Accept-Language; pages without either are Chinese, but what programs
    ask for is English, whatever they accept.
    """
    header_value, asked_by_page = None, False
    if request.query_string:
        header_value = request.query.get("_lang")
        asked_by_page = "_webbricks_" in request.query
    is_page_read = (asked_by_page or wants_page(request)) and not is_for_programs(request)
    default = "zh" if is_page_read else "en"
    return pick_language(header_value or request.headers.get(_LANGUAGE_HEADER), default)


def wants_page(request: web.Request) -> bool:
    """Whether a browser was sent here by its user (not by a script of a page)."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def with_context(actor: Actor, request: web.Request) -> Actor:
    """*actor* with what this request adds: address, request id, language."""
    return Actor(
        actor.user_id,
        actor.username,
        actor.org_id,
        actor.roles,
        request["client_ip"],
        request["request_id"],
        request["lang"],
    )


def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on that every answer has."""
    headers = response.headers
    headers["X-Request-Id"] = request["request_id"]
    if "Referrer-Policy" in headers:
        return  # made by json_response, which starts with all of them
    for name, value in USUAL_HEADERS.items():
        if name not in headers:
            headers[name] = value


__all__ = [
    "finish",
    "is_for_programs",
    "is_page",
    "language",
    "own_request_id",
    "wants_page",
    "with_context",
]
