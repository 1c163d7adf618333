"""One window is one person; and the way back through the browser's history."""

import re

from playwright.sync_api import Page, expect

from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import make_distributor


def test_what_a_page_sends_for_another_than_is_signed_in_is_refused(
    admin_page: Page, server: Installation
) -> None:
    owner = make_distributor(server.admin, name="before")
    page = admin_page
    page.goto("/#/pipeline_dist/distributors/")
    expect(page.locator("tbody tr").first).to_be_visible()
    # In another window of the same browser.
    answer = page.context.request.post(
        "/login.dspy", data={"username": "operator", "password": PASSWORDS["operator"]}
    )
    assert answer.ok
    row = page.locator("tbody tr", has_text=owner["code"])
    row.locator("td[data-name=name]").click(position={"x": 4, "y": 4})  # beside its link
    page.keyboard.press("F2")
    page.keyboard.type("written by the administrator")
    page.keyboard.press("Enter")

    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("operator")
    expect(question.get_by_role("button", name="以 operator 的身份重新加载")).to_be_visible()
    (name,) = server.query(f"select name from distributors where id = '{owner['id']}'")
    assert name["name"] == "before"
    with page.expect_navigation():
        question.get_by_role("button", name="以 operator 的身份重新加载").click()
    expect(page.locator(".user-name")).to_have_text("operator")


def test_staying_keeps_the_entries_of_the_history(admin_page: Page) -> None:
    page = admin_page
    page.goto("/#/dashboard.ui")
    expect(page.locator(".shell-content")).not_to_have_attribute("aria-busy", "true")
    page.goto("/#/pipeline_core/pipelines/")
    page.get_by_role("button", name="新增").first.click()
    page.get_by_role("dialog").locator("[data-field=name] input").fill("half")
    question = page.get_by_role("alertdialog")
    for _ in range(2):
        page.evaluate("history.back()")
        question.get_by_role("button", name="取消").click()
        expect(question).to_have_count(0)
        expect(page).to_have_url(re.compile("#/pipeline_core/pipelines/$"))
    page.evaluate("history.back()")
    question.get_by_role("button", name="关闭").last.click()
    expect(page).to_have_url(re.compile("#/dashboard.ui$"))
