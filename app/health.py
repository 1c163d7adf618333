"""/healthz, /readyz and /metrics."""

import hmac
import ipaddress
import logging

import aiomysql
from aiohttp import web

from app.answers import json_response
from app.database import reading
from app.errors import AppError, Forbidden
from app.messages import say
from app.migrate import schema_is_current

log = logging.getLogger("pipeline.health")

FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")


async def healthz(request: web.Request) -> web.Response:
    """The process lives."""
    return json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """The database answers and its tables are those of the models; else 503 and why."""
    try:
        async with reading("sage") as sor:
            await sor.sqlExe("select 1 from permission limit 1", {})
        async with reading() as sor:
            if not await schema_is_current(sor):
                return _not_ready("The tables are not current. Run manage.py migrate.")
    except AppError as exc:
        return _not_ready(say(exc.text, request["lang"]))
    except aiomysql.MySQLError as exc:
        log.warning("a table cannot be read: %s", exc)
        return _not_ready(
            "A table cannot be read; the log says which. If it is missing, run start.sh."
        )
    return json_response({"status": "ready"})


async def metrics(request: web.Request) -> web.Response:
    """Counters in Prometheus' text format; from this machine, or with the token."""
    token = request.app["metrics_token"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    local = ipaddress.ip_address(request["client_ip"] or "0.0.0.0").is_loopback
    # A proxy on this machine that nobody told us of would make everybody local.
    local = local and not any(name in request.headers for name in FORWARDED)
    if not local and not (token and hmac.compare_digest(_bytes(given), _bytes(token))):
        raise Forbidden(
            "forbidden", "Metrics are for this machine, or with pipeline.metrics_token."
        )
    return json_response(
        request.app["metrics"].text(), content_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _bytes(text: str) -> bytes:
    # A header may hold any bytes.
    return text.encode("utf-8", "surrogateescape")


def _not_ready(why: str) -> web.Response:
    return json_response({"status": "not ready", "detail": why}, 503)
