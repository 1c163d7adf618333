"""
Attacks by requests at the same time, and by host names (kernel B6; CC-1 to CC-9, TMPL-1, ER-3,
HOST-1, HOST-2).
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.support.extra_worker import ExtraWorker
from tests.support.installation import Installation
from tests.support.raw_http import get_raw, send_raw

WHO = "/probe/who.dspy"


@contextmanager
def in_parallel(act: Callable[[int], object], threads: int) -> Iterator[None]:
    """Let *threads* threads repeat *act* while the block runs."""
    stop = threading.Event()
    numbers = itertools.count()

    def repeat() -> None:
        while not stop.is_set():
            act(next(numbers))

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(repeat) for _ in range(threads)]
        try:
            yield
        finally:
            stop.set()
            for each in running:
                each.result()


@pytest.fixture(scope="module")
def people(server: Installation, probes: ExtraWorker) -> dict[str, httpx.Client]:
    """Signed-in clients of the worker with the probes, by name."""
    result = {}
    for name in ("admin", "operator", "viewer"):
        cookies = {"pipeline_session": server.sign_in(name).cookies["pipeline_session"]}
        result[name] = probes.client(cookies=cookies)
    result[""] = probes.client()
    return result


# B6: user, parameters and address of a request are its own (CC-1 to CC-3, CC-8)


def test_a_request_keeps_its_user_parameters_and_address(probes: ExtraWorker, people):
    names = list(people)

    def ask(number: int) -> None:
        name = names[number % len(names)]
        seconds = str((number % 5) / 100)
        answer = people[name].get(WHO, params={"seconds": seconds, "mark": f"{name}-{number}"})
        assert answer.json() == {
            "early": name, "late": name, "mark": f"{name}-{number}", "url": "/probe/x.ui",
            "path": None,
        }, answer.text  # fmt: skip

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(320)))


def test_one_script_cannot_be_led_to_run_another(probes: ExtraWorker, people):
    """CC-2: a child took the functions of whatever request came last, an administrator's too."""
    with in_parallel(lambda _: people["admin"].get("/probe/private/child.dspy?x=secret"), 4):
        answers = [people[""].get("/probe/parent.dspy?x=mine") for _ in range(40)]

    for answer in answers:
        assert "admin" not in answer.text
        assert "secret" not in answer.text


def test_a_public_page_is_never_the_source_of_another(probes: ExtraWorker, people):
    """CC-9: of 600 answers 331 were the source of a protected script."""
    with in_parallel(lambda n: people["admin"].get(
        ["/probe/who.dspy?seconds=0&mark=x", "/probe/importing.ui", "/probe/names.dspy"][n % 3]
    ), 6):  # fmt: skip
        answers = {people[""].get("/probe/public.html").text for _ in range(200)}

    assert answers == {"<!doctype html><p>public page</p>\n"}


def test_parallel_requests_of_the_real_pages_keep_their_user(server: Installation):
    clients = {name: server.sign_in(name) for name in ("admin", "operator", "viewer")}

    def ask(number: int) -> bool:
        name = list(clients)[number % 3]
        return bool(clients[name].get("/whoami.dspy").json()["data"]["username"] == name)

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(ask, range(150)))


