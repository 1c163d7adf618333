"""The fields of a form that a browser sends, each of them text."""

from collections.abc import Iterable
from email.message import Message
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web

from app.base.catalogue.requests import (
    BODY_TOO_MANY_PARTS,
    FORM_NOT_IN_CHARSET,
    FORM_VALUE_NOT_TEXT,
    NO_FILES_HERE,
)
from app.web.plain_request import PlainRequest

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
FORM_TYPES = (URLENCODED, MULTIPART)
# aiohttp reads a thousand fields of either type, but takes up to half a millisecond for each
# part of the second without letting anybody else on. No page has a form of so many fields.
MAX_PARTS = 100


async def read_form(request: web.Request, source: web.Request) -> dict[str, Any]:
    """
    Return the fields of the form in the body of *source*, which is *request* or a copy that takes
    more. A repeated name becomes a list.

    Raises BadRequest `no_files_here` and `bad_form`, AppError 413 `body_too_large`, what aiohttp
    raises for a body that is no such form.
    """
    values: dict[str, Any] = {}
    if source.content_type == MULTIPART:
        source = await _of_some_parts(request, source)
    elif b"%" in (raw := await source.read()):
        _refuse_other_bytes(raw, source.charset or "utf-8")
    for name, value in (await source.post()).items():
        if isinstance(value, web.FileField):
            value.file.close()
            raise NO_FILES_HERE(name=name[:64])
        if isinstance(value, bytes | bytearray):
            raise FORM_VALUE_NOT_TEXT(name=name[:64])
        collect(values, [(name, value)])
    return values


async def _of_some_parts(request: web.Request, source: web.Request) -> web.Request:
    """Return *source* with its body read, if that has MAX_PARTS parts at most."""
    assert isinstance(request, PlainRequest)
    raw = await source.read()
    head = Message()
    head["Content-Type"] = request.headers["Content-Type"]
    boundary = head.get_boundary("").encode("utf-8", "surrogateescape")
    if raw.count(b"--" + boundary) > MAX_PARTS + 1:  # one more ends the last part
        raise BODY_TOO_MANY_PARTS(limit=MAX_PARTS)
    return request.with_body(raw, source.client_max_size)


def _refuse_other_bytes(raw: bytes, charset: str) -> None:
    """Raise BadRequest for bytes of a form that are no text: they would become replacement
    characters."""
    for field in raw.split(b"&"):
        name, _, value = (unquote_to_bytes(part) for part in field.partition(b"="))
        try:
            name.decode(charset)
            value.decode(charset)
        except UnicodeDecodeError as exc:
            before = bytes(exc.object[: exc.start]).decode(charset)
            raise FORM_NOT_IN_CHARSET(
                name=name.decode(charset, "replace")[:64],
                charset=charset,
                line=before.count("\n") + 1,
                column=len(before) - before.rfind("\n"),
            ) from None


def collect(values: dict[str, Any], pairs: Iterable[tuple[str, Any]]) -> None:
    """Put *pairs* into *values*; a repeated name becomes a list."""
    for name, value in pairs:
        if name not in values:
            values[name] = value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]
