"""
Numbers, names and packed bodies that may stop nobody and be misread by nobody (issue 11, A1, A2,
A5, B10). Every test here fails too if a worker stood still meanwhile.
"""

import gzip
import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from app.schema.tables import tables
from tests.support.endpoints import Endpoint, World, endpoints
from tests.support.installation import Installation
from tests.support.raw_http import get_raw
from tests.support.refusals import refusal_of

# Well-formed, with a checksum that anybody can make, and nobody's.
# In two parts, so that nobody takes it for one that leaked.
UNKNOWN_KEY = "ppk_" + "00000000000000000000000000000000000000000001yxzGE"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
API = "/pipeline_dist/v1"
CREATE = "/pipeline_core/api/pipelines_create.dspy"
HUGE = ["0e-100000000", "1e50000000", "-0e100000000", "-1e-100000000", "1.5E+99999999999999999999"]
# As far as the reader lets them through: to hashes, comparisons, the audit and answers.
BOUNDED = ["1e400", "0e-400", "-1e-400", "1" * 150]


@pytest.fixture(scope="module")
def world(server: Installation, admin: httpx.Client) -> World:
    """Lines, prices and distributors to act upon."""
    return World(server, admin)


@pytest.fixture(scope="module")
def key(world: World) -> str:
    """Of a distributor."""
    (finish,) = [endpoint for endpoint in endpoints() if endpoint.url.endswith("/finish")]
    return world.headers(finish)["Authorization"].removeprefix("Bearer ")


def with_number(pairs: dict[str, Any], name: str, number: str) -> Iterator[str]:
    """JSON of *pairs* with *number* as the member *name*, as it is, in a list and in an object."""
    others = {n: v for n, v in pairs.items() if n != name}
    for shape in ("{}", "[{}]", '[{{"unit": "t", "quantity": {}}}]'):
        member = f"{json.dumps(name)}: {shape.format(number)}"
        yield json.dumps(others)[:-1] + (", " if others else "") + member + "}"


# What of the API everybody may read.
PUBLIC = ("docs", "guide", "search.json", "openapi.json")


def calls(world: World, endpoint: Endpoint, body: str) -> Iterator[tuple[httpx.Response, bool]]:
    """*body* sent to *endpoint* by who may, and to the API by nobody too; whether he may."""
    headers = JSON | world.headers(endpoint)
    client = world.client(endpoint)
    yield client.post(endpoint.url, content=body, headers=headers), True
    if endpoint.is_api and endpoint.name not in PUBLIC:
        headers["Authorization"] = f"Bearer {UNKNOWN_KEY}"
        yield client.post(endpoint.url, content=body, headers=headers), False


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda endpoint: endpoint.url)
def test_a_huge_number_is_refused_at_every_member(world: World, endpoint: Endpoint):
    good = world.good_body(endpoint)
    numbers = itertools.cycle(HUGE)
    for name in dict.fromkeys([*good, *endpoint.names, "nonsense"]):
        number = next(numbers)
        bodies = list(with_number(good, name, number))
        # A member of a line is deeper down, where the API has them.
        for body in bodies if name in ("lines", "calls", "id") else bodies[:1]:
            for answer, is_known in calls(world, endpoint, body):
                assert answer.status_code == (400 if is_known else 401), answer.text
                assert not is_known or number in answer.json()["detail"]
                assert len(answer.content) < 2000


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda endpoint: endpoint.url)
def test_a_number_as_large_as_may_be_read_costs_nothing_either(world: World, endpoint: Endpoint):
    good = world.good_body(endpoint)
    for number in BOUNDED:
        names = dict.fromkeys([*endpoint.names, "nonsense"])
        body = "{" + ", ".join(f"{json.dumps(name)}: {number}" for name in names) + "}"
        for answer, is_known in calls(world, endpoint, body):
            # Where nothing of it is used, it does not matter.
            assert answer.status_code < 500, answer.text
            assert is_known or answer.status_code in (401, 405)
            assert answer.status_code < 400 or len(answer.content) < 20_000
    # As text, in a form and behind the question mark.
    text = urlencode(dict.fromkeys(endpoint.names, "0e-100000000") | {"_width": "1e50000000"})
    headers = world.headers(endpoint)
    client = world.client(endpoint)
    for answer in (
        client.post(endpoint.url, content=text, headers=FORM | headers),
        client.post(f"{endpoint.url}?{text}", json=good, headers=headers),
        client.get(f"{endpoint.url}?{text}", headers=headers),
    ):
        assert answer.status_code < 500, answer.text
        assert len(answer.content) < 2_000_000


@pytest.mark.parametrize("table", [t for t in tables().values() if t.module.startswith("pipeline")],
                         ids=lambda table: table.name)  # fmt: skip