def test_two_slow_bodies_at_once_reach_their_own_scripts(probes: ExtraWorker):
    """CC-6: while one body arrived slowly, the other request failed."""

    def send(mark: str) -> object:
        body = f"mark={mark}&seconds=0"

        def slowly() -> Iterator[bytes]:
            for letter in body:
                threading.Event().wait(0.005)
                yield letter.encode()

        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return probes.client().post(WHO, content=slowly(), headers=kind).json()["mark"]

    marks = [f"mark-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(send, marks)) == marks


# TMPL-1: templates remember nobody


def test_a_template_remembers_no_visitor(probes: ExtraWorker, people):
    for page in ("/probe/macros.tmpl", "/probe/importing.ui"):
        people["admin"].get(page, params={"mark": "a-secret-of-admin"})

    answer = people[""].get("/probe/importing.ui", params={"_webbricks_": "1"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["options"]["text"] == "<>"


# ER-3: outcomes of transactions at the same time


def test_every_answer_tells_what_became_of_its_own_rows(server: Installation, probes: ExtraWorker):
    """Upstream answered 20 of 150 rolled-back requests with ok, 105 of 318 kept ones with error."""
    server.query("delete from app_login_attempt")
    client = probes.client()

    def order(number: int) -> tuple[str, int]:
        fail = {"fail": "1"} if number % 3 == 0 else {}
        answer = client.get("/probe/counted.dspy", params={"id": f"order-{number}", **fail})
        return f"order-{number}", answer.status_code

    with ThreadPoolExecutor(8) as threads:
        result = dict(threads.map(order, range(150)))

    ids = {row["id"] for row in server.query("select id from app_login_attempt")}
    assert {name for name, status in result.items() if status == 200} == ids
    assert set(result.values()) == {200, 500}


# HOST-1, HOST-2, CC-1: host names of strangers

FOREIGN_HOSTS = ["evil.example", "evil.example:80", 'x"><img src=x>', "a:b", "", "127.0.0.1.evil",
                 "localhost@evil.example", "evil.example#127.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_name_is_refused_and_not_repeated(server: Installation, host):
    answer = get_raw(server.base_url, "/login.ui", host=host)

    assert answer.status == 400, answer.body
    assert "evil" not in answer.body
    assert "<img" not in answer.body


@pytest.mark.parametrize(
    "target", ["http://evil.example/login.ui", "//evil.example/login.ui", "evil.example:80", "*"]
)
def test_a_host_name_in_the_request_line_is_no_way_either(server: Installation, target):
    answer = send_raw(
        server.base_url,
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    )

    assert answer.status in (400, 404), answer.body
    assert "evil.example" not in answer.body


def test_forwarding_headers_of_strangers_change_nothing(server: Installation, admin):
    page = "/pipeline_core/pipelines?_webbricks_=1"
    session = f"Cookie: pipeline_session={admin.cookies['pipeline_session']}"
    hostile = [
        'X-Forwarded-Host: evil.example"><img src=x>', "X-Forwarded-Port: x",
        "X-Forwarded-Scheme: javascript", "X-Forwarded-Prepath: evil", "X-Forwarded-Proto: evil",
        "X-Forwarded-For: 10.9.8.7, garbage", "X-Real-IP: garbage",
    ]  # fmt: skip
    plain = get_raw(server.base_url, page, session)

    answer = get_raw(server.base_url, page, session, *hostile)

    assert (answer.status, answer.body) == (200, plain.body)


def test_the_addresses_in_pages_have_no_host_name(server: Installation, admin):
    session = f"pipeline_session={admin.cookies['pipeline_session']}"
    headers = {"Host": "localhost:80", "Cookie": session}
    for page in ("/pipeline_core/pipelines", "/pipeline_dist/distributor_pipeline", "/index.ui"):
        answer = admin.post(page, data={"_webbricks_": "1"}, headers=headers)

        urls = urls_in(answer.json())
        assert urls, (page, answer.text[:500])
        assert all(url.startswith("/") and not url.startswith("//") for url in urls), urls


def urls_in(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [v for k, v in node.items() if k.endswith("url") and isinstance(v, str)]
        return own + [text for value in node.values() for text in urls_in(value)]
    return [text for item in node for text in urls_in(item)] if isinstance(node, list) else []


def test_redirects_stay_on_this_site(server: Installation):
    browser = {"Accept": "text/html"}
    for path in (
        "/pipeline_core/pipelines?x=//evil.example",
        "/index.ui?next=https://evil.example",
    ):
        answer = server.anonymous().get(path, headers=browser)

        assert answer.status_code == 302
        there = httpx.URL(answer.headers["location"])
        assert (there.is_relative_url, there.path) == (True, "/login.ui")
        assert there.params["next"] == path


def test_state_kept_by_a_script_is_kept(probes: ExtraWorker):
    """ENV-1: upstream copies dictionaries for each request, so that a counter stayed at 1."""
    client = probes.client()

    hits = [json.loads(client.get("/probe/remembering.dspy").text)["hits"] for _ in range(3)]

    assert hits == [1, 2, 3]
