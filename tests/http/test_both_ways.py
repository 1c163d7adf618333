"""Straight from the parser or by aiohttp's way: the same bytes, whatever is asked and however."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import Installation
from tests.support.raw_keys import REVOKED, change_keys
from tests.support.selling import Reseller, link, make_distributor, make_pipeline, make_reseller

ME, CALLS = "/pipeline_dist/v1/me", "/pipeline_dist/v1/calls"
FINISH, QUOTE = f"{CALLS}/finish", "/pipeline_dist/v1/quote"
PIPELINES, USAGE = "/pipeline_dist/v1/pipelines", "/pipeline_dist/v1/usage"
JSON = "Content-Type: application/json"
ONE_GO = {"pipeline": "both", "status": "succeeded", "lines": [{"unit": "call", "quantity": 1}]}
# What differs from one answer to the next however it is made.
_OWN = re.compile(
    r"(?<=Date: )[^\r]+|(?<=X-Request-Id: )[0-9a-f]{18}|(?<=\"request_id\":\")[0-9a-f]{18}"
    r"|(?<=\"call_no\":\")[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=RateLimit-Reset: )\d+"
    r"|(?<=127.0.0.1:)\d+|(?<=ETag: \")[0-9a-f]{32}"
)


@dataclass(frozen=True)
class World:
    """Two workers on one database, and keys for them."""

    direct: ExtraWorker
    aiohttp: ExtraWorker
    key: str
    suspended: str
    elsewhere: str


@pytest.fixture(scope="module")
def world(
    server: Installation, admin: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    pipeline = make_pipeline(admin, "both", prices=[{"unit": "call", "unit_price": "2"}])
    reseller = make_reseller(server, pipeline, rate_limit_per_minute=100_000, quota_period="month",
                             quota_calls=100_000)  # fmt: skip
    elsewhere = make_reseller(server, pipeline, allowed_ips="10.0.0.0/8")
    suspended = make_reseller(server, pipeline)
    server.query(
        "update distributors set status='suspended' where id = %s", suspended.distributor["id"]
    )
    with ExitStack() as stack:
        straight, by_aiohttp = (
            stack.enter_context(
                extra_worker(
                    server, tmp_path_factory.mktemp("way"), direct_answers=direct_answers,
                    body_seconds=1, trusted_proxies=["127.0.0.2/32"],
                )
            )
            for direct_answers in (True, False)
        )  # fmt: skip
        world = World(straight, by_aiohttp, reseller.key, suspended.key, elsewhere.key)
        for name in ("both-1", "\u4e2d"):  # so that both ways answer a repetition
            lines = (JSON, f"Authorization: Bearer {world.key}", f"Idempotency-Key: {name}")
            talk(world.aiohttp, http(f"POST {CALLS}", *lines, body=ONE_GO))
        yield world


def talk(worker: ExtraWorker, request: bytes, *, count: int = 1, first: int | None = None) -> str:
    """What comes back on one connection to *request*, once the connection's task waits; *first*
    bytes of it are sent before the others."""
    place = urlsplit(worker.base_url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port), 15) as connection:
        # What comes with the connection is taken by its task; so one that is not counted goes
        # before.
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        receive(connection)
        if first is not None:
            connection.sendall(request[:first])
        connection.sendall(request[first:])
        return "".join(receive(connection) for _ in range(count))


def receive(connection: socket.socket) -> str:
    """The next answer on *connection*."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (chunk := connection.recv(1))
        if not chunk:
            return received.decode() + "(closed)"
    if b" 100 Continue" in received:
        return received.decode() + receive(connection)
    length = int(re.findall(rb"(?i)content-length: (\d+)", received)[0])
    while length:
        chunk = connection.recv(length)
        received, length = received + chunk, length - len(chunk)
        assert chunk
    return received.decode()


def http(
    line: str, *lines: str, body: bytes | str | dict | None = None, host: str = "127.0.0.1"
) -> bytes:
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    if isinstance(content, str):
        content = content.encode()
    head = [f"{line} HTTP/1.1", f"Host: {host}", *lines]
    if content is not None:
        head.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*head, "", ""]).encode() + (content or b"")


