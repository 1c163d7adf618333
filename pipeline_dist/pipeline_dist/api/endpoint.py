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
    twins_in_use,
    with_tag,
)
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    authenticate,
    note_distributor,
    read_credentials,
)
from pipeline_dist.accounts.sandbox import sandbox_of
from pipeline_dist.admission.limits import Limit, rate_limit_headers
from pipeline_dist.admission.present_limits import own_limits
from pipeline_dist.admission.queue import MAX_ENDING, MAX_WAITING

NO_DEPRECATIONS: Mapping[str, Deprecation] = {}
# On every answer to a key of the sandbox, a file or a refusal too.
MARK_HEADERS = {"X-Sandbox": "true"}
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


ByCaller = Callable[[ApiRequest, AuthenticatedDistributor], Awaitable[Reply]]
ByCredentials = Callable[[ApiRequest, Credentials], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """
    A function of the API, which is asked by a key that has one of `scopes`.

    With `by_caller` the key is looked up first. With `by_credentials` it is left to admission,
    which checks it on the distributor's locked row; one look fewer at the database for each call.
    `ends_calls`: whoever began a call may end it, also where it may do nothing else any more
    (`check_caller`). `is_shared`: it is about what both have, and runs on the real tables for keys
    of the sandbox too.
    """

    scopes: frozenset[Scope]
    by_caller: ByCaller | None = None
    by_credentials: ByCredentials | None = None
    ends_calls: bool = False
    is_shared: bool = False


def needs(*scopes: Scope, is_shared: bool = False) -> Callable[[ByCaller], ApiCall]:
    """Make an API function of one that is told who calls, by a key with one of *scopes*; one that
    *is_shared* looks itself at whether that is a key of the sandbox."""
    return lambda function: ApiCall(frozenset(scopes), by_caller=function, is_shared=is_shared)


def by_key(*scopes: Scope) -> Callable[[ByCredentials], ApiCall]:
    """Make an API function that leaves the key, which needs one of *scopes*, to admission."""
    return lambda function: ApiCall(frozenset(scopes), by_credentials=function)


def to_end_calls(*scopes: Scope) -> Callable[[ByCredentials], ApiCall]:
    """Make an API function that ends calls, by a key with one of *scopes*."""
    return lambda function: ApiCall(frozenset(scopes), by_credentials=function, ends_calls=True)


def endpoint(
    deprecations: Mapping[str, Deprecation] = NO_DEPRECATIONS, **methods: ApiCall
) -> Endpoint:
    """
    Make an endpoint of the function that answers for each HTTP method that is allowed.

    What new programs should do without stands in *deprecations*, by its method: every answer of it
    says so, and so does the document (docs/guides/versioning.md).
    """
    by_method = _ByMethod(
        methods, {method: terms.headers() for method, terms in deprecations.items()}
    )
    return for_programs(
        by_method.answer_with_notice if deprecations else by_method.answer, tuple(methods),
        authenticate=by_method.check_key, decorate_refusal=by_method.decorate_refusal,
        most_under_way={method: _most_under_way(func) for method, func in methods.items()},
        deprecations=deprecations,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _ByMethod:
    """The functions that answer at one address, by HTTP method, and the headers that tell of the
    deprecation of some of them."""

    calls: Mapping[str, ApiCall]
    notices: Mapping[str, Mapping[str, str]]

    async def answer(self, request: ApiRequest) -> Answer:
        call = self.calls["GET" if request.method == "HEAD" else request.method]
        credentials = read_credentials(request, call.scopes)
        if credentials.is_sandbox:
            return await _answer_in_sandbox(request, call, credentials)
        caller = None
        if call.by_caller is not None:
            caller = await authenticate(credentials)
        return await _answer(request, call, credentials, caller)

    async def answer_with_notice(self, request: ApiRequest) -> Answer:
        """As `answer`, and tell of the deprecation, where the method has one."""
        notice = self._notice(request)
        try:
            result = await self.answer(request)
        except AppError as exc:
            exc.headers.update(notice)
            raise
        return replace(result, headers={**result.headers, **notice})

    async def check_key(self, request: AnyRequest) -> None:
        """Look the key up before a body is read that may be large. It is looked up again behind the
        body, which may take its time: a key revoked meanwhile is none any more."""
        call = self.calls.get(request.method)
        await authenticate(read_credentials(request, _scopes(call)), to_end=_ends_calls(call))

    async def decorate_refusal(self, request: AnyRequest, refusal: AppError) -> AppError:
        """Tell callers without a valid key that first, for a body that cannot be read for instance;
        the others are told their limits with *refusal*."""
        call = self.calls.get(request.method)
        try:
            credentials = read_credentials(request, _scopes(call))
            await _tell_limits(refusal, None, credentials, to_end=_ends_calls(call))
            if credentials.is_sandbox:
                refusal = _marked_refusal(refusal)
        except AppError as exc:
            # Which methods an address has is in the public document.
            return refusal if refusal.status == 405 else exc
        refusal.headers.update(self._notice(request))
        return refusal

    def _notice(self, request: AnyRequest) -> Mapping[str, str]:
        """Return what is told of the deprecation of what was asked."""
        return self.notices.get("GET" if request.method == "HEAD" else request.method, {})


async def _answer(
    request: ApiRequest,
    call: ApiCall,
    credentials: Credentials,
    caller: AuthenticatedDistributor | None,
) -> Answer:
    if call.by_credentials is not None:
        work = call.by_credentials(request, credentials)
    else:
        assert call.by_caller is not None
        assert caller is not None
        work = call.by_caller(request, caller)
    try:
        reply = await work
    except AppError as exc:
        await _tell_limits(exc, caller, credentials, to_end=call.ends_calls)
        raise
    finally:
        note_distributor(request, credentials)
    limits = reply.limits
    if limits is None:
        limits = await _limits_of(caller, credentials, to_end=call.ends_calls)
    body = _with_mark(reply.body) if credentials.is_sandbox else reply.body
    headers = {**rate_limit_headers(limits), **reply.headers}
    if reply.holds_secret:
        headers |= SECRET_HEADERS
    result = Answer(body, reply.status, headers, reply.content_type)
    return await with_tag(result, reply.vary) if reply.is_kept else result


async def _answer_in_sandbox(
    request: ApiRequest, call: ApiCall, credentials: Credentials
) -> Answer:
    """Do as `_answer` for a key of the sandbox, which says so in what it answers, whatever that
    is."""
    try:
        caller = await authenticate(credentials, to_end=call.ends_calls)
        if call.is_shared:
            result = await _answer(request, call, credentials, caller)
        else:
            async with sandbox_of(caller) as caller:
                result = await _answer(request, call, credentials, caller)
    except AppError as exc:
        raise _marked_refusal(exc) from exc.__cause__
    return replace(result, headers={**result.headers, **MARK_HEADERS})


def _marked_refusal(refusal: AppError) -> AppError:
    """Return a refusal with the mark of the sandbox; a copy, since others may be told the same."""
    copy = refusal.copy()
    copy.extra = {**refusal.extra, "sandbox": True}
    copy.headers |= MARK_HEADERS
    return copy


def _with_mark(body: Any) -> Any:
    """Return an answer with the mark of the sandbox: on it, on each of its rows, and on each call
    of a batch, which is JSON already. A file has it in its name, and in the header."""
    mark = {"sandbox": True}
    if isinstance(body, bytes):
        if not body.startswith(b"{"):
            return body
        # Within a text no quote stands without a backslash before it.
        return b'{"sandbox":true,' + body[1:].replace(b'"call":{', b'"call":{"sandbox":true,')
    if isinstance(body.get("rows"), list):
        body = body | {"rows": [row | mark for row in body["rows"]]}
    return body | mark


def _most_under_way(call: ApiCall) -> int:
    return MAX_ENDING if call.ends_calls else MAX_WAITING


def _ends_calls(call: ApiCall | None) -> bool:
    return call is not None and call.ends_calls


def _scopes(call: ApiCall | None) -> frozenset[Scope] | None:
    """Return what a key needs for *call*; any will do to be told that there is no such method."""
    return None if call is None else call.scopes


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
        limits = await _limits_of(caller, credentials, to_end=to_end)
        error.headers.update(rate_limit_headers(limits))


async def _limits_of(
    caller: AuthenticatedDistributor | None, credentials: Credentials, *, to_end: bool
) -> list[Limit]:
    """Return the limits of who calls: for a key of the sandbox those that are counted there, also
    where the call itself is about what both have."""
    caller = caller or await authenticate(credentials, to_end=to_end)
    if credentials.is_sandbox and not twins_in_use():
        async with sandbox_of(caller) as caller:
            return await own_limits(caller.distributor, caller.key)
    return await own_limits(caller.distributor, caller.key)
