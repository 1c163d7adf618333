"""An administrator asks in the browser who may do what."""

import httpx
from playwright.sync_api import Page, expect

from tests.support.installation import Installation


def test_who_may_and_what_a_user_may_are_asked_on_one_page(admin_page: Page):
    admin_page.goto("/")
    admin_page.get_by_role("link", name="权限", exact=True).click()
    admin_page.get_by_text("详细：路径与用户").click()

    admin_page.get_by_label("路径").fill("/pipeline_core/api/pipelines_create.dspy")
    admin_page.get_by_role("button", name="查询").click()
    expect(admin_page.get_by_role("heading", name="owner.superuser。")).to_be_visible()
    expect(admin_page.get_by_role("cell", name="/pipeline_core/api/**")).to_be_visible()

    admin_page.get_by_role("textbox", name="用户").fill("viewer")
    admin_page.get_by_role("button", name="查询").click()
    expect(admin_page.get_by_role("heading", name="不可以。viewer 不能使用")).to_be_visible()

    admin_page.get_by_label("路径").fill("")
    admin_page.get_by_role("button", name="查询").click()
    expect(admin_page.get_by_role("heading", name="viewer 的角色：owner.viewer")).to_be_visible()
    expect(admin_page.get_by_role("cell", name="/index.ui", exact=True)).to_be_visible()


def test_a_name_that_sage_does_not_have_is_told_at_the_page(admin_page: Page):
    admin_page.goto("/#/rights.ui")
    admin_page.get_by_text("详细：路径与用户").click()
    admin_page.get_by_role("textbox", name="用户").fill("viewer")
    admin_page.get_by_role("button", name="查询").click()
    expect(admin_page.get_by_role("heading", name="viewer 的角色：owner.viewer")).to_be_visible()

    admin_page.get_by_role("textbox", name="用户").fill("nobody")
    admin_page.get_by_role("button", name="查询").click()

    expect(admin_page.get_by_text("Sage 中没有用户 nobody。")).to_be_visible()
    # What was told of another one is gone.
    expect(admin_page.get_by_text("viewer 的角色：owner.viewer")).to_have_count(0)


def test_what_each_role_may_stands_in_words(admin_page: Page):
    admin_page.goto("/#/rights.ui")

    row = admin_page.get_by_role("row").filter(has_text="生成密钥")
    expect(row.get_by_role("cell")).to_have_text(["生成密钥", "–否", "是", "–否"])
    headings = admin_page.get_by_role("columnheader")
    expect(headings).to_have_text(["权限", "运营", "管理员", "查看"])
    expect(admin_page.get_by_label("路径")).not_to_be_visible()


def test_the_menu_of_who_may_not_has_no_such_entry(page: Page, server: Installation):
    client: httpx.Client = server.sign_in("viewer")
    page.context.add_cookies([
        {"name": name, "value": value, "url": server.base_url}
        for name, value in client.cookies.items() if name == "pipeline_session"
    ])  # fmt: skip

    page.goto("/")

    expect(page.get_by_role("link", name="版本")).to_be_visible()
    expect(page.get_by_role("link", name="权限", exact=True)).to_have_count(0)