def test_lists_take_no_huge_number_either(admin: httpx.Client, table):
    path = f"/{table.module}/{table.name}/get_{table.name}.dspy"
    for number in (*HUGE, *BOUNDED):
        conditions = {
            "OR": [{"field": name, "op": "=", "const": "NUMBER"} for name in table.columns]
        }
        data_filter = json.dumps(conditions).replace('"NUMBER"', number)
        for answer in (
            admin.get(path, params={"data_filter": data_filter}),
            admin.post(path, json={"data_filter": data_filter}),
            admin.post(path, content=f'{{"data_filter": {data_filter}}}', headers=JSON),
            admin.get(path, params=dict.fromkeys(table.columns, number)),
            admin.get(path, params={"page": number, "rows": number}),
        ):
            assert answer.status_code in (200, 400, 404), answer.text
            assert len(answer.content) < 1_000_000


def test_an_edit_conflict_repeats_only_what_fits_the_field(world: World, admin: httpx.Client):
    (endpoint,) = [e for e in endpoints() if e.url.endswith("/pipeline_pricing_delete.dspy")]
    price = world.good_body(endpoint)["id"]
    for number, status in ((HUGE[1], 400), ("1e400", 409), ("1" * 150, 409), ('"new"', 409)):
        body = f'{{"id": "{price}", "lock_version": 77, "unit": {number}, "unit_price": {number}}}'
        answer = admin.post(endpoint.url, content=body, headers=JSON)

        assert answer.status_code == status, answer.text
        assert len(answer.content) < 3000
        if status == 409:
            result = {item["field"]: item["yours"] for item in answer.json()["difference"]}
            assert result == ({"unit": "new"} if number == '"new"' else {})


@pytest.mark.parametrize("path", ["calls", "calls/finish", "calls/batch", "quote"])
def test_who_is_asking_is_looked_up_before_a_large_body_is_read(server, key, path):
    """A thousand lines are checked and hashed for callers with a key only."""
    lines = ", ".join(['{"unit": "t", "quantity": 1e400}'] * 1000)
    body = f'{{"pipeline": "x", "status": "succeeded", "lines": [{lines}]}}'
    for credentials, status, code in (
        (UNKNOWN_KEY, 401, "invalid_key"),
        (key, 400, "invalid_fields"),
    ):
        headers = JSON | {"X-API-Key": credentials, "Idempotency-Key": "large"}
        for packed in (False, True):
            if packed:
                headers["Content-Encoding"] = "gzip"
            content = gzip.compress(body.encode()) if packed else body
            answer = server.anonymous().post(f"{API}/{path}", content=content, headers=headers)
            refusal_of(answer, status, code)


# Names that stand twice


