"""What was just deleted is put back by the note that says so."""

import httpx
from playwright.sync_api import Page, expect

from tests.support.installation import Installation
from tests.support.pipelines import new_pipeline, places


def open_list(page: Page, table: str) -> None:
    page.goto(f"/#/{table}")
    expect(page.locator("#main .tabular")).to_be_visible()
    expect(page.locator("#main [aria-busy=true], #main[aria-busy=true]")).to_have_count(0)


def say_yes(page: Page) -> None:
    page.get_by_role("alertdialog").get_by_role("button").last.click()


def test_a_record_of_a_list_comes_back(admin: httpx.Client, admin_page: Page) -> None:
    page = admin_page
    pipeline = new_pipeline(admin, "a")
    open_list(page, "pipeline_core/pipelines")
    row = page.locator("#main").get_by_role("row").filter(has_text=pipeline["code"])
    row.get_by_role("gridcell").nth(1).click()
    page.keyboard.press("Delete")
    say_yes(page)

    note = page.get_by_role("status").filter(has_text=f"“{pipeline['code']}”已删除。")
    expect(row).to_have_count(0)
    note.get_by_role("button", name="撤销").click()
    expect(page.get_by_text(f"“{pipeline['code']}”已恢复。")).to_be_visible()
    expect(row).to_have_count(1)
    assert places(admin, pipeline) == [(1, 1, "a")]


def test_many_records_come_back_together(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    page = admin_page
    pipelines = [new_pipeline(admin) for _ in range(3)]
    open_list(page, "pipeline_core/pipelines")
    for pipeline in pipelines:
        row = page.locator("#main").get_by_role("row").filter(has_text=pipeline["code"])
        row.get_by_role("checkbox").first.check()
    page.locator("#main .bulk-bar").get_by_role("button", name="删除").click()
    say_yes(page)
    report = page.get_by_role("dialog")
    ids = [pipeline["id"] for pipeline in pipelines]
    statement = "select count(*) as count from pipelines where id in (%s, %s, %s)"
    undo = report.get_by_role("button", name="撤销")
    expect(undo).to_be_visible()
    assert server.query(statement, *ids) == [{"count": 0}]
    undo.click()
    for pipeline in pipelines:
        row = page.locator("#main").get_by_role("row").filter(has_text=pipeline["code"])
        expect(row).to_have_count(1)
    assert server.query(statement, *ids) == [{"count": 3}]


def test_a_step_comes_back_to_its_place_by_keyboard(admin: httpx.Client, admin_page: Page) -> None:
    page = admin_page
    pipeline = new_pipeline(admin, "a", "b", "c")
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    card = page.locator(".step-card[data-key=b]")
    card.focus()
    page.keyboard.press("Delete")
    say_yes(page)
    note = page.get_by_role("status").filter(has_text="“B”已删除。")
    undo = note.get_by_role("button", name="撤销")
    expect(undo).to_be_visible()
    assert len(places(admin, pipeline)) == 2
    undo.focus()
    page.keyboard.press("Enter")
    expect(card).to_be_visible()
    assert places(admin, pipeline) == [(1, 1, "a"), (2, 1, "b"), (3, 1, "c")]
