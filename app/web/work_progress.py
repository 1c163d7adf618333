"""
Work that takes longer than somebody waits in the dark: its progress is sent while it goes on.

Whoever asks for `_progress` gets JSON Lines: `{"step", "done", "total"}` while it changes, and at
last `{"data"}` or, as a problem document, `{"error"}`. Others get the answer alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectionResetError, web

from app.access.request_context import CONTEXT
from app.base.catalogue.requests import INTERNAL_ERROR
from app.base.errors import AppError
from app.base.json_codec import json_bytes
from app.web.responses import AS_IT_COMES, USUAL_HEADERS, json_response, problem_document

log = logging.getLogger("pipeline.request")

LINES_TYPE = "application/x-ndjson"
_SECONDS_BETWEEN = 0.2


@dataclass
class Progress:
    """How far a piece of work is: `done` of `total` in its `step`; the worker sets them."""

    step: str = ""
    done: int = 0
    total: int = 0


Work = Callable[[Progress], Awaitable[dict[str, Any]]]


async def answer_with_progress(
    request: web.Request, params: Mapping[str, Any], work: Work
) -> web.StreamResponse:
    """
    Answer the `{data}` that *work* gives; with `_progress` in *params* in lines.

    When the caller goes away from the lines, *work* is cancelled.
    """
    if not params.get("_progress"):
        return json_response({"data": await work(Progress())})
    headers = USUAL_HEADERS.copy()
    headers["Content-Type"] = LINES_TYPE
    headers["X-Request-Id"] = request[CONTEXT].request_id
    headers.update(AS_IT_COMES)
    response = web.StreamResponse(headers=headers)
    progress = Progress()
    task = asyncio.ensure_future(work(progress))
    try:
        await response.prepare(request)
        await _send_progress(response, task, progress)
        await response.write(json_bytes(await _outcome(request, task)) + b"\n")
        await response.write_eof()
    except ClientConnectionResetError:
        log.info("the caller did not wait for the end")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return response


async def _send_progress(
    response: web.StreamResponse, task: asyncio.Future[dict[str, Any]], progress: Progress
) -> None:
    last = None
    while not task.done():
        state = {"step": progress.step, "done": progress.done, "total": progress.total}
        if state != last and progress.step:
            await response.write(json_bytes(state) + b"\n")
            last = state
        await asyncio.wait([task], timeout=_SECONDS_BETWEEN)


async def _outcome(request: web.Request, task: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
    context = request[CONTEXT]
    try:
        return {"data": await task}
    except AppError as exc:
        error = exc
    except Exception:
        # The answer has begun: what the guard does for others is done here.
        log.exception(
            "request failed",
            extra={"action": "request_failed", "request_id": context.request_id},
        )
        error = INTERNAL_ERROR()
    return {"error": problem_document(error, context.lang, context.request_id)}
