"""
aiohttp's server with one handler for every request of any method and path.

Replaces the way through aiohttp's Application: its router would answer by itself what has no path
(CONNECT, OPTIONS *), past the guard (kernel D8); there is one resource, so nothing is to be routed,
and no middleware to be run. That way costs a tenth of a small request: to ask for the running loop,
as `Application._handle` does, is a system call in Python 3.11.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from app.plain_errors import PlainErrors

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PlainRequest(web.Request):
    """A request that knows its application without having been routed."""

    ATTRS = web.Request.ATTRS | frozenset(["own_app"])
    own_app: web.Application

    @property
    def app(self) -> web.Application:
        """The application that serves it."""
        return self.own_app


class _Server(web.Server):
    """aiohttp's server with our handler of connections."""

    def __call__(self) -> RequestHandler:
        return PlainErrors(self, loop=self._loop, **self._kwargs)


class PlainRunner(web.AppRunner):
    """aiohttp's runner, whose requests all go to *handler*."""

    def __init__(self, app: web.Application, handler: Handler, **options: Any) -> None:
        super().__init__(app, **options)
        self._handler = handler

    async def _make_server(self) -> Any:
        # Starts the application, and knows the options.
        made = await super()._make_server()
        return _Server(
            self._handler,  # type: ignore[arg-type]  # it takes our kind of request
            request_factory=self._request_maker(asyncio.get_running_loop()),
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )

    def _request_maker(self, loop: asyncio.AbstractEventLoop) -> Callable[..., web.Request]:
        app = self.app
        most_bytes, most_fields = app._client_max_size, app._client_max_fields

        def make(
            message: RawRequestMessage,
            payload: StreamReader,
            protocol: RequestHandler,
            writer: AbstractStreamWriter,
            task: "asyncio.Task[None]",
        ) -> web.Request:
            request = PlainRequest(
                message, payload, protocol, writer, task, loop,
                client_max_size=most_bytes, client_max_fields=most_fields,
            )  # fmt: skip
            request.own_app = app
            return request

        return make
