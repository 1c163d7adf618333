"""
From `async def f(actor, params)` to what a `.dspy` calls.

Who is asking, which method is right and how results look is settled here, once; how errors look
is settled in the request's one error handler (app/server/guard.py).
"""

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from app.base.actor import Actor
from app.base.errors import EditConflict, MethodNotAllowed
from app.schema.validation import difference
from app.web.responses import Answer, json_response, success

EndpointFunction = Callable[[Actor, dict[str, Any]], Awaitable[Any]]
Handler = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


def writing(func: EndpointFunction) -> Handler:
    """An endpoint that changes something: answers to POST only."""
    return _endpoint(func, methods=("POST",), raw=False)


def reading_endpoint(func: EndpointFunction, *, raw: bool = False) -> Handler:
    """An endpoint that only reads: GET and POST. With *raw* its value is sent as it is."""
    return _endpoint(func, methods=("GET", "POST"), raw=raw)


def answering(*methods: str) -> Callable[[Any], Any]:
    """A handler that answers to these methods only; HEAD goes with GET. Others raise
    MethodNotAllowed."""

    def wrap(func: Any) -> Any:
        @functools.wraps(func)
        async def handler(request: web.Request, params: Any) -> Any:
            check_method(request, methods)
            return await func(request, params)

        handler.methods = methods  # type: ignore[attr-defined]  # see check_method
        return handler

    return wrap


def check_method(request: web.Request, methods: Iterable[str]) -> None:
    """
    Raise MethodNotAllowed unless the request's method is in *methods*; HEAD goes with GET.

    Handlers carry theirs as `methods`, for methods that the guard refuses and for the tests.
    """
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        raise MethodNotAllowed(request.method, ", ".join(methods))


def _endpoint(func: EndpointFunction, *, methods: tuple[str, ...], raw: bool) -> Handler:
    @functools.wraps(func)
    async def handler(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
        check_method(request, methods)
        try:
            value = await func(request["actor"], params)
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

    handler.methods = methods  # type: ignore[attr-defined]  # see check_method
    return handler


class NameTaken(Exception):
    """A module tried to register a name that the host or another module has."""


def register(env: Any, exports: Mapping[str, Any], *, owner: str) -> None:
    """
    Offer *exports* to all `.dspy` files as `<owner>_<name>`: all of them, or none.

    Raises NameTaken naming the clash. Registering the same functions again changes nothing.
    """
    functions = {f"{owner}_{name}": func for name, func in exports.items()}
    clashes = sorted(name for name, func in functions.items() if env.get(name) not in (None, func))
    if clashes:
        raise NameTaken(f"{owner} cannot register {', '.join(clashes)}: taken")
    for name, func in functions.items():
        env[name] = func
