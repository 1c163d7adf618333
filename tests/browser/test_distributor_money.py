"""A distributor's money on its page: the limit that applies, adjustments and top-ups by hand."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_distributor_page import open_page
from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller


@pytest.fixture
def reseller(server: Installation) -> Reseller:
    return make_reseller(server, make_pipeline(server.admin), spend_limit="5", spend_period="month")


def submit(page: Page, **values: str) -> None:
    window = page.get_by_role("dialog")
    for name, value in values.items():
        # One line each: what could be typed in a text of several would be refused.
        window.locator(f"[data-field={name}] input").first.fill(value)
    window.locator("button[data-tool=submit]").click()
    expect(window).to_have_count(0)


def test_what_applies_is_shown_and_booked(admin_page: Page, reseller: Reseller) -> None:
    page = admin_page
    open_page(page, reseller)
    expect(page.get_by_text("本月已消费")).to_be_visible()
    page.locator("[data-tool=adjust]").click()
    submit(page, amount="1.25", reason="开户费")
    expect(page.get_by_role("meter").nth(1)).to_have_attribute("aria-valuetext", "1.25 / 5 USD")
    expect(page.locator("[data-tool=topup]")).to_have_count(0)

    page.locator("[data-tool=edit_distributor]").click()
    window = page.get_by_role("dialog")
    expect(window.locator("[data-field=spend_limit]")).to_be_visible()
    window.locator("[data-field=billing_mode] select").select_option("prepaid")
    expect(window.locator("[data-field=spend_limit]")).to_be_hidden()
    expect(window.locator("[data-field=spend_period]")).to_be_hidden()
    submit(page)
    page.locator("[data-tool=topup]").click()
    submit(page, amount="10", reason="转账", reference="T-1")
    expect(page.get_by_role("meter").nth(1)).to_have_attribute(
        "aria-valuetext", re.compile(r"^0(\.00)? / 10(\.00)? USD$")
    )

    page.locator("[data-tool=credits]").click()
    rows = page.get_by_role("dialog").get_by_role("row")
    expect(rows.filter(has_text="T-1")).to_have_count(1)
    expect(rows.filter(has_text="开户费")).to_have_count(1)
