"""Answers that are packed, and those that clients keep: the same by either way, whoever asks."""

import gzip
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back
from tests.support.selling import (
    Reseller,
    link,
    make_distributor,
    make_pipeline,
    make_reseller,
    post,
)

BOTH_WAYS = True  # tests/conftest.py

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
STYLE = "/pipeline_dist/v1/docs/docs.css"
KEPT = [
    "pipelines", "pipelines?code=kept-0", "statement?month={month}", "statement.csv?month={month}",
    "statement.xlsx?month={month}", "statement?month={month}&format=csv", "openapi.json", "docs",
]  # fmt: skip


@pytest.fixture(scope="module")
def seller(server: Installation) -> Reseller:
    """A distributor with some pipelines and a month that is closed."""
    pipelines = [make_pipeline(server.admin, f"kept-{number}") for number in range(3)]
    post(server.admin, "/pipeline_ops/api/pipeline_pricing_create.dspy", effective_from=LONG_AGO,
         pipeline_id=pipelines[0]["id"], unit="call", unit_price="1", currency="USD")  # fmt: skip
    reseller = make_reseller(server, pipelines[0])
    for pipeline in pipelines[1:]:
        link(server.admin, reseller.distributor, pipeline)
    lines = [{"unit": "call", "quantity": 1}]
    book_in(server, month_back(1), reseller.distributor, pipelines[0], lines)
    close(server, reseller.distributor, month_back(1))
    return reseller


