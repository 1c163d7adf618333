"""The audit trail in the browser: a change is found, looked at and put back."""

import httpx
from playwright.sync_api import Page, expect

from tests.browser.row_tools import use_row_tool
from tests.support.installation import Installation
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
    expect(window).to_contain_text("Line → Overwritten")
    expect(window).to_contain_text("admin")
    window.get_by_role("button", name="恢复").click()
    page.get_by_role("alertdialog").get_by_role("button").last.click()

    expect(page.get_by_text("name 已恢复为之前的值。")).to_be_visible()
    assert fresh(admin, pipeline)["name"] == "Line"


def test_the_trail_is_in_both_languages_with_nothing_untranslated(admin_page: Page) -> None:
    page = admin_page
    open_trail(page)
    assert page.evaluate("bricks.untranslated()") == []
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    open_trail(page)
    expect(page.locator("#main thead")).to_contain_text("Object")
    use_row_tool(page.locator("#main tbody tr").first, "details")
    expect(page.get_by_role("dialog")).to_contain_text("request")
    assert page.evaluate("bricks.untranslated()") == []
