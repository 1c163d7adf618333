"""Attacks on who is asking from where: hops of proxies, host names, empty keys, the metrics."""

import json
from pathlib import Path

import httpx
import pytest

from app.access.lockout import places_of
from app.cli.demo_client import Client
from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import DIRECT, PASSWORDS, Installation
from tests.support.raw_http import get_raw, send_raw
from tests.support.selling import make_distributor, new_key

BOTH_WAYS = True  # tests/conftest.py

ME = "/pipeline_dist/v1/me"
# The worker of `probes` trusts this address to be a proxy; the list below has it on purpose.
PROXY = "127.0.0.2"
ALLOWED = f"10.9.8.7, 2001:db8::1, ::ffff:10.9.9.0/120, {PROXY}"
# The outside of the worker of `outside`: a proxy on a port that is not the scheme's own.
OUTSIDE = "https://[2001:db8::7]:8443"
TOLD_NOTHING = "the address of this one could not be told"


@pytest.fixture(scope="module")
def through_proxy(probes: ExtraWorker):
    transport = httpx.HTTPTransport(local_address=PROXY, **DIRECT)
    with httpx.Client(transport=transport, base_url=probes.base_url) as client:
        yield client


@pytest.fixture(scope="module")
def key(server: Installation) -> str:
    admin = server.admin
    return new_key(admin, make_distributor(admin, allowed_ips=ALLOWED))


def ask(client: httpx.Client, key: str, *forwarded: str) -> httpx.Response:
    result = [("X-Forwarded-For", line) for line in forwarded]
    return client.get(ME, headers=[("X-API-Key", key), *result])


@pytest.mark.parametrize(
    "hop",
    [
        "10.9.8.7", "10.9.8.7:51008", "10.9.8.7:_port", '"10.9.8.7"',
        '"10.9.8.7:51008"', "2001:DB8::1", "[2001:db8::1]", "[2001:db8::1]:443",
        '"[2001:db8::1]"', '" [2001:db8:0:0::1]:443 "', "2001:db8::1%eth0", "::ffff:10.9.8.7",
        "[::ffff:10.9.9.3]:80", "::FFFF:a09:0903", "203.0.113.9, 10.9.8.7:1", "unknown,10.9.8.7",
        f"10.9.8.7:80, [::ffff:{PROXY}]:80", f", 10.9.8.7 ,, {PROXY} ,",
    ],
)  # fmt: skip
def test_a_hop_is_read_as_proxies_write_it(through_proxy, key, hop):
    answer = ask(through_proxy, key, hop)

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("203.0.113.9:51008", "203.0.113.9"), ("[2001:DB8::2]:443", "2001:db8::2"),
        ('"[2001:db8::2%eth0]"', "2001:db8::2"), ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.9.8.7, 203.0.113.9:1", "203.0.113.9"), (f"203.0.113.9, {PROXY}:9", "203.0.113.9"),
    ],
)  # fmt: skip
def test_a_stranger_is_named_without_port_and_zone(through_proxy, key, hop, address):
    answer = ask(through_proxy, key, hop)

    assert (answer.status_code, answer.json()["code"]) == (403, "ip_not_allowed")
    assert f"from {address} " in answer.json()["detail"]


@pytest.mark.parametrize(
    "hop",
    [
        "unknown", "_hidden", "_10.9.8.7", "10.9.8", "010.9.8.7", "10.9.8.7:", "10.9.8.7:port",
        "10.9.8.7:123456", "10.9.8.7:1:2", "10.9.8.7 x", "10.9.8.7;proto=https", "for=10.9.8.7",
        '"10.9.8.7', "10.9.8.7'", "[10.9.8.7]", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]443",
        "[[2001:db8::1]]", "10.9.8.7/32", "0x0a090807", "168364039", "", ",", '""', '"',
        "10.9.8.7, unknown", f"unknown, {PROXY}", "-", "localhost", "10.9.8.\u0667", "2001:db8::1%",
    ],
)  # fmt: skip
def test_a_hop_that_tells_no_address_is_nobodys(through_proxy, key, hop):
    """Not the proxy's above all, which the list has."""
    result = [("X-API-Key", key), (b"X-Forwarded-For", hop.encode())]
    answer = through_proxy.get(ME, headers=result)

    assert (answer.status_code, answer.json()["code"]) == (403, "ip_not_allowed"), answer.text
    assert TOLD_NOTHING in answer.json()["detail"]


def test_who_calls_from_the_proxy_itself_is_there(through_proxy, key):
    assert through_proxy.get(ME, headers={"X-API-Key": key}).status_code == 200
    # A chain of trusted ones begins with the caller.
    assert ask(through_proxy, key, PROXY).status_code == 200
    assert ask(through_proxy, key, PROXY, "unknown").status_code == 403


