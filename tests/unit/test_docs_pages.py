"""The pages, samples and notices of the API: made of the document, and complete."""

import asyncio
import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from app.access.api_request import ApiRequest
from app.base.errors import AppError
from app.base.settings import ROOT
from app.web.deprecation import Deprecation
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.api import docs_page, guides as guides_module
from pipeline_dist.api.endpoint import Reply, by_key, endpoint
from pipeline_dist.api.endpoints import ENDPOINTS
from pipeline_dist.api.error_codes import FIELD_CODES
from pipeline_dist.api.openapi import document as openapi
from pipeline_dist.api.openapi.operations import OPERATIONS
from pipeline_dist.api.remedies import Repeat
from pipeline_dist.api.samples import LANGUAGES, SampleRequest, python, sample_requests
from pipeline_dist.errors import CALL_NOT_FOUND

OLD = Deprecation(
    since=datetime(2026, 11, 30, tzinfo=UTC),
    sunset=datetime(2028, 1, 1, tzinfo=UTC),
    page="/pipeline_dist/v1/docs/guide?name=versioning",
)
NOTICE = {
    "Deprecation": "@1795996800",
    "Sunset": "Sat, 01 Jan 2028 00:00:00 GMT",
    "Link": f'<{OLD.page}>; rel="deprecation"; type="text/html",'
    f' <{OLD.page}>; rel="sunset"; type="text/html"',
}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    options: Any = SimpleNamespace(public_url="https://x.example", root_dir=ROOT)
    for module in (openapi, guides_module):
        monkeypatch.setattr(module, "settings", lambda: options)


def operations() -> dict[str, dict[str, Any]]:
    paths = openapi.document("en")["paths"]
    return {op["operationId"]: op for methods in paths.values() for op in methods.values()}


@pytest.mark.parametrize("name", [operation.name for operation in OPERATIONS])
def test_every_operation_has_words_and_examples(name: str) -> None:
    """What lacks one has a page that does not tell, and no sample that works."""
    operation = operations()[name]
    parameters = operation.get("parameters", ())
    requests = [r for r in sample_requests(openapi.document("en")) if r.operation == name]
    answers = [answer for status, answer in operation["responses"].items() if status < "300"]

    assert len(operation["summary"]) > 5
    assert len(operation["description"]) > 5
    assert requests
    if "requestBody" in operation:
        assert operation["requestBody"]["content"]["application/json"]["examples"]
    for request in requests:
        for item in parameters:
            assert item["description"]
            place = request.query if item["in"] == "query" else request.headers
            assert not item["required"] or item["name"] in place, f"{name}: {item['name']}"
    for answer in answers:
        for kind, media in answer["content"].items():
            assert kind != "application/json" or media.get("examples"), name


def test_examples_of_parameters_fit_their_schemas() -> None:
    from jsonschema import Draft202012Validator

    for operation in operations().values():
        for item in operation.get("parameters", ()):
            for example in item.get("examples", {}).values():
                kinds = item["schema"].get("type")
                value = int(example["value"]) if kinds == "integer" else example["value"]
                Draft202012Validator(item["schema"]).validate(value)


def test_every_code_says_what_to_do() -> None:
    english = openapi.document("en")["x-error-codes"]
    chinese = openapi.document("zh")["x-error-codes"]

    for entry, translation in zip(english, chinese, strict=True):
        assert len(entry["remedy"]) > 10, entry["code"]
        assert re.search(r"[\u4e00-\u9fff]", translation["remedy"]), entry["code"]
        assert entry["repeat"] in set(Repeat)
    fields = {item["code"]: item["description"] for item in openapi.document("zh")["x-field-codes"]}
    assert set(fields) == set(FIELD_CODES)
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in fields.values())
    by_code = {entry["code"]: entry["repeat"] for entry in english}
    assert by_code["busy"] == by_code["quota_exceeded"] == Repeat.AFTER_WAIT
    assert by_code["already_finished"] == Repeat.NEVER
    assert by_code["spend_limit_reached"] == Repeat.AFTER_OPERATOR
    assert by_code["invalid_fields"] == by_code["too_slow"] == Repeat.AFTER_CORRECTION


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_has_every_operation_code_field_and_guide(lang: str) -> None:
    page = docs_page.page(lang)
    document = openapi.document(lang)

    for name in operations():
        assert f'id="{name}"' in page
        assert f'_lang={lang}#{name}"' in page
    for entry in document["x-error-codes"]:
        assert f'id="code-{entry["code"]}"' in page
    for guide in guides_module.guides(lang).values():
        assert f"name={guide.name}" in page
        assert guide.title in page
    assert page.count("package main") == len(sample_requests(document))
    for link in re.findall(r'href="(#[^"]+)"', page):
        assert f'id="{link[1:]}"' in page, link


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_links_of_guides_lead_to_pages_that_are_there(lang: str) -> None:
    guides = guides_module.guides(lang)

    assert next(iter(guides)) == "quick-start"
    assert [*guides][-1] == "api-changelog"
    assert {"idempotency", "retrying", "money-and-months", "time-zones", "batches", "late-work",
            "limits", "answers", "versioning", "api"} <= set(guides)  # fmt: skip
    for guide in guides.values():
        page = docs_page.guide_page(guide.name, lang)
        assert page is not None
        for href in re.findall(r'href="([^"]+)"', str(guide.html)):
            match = re.fullmatch(
                r"/pipeline_dist/v1/docs/guide\?name=([\w-]+)&amp;_lang=(\w+)", href
            )
            if href.startswith("https://"):
                continue
            assert match, f"{guide.name}: {href}"
            assert match[1] in guides
            assert match[2] == lang
    assert docs_page.guide_page("../api", lang) is None


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_search_index_has_everything(lang: str) -> None:
    entries = docs_page.search_index(lang)
    titles = {entry["title"] for entry in entries}

    assert {"lease_seconds", "client_ref", "Idempotency-Key", "quota_exceeded"} <= titles
    assert {f"{op.method.upper()} {op.path}" for op in OPERATIONS} <= titles
    assert {guide.title for guide in guides_module.guides(lang).values()} <= titles
    assert all(entry["text"] or entry["title"] for entry in entries)


