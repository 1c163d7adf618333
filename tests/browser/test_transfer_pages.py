"""Copying a line and bringing one in, in the browser."""

import httpx
from playwright.sync_api import Page, expect

from tests.browser.test_pages import LISTS, open_list
from tests.http.test_core import new_line, places, rows
from tests.http.test_transfer import export
from tests.support.installation import Installation


def test_a_line_is_copied_from_its_list(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    line = new_line(admin, "a", "b")
    page = admin_page
    open_list(page, LISTS[0])
    page.get_by_role("gridcell", name=line["code"], exact=True).click()
    page.locator("#main [data-tool=clone]").click()
    window = page.get_by_role("dialog")
    window.get_by_label("新产线代码").fill("copied-here")
    window.get_by_role("button", name="复制", exact=True).click()

    expect(page.get_by_role("gridcell", name="copied-here")).to_be_visible()
    (made,) = rows(admin, "pipelines", code="copied-here")
    assert places(admin, made) == places(admin, line)


def test_a_file_is_tried_first_and_then_brought_in(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    text = export(admin, new_line(admin, "a"), format="yaml")
    page = admin_page
    open_list(page, LISTS[0])
    page.locator("#main [data-tool=bring_in]").click()
    window = page.get_by_role("dialog")
    window.get_by_label("文件内容").fill(text)
    window.get_by_label("另用代码（可空）").fill("brought-in")
    go = window.get_by_role("button", name="执行")
    go.click()
    expect(window).to_contain_text("试运行：可以导入。")
    expect(window).to_contain_text("a：新建")
    assert rows(admin, "pipelines", code="brought-in") == []

    window.get_by_label("试运行，不改动").uncheck()
    go.click()
    expect(window).to_contain_text("已导入。")
    assert len(rows(admin, "pipelines", code="brought-in")) == 1
    assert page.evaluate("bricks.untranslated()") == []