def check_same(world: World, request: bytes, **how: int) -> str:
    """Hold both ways' answers to *request* against each other; what they are."""
    one, other = (talk(worker, request, **how) for worker in (world.direct, world.aiohttp))
    assert _OWN.sub("…", one) == _OWN.sub("…", other)
    return one


GETS = [
    ME, f"{ME}?", f"{ME}?x=1", f"{ME}?_lang=zh", f"{ME}?x=%ff", f"{ME}?_webbricks_=1",
    f"{ME}?x=1&x=2&y", f"{ME}#a", f"{ME}?a#b", f"{ME}/", f"{ME}/x", f"/{ME}", "/pipeline_dist/v1",
    "/pipeline_dist/v1/%6de", "/pipeline_dist/v1/../v1/me", "/pipeline_dist/v1/ME",
    f"{ME}/index.dspy", f"{ME}.dspy", "/pipeline_dist/v2/me", "/pipeline_dist/v1/" + "x" * 600,
    PIPELINES, f"{PIPELINES}?code=both", f"{PIPELINES}?code=none", f"{PIPELINES}?rows=0",
    f"{PIPELINES}?rows=1&next=zz", USAGE, f"{USAGE}?group_by=day", f"{USAGE}?group_by=year",
    f"{USAGE}?from=x", CALLS, f"{CALLS}?call_no=none", f"{CALLS}?call_no=a&call_no=b", FINISH,
    "/pipeline_dist/v1/statements", "/pipeline_dist/v1/statement?month=2020-01",
    "/pipeline_dist/v1/openapi.json", "/pipeline_dist/v1/docs", QUOTE,
]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_reading(world, path):
    check_same(world, http(f"GET {path}", f"Authorization: Bearer {world.key}"))


HEADS = {
    "no key": [], "empty": ["Authorization: Bearer "], "malformed": ["X-API-Key: ppk_x"],
    "other scheme": ["Authorization: Basic {key}"], "own header": ["X-API-Key: {key}"],
    "both": ["X-API-Key: {key}", "Authorization: Bearer {key}"],
    "two": ["X-API-Key: {key}", "Authorization: Bearer {suspended}"],
    "suspended": ["Authorization: Bearer {suspended}"],
    "elsewhere": ["Authorization: Bearer {elsewhere}"],
    "bytes": ["Authorization: Bearer \u00e9\u4e2d"],
    "Chinese": ["Authorization: Bearer {key}", "Accept-Language: zh-CN,zh;q=0.9"],
    "refused in Chinese": ["Accept-Language: zh"], "a browser": ["Accept: text/html"],
    "request id": ["Authorization: Bearer {key}", "X-Request-Id: my-own.1"],
    "bad request id": ["Authorization: Bearer {key}", "X-Request-Id: a b"],
    "long request id": ["Authorization: Bearer {key}", "X-Request-Id: " + "x" * 65],
    "cookie": ["Authorization: Bearer {key}", "Cookie: pipeline_session=x.y"],
    "cookie alone": ["Cookie: a=b"], "origin": ["Authorization: Bearer {key}", "Origin: http://x"],
    "foreign": ["Origin: http://x"], "fetch": ["Sec-Fetch-Site: cross-site"],
    "forwarded": ["Authorization: Bearer {elsewhere}", "X-Forwarded-For: 10.0.0.1"],
    "proxy": ["Authorization: Bearer {key}", "Via: 1.1 x", "Forwarded: for=1.1.1.1"],
    "close": ["Authorization: Bearer {key}", "Connection: close"],
    "keep": ["Authorization: Bearer {key}", "Connection: keep-alive"],
    "upgrade": ["Authorization: Bearer {key}", "Upgrade: h2c"],
    "continue": ["Authorization: Bearer {key}", "Expect: 100-continue"],
    "expectation": ["Authorization: Bearer {key}", "Expect: magic"],
    "type without body": ["Authorization: Bearer {key}", JSON],
    "range": ["Authorization: Bearer {key}", "Range: bytes=0-1", "If-None-Match: *"],
}  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("kind", HEADS)
def test_heads(world, kind, method):
    keys = {"key": world.key, "suspended": world.suspended, "elsewhere": world.elsewhere}
    lines = [line.format(**keys) for line in HEADS[kind]]
    if method == "HEAD":
        lines.append("Connection: close")  # a length without a body
        one, other = (
            _OWN.sub("…", send_to_end(worker, http(f"HEAD {ME}", *lines)))
            for worker in (world.direct, world.aiohttp)
        )
        assert one == other
        return
    check_same(world, http(f"{method} {ME}", *lines))


