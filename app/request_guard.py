"""
What every request passes first and every answer last: one middleware.

Order: request id, caller's address, host name, path in its one spelling, session, right to the
path and to the file behind it, origin of writes, parameters; then the handler; then errors into
answers and security headers. Replaces ahserver's four middlewares, and its parameter reader that
takes broken JSON for no parameters, files for everybody and 1 GB bodies (UP-1 to UP-6, BODY-1/2).
"""

import asyncio
import ipaddress
import itertools
import json
import logging
import re
import secrets
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http import HttpProcessingError, HttpVersion11

from app.actor import Actor
from app.answers import USUAL_HEADERS, is_page
from app.errors import AppError, BadRequest, Forbidden
from app.file_types import XLSX_TYPE
from app.messages import pick_language

log = logging.getLogger("pipeline.request")

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
# So that nobody waits for the body of another: these take the longest to read (UP-5). Forms are
# held to a thousand fields by aiohttp.
MOST_VALUES = 100_000
MOST_NAMES = 1_000
# The paths that take more, as (bytes, values).
LARGE_BODIES = {
    "/appbase/import_rows.dspy": (8 * 1_048_576, 400_000),
    # A file of 5 MB at most, which grows when it is put into JSON or a form.
    "/pipeline_core/api/pipeline_import.dspy": (16 * 1_048_576, 1_000_000),
    "/pipeline_core/api/pipeline_import_view.dspy": (16 * 1_048_576, 1_000_000),
}
# The paths that take a file as the body; it is held in memory, in `request["file_body"]`.
FILE_PATHS = frozenset({"/appbase/import_rows.dspy"})
FILE_TYPES = frozenset({"application/octet-stream", "text/csv", XLSX_TYPE})
DEEPEST = 100
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_LANGUAGE_HEADER = "Accept-Language"
# What the runtime adds to every request; integers by bricks-contract 2.1.
_WHOLE_PARAMETERS = ("_webbricks_", "_is_mobile", "_width", "_height")


class Callers:
    """Where requests really come from: the peer, or what a trusted proxy says."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(cidr) for cidr in trusted_proxies]

    def address(self, request: web.Request) -> str:
        """The caller's IP address; X-Forwarded-For is believed only from trusted proxies."""
        peer = _unmapped(request.remote or "")
        if not self._trusted or not self._is_trusted(peer):
            return peer
        # A proxy may add its word as a line of its own, after what the caller made up.
        said = ",".join(request.headers.getall("X-Forwarded-For", ()))
        hops = [_unmapped(hop.strip()) for hop in said.split(",")]
        for hop in reversed([hop for hop in hops if hop]):
            if not self._is_trusted(hop):
                return hop if _is_address(hop) else peer
        return peer

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self._trusted)


def _unmapped(address: str) -> str:
    """*address*, an IPv4 one as such where a socket for both kinds tells it as `::ffff:1.2.3.4`."""
    if not address.lower().startswith("::ffff:"):
        return address
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return address if mapped is None else str(mapped)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# Random per process, counted within it: unique, and cheaper than random bytes for each request.
_PROCESS_ID = secrets.token_hex(5)
_request_numbers = itertools.count(1)


def own_request_id(request: web.BaseRequest) -> str:
    """The caller's X-Request-Id when it is well-formed, else a new one."""
    given = request.headers.get("X-Request-Id")
    if given is not None and _REQUEST_ID.match(given):
        return given
    return f"{_PROCESS_ID}{next(_request_numbers):08x}"


def language(request: web.Request) -> str:
    """`_lang` of the query, else Accept-Language; pages without either are Chinese."""
    wanted, asked_by_page = None, False
    if request.query_string:
        wanted = request.query.get("_lang")
        asked_by_page = "_webbricks_" in request.query
    default = "zh" if asked_by_page or wants_page(request) else "en"
    return pick_language(wanted or request.headers.get(_LANGUAGE_HEADER), default)


