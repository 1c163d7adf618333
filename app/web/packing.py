"""
What becomes of an answer on its last step: packed with gzip for those who take that, and 304 for
those who have it.

An answer that clients may keep has an `ETag`, set by whoever makes it (`with_tag`) and made of its
bytes. Packed it is another representation, with a tag of its own (RFC 9110 8.8.3.3). Brotli is for
the files that the front-end build packs beforehand: for answers made at the moment it would save a
tenth more, for a library and more time than gzip takes.

Not packed is what holds a secret (`SECRET_HEADERS`): beside something that a stranger may choose,
its length would tell of the secret (BREACH).
"""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from app.access.api_request import AnyRequest
from app.web.responses import Answer, body_bytes

# What is smaller fits into a packet or two anyhow.
MIN_PACKED_BYTES = 1_024
# What takes about a millisecond; more is packed and hashed in a thread.
MAX_IN_LOOP_BYTES = 32_768
_LEVEL = 5
_PACKED_KINDS = frozenset(
    """
    application/javascript application/json application/manifest+json application/problem+json
    image/svg+xml text/css text/csv text/html text/javascript text/plain
    """.split()
)
# `no-transform`, since a proxy should not pack it either.
SECRET_HEADERS = {"Cache-Control": "no-store, no-transform"}
_KEPT = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Transfer:
    """How an answer is sent: its status, headers besides or in place of its own, its body."""

    status: int
    headers: dict[str, str]
    body: bytes


async def with_tag(answer: Answer, vary: str | None = None) -> Answer:
    """Return *answer* as one that clients may keep and ask for again by its tag; *vary* names a
    header of requests that it depends on."""
    body = body_bytes(answer.body, answer.content_type)
    headers = {**answer.headers, "Cache-Control": _KEPT, "ETag": await tag_of(body)}
    if vary is not None:
        headers["Vary"] = vary
    return Answer(body, answer.status, headers, answer.content_type)


async def tag_of(body: bytes) -> str:
    """Return the strong tag of these bytes, unpacked."""
    return await asyncio.to_thread(_tag, body) if len(body) > MAX_IN_LOOP_BYTES else _tag(body)


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def may_change(body: bytes, headers: Mapping[str, str]) -> bool:
    """Return whether `transfer` may have to do with an answer of these bytes at all."""
    return len(body) >= MIN_PACKED_BYTES or "ETag" in headers


async def transfer(
    request: AnyRequest, status: int, headers: Mapping[str, str], content_type: str, body: bytes
) -> Transfer:
    """Return how an answer of this *body* is sent to who asked for it."""
    own: dict[str, str] = {}
    is_packed = False
    if _can_be_packed(headers, content_type, body):
        own["Vary"] = _vary(headers)
        is_packed = takes_gzip(", ".join(request.headers.getall("Accept-Encoding", ())))
    tag = headers.get("ETag")
    if tag is not None and is_packed:
        tag = own["ETag"] = f'{tag[:-1]}-gzip"'
    if tag is not None and status == 200 and _has_it(request, tag):
        return Transfer(304, own, b"")
    if is_packed:
        own["Content-Encoding"] = "gzip"
        body = await _packed(body)
    return Transfer(status, own, body)


async def transfer_answer(request: AnyRequest, answer: Answer, body: bytes) -> Answer:
    """Return *answer*, whose bytes are *body*, as it is sent."""
    result = await transfer(request, answer.status, answer.headers, answer.content_type, body)
    return Answer(
        result.body, result.status, {**answer.headers, **result.headers}, answer.content_type
    )


async def transfer_response(
    request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    """Return *response* as it is sent; one that is written bit by bit, or is a file, as it is."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or not may_change(body, response.headers):
        return response
    assert isinstance(response, web.Response)
    kind = response.headers.get("Content-Type", "")
    result = await transfer(request, response.status, response.headers, kind, body)
    response.headers.update(result.headers)
    if result.status == 304:
        response.headers.popall("Content-Type", None)
    if result.status != response.status:
        response.set_status(result.status)
    response.body = result.body
    return response


def _can_be_packed(headers: Mapping[str, str], content_type: str, body: bytes) -> bool:
    return (
        len(body) >= MIN_PACKED_BYTES
        and content_type.partition(";")[0] in _PACKED_KINDS
        and "Content-Encoding" not in headers
        and "no-transform" not in headers.get("Cache-Control", "")
    )


def _vary(headers: Mapping[str, str]) -> str:
    others = headers.get("Vary")
    return f"{others}, Accept-Encoding" if others else "Accept-Encoding"


async def _packed(body: bytes) -> bytes:
    return await asyncio.to_thread(_pack, body) if len(body) > MAX_IN_LOOP_BYTES else _pack(body)


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)  # the same bytes for the same tag


@lru_cache(maxsize=256)
def takes_gzip(header: str) -> bool:
    """Return whether an Accept-Encoding of this value asks for gzip at least as much as for the
    answer as it is (RFC 9110 12.5.3)."""
    weights: dict[str, float] = {}
    for item in header.lower().split(","):
        coding, _, parameters = item.partition(";")
        weights[coding.strip()] = _weight(parameters)
    others = weights.get("*", 0.0)
    packed = max(weights.get("gzip", 0.0), weights.get("x-gzip", 0.0))
    if "gzip" not in weights and "x-gzip" not in weights:
        packed = others
    return packed > 0 and packed >= weights.get("identity", 0.0)


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value.strip())
    except ValueError:
        return 0.0  # what cannot be read is not asked for
    return weight if 0 <= weight <= 1 else 0.0


def _has_it(request: AnyRequest, tag: str) -> bool:
    """Return whether the client has the representation of this *tag* (RFC 9110 13.1.2)."""
    if request.method not in ("GET", "HEAD"):
        return False
    names = ",".join(request.headers.getall("If-None-Match", ()))
    tags = {name.strip().removeprefix("W/") for name in names.split(",")}
    return "*" in tags or tag in tags
