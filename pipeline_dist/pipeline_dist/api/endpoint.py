"""
What every endpoint of the distributor API has in common: method, key, limits told in headers.

Errors go up to the host, which makes the problem documents; the headers that tell what is left
are put on them here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from app.global_func import AppError, MethodNotAllowed, check_method, json_response, reading
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    authenticate,
    read_credentials,
)
from pipeline_dist.admission.limits import Limit, limits_now, rate_limit_headers

JSON_TYPE = "application/json; charset=utf-8"
Handler = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """
    What an endpoint answers. `limits`: those that applied to the request, as they are after it;
    None lets the distributor's own be looked up.
    """

    body: Any
    status: int = 200
    limits: Sequence[Limit] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE


Endpoint = Callable[[web.Request, AuthenticatedDistributor], Awaitable[Reply]]
ByKey = Callable[[web.Request, Credentials], Awaitable[Reply]]


def by_key(func: ByKey) -> Endpoint:
    """
    An endpoint whose function leaves the key to admission, which checks it on the distributor's
    locked row; one look fewer at the database for each call.
    """
    func.by_key = True  # type: ignore[attr-defined]
    return cast(Endpoint, func)


def endpoint(**methods: Endpoint) -> Handler:
    """What a `.dspy` calls: for each HTTP method that is allowed, the function that answers."""

    async def handler(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
        try:
            check_method(request, methods)
        except MethodNotAllowed as exc:
            await complete(request, exc)
            raise
        func = methods["GET" if request.method == "HEAD" else request.method]
        credentials = read_credentials(request)
        caller = None if hasattr(func, "by_key") else await authenticate(credentials)
        try:
            reply = await func(request, caller or credentials)  # type: ignore[arg-type]
        except AppError as exc:
            await _tell_limits(exc, caller, credentials)
            raise
        limits = reply.limits
        if limits is None:
            limits = await own_limits(caller or await authenticate(credentials))
        headers = {
            "Cache-Control": "no-store",
            **rate_limit_headers(limits),
            **reply.headers,
        }
        return json_response(reply.body, reply.status, headers, reply.content_type)

    handler.methods = tuple(methods)  # type: ignore[attr-defined]  # see check_method
    handler.complete = complete  # type: ignore[attr-defined]  # see app/server/dspy.py
    handler.admit = admit  # type: ignore[attr-defined]  # see app/server/dspy.py
    return handler


async def admit(request: web.Request) -> None:
    """Look the key up before a body is read that may be large. It is looked up again behind the
    body, which may take its time: a key revoked meanwhile is none any more."""
    await authenticate(read_credentials(request))


async def complete(request: web.Request, refusal: AppError) -> AppError:
    """
    A refusal from before the endpoint ran, for a body that cannot be read for instance: callers
    without a valid key hear that first, the others are told their limits with it.
    """
    try:
        await _tell_limits(refusal, None, read_credentials(request))
    except AppError as exc:
        # Which methods an address has is in the public document.
        return refusal if refusal.status == 405 else exc
    return refusal


async def own_limits(caller: AuthenticatedDistributor) -> list[Limit]:
    """The limits of the distributor itself, whatever line it calls, as they are now."""
    async with reading() as sor:
        return await limits_now(sor, caller.id)


async def _tell_limits(
    error: AppError, caller: AuthenticatedDistributor | None, credentials: Credentials
) -> None:
    """Put the limits on a refusal; a caller who is not let in at all hears that, and no more."""
    # With the database away there is nobody to ask, and the caller is to hear that.
    if error.status != 503 and "RateLimit-Limit" not in error.headers:
        caller = caller or await authenticate(credentials)
        error.headers.update(rate_limit_headers(await own_limits(caller)))
