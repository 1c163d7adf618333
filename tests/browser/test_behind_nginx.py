"""ops/nginx.conf as it is delivered, run by Debian's nginx in front of the application."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser.every_page import new_page
from tests.support.extra_worker import extra_worker
from tests.support.installation import PASSWORDS, Installation
from tests.support.nginx import configuration, make_certificate, program, running_nginx, trust
from tests.support.ports import free_port
from tests.support.selling import make_distributor, new_key

pytestmark = pytest.mark.skipif(
    program() is None, reason="nginx is missing: install the package nginx"
)

ADMIN = {"username": "admin", "password": PASSWORDS["admin"]}
ME, BATCH = "/pipeline_dist/v1/me", "/pipeline_dist/v1/calls/batch"
# The one address that the distributor's key is taken from.
OWN, OTHER = "127.0.0.9", "127.0.0.8"
HSTS = "max-age=31536000"


def client_of(url: str, folder: Path, address: str = OWN) -> httpx.Client:
    """A client that comes from *address* and believes the certificate in *folder* only."""
    transport = httpx.HTTPTransport(local_address=address, verify=trust(folder))
    return httpx.Client(base_url=url, transport=transport, timeout=30)


@dataclass(frozen=True)
class Site:
    """The application behind nginx: where, and the folder of nginx."""

    url: str
    plain_url: str
    upstream: str
    folder: Path
    clients: ExitStack

    def client(self, address: str = OWN) -> httpx.Client:
        """A client that comes from *address*; closed with the site."""
        return self.clients.enter_context(client_of(self.url, self.folder, address))


@pytest.fixture(scope="module")
def site(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    make_certificate(folder)
    https_port, http_port = free_port(), free_port()
    url = f"https://localhost:{https_port}"
    proxies = ["127.0.0.1/32"]
    with extra_worker(server, folder, public_url=url, trusted_proxies=proxies) as worker:
        upstream = worker.base_url.removeprefix("http://")
        text = configuration(folder, upstream, https_port, http_port)
        with running_nginx(folder, text, https_port), ExitStack() as clients:
            yield Site(url, f"http://localhost:{http_port}", upstream, folder, clients)


@pytest.fixture(scope="module")
def key(server: Installation) -> str:
    return new_key(server.admin, make_distributor(server.admin, allowed_ips=OWN))


def test_a_browser_signs_in_and_works(site: Site, browser: Browser):
    context = browser.new_context(base_url=site.url, locale="en", ignore_https_errors=True)
    page = new_page(context)
    page.goto("/")
    assert page.url.startswith(f"{site.url}/login.ui")
    protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
    assert page.evaluate(protocol) == "h2"

    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORDS["admin"])
    page.click("button[type=submit]")
    page.wait_for_url(f"{site.url}/")
    page.get_by_text("admin", exact=True).first.wait_for()

    cookies = context.cookies()
    assert cookies
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies)
    context.close()


def test_the_usual_host_header_of_proxies_does(site: Site, tmp_path: Path):
    """`$host` has no port, so that it is not what the browser's `Origin` says."""
    make_certificate(tmp_path)
    port = free_port()
    text = configuration(tmp_path, site.upstream, port, free_port())
    text = text.replace("Host $http_host", "Host $host")
    url = f"https://localhost:{port}"
    with running_nginx(tmp_path, text, port), client_of(url, tmp_path) as client:
        answers = [
            client.post("/login.dspy", json=ADMIN, headers={"Origin": origin})
            for origin in (site.url, "https://localhost", "https://evil.example")
        ]

    assert [answer.status_code for answer in answers] == [200, 403, 403]


def test_other_sites_are_refused(site: Site):
    client = site.client()
    own = client.post("/login.dspy", json=ADMIN, headers={"Origin": site.url})
    foreign = client.post("/login.dspy", json=ADMIN, headers={"Origin": "https://evil.example"})

    assert own.status_code == 200, own.text
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site")
    assert client.post("/login.dspy", json=ADMIN, headers={"Host": "evil.example"}).json()[
        "code"
    ] == "unknown_host"  # fmt: skip


def test_plain_http_leads_to_https(site: Site):
    headers = {"Host": "evil.example"}
    answer = httpx.post(f"{site.plain_url}/a?b=c", headers=headers, trust_env=False)

    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://localhost/a?b=c"


def test_the_callers_address_is_who_connects(site: Site, key: str):
    own = site.client(OWN).get(ME, headers={"X-API-Key": key})
    # Made-up hops stand to the left of what nginx saw.
    headers = {
        "X-API-Key": key,
        "X-Forwarded-For": OWN,
        "X-Real-IP": OWN,
        "Forwarded": f"for={OWN}",
    }
    other = site.client(OTHER).get(ME, headers=headers)

    assert own.status_code == 200, own.text
    assert (other.status_code, other.json()["code"]) == (403, "ip_not_allowed")


def test_the_metrics_are_closed(site: Site, server: Installation):
    token = (server.var_dir / "secrets/metrics_token").read_text().strip()
    for path in ("/metrics", "//metrics", "/%6detrics", "/x/../metrics"):
        request = site.client().build_request("GET", site.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        request.headers["Authorization"] = f"Bearer {token}"
        assert site.client().send(request).status_code == 403, path


def test_one_id_is_in_both_logs(site: Site):
    client = site.client()
    for sent_id, keeps in (("order-17.a", True), ("no id", False), ("", False)):
        answers = [
            client.get(path, headers={"X-Request-Id": sent_id}) for path in ("/healthz", "/metrics")
        ]
        ids = [answer.headers["X-Request-Id"] for answer in answers]

        assert (ids == [sent_id, sent_id]) is keeps
        lines = (site.folder / "pipeline.log").read_text().splitlines()
        assert [json.loads(line)["request_id"] for line in lines[-2:]] == ids


def test_bodies_are_bounded(site: Site, key: str):
    """What the application takes at most goes through, and what is larger does not reach it."""
    client = site.client()
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    whole = client.post(BATCH, content=b" " * 8 * 2**20, headers=headers)
    larger = client.post(BATCH, content=b" " * (8 * 2**20 + 1), headers=headers)
    login = client.post("/login.dspy", content=b" " * 2**20, headers=headers)

    assert (whole.status_code, whole.json()["code"]) == (400, "bad_json")
    for answer in (larger, login):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
        assert answer.headers.get_list("Strict-Transport-Security") == [HSTS]


def test_programs_are_told_when_the_application_is_away(tmp_path: Path):
    make_certificate(tmp_path)
    port = free_port()
    nowhere = f"127.0.0.1:{free_port()}"
    text = configuration(tmp_path, nowhere, port, free_port())
    url = f"https://localhost:{port}"
    with running_nginx(tmp_path, text, port), client_of(url, tmp_path) as client:
        answer = client.get(ME)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["Strict-Transport-Security"] == HSTS
