"""Cells edited in their place while answers take their time."""

from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.descriptions import show
from tests.browser.every_page import settle
from tests.browser.generated_list import expect_rows
from tests.browser.list_of_things import FIELDS, table
from tests.browser.page_bench import Bench, Request
from tests.browser.row_tools import use_row_tool

Rows = list[dict[str, Any]]
CONFLICT = {"message": "changed", "code": "edit_conflict", "changed_by_name": "Bob"}


class Saves:
    """What the server does with edits: it waits until the test lets it, and heeds versions."""

    def __init__(self, rows: Rows, go_on: Event) -> None:
        self.rows = rows
        self.go_on = go_on
        self.refusal = ""

    def __call__(self, request: Request) -> dict[str, Any]:
        self.go_on.wait()
        thing = next(row for row in self.rows if row["id"] == request.params["id"])
        if self.refusal:
            options: dict[str, Any] = {"message": self.refusal}
            return {"widgettype": "Error", "options": options}
        if int(request.params["lock_version"]) != thing["lock_version"]:
            return {"widgettype": "Error", "options": {**CONFLICT, "current": dict(thing)}}
        names = {"name", "share", "kind"} & set(request.params)
        thing |= {name: request.params[name] for name in names}
        thing["lock_version"] += 10
        return {"widgettype": "Message", "options": {"user_data": dict(thing)}}


@pytest.fixture
def saves(bench: Bench, things: Rows) -> Saves:
    """The server's side."""
    server = Saves(things, bench.gate())
    bench.answers["/update"] = server
    return server


def cell(page: Page, name: str, row: int = 0) -> Locator:
    return page.locator("tbody tr").nth(row).locator(f"td[data-name={name}]")


def write(page: Page, place: Locator, words: str) -> None:
    """Types into a cell, as F2 on it does."""
    place.evaluate("cell => { cell.tabIndex = -1; cell.focus(); }")
    page.keyboard.press("F2")
    page.keyboard.type(words)