@pytest.mark.parametrize(
    ("body", "name", "place"),
    [
        ('{"pipeline": "x", "lines": [{"unit": "call", "quantity": 1, "quantity": 1000}]}',
         "quantity", "line 1, column 61"),
        ('{"pipeline": "x",\n"pipel\\u0069ne": "y"}', "pipeline", "line 2, column 1"),
        ('{"calls": [{"idempotency_key": "a", "lines": [], "lines": []}]}', "lines", "column 50"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["calls", "calls/finish", "calls/batch", "quote"])
def test_the_api_takes_no_name_twice(server, key, path, body, name, place):
    headers = JSON | {"X-API-Key": key, "Idempotency-Key": "twice"}

    problem = refusal_of(
        server.anonymous().post(f"{API}/{path}", content=body, headers=headers), 400, "bad_json"
    )
    assert name in problem["detail"]
    assert place in problem["detail"]


def test_pages_columns_filters_and_files_take_no_name_twice(world: World, admin: httpx.Client):
    twice = '{"a": 1,\n "temperature": 0.5, "temperature": 0.7}'
    step = {"pipeline_id": world.draft()["id"], "step_key": "twice", "name": "S"}

    answer = admin.post(CREATE, content='{"code": "a", "name": "A", "code": "b"}', headers=JSON)
    assert "The name code stands twice" in refusal_of(answer, 400, "bad_json")["detail"]
    path, values = "/pipeline_core/api/pipeline_steps_create.dspy", step | {"config": twice}
    for answer in (admin.post(path, json=values), admin.post(path, data=values)):
        (error,) = refusal_of(answer, 400, "invalid_fields")["errors"]
        assert (error["pointer"], error["code"]) == ("/config", "bad_json")
        assert "temperature stands twice" in error["detail"]
        assert "line 2, column 22" in error["detail"]
    answer = admin.get(
        "/pipeline_core/pipelines/get_pipelines.dspy",
        params={"data_filter": '{"field": "id", "op": "=", "const": "a", "const": "b"}'},
    )
    assert "const stands twice" in refusal_of(answer, 400, "bad_filter")["detail"]
    file = '{"kind": "pipeline-line", "format_version": 1,\n"pipeline": {"name": "a", "name": "b"}}'
    answer = admin.post("/pipeline_core/api/pipeline_import.dspy", json={"content": file})
    detail = refusal_of(answer, 400, "bad_file")["detail"]
    assert "The name name stands twice" in detail
    assert "line 2, column 27" in detail


# Addresses, types and languages


def test_a_target_in_absolute_form_is_the_address_it_names(server: Installation, key: str):
    place = urlsplit(server.base_url).netloc
    line = f"X-API-Key: {key}"

    for target in (f"http://{place}{API}/me", f"HTTP://{place.upper()}{API}/me"):
        answer = get_raw(server.base_url, target, line)
        assert answer.status == 200, answer.body
        # What the target names is what counts, whatever Host says.
        assert get_raw(server.base_url, target, line, host="evil.example").status == 200
    with_query = get_raw(server.base_url, f"http://{place}{API}/pipelines?rows=1&page=x", line)
    assert json.loads(with_query.body)["errors"][0]["pointer"] == "/page"
    assert get_raw(server.base_url, f"http://{place}").status in (200, 302)
    assert get_raw(server.base_url, f"http://{place}?x=1").status in (200, 302)
    other = get_raw(server.base_url, f"http://evil.example{API}/me", line)
    assert (other.status, json.loads(other.body)["code"]) == (400, "unknown_host")
    for target in (f"http://user@{place}{API}/me", f"ftp://{place}{API}/me", "http://",
                   f"http://{place}/..{API}/me", f"http://{place}//{API}/me"):  # fmt: skip
        assert get_raw(server.base_url, target, line).status in (400, 404), target


@pytest.mark.parametrize(
    "path",
    ["/pipeline_dist/v1", "/pipeline_dist/v1/", "/pipeline_dist/v2", "/pipeline_dist/v2/me",
     f"{API}/nope", f"{API}/me/", f"{API}/me%2F", f"{API}%2Fme", f"{API}/me/index.dspy",
     f"{API}/calls/nope", f"{API}/calls/finish/"],
)  # fmt: skip
def test_what_the_api_has_not_is_404_for_everybody(server: Installation, key: str, path: str):
    for headers in ({}, {"X-API-Key": key}, {"Authorization": "Bearer no"}):
        for method in ("GET", "POST"):
            answer = server.anonymous().request(method, path, headers=headers)
            refusal_of(answer, 404, "not_found")


def test_the_advice_of_415_names_what_the_address_takes(admin: httpx.Client, server, key):
    client = server.anonymous(headers={"X-API-Key": key, "Idempotency-Key": "kinds"})
    for kind, is_missing in (("text/plain", False), ("", True)):
        for caller, url, forms in ((client, f"{API}/calls", False), (admin, CREATE, True)):
            answer = caller.post(url, content=b"{}", headers={"Content-Type": kind})
            detail = refusal_of(answer, 415, "unsupported_media_type")["detail"]
            assert "application/json" in detail
            assert ("form" in detail) is forms
            assert ("missing" in detail) is is_missing
            assert "octet-stream" not in detail
    answer = client.post(f"{API}/calls", data={"pipeline": "x"})
    assert "urlencoded" in refusal_of(answer, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{API}/me", 400), ("PUT", f"{API}/me", 405), ("POST", f"{API}/quote", 400),
        ("POST", f"{API}/calls/finish", 400), ("GET", f"{API}/nope", 404),
        ("GET", "/pipeline_dist/v2/me", 404),
    ],
)  # fmt: skip
def test_programs_are_refused_with_a_status_though_they_say_they_were_a_page(
    server: Installation, key: str, method: str, path: str, status: int
):
    client = server.anonymous(headers={"X-API-Key": key, "Idempotency-Key": "page"})
    ending = {"call_no": "nope", "status": "failed"}
    if method == "POST":
        answers = [client.post(path, json=ending | {"_webbricks_": 1}),
                   client.post(f"{path}?_webbricks_=1", content=b"{", headers=JSON),
                   client.post(f"{path}?_webbricks_=1", json=ending)]  # fmt: skip
    else:
        answers = [client.request(method, f"{path}?_webbricks_=1")]
    for answer in answers:
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.text.isascii()  # and in English


def test_programs_are_answered_in_the_language_they_ask_for_only(server: Installation, key: str):
    languages: dict[str, str]
    for path in (f"{API}/me", f"{API}/nope", "/pipeline_dist/v2/me"):
        for languages, chinese in (
            ({}, False), ({"Accept": "text/html"}, False), ({"Accept-Language": "fr"}, False),
            ({"Accept": "text/html", "Accept-Language": "en"}, False),
            ({"Accept": "application/json", "Accept-Language": "zh-CN,zh;q=0.9"}, True),
        ):  # fmt: skip
            text = server.anonymous().get(path, headers=languages).text
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text) is chinese, text[:300]


def test_escapes_that_are_no_utf_8_are_refused(admin: httpx.Client, server, key: str):
    """They would become replacement characters, in a record for instance."""
    answer = admin.post(CREATE, content=b"code=x&name=%B2%FA", headers=FORM)
    refusal_of(answer, 400, "bad_form")
    for client, path in (
        (admin, "/pipeline_core/pipelines/get_pipelines.dspy?q=%B2%FA"),
        (server.anonymous(headers={"X-API-Key": key}), f"{API}/pipelines?q=%ff"),
    ):
        refusal_of(client.get(path), 400, "bad_query")