def wants_page(request: web.Request) -> bool:
    """Whether a browser was sent here by its user (not by a script of a page)."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def check_host(request: web.Request, allowed: frozenset[str]) -> None:
    """Refuse host names that nobody configured: they would end up in links and cookies."""
    if _host_name(request.host) not in allowed:
        raise BadRequest(
            "unknown_host",
            "This server does not answer to the host name in the request. Its operator can add it"
            " to pipeline.allowed_hosts in conf/config.json.",
        )


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def check_origin(request: web.Request) -> None:
    """Refuse writes that a browser makes for another site (kernel B4)."""
    if request.method in ("GET", "HEAD"):
        return
    # Programs with a key come from anywhere; a session is believed from our own pages only.
    headers = request.headers
    if ("Authorization" in headers or "X-API-Key" in headers) and "Cookie" not in headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else False
    if origin is not None and not foreign:
        foreign = urlsplit(origin).netloc.lower() != request.host.lower()
    if foreign:
        raise Forbidden(
            "cross_site", "The request comes from another site. Open this site and try again there."
        )


async def answer_expectation(request: web.Request) -> None:
    """Ask for the body of a caller who waits to be asked (`Expect: 100-continue`)."""
    if request.headers["Expect"].lower() != "100-continue":
        raise AppError(
            "unknown_expectation", "Only 100-continue can be expected here.", status=417
        )
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # Else the answer itself would count as begun.
        request.writer.output_size = 0


async def read_parameters(request: web.Request, seconds: float) -> dict[str, Any]:
    """
    Query and body as one dictionary; the body wins. A repeated name becomes a list.

    Sets `request["json_body"]` (the object, or None). Raises BadRequest `bad_json`, `bad_body`,
    `bad_form`, `no_files_here`; AppError 413 and 415.
    """
    request["json_body"] = None
    params: dict[str, Any] = {}
    if request.query_string:
        _collect(params, request.query.items())
    if request.method == "POST" and request.body_exists:
        params |= await _body_in_time(request, seconds)
    for name in _WHOLE_PARAMETERS:
        if name in params and not isinstance(params[name], int):
            text = str(params[name])
            params[name] = int(text) if text.isdecimal() and len(text) < 7 else 0
    return params


async def _body_in_time(request: web.Request, seconds: float) -> dict[str, Any]:
    if request.content.is_eof():  # all of it has come with the head, as small ones do
        return await _read_body(request)
    try:
        async with asyncio.timeout(seconds):
            return await _read_body(request)
    except TimeoutError:
        raise AppError(
            "body_too_slow",
            "The body did not arrive within {seconds} s.",
            status=408,
            seconds=int(seconds),
        ) from None


def _limits(request: web.Request) -> tuple[int, int]:
    """How many bytes, and in JSON how many values, the body of *request* may have."""
    return LARGE_BODIES.get(_path(request), (request.client_max_size, MOST_VALUES))


def _path(request: web.Request) -> str:
    return request["target"].url if request.get("target") else ""


def _admitting(request: web.Request, most_bytes: int) -> web.Request:
    """*request* itself, or where its path takes a larger body one that reads so much."""
    if most_bytes == request.client_max_size:
        return request
    return request.clone(client_max_size=most_bytes)


async def _read_body(request: web.Request) -> dict[str, Any]:
    most_bytes, most_values = _limits(request)
    try:
        return await _parsed_body(request, _admitting(request, most_bytes), most_values)
    except web.HTTPRequestEntityTooLarge:
        raise AppError(
            "body_too_large",
            "The body is larger than {limit} bytes. Send less at a time.",
            status=413,
            limit=most_bytes,
        ) from None
    except ConnectionError:
        # Nobody is there to read it; without it the log would have a fault of ours.
        raise BadRequest(
            "body_incomplete", "The connection ended before the whole body had arrived."
        ) from None
    except (LookupError, ValueError, AssertionError, RuntimeError, HttpProcessingError) as exc:
        raise BadRequest("bad_form", "The body cannot be read as its content type says.") from exc


async def _parsed_body(
    request: web.Request, source: web.Request, most_values: int
) -> dict[str, Any]:
    """The body of *source*, which is *request* or a copy that takes more."""
    kind = request.content_type
    if kind in FORM_TYPES and "Content-Type" in request.headers:
        return _form(await source.post())
    raw = await source.read()
    if kind in FILE_TYPES and "Content-Type" in request.headers and _path(request) in FILE_PATHS:
        request["file_body"] = raw
        return {}
    if not raw:
        return {}
    if kind != "application/json" and not kind.endswith("+json"):
        raise AppError(
            "unsupported_media_type",
            "Send the body as application/json or as a form, not as {kind}.",
            status=415,
            kind=kind[:100],
        )
    if raw.count(b",") > most_values:
        raise AppError(
            "body_too_large",
            "The body has more than {limit} values. Send less at a time.",
            status=413,
            limit=most_values,
        )
    if len(raw) > request.client_max_size:
        # One of the few paths that take so much: others are served between reading and acting.
        body = await asyncio.to_thread(parse_json, raw)
    else:
        body = parse_json(raw)
    if not isinstance(body, dict):
        raise BadRequest("bad_body", "The body must be a JSON object.")
    if len(body) > MOST_NAMES:
        raise BadRequest("bad_body", "The body names more than {most} fields.", most=MOST_NAMES)
    request["json_body"] = body
    return body


# How JSON spells a half of a surrogate pair.
_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN; fractions become Decimal so that no digit is lost."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        if _HALF_LETTER.search(text):
            _refuse_half_letters(value)
        if raw.count(b"[") + raw.count(b"{") > DEEPEST:
            _refuse_deep(value)
        return value
    except json.JSONDecodeError as exc:
        raise BadRequest(
            "bad_json",
            "The body is not valid JSON: line {line}, column {column}.",
            line=exc.lineno,
            column=exc.colno,
        ) from None
    except (UnicodeDecodeError, ValueError, RecursionError, ArithmeticError):
        raise BadRequest("bad_json", "The body is not valid JSON text in UTF-8.") from None


def _refuse_half_letters(value: Any) -> None:
    # JSON can spell one half of a surrogate pair, which no answer, log or column can hold.
    json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")


def _refuse_deep(value: Any) -> None:
    """What looks at parameters at any depth would end in a fault of its own."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise BadRequest(
        "bad_json", "The body has more than {depth} levels of nesting.", depth=DEEPEST
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _form(posted: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in posted.items():
        if isinstance(value, web.FileField):
            value.file.close()
            raise BadRequest("no_files_here", "No file can be sent here ({name}).", name=name[:64])
        if isinstance(value, bytes | bytearray):
            raise BadRequest("bad_form", "{name} is not text.", name=name[:64])
        _collect(values, [(name, value)])
    return values


def _collect(values: dict[str, Any], pairs: Iterable[tuple[str, Any]]) -> None:
    for name, value in pairs:
        if name not in values:
            values[name] = value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]


def with_context(actor: Actor, request: web.Request) -> Actor:
    """*actor* with what this request adds: address, request id, language."""
    return Actor(
        actor.user_id,
        actor.username,
        actor.org_id,
        actor.roles,
        request["client_ip"],
        request["request_id"],
        request["lang"],
    )


def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on that every answer has."""
    headers = response.headers
    headers["X-Request-Id"] = request["request_id"]
    if "Referrer-Policy" in headers:
        return  # made by json_response, which starts with all of them
    for name, value in USUAL_HEADERS.items():
        if name not in headers:
            headers[name] = value


__all__ = [
    "Callers",
    "answer_expectation",
    "check_host",
    "check_origin",
    "finish",
    "is_page",
    "language",
    "own_request_id",
    "parse_json",
    "read_parameters",
    "wants_page",
    "with_context",
]
