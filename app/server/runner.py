"""
aiohttp's server with one handler for every request of any method and path.

Replaces the way through aiohttp's Application: its router would answer by itself what has no path
(CONNECT, OPTIONS *), past the guard (kernel D8); there is one resource, so nothing is to be routed,
and no middleware to be run. That way costs a tenth of a small request: to ask for the running loop,
as `Application._handle` does, is a system call in Python 3.11.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from app.base.logs import log_warning
from app.server.crowding import Crowds
from app.server.direct import DirectProtocol, unknown_internals
from app.server.protocol import ProblemProtocol
from app.server.shedding import MAX_PARTING, Shedding
from app.web.plain_request import PlainRequest

log = logging.getLogger("pipeline.server")

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
        self,
        app: web.Application,
        handler: Handler,
        *,
        body_limit_bytes: int,
        direct_answers: bool,
        shedding: Shedding,
        **options: Any,
    ) -> None:
        """
        Send requests to *handler*, with *direct_answers* only those that connections do not answer
        by themselves; more connections than *shedding* allows are refused; *options* are those of
        aiohttp's RequestHandler.
        """
        # Set when this worker ends: each answer is its connection's last one then.
        self.is_leaving = False
        self._shedding = shedding
        loop = asyncio.get_running_loop()
        super().__init__(
            handler,  # type: ignore[arg-type]  # it takes our kind of request
            request_factory=_request_maker(app, loop, body_limit_bytes),
            loop=loop,
        )
        # Bodies are unpacked where their size is watched (app/web/body.py).
        self._connection_options = {**options, "loop": loop, "auto_decompress": False}

        self.app = app
        self._direct = (Crowds(app), body_limit_bytes) if direct_answers else None
        missing = unknown_internals()
        if self._direct and missing:
            log_warning(
                log, "no_direct_answers", "this aiohttp is another one", missing=sorted(missing)
            )
            self._direct = None

    def __call__(self) -> asyncio.Protocol:  # type: ignore[override]  # asyncio asks no more of it
        if len(self._connections) >= self._shedding.max_connections:
            return self._shedding.protocol(self._for_one_answer)
        return self._usual()

    def _for_one_answer(self) -> web.RequestHandler | None:
        """Return what answers one question on a connection that is one too many; None where very
        many are asking already."""
        if len(self._connections) >= self._shedding.max_connections + MAX_PARTING:
            return None
        protocol = self._usual()
        protocol.has_one_answer = True
        return protocol

    def _usual(self) -> ProblemProtocol:
        if self._direct is None:
            return ProblemProtocol(self, **self._connection_options)
        return DirectProtocol(self, *self._direct, **self._connection_options)


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