def test_failures_are_counted_for_the_caller_and_never_for_a_spelling(
    server: Installation, through_proxy
):
    """An address that cannot be told is one place, however it is spelt: there is no way around."""
    spelt = {
        "unknown": ["unknown", "_a", "_b", '"', "x, 1.2.3"],
        "203.0.113.9": ["203.0.113.9:1", "203.0.113.9:2", "::ffff:203.0.113.9", '"203.0.113.9"'],
        "2001:db8:0:7::": ["2001:db8:0:7::1", "[2001:db8:0:7::2]:5", "2001:DB8:0:7::3%eth0"],
        "::1": ["::1", "[::1]:51008", "::2"],  # its /64 has the mapped addresses too
    }
    for address, hops in spelt.items():
        server.query("delete from app_login_attempt")
        for number, hop in enumerate(hops):
            answer = through_proxy.post(
                "/login.dspy", json={"username": f"nobody-{number}", "password": "x"},
                headers={"X-Forwarded-For": hop},
            )  # fmt: skip
            assert answer.status_code == 401, answer.text
        (place,) = (d for d, kind in places_of("x", address, None).items() if kind == "address")
        rows = server.query("select fails from app_login_attempt where id = %s", place)
        assert [row["fails"] for row in rows] == [len(hops)]
    server.query("delete from app_login_attempt")


@pytest.mark.parametrize(
    ("hop", "address"), [("203.0.113.77:4", "203.0.113.77"), ("_hidden", "unknown")]
)
def test_what_is_written_down_is_an_address_or_that_it_is_unknown(
    server: Installation, through_proxy, hop, address
):
    server.query("delete from app_session where username = 'viewer'")
    answer = through_proxy.post(
        "/login.dspy", json={"username": "viewer", "password": PASSWORDS["viewer"]},
        headers={"X-Forwarded-For": hop},
    )  # fmt: skip

    assert answer.status_code == 200, answer.text
    rows = server.query("select address from app_session where username = 'viewer'")
    assert [row["address"] for row in rows] == [address]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", "Bearer KEY"), ("X-API-Key", "")], 200),
        ([("Authorization", "Bearer KEY"), ("X-API-Key", "  ")], 200),
        ([("Authorization", "Bearer "), ("X-API-Key", "KEY")], 200),
        ([("Authorization", "Bearer"), ("X-API-Key", "KEY")], 200),
        ([("Authorization", ""), ("X-API-Key", "KEY")], 200),
        ([("X-API-Key", ""), ("X-API-Key", "KEY")], 200),
        ([("Authorization", "Bearer KEY"), ("X-API-Key", "KEY")], 200),
        ([("Authorization", "Bearer KEY"), ("X-API-Key", "OTHER")], 401),
        ([("X-API-Key", "KEY"), ("X-API-Key", "OTHER")], 401),
        ([("Authorization", "Bearer OTHER"), ("X-API-Key", "")], 401),
        ([("X-API-Key", "")], 401), ([("Authorization", "Bearer ")], 401),
        ([("Authorization", "Bearer "), ("X-API-Key", "")], 401), ([], 401),
    ],
)  # fmt: skip
def test_an_empty_key_is_none(server: Installation, headers, status):
    own = new_key(server.admin, make_distributor(server.admin))
    lines = [f"{name}: {value}" for name, value in headers]
    filled = [line.replace("KEY", own).replace("OTHER", "ppk_x") for line in lines]
    answer = get_raw(server.base_url, ME, *filled)

    assert answer.status == status, answer.body
    if status == 401:
        assert json.loads(answer.body)["code"] == "invalid_key"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/login.ui", ME])
def test_the_open_paths_answer_to_our_own_names_only(server: Installation, path):
    """A page of others whose name leads to this machine must not read the figures."""
    for host in ("evil.example", "evil.example:9090", "127.0.0.1.evil.example", "", "[::2]"):
        answer = get_raw(server.base_url, path, host=host)
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "unknown_host"), host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:9090"):
        assert get_raw(server.base_url, path, host=host).status in (200, 401), host


@pytest.fixture(scope="module")
def outside(server: Installation, tmp_path_factory: pytest.TempPathFactory):
    """A worker whose outside is https, on an address that is no name."""
    folder = tmp_path_factory.mktemp("outside")
    with extra_worker(
        server, folder, public_url=OUTSIDE, allowed_hosts=["fd00::7", "lb.example"],
    ) as worker:  # fmt: skip
        yield worker


