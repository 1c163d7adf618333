"""Voiding calls in the list of use: the reason is asked for, of one call and of several at once."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installation import Installation
from tests.support.selling import make_pipeline, post

LIST = "/pipeline_ops/pipeline_usage_log"
PRICE = {"unit": "call", "unit_price": "1", "currency": "CNY"}


@pytest.fixture
def pipeline(server: Installation) -> dict[str, Any]:
    pipeline = make_pipeline(server.admin, prices=[PRICE])
    for number in range(3):
        post(
            server.admin,
            "/pipeline_ops/api/pipeline_usage_log_create.dspy",
            pipeline_id=pipeline["id"],
            client_ref=f"order-{number}",
            lines=[{"unit": "call", "quantity": "1"}],
        )
    return pipeline


def reasons(server: Installation, pipeline: dict[str, Any]) -> list[str]:
    """The reasons of what was voided on this pipeline, a reversal each."""
    rows = server.query(
        "select reason from pipeline_usage_log where pipeline_id = %s and entry_type = 'reversal'"
        " order by entry_no",
        pipeline["id"],
    )
    return [row["reason"] for row in rows]


def open_list(page: Page, pipeline: dict[str, Any]) -> Locator:
    page.goto(f"/#{LIST}?pipeline_id={pipeline['id']}")
    rows = page.locator("#main tbody tr")
    expect(rows).to_have_count(3)
    return rows


def test_a_call_is_voided_with_its_reason(
    admin_page: Page, server: Installation, pipeline: dict[str, Any]
) -> None:
    rows = open_list(admin_page, pipeline)
    rows.first.click()
    admin_page.locator("#main [data-tool=delete]").click()
    form = admin_page.get_by_role("dialog").last
    form.locator("button[type=submit]").click()
    expect(form.locator("[data-field=reason] .field-error")).to_be_visible()
    assert reasons(server, pipeline) == []

    form.locator("[data-field=reason] input").fill("booked twice")
    form.locator("button[type=submit]").click()
    expect(admin_page.get_by_role("dialog")).to_have_count(0)
    assert reasons(server, pipeline) == ["booked twice"]


def test_a_refused_reason_stays_typed(
    admin_page: Page, server: Installation, pipeline: dict[str, Any]
) -> None:
    rows = open_list(admin_page, pipeline)
    rows.first.click()
    admin_page.locator("#main [data-tool=delete]").click()
    form = admin_page.get_by_role("dialog").last
    reason = form.locator("[data-field=reason] input")
    reason.fill("not ours")
    headers = server.query(
        "select id from pipeline_usage_log where pipeline_id = %s order by id", pipeline["id"]
    )
    post(
        server.admin,
        "/pipeline_ops/api/pipeline_usage_log_delete.dspy",
        id=headers[-1]["id"],
        reason="faster",
    )
    form.locator("button[type=submit]").click()
    expect(form.locator(".form-summary")).to_be_visible()
    expect(reason).to_have_value("not ours")
    assert reasons(server, pipeline) == ["faster"]


def test_several_calls_are_voided_with_one_reason(
    admin_page: Page, server: Installation, pipeline: dict[str, Any]
) -> None:
    rows = open_list(admin_page, pipeline)
    for number in range(2):
        rows.nth(number).locator("input[type=checkbox]").check()
    admin_page.locator(".bulk-bar button.danger").click()
    form = admin_page.get_by_role("dialog").last
    form.locator("[data-field=reason] input").fill("trial calls")
    form.locator("button[type=submit]").click()
    expect(admin_page.locator("dialog[open] .bulk-results .good")).to_have_count(2)
    assert reasons(server, pipeline) == ["trial calls", "trial calls"]
