"""
What stands before every handler: one function instead of ahserver's four middlewares.

It refuses by default. See app/web/request.py for the single checks; here is their order.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ahserver.auth_api import AuthAPI
from aiohttp import web

from app.access.api_request import AnyRequest, ApiRequest
from app.access.paths import HEALTH, METRICS, OPEN_PATHS, READINESS, Target, plain_path
from app.access.permissions import no_right
from app.access.rbac import Rights
from app.access.request_context import CONTEXT, NOBODY, RBAC, WEB_PATHS, RequestContext
from app.access.sage_audit import note_audited
from app.access.sessions import SESSIONS
from app.base.actor import Actor
from app.base.catalogue.requests import INTERNAL_ERROR, NOT_FOUND, NOT_SIGNED_IN, REFUSED
from app.base.errors import AppError, Unavailable
from app.base.log_repeats import log_failure, log_unavailable
from app.base.refusals import EditConflict, MethodNotAllowed
from app.db.errors import passing_refusal
from app.server.dspy import allowed_methods, endpoint_at
from app.server.error_pages import error_page
from app.server.health import healthz, metrics, readyz
from app.server.metrics import REQUEST_METRICS
from app.server.request_log import REQUEST_LOG
from app.server.schema_gate import SCHEMA_GATE
from app.web.body import (
    answer_expectation,
    check_head,
    leave_unread,
    may_be_large,
    read_parameters,
)
from app.web.callers import ALLOWED_HOSTS, check_host, check_origin, check_page_user
from app.web.endpoint import check_method
from app.web.packing import transfer_response
from app.web.request import finish, new_context, with_context
from app.web.responses import Answer, refusal, refusal_answer

log = logging.getLogger("pipeline.request")

# A request, and what answers it.
Asked = TypeVar("Asked", bound=AnyRequest)
Told = TypeVar("Told")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
METHODS = ("GET", "HEAD", "POST")
_OPEN_HANDLERS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    HEALTH: healthz,
    READINESS: readyz,
    METRICS: metrics,
}


class GuardedAuth(AuthAPI):
    """Sessions and rights for every request."""

    def __init__(self) -> None:
        """Ahserver makes this object; what it needs is on the application."""

    async def setupAuth(self, app: web.Application) -> None:
        """Set nothing up: the one resource passes each request to `guard` (resource.py)."""

    async def checkUserPermission(self, request: web.Request, user: Any, path: str) -> bool:
        """Return whether the caller may use *path* and the file that it means."""
        context = request[CONTEXT]
        rights = await request.app[RBAC].rights()
        return _permitted(rights, context.actor, context.target, path)


def _permitted(rights: Rights, actor: Actor, target: Target | None, path: str) -> bool:
    # A folder is its index: the right to that file is what counts, not one to the folder.
    return rights.allows(actor.roles, path if target is None else target.url)


async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return everything around a handler: who asks, whether they may, what an error looks like."""
    began_at = time.perf_counter()
    context = request[CONTEXT] = new_context(request)
    request["client_ip"] = context.client_ip  # where ahserver's own code looks for it
    try:
        response = await _guarded(request, context, handler)
    except Exception as exc:  # noqa: BLE001  the last door: nothing of it may reach the caller
        error = await _error_of(request, exc)
        response = await error_page(request, error) or refusal(request, error)
        if error is exc:
            leave_unread(request, error, response)
    response = await transfer_response(request, response)
    finish(request, response)
    _note(request, context, response.status, time.perf_counter() - began_at)
    return response


async def guard_directly(
    request: ApiRequest, handler: Callable[[ApiRequest], Awaitable[Answer]]
) -> Answer:
    """As `guard`, for what has come straight from the parser (app/server/direct.py): the same
    doors in the same order, to a handler whose answer is written without a response object."""
    began_at = time.perf_counter()
    context = request.context = new_context(request)
    try:
        answer = await _guarded(request, context, handler)
    except Exception as exc:  # noqa: BLE001  the last door: nothing of it may reach the caller
        # Nobody who is sent here wants a page: `error_page` makes none for programs.
        answer = refusal_answer(request, await _error_of(request, exc))
    _note(request, context, answer.status, time.perf_counter() - began_at)
    return answer


def _note(request: AnyRequest, context: RequestContext, status: int, seconds: float) -> None:
    """Count and log the answer to *request*."""
    app, endpoint = request.app, context.endpoint
    app[REQUEST_METRICS].count(endpoint, status, seconds)
    app[REQUEST_LOG].add(request, context, endpoint, status, seconds)


async def _error_of(request: AnyRequest, exc: Exception) -> AppError:
    """Return the refusal to tell where *exc* came out of a handler; log what is a fault."""
    error = await _refusal_of(request, exc)
    request[CONTEXT].refusal_code = error.code
    return error


