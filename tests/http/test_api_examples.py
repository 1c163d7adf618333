"""The examples of the API's document are answers of the server: asked again, they come again."""

import re
from typing import Any

import httpx
import pytest

from pipeline_dist.api.openapi import examples
from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back, void
from tests.support.selling import (
    Reseller,
    link,
    make_distributor,
    make_pipeline,
    make_reseller,
    new_key,
    post,
)
from tests.support.tampering import without_triggers

# What is otherwise each time: numbers and times that the server gives, and what hangs on them.
MADE_ANEW = {
    "call_no", "checksum", "api_key_prefix", "request_id", "started_at", "finished_at",
    "lease_expires_at", "duration_ms", "published_at", "resets_at", "quota_resets_at", "made_at",
    "from", "to", "month", "day", "allowed_ips", "next", "number", "closed_at",
}  # fmt: skip
# What was used before the example's call, and so how much is left.
COUNTED = {
    "used", "remaining", "quota_used", "quota_remaining", "spend_used", "spend_remaining", "calls",
    "quantity", "amount", "total", "retry_after", "entry_no", "lines_amount", "corrections_amount",
}  # fmt: skip


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    admin = server.admin
    pipeline = make_pipeline(admin, "script-to-video", prices=(), publish=False, max_concurrency=8)
    rename = "/pipeline_core/api/pipelines_update.dspy"
    post(admin, rename, name="Script to video", **key_of(server, pipeline))
    (step,) = server.query("select * from pipeline_steps where pipeline_id = %s", pipeline["id"])
    post(admin, "/pipeline_core/api/pipeline_steps_update.dspy", id=step["id"],
         lock_version=step["lock_version"], step_key="draft", name="Draft")  # fmt: skip
    post(admin, "/pipeline_ops/api/pipeline_pricing_create.dspy", pipeline_id=pipeline["id"],
         model="claude-haiku-4-5", unit="input_token", unit_price="1", unit_size=1_000_000,
         currency="USD")  # fmt: skip
    for notes in ("first", "second", "third"):
        about = None if notes == "third" else notes
        post(admin, rename, description=about, **key_of(server, pipeline))
        post(
            admin,
            "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=pipeline["id"],
            notes=notes,
        )
    return pipeline