def test_the_next_cell_is_edited_while_the_first_is_saved(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    write(look, cell(look, "share"), "50")
    look.keyboard.press("Enter")
    saves.go_on.set()

    expect(cell(look, "name")).to_have_text("new")
    expect(cell(look, "share")).to_have_text("50%")
    expect(look.get_by_role("dialog")).to_have_count(0)
    assert [one.params["lock_version"] for one in bench.requests_of("/update")] == ["1", "11"]
    expect(cell(look, "share")).to_be_focused()


def test_the_answer_leaves_the_cell_alone_in_which_one_writes_meanwhile(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    write(look, cell(look, "share"), "5")
    saves.go_on.set()
    expect(cell(look, "name")).to_have_text("new")
    look.keyboard.type("0")

    expect(cell(look, "share").get_by_role("textbox")).to_have_value("50")
    expect(cell(look, "share").get_by_role("textbox")).to_be_focused()


def test_escape_does_not_take_back_what_is_on_its_way(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    look.keyboard.press("Enter")
    look.keyboard.press("Escape")
    saves.go_on.set()

    expect(cell(look, "name")).to_have_text("new")
    expect(look.locator("td.editing")).to_have_count(0)


def test_a_late_refusal_stands_at_its_cell_with_what_was_typed(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    saves.refusal = "This name is taken."
    write(look, cell(look, "name"), "new")
    write(look, cell(look, "name", 1), "other")
    saves.go_on.set()

    expect(cell(look, "name").get_by_role("alert")).to_have_text("This name is taken.")
    expect(cell(look, "name").get_by_role("textbox")).to_have_value("new")
    expect(cell(look, "name", 1).get_by_role("textbox")).to_be_focused()
    look.keyboard.press("Escape")
    cell(look, "name").get_by_role("textbox").focus()
    look.keyboard.press("Escape")
    expect(cell(look, "name")).to_have_text("thing1")


def test_sorting_waits_for_the_cell_that_one_leaves_for_it(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    before = len(bench.requests_of("/get"))
    look.get_by_role("button", name="Share", exact=True).click()
    settle(look, but_for=1)  # the save
    assert len(bench.requests_of("/get")) == before
    saves.go_on.set()
    bench.expect_requests("/get", before + 1)
    expect(look.locator("[aria-busy=true]")).to_have_count(0)

    expect(cell(look, "name")).to_have_text("new")
    write(look, cell(look, "name"), "newer")
    look.keyboard.press("Enter")
    expect(cell(look, "name")).to_have_text("newer")
    assert bench.last("/update")["lock_version"] == "11"


def test_a_refusal_is_told_where_its_row_is_gone_by_then(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    saves.refusal = "This name is taken."
    write(look, cell(look, "name"), "new")
    look.get_by_role("button", name="Share", exact=True).click()
    saves.go_on.set()

    expect(look.get_by_role("alertdialog")).to_contain_text(
        '"new" was not saved. This name is taken.'
    )
    expect(cell(look, "name")).to_have_text("thing1")


def test_rows_that_come_while_one_writes_wait_until_the_cell_is_left(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    saves.go_on.set()
    answer, may_come = bench.answers["/get"], bench.gate()

    def late(request: Request) -> Any:
        may_come.wait()
        return answer(request)

    bench.answers["/get"] = late
    look.get_by_role("button", name="Share", exact=True).click()
    bench.expect_requests("/get", 2)
    write(look, cell(look, "name"), "typed")
    may_come.set()
    settle(look)

    expect(cell(look, "name").get_by_role("textbox")).to_be_focused()
    look.keyboard.press("End")
    look.keyboard.type(" on")
    look.keyboard.press("Enter")
    bench.expect_requests("/get", 3)  # what was kept back is older than the save
    expect(look.locator("[aria-busy=true]")).to_have_count(0)
    expect(cell(look, "name")).to_have_text("typed on")
    expect(cell(look, "name")).to_be_focused()


def test_an_open_form_has_what_was_just_saved(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    use_row_tool(look.locator("tbody tr").first, "update")
    saves.go_on.set()

    form = look.get_by_role("dialog")
    expect(form.get_by_label("Name")).to_have_value("new")
    form.get_by_label("Name").fill("newer")
    form.get_by_role("button", name="Save").click()
    expect(look.get_by_role("dialog")).to_have_count(0)
    assert bench.last("/update")["lock_version"] == "11"


def test_the_focus_stays_where_one_has_gone(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    write(look, cell(look, "name"), "new")
    search = look.get_by_label("Search this list")
    search.click()
    look.keyboard.type("thi")
    saves.go_on.set()
    expect(cell(look, "name")).to_have_text("new")
    look.keyboard.type("ng2")

    expect(search).to_have_value("thing2")
    expect(look.locator("tbody tr")).to_have_count(1)
    expect(search).to_be_focused()


def test_a_long_list_of_choices_is_edited_in_its_cell(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    saves.go_on.set()
    choices = [{"value": chr(97 + n), "text": f"Choice {n}"} for n in range(20)]
    fields = [one if one["name"] != "kind" else {**one, "data": choices} for one in FIELDS]
    show(look, bench, table(row_options={"fields": fields}))
    expect_rows(look)
    write(look, cell(look, "kind"), "choice 7")

    box = cell(look, "kind").get_by_role("combobox", name="Kind")
    expect(box).to_be_focused()
    look.keyboard.press("Enter")
    expect(cell(look, "kind")).to_have_text("Choice 7")
    assert bench.last("/update")["kind"] == "h"


def test_choices_that_come_later_find_the_cell_still_open(
    look: Page, bench: Bench, things: Rows, saves: Saves
) -> None:
    def choices(_: Request) -> list[dict[str, str]]:
        saves.go_on.wait()
        return [{"kind": chr(97 + n), "kind_text": f"Choice {n}"} for n in range(20)]

    bench.answers["/choices"] = choices
    late = {"name": "kind", "title": "Kind", "uitype": "code", "dataurl": "/choices"}
    show(look, bench, table(row_options={"fields": [*FIELDS[:2], late]}))
    expect_rows(look)
    write(look, cell(look, "kind"), "")
    saves.go_on.set()

    expect(cell(look, "kind").locator("select")).to_have_count(0)
    expect(cell(look, "kind").get_by_role("combobox", name="Kind")).to_be_focused()


def test_the_focus_stays_on_a_heading_that_sorts(look: Page, bench: Bench, things: Rows) -> None:
    heading = look.get_by_role("button", name="Share", exact=True)
    heading.focus()
    count = len(bench.requests_of("/get"))
    look.keyboard.press("Enter")
    bench.expect_requests("/get", count + 1)
    settle(look)

    expect(heading).to_be_focused()