def test_samples_quote_what_languages_take_for_signs() -> None:
    body: dict[str, Any] = {
        "text": 'it\'s "a" `b` $c \\n {d}',
        "no": None,
        "yes": True,
        "list": [],
        "n": 1.5,
    }
    request = SampleRequest(operation="x", name="", method="POST", path="/x", body=body)
    texts = {language.name: language.write(request) for language in LANGUAGES}

    assert "it'\\''s" in texts["curl"]
    assert "'it\\'s \"a\" `b` $c \\\\n {d}'" in texts["PHP"]
    assert "'no' => null" in texts["PHP"]
    assert 'strings.NewReader("{' in texts["Go"]
    compile(python(request), "sample", "exec")
    assert json.dumps(body["text"]) in texts["Python"]
    assert json.dumps(body["text"]) in texts["JavaScript"]


def request_of(method: str, key: str) -> ApiRequest:
    request = ApiRequest()
    context: Any = SimpleNamespace(distributor=None, client_ip="", key_prefix="")
    request.method, request.context = method, context
    request.headers = CIMultiDictProxy(CIMultiDict({"X-API-Key": key}))
    return request


@pytest.mark.parametrize("status", [200, 404, 401])
def test_what_is_on_its_way_out_says_so_in_every_answer(status: int) -> None:
    async def answer(request: ApiRequest, credentials: Any) -> Reply:
        if status == 404:
            error = CALL_NOT_FOUND()
            error.headers["RateLimit-Limit"] = "1"
            raise error
        return Reply(body={}, limits=[])

    old = endpoint(
        GET=by_key(Scope.READ)(answer), POST=by_key(Scope.READ)(answer), deprecations={"GET": OLD}
    )

    async def ask(request: ApiRequest) -> Any:
        assert old.direct is not None
        return await old.direct(request)

    def headers(method: str) -> dict[str, str]:
        key = "ppk_x" if status == 401 else keys.mint()
        try:
            return dict(asyncio.run(ask(request_of(method, key))).headers)
        except AppError as error:
            return error.headers

    for method in ("GET", "HEAD"):
        assert NOTICE.items() <= headers(method).items()
    assert "Deprecation" not in headers("POST")


def test_what_has_no_end_yet_has_no_sunset() -> None:
    headers = Deprecation(since=OLD.since, page="/x").headers()

    assert headers == {
        "Deprecation": "@1795996800",
        "Link": '</x>; rel="deprecation"; type="text/html"',
    }


def test_every_operation_has_its_endpoint_where_the_document_looks() -> None:
    """Else it would not say that one is on its way out."""
    names = {openapi.endpoint_name(operation.path) for operation in OPERATIONS}

    assert names - set(ENDPOINTS) == set()


def test_what_is_on_its_way_out_is_marked_in_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: ApiRequest, credentials: Any) -> Reply:
        return Reply(body={})

    old = endpoint(GET=by_key(Scope.READ)(answer), deprecations={"GET": OLD})
    monkeypatch.setitem(ENDPOINTS, "v1_me", old)

    assert operations()["me"]["deprecated"] is True
    assert operations()["me"]["x-sunset"] == "2028-01-01T00:00:00+00:00"
    assert "deprecated" not in operations()["usage"]
    docs_page.page.cache_clear()
    assert "Ends on 2028-01-01" in docs_page.page("en")
    docs_page.page.cache_clear()
