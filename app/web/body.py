"""
What a request carries, its query and its body, read within limits of time, size and number.

What the head tells is looked at first, so that nothing is asked for or waited for that would not be
taken. Bodies are unpacked here and not by aiohttp, which goes on unpacking after a refusal, and
answers a coding that it does not know, or bytes that are none, as no HTTP. Replaces ahserver's
reader, which takes broken JSON for no parameters, files for everybody and bodies of 1 GB (UP-1 to
UP-6, BODY-1/2).
"""

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.http import HttpProcessingError, HttpVersion11

from app.access.api_request import AnyRequest, ApiRequest
from app.access.request_context import CONTEXT, SETTINGS
from app.base.catalogue.requests import (
    BAD_BODY,
    BAD_FORM,
    BAD_JSON,
    BAD_QUERY,
    BODY_INCOMPLETE,
    BODY_NOT_OF_ITS_CODING,
    BODY_TOO_LARGE,
    BODY_TOO_MANY_VALUES,
    BODY_TOO_SLOW,
    NO_FILE_OR_JSON,
    NO_FORM_OR_JSON,
    NO_MEDIA_TYPE,
    NO_MEDIA_TYPE_OF_FORM,
    TOO_MANY_NAMES,
    UNKNOWN_EXPECTATION,
    UNSUPPORTED_ENCODING,
    UNSUPPORTED_MEDIA_TYPE,
)
from app.base.contributions import Contributions
from app.base.errors import AppError
from app.base.json_codec import JsonError, parse_json
from app.records.file_types import XLSX_TYPE
from app.web.form import FORM_TYPES, collect, read_form
from app.web.plain_request import PlainRequest

CODINGS = ("gzip", "x-gzip", "deflate")
# So that nobody waits for the body of another: these take the longest to read (UP-5). Forms are
# held to less (app/web/form.py).
MAX_VALUES = 100_000
MAX_NAMES = 1_000
# Of a caller who has not signed in, where no key is looked up first: much more than a name and a
# password, and read in some milliseconds.
STRANGERS_BODIES = (65_536, 1_000)
FILE_TYPES = frozenset({"application/octet-stream", "text/csv", XLSX_TYPE})
# To read and check so much takes no longer than to look a key up.
MAX_SMALL_BODY = 4096
# What takes longer to read than others should wait for.
MAX_READ_IN_LOOP = 65_536
# A file that was packed in parts is several of them in a row.
MAX_GZIP_MEMBERS = 16
# What the runtime adds to every request; integers by bricks-contract 2.1.
_WHOLE_PARAMETERS = ("_webbricks_", "_is_mobile", "_width", "_height")


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """
    How much the body for the script at `path` may have, where that is more than usual; whether it
    may be a file, which is held in memory (`RequestContext.file_body`).
    """

    path: str
    max_bytes: int
    max_values: int
    takes_file: bool = False


BODY_LIMITS = Contributions(BodyLimit, lambda limit: limit.path)


def check_head(request: AnyRequest) -> tuple[int, int]:
    """
    Return how many bytes, and in JSON how many values, the body of *request* may have.

    Refuse by its head alone a body that would not be taken: AppError 413 `body_too_large`, 415
    `unsupported_encoding` and `unsupported_media_type`.
    """
    limits = _limits(request)
    max_bytes, _ = limits
    length = request.content_length
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    if "Content-Encoding" in request.headers:
        _coding(request)
    if length is not None:  # else there may be nothing in it
        check_media_type(request)
    return limits


def check_media_type(request: AnyRequest) -> None:
    """Raise AppError 415 unless the body is JSON, a form where no program is asking, or a file
    where one is taken."""
    kind = request.content_type
    if kind == "application/json" or _is_file(request):
        return
    content_type = request.headers.get("Content-Type", "").strip()
    forms = not request[CONTEXT].is_for_programs
    if content_type and forms and (kind in FORM_TYPES or kind.endswith("+json")):
        return
    kind = kind[:100]
    if content_type and _takes_file(request):
        refusal = NO_FILE_OR_JSON(kind=kind)
    elif content_type:
        refusal = (NO_FORM_OR_JSON if forms else UNSUPPORTED_MEDIA_TYPE)(kind=kind)
    else:
        refusal = (NO_MEDIA_TYPE_OF_FORM if forms else NO_MEDIA_TYPE)()
    raise refusal


