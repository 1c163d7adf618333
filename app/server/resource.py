"""
The resource that serves the web root.

Replaces ahserver's ProcessorResource: its per-request data sits on the one shared object, so that
requests in parallel run with each other's user, host and file (CC-1 to CC-9, B6). Here everything
about a request is on the request.
"""

import asyncio
from pathlib import Path
from typing import Any

from ahserver.baseProcessor import getProcessor
from ahserver.processorResource import ProcessorResource
from aiohttp import web

from app.access.paths import STATIC_TYPES
from app.access.request_context import CONTEXT
from app.base.catalogue.requests import NOT_FOUND
from app.base.refusals import MethodNotAllowed
from app.server.guard import guard
from app.web.packing import tag_of

READ_METHODS = ("GET", "HEAD")
# Text files that the front-end build has not packed beforehand, and how long they may be to be
# packed when they are asked for.
_TEXTS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}
_MAX_TEXT_BYTES = 1_048_576


class PipelineResource(ProcessorResource):
    """
    One root, no look-up in parent folders; every request of any method and path comes here.

    So nothing is answered without the guard, not even what aiohttp itself would refuse (D8).
    """

    def __init__(self, directory: str, indexes: list[str], processors: list[Any]) -> None:
        super().__init__("", directory, indexes=indexes, processors=processors)
        self.inherit = False
        self._processors = {suffix: getProcessor(name)("", self) for suffix, name in processors}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer *request*, or say why not; the server's one handler (app/server/runner.py)."""
        return await guard(request, self._serve)

    # What aiohttp's own router would call: no other way than the guard's.
    _handle = handle

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        target = request[CONTEXT].target
        if target is None:
            raise NOT_FOUND()
        processor = self._processors.get(target.suffix)
        if processor is not None:
            response: web.StreamResponse = await processor.handle(request)
            return response
        if target.suffix not in STATIC_TYPES:
            raise NOT_FOUND()
        if request.method not in READ_METHODS:
            raise MethodNotAllowed(request.method, "GET")
        if target.immutable:
            lasting = "public, max-age=31536000, immutable"
            return web.FileResponse(target.file, headers={"Cache-Control": lasting})
        if target.suffix in _TEXTS:
            text = await asyncio.to_thread(_short_text, target.file)
            if text is not None:
                return await _file_of_text(text, target.suffix)
        return web.FileResponse(target.file, headers={"Cache-Control": "no-cache"})

    async def path_call(self, request: web.Request, path: str, params: Any = None) -> Any:
        """Not offered: one script calls another's function, not its URL (CC-2, CC-7, CC-8)."""
        raise NOT_FOUND()


def _short_text(file: Path) -> bytes | None:
    return file.read_bytes() if file.stat().st_size <= _MAX_TEXT_BYTES else None


async def _file_of_text(text: bytes, suffix: str) -> web.Response:
    headers = {
        "Content-Type": f"{_TEXTS[suffix]}; charset=utf-8",
        "Cache-Control": "no-cache",
        "ETag": await tag_of(text),
    }
    return web.Response(body=text, headers=headers)
