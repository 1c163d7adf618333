"""Tools that are used less often: in a menu, by mouse and by keyboard."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import show
from tests.browser.generated_list import expect_rows
from tests.browser.list_of_things import table
from tests.browser.page_bench import Bench

NAMES = [f"Deed {number}" for number in range(1, 10)]


@pytest.fixture
def many_tools(look: Page, bench: Bench, things: list[dict[str, Any]]) -> Page:
    """A list of three rows with nine tools of its own, which tell that they were used."""
    tools = [{"name": f"deed{n}", "label": name, "selected_row": n != 9, "more": n > 6}
             for n, name in enumerate(NAMES, 1)]  # fmt: skip
    binds = []
    for n in range(1, 10):
        binds.append({"wid": "self", "event": f"deed{n}", "actiontype": "urlwidget",
                      "target": "PopupWindow", "options": {"url": f"/deed{n}"}})  # fmt: skip
        bench.answers[f"/deed{n}"] = {"widgettype": "Text", "options": {"text": f"Done {n}"}}
    descriptor = table(toolbar={"tools": tools})
    show(look, bench, {**descriptor, "binds": binds})
    expect_rows(look)
    return look


def expect_in_sight(page: Page, names: list[str]) -> None:
    expect(page.locator("[data-tool^=deed]:visible")).to_have_text(names)


def test_what_is_used_less_often_is_in_a_menu(many_tools: Page) -> None:
    page = many_tools
    expect_in_sight(page, NAMES[:6])
    page.locator("tbody tr").first.click()

    page.get_by_role("button", name="More").click()
    expect_in_sight(page, NAMES)
    page.get_by_role("button", name="Deed 8").click()

    expect(page.get_by_role("dialog")).to_contain_text("Done 8")
    expect_in_sight(page, NAMES[:6])


def test_the_menu_works_by_keyboard_and_as_quickly_as_one_types(many_tools: Page) -> None:
    page = many_tools
    page.locator("tbody tr").first.click()
    more = page.get_by_role("button", name="More")
    more.focus()
    # Both at once, before the page had a moment: the focus has to be there by then.
    page.evaluate("() => document.activeElement.click()")
    assert page.evaluate("document.activeElement.dataset.tool") == "deed7"
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect_in_sight(page, NAMES[:6])

    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_contain_text("Done 8")


def test_a_tool_in_the_menu_says_that_it_needs_a_row(many_tools: Page) -> None:
    page = many_tools
    page.get_by_role("button", name="More").click()

    expect(page.locator("[data-tool=deed7]")).to_have_class("tool waiting")
    expect(page.locator("[data-tool=deed9]")).to_have_class("tool")
    page.locator("[data-tool=deed7]").click()

    expect(page.get_by_text("Please select a row first.")).to_be_visible()


def test_without_the_word_all_tools_stand_in_the_row(look: Page, bench: Bench, things: Any) -> None:
    tools = [{"name": f"deed{n}", "label": name} for n, name in enumerate(NAMES, 1)]
    show(look, bench, table(toolbar={"tools": tools}))

    expect(look.locator("[data-tool=deed9]")).to_be_visible()
    expect(look.locator("[data-tool=more]")).to_have_count(0)


def test_a_heading_names_many_where_the_dictionary_has_a_word_for_many(
    look: Page, bench: Bench, things: Any
) -> None:
    show(look, bench, table(title="产线"))

    expect(look.get_by_role("heading", name="Lines", exact=True)).to_be_visible()
    look.locator("[data-tool=add]").click()
    expect(look.get_by_role("dialog").get_by_role("heading")).to_have_text("Add · Line")
