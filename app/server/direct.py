"""
Answering programs straight from the HTTP parser, where nothing about the request is unusual.

aiohttp makes a request object, a task and its own writer for each request, and wakes a task of the
connection; that takes longer than all that our API has to look at. Here a message that its parser
has read whole is answered by one light task: same guard, same endpoint, same bytes. Whatever is
unusual (`is_plain` says what is not) is left in aiohttp's queue and goes aiohttp's way, and so does
every request that comes while one is being answered.

What is relied on of aiohttp's RequestHandler, beyond its public methods: its parent puts messages
into `_messages` and wakes by `_waiter` the connection's task, which waits only while it has nothing
to do; `_parser.message_consumed` makes room for another message; `_request_in_progress` and
`_handler_waiter` let `shutdown` wait; `_close`, `_force_close`, `_paused`, `_drain_helper` and the
timer of `_keepalive_timeout` are what they say. A whole StreamReader has its body in `_buffer`.
`unknown_internals` looks at each start whether they are there, and
tests/unit/test_direct_answers.py fails when the code behind them has changed.
"""

import asyncio
import re
from typing import Any

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from app.access.api_request import NO_QUERY, ApiRequest
from app.access.request_context import WEB_PATHS
from app.server.answer_bytes import answer_bytes
from app.server.crowding import Crowd, Crowds
from app.server.dspy import direct_endpoint
from app.server.guard import guard_directly
from app.server.protocol import ProblemProtocol
from app.web.body import MAX_READ_IN_LOOP, MAX_SMALL_BODY
from app.web.endpoint import ApiHandler
from app.web.packing import may_change, transfer_answer
from app.web.request import is_program_api
from app.web.responses import body_bytes

# How long a head waits for its short body, which mostly comes at once.
PATIENCE_SECONDS = 0.1
# Of what comes while a connection's data is kept, before it is read no further.
MAX_EARLY_BYTES = 65_536
RELIED_ON = frozenset(
    """
    _close _drain_helper _force_close _handler_waiter _keepalive_handle _keepalive_timeout _loop
    _manager _messages _next_keepalive_close_time _parser _paused _process_keepalive
    _request_in_progress _waiter
    """.split()
)
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_-]+)+")
JSON = "application/json"
_JSON = re.compile(r"application/json(?:; ?charset=utf-8)?", re.IGNORECASE)
# What is read, asked for or answered otherwise than the rest.
_UNUSUAL = ("Cookie", "Expect", "Content-Encoding", "Transfer-Encoding", "Upgrade")


def unknown_internals() -> set[str]:
    """Return what `DirectProtocol` needs of aiohttp and this version does not have."""
    missing = {name for name in RELIED_ON if not hasattr(web.RequestHandler, name)}
    return missing if hasattr(StreamReader, "_buffer") else {*missing, "_buffer"}


def is_plain(message: Any) -> bool:
    """
    Return whether *message* may be answered here, as far as its head tells: GET or POST in HTTP/1.1
    with keep-alive, to a plainly written address of an API for programs, without a body or with a
    short one in JSON, and with none of the headers of _UNUSUAL.
    """
    # Bytes that are no request are a message of another kind.
    if type(message) is not RawRequestMessage or message.version != HttpVersion11:
        return False
    path = message.path.partition("?")[0]
    if _PLAIN_PATH.fullmatch(path) is None or not is_program_api(path):
        return False
    if message.should_close or message.upgrade or message.chunked:
        return False
    headers = message.headers
    if "Host" not in headers:
        return False
    for name in _UNUSUAL:  # quicker than a generator
        if name in headers:
            return False
    kind = headers.get("Content-Type")
    if kind is not None and _JSON.fullmatch(kind) is None:
        return False
    length = int(headers.get("Content-Length", 0))
    return length == 0 or (message.method == "POST" and length <= MAX_READ_IN_LOOP)


