"""The filter of a list: which conditions fit a column, what is sent, the keyboard in its panel."""

import json
from typing import Any

import pytest
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
    count = len(bench.requests_of("/get"))
    look.keyboard.press("Enter")
    bench.expect_requests("/get", count + 1)
    condition = {"field": "share", "op": "<=", "const": "0.855"}
    assert json.loads(bench.last("/get")["data_filter"]) == condition

    view = json.dumps({"f": [["share", "eq", "0.855"]]})
    show(look, bench, table(data_params={"_view": view}))
    look.get_by_role("button", name="Filter").click()
    expect(look.get_by_label("Value")).to_have_value("85.5")


MISFITS = [
    (["gone", "eq", "x"], "gone equals x", "The list has no such column."),
    (["share", "contains", "x"], "Share contains x", "The column cannot be compared like this."),
    (["name", "resembles", "x"], "Name resembles x", "The column cannot be compared like this."),
    (["kind", "eq", "cherry"], "Kind equals cherry", "There is no such choice."),
    (["enabled", "eq", "2"], "Enabled equals 2", "There is no such choice."),
    (["at", "on", "2026-13-45"], "At on the day 2026-13-45", "The value does not fit the column."),
    (["name", "eq"], "Name equals", "The value does not fit the column."),
    (["name", "eq", {"a": 1}], 'Name equals {"a":1}', "The value does not fit the column."),
    ("name", "Unreadable", "The view in the address cannot be read."),
]  # fmt: skip
WITH_TIMES = [*FIELDS, {"name": "at", "title": "At", "uitype": "datetime"}]


@pytest.mark.parametrize(("condition", "words", "reason"), MISFITS)
def test_a_view_whose_condition_does_not_fit_shows_nothing_until_it_is_removed(
    look: Page, bench: Bench, condition: Any, words: str, reason: str
) -> None:
    bench.answers["/get"] = {"total": 1, "rows": [{"id": "t1", "name": "thing1"}]}
    view = {"f": [condition, ["name", "eq", "x"]], "q": "thing"}
    show(look, bench, table(data_params={"_view": json.dumps(view)},
                            row_options={"fields": WITH_TIMES}))  # fmt: skip
    alert = look.get_by_role("alert")
    expect(alert).to_contain_text("Nothing is shown until it is removed.")
    expect(alert.get_by_role("listitem")).to_contain_text([words])
    expect(alert).to_contain_text(reason)
    expect(look.get_by_role("button", name="Filter (2)")).to_be_visible()
    assert bench.requests_of("/get") == []

    alert.get_by_role("button", name="Remove condition").click()

    expect(look.get_by_text("thing1")).to_be_visible()
    expect(alert).to_have_count(0)
    assert json.loads(bench.last("/get")["data_filter"])["field"] == "name"
    assert bench.last("/get")["q"] == "thing"


@pytest.mark.parametrize("text", ['{"f":[["name","eq","x"', "nonsense", '"name"', "null", "7"])
def test_a_view_that_cannot_be_read_shows_nothing_either(
    look: Page, bench: Bench, text: str
) -> None:
    bench.answers["/get"] = {"total": 1, "rows": [{"id": "t1", "name": "thing1"}]}
    show(look, bench, table(data_params={"_view": text}))

    expect(look.get_by_role("alert")).to_contain_text("The view in the address cannot be read.")
    assert bench.requests_of("/get") == []
    look.get_by_role("button", name="Remove condition").click()
    expect(look.get_by_text("thing1")).to_be_visible()


def test_several_misfits_go_one_by_one_and_no_file_is_made_of_all_rows(
    look: Page, bench: Bench
) -> None:
    bench.answers["/get"] = {"total": 1, "rows": [{"id": "t1", "name": "thing1"}]}
    view = {"f": [["gone", "eq", "x"], ["kind", "eq", "cherry"]]}
    show(look, bench, table(data_params={"_view": json.dumps(view)}))
    removers = look.get_by_role("alert").get_by_role("button", name="Remove condition")
    expect(removers).to_have_count(2)
    look.locator("[data-tool=files]").click()
    look.get_by_role("button", name="Export as CSV").click()
    expect(look.get_by_text("Remove the condition that does not fit first.")).to_be_visible()
    assert bench.requests_of("/get") == []

    removers.first.press("Enter")
    expect(removers).to_have_count(1)
    expect(removers).to_be_focused()
    look.get_by_role("button", name="Filter (1)").click()
    look.get_by_role("button", name="Clear", exact=True).click()

    expect(look.get_by_text("thing1")).to_be_visible()
    assert "data_filter" not in bench.last("/get")


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
