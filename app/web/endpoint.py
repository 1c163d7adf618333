"""
What a `.dspy` calls, and how `async def f(actor, params)` becomes one.

Who is asking, which method is right and how results look is settled here, once; how errors look
is settled in the request's one error handler (app/server/guard.py).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from app.access.api_request import AnyRequest, ApiRequest
from app.access.request_context import CONTEXT
from app.base.actor import Actor
from app.base.errors import AppError
from app.base.refusals import EditConflict, MethodNotAllowed
from app.schema.validation import difference
from app.web.deprecation import Deprecation
from app.web.responses import Answer, json_response, success

ActorFunction = Callable[[Actor, dict[str, Any]], Awaitable[Any]]
Handler = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]
ApiHandler = Callable[[ApiRequest], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    What a `.dspy` calls with the request and its parameters.

    `function` is what it was made of; `answer` answers one of `methods`, where HEAD goes with GET.
    Before a body is read that may be large, `authenticate` looks who is asking. `decorate_refusal`
    is given each refusal from before `answer`, a wrong method's too: it returns the one to tell,
    which may have headers of the endpoint's own. `direct` answers as `answer` does, what has come
    straight from the parser; of each method so many at the same time as `most_under_way` says.
    `deprecations`: of the methods that new programs should do without.
    """

    function: Callable[..., Awaitable[Any]]
    methods: tuple[str, ...]
    answer: Handler
    authenticate: Callable[[AnyRequest], Awaitable[object]] | None = None
    decorate_refusal: Callable[[AnyRequest, AppError], Awaitable[AppError]] | None = None
    direct: ApiHandler | None = None
    most_under_way: Mapping[str, int] = field(default_factory=dict)
    deprecations: Mapping[str, Deprecation] = field(default_factory=dict)

    def __call__(self, request: web.Request, params: Any) -> Awaitable[web.StreamResponse]:
        """Answer *request*; raises MethodNotAllowed unless its method is one of ours."""
        try:
            check_method(request, self.methods)
        except MethodNotAllowed as exc:
            return self._refuse(request, exc)
        return self.answer(request, params)

    async def _refuse(self, request: web.Request, refusal: AppError) -> web.StreamResponse:
        if self.decorate_refusal is None:
            raise refusal
        raise await self.decorate_refusal(request, refusal)


def writing(func: ActorFunction) -> Endpoint:
    """Make an endpoint that changes something: it answers to POST only."""
    return _endpoint(func, ("POST",), raw=False)


def reading_endpoint(func: ActorFunction, *, raw: bool = False) -> Endpoint:
    """Make an endpoint that only reads: GET and POST. With *raw* its value is sent as it is."""
    return _endpoint(func, ("GET", "POST"), raw=raw)


def answering(*methods: str) -> Callable[[Handler], Endpoint]:
    """Make an endpoint of a function that answers requests itself, to these methods only."""
    return lambda func: Endpoint(func, methods, func)


def for_programs(
    func: ApiHandler,
    methods: tuple[str, ...],
    *,
    authenticate: Callable[[AnyRequest], Awaitable[object]],
    decorate_refusal: Callable[[AnyRequest, AppError], Awaitable[AppError]],
    most_under_way: Mapping[str, int],
    deprecations: Mapping[str, Deprecation],
) -> Endpoint:
    """Make an endpoint of an API for programs, of one function whichever way a request came. Of
    each method so many requests may be under way in a worker as *most_under_way* says; who comes
    beyond them is refused before anything is looked at (app/server/crowding.py)."""

    async def answer(request: web.Request, params: Any) -> web.StreamResponse:
        value = await func(ApiRequest.of(request))
        return json_response(value.body, value.status, value.headers, value.content_type)

    return Endpoint(
        func, methods, answer, authenticate, decorate_refusal, func, most_under_way, deprecations
    )


def check_method(request: AnyRequest, methods: Iterable[str]) -> None:
    """Raise MethodNotAllowed unless the request's method is in *methods*; HEAD goes with GET."""
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        raise MethodNotAllowed(request.method, ", ".join(methods))


def _endpoint(func: ActorFunction, methods: tuple[str, ...], *, raw: bool) -> Endpoint:
    async def answer(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
        try:
            value = await func(request[CONTEXT].actor, params)
        except EditConflict as exc:
            if exc.table is not None and "difference" not in exc.extra:
                exc.extra["difference"] = difference(exc.table, params, exc.extra["current"])
            raise
        if isinstance(value, web.StreamResponse):
            return value
        answer = value if isinstance(value, Answer) else Answer(value)
        if raw or answer.content_type != Answer.content_type:
            return json_response(answer.body, answer.status, answer.headers, answer.content_type)
        return success(request, params, answer)

    return Endpoint(func, methods, answer)