class DirectProtocol(ProblemProtocol):
    """aiohttp's handler of one connection, which answers plain requests of programs by itself."""

    def __init__(self, server: Any, crowds: Crowds, body_limit: int, **options: Any) -> None:
        super().__init__(server, **options)
        self._app = crowds.app
        self._crowds = crowds
        # What the request belongs to that is being answered.
        self._crowd: Crowd | None = None
        self._body_limit = body_limit
        # What the connection's task waits for, hidden from all others while a request is here: so
        # nobody takes the connection for idle, and what comes meanwhile waits in the queue.
        self._idle: asyncio.Future[None] | None = None
        # A request whose body is still to come, with who will answer it, and the end of patience.
        self._pending: tuple[ApiRequest, ApiHandler, Crowd | None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._answering: asyncio.Task[None] | None = None
        # What has come before the connection's task was back at its waiting place.
        self._early: bytes | None = None
        self._has_stopped_reading = False

    def data_received(self, data: bytes) -> None:
        """
        Take in *data*; answer the request in it here, where it is a plain one.

        When a connection begins, and for a turn of the loop after each answer of aiohttp's, the
        connection's task is on its way to where it waits, and would take the message itself: who
        sends the next request at once would go aiohttp's way for ever. So data is kept for that
        turn.
        """
        if self._early is not None:
            self._early += data
            if len(self._early) > MAX_EARLY_BYTES:
                self._read_no_further()
        elif self._waiter is None and not self._is_at_work():
            self._early = data
            self._loop.call_soon(self._take_early)
        elif not self._is_at_work() and self._crowds.is_put_off(data, self._take_early):
            self._early = data
        else:
            self._take(data)

    def eof_received(self) -> None:
        """Take in what is kept: nothing comes behind it."""
        self._take_early()
        super().eof_received()

    def _is_at_work(self) -> bool:
        return self._idle is not None or self._request_in_progress or bool(self._messages)

    def _take_early(self) -> None:
        data, self._early = self._early, None
        if self._has_stopped_reading:
            self._has_stopped_reading = False
            if self.transport is not None and not self.transport.is_closing():
                self.transport.resume_reading()
        if data is not None:
            self._take(data)

    def _read_no_further(self) -> None:
        # Not by `pause_reading`, which is about a body that the parser is in.
        if not self._has_stopped_reading and self.transport is not None:
            self.transport.pause_reading()
            self._has_stopped_reading = True

    def _take(self, data: bytes) -> None:
        if self._idle is not None:
            super().data_received(data)
            if self._pending is not None:
                self._go_on()
            return
        idle = self._waiter
        if idle is None or idle.done():  # the connection's task is at work
            super().data_received(data)
            return
        self._idle, self._waiter = idle, None
        super().data_received(data)
        if not self._messages:
            self._let_go()
        elif len(self._messages) > 1:
            self._pass_on()
        elif not self._refuse_at_once():
            try:
                self._pending = self._plain_request(*self._messages[0])
            except Exception:  # noqa: BLE001  a broken script, say; that is told on aiohttp's way
                self._pending = None
            self._go_on()

    def close(self) -> None:
        """Take in what is kept, since it came before the end, and end after the answer to it."""
        self._take_early()
        super().close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the connection's task too where it waits for a body that will not come."""
        self._early = None
        super().connection_lost(exc)
        if self._idle is not None and self._answering is None:
            self._let_go().cancel()

    def _go_on(self) -> None:
        """Answer the pending request, if all of it is there; wait a moment for a short body,
        which many clients send behind the head; else leave it to the connection's task."""
        if self._pending is None:
            self._pass_on()
            return
        request, handler, crowd = self._pending
        _, payload = self._messages[0]
        if payload.is_eof():
            if not self._refuse_at_once():
                self._begin(request, handler, crowd)
        elif (request.content_length or 0) > MAX_SMALL_BODY:
            self._pass_on()  # there the key is looked at before the body
        elif self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self._pass_on)

    def _refuse_at_once(self) -> bool:
        """Refuse the message that is here where it is one too many, and return whether it was.
        Nothing has been looked at, and no task is made for it."""
        message, payload = self._messages[0]
        # Who does not read what is written is not written to without end.
        if self._paused or type(message) is not RawRequestMessage or not payload.is_eof():
            return False
        # Whoever is to go to another worker is told so by an answer.
        if message.should_close or message.upgrade or self._is_leaving() or self.transport is None:
            return False
        refusal = self._crowds.refusal(message)
        if refusal is None:
            return False
        self._take_message()
        self.transport.write(refusal)
        self._end()
        return True

    def _take_message(self) -> StreamReader:
        """Take the message out of the queue, as the connection's task would; return its body."""
        _, payload = self._messages.popleft()
        assert self._parser is not None
        assert self._manager is not None
        self._parser.message_consumed()
        self._manager.requests_count += 1
        return payload

    def _pass_on(self) -> None:
        idle = self._let_go()
        if not idle.done():
            idle.set_result(None)

    def _let_go(self) -> "asyncio.Future[None]":
        """Give the connection back to its task; return what that waits for."""
        if self._patience is not None:
            self._patience.cancel()
        assert self._idle is not None
        idle = self._waiter = self._idle
        self._idle = self._pending = self._patience = None
        return idle

    def _plain_request(
        self, message: Any, payload: StreamReader
    ) -> tuple[ApiRequest, ApiHandler, Crowd | None] | None:
        """Return the request in *message* with who answers it; None where that is not done here."""
        if not is_plain(message):
            return None
        method, raw_path, headers = message.method, message.path, message.headers
        path, has_query, _ = raw_path.partition("?")
        target = self._app[WEB_PATHS].find(path)
        endpoint = direct_endpoint(target)
        if endpoint is None or endpoint.direct is None or method not in endpoint.methods:
            return None
        length = headers.get("Content-Length")
        request = ApiRequest()
        request.app, request.headers, request.host = self._app, headers, headers["Host"]
        request.method, request.path, request.raw_path = method, path, raw_path
        request.remote, request.client_max_size = self._remote(), self._body_limit
        # What aiohttp has for none.
        request.content_type = JSON if "Content-Type" in headers else "application/octet-stream"
        request.content_length = None if length is None else int(length)
        request.body_exists = payload is not EMPTY_PAYLOAD
        if has_query:
            request.query, request.query_string = message.url.query, message.url.query_string
        else:
            request.query, request.query_string = NO_QUERY, ""
        return request, endpoint.direct, self._crowds.of(method, path, target, endpoint)

    def _remote(self) -> str | None:
        peer = self.peername
        return str(peer[0]) if isinstance(peer, list | tuple) else peer

    def _begin(self, request: ApiRequest, handler: ApiHandler, crowd: Crowd | None) -> None:
        """Do what the connection's task does with a message that it takes, and begin to answer."""
        if self._patience is not None:
            self._patience.cancel()
        self._pending = self._patience = None
        payload = self._take_message()
        # All of it, unread; `read_nowait` would call data_received.
        request.body = b"".join(payload._buffer) if request.body_exists else b""
        self._request_in_progress = True
        if crowd is not None:
            crowd.count += 1
            self._crowd = crowd
        self._answering = self._loop.create_task(self._answer(request, handler))

    async def _answer(self, request: ApiRequest, handler: ApiHandler) -> None:
        try:
            answer = await guard_directly(request, handler)
            body = answer.body = body_bytes(answer.body, answer.content_type)
            if may_change(body, answer.headers):
                answer = await transfer_answer(request, answer, body)
            # What is here already is answered too: whoever sent it knew of no end.
            is_last = self._is_leaving() and not self._messages
            data = answer_bytes(answer, request.context.request_id, is_last=is_last)
            self._close = self._close or is_last
            transport = self.transport
            if transport is None or transport.is_closing():
                return  # whoever asked has gone; what was asked for has happened
            transport.write(data)
            if self._paused:
                await self._drain_helper()
        except ConnectionError:
            self.force_close()
        except Exception as exc:  # noqa: BLE001  as aiohttp does: the connection ends, the rest goes on
            self.log_exception("Unhandled exception", exc_info=exc)
            self.force_close()
        except BaseException:
            self.force_close()
            raise
        finally:
            self._end()

    def _end(self) -> None:
        """Give the connection back to its task: to end, to take the next message, or to wait."""
        if self._crowd is not None:
            self._crowd.count -= 1
            self._crowd = None
        self._answering = None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        idle = self._let_go()
        if idle.done():
            return
        if self._close or self._force_close:
            idle.cancel()
            if self.transport is not None:
                self.transport.close()
            return
        loop = self._loop
        self._next_keepalive_close_time = loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        if self._messages:
            idle.set_result(None)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  aiohttp's
        """Let what is being answered end; what has not within *timeout* seconds is cancelled."""
        if self._pending is not None:
            self._let_go().cancel()  # its body is not read any more
        await super().shutdown(timeout)
        if self._answering is not None:
            self._answering.cancel()