def send_to_end(worker: ExtraWorker, request: bytes) -> str:
    place = urlsplit(worker.base_url)
    with socket.create_connection((place.hostname, place.port), 15) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received.decode()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "LOCALHOST", "evil.example", "", "[::1]:80", "a b"]
)
def test_hosts(world, host):
    check_same(world, http(f"GET {ME}", f"Authorization: Bearer {world.key}", host=host))
    check_same(world, http(f"GET {ME}", host=host))


BODIES = {
    "once": ONE_GO, "empty": "", "nothing": None, "no object": "[]", "null": "null",
    "broken": '{"pipeline":', "broken Chinese": '{"品": }', "twice": '{"a":1,"a":2}',
    "no text": b'{"a":"\xff"}', "mark": b"\xef\xbb\xbf{}", "half": '{"a":"\\ud800"}',
    "NaN": '{"a":NaN}', "deep": "[" * 200 + "]" * 200, "number": '{"a":1e999999999}',
    "unknown": {"pipeline": "both", "x": 1}, "typed": {"pipeline": 1, "lease_seconds": "x"},
    "no line": {**ONE_GO, "lines": []}, "odd unit": {**ONE_GO, "lines": [{"unit": "x"}]},
    "unknown line": {**ONE_GO, "pipeline": "none"}, "step": {
        **ONE_GO, "lines": [{"unit": "call", "quantity": 1, "step_key": "none"}]},
    "names": json.dumps({f"n{n}": 1 for n in range(1_200)}),
    "values": '{"a":[' + "1," * 30_000 + "1]}", "long": '{"a":"' + "x" * 65_000 + '"}',
    "longer": '{"a":"' + "x" * 70_000 + '"}', "too long": '{"a":"' + "x" * 1_100_000 + '"}',
    "small": '{"pipeline":"both","client_ref":"' + "x" * 3_000 + '"}',
    "blanks": "  {} ", "parameters": {"_lang": "zh", "_webbricks_": "1"},
}  # fmt: skip
TYPES = [JSON, "Content-Type: application/json; charset=UTF-8", "Content-Type: text/plain",
         "Content-Type: application/x-www-form-urlencoded", "X-None: 1"]  # fmt: skip


@pytest.mark.parametrize("path", [CALLS, FINISH, QUOTE, f"{CALLS}?x=1", ME, PIPELINES])
@pytest.mark.parametrize("name", BODIES)
def test_bodies(world, name, path):
    for lines in ([f"Authorization: Bearer {world.key}", "Idempotency-Key: both-1"], []):
        check_same(world, http(f"POST {path}", JSON, *lines, body=BODIES[name]))


@pytest.mark.parametrize("kind", TYPES)
def test_content_types(world, kind):
    key = f"Authorization: Bearer {world.key}"
    for body in ('{"a":1}', "", None):
        check_same(world, http(f"POST {CALLS}", kind, key, "Idempotency-Key: t", body=body))
        check_same(world, http(f"GET {ME}", kind, key, body=body))


@pytest.mark.parametrize(
    "lines",
    [[], ["Idempotency-Key: "], ["Idempotency-Key: a", "Idempotency-Key: b"],
     ["Idempotency-Key: " + "x" * 300], ["Idempotency-Key: \u4e2d"]],
)  # fmt: skip
def test_idempotency_keys(world, lines):
    key = f"Authorization: Bearer {world.key}"
    check_same(world, http(f"POST {CALLS}", JSON, key, *lines, body=ONE_GO))


