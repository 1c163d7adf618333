"""Prices of a distributor of its own in the list of prices, and in its form."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.every_page import settle
from tests.support.installation import Installation
from tests.support.selling import link, make_distributor, make_pipeline

LIST = "/pipeline_ops/pipeline_pricing"
PRICE = {"unit": "call", "unit_price": "1"}


@pytest.fixture
def pair(server: Installation) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line with a price of everybody's, and a distributor that may call it."""
    pipeline = make_pipeline(server.admin, prices=[PRICE])
    distributor = make_distributor(server.admin)
    link(server.admin, distributor, pipeline)
    return pipeline, distributor


def test_the_list_says_whose_a_price_is_and_the_form_asks(
    admin_page: Page, server: Installation, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    pipeline, distributor = pair
    admin_page.goto(f"/#{LIST}?pipeline_id={pipeline['id']}")
    rows = admin_page.locator("#main tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("所有人")

    admin_page.locator("#main [data-tool=add]").click()
    form = admin_page.get_by_role("dialog").last
    field = form.locator("[data-field=distributor_id]")
    control = field.locator("select, input").first
    expect(control).to_be_visible()
    settle(admin_page)
    if control.evaluate("node => node.tagName") == "SELECT":
        expect(control.locator("option").first).to_have_text("所有人")
        control.select_option(label=distributor["name"])
    else:
        expect(control).to_have_attribute("placeholder", "所有人")
        control.fill(distributor["name"])
        admin_page.get_by_role("option", name=distributor["name"]).click()
    form.locator("[data-field=unit] input").fill("call")
    form.locator("[data-field=unit_price] input").fill("0.5")
    form.locator("[data-field=currency] input").fill("USD")
    form.locator("button[type=submit]").click()

    expect(rows).to_have_count(2)
    expect(rows.filter(has_text=distributor["name"])).to_have_count(1)
    (row,) = server.query(
        "select unit_price from pipeline_pricing where distributor_id = %s", distributor["id"]
    )
    assert str(row["unit_price"]) == "0.500000"
