"""What is answered straight from the HTTP parser, and what that relies on."""

import asyncio
import hashlib
import inspect

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.streams import StreamReader

from app.modules import connect_modules
from app.server.answer_bytes import answer_bytes
from app.server.direct import is_plain, unknown_internals
from app.server.dspy import compile_script
from app.web.endpoint import answering
from app.web.responses import Answer

HANDLER = web.RequestHandler
# Of aiohttp 3.14.5. Where one differs, read what has changed against app/server/direct.py and its
# tests (tests/unit/test_direct_protocol.py), then put the new number here.
FINGERPRINTS = {
    HANDLER.__init__: "46c577d1f419158f",
    HANDLER.connection_made: "44d50b5763b2c7e4",
    HANDLER.connection_lost: "df2fe6e95fd04c7c",
    HANDLER.data_received: "1ee57ebe052e6c80",
    HANDLER.start: "2e565fd40c8e04fb",
    HANDLER._handle_request: "a88a34ee65a2714c",
    HANDLER.shutdown: "5eb4bd473db61e84",
    HANDLER.close: "84518f965e198ee3",
    HANDLER.force_close: "38d0e1e798e4d3b7",
    HANDLER._process_keepalive: "b472e0fb8445ce42",
    HANDLER._resume_reading_if_drained: "27f2a6fbbb3a790e",
    BaseProtocol.resume_reading: "21dee847a31af724",
    BaseProtocol._drain_helper: "43a2da08aabcc94f",
    StreamReader.feed_data: "7548cdda3ea70bf8",
    StreamReader.feed_eof: "01592f4473c176b3",
    web.Server: "8c9d06ee1abd08e5",
}


def test_this_aiohttp_has_what_is_relied_on():
    assert unknown_internals() == set()


@pytest.mark.parametrize("code", FINGERPRINTS, ids=lambda code: code.__qualname__)
def test_the_code_that_is_relied_on_has_not_changed(code):
    assert hashlib.sha256(inspect.getsource(code).encode()).hexdigest()[:16] == FINGERPRINTS[code]


CALLS = b"/pipeline_dist/v1/calls"
JSON = b"Content-Type: application/json"
PLAIN = [
    (b"GET /pipeline_dist/v1/me", []),
    (b"GET /pipeline_dist/v1/calls?call_no=1&x=%20", [b"Accept: text/html", b"Origin: http://y"]),
    (b"GET /pipeline_dist/v1/me", [b"Content-Length: 0", b"X-Forwarded-For: 1.2.3.4"]),
    (b"POST " + CALLS, [JSON, b"Content-Length: 2"]),
    (b"POST " + CALLS, [JSON + b"; charset=UTF-8", b"Content-Length: 65536"]),
    (b"POST " + CALLS, []),
]
UNUSUAL = [
    (b"GET /healthz", []),
    (b"GET /pipeline_dist/distributors/", []),
    (b"GET http://x/pipeline_dist/v1/me", []),
    (b"GET //pipeline_dist/v1/me", []),
    (b"GET /pipeline_dist/v1/%6de", []),
    (b"GET /pipeline_dist/v1/me/", []),
    (b"GET /pipeline_dist/v1/./me", []),
    (b"GET /pipeline_dist/v1/me;x", []),
    (b"GET /pipeline_dist/v1/me", [b"Cookie: a=b"]),
    (b"GET /pipeline_dist/v1/me", [b"Connection: close"]),
    (b"GET /pipeline_dist/v1/me", [b"Connection: Upgrade", b"Upgrade: websocket"]),
    (b"GET /pipeline_dist/v1/me", [b"Upgrade: h2c"]),
    (b"GET /pipeline_dist/v1/me", [JSON, b"Content-Length: 2"]),
    (b"HEAD /pipeline_dist/v1/me", [JSON, b"Content-Length: 2"]),
    (b"POST " + CALLS, [JSON, b"Content-Length: 65537"]),
    (b"POST " + CALLS, [JSON, b"Transfer-Encoding: chunked"]),
    (b"POST " + CALLS, [JSON, b"Content-Length: 2", b"Content-Encoding: gzip"]),
    (b"POST " + CALLS, [JSON, b"Content-Length: 2", b"Content-Encoding: odd"]),
    (b"POST " + CALLS, [JSON, b"Content-Length: 2", b"Expect: 100-continue"]),
    (b"POST " + CALLS, [JSON + b"x", b"Content-Length: 2"]),
    (b"POST " + CALLS, [JSON + b"; charset=latin-1", b"Content-Length: 2"]),
    (b"POST " + CALLS, [b"Content-Type: text/plain", b"Content-Length: 2"]),
]


async def parse(head: bytes, lines: list[bytes], version: bytes = b"1.1"):
    """The message that aiohttp's parser makes."""
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, auto_decompress=False)
    text = b"\r\n".join([head + b" HTTP/" + version, b"Host: x", *lines])
    ((message, _),), _, _ = parser.feed_data(text + b"\r\n\r\n")
    return message


@pytest.mark.parametrize(("head", "lines"), PLAIN)
async def test_these_are_plain(head, lines):
    connect_modules()

    assert is_plain(await parse(head, lines))
    assert not is_plain(await parse(head, lines, b"1.0"))


@pytest.mark.parametrize(("head", "lines"), UNUSUAL)
async def test_these_are_not_plain(head, lines):
    connect_modules()

    assert not is_plain(await parse(head, lines))


def test_only_a_script_that_does_nothing_else_may_be_passed_by():
    @answering("GET")
    async def endpoint(request, params):
        raise AssertionError

    def is_doorway(text: str) -> bool:
        return compile_script(text, "x.dspy", {"endpoint": endpoint}).is_doorway

    assert is_doorway("return await endpoint(request, params_kw)\n")
    for other in (
        "return endpoint(request, params_kw)",
        "return await endpoint(request, {})",
        "return await endpoint(params_kw, request)",
        "return await endpoint(request, params_kw, x=1)",
        "x = 1\nreturn await endpoint(request, params_kw)",
        "return (await endpoint(request, params_kw)) or 1",
    ):
        assert not is_doorway(other), other


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\x00b", "a\x7f"])
def test_a_header_is_one(value):
    with pytest.raises(ValueError, match="control character"):
        answer_bytes(Answer({}, headers={"X-Own": value}), "id")


def test_a_header_of_ones_own_wins_over_the_usual_one():
    text = answer_bytes(Answer({}, headers={"cache-control": "max-age=1"}), "id").decode()

    assert text.lower().count("cache-control") == 1
    assert "max-age=1" in text
