"""Tools of a row and those used less often: in menus, by mouse and by keyboard. Links."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import show
from tests.browser.generated_list import expect_rows
from tests.browser.list_of_things import table
from tests.browser.page_bench import Bench
from tests.browser.row_tools import open_row_menu, use_row_tool

Rows = list[dict[str, Any]]

NAMES = [f"Deed {number}" for number in range(1, 10)]
IN_ROW_MENU = ["Deed 1", "Deed 2", "Edit", "Deed 3", "Deed 4", "Delete"]


@pytest.fixture
def many_tools(look: Page, bench: Bench, things: list[dict[str, Any]]) -> Page:
    """
    A list of three rows with nine tools of its own, which tell that they were used: the first four
    are of a row, the last of these and of the others are seldom used.
    """
    tools = [{"name": f"deed{n}", "label": name, "selected_row": n < 5, "more": n in (3, 4, 8, 9)}
             for n, name in enumerate(NAMES, 1)]  # fmt: skip
    binds = []
    for n in range(1, 10):
        binds.append({"wid": "self", "event": f"deed{n}", "actiontype": "urlwidget",
                      "target": "PopupWindow", "params_mapping": {"mapping": {"id": "id"}},
                      "options": {"url": f"/deed{n}"}})  # fmt: skip
        bench.answers[f"/deed{n}"] = {"widgettype": "Text", "options": {"text": f"Done {n}"}}
    descriptor = table(toolbar={"tools": tools})
    show(look, bench, {**descriptor, "binds": binds})
    expect_rows(look)
    return look


def expect_in_sight(page: Page, names: list[str]) -> None:
    expect(page.locator(".table-tools [data-tool^=deed]:visible")).to_have_text(names)


def test_tools_of_a_row_are_in_its_menu_and_name_it(many_tools: Page, bench: Bench) -> None:
    page = many_tools
    expect_in_sight(page, NAMES[4:7])
    expect(page.locator(".table-tools [data-tool=update]")).to_have_count(0)
    menu = open_row_menu(page.locator("tbody tr").nth(1))
    expect(menu.get_by_role("button")).to_have_text(IN_ROW_MENU)
    expect(page.locator("tbody tr[aria-selected=true]")).to_contain_text("thing2")
    menu.get_by_role("button", name="Deed 4").click()

    expect(page.get_by_role("dialog")).to_contain_text("Done 4")
    assert bench.last("/deed4") == {"id": "t2"}


def test_the_button_of_a_menu_closes_it_and_another_opens_it_there(many_tools: Page) -> None:
    page = many_tools
    buttons = page.locator(".row-menu-button")
    open_row_menu(page.locator("tbody tr").first)
    expect(buttons.first).to_have_attribute("aria-expanded", "true")
    buttons.first.click()
    expect(page.locator(".row-menu")).to_be_hidden()
    expect(buttons.first).to_have_attribute("aria-expanded", "false")

    use_row_tool(page.locator("tbody tr").nth(2), "update")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value("thing3")


def test_the_menu_of_a_row_works_by_keyboard(many_tools: Page, bench: Bench) -> None:
    page = many_tools
    page.locator("tbody tr").nth(2).focus()
    page.keyboard.press("Shift+F10")
    expect(page.locator("[data-tool=deed1]")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_contain_text("Done 2")
    assert bench.last("/deed2") == {"id": "t3"}


def test_what_is_used_less_often_is_in_a_menu(many_tools: Page) -> None:
    page = many_tools
    page.get_by_role("button", name="More").click()
    expect_in_sight(page, NAMES[4:])
    page.get_by_role("button", name="Deed 8").click()

    expect(page.get_by_role("dialog")).to_contain_text("Done 8")
    expect_in_sight(page, NAMES[4:7])


def test_the_menu_works_by_keyboard_and_as_quickly_as_one_types(many_tools: Page) -> None:
    page = many_tools
    more = page.get_by_role("button", name="More")
    more.focus()
    # Both at once, before the page had a moment: the focus has to be there by then.
    page.evaluate("() => document.activeElement.click()")
    assert page.evaluate("document.activeElement.dataset.tool") == "deed8"
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect_in_sight(page, NAMES[4:7])

    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_contain_text("Done 9")


def test_a_name_is_a_link_to_its_page(look: Page, bench: Bench, things: Rows) -> None:
    things[0]["id"] = 't1 & "co" <b>/?#'
    bind = {"wid": "self", "event": "open", "actiontype": "registerfunction", "rfname": "open_page",
            "params_mapping": {"mapping": {"id": "id"}},
            "params": {"url": "/things.ui", "param": "thing_id", "tab": "steps"}}  # fmt: skip
    tools = [{"name": "open", "label": "Open", "selected_row": True}]
    show(look, bench, {**table(toolbar={"tools": tools}), "binds": [bind]})
    expect_rows(look)
    address = "#/things.ui?thing_id=t1+%26+%22co%22+%3Cb%3E%2F%3F%23&tab=steps"
    links = look.locator("tbody a")
    expect(links).to_have_text(["thing1", "thing2", "thing3"])
    expect(links.first).to_have_attribute("href", address)

    look.context.grant_permissions(["clipboard-read", "clipboard-write"])
    use_row_tool(look.locator("tbody tr").first, "copy_link")
    expect(look.get_by_text("The link is copied.")).to_be_visible()
    assert look.evaluate("navigator.clipboard.readText()").endswith(f"/page{address}")

    with look.context.expect_page() as tab:
        links.nth(1).click(modifiers=["ControlOrMeta"])
    assert tab.value.url.endswith("/page#/things.ui?thing_id=t2&tab=steps")
    tab.value.close()
    use_row_tool(look.locator("tbody tr").nth(2), "open")
    assert look.url.endswith("/page#/things.ui?thing_id=t3&tab=steps")


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
