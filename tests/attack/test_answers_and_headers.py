"""
Attacks that look for what an answer gives away or lacks (kernel D1, D2, D5; XSS-3, STAT-5, RET-1,
HDR-1, CR-3).
"""

import json
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.runtime.processes import wait_until
from tests.support.extra_worker import ExtraWorker
from tests.support.installation import Installation
from tests.support.raw_http import send_raw

BOTH_WAYS = True  # tests/conftest.py

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
CREATE = "/pipeline_core/api/pipelines_create.dspy"
BRICKS = Path(__file__).resolve().parents[2] / "app/wwwroot/bricks"
# Words that only a stack trace, an SQL text or a version banner has.
INSIDES = re.compile(
    r"Traceback|File \"|line \d+, in |select .* from |secret_column|pymysql|aiomysql|aiohttp"
    r"|Python/|MariaDB|sqlor|ahserver|/site-packages/",
    re.IGNORECASE,
)
WRONG_HTTP = [
    b"\x00\x01 nonsense\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /index.ui\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nbroken header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET evil.example:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
]


def check_headers(headers: httpx.Headers | dict[str, str]) -> None:
    """What every answer has."""
    assert headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["server"] == "pipeline"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy or "script-src 'self';" in policy
    assert "unsafe-eval" not in policy


# D5: headers


def test_every_answer_has_the_security_headers(server: Installation, admin, probes: ExtraWorker):
    anonymous, browser = server.anonymous(), {"Accept": "text/html"}
    for answer in (
        admin.get(LIST),
        admin.get("/nothing"),
        admin.get("/nothing", headers=browser),
        admin.get("/pipeline_core/pipelines", headers=browser),
        admin.put(LIST),
        admin.post(CREATE, json={}),
        admin.post(CREATE, content=b"x" * 2_000_000),
        admin.get("/favicon.svg"),
        anonymous.get("/login.ui"),
        anonymous.get("/", headers=browser),
        anonymous.get("/healthz"),
        anonymous.get("/readyz"),
        anonymous.get("/metrics"),
        anonymous.get("/pipeline_dist/v1/me"),
        anonymous.get("/pipeline_dist/v1/docs"),
        anonymous.get("/pipeline_dist/v1/openapi.json"),
        probes.client().get("/probe/failing.dspy"),
        probes.client().get("/probe/public.html"),
    ):
        check_headers(answer.headers)


@pytest.mark.parametrize("head", WRONG_HTTP, ids=lambda head: repr(head[:40]))
def test_bytes_that_are_no_http_are_answered_in_our_words(server: Installation, admin, head):
    if not head.endswith(b"\n"):
        head += b"\r\n\r\n"
    closing = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    answer = send_raw(server.base_url, closing)

    assert 400 <= answer.status < 500, answer
    check_headers(answer.headers)
    assert not INSIDES.search(answer.body), answer.body
    assert "x" * 100 not in answer.body
    assert json.loads(answer.body)["code"]
    assert admin.get(LIST).status_code == 200


def test_what_a_signed_in_user_sees_is_kept_by_no_cache(server: Installation, admin):
    for path in (LIST, "/pipeline_core/pipelines", "/whoami.dspy", "/index.ui", "/"):
        answer = admin.get(path, headers={"Accept": "text/html"})

        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-store"


def test_a_file_with_its_hash_in_the_name_never_changes(server: Installation):
    hashed = sorted((BRICKS / "dist").glob("bricks-*.js"))[0]

    answer = server.anonymous().get(
        f"/bricks/dist/{hashed.name}", headers={"Accept-Encoding": "br"}
    )
    plain = server.anonymous().get("/bricks/manifest.json")

    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "br"
    assert "immutable" not in plain.headers["cache-control"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (LIST, "application/json; charset=utf-8"),
        ("/whoami.dspy", "application/json; charset=utf-8"),
        ("/login.ui?_webbricks_=1", "application/json; charset=utf-8"),
        ("/login.ui", "text/html; charset=utf-8"),
        ("/nothing", "application/problem+json; charset=utf-8"),
    ],
)
def test_the_content_type_says_what_it_is(admin, path, kind):
    assert admin.get(path).headers["content-type"] == kind


def test_a_well_formed_request_id_comes_back_and_no_other(server: Installation, admin):
    good_answer = admin.get(LIST, headers={"X-Request-Id": "order-17.a_b"})
    answer = admin.get(LIST, headers={"X-Request-Id": "<script>"})
    long = admin.get(LIST, headers={"X-Request-Id": "x" * 65})
    split = send_raw(
        server.base_url,
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"X-Request-Id: a\rSet-Cookie: evil=1\r\n\r\n",
    )

    assert good_answer.headers["x-request-id"] == "order-17.a_b"
    assert "script" not in answer.headers["x-request-id"]
    assert len(long.headers["x-request-id"]) < 65
    assert "set-cookie" not in split.headers


