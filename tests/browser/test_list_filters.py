"""The filter of a list: which conditions fit a column, what is sent, the keyboard in its panel."""

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import button, on, show
from tests.browser.list_of_things import FIELDS, table
from tests.browser.page_bench import Bench


def test_a_share_is_filtered_by_the_per_cent_that_one_sees(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_role("button", name="Filter").click()
    look.get_by_label("Column", exact=True).select_option("share")
    look.get_by_label("Condition", exact=True).select_option("le")
    look.get_by_label("Value").fill("85.5")
    with look.expect_response("**/get?*"):
        look.keyboard.press("Enter")
    condition = {"field": "share", "op": "<=", "const": "0.855"}
    assert json.loads(bench.last("/get")["data_filter"]) == condition

    view = json.dumps({"f": [["share", "eq", "0.855"]]})
    show(look, bench, table(data_params={"_view": view}))
    look.get_by_role("button", name="Filter").click()
    expect(look.get_by_label("Value")).to_have_value("85.5")


def test_a_day_that_does_not_exist_is_left_out_of_a_view(look: Page, bench: Bench) -> None:
    bench.answers["/get"] = {"total": 0, "rows": []}
    fields = [*FIELDS, {"name": "at", "title": "At", "uitype": "datetime"}]
    view = {"f": [["at", "on", "2026-13-45"], ["name", "eq", "x"]]}
    show(look, bench, table(data_params={"_view": json.dumps(view)},
                            row_options={"fields": fields}))  # fmt: skip
    expect(look.get_by_text("Nothing matches the filter.")).to_be_visible()
    assert json.loads(bench.last("/get")["data_filter"])["field"] == "name"


def test_the_filter_is_left_by_escape_and_its_button_says_so(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    bench.answers["/list"] = table()
    opens = on("click", "urlwidget", target="PopupWindow", options={"url": "/list"})
    show(look, bench, button("Open", opens))
    look.get_by_role("button", name="Open").click()
    opener = look.get_by_role("dialog").get_by_role("button", name="Filter")
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    look.keyboard.press("Escape")

    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(look.get_by_label("Column", exact=True)).to_be_hidden()
    expect(look.get_by_role("dialog")).to_have_count(1)


def test_a_condition_that_is_removed_leaves_the_focus_in_the_panel(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_role("button", name="Filter").click()
    add = look.get_by_role("button", name="Add condition")
    add.click()
    add.click()
    removers = look.get_by_role("button", name="Remove condition")
    removers.nth(1).press("Enter")
    expect(removers.nth(1)).to_be_focused()
    look.keyboard.press("Enter")
    expect(removers).to_be_focused()
    look.keyboard.press("Enter")
    expect(add).to_be_focused()