def may_be_large(request: AnyRequest) -> bool:
    """Return whether the body is, or may prove to be when it is read, more than MAX_SMALL_BODY
    bytes."""
    length = request.content_length
    return length is None or length > MAX_SMALL_BODY or "Content-Encoding" in request.headers


async def answer_expectation(request: web.Request) -> None:
    """Ask for the body of a caller who waits to be asked (`Expect: 100-continue`)."""
    if request.headers["Expect"].lower() != "100-continue":
        raise UNKNOWN_EXPECTATION()
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # Else the answer itself would count as begun.
        request.writer.output_size = 0
    request[CONTEXT].has_asked_for_body = True


def leave_unread(request: web.Request, refusal: AppError, response: web.StreamResponse) -> None:
    """
    Close the connection after *response* where the rest of the body is not to be waited for: it is
    too large or too slow, or its sender waits to be asked for it.
    """
    context = request[CONTEXT]
    waits = "Expect" in request.headers and not context.has_asked_for_body
    if refusal.status in (408, 413) or waits:
        response.force_close()
        context.left_unread = True  # see app/server/protocol.py


async def read_parameters(request: AnyRequest, limits: tuple[int, int] | None) -> dict[str, Any]:
    """
    Query and body as one dictionary; the body wins. A repeated name becomes a list.

    *limits* as `check_head` returns them, None where there is no body to read.

    Sets `json_body` or `file_body` of the request's context. Raises BadRequest `bad_json`,
    `bad_body`, `bad_form`, `bad_query`, `no_files_here`; AppError 408, 413 and 415.
    """
    params: dict[str, Any] = {}
    if request.query_string:
        _check_query(request)
        collect(params, request.query.items())
    if limits is None:
        pass
    elif isinstance(request, ApiRequest):
        params |= _whole_body(request, limits)
    elif request.content.is_eof():  # all of it has come with the head, as small ones do
        params |= await _read_body(request, *limits)
    else:
        params |= await _body_in_time(request, limits)
    for name in _WHOLE_PARAMETERS:
        if name in params and not isinstance(params[name], int):
            text = str(params[name])
            params[name] = int(text) if text.isdecimal() and len(text) < 7 else 0
    return params


def _check_query(request: AnyRequest) -> None:
    raw = request.raw_path.partition("?")[2]
    if "%" not in raw:
        return
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise BAD_QUERY() from None


async def _body_in_time(request: web.Request, limits: tuple[int, int]) -> dict[str, Any]:
    seconds = request.app[SETTINGS].options.body_seconds
    try:
        async with asyncio.timeout(seconds):
            return await _read_body(request, *limits)
    except TimeoutError:
        raise BODY_TOO_SLOW(seconds=seconds) from None


def _limits(request: AnyRequest) -> tuple[int, int]:
    """Return how many bytes, and in JSON how many values, the body of *request* may have."""
    usual = (request.client_max_size, MAX_VALUES)
    context = request[CONTEXT]
    if not context.actor.signed_in and not context.is_for_programs:
        return min(usual, STRANGERS_BODIES)
    limit = _own_limit(request)
    return usual if limit is None else (limit.max_bytes, limit.max_values)


def _own_limit(request: AnyRequest) -> BodyLimit | None:
    target = request[CONTEXT].target
    return None if target is None else BODY_LIMITS.get(target.url)


def _takes_file(request: AnyRequest) -> bool:
    limit = _own_limit(request)
    return limit is not None and limit.takes_file


def _is_file(request: AnyRequest) -> bool:
    kind = request.content_type
    return kind in FILE_TYPES and "Content-Type" in request.headers and _takes_file(request)


def _too_large(max_bytes: int) -> AppError:
    return BODY_TOO_LARGE(limit=max_bytes)


def _admitting(request: web.Request, max_bytes: int) -> web.Request:
    """Return *request* itself, or where another length is taken than usual one that reads so
    much."""
    if max_bytes == request.client_max_size:
        return request
    return request.clone(client_max_size=max_bytes)


async def _read_body(request: web.Request, max_bytes: int, max_values: int) -> dict[str, Any]:
    try:
        if "Content-Encoding" in request.headers:
            source = await _unpack_body(request, max_bytes)
        else:
            source = _admitting(request, max_bytes)
        return await _parse_body(request, source, max_values)
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(max_bytes) from None
    except ConnectionError:
        # Nobody is there to read it; without it the log would have a fault of ours.
        raise BODY_INCOMPLETE() from None
    except JsonError as exc:
        raise BAD_JSON(exc.message) from None
    except (LookupError, ValueError, AssertionError, RuntimeError, HttpProcessingError) as exc:
        raise BAD_FORM() from exc