def test_request_ids_of_two_answers_differ(admin):
    ids = {admin.get(LIST).headers["x-request-id"] for _ in range(20)}

    assert len(ids) == 20


# D2: errors say what to do, and nothing of the inside (STAT-5, CR-3)


def test_a_fault_shows_nothing_of_the_inside(probes: ExtraWorker):
    for options in ({}, {"Accept": "text/html"}, {"Accept-Language": "zh"}):
        answer = probes.client().get("/probe/failing.dspy", headers=options)

        assert answer.status_code == 500
        assert not INSIDES.search(answer.text), answer.text
        assert answer.headers["x-request-id"] in answer.text
    assert "secret_column" in probes.log
    # The same fault of the same second is told once, by its count; each request has its line.
    assert wait_until(lambda: answer.headers["x-request-id"] in probes.log, 30)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/pipeline_core/pipelines/none.ui", None, 404, "not_found"),
        ("GET", "/none", None, 404, "not_found"),
        ("POST", "/pipeline_core/pipelines/add_pipelines.dspy", b"{}", 404, "not_found"),
        ("GET", "/pipeline_dist/v1/none", None, 404, "not_found"),
        ("GET", "/bricks/none.js", None, 404, "not_found"),
        ("GET", CREATE, None, 405, "method_not_allowed"),
        ("DELETE", LIST, None, 405, "method_not_allowed"),
        ("POST", CREATE, b"{", 400, "bad_json"),
        ("POST", CREATE, b"{}", 400, "invalid_fields"),
        ("GET", f"{LIST}?page=x", None, 400, "bad_paging"),
    ],
)
def test_each_refusal_has_its_status_code_and_problem(admin, method, path, body, status, code):
    headers = {"Content-Type": "application/json"} if body else {}

    answer = admin.request(method, path, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["detail"]
    assert not INSIDES.search(answer.text)


def test_a_page_hears_of_what_it_sent_wrong_in_a_widget(admin):
    for content, kind in (("{bad", "application/json"), ("x", "text/plain")):
        answer = admin.post(
            f"{CREATE}?_webbricks_=1", content=content, headers={"Content-Type": kind}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["widgettype"] == "Error"


def test_head_answers_as_get_without_a_body(server: Installation, admin):
    for path in (LIST, "/login.ui", "/nothing", "/healthz", "/favicon.svg"):
        answer = admin.head(path)

        assert answer.status_code == admin.get(path).status_code
        assert answer.content == b""


# RET-1: what a script answers


def test_values_of_every_kind_become_json(probes: ExtraWorker):
    answer = probes.client().get("/probe/values.dspy")

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "none": None, "money": "1.50", "set": [1, 2], "day": "2026-11-24", "huge": 10**30,
        "text": "123",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["123", '{"a": 1}', "<html><script>alert(1)</script>", "null"])
def test_a_text_stays_a_text(probes: ExtraWorker, text):
    """XSS-3: whatever looks like JSON or HTML was sent as that."""
    answer = probes.client().get("/probe/text.dspy", params={"text": text})

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == text


def expecting(server: Installation, what: str, *headers: str) -> bytes:
    """What is answered to the head of a request whose body waits for `100 Continue`."""
    place = urlsplit(server.base_url)
    head = [f"POST {CREATE} HTTP/1.1", f"Host: {place.netloc}", f"Expect: {what}",
            "Content-Type: application/json", "Content-Length: 2", *headers]  # fmt: skip
    with socket.create_connection((place.hostname, place.port or 80), 15) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = connection.recv(65_536)
        if answer.startswith(b"HTTP/1.1 100 "):
            connection.sendall(b"{}")
            answer += connection.recv(65_536)
    return answer


def test_a_body_is_asked_for_only_of_callers_with_the_right(server: Installation, admin):
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())

    refusal, invitation = expecting(server, "100-continue"), expecting(
        server, "100-continue", f"Cookie: {cookie}"
    )  # fmt: skip

    assert refusal.startswith(b"HTTP/1.1 401 ")
    assert invitation.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")


def test_any_other_expectation_is_refused_in_our_words(server: Installation, admin):
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())

    answer = expecting(server, "soup", f"Cookie: {cookie}")

    assert answer.startswith(b"HTTP/1.1 417 ")
    assert b'"code":"unknown_expectation"' in answer
    assert b"\r\nReferrer-Policy: same-origin\r\n" in answer
