"""
What the head of a request tells, read first, and the headers that every answer has, put on last.

The order of all that stands before a handler is in app/server/guard.py.
"""

import itertools
import re
import secrets
from dataclasses import dataclass

from aiohttp import web

from app.access.api_request import AnyRequest, ApiRequest
from app.access.request_context import CONTEXT, RequestContext
from app.base.actor import Actor
from app.base.contributions import Contributions
from app.base.i18n import pick_language
from app.web.callers import CALLERS
from app.web.responses import USUAL_HEADERS

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_LANGUAGE_HEADER = "Accept-Language"


# Random per process, counted within it: unique, and cheaper than random bytes for each request.
_PROCESS_ID = secrets.token_hex(5)
_request_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ProgramApi:
    """Addresses that programs ask with a key: those that begin as `pattern` says."""

    pattern: re.Pattern[str]


PROGRAM_APIS = Contributions(ProgramApi)


def new_context(request: AnyRequest) -> RequestContext:
    """Return what the head of *request* alone tells of it."""
    is_for_programs = is_program_api(request.path)
    return RequestContext(
        request_id=own_request_id(request),
        client_ip=request.app[CALLERS].address(request),
        lang=_language(request, is_for_programs=is_for_programs),
        is_for_programs=is_for_programs,
        params=request.query if request.query_string else {},
    )


def is_program_api(path: str) -> bool:
    """Return whether *path* is an address of an API that programs ask with a key."""
    for api in PROGRAM_APIS:  # noqa: SIM110  a generator would take longer than the match
        if api.pattern.match(path):
            return True
    return False


def own_request_id(request: web.BaseRequest | ApiRequest) -> str:
    """Return the caller's X-Request-Id when it is well-formed, else a new one."""
    request_id = request.headers.get("X-Request-Id")
    if request_id is not None and _REQUEST_ID.match(request_id):
        return request_id
    return f"{_PROCESS_ID}{next(_request_numbers):08x}"


def _language(request: AnyRequest, *, is_for_programs: bool) -> str:
    """
    Return `_lang` of the query, else Accept-Language; pages without either are Chinese, but what
    programs ask for is English, whatever they accept.
    """
    choice, asked_by_page = None, False
    if request.query_string:
        choice = request.query.get("_lang")
        asked_by_page = "_webbricks_" in request.query
    is_page_read = (asked_by_page or wants_page(request)) and not is_for_programs
    default = "zh" if is_page_read else "en"
    return pick_language(choice or request.headers.get(_LANGUAGE_HEADER), default)


def wants_page(request: AnyRequest) -> bool:
    """Return whether a browser was sent here by its user (not by a script of a page)."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def with_context(actor: Actor, context: RequestContext) -> Actor:
    """Return *actor* with what its request adds: address, request id, language."""
    return Actor(
        actor.user_id,
        actor.username,
        actor.org_id,
        actor.roles,
        context.client_ip,
        context.request_id,
        context.lang,
    )


def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on that every answer has."""
    headers = response.headers
    headers["X-Request-Id"] = request[CONTEXT].request_id
    if "Referrer-Policy" in headers:
        return  # made by json_response, which starts with all of them
    for name, value in USUAL_HEADERS.items():
        if name not in headers:
            headers[name] = value