def test_a_call_from_its_begin_to_its_end(world):
    key = f"Authorization: Bearer {world.key}"
    ends = []
    for number, worker in enumerate((world.direct, world.aiohttp)):
        lines = [JSON, key, f"Idempotency-Key: begun-{number}"]
        begin = talk(worker, http(f"POST {CALLS}", *lines, body={"pipeline": "both"}))
        call_no = json.loads(begin.partition("\r\n\r\n")[2])["call_no"]
        end = {"call_no": call_no, "status": "succeeded", "lines": ONE_GO["lines"]}
        texts = [
            begin,
            talk(worker, http(f"POST {CALLS}", *lines, body={"pipeline": "both"})),
            talk(worker, http(f"POST {CALLS}", *lines, body=ONE_GO)),
            talk(worker, http(f"POST {FINISH}", JSON, key, body=end)),
            talk(worker, http(f"POST {FINISH}", JSON, key, body=end)),
            talk(worker, http(f"POST {FINISH}", JSON, key, body={**end, "status": "failed"})),
            talk(worker, http(f"GET {CALLS}?call_no={call_no}", key)),
        ]
        own = re.compile(r"Remaining: \d+|duration_ms\":\d+|Content-Length: \d+")
        ends.append([own.sub("…", _OWN.sub("…", text)) for text in texts])
    assert ends[0] == ends[1]
    assert [text.split()[1] for text in ends[0]] == [
        "201",
        "201",
        "422",
        "200",
        "200",
        "409",
        "200",
    ]


@pytest.mark.parametrize("first", [1, 20, 200, -1])
def test_requests_in_pieces(world, first):
    key = f"Authorization: Bearer {world.key}"
    check_same(
        world, http(f"POST {CALLS}", JSON, key, "Idempotency-Key: both-1", body=ONE_GO), first=first
    )


def test_requests_in_a_row(world):
    key = f"Authorization: Bearer {world.key}"
    booking = http(f"POST {CALLS}", JSON, key, "Idempotency-Key: both-1", body=ONE_GO)
    check_same(world, booking * 3 + http(f"GET {ME}", key) + booking, count=5)


BROKEN = [
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /pipeline_dist/v1/me HTTP/1.0\r\n\r\n",
    b"GET /pipeline_dist/v1/me HTTP/1.1\r\n\r\n",
    b"GET /pipeline_dist/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: b\r\n\r\n",
    b"GET /pipeline_dist/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nX : 1\r\n\r\n",
    b"GET /pipeline_dist/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nX: 1\x00\r\n\r\n",
    b"GET http://127.0.0.1/pipeline_dist/v1/me HTTP/1.1\r\nHost: evil\r\n\r\n",
    b"GET http://evil/pipeline_dist/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    # A body that does not come: 408.
    b"POST /pipeline_dist/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{}",
]


@pytest.mark.parametrize("request_bytes", BROKEN, ids=range(len(BROKEN)))
def test_what_is_hardly_http(world, request_bytes):
    check_same(world, request_bytes)


def test_a_revoked_key_is_none_for_the_next_request_of_the_connection(world, server, admin):
    distributor = make_distributor(admin)
    pipeline = make_pipeline(admin, "revoked", prices=[{"unit": "call", "unit_price": "2"}])
    link(admin, distributor, pipeline)
    for worker in (world.direct, world.aiohttp):
        answer = admin.post(
            "/pipeline_dist/api/distributor_generate_key.dspy", json={"id": distributor["id"]}
        )
        key = Reseller(server, distributor, answer.json()["data"]["api_key"]).key
        with httpx.Client(
            base_url=worker.base_url, headers={"X-API-Key": key}, trust_env=False
        ) as client:
            assert [client.get(ME).status_code, book(client, "1")] == [200, 201]
            change_keys(server, distributor, REVOKED)
            assert [client.get(ME).status_code, book(client, "2")] == [401, 401]


def book(client: httpx.Client, name: str) -> int:
    headers = {"Idempotency-Key": f"{client.headers['X-API-Key'][-9:]}-{name}"}
    return client.post(CALLS, json={**ONE_GO, "pipeline": "revoked"}, headers=headers).status_code
