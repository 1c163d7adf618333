"""The audit trail in the browser: a change is found, looked at and put back."""

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.browser.every_page import new_page
from tests.browser.row_tools import use_row_tool
from tests.support.installation import PASSWORDS, Installation
from tests.support.pipelines import do, fresh, new_pipeline


def open_trail(page: Page) -> None:
    page.goto("/#/app_audit")
    expect(page.locator("#main .tabular")).to_be_visible()
    expect(page.locator("#main [aria-busy=true], #main[aria-busy=true]")).to_have_count(0)


def test_a_change_is_found_looked_at_and_put_back(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipelines_update", id=pipeline["id"], lock_version=1, name="Overwritten")
    page = admin_page
    open_trail(page)
    row = page.get_by_role("row").filter(has_text="Overwritten").first
    expect(row).to_contain_text("修改")
    expect(row).to_contain_text(pipeline["code"])
    use_row_tool(row, "details")

    window = page.get_by_role("dialog")
    expect(window).to_contain_text("admin")
    cells = window.get_by_role("row").filter(has_text="产线名称").get_by_role("cell")
    expect(cells.first).to_have_text("Line")
    expect(cells.nth(1)).to_have_text("Overwritten")
    window.get_by_role("button", name="恢复").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("将“产线名称”恢复为此次修改前的“Line”？")
    question.get_by_role("button").last.click()

    expect(page.get_by_text("name 已恢复为之前的值。")).to_be_visible()
    assert fresh(admin, pipeline)["name"] == "Line"
    # The list behind has the new entry.
    expect(window.get_by_role("button", name="已恢复")).to_be_disabled()
    expect(page.locator("#main").get_by_role("row").filter(has_text="恢复").first).to_be_visible()


def test_a_deleted_record_is_put_back_from_the_trail_in_the_readers_zone(
    browser: Browser, server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    price = admin.post(
        "/pipeline_ops/api/pipeline_pricing_create.dspy",
        json={"pipeline_id": pipeline["id"], "unit": "call", "unit_price": "1", "currency": "CNY",
              "effective_from": "2031-01-01T00:00:00Z"},
    ).json()["data"]  # fmt: skip
    admin.post("/pipeline_ops/api/pipeline_pricing_delete.dspy", json={"id": price["id"]})
    context = browser.new_context(
        base_url=server.base_url, locale="zh-CN", timezone_id="America/New_York"
    )
    context.request.post("/login.dspy", data={"username": "admin", "password": PASSWORDS["admin"]})
    page = new_page(context)
    open_trail(page)
    use_row_tool(page.locator("#main tbody tr").filter(has_text="删除").first, "details")

    window = page.get_by_role("dialog")
    expect(window).to_contain_text("2030-12-31 19:00:00")
    expect(window).not_to_contain_text("2031-01-01T00:00:00")
    window.get_by_role("button", name="恢复这条记录").click()
    page.get_by_role("alertdialog").get_by_role("button").last.click()
    expect(window.get_by_role("button", name="已恢复")).to_be_disabled()
    rows = server.query("select id from pipeline_pricing where pipeline_id = %s", pipeline["id"])
    assert rows == [{"id": price["id"]}]
    context.close()


def test_the_trail_is_in_both_languages_with_nothing_untranslated(admin_page: Page) -> None:
    page = admin_page
    open_trail(page)
    assert page.evaluate("bricks.untranslated()") == []
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    open_trail(page)
    expect(page.locator("#main thead")).to_contain_text("Object")
    use_row_tool(page.locator("#main tbody tr").first, "details")
    expect(page.get_by_role("dialog")).to_contain_text("Request id")
    assert page.evaluate("bricks.untranslated()") == []
