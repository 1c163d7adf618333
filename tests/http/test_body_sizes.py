"""How much of a body is read and unpacked, and of whom."""

import gzip
import json
import socket
import zlib
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.raw_http import RawAnswer, send_raw
from tests.support.refusals import refusal_of
from tests.support.selling import make_pipeline, make_reseller

# Well-formed, with a checksum that anybody can make, and nobody's.
# In two parts, so that nobody takes it for one that leaked.
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
API = "/pipeline_dist/v1"
CREATE = "/pipeline_core/api/pipelines_create.dspy"


# Packed bodies


@pytest.fixture(scope="module")
def key(server: Installation) -> str:
    """Of a distributor."""
    return make_reseller(server, make_pipeline(server.admin)).key


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "": bytes,
    "identity, gzip": gzip.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_packed_body_is_read_like_any_other(admin: httpx.Client, coding: str):
    fields = {"code": "Not A Code", "name": "名"}
    multipart = b'--b\r\nContent-Disposition: form-data; name="code"\r\n\r\nNot A Code\r\n--b--\r\n'
    for body, kind in (
        (json.dumps(fields).encode(), "application/json"),
        (urlencode(fields).encode(), FORM["Content-Type"]),
        (multipart, "multipart/form-data; boundary=b"),
    ):
        headers = {"Content-Type": kind, "Content-Encoding": coding}
        answer = admin.post(CREATE, content=CODINGS[coding](body), headers=headers)

        errors = refusal_of(answer, 400, "invalid_fields")["errors"]
        assert ("/code", "bad_pattern") in {(e["pointer"], e["code"]) for e in errors}


@pytest.mark.parametrize("url", [f"{API}/quote", f"{API}/calls", CREATE, "/login.dspy"])
def test_what_cannot_be_unpacked_is_told(server, admin, key, url):
    api = url.startswith(API)
    client = server.anonymous() if api else admin
    usual = JSON | ({"X-API-Key": key, "Idempotency-Key": "packed"} if api else {})
    whole = gzip.compress(b'{"a": 1}')
    for coding, body in (
        ("gzip", b"abc"), ("gzip", whole[:-3]), ("gzip", whole + b"x"), ("gzip", b'{"a": 1}'),
        ("deflate", b'{"a": 1}'), ("deflate", whole), ("gzip", zlib.compress(b"{}")),
    ):  # fmt: skip
        headers = usual | {"Content-Encoding": coding}
        refusal_of(client.post(url, content=body, headers=headers), 400, "bad_body")
    for coding in ("br", "zstd", "foo", "compress", "gzip, gzip", "gzip, br", "gzip;q=1"):
        headers = usual | {"Content-Encoding": coding}
        answer = client.post(url, content=whole, headers=headers)
        problem = refusal_of(answer, 415, "unsupported_encoding")
        assert answer.headers["Accept-Encoding"] == "gzip, deflate"
        assert coding in problem["detail"]
        if api:
            stranger = client.post(url, content=b"abc", headers=headers | {"X-API-Key": "no"})
            refusal_of(stranger, 401, "invalid_key")


def exchange(server: Installation, head: list[str], body: bytes = b"") -> RawAnswer:
    """One POST, byte for byte, read until the server closes."""
    lines = [*head, f"Host: {urlsplit(server.base_url).netloc}", "", ""]
    return send_raw(server.base_url, "\r\n".join(lines).encode() + body, timeout=60)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("url", ["/login.dspy", f"{API}/quote"])
def test_a_declared_length_over_the_limit_is_refused_at_once(server, key, url, waits):
    head = [f"POST {url} HTTP/1.1", "Content-Type: application/json", "Content-Length: 2000000",
            f"X-API-Key: {key}", *(["Expect: 100-continue"] if waits else [])]  # fmt: skip

    answer = exchange(server, head)  # nothing of the body is sent

    assert (answer.status, json.loads(answer.body)["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"  # and it ended: the answer was read to there


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Content-Type: text/plain", "Content-Length: 9"], 415),
        (["Content-Type: application/json", "Content-Length: 9", "Content-Encoding: br"], 415),
        (["Content-Type: application/json", "Content-Length: 5000", "X-API-Key: no"], 401),
    ],
)
def test_who_waits_to_be_asked_for_the_body_is_not_asked_in_vain(server, key, lines, status):
    key_line = [] if status == 401 else [f"X-API-Key: {key}"]
    head = [f"POST {API}/quote HTTP/1.1", "Expect: 100-continue", *lines, *key_line]

    answer = exchange(server, head)

    assert answer.status == status  # and no 100 before it
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("kind", ["application/json", FORM["Content-Type"],
                                  "multipart/form-data; boundary=b"])  # fmt: skip
def test_a_gigabyte_in_a_megabyte_is_not_unpacked(
    server: Installation, admin: httpx.Client, coding: str, kind: str
):
    """The autouse fixture sees that no worker stood still: 1 GB takes a second to unpack."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    pieces = [packer.compress(b" " * 10_000_000) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "12"]
    packed = pieces[0] + pieces[1] * 99
    assert len(packed) < 1_048_576
    # Of a stranger so much would not be read at all.
    session = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    head = [f"POST {CREATE} HTTP/1.1", f"Content-Type: {kind}", f"Content-Encoding: {coding}",
            f"Content-Length: {len(packed)}", f"Cookie: {session}"]  # fmt: skip

    answer = exchange(server, head, packed)

    assert (answer.status, json.loads(answer.body)["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_after_a_refusal_nothing_more_is_read(server: Installation):
    """The sender of an endless body is cut off, not listened to."""
    place = urlsplit(server.base_url)
    with socket.create_connection((place.hostname or "", place.port or 80), 60) as connection:
        connection.sendall(
            f"POST /login.dspy HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        size = 0
        try:
            while size < 50_000_000:
                connection.sendall(chunk)
                size += 65_536
        except ConnectionError:
            pass
    # 1 MiB is read; the rest filled what the two ends keep of a connection.
    assert size < 50_000_000


def test_strangers_send_no_more_than_a_name_and_a_password_need(server: Installation, admin):
    """What costs a worker half a second to read is read for those who are known only."""
    many = json.dumps({"username": "nobody", "password": "x", "z": [1] * 2000})
    long = json.dumps({"username": "nobody", "password": "x", "z": "x" * 70_000})
    packed = {"Content-Encoding": "gzip"}
    for headers, body in (
        (JSON, many.encode()), (JSON, long.encode()), (JSON | packed, gzip.compress(long.encode())),
        (FORM, urlencode({"username": "x" * 70_000}).encode()),
    ):  # fmt: skip
        answer = server.anonymous().post("/login.dspy", content=body, headers=headers)
        refusal_of(answer, 413, "body_too_large")
    # A thousand values are no reason to refuse who is known.
    refusal_of(admin.post(CREATE, content=many, headers=JSON), 400, "invalid_fields")
    refusal_of(admin.post(CREATE, content=long, headers=JSON), 400, "invalid_fields")
