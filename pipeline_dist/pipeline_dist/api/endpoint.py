"""
What every endpoint of the distributor API has in common: method, key, limits told in headers.

Errors go up to the host, which makes the problem documents; the headers that tell what is left
are put on them here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.global_func import (
    SECRET_HEADERS,
    Answer,
    AnyRequest,
    ApiRequest,
    AppError,
    Deprecation,
    Endpoint,
    for_programs,
    with_tag,
)
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    authenticate,
    note_distributor,
    read_credentials,
)
from pipeline_dist.admission.limits import Limit, rate_limit_headers
from pipeline_dist.admission.present_limits import own_limits
from pipeline_dist.admission.queue import MAX_ENDING, MAX_WAITING

NO_DEPRECATIONS: Mapping[str, Deprecation] = {}
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """
    What an endpoint answers. `limits`: those that applied to the request, as they are after it;
    None: the distributor's own, by the row that the key was checked on. `is_kept`: it is told by
    an ETag, and clients may keep it; `vary`: the header of requests that it depends on.
    `holds_secret`: it is shown once, and goes out as it is.
    """

    body: Any
    status: int = 200
    limits: Sequence[Limit] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    is_kept: bool = False
    vary: str | None = None
    holds_secret: bool = False


ApiFunction = Callable[[ApiRequest, AuthenticatedDistributor], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class ByKey:
    """
    A function that leaves the key to admission, which checks it on the distributor's locked row;
    one look fewer at the database for each call. `ends_calls`: whoever began a call may end it,
    also where it may do nothing else any more (`check_caller`).
    """

    function: Callable[[ApiRequest, Credentials], Awaitable[Reply]]
    ends_calls: bool = False


def to_end_calls(function: Callable[[ApiRequest, Credentials], Awaitable[Reply]]) -> ByKey:
    """Make an API function that ends calls."""
    return ByKey(function, ends_calls=True)


def endpoint(
    deprecations: Mapping[str, Deprecation] = NO_DEPRECATIONS, **methods: ApiFunction | ByKey
) -> Endpoint:
    """
    Make an endpoint of the function that answers for each HTTP method that is allowed.

    What new programs should do without stands in *deprecations*, by its method: every answer of it
    says so, and so does the document (docs/guides/versioning.md).
    """
    notices = {method: terms.headers() for method, terms in deprecations.items()}

    async def answer(request: ApiRequest) -> Answer:
        func = methods["GET" if request.method == "HEAD" else request.method]
        credentials = read_credentials(request)
        caller, to_end = None, _ends_calls(func)
        if isinstance(func, ByKey):
            work = func.function(request, credentials)
        else:
            caller = await authenticate(credentials)
            work = func(request, caller)
        try:
            reply = await work
        except AppError as exc:
            await _tell_limits(exc, caller, credentials, to_end=to_end)
            raise
        finally:
            note_distributor(request, credentials)
        limits = reply.limits
        if limits is None:
            caller = caller or await authenticate(credentials, to_end=to_end)
            limits = await own_limits(caller.distributor)
        headers = {**rate_limit_headers(limits), **reply.headers}
        if reply.holds_secret:
            headers |= SECRET_HEADERS
        result = Answer(reply.body, reply.status, headers, reply.content_type)
        return await with_tag(result, reply.vary) if reply.is_kept else result

    async def answer_with_notice(request: ApiRequest) -> Answer:
        """As `answer`, and tell of the deprecation, where the method has one."""
        notice = _notice(notices, request)
        try:
            result = await answer(request)
        except AppError as exc:
            exc.headers.update(notice)
            raise
        return replace(result, headers={**result.headers, **notice})

    async def check_key(request: AnyRequest) -> None:
        """Look the key up before a body is read that may be large. It is looked up again behind the
        body, which may take its time: a key revoked meanwhile is none any more."""
        to_end = _ends_calls(methods.get(request.method))
        await authenticate(read_credentials(request), to_end=to_end)

    async def decorate_refusal(request: AnyRequest, refusal: AppError) -> AppError:
        """
        Tell callers without a valid key that first, for a body that cannot be read for instance;
        the others are told their limits with *refusal*.
        """
        to_end = _ends_calls(methods.get(request.method))
        try:
            await _tell_limits(refusal, None, read_credentials(request), to_end=to_end)
        except AppError as exc:
            # Which methods an address has is in the public document.
            return refusal if refusal.status == 405 else exc
        refusal.headers.update(_notice(notices, request))
        return refusal

    return for_programs(
        answer_with_notice if notices else answer, tuple(methods), authenticate=check_key,
        decorate_refusal=decorate_refusal,
        most_under_way={method: _most_under_way(func) for method, func in methods.items()},
        deprecations=deprecations,
    )  # fmt: skip


def _notice(notices: Mapping[str, Mapping[str, str]], request: AnyRequest) -> Mapping[str, str]:
    """Return what is told of the deprecation of what was asked."""
    return notices.get("GET" if request.method == "HEAD" else request.method, {})


def _most_under_way(function: ApiFunction | ByKey) -> int:
    return MAX_ENDING if _ends_calls(function) else MAX_WAITING


def _ends_calls(function: ApiFunction | ByKey | None) -> bool:
    return isinstance(function, ByKey) and function.ends_calls


async def _tell_limits(
    error: AppError,
    caller: AuthenticatedDistributor | None,
    credentials: Credentials,
    *,
    to_end: bool,
) -> None:
    """Put the limits on a refusal; a caller who is not let in at all hears that, and no more."""
    # With the database away there is nobody to ask, and the caller is to hear that.
    if error.status != 503 and "RateLimit-Limit" not in error.headers:
        caller = caller or await authenticate(credentials, to_end=to_end)
        error.headers.update(rate_limit_headers(await own_limits(caller.distributor)))