async def _refusal_of(request: AnyRequest, exc: Exception) -> AppError:
    if isinstance(exc, AppError):
        if exc.status >= 500:
            _log_failure(request, exc)
        if isinstance(exc, EditConflict):
            await _name_the_other(request, exc)
        return exc
    if isinstance(exc, web.HTTPException):
        return _from_aiohttp(request, exc)
    if refusal := passing_refusal(exc):
        log_unavailable(refusal, "requests", exc)
        return refusal
    _log_failure(request, exc)
    return INTERNAL_ERROR()


async def _guarded(
    request: Asked, context: RequestContext, handler: Callable[[Asked], Awaitable[Told]]
) -> Told:
    app = request.app
    path = plain_path(request.raw_path)
    # The open paths too: a page that gives its own name our address must not read them.
    check_host(request, app[ALLOWED_HOSTS])
    if path in OPEN_PATHS:
        context.open_path = path
        check_method(request, ("GET",))
        answer: Told = await _OPEN_HANDLERS[path](request)
        return answer
    context.target = target = app[WEB_PATHS].find(path)
    gate = app[SCHEMA_GATE]
    if not gate.is_open and not context.is_for_file:
        await gate.admit()
    context.actor = actor = await _actor(request, context)
    check_page_user(request, actor)
    rights = await app[RBAC].rights()
    if not _permitted(rights, actor, target, path):
        raise _no_right(context)
    try:
        await _take_in(request, context)
        if rights.audited:
            await note_audited(request, rights, path, is_large=may_be_large(request))
    except AppError as exc:
        endpoint = endpoint_at(target)
        if endpoint is None or endpoint.decorate_refusal is None:
            raise
        refusal_to_tell = await endpoint.decorate_refusal(request, exc)
        if refusal_to_tell is exc:
            raise
        raise refusal_to_tell from exc
    return await handler(request)


async def _take_in(request: AnyRequest, context: RequestContext) -> None:
    """Read the parameters of a caller who has the right; raises AppError for what is not taken."""
    if request.method not in METHODS:
        raise MethodNotAllowed(request.method, allowed_methods(context.target))
    check_origin(request)
    limits = None
    if request.method == "POST" and request.body_exists:
        limits = check_head(request)
        if may_be_large(request):
            endpoint = endpoint_at(context.target)
            if endpoint is not None and endpoint.authenticate is not None:
                await endpoint.authenticate(request)
    if isinstance(request, web.Request) and "Expect" in request.headers:
        await answer_expectation(request)
    if request.method == "POST" or request.query_string:
        context.params = await read_parameters(request, limits)


async def _actor(request: AnyRequest, context: RequestContext) -> Actor:
    # What comes straight from the parser has none.
    if isinstance(request, ApiRequest) or "Cookie" not in request.headers:
        return with_context(NOBODY, context)
    sessions, rbac = request.app[SESSIONS], request.app[RBAC]
    session = await sessions.find(request)
    actor = NOBODY
    if session is not None:
        user = await rbac.user(session.user_id)
        if not session.holds_for(user, sessions.strict_roles):
            # What is remembered of the user may be older than the session.
            user = await rbac.user(session.user_id, fresh=True)
        if user is not None and session.holds_for(user, sessions.strict_roles):
            actor = user.actor
        else:
            await sessions.drop(session.session_id)
    return with_context(actor, context)


async def _name_the_other(request: AnyRequest, conflict: EditConflict) -> None:
    other = conflict.extra["changed_by"]
    try:
        user = await request.app[RBAC].user(other) if isinstance(other, str) else None
    except AppError:
        return  # the conflict is told without a name
    if user is not None:
        conflict.text.params["who"] = user.username
        conflict.extra["changed_by_name"] = user.username


def _no_right(context: RequestContext) -> AppError:
    """Strangers do not hear what there is and what not; who has signed in hears that it is not."""
    if context.actor.signed_in:
        if context.target is None:
            return NOT_FOUND()
        return no_right()
    if context.target is None and context.is_for_programs:
        return NOT_FOUND()
    return NOT_SIGNED_IN()


def _from_aiohttp(request: AnyRequest, exc: web.HTTPException) -> AppError:
    if exc.status == 405:
        return MethodNotAllowed(request.method, "GET, POST")
    if exc.status == 404:
        return NOT_FOUND()
    if exc.status >= 500:
        _log_failure(request, exc)
    return REFUSED(status=exc.status, reason=exc.reason)


def _log_failure(request: AnyRequest, exc: BaseException) -> None:
    context = request[CONTEXT]
    about: dict[str, Any] = {
        "request_id": context.request_id,
        "method": request.method,
        "path": request.path[:200],
        "user": context.actor.username,
    }
    if isinstance(exc, Unavailable):
        log_unavailable(exc, "requests", **about)
    else:
        log_failure(log, "request_failed", "request failed", exc, **about)
