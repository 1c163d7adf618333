"""
What is answered where no request could be read: bytes that are no HTTP, headers too long.

Replaces aiohttp's own answer, which repeats the bytes it was sent and has none of the headers
that every answer of ours has (kernel D2, D5).
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError

from app.access.request_context import CONTEXT, RequestContext
from app.base.catalogue.requests import BAD_HTTP, INTERNAL_ERROR
from app.base.errors import AppError
from app.base.log_repeats import log_failure
from app.server.metrics import REQUEST_METRICS
from app.server.request_log import REQUEST_LOG
from app.web.request import own_request_id
from app.web.responses import PROBLEM_TYPE, json_response, problem_document

log = logging.getLogger("pipeline.request")

# Of a body that is refused: twice what is taken at most, for as long as a line takes to deliver it.
MAX_DISCARDED_BYTES = 16 * 2**20
MAX_DISCARD_SECONDS = 2.0


class ProblemProtocol(web.RequestHandler):
    """aiohttp's handler of one connection, with errors in our words."""

    # Whether the connection ends with the next answer: it is one too many.
    has_one_answer = False

    def _is_leaving(self) -> bool:
        return self.has_one_answer or getattr(self._manager, "is_leaving", False)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a problem document and close the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is on its way already")
        if status >= 500:
            if exc is not None:
                log_failure(log, "request_failed", "request failed", exc)
            error = INTERNAL_ERROR(status=status)
        else:
            error = BAD_HTTP(status=status)
        request_id = own_request_id(request)
        self._note(request, request_id, error)
        answer = json_response(
            problem_document(error, "en", request_id), status, {"X-Request-Id": request_id},
            PROBLEM_TYPE,
        )  # fmt: skip
        answer.force_close()
        return answer

    def _note(self, request: web.BaseRequest, request_id: str, error: AppError) -> None:
        """Count and log what came no further than to here."""
        app = getattr(self._manager, "app", None)
        if app is None or REQUEST_METRICS not in app or CONTEXT in request:
            return
        context = RequestContext(
            request_id, str(request.remote or ""), "en", is_for_programs=False, params={}
        )
        context.refusal_code = error.code
        app[REQUEST_METRICS].count(context.endpoint, error.status, 0.0)
        app[REQUEST_LOG].add(request, context, context.endpoint, error.status, 0.0)

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Send the answer, the connection's last one where this worker ends; what is left unread of
        the body (`leave_unread`) is not waited for."""
        if self._is_leaving() and not self._messages and not resp.prepared:
            resp.force_close()
        # Bytes that are no request have no context.
        context = request.get(CONTEXT)
        if context is not None and context.left_unread:
            return self._finish_and_close(request, resp, start_time)
        return super().finish_response(request, resp, start_time)

    async def _finish_and_close(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        result = await super().finish_response(request, resp, start_time)
        await _discard(request.content)
        self.force_close()
        return result


async def _discard(body: StreamReader) -> None:
    """
    Let pass by, within limits, what is on its way of a body that nobody will read.

    To close before it has come would take the answer back: the kernel resets such a connection, and
    a proxy that still sends tells its caller 502.
    """
    rest = MAX_DISCARDED_BYTES
    # A body that broke off, or is none, has no more to come.
    with suppress(OSError, HttpProcessingError, web.RequestPayloadError):
        async with asyncio.timeout(MAX_DISCARD_SECONDS):  # its TimeoutError is an OSError
            while rest > 0 and not body.at_eof():
                rest -= len(await body.readany())
