"""What the peers that are raw aiohttp have in common."""

import asyncio
import hashlib
import logging
from typing import Any

from aiohttp import web

from tests.bench.peers.answers import Refused, body


def digest(request: web.Request) -> str:
    return hashlib.sha256(request.headers["Authorization"][7:].encode()).hexdigest()


def hashed(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@web.middleware
async def refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Refused as exc:
        return web.Response(
            body=body({"code": exc.code, "status": exc.status}),
            status=exc.status, content_type="application/problem+json",
        )  # fmt: skip


async def listen(app: web.Application, port: int) -> None:
    """Serve *app* until the process ends; several may listen on one port."""
    # Clients hang up in mid-request when their time is over, and aiohttp would tell of each.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_port=True).start()
    await asyncio.Event().wait()
