"""A distributor's own page: key, pipelines and prices, its use to the single call, statements."""

import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.browser.every_page import settle
from tests.support.installation import Installation
from tests.support.selling import Reseller, link, make_distributor, make_pipeline, make_reseller

CALLS = 3


@pytest.fixture
def reseller(server: Installation) -> Reseller:
    """A distributor of two pipelines, one of them at a discount, that has made a few calls."""
    pipeline = make_pipeline(server.admin)
    customer = make_reseller(server, pipeline, quota_period="day", quota_calls=4, spend_limit="0.5")
    other = make_pipeline(server.admin)
    link(server.admin, customer.distributor, other, pricing_mode="discount", discount_rate="0.5")
    usage = [{"step_key": "answer", "unit": "input_token", "quantity": 50_000}]
    for number in range(CALLS):
        booking = customer.begin(
            pipeline, status="succeeded", lines=usage, client_ref=f"order {number}"
        )
        assert booking.status_code == 201, booking.text
    return customer


def open_page(page: Page, reseller: Reseller) -> None:
    page.goto("/#/pipeline_dist/distributors")
    page.get_by_role("gridcell", name=reseller.distributor["code"], exact=True).dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text(reseller.distributor["name"])


def test_limits_pipelines_and_use_to_the_single_call(admin_page: Page, reseller: Reseller) -> None:
    page = admin_page
    open_page(page, reseller)

    meters = page.get_by_role("meter")
    expect(meters.nth(0)).to_have_attribute("aria-valuetext", "3 / 4 次调用")
    expect(meters.nth(1)).to_have_attribute("aria-valuetext", "0.15 / 0.50 USD")

    page.get_by_role("tab", name="产线与价格").click()
    discounted = page.locator("[data-pipeline]").filter(has_text="折扣")
    expect(discounted.get_by_role("row").filter(has_text="input_token")).to_contain_text("0.50 USD")

    page.get_by_role("tab", name="使用量").click()
    bar = page.locator(".chart-bar[role=button]").filter(has=page.locator(".chart-fill"))
    today = bar.and_(page.locator('[aria-label*=", 3 次调用"]'))
    today.focus()
    page.keyboard.press("Enter")
    settle(page)
    page.locator("[data-pipeline]").first.click()
    expect(page.locator(".call-row")).to_have_count(CALLS)
    page.locator(".call-row a").first.click()
    call = page.locator(".call-panel")
    expect(call).to_contain_text("order 2")
    expect(call.locator(".call-item")).to_contain_text("0.05 USD")


def test_a_statement_to_look_at_and_to_keep(admin_page: Page, reseller: Reseller) -> None:
    page = admin_page
    open_page(page, reseller)
    page.get_by_role("tab", name="账单").click()
    expect(page.get_by_text("应付 0.15 USD")).to_be_visible()

    with page.expect_download() as download:
        page.locator("[data-tool=statement_csv]").click()
    assert download.value.suggested_filename.endswith(".csv")
    text = download.value.path().read_text("utf-8")
    assert "合计" in text
    assert "0.15" in text
    with page.expect_download() as download:
        page.locator("[data-tool=statement_xlsx]").click()
    assert "xl/workbook.xml" in zipfile.ZipFile(download.value.path()).namelist()


def test_a_key_made_rotated_and_revoked(admin_page: Page, server: Installation) -> None:
    page = admin_page
    fresh = make_distributor(server.admin)
    page.goto(f"/#/pipeline_dist/distributor.ui?id={fresh['id']}")
    expect(page.locator(".page-title")).to_contain_text("尚无密钥")

    page.locator("[data-tool=generate_key]").click()
    page.get_by_role("dialog").locator("button[data-tool=submit]").click()
    first = shown_key(page)
    assert Reseller(server, fresh, first).client.get("/pipeline_dist/v1/me").status_code == 200

    page.locator("[data-tool=generate_key]").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[data-field=grace_hours] input").fill("1")
    dialog.locator("button[data-tool=submit]").click()
    second = shown_key(page)
    expect(page.get_by_text("轮换中")).to_be_visible()
    for key in (first, second):
        assert Reseller(server, fresh, key).client.get("/pipeline_dist/v1/me").status_code == 200

    page.locator("[data-tool=generate_key]").click()
    dialog.locator("button[data-tool=submit]").click()
    expect(dialog.locator("[data-field=end_previous]")).to_contain_text("请选择此项")
    dialog.locator("[data-field=end_previous]").get_by_role("checkbox").check()
    dialog.locator("button[data-tool=submit]").click()
    third = shown_key(page)
    statuses = [
        Reseller(server, fresh, key).client.get("/pipeline_dist/v1/me").status_code
        for key in (first, second, third)
    ]
    assert statuses == [401, 200, 200]

    page.locator("[data-tool=revoke_key]").click()
    page.get_by_role("alertdialog").get_by_role("button", name="撤销").click()
    expect(page.locator(".page-title")).to_contain_text("尚无密钥")
    for key in (first, second):
        assert Reseller(server, fresh, key).client.get("/pipeline_dist/v1/me").status_code == 401


def shown_key(page: Page) -> str:
    """The key in the box that shows it once, with a line to paste; closes the box."""
    box = page.get_by_role("dialog")
    key = box.locator("code[data-name=key]").inner_text()
    expect(box.locator("code[data-name=curl]")).to_contain_text(key)
    expect(box.locator("[data-copy=key]")).to_be_visible()
    box.get_by_role("button", name="我已保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    return key


def test_a_distributor_changed_on_its_page(admin_page: Page, server: Installation) -> None:
    page = admin_page
    distributor = make_distributor(server.admin)
    page.goto(f"/#/pipeline_dist/distributor.ui?id={distributor['id']}")
    page.locator("[data-tool=edit_distributor]").click()
    form = page.get_by_role("dialog")
    form.locator("[data-field=status] select").select_option(label="暂停")
    form.locator("[data-field=spend_limit] input").fill("-3")
    form.get_by_role("button", name="保存").click()
    expect(form.locator("[data-field=spend_limit] .field-error")).to_be_visible()
    form.locator("[data-field=spend_limit] input").fill("12.5")
    form.get_by_role("button", name="保存").click()
    expect(page.locator(".page-title")).to_contain_text("暂停")
    spend = page.get_by_role("meter", name="已消费")
    expect(spend).to_have_attribute("aria-valuetext", "0 / 12.50 USD")
