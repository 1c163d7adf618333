"""
aiohttp's server with one handler for every request of any method and path.

Replaces the way through aiohttp's Application: its router would answer by itself what has no path
(CONNECT, OPTIONS *), past the guard (kernel D8); there is one resource, so nothing is to be routed,
and no middleware to be run. That way costs a tenth of a small request: to ask for the running loop,
as `Application._handle` does, is a system call in Python 3.11.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from app.server.protocol import ProblemProtocol
from app.web.plain_request import PlainRequest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#@\\\s]+)(?P<rest>[/?][^#]*)?", re.IGNORECASE)


def origin_form(message: RawRequestMessage) -> RawRequestMessage:
    """
    Return *message* as if it had been sent to us directly, where its target is a whole address, as
    clients send it to a proxy: the address names the host then, whatever `Host` says (RFC 9112
    3.2.2).
    """
    target = _ABSOLUTE.fullmatch(message.path)
    if target is None:
        return message
    headers = CIMultiDict(message.headers)
    headers["Host"] = target["authority"]
    rest = target["rest"] or "/"
    if rest.startswith("?"):
        rest = f"/{rest}"
    path, _, query = rest.partition("?")
    return message._replace(
        path=rest,
        url=URL.build(path=path, query_string=query, encoded=True),
        headers=CIMultiDictProxy(headers),
    )


class PlainServer(web.Server):
    """aiohttp's low-level server with our requests and our handler of connections."""

    def __init__(
        self, app: web.Application, handler: Handler, *, body_limit_bytes: int, **options: Any
    ) -> None:
        """Send all requests to *handler*; *options* are those of aiohttp's RequestHandler."""
        loop = asyncio.get_running_loop()
        super().__init__(
            handler,  # type: ignore[arg-type]  # it takes our kind of request
            request_factory=_request_maker(app, loop, body_limit_bytes),
            loop=loop,
        )
        # Bodies are unpacked where their size is watched (app/web/body.py).
        self._connection_options = {**options, "loop": loop, "auto_decompress": False}

    def __call__(self) -> web.RequestHandler:
        return ProblemProtocol(self, **self._connection_options)


def _request_maker(
    app: web.Application, loop: asyncio.AbstractEventLoop, body_limit_bytes: int
) -> Callable[..., web.Request]:
    def make(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.Request:
        if not message.path.startswith("/"):
            message = origin_form(message)
        request = PlainRequest(
            message, payload, protocol, writer, task, loop, client_max_size=body_limit_bytes
        )
        request.own_app = app
        return request

    return make
