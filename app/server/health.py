"""/healthz, /readyz and /metrics."""

import asyncio
import hmac
import logging

import aiomysql
from aiohttp import web

from app.access.request_context import CONTEXT, SETTINGS
from app.base.addresses import read_address
from app.base.catalogue.requests import METRICS_FORBIDDEN
from app.base.errors import AppError
from app.base.i18n import translate
from app.base.secrets import WatchedSecret
from app.base.version import version
from app.db.host_clock import require_right_clock
from app.db.transactions import reading
from app.server.metrics import REQUEST_METRICS
from app.server.parent_link import PARENT
from app.server.schema_gate import REFUSALS, SCHEMA_GATE
from app.web.responses import json_response

log = logging.getLogger("pipeline.health")

METRICS_TOKEN = web.AppKey("pipeline.metrics_token", WatchedSecret)
# Whoever watches this gives up after two seconds.
READY_SECONDS = 1.5
FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")


async def healthz(request: web.Request) -> web.Response:
    """Say that the process lives, of which version it is, and how many workers there are and had
    to be started again."""
    link = request.app[PARENT]
    return json_response(
        {
            "status": "ok",
            "version": version(),
            "workers": link.workers,
            "restarts": sum(link.restarts.values()),
        }
    )


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 if the database answers, its tables are the models' and its clock is this host's;
    else 503 and why. No longer than two seconds, on no connection that calls could have."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            async with reading("sage", for_health=True) as sor:
                await sor.sqlExe("select 1 from permission limit 1", {})
            refusal = REFUSALS.get(await request.app[SCHEMA_GATE].look())
            if refusal is not None:
                raise refusal()
            async with reading(for_health=True) as sor:
                await require_right_clock(sor)
    except TimeoutError:
        return _not_ready(f"The database did not answer within {READY_SECONDS} s.")
    except AppError as exc:
        return _not_ready(translate(exc.text, request[CONTEXT].lang))
    except aiomysql.MySQLError as exc:
        log.warning("a table cannot be read: %s", exc)
        return _not_ready(
            "A table cannot be read; the log says which. If it is missing, run start.sh."
        )
    return json_response({"status": "ready"})


async def metrics(request: web.Request) -> web.Response:
    """Counters in Prometheus' text format; with the token, or from this machine without a proxy."""
    sent_token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = request.app[METRICS_TOKEN].value()
    if not _is_private(request) and not hmac.compare_digest(_bytes(sent_token), _bytes(token)):
        raise METRICS_FORBIDDEN()
    numbers = request.app[REQUEST_METRICS]
    text = await asyncio.to_thread(numbers.text, numbers.current())
    return json_response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_private(request: web.Request) -> bool:
    """Return whether a program on this machine asks, and no proxy on it can be asking for
    others."""
    if request.app[SETTINGS].is_behind_proxy:
        return False
    peer = read_address(request.remote or "")
    # A proxy on this machine that nobody told us of would make everybody local.
    forwarded = any(name in request.headers for name in FORWARDED)
    return peer is not None and peer.is_loopback and not forwarded


def _bytes(text: str) -> bytes:
    # A header may hold any bytes.
    return text.encode("utf-8", "surrogateescape")


def _not_ready(why: str) -> web.Response:
    return json_response({"status": "not ready", "detail": why}, 503)
