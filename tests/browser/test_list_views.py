"""Views on the server, in the list's bar: kept, named, opened first, of the team, taken over."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import LISTS, open_list
from tests.support.installation import Installation
from tests.support.pipelines import new_pipeline

MEMORY = "pipeline.list./pipeline_core/pipelines/get_pipelines.dspy"


@pytest.fixture(autouse=True)
def _lines(server: Installation) -> None:
    server.query("delete from app_view")
    new_pipeline(server.admin, "a")


def open_views(page: Page) -> None:
    page.locator("#main [data-tool=views]").click()
    expect(page.locator("#main [data-tool=views]")).to_have_attribute("aria-expanded", "true")


def keep(page: Page, name: str, *choices: str) -> None:
    open_views(page)
    for choice in choices:
        page.get_by_label(choice).check()
    page.get_by_label("视图名称").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator(".view-name")).to_have_text(name)


def test_a_view_is_kept_named_and_opened_first(admin_page: Page) -> None:
    page = admin_page
    open_list(page, LISTS[0])
    page.locator("[data-quick=draft]").click()
    keep(page, '草稿 "<b>', "默认以此视图打开", "团队共用")
    expect(page.get_by_text("视图已保存给团队。")).to_be_visible()

    # Opened anew, by the menu: as the view says, and the address too.
    page.goto("about:blank")
    open_list(page, LISTS[0])
    expect(page.locator("[data-quick=draft]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".view-name")).to_have_text('草稿 "<b>')
    # All of it can be seen all the same, and a reload keeps that.
    open_views(page)
    page.get_by_role("button", name="全部（初始视图）").click()
    expect(page.locator("[data-quick='']")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("[data-quick='']")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("bricks.untranslated()") == []

    open_views(page)
    page.locator(".popover-row .icon-button").click()
    expect(page.locator(".popover-row")).to_have_count(0)
    page.goto("about:blank")
    open_list(page, LISTS[0])
    expect(page.locator("[data-quick='']")).to_have_attribute("aria-pressed", "true")


def test_views_of_the_browser_are_taken_over_once(admin_page: Page, server: Installation) -> None:
    page = admin_page
    open_list(page, LISTS[0])
    old = {"widths": {"name": 300}, "views": [{"name": "旧视图", "view": {"s": "code desc"}}]}
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [MEMORY, json.dumps(old)])
    page.reload()
    open_views(page)
    expect(page.locator(".popover-row")).to_have_text(["旧视图"])
    memory = json.loads(page.evaluate("(key) => localStorage.getItem(key)", MEMORY))
    assert memory == {"widths": {"name": 300}, "views": []}
    (row,) = server.query("select scope, name, content from app_view")
    assert (row["scope"], row["name"], row["content"]) == ("mine", "旧视图", '{"s":"code desc"}')
    page.get_by_role("button", name="旧视图", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("产线代码")
    expect(page.locator(".view-name")).to_have_text("旧视图")


def test_a_view_that_names_what_is_gone_says_so(admin_page: Page, server: Installation) -> None:
    content = {"c": ["gone", "name"], "s": "gone desc", "k": "gone", "f": [["gone", "eq", "1"]]}
    values = {"list": "pipelines", "name": "old", "content": content}
    assert server.admin.post("/appbase/view_save.dspy", json=values).status_code == 200
    page = admin_page
    open_list(page, LISTS[0])
    open_views(page)
    page.get_by_role("button", name="old", exact=True).click()
    page.get_by_role("alert").get_by_role("button").click()

    expect(page.locator("#main tbody tr").first).to_be_visible()
    expect(page.locator("#main thead .sort-button")).to_have_text(["产线名称"])
