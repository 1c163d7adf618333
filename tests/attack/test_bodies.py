"""
Attacks with what is sent along (kernel B6b, D3, D4; UP-1, UP-2, UP-4 to UP-6, BODY-1, BODY-2,
IN-1, MEM-1).
"""

import gzip
import json
import re
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.runtime.processes import wait_until
from tests.support.extra_worker import ExtraWorker, resident_bytes
from tests.support.installation import Installation
from tests.support.selling import make_distributor, new_key
from tests.support.watching import assert_no_pause

BOTH_WAYS = True  # tests/conftest.py

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
CREATE = "/pipeline_core/api/pipelines_create.dspy"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def key(admin: httpx.Client) -> str:
    """A distributor's: callers without one hear no more than that."""
    return new_key(admin, make_distributor(admin))


# B6b: files (UP-1, UP-2)


@pytest.mark.parametrize(
    "url",
    [
        CREATE,
        "/login.dspy",
        LIST,
        "/pipeline_core/pipelines",
        "/login.ui",
        "/pipeline_dist/v1/calls",
        "/whoami.dspy",
    ],
)
def test_no_file_is_accepted_anywhere(admin, key, url):
    headers = {"X-API-Key": key} if "/v1/" in url else {}
    for name in ("evil.dspy", "../../app/wwwroot/evil.dspy"):
        files = {"name": (name, b"return 1")}
        answer = admin.post(url, files=files, data={"code": "x"}, headers=headers)

        # Programs send no forms at all.
        refusal = (415, "unsupported_media_type") if "/v1/" in url else (400, "no_files_here")
        assert (answer.status_code, answer.json()["code"]) == refusal, answer.text


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/csv"])
def test_a_file_as_the_body_is_taken_where_it_is_expected_only(admin, key, kind: str):
    others = ("/login.dspy", "/pipeline_core/api/pipeline_import.dspy", "/pipeline_dist/v1/quote")
    for url in (CREATE, *others):
        headers = {"Content-Type": kind} | ({"X-API-Key": key} if "/v1/" in url else {})
        answer = admin.post(url, content=b"code,name\nx,y\n", headers=headers)

        assert answer.status_code == 415, answer.text


def test_no_file_is_kept(server: Installation, admin, probes: ExtraWorker, tmp_path: Path):
    mark = b"kept-by-nobody-" + str(time.time_ns()).encode()
    before = set(Path("/tmp").glob("*"))

    signed_in = probes.client(cookies={"pipeline_session": admin.cookies["pipeline_session"]})
    for client, url in ((admin, CREATE), (signed_in, "/probe/names.dspy")):
        answer = client.post(url, files={"file": ("evil.dspy", mark + b"x" * 300_000)})
        assert answer.status_code == 400, answer.text

    for place in (server.var_dir, probes.config.parent):
        for file in place.rglob("*.dspy"):
            assert mark not in file.read_bytes()
    assert not [p for p in set(Path("/tmp").glob("*")) - before if p.is_file() and p.stat().st_size
                and mark in p.read_bytes()]  # fmt: skip


# D3: sizes (UP-4, UP-6)


@pytest.mark.parametrize("kind", ["json", "form", "multipart", "chunked", "many fields"])
@pytest.mark.parametrize("url", [CREATE, "/login.dspy"])
def test_a_body_over_the_limit_is_refused(admin, url, kind):
    big = "x" * 1_100_000
    if kind == "json":
        answer = admin.post(url, json={"name": big})
    elif kind == "form":
        answer = admin.post(url, data={"name": big})
    elif kind == "multipart":
        answer = admin.post(url, files={"name": (None, big)})
    elif kind == "many fields":
        parts = {f"field{number}": (None, big[:60_000]) for number in range(20)}
        answer = admin.post(url, files=parts)
    else:
        pieces = (b'{"name": "', big.encode(), b'"}')
        answer = admin.post(url, content=iter(pieces), headers=JSON)

    assert answer.status_code == 413, answer.text[:200]
    assert answer.json()["code"] == "body_too_large"