def test_configured_names_and_addresses_are_answered_to(outside: ExtraWorker):
    """A load balancer that asks by address is let in when the address is configured."""
    for host in ("[2001:db8::7]", "[2001:db8::7]:443", "[fd00::7]", "lb.example:80", "127.0.0.1"):
        assert get_raw(outside.base_url, "/healthz", host=host).status == 200, host
    assert get_raw(outside.base_url, "/healthz", host="[fd00::8]").status == 400


def signing_in_from(worker: ExtraWorker, origin: str, host: str) -> int:
    """The status that a login without a name is answered with: 422 where the origin is believed."""
    head = (f"POST /login.dspy HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
            "Connection: close\r\nContent-Type: application/json\r\n")  # fmt: skip
    answer = send_raw(worker.base_url, f"{head}Content-Length: 2\r\n\r\n{{}}")
    assert json.loads(answer.body)["code"] in ("invalid_fields", "cross_site"), answer.body
    return answer.status


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (OUTSIDE, "[2001:db8::7]:8443"),  # as the browser asked
        (OUTSIDE, "[2001:db8::7]"),  # a proxy's usual `$host`
        (OUTSIDE, "127.0.0.1:9090"),  # the address of the proxy's upstream
        ("https://[2001:DB8::7]:8443", "[2001:db8::7]"),
        ("http://127.0.0.1:9090", "127.0.0.1:9090"),  # on this machine, without the proxy
        ("http://lb.example", "lb.example:80"),
        ("https://lb.example:443", "lb.example"),
    ],
)
def test_our_pages_are_those_of_the_public_address(outside: ExtraWorker, origin, host):
    assert signing_in_from(outside, origin, host) == 400


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        # Other programs on the machine of the public name, whatever the Host header has become.
        ("https://[2001:db8::7]", "[2001:db8::7]"),
        ("http://[2001:db8::7]:8443", "[2001:db8::7]:8443"),
        ("https://[2001:db8::7]:9443", "[2001:db8::7]:9443"),
        ("http://[2001:db8::7]", "[2001:db8::7]:80"),
        ("https://lb.example", "[2001:db8::7]"),
        ("https://lb.example:8443", "lb.example"),
        ("http://127.0.0.1:9091", "127.0.0.1:9090"),
        ("null", "[2001:db8::7]"),
        ("", "[2001:db8::7]"),
        ("https://[2001:db8::7", "[2001:db8::7]"),
        ("https://[2001:db8::7]:8443x", "[2001:db8::7]"),
        (f"{OUTSIDE}@evil.example", "[2001:db8::7]"),
        ("https://evil.example", "127.0.0.1:9090@evil.example"),
    ],
)
def test_other_origins_are_foreign_whatever_the_host_says(outside: ExtraWorker, origin, host):
    assert signing_in_from(outside, origin, host) == 403


def test_browsers_are_told_to_come_by_https_only(outside: ExtraWorker, server: Installation):
    client = outside.client()
    answers = [client.get(path) for path in ("/healthz", "/login.ui", "/whoami.dspy", "/no", ME)]
    broken = send_raw(outside.base_url, "no http\r\n\r\n")

    assert {answer.headers["Strict-Transport-Security"] for answer in answers} == {
        "max-age=31536000"
    }
    assert broken.headers["strict-transport-security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in server.anonymous().get("/login.ui").headers


def test_the_static_files_say_so_too(outside: ExtraWorker):
    page = outside.client().get("/login.ui").text
    file = page.partition('src="')[2].partition('"')[0]
    answer = outside.client().get(file)

    assert answer.status_code == 200, file
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_metrics_need_the_token_where_a_proxy_may_stand_before(
    server: Installation, outside: ExtraWorker, probes: ExtraWorker
):
    file = server.var_dir / "secrets" / "metrics_token"
    token = file.read_text().strip()

    assert len(token) == 64
    assert file.stat().st_mode & 0o077 == 0
    for worker in (outside, probes):  # public_url, trusted_proxies
        for credentials in ("", "Bearer", "Bearer x", f"Bearer {token}x", f"Basic {token}"):
            answer = worker.client().get("/metrics", headers={"Authorization": credentials})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), credentials
        right = worker.client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert (right.status_code, "pipeline_workers" in right.text) == (200, True)
    # With neither, a program on this machine needs none.
    assert server.anonymous().get("/metrics").status_code == 200


def test_the_demo_signs_in_where_the_outside_is_https(outside: ExtraWorker):
    """Its cookie is Secure, and its way does not leave the machine."""
    client = Client(outside.base_url)
    client.sign_in("admin", PASSWORDS["admin"])

    assert client.find("pipeline_core", "pipelines", code="no-such-line") is None


def test_no_leak_of_the_token_in_the_log(outside: ExtraWorker, server: Installation):
    token = (server.var_dir / "secrets" / "metrics_token").read_text().strip()
    outside.client().get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert token not in Path(outside.config).read_text() + outside.log
