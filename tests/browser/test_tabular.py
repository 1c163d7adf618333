"""The list page that xls2ui generates: rows, paging, sorting, filters, tools."""

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import HOSTILE, on, show
from tests.browser.every_page import settle
from tests.browser.generated_list import (
    expect_cells,
    expect_rows,
    open_table,
    row,
    save_answer,
    table,
)
from tests.browser.page_bench import Bench, Reply, Request
from tests.browser.row_tools import use_row_tool


def test_cells_say_what_a_person_means(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    """A code's text never comes from the value's name, which altered fields call `id`."""
    rows[0] |= {"price": None, "owner": "o9", "owner_text": None}
    open_table(look, bench)
    expect(look.locator("thead th:not(.cell-mark, .cell-narrow)")).to_have_text(
        ["Code", "Price", "Owner", "Secret", "Begun"], use_inner_text=True
    )
    expect_cells(look, "price", ["", "1,234,567.12", "1,234,567.12"])
    expect_cells(look, "owner", ["o9", "Ann", "Ann"])
    expect_cells(look, "secret", ["******"] * 3)
    cell = look.locator("td[data-name=begun]").first
    expect(cell).to_have_attribute("title", "2026-11-24 15:00:00")  # the reader is in Tokyo


def test_only_own_parameters_travel(look: Page, bench: Bench, rows: list[dict[str, Any]]) -> None:
    open_table(look, bench, data_params={
        "_webbricks_": 1, "_width": 1, "page": 9, "sort": "x", "parent_id": "p1",
        "referer_widget": "w-1", "code": "",
    })  # fmt: skip
    assert bench.last("/get") == {
        "page": "1", "rows": "160", "parent_id": "p1", "referer_widget": "w-1",
    }  # fmt: skip


def test_sorting_goes_up_down_and_back(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    open_table(look, bench)
    presses = [
        ("Owner", "owner_text"),
        ("Owner", "owner_text desc"),
        ("Owner", None),
        ("Code", "code"),
    ]
    for count, (name, sort) in enumerate(presses, 2):
        look.get_by_role("button", name=name, exact=True).click()
        bench.expect_requests("/get", count)
        assert bench.last("/get").get("sort") == sort
    expect(look.get_by_role("columnheader", name="Code")).to_have_attribute(
        "aria-sort", "ascending"
    )


def test_the_rows_are_busy_until_the_last_of_two_answers(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    answer, gates = bench.answers["/get"], {"code": bench.gate(), "price": bench.gate()}

    def late(request: Request) -> Any:
        gates[request.params["sort"]].wait()
        return answer(request)

    open_table(look, bench)
    bench.answers["/get"] = late
    for count, name in ((2, "Code"), (3, "Price")):
        look.get_by_role("button", name=name, exact=True).click()
        bench.expect_requests("/get", count)
    gates["code"].set()
    settle(look, but_for=1)
    expect(look.locator(".tabular")).to_have_attribute("aria-busy", "true")
    gates["price"].set()
    expect(look.locator(".tabular")).to_have_attribute("aria-busy", "false")


def test_a_filter_has_the_parent_key_in_it(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    open_table(look, bench, data_params={"parent_id": "p1"})
    look.get_by_role("button", name="Filter").click()
    look.get_by_label("Value").fill("50%_")
    look.get_by_role("button", name="Add condition").click()
    line = look.locator(".filter-row").nth(1)
    line.get_by_label("Column").select_option("owner")
    expect(line.get_by_label("Value").locator("option")).to_have_count(3)
    line.get_by_label("Value").select_option("o2")
    bench.expect_requests("/get", 1)
    look.get_by_role("button", name="Apply").click()
    bench.expect_requests("/get", 2)
    assert json.loads(bench.last("/get")["data_filter"]) == {"AND": [
        {"field": "parent_id", "op": "=", "const": "p1"},
        {"field": "code", "op": "LIKE", "const": "%50\\%\\_%"},
        {"field": "owner", "op": "=", "const": "o2"},
    ]}  # fmt: skip
    look.get_by_role("button", name="Clear", exact=True).click()
    bench.expect_requests("/get", 3)
    assert "data_filter" not in bench.last("/get")


def test_scrolling_loads_on_and_drops_what_is_far(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    rows[:] = [row(number) for number in range(1, 401)]
    open_table(look, bench, page_rows=40, cache_limit=3)
    pages = look.locator("tbody")
    for last in range(2, 6):
        look.locator(".table-scroll").evaluate("e => e.scrollTop = e.scrollHeight")
        expect(pages.last).to_have_attribute("data-page", str(last))
        expect(pages).to_have_count(min(last, 3))
    expect(pages.first).to_have_attribute("data-page", "3")
    expect(look.locator(".pager-position")).to_contain_text("of 400")
    look.get_by_role("button", name="Last page").click()
    expect(pages).to_have_count(1)
    expect(look.locator("td[data-name=code]").last).to_have_text("code400")
    look.get_by_role("button", name="First page").click()
    expect(look.locator("td[data-name=code]").first).to_have_text("code1")
    expect(look.locator(".pager-position")).to_have_text("1–40 of 400")


def test_a_tool_opens_its_table_in_a_window(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/children"] = lambda request: table(
        id="children_tbl", title="Children",
        data_params=dict(request.params),
    )  # fmt: skip
    open_table(
        look, bench,
        toolbar={"tools": [{"name": "children", "label": "Children", "selected_row": True}]},
        binds=[on("children", "urlwidget", target="PopupWindow",
                  popup_options={"title": "Children", "width": "70%", "height": "70%"},
                  params_mapping={"need_other": False, "mapping": {
                      "id": "parent_id", "referer_widget": "referer_widget"}},
                  options={"method": "POST", "params": {}, "url": "../children"})],
    )  # fmt: skip
    expect(look.get_by_role("button", name="Children")).to_have_count(0)
    use_row_tool(look.locator("tbody tr").nth(1), "children")
    window = look.get_by_role("dialog", name="Children")
    expect(window.locator("tbody tr")).to_have_count(3)
    params = bench.last("/children")
    assert params["parent_id"] == "i2"
    assert bench.last("/get")["referer_widget"] == params["referer_widget"]
    # What is saved in the window reloads the table that opened it.
    bench.answers["/add"] = save_answer(row(9))
    window.get_by_role("button", name="Add").click()
    form = look.get_by_role("dialog", name="Add · Children")
    expect(form.get_by_label("Parent")).to_have_count(0)
    form.get_by_label("Code").fill("new")
    before = len(bench.requests_of("/get"))
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    settle(look)
    bench.expect_requests("/get", before + 2)
    added = bench.last("/add")
    assert added["parent_id"] == "i2"
    assert not {"id", "referer_widget"} & set(added)


def test_an_error_in_place_of_rows_is_shown(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/get"] = {"widgettype": "Error", "options": {"message": "Please login"}}
    open_table(look, bench)
    expect(look.get_by_role("alertdialog")).to_contain_text("Please login")
    look.get_by_role("button", name="Close").last.click()
    expect(look.locator(".table-note")).to_contain_text("Please login")


def test_rows_that_do_not_come_are_waited_for_and_asked_for_again(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    come, good_answer = bench.gate(), bench.answers["/get"]

    def slowly(request: Request) -> Any:
        come.wait()
        return Reply("500 Internal Server Error", 500, "text/plain")

    bench.answers["/get"] = slowly
    show(look, bench, table())
    note = look.locator(".table-note")
    expect(note).to_have_text("Loading …")
    expect(look.get_by_role("button", name="Next page")).to_be_disabled()
    come.set()

    expect(note.get_by_role("alert")).to_have_text("The server answered with an error (500).")
    assert look.locator("dialog[open]").count() == 0  # said in the place of the rows
    expect(look.get_by_role("textbox", name="Page")).to_be_disabled()
    bench.answers["/get"] = good_answer
    look.get_by_role("button", name="Try again").click()
    expect(look.locator("tbody tr")).to_have_count(len(rows))
    expect(note).to_be_hidden()


def test_a_relation_page_checks_by_get_and_takes_a_refusal_back(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    rows[0]["has_role"] = 1
    bench.answers["/check_changed.dspy"] = save_answer({})
    open_table(
        look, bench, row_options={"checkField": "has_role"},
        binds=[on("row_check_changed", "urlwidget", target="self",
                  options={"params": {}, "url": "/check_changed.dspy"})],
    )  # fmt: skip
    assert look.get_by_role("button", name="Add").count() == 0
    assert look.locator(".sort-button").count() == 0
    first = look.locator(".row-check").first
    expect(first).to_be_checked()
    first.click()
    expect(look.get_by_text("Saved")).to_be_visible()
    assert bench.last("/check_changed.dspy")["has_role"] == "false"
    expect(look.locator("tbody tr")).to_have_count(3)
    bench.answers["/check_changed.dspy"] = Reply("500 Internal Server Error", 500, "text/plain")
    look.locator(".row-check").nth(1).click()
    expect(look.get_by_role("alertdialog")).to_be_visible()
    expect(look.locator(".row-check").nth(1)).not_to_be_checked()
    assert bench.last("/check_changed.dspy")["has_role"] == "true"


def test_a_relation_is_ticked_by_keyboard_one_answer_at_a_time(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    go_on = bench.gate()

    def change(_: Request) -> Any:
        go_on.wait()
        return save_answer({})

    bench.answers["/check_changed.dspy"] = change
    open_table(
        look, bench, row_options={"checkField": "has_role"},
        binds=[on("row_check_changed", "urlwidget", target="self",
                  options={"params": {}, "url": "/check_changed.dspy"})],
    )  # fmt: skip
    box = look.locator(".row-check").first
    box.focus()
    look.keyboard.press("Space")
    look.keyboard.press("Space")  # nothing before the answer to the first
    go_on.set()
    expect(look.get_by_text("Saved")).to_be_visible()

    expect(box).to_be_focused()
    expect(box).to_be_checked()
    bench.expect_requests("/check_changed.dspy", 1)
    expect(box).not_to_have_attribute("aria-disabled", "true")
    look.keyboard.press("Space")
    expect(box).not_to_be_checked()


def test_a_narrow_list_is_sorted_by_what_the_tab_key_reaches(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    look.set_viewport_size({"width": 390, "height": 844})
    open_table(look, bench)
    heading = look.get_by_role("button", name="Begun", exact=True)  # the last of the row
    heading.focus()
    expect(heading).to_be_in_viewport(ratio=1)
    look.keyboard.press("Enter")
    bench.expect_requests("/get", 2)
    assert bench.last("/get")["sort"] == "begun"
    expect_rows(look)
    assert look.locator(".table-scroll").evaluate("e => e.scrollWidth <= e.clientWidth")

    open_table(look, bench, row_options={"checkField": "has_role"})
    expect(look.locator("thead")).to_be_hidden()


def test_the_pager_says_the_page_that_is_shown(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    rows[:] = [row(number) for number in range(1, 13)]
    open_table(look, bench, page_rows=4)
    number = look.get_by_label("Page", exact=True)
    for text in ("99", "x"):
        number.fill(text)
        look.keyboard.press("Enter")
        expect(number).to_have_value("3")
        expect(look.locator("td[data-name=code]").first).to_have_text("code9")
    look.get_by_role("button", name="Previous page").focus()
    look.keyboard.press("Enter")
    expect(number).to_have_value("2")
    look.keyboard.press("Enter")
    expect(number).to_have_value("1")
    # At the end of the way the focus is beside the button that leads no further.
    expect(look.get_by_role("button", name="Next page")).to_be_focused()


def test_details_unfold_below_their_row(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    rows[0]["code"] = HOSTILE
    open_table(look, bench, content_view={"widgettype": "Text", "options": {"text": "[${code}]"}})
    look.get_by_role("button", name="Details").first.click()
    expect(look.locator(".detail-row")).to_have_text(f"[{HOSTILE}]")
    look.get_by_role("button", name="Details").nth(1).click()
    expect(look.locator(".detail-row")).to_have_text("[code2]")
    assert look.evaluate("window.hacked") is None