@pytest.mark.alone
@pytest.mark.parametrize(
    "kind",
    ["application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"],
)
def test_a_body_that_unpacks_to_a_hundred_times_its_size_takes_no_memory(probes: ExtraWorker, kind):
    packed = gzip.compress(b" " * 200_000_000)
    client = probes.client()
    client.get("/healthz")
    before = probes.resident_bytes
    highest = [before]
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            highest.append(resident_bytes(probes.process.pid))
            stop.wait(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    answer = client.post("/login.dspy", content=packed, headers=headers)
    stop.set()
    watcher.join()

    assert answer.status_code in (400, 413), answer.text
    assert max(highest) - before < 40_000_000


@pytest.mark.alone
def test_refusals_take_no_memory(probes: ExtraWorker):
    """MEM-1: 10,000 answers with 405 kept 90 MB."""
    client = probes.client()

    def refuse(count: int) -> None:
        for number in range(count):
            client.request("PUT", f"/probe/names.dspy?n={number}")
            client.get(f"/no/such/thing/{number}")

    refuse(250)
    before = probes.resident_bytes
    refuse(900)

    assert probes.resident_bytes - before < 5_000_000


# D3: time


@pytest.mark.alone
def test_a_body_that_does_not_arrive_ends_the_request(probes: ExtraWorker):
    place = urlsplit(probes.base_url)
    assert place.hostname is not None
    start = time.monotonic()
    with socket.create_connection((place.hostname, place.port or 80), 15) as connection:
        connection.sendall(
            b"POST /login.dspy HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        head = connection.recv(4096).decode()

    assert " 408 " in head.splitlines()[0]
    assert 1.5 < time.monotonic() - start < 6


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_who_goes_away_while_sending_is_no_fault_of_ours(server, probes: ExtraWorker, kind):
    token = (server.var_dir / "secrets" / "metrics_token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}

    def number_of(status: str) -> int:
        answer = probes.client().get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        text = answer.text
        counts = re.findall(rf'requests_total{{status="{status}"}} (\d+)', text)
        return sum(map(int, counts))

    place = urlsplit(probes.base_url)
    assert place.hostname is not None
    refusals, faults, log = number_of("400"), number_of(r"5\d\d"), len(probes.log)
    with socket.create_connection((place.hostname, place.port or 80), 15) as connection:
        connection.sendall(
            b"POST /login.dspy HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: %b\r\nContent-Length: 100\r\n\r\n{" % kind.encode()
        )
        time.sleep(0.2)

    assert wait_until(lambda: number_of("400") == refusals + 1, 30)
    assert number_of(r"5\d\d") == faults
    assert "request_failed" not in probes.log[log:]


@pytest.mark.alone
def test_who_breaks_off_a_download_is_no_fault_of_ours(admin, probes: ExtraWorker):
    place = urlsplit(probes.base_url)
    head = (f"GET {LIST}?_export=csv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Cookie: pipeline_session={admin.cookies['pipeline_session']}\r\n\r\n")  # fmt: skip
    log = len(probes.log)
    for wait in (0.0, 0.002, 0.005, 0.01):
        with socket.create_connection((place.hostname, place.port or 80), 15) as connection:
            connection.sendall(head.encode())
            time.sleep(wait)
            # At once, and not after what is still to be sent.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert wait_until(lambda: "broken off" in probes.log[log:], 30)
    assert "request_failed" not in probes.log[log:]
    assert "connection_lost" not in probes.log[log:]


# UP-5: nobody waits for the body of another

HEAVY = {
    "nested": b'{"a":' * 900 + b"1" + b"}" * 900,
    "wide": b'{"lines": [' + b"[]," * 330_000 + b"[]]}",
    "numbers": b'{"lines": [' + b"1.5," * 240_000 + b"1]}",
    "fewer numbers": b'{"lines": [' + b"1.5," * 99_000 + b"1]}",
    "names": b"{" + b",".join(b'"a%d": 1' % number for number in range(70_000)) + b"}",
    "filter": json.dumps({"data_filter": json.dumps({"OR": [{"field": "id", "op": "=",
              "const": "x" * 900}] * 1000})}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*HEAVY, "pairs", "repeated", "parts"])
def test_nobody_waits_for_a_heavy_body_of_another(admin, probes: ExtraWorker, kind):
    client = probes.client(cookies={"pipeline_session": admin.cookies["pipeline_session"]})
    body, headers = HEAVY.get(kind, b""), JSON
    if kind == "pairs":
        body, headers = b"&".join(b"a%d=1" % number for number in range(120_000)), FORM
    elif kind == "repeated":
        body, headers = b"a=1&" * 250_000, FORM
    elif kind == "parts":
        part = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        body = part * 20_000 + b"--b--\r\n"
    urls = ["/pipeline_ops/api/price_quote.dspy", LIST, "/login.dspy"]

    log = len(probes.log)
    for url in urls:
        answer = client.post(url, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text[:300]
    client.get("/healthz")

    assert_no_pause(probes.log[log:])


@pytest.mark.parametrize("kind", ["wide", "numbers", "names"])
def test_a_body_of_too_many_values_is_refused_unread(admin, kind):
    answer = admin.post(CREATE, content=HEAVY[kind], headers=JSON)

    assert answer.json()["code"] in ("body_too_large", "bad_body")
    assert answer.status_code in (400, 413)


# D4, BODY-1, BODY-2, IN-1: what cannot be read is told


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{bad", "bad_json"),
        (b"[1, 2]", "bad_body"),
        (b'"text"', "bad_body"),
        (b"17", "bad_body"),
        (b"null", "bad_body"),
        (b"NaN", "bad_json"),
        (b'{"name": NaN}', "bad_json"),
        (b'{"name": Infinity}', "bad_json"),
        (b'{"name": -Infinity}', "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b'{"name": "\xed\xa0\x80"}', "bad_json"),
        (b'{"name": "\\ud800"}', "bad_json"),
        (b'{"\\udfff": 1}', "bad_json"),
        (b'{"name": {"a": ["x", "\\ud83d!"]}}', "bad_json"),
        (b'{"name": 1} {"name": 2}', "bad_json"),
        (b"\xef\xbb\xbf{}", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"a":' * 100_000, "bad_json"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "bad_json"),
        (b"a=b&c=d", "bad_json"),
    ],
)
def test_a_broken_body_is_told(admin, body, code):
    answer = admin.post(CREATE, content=body, headers=JSON)

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx"),
        ("multipart/form-data; boundary=b",
         b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 200, b"--b--"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=b"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"a=b"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"a=\xff\xfe"),
    ],
)  # fmt: skip
def test_a_broken_form_is_told(admin, content_type, body):
    answer = admin.post(CREATE, content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_form"), answer.text


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/xml", "image/png", "x"])
def test_an_unknown_kind_of_body_is_told(admin, kind):
    answer = admin.post(CREATE, content=b'{"a": 1}', headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_fields_after_an_empty_file_are_not_lost(server: Installation, admin):
    """BODY-2: a form with an empty file input lost all that came after it."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n"
        b"--b\r\nContent-Disposition: form-data; name=code\r\n\r\nafter\r\n--b--\r\n"
    )

    answer = admin.post(
        CREATE, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("name", ["self", "request", "params_kw", "_webbricks_", "__class__"])
@pytest.mark.parametrize("value", ["abc", "", "-1", "99999999999999999999", "1.5", "\U0001f600"])
def test_an_odd_name_or_number_of_a_page_is_no_fault(admin, pipeline, name, value):
    for answer in (
        admin.get("/pipeline_core/pipelines", params={name: value, "_width": value}),
        admin.post("/pipeline_core/pipelines", data={name: value, "_height": value}),
        admin.post("/pipeline_core/pipelines", json={name: value, "_is_mobile": [value]}),
        admin.get(LIST, params={name: value}),
    ):
        assert answer.status_code in (200, 400), answer.text


def test_a_query_of_any_bytes_is_no_fault(server: Installation, admin):
    for query in (
        "%ff%fe=%00",
        "a=%ed%a0%80",
        "%",
        "%zz=1",
        "a&&&=&=b",
        "=" * 300,
        "a=" + "%41" * 900,
    ):
        for path in (LIST, "/login.ui", "/pipeline_core/pipelines"):
            answer = admin.get(f"{path}?{query}")
            assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\ud83d\\ud83d"])
def test_half_a_letter_inside_a_text_of_json_is_no_fault(admin, half):
    condition = f'{{"field": "{half}", "op": "{half}", "const": "{half}"}}'

    for answer in (
        admin.get(LIST, params={"data_filter": condition}),
        admin.post(LIST, json={"data_filter": condition}),
        admin.post(LIST, data={"data_filter": condition.replace("field", "id")}),
    ):
        assert answer.status_code == 400, answer.text


def test_a_body_of_many_levels_is_refused(server: Installation, admin):
    """What looks at parameters at every depth, as the audit does, must not fall over them."""
    deep = '{"name": ' + "[" * 600 + "]" * 600 + "}"
    for client, path in ((admin, CREATE), (server.anonymous(), "/login.dspy")):
        answer = client.post(path, content=deep, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_json"), answer.text


def test_the_server_still_serves(server: Installation, admin):
    assert wait_until(lambda: admin.get(LIST).status_code == 200, 30)