@pytest.fixture(scope="module")
def acme(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    distributor = make_distributor(
        server.admin, "acme", name="ACME Cloud", quota_period="month", quota_calls=10_000,
        spend_limit="500", spend_period="month", allowed_ips="127.0.0.0/8",
    )  # fmt: skip
    link(server.admin, distributor, pipeline)
    reseller = Reseller(server, distributor, new_key(server.admin, distributor))
    # A call that runs is what the examples of limits have.
    assert reseller.post("calls", examples.BEGIN, key="runs").status_code == 201
    return reseller


def key_of(server: Installation, pipeline: dict[str, Any]) -> dict[str, Any]:
    """What names *pipeline* as it is now in a change."""
    (row,) = server.query("select id, lock_version from pipelines where id = %s", pipeline["id"])
    return row


def outline(value: Any, name: str = "") -> Any:
    """*value* with its shape and nulls, and without what is otherwise each time."""
    if isinstance(value, dict):
        return {key: outline(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [outline(item, name) for item in value]
    if value is not None and name in MADE_ANEW | COUNTED:
        return re.sub(r"[0-9a-zA-Z_-]+", "x", value) if isinstance(value, str) else type(value)
    return re.sub(r"[0-9T:.-]+Z", "a time", value) if isinstance(value, str) else value


def same(answer: httpx.Response, example: Any, status: int = 200) -> None:
    """Fail unless *answer* is *example*, member for member and in its order."""
    assert answer.status_code == status, answer.text
    answer_outline, example_outline = outline(answer.json()), outline(example)
    assert answer_outline == example_outline
    assert order(answer_outline) == order(example_outline)


def order(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, order(item)) for key, item in value.items()]
    return [order(item) for item in value] if isinstance(value, list) else None


def test_begin_read_and_finish(acme: Reseller) -> None:
    beginning = acme.post("calls", examples.BEGIN, key="example")
    same(beginning, examples.BEGUN, 201)
    same(acme.get("calls", call_no=beginning.json()["call_no"]), examples.RUNNING)
    ending = acme.post("calls/finish", examples.ENDING | {"call_no": beginning.json()["call_no"]})
    same(ending, examples.FINISHED)
    same(acme.get("calls", call_no=beginning.json()["call_no"]), examples.FINISHED)


def test_one_go_and_batch(server: Installation, pipeline: dict[str, Any], acme: Reseller) -> None:
    same(acme.post("calls", examples.ONE_GO, key="in one go"), examples.BOOKED, 201)
    nearly = make_distributor(
        server.admin, "nearly-used-up", quota_period="month", quota_calls=10_000
    )
    link(server.admin, nearly, pipeline)
    other = Reseller(server, nearly, new_key(server.admin, nearly))
    assert other.post("calls", examples.ONE_GO, key="one").status_code == 201
    server.query("update distributors set quota_used = 9999 where id = %s", nearly["id"])
    same(other.post("calls/batch", examples.BATCH), examples.BATCH_RESULT)


def test_what_may_be_called_and_what_it_costs(acme: Reseller) -> None:
    same(acme.get("me"), examples.ME)
    same(acme.get("pipelines"), examples.PIPELINE_LIST)
    same(acme.get("pipelines", code="script-to-video"), examples.PIPELINE_DETAIL)
    same(acme.post("quote", examples.QUOTE_REQUEST), examples.QUOTE)


def test_reports(server: Installation, pipeline: dict[str, Any], acme: Reseller) -> None:
    assert acme.post("calls", examples.ONE_GO, key="reported").status_code == 201
    same(acme.get("usage", group_by="day"), examples.USAGE_SUMS)
    other = make_reseller(server, pipeline)
    labels = {name: examples.BEGIN[name] for name in ("client_ref", "tags")}
    assert other.post("calls", examples.ONE_GO | labels, key="reported").status_code == 201
    same(other.get("usage"), examples.USAGE_LINES)


def test_statements(server: Installation, pipeline: dict[str, Any]) -> None:
    post(server.admin, "/pipeline_ops/api/pipeline_pricing_create.dspy", effective_from=LONG_AGO,
         pipeline_id=pipeline["id"], step_key="draft", model="claude-haiku-4-5",
         unit="input_token", unit_price="1", unit_size=1_000_000, currency="USD")  # fmt: skip
    distributor = make_distributor(server.admin, "acme-too", name="ACME too")
    link(server.admin, distributor, pipeline)
    lines = examples.ONE_GO["lines"]
    call = book_in(server, month_back(2), distributor, pipeline, lines)
    close(server, distributor, month_back(2))
    book_in(server, month_back(1), distributor, pipeline, lines)
    void(server, call, "booked twice")
    adjustment = post(
        server.admin, "/pipeline_dist/api/distributor_adjust.dspy",
        distributor_id=distributor["id"], amount="-1.5", reference="CN-2026-017",
        reason="Goodwill for the outage of 20 November",
    )  # fmt: skip
    with without_triggers(server):
        # As one that was booked a month ago.
        server.query(
            "update pipeline_usage_log set month_key = %s where id = %s",
            month_back(1), adjustment["id"],
        )  # fmt: skip
    close(server, distributor, month_back(1))
    reseller = Reseller(server, distributor, new_key(server.admin, distributor))
    of_it = {"distributor": {"code": "acme-too", "name": "ACME too"}}

    same(reseller.get("statement", month=month_back(1)), examples.STATEMENT | of_it)
    page = reseller.get("statements", rows=1)
    assert len(page.json()["next"]) > 20
    same(reseller.get("statements", rows=1, next=page.json()["next"]), examples.STATEMENTS)


def test_refusal(acme: Reseller) -> None:
    wrong = examples.ONE_GO["lines"][0] | {"quantity": "many"}
    same(acme.post("calls", examples.ONE_GO | {"lines": [wrong]}, key="wrong"),
         examples.PROBLEM, 400)  # fmt: skip
