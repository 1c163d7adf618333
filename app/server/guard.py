"""
What stands before every handler: one function instead of ahserver's four middlewares.

It refuses by default. See app/web/request.py for the single checks; here is their order.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ahserver.auth_api import AuthAPI
from aiohttp import web

from app.access.paths import HEALTH, METRICS, OPEN_PATHS, READINESS, Target, plain_path
from app.access.permissions import no_right
from app.access.rbac import NOBODY_ROLES, Rights
from app.access.sage_audit import note_audited
from app.base.actor import Actor
from app.base.errors import (
    AppError,
    EditConflict,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
)
from app.db.errors import connection_lost, unreachable
from app.server.dspy import admit, allowed_methods, decorate_refusal
from app.server.error_pages import error_page
from app.server.health import healthz, metrics, readyz
from app.web.body import (
    answer_expectation,
    check_head,
    leave_unread,
    may_be_large,
    read_parameters,
)
from app.web.callers import check_host, check_origin
from app.web.endpoint import check_method
from app.web.request import (
    finish,
    is_for_programs,
    language,
    own_request_id,
    wants_page,
    with_context,
)
from app.web.responses import refusal

log = logging.getLogger("pipeline.request")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_NOBODY = Actor(roles=NOBODY_ROLES)
METHODS = ("GET", "HEAD", "POST")
_OPEN_HANDLERS: dict[str, Handler] = {HEALTH: healthz, READINESS: readyz, METRICS: metrics}


class GuardedAuth(AuthAPI):
    """Sessions and rights for every request."""

    def __init__(self) -> None:
        """ahserver makes this object; what it needs is on the application."""

    async def setupAuth(self, app: web.Application) -> None:
        """Nothing to set up: the one resource passes each request to `guard` (resource.py)."""

    async def checkUserPermission(self, request: web.Request, user: Any, path: str) -> bool:
        """Whether the caller may use *path* and the file that it means."""
        return _permitted(
            await request.app["rbac"].rights(), request["actor"], request["target"], path
        )


def _permitted(rights: Rights, actor: Actor, target: Target | None, path: str) -> bool:
    # A folder is its index: the right to that file is what counts, not one to the folder.
    return rights.allows(actor.roles, path if target is None else target.url)


async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything around a handler: who asks, whether they may, what an error looks like."""
    began_at = time.perf_counter()
    app = request.app
    request["request_id"] = own_request_id(request)
    request["client_ip"] = app["callers"].address(request)
    try:
        response = await _guarded(request, handler)
    except AppError as exc:
        _fill_in(request)
        if exc.status >= 500:
            _log_failure(request, exc)
        if isinstance(exc, EditConflict):
            await _name_the_other(request, exc)
        response = await error_page(request, exc) or refusal(request, exc)
        leave_unread(request, exc, response)
    except web.HTTPException as exc:
        _fill_in(request)
        error = _from_aiohttp(request, exc)
        response = await error_page(request, error) or refusal(request, error)
    except Exception as exc:  # noqa: BLE001  the last door: nothing of it may reach the caller
        _fill_in(request)
        _log_failure(request, exc)
        fault = unreachable(exc) if connection_lost(exc) else _internal_error()
        response = await error_page(request, fault) or refusal(request, fault)
    finish(request, response)
    app["metrics"].count(response.status, time.perf_counter() - began_at)
    return response


async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    app = request.app
    request["lang"] = language(request)
    path = plain_path(request.raw_path)
    # The open paths too: a page that gives its own name our address must not read them.
    check_host(request, app["allowed_hosts"])
    if path in OPEN_PATHS:
        check_method(request, ("GET",))
        return await _OPEN_HANDLERS[path](request)
    request["target"] = target = app["web_paths"].find(path)
    request["actor"] = actor = await _actor(request)
    rights = await app["rbac"].rights()
    if not _permitted(rights, actor, target, path):
        raise _no_right(request)
    try:
        await _take_in(request)
        if rights.audited:
            await note_audited(request, rights, path, is_large=may_be_large(request))
    except AppError as exc:
        refusal = await decorate_refusal(request, exc)
        if refusal is exc:
            raise
        raise refusal from exc
    return await handler(request)


async def _take_in(request: web.Request) -> None:
    """The parameters of a caller who has the right; raises AppError for what is not taken."""
    if request.method not in METHODS:
        raise MethodNotAllowed(request.method, allowed_methods(request["target"]))
    check_origin(request)
    limits = None
    if request.method == "POST" and request.body_exists:
        limits = check_head(request)
        if may_be_large(request):
            await admit(request)
    if "Expect" in request.headers:
        await answer_expectation(request)
    if request.method == "POST" or request.query_string:
        request["params"] = await read_parameters(request, request.app["body_seconds"], limits)
    else:
        request["params"] = {}


def _fill_in(request: web.Request) -> None:
    """What a request that was refused early does not have yet, and its refusal needs."""
    usual = {"lang": "en", "params": request.query, "target": None, "actor": _NOBODY}
    for name, value in usual.items():
        if name not in request:
            request[name] = value


async def _actor(request: web.Request) -> Actor:
    session = await request.app["sessions"].find(request)
    actor = _NOBODY
    if session is not None:
        user = await request.app["rbac"].user(session.user_id)
        if not session.holds_for(user):
            # What is remembered of the user may be older than the session.
            user = await request.app["rbac"].user(session.user_id, fresh=True)
        if user is not None and session.holds_for(user):
            actor = user.actor
        else:
            await request.app["sessions"].drop(session.session_id)
    return with_context(actor, request)


async def _name_the_other(request: web.Request, conflict: EditConflict) -> None:
    other = conflict.extra["changed_by"]
    try:
        user = await request.app["rbac"].user(other) if isinstance(other, str) else None
    except AppError:
        return  # the conflict is told without a name
    if user is not None:
        conflict.text.params["who"] = user.username
        conflict.extra["changed_by_name"] = user.username


def _internal_error() -> AppError:
    return AppError(
        "internal_error",
        "Something went wrong here. Tell the operator the request id.",
        status=500,
    )


def _no_right(request: web.Request) -> AppError:
    """Strangers do not hear what there is and what not; who has signed in hears that it is not."""
    if request["actor"].signed_in:
        if request["target"] is None:
            return NotFound("not_found", "There is nothing at this address.")
        return no_right()
    if request["target"] is None and is_for_programs(request):
        return NotFound("not_found", "There is nothing at this address.")
    return NotSignedIn("not_signed_in", "Sign in to use this.")


def _from_aiohttp(request: web.Request, exc: web.HTTPException) -> AppError:
    if exc.status == 405:
        return MethodNotAllowed(request.method, "GET, POST")
    if exc.status == 404:
        return NotFound("not_found", "There is nothing at this address.")
    if exc.status >= 500:
        _log_failure(request, exc)
    return AppError(
        "refused",
        "The request cannot be answered ({reason}).",
        status=exc.status,
        reason=exc.reason,
    )


def _log_failure(request: web.Request, exc: BaseException) -> None:
    log.error(
        "request failed",
        exc_info=exc,
        extra={
            "action": "request_failed",
            "request_id": request["request_id"],
            "method": request.method,
            "path": request.path[:200],
            "user": request["actor"].user_id,
        },
    )


__all__ = ["GuardedAuth", "guard", "wants_page"]
