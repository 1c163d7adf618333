"""The list page that xls2ui generates: its forms, deleting, conflicts, unsaved work."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import HOSTILE
from tests.browser.generated_list import FIELDS, open_table, row, save_answer
from tests.browser.page_bench import Bench, Request
from tests.browser.row_tools import use_row_tool


def test_keys_move_the_selection_and_open_the_form(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    open_table(look, bench)
    look.locator("tbody tr").first.click()
    look.keyboard.press("ArrowDown")
    expect(look.locator("tr[aria-selected=true] td[data-name=code]")).to_have_text("code2")
    look.keyboard.press("End")
    look.keyboard.press("Escape")  # from the cell that was clicked to its row
    look.keyboard.press("Enter")
    expect(look.get_by_role("dialog")).to_contain_text("Edit · Things")
    expect(look.get_by_label("Code")).to_have_value("code3")


def test_empty_values_are_sent_as_their_kind_wants(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/add"] = save_answer(row(7))
    open_table(look, bench)
    look.get_by_role("button", name="Add").click()
    look.get_by_label("Code").fill("x")
    look.get_by_label("Price").fill("0.123456")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_text("Saved")).to_be_visible()
    assert bench.last("/add") == {
        "code": "x", "price": "0.123456", "owner": "null", "secret": "", "begun": "null",
        "parent_id": "",
    }  # fmt: skip


def test_an_update_names_its_record_and_keeps_a_blank_password(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/update"] = save_answer(row(1))
    open_table(look, bench)
    use_row_tool(look.locator("tbody tr").first, "update")
    expect(look.get_by_label("Begun")).to_have_value("2026-11-24T15:00")
    expect(look.get_by_label("Secret")).to_have_value("")
    look.get_by_label("Begun").fill("2026-11-25T01:30")
    look.get_by_label("Code").fill("changed")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_role("dialog")).to_have_count(0)
    assert bench.last("/update") == {
        "id": "i1", "lock_version": "3", "code": "changed", "begun": "2026-11-24T16:30:00.000Z",
    }  # fmt: skip


def test_deleting_asks_first_and_names_the_record(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/delete"] = save_answer(row(2))
    open_table(look, bench)
    use_row_tool(look.locator("tbody tr").nth(1), "delete")
    expect(look.get_by_role("alertdialog")).to_contain_text('Delete "code2"?')
    rows.pop(1)
    look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(look.locator("tbody tr")).to_have_count(2)
    assert bench.last("/delete") == {"id": "i2", "lock_version": "3"}


def test_a_record_without_a_name_is_named_by_its_label_and_whose_it_is(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    """Version 1 of a line is not the line."""
    bench.answers["/delete"] = save_answer(row(2))
    number_field = {"name": "version_no", "title": "Version", "uitype": "int", "type": "int"}
    fields = [number_field, *FIELDS[2:]]
    for number, each in enumerate(rows, 1):
        each["version_no"] = str(number)
    columns = {"fields": fields}
    open_table(look, bench, title="Versions", record_label=["version_no"], row_options=columns)
    use_row_tool(look.locator("tbody tr").nth(1), "delete")
    question = look.get_by_role("alertdialog")
    expect(question).to_contain_text('Delete "Versions 2 (Ann)"?')
    question.get_by_role("button", name="Cancel").click()

    open_table(look, bench, title="Links", record_label=[], row_options=columns)
    use_row_tool(look.locator("tbody tr").nth(1), "delete")
    expect(question).to_contain_text('Delete "Links Ann"?')


def test_what_the_server_finds_wrong_stands_at_the_fields(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    bench.answers["/add"] = {"widgettype": "Error", "options": {
        "title": "Wrong", "message": "2 problems", "code": "invalid_fields",
        "fields": {"code": "Taken.", "price": HOSTILE}, "request_id": "r1"}}  # fmt: skip
    open_table(look, bench)
    look.get_by_role("button", name="Add").click()
    look.get_by_role("button", name="Save").click()
    code = look.locator("[data-field=code]")
    expect(code.get_by_role("alert")).to_have_text("Please fill this in.")
    look.get_by_label("Code").fill("BAD")
    look.get_by_role("button", name="Save").click()
    expect(code.get_by_role("alert")).to_contain_text("[a-z]+")
    assert bench.requests_of("/add") == []
    look.get_by_label("Code").fill("good")
    look.get_by_role("button", name="Save").click()
    expect(code.get_by_role("alert")).to_have_text("Taken.")
    expect(look.locator("[data-field=price]").get_by_role("alert")).to_have_text(HOSTILE)
    expect(look.get_by_label("Code")).to_be_focused()
    expect(look.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    expect(look.get_by_label("Code")).to_have_value("good")
    assert look.evaluate("window.hacked") is None


def test_an_edit_conflict_shows_both_and_lets_one_choose(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    theirs = row(1, code="theirs", lock_version=8)

    def update(request: Request) -> Any:
        if request.params["lock_version"] == "8":
            return save_answer(theirs)
        return {"widgettype": "Error", "options": {
            "message": "changed", "code": "edit_conflict", "current": theirs, "changed_by": "Bob",
            "changed_at": "2026-11-24T07:00:00.000Z", "fields": {}}}  # fmt: skip

    bench.answers["/update"] = update
    open_table(look, bench)
    look.locator("tbody tr").first.dblclick()
    look.get_by_label("Code").fill("mine")
    look.get_by_role("button", name="Save").click()
    note = look.locator(".form-summary")
    expect(note).to_contain_text("Bob changed this record at 2026-11-24 16:00:00")
    expect(note.get_by_role("row", name="Code")).to_have_text(re.compile("theirs.*mine"))
    look.get_by_role("button", name="Take theirs").click()
    expect(look.get_by_role("textbox", name="Code")).to_have_value("theirs")
    look.get_by_role("textbox", name="Code").fill("again")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_role("dialog")).to_have_count(0)
    assert bench.last("/update")["code"] == "again"


def test_unsaved_work_is_not_lost_by_escape(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    open_table(look, bench)
    look.get_by_role("button", name="Add").click()
    look.get_by_label("Code").fill("typed")
    look.keyboard.press("Escape")
    look.get_by_role("button", name="Cancel").last.click()
    expect(look.get_by_label("Code")).to_have_value("typed")
    look.keyboard.press("Escape")
    look.get_by_role("alertdialog").get_by_role("button", name="Close").last.click()
    expect(look.locator("dialog")).to_have_count(0)