def ask(
    seller: Reseller, path: str, *, method: str = "GET", **headers: str
) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they came."""
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"/pipeline_dist/v1/{path.format(month=month_back(1))}"
    own["Authorization"] = f"Bearer {seller.key}"
    # A client of its own: the seller's reads, and unpacks, each answer to hold it to the document.
    with (
        httpx.Client(base_url=seller.client.base_url, trust_env=False) as client,
        client.stream(method, url, headers=own) as answer,
    ):
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", KEPT)
def test_what_may_be_kept_is_not_sent_twice(seller: Reseller, path: str) -> None:
    for headers in (GZIP, PLAIN):
        first, body = ask(seller, path, **headers)
        tag = first.headers["ETag"]
        again, nothing = ask(seller, path, If_None_Match=tag, **headers)

        assert (first.status_code, again.status_code) == (200, 304)
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert body
        assert nothing == b""
        assert again.headers["ETag"] == tag
        assert again.headers.get("Vary") == first.headers.get("Vary")
        assert "Content-Length" not in again.headers
        assert "Content-Type" not in again.headers
        policies = [answer.headers["Content-Security-Policy"] for answer in (first, again)]
        assert policies[0] == policies[1]


@pytest.mark.parametrize("path", KEPT)
def test_another_representation_has_another_tag(seller: Reseller, path: str) -> None:
    packed, packed_body = ask(seller, path, **GZIP)
    plain, body = ask(seller, path, **PLAIN)
    is_packed = "Content-Encoding" in packed.headers

    assert is_packed is (len(body) >= 1024 and "xlsx" not in path)
    assert (packed.headers["ETag"] != plain.headers["ETag"]) is is_packed
    assert (gzip.decompress(packed_body) if is_packed else packed_body) == body
    assert ("Accept-Encoding" in plain.headers.get("Vary", "")) is is_packed


@pytest.mark.parametrize("path", ["pipelines", "statement?month={month}", "openapi.json", "me"])
def test_head_tells_what_get_would(seller: Reseller, path: str) -> None:
    for headers in (GZIP, PLAIN):
        got, body = ask(seller, path, **headers)
        looked, nothing = ask(seller, path, method="HEAD", **headers)
        own = {"Date", "X-Request-Id", "RateLimit-Reset"}
        heads = [
            {name: value for name, value in answer.headers.items() if name.title() not in
             {item.title() for item in own}}
            for answer in (got, looked)
        ]  # fmt: skip

        assert heads[0] == heads[1]
        assert int(looked.headers["Content-Length"]) == len(body)
        assert nothing == b""


@pytest.mark.parametrize(
    "path", ["me", "usage?rows=5", "usage?group_by=day", "statement", "statements", "calls?x=1"]
)
def test_the_rest_is_not_kept(seller: Reseller, path: str) -> None:
    answer, body = ask(seller, path, If_None_Match="*", **GZIP)

    assert body
    assert answer.status_code in (200, 400)
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_tag_changes_with_what_it_is_of(server: Installation, seller: Reseller) -> None:
    before = [ask(seller, path, **GZIP)[0].headers["ETag"] for path in KEPT[:3]]
    call = seller.begin({"code": "kept-0"})
    post(server.admin, "/pipeline_core/api/pipelines_update.dspy",
         **server.query("select id, lock_version from pipelines where code = 'kept-0'")[0],
         description="Something else.")  # fmt: skip
    after = [ask(seller, path, **GZIP)[0].headers["ETag"] for path in KEPT[:3]]

    assert call.status_code == 201
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]


def test_short_answers_and_refusals_go_out_as_they_are(seller: Reseller) -> None:
    booking = seller.post(
        "calls", {"pipeline": "kept-1", "status": "succeeded", "lines": []}, key="short"
    )
    refusal, _ = ask(seller, "calls?call_no=none", **GZIP)

    for answer in (booking, refusal):
        assert "Content-Encoding" not in answer.headers
        assert "Vary" not in answer.headers


def test_long_answers_to_calls_are_packed_too(seller: Reseller) -> None:
    items = [
        {"idempotency_key": f"long-{n}", "pipeline": "kept-1", "status": "failed", "lines": []}
        for n in range(20)
    ]
    answer = seller.post("calls/batch", {"calls": items})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["accepted"] == 20


def test_a_key_is_told_unpacked(server: Installation) -> None:
    id_ = make_distributor(server.admin)["id"]
    new = {"distributor_id": id_, "scopes": "read"}
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("generate_key.dspy", {"id": id_, "end_previous": 1}),
        ("generate_key.dspy?_webbricks_=1", {"id": id_, "end_previous": 1}),
        ("key_create.dspy", {**new, "name": "one"}),
        ("key_create.dspy?_webbricks_=1", {**new, "name": "two"}),
    ]
    for call, body in bodies:
        answer = server.admin.post(
            f"/pipeline_dist/api/distributor_{call}", json=body, headers=GZIP
        )

        assert "ppk_" in answer.text
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store, no-transform"


def test_every_answer_with_a_secret_is_told_unpacked(server: Installation) -> None:
    """Of all that the document says has one."""
    seller = make_reseller(server)
    key = seller.post("keys", {"name": "one", "scopes": ["read"]}, key="one")
    webhook = seller.post("webhooks", {"url": "https://hooks.example.com/one"})
    answers = {
        "make_key": key,
        "rotate_key": seller.post("keys/rotate", {"key_id": key.json()["id"]}),
        "create_webhook": webhook,
        "rotate_webhook": seller.post("webhooks/rotate", {"webhook_id": webhook.json()["id"]}),
    }
    document = server.anonymous().get("/pipeline_dist/v1/openapi.json").json()
    calls = [call for methods in document["paths"].values() for call in methods.values()]

    assert {call["operationId"] for call in calls if "WithSecret" in str(call["responses"])} == {
        *answers
    }
    for name, answer in answers.items():
        assert {"api_key", "secret"} & answer.json().keys(), name
        assert answer.headers["Cache-Control"] == "no-store, no-transform", name


@pytest.mark.parametrize("path", [STYLE, "/pipeline_core/pipelines"])
def test_pages_and_their_files_are_packed(server: Installation, path: str) -> None:
    page = {"Accept": "text/html"} if "." not in path else {}
    packed = server.admin.get(path, headers=GZIP | page)
    plain = server.admin.get(path, headers=PLAIN | page)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.text == plain.text
    if "ETag" in packed.headers:
        tag = packed.headers["ETag"]
        assert tag != plain.headers["ETag"]
        again = server.admin.get(path, headers=GZIP | {"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