def _coding(request: AnyRequest) -> str | None:
    """Return how the body is packed, one of CODINGS, or None; raises AppError 415."""
    names = ",".join(request.headers.getall("Content-Encoding", ())).lower().split(",")
    codings = [name.strip() for name in names if name.strip() not in ("", "identity")]
    if not codings:
        return None
    if len(codings) == 1 and codings[0] in CODINGS:
        return codings[0]
    raise UNSUPPORTED_ENCODING(
        headers={"Accept-Encoding": "gzip, deflate"}, coding=", ".join(codings)[:100]
    )


async def _unpack_body(request: web.Request, max_bytes: int) -> web.Request:
    """Return *request* with its body unpacked; raises BadRequest `bad_body`,
    HTTPRequestEntityTooLarge."""
    assert isinstance(request, PlainRequest)
    coding = _coding(request)
    packed = await request.clone(client_max_size=max_bytes).read()
    if coding is None:
        return request.with_body(packed, max_bytes)
    try:
        if max_bytes > request.client_max_size:
            data = await asyncio.to_thread(unpack, packed, coding, max_bytes)
        else:
            data = unpack(packed, coding, max_bytes)
    except zlib.error:
        raise BODY_NOT_OF_ITS_CODING(coding=coding) from None
    if data is None:
        raise web.HTTPRequestEntityTooLarge(max_bytes)
    return request.with_body(data, max_bytes)


def unpack(packed: bytes, coding: str, max_bytes: int) -> bytes | None:
    """
    Return *packed*, one of CODINGS, unpacked; None when that is more than *max_bytes*: nothing is
    unpacked beyond them. Raises zlib.error when it is not of that coding, or not whole.
    """
    if coding == "deflate":
        # By RFC 9110 with zlib's head; some senders leave it out.
        has_head = packed[:1] and packed[0] & 15 == 8 and int.from_bytes(packed[:2]) % 31 == 0
        bits = zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS
    else:
        bits = zlib.MAX_WBITS | 16
    data = b""
    for _ in range(1 if coding == "deflate" else MAX_GZIP_MEMBERS):
        reader = zlib.decompressobj(bits)
        data += reader.decompress(packed, max_bytes + 1 - len(data))
        if len(data) > max_bytes:
            return None
        packed = reader.unused_data
        if not reader.eof:
            break
        if not packed:
            return data
    raise zlib.error("not whole, or more behind its end")


async def _parse_body(request: web.Request, source: web.Request, max_values: int) -> dict[str, Any]:
    """Parse the body of *source*, which is *request* or a copy that takes more."""
    kind = request.content_type
    if kind in FORM_TYPES and "Content-Type" in request.headers:
        check_media_type(request)
        return await read_form(request, source)
    raw = await source.read()
    if _is_file(request):
        request[CONTEXT].file_body = raw
        return {}
    if not raw:
        return {}
    if request.content_length is None:  # else its head has been checked
        check_media_type(request)
    if len(raw) > MAX_READ_IN_LOOP:
        return await asyncio.to_thread(_take_json, request, raw, max_values)
    return _take_json(request, raw, max_values)


def _whole_body(request: ApiRequest, limits: tuple[int, int]) -> dict[str, Any]:
    """Parse the body that has come with its head, JSON that `check_head` has let in."""
    raw, (max_bytes, max_values) = request.body or b"", limits
    if len(raw) > max_bytes:
        raise _too_large(max_bytes)
    try:
        return _take_json(request, raw, max_values) if raw else {}
    except JsonError as exc:
        raise BAD_JSON(exc.message) from None


def _take_json(request: AnyRequest, raw: bytes, max_values: int) -> dict[str, Any]:
    if raw.count(b",") > max_values:
        raise BODY_TOO_MANY_VALUES(limit=max_values)
    body = parse_json(raw)
    if not isinstance(body, dict):
        raise BAD_BODY()
    if len(body) > MAX_NAMES:
        raise TOO_MANY_NAMES(most=MAX_NAMES)
    request[CONTEXT].json_body = body
    return body
