"""Forms and their inputs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, on, show
from tests.browser.forms import form, submit
from tests.browser.page_bench import Bench, Request


@pytest.fixture(autouse=True)
def _saving(bench: Bench) -> None:
    bench.answers["/save"] = {"widgettype": "Message", "options": {"title": "Saved"}}


# What is typed into a field of the kind, and what is sent.
SENT: list[tuple[dict[str, Any], str, str]] = [
    ({"uitype": "str"}, "", ""),
    ({"uitype": "str"}, " none around ", "none around"),
    ({"uitype": "text"}, " keep ", " keep "),
    ({"uitype": "int"}, "", "null"),
    ({"uitype": "int"}, "-12", "-12"),
    ({"uitype": "int"}, "1,234", "1234"),
    ({"uitype": "decimal"}, "1,234,567", "1234567"),
    ({"uitype": "float"}, "1.5", "1.5"),
    ({"uitype": "decimal"}, "0.10000000000000000001", "0.10000000000000000001"),
    ({"uitype": "money", "currency": "CNY"}, "1,234.50", "1234.50"),
    ({"uitype": "money", "currency": "CNY"}, "", "null"),
    ({"uitype": "percent"}, "85", "0.85"),
    ({"uitype": "percent"}, "8.5 %", "0.085"),
    ({"uitype": "percent"}, "", "null"),
    ({"uitype": "json"}, '{"a": [1]}', '{"a": [1]}'),
    ({"uitype": "date"}, "2026-11-24", "2026-11-24"),
    ({"uitype": "date"}, "", "null"),
    ({"uitype": "time"}, "14:05:06", "14:05:06"),
    ({"uitype": "datetime"}, "2026-11-24T15:00", "2026-11-24T06:00:00.000Z"),
    ({"uitype": "int"}, "１２", "12"),
    ({"uitype": "decimal"}, "－０．５", "-0.5"),
    ({"uitype": "percent"}, "１２", "0.12"),
    ({"uitype": "text"}, "a\nb", "a\r\nb"),
    ({"uitype": "password"}, "pass", "pass"),
    ({"uitype": "nothing known"}, "as text", "as text"),
]  # fmt: skip


def show_fields(look: Page, bench: Bench, cases: list[tuple[dict[str, Any], str, str]]) -> None:
    """Show a form with a field for each of *cases*, and type what is typed into it."""
    show(look, bench, form(
        *({"name": f"v{n}", "title": f"Value {n}", **case[0]} for n, case in enumerate(cases))
    ))  # fmt: skip
    for n, (_, entry, _) in enumerate(cases):
        look.get_by_label(re.compile(rf"^Value {n}(?!\d)")).fill(entry)


def test_each_input_sends_its_value_in_its_form(look: Page, bench: Bench) -> None:
    """Texts stay texts to the last digit; empty numbers and times are null; moments go as UTC."""
    show_fields(look, bench, SENT)
    submit(look)
    values = {name: value.replace("\r\n", "\n") for name, value in bench.last("/save").items()}
    assert values == {f"v{n}": value.replace("\r\n", "\n") for n, (_, _, value) in enumerate(SENT)}


# What is typed into a field of the kind, and what is said there.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"uitype": "int"}, "1.5", "whole number"),
    ({"uitype": "int", "min": 1}, "0", "At least 1."),
    ({"uitype": "decimal", "dec": 2}, "1.234", "At most 2 digits"),
    ({"uitype": "decimal"}, "NaN", "enter a number"),
    *((field, entry, sentence) for entry, sentence in [
        ("0,125", "no commas"), ("1,250.5,0", "no commas"), ("1.234,50", "no commas"),
        ("0,125.5", "no commas"), ("1 200", "a number"), ("١٢", "a number"),
        ("--5", "a number"), ("5-", "a number"), ("1_000", "a number"),
    ] for field in [
        {"uitype": "decimal"}, {"uitype": "money"}, {"uitype": "percent"}, {"uitype": "float"},
    ]),
    ({"uitype": "money"}, "1,250", "no commas"),
    ({"uitype": "percent"}, "1,250.5", "no commas"),
    ({"uitype": "decimal"}, "1e3", "enter a number"),
    ({"uitype": "int"}, "0,125", "no commas"),
    ({"uitype": "money", "dec": 2}, "1.005", "At most 2 digits"),
    ({"uitype": "percent", "dec": 4}, "85.125", "At most 2 digits"),
    ({"uitype": "percent", "max": 1}, "101", "At most 100%."),
    ({"uitype": "json"}, '{"a": 1,}', "no valid JSON"),
    ({"uitype": "email"}, "nobody", "no e-mail address"),
    ({"uitype": "str", "pattern": "[a-z]+", "hint": "Small letters."}, "A", "Small letters."),
]  # fmt: skip


def test_a_wrong_value_is_said_at_its_field_and_not_sent(look: Page, bench: Bench) -> None:
    show_fields(look, bench, WRONG)
    submit(look)
    for n, (_, _, sentence) in enumerate(WRONG):
        expect(look.locator(f"[data-field=v{n}]").get_by_role("alert")).to_contain_text(sentence)
    # One of them is enough.
    for n in range(len(WRONG) - 1):
        look.get_by_label(re.compile(rf"^Value {n}(?!\d)")).fill("")
    submit(look)
    expect(look.locator(".field-error:visible")).to_have_count(1)
    assert bench.requests_of("/save") == []


def test_units_and_zones_stand_beside_what_is_typed(look: Page, bench: Bench) -> None:
    show(look, bench, form(
        {"name": "price", "title": "Price", "uitype": "money", "currency": "CNY",
         "value": "1234.500000"},
        {"name": "share", "title": "Share", "uitype": "percent", "value": "0.850000"},
        {"name": "begun", "title": "Begun", "uitype": "datetime",
         "value": "2026-11-24T06:00:00.000Z"},
    ))  # fmt: skip
    expect(look.get_by_label("Price")).to_have_value("1234.50")
    expect(look.locator("[data-field=price]")).to_contain_text("CNY")
    expect(look.get_by_label("Share")).to_have_value("85")
    expect(look.locator("[data-field=share]")).to_contain_text("%")
    expect(look.get_by_label("Begun")).to_have_value(re.compile("^2026-11-24T15:00"))
    expect(look.locator("[data-field=begun]")).to_contain_text("Asia/Tokyo (UTC+09:00)")


def test_screen_readers_hear_which_fields_are_required(look: Page, bench: Bench) -> None:
    choices = [{"value": str(n), "text": str(n)} for n in range(40)]
    show(look, bench, form(
        *({"name": f"{kind} {need}", "uitype": kind, "data": choices, "required": need == "must"}
          for kind in ("str", "date", "code") for need in ("must", "may")),
    ))  # fmt: skip
    for kind in ("str", "date", "code"):
        must, may = (look.get_by_label(f"{kind} {need}") for need in ("must", "may"))
        expect(must).to_have_attribute("aria-required", "true")
        expect(may).not_to_have_attribute("aria-required", "true")


def test_boxes_hidden_values_and_several_choices(look: Page, bench: Bench) -> None:
    """A column's box is 1 or 0, any other is true or false; several choices repeat the key."""
    show(look, bench, form(
        {"name": "column", "title": "Column", "uitype": "check", "type": "int", "value": 1},
        {"name": "free", "title": "Free", "uitype": "check"},
        {"name": "kept", "uitype": "hide", "value": "k"},
        {"name": "many", "title": "Many", "uitype": "checkbox",
         "data": [{"value": "a", "text": "A"}, {"value": "b", "text": "B"}]},
    ))  # fmt: skip
    look.get_by_label("A", exact=True).check()
    look.get_by_label("B", exact=True).check()
    submit(look)
    assert bench.last("/save") == {"column": "1", "free": "false", "kept": "k", "many": ["a", "b"]}
    look.get_by_label("A", exact=True).uncheck()
    look.get_by_label("B", exact=True).uncheck()
    submit(look)
    assert bench.last("/save") == {"column": "1", "free": "false", "kept": "k", "many": ""}


def test_a_form_without_address_hands_its_values_to_the_bind(look: Page, bench: Bench) -> None:
    """The usual style of the ecosystem's login pages; problems of fields still stand there."""
    bench.answers["/login"] = {"widgettype": "Error", "options": {
        "message": "no", "fields": {"username": "Unknown."}}}  # fmt: skip
    show(look, bench, form(
        {"name": "username", "title": "Name", "uitype": "str"}, submit_url=None,
        binds=[on("submit", "urlwidget", options={"url": "/login", "method": "POST"})],
    ))  # fmt: skip
    look.get_by_label("Name").fill("ann")
    submit(look)
    assert bench.last("/login") == {"username": "ann"}
    expect(look.locator("[data-field=username]").get_by_role("alert")).to_have_text("Unknown.")
    expect(look.get_by_label("Name")).to_have_value("ann")


def test_pressing_twice_sends_once(look: Page, bench: Bench) -> None:
    def slow(_request: Request) -> Any:
        may_come.wait()
        return {"widgettype": "Message", "options": {"title": "Saved"}}

    may_come = bench.gate()
    bench.answers["/save"] = slow
    show(look, bench, form({"name": "value", "title": "Value", "uitype": "str"}))
    look.get_by_label("Value").fill("x")
    look.keyboard.press("Enter")
    look.keyboard.press("Enter")
    may_come.set()
    expect(look.get_by_text("Saved")).to_be_visible()
    assert len(bench.requests_of("/save")) == 1


def test_a_form_fills_itself_from_its_address(look: Page, bench: Bench) -> None:
    bench.answers["/record"] = {"rows": [{"value": "stored"}]}
    show(look, bench, form({"name": "value", "title": "Value", "uitype": "str"}, dataurl="/record"))
    expect(look.get_by_label("Value")).to_have_value("stored")


def test_what_is_typed_before_the_record_comes_stays(look: Page, bench: Bench) -> None:
    may_come = bench.gate()

    def record(_request: Request) -> Any:
        may_come.wait()
        return {"rows": [{"one": "stored 1", "two": "stored 2"}]}

    bench.answers["/record"] = record
    show(look, bench, form(
        {"name": "one", "title": "One", "uitype": "str"},
        {"name": "two", "title": "Two", "uitype": "str"}, dataurl="/record",
    ))  # fmt: skip
    look.get_by_label("One").fill("typed")
    may_come.set()
    expect(look.get_by_label("Two")).to_have_value("stored 2")

    expect(look.get_by_label("One")).to_have_value("typed")
    is_dirty = "document.querySelector('.form').bricks_widget.isDirty()"
    assert look.evaluate(is_dirty) is True
    look.get_by_label("One").fill("stored 1")
    assert look.evaluate(is_dirty) is False


def test_forms_in_windows_close_and_reload_their_opener(look: Page, bench: Bench) -> None:
    bench.answers["/form.ui"] = form({"name": "value", "title": "Value", "uitype": "str"})
    show(look, bench, box({"widgettype": "Button", "options": {"label": "go"}, "binds": [
        on("click", "urlwidget", target="PopupWindow", options={"url": "/form.ui"})]}))  # fmt: skip
    look.click("text=go")
    look.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(look.get_by_role("dialog")).to_have_count(0)
    expect(look.get_by_text("Saved")).to_be_visible()


def test_a_row_of_fields_searches_a_table(look: Page, bench: Bench) -> None:
    """InlineForm `submit` calls the table's `render` with the values."""
    bench.answers["/get"] = {"total": 0, "rows": []}
    show(look, bench, box(
        {"widgettype": "InlineForm", "options": {"submit_label": "Find", "fields": [
            {"name": "code", "title": "Code", "uitype": "str"}]},
         "binds": [on("submit", "method", target="t_tbl", method="render")]},
        {"widgettype": "Tabular", "id": "t_tbl", "options": {
            "data_url": "/get", "row_options": {"fields": [{"name": "code", "uitype": "str"}]}}},
    ))  # fmt: skip
    bench.expect_requests("/get", 1)
    look.get_by_label("Code").fill("abc")
    look.get_by_role("button", name="Find").click()
    bench.expect_requests("/get", 2)
    assert bench.last("/get")["code"] == "abc"


def test_an_emptied_search_lets_go_of_what_it_asked_for(look: Page, bench: Bench) -> None:
    """What is searched for is neither a parent's key nor kept when the field is empty again."""
    bench.answers |= {"/get": {"total": 0, "rows": []}, "/add": {"widgettype": "Message"}}
    fields = [{"name": name, "title": name.title(), "uitype": "str"} for name in ("code", "line")]
    show(look, bench, box(
        {"widgettype": "InlineForm", "options": {"submit_label": "Find", "fields": fields[:1]},
         "binds": [on("submit", "method", target="t_tbl", method="render")]},
        {"widgettype": "Tabular", "id": "t_tbl", "options": {
            "data_url": "/get", "data_params": {"line": "l1"}, "row_options": {"fields": fields},
            "editable": {"new_data_url": "/add"}}},
    ))  # fmt: skip
    find = look.get_by_role("button", name="Find")
    bench.expect_requests("/get", 1)
    searches = (("abc", {"code": "abc", "line": "l1"}), ("", {"line": "l1"}))
    for count, (words, expected) in enumerate(searches, 2):
        look.get_by_label("Code").fill(words)
        find.click()
        bench.expect_requests("/get", count)
        params = bench.last("/get")
        assert {name: params[name] for name in params if name in ("code", "line")} == expected

    look.get_by_label("Code").fill("abc")
    find.click()
    bench.expect_requests("/get", 4)
    look.get_by_role("button", name="Filter").click()
    look.get_by_label("Value").fill("x")
    look.keyboard.press("Enter")
    bench.expect_requests("/get", 5)
    conditions = [one["field"] for one in json.loads(bench.last("/get")["data_filter"])["AND"]]
    assert conditions == ["line", "code", "code"]
    look.get_by_role("button", name="Add", exact=True).first.click()
    form_ = look.get_by_role("dialog")
    form_.get_by_label("Code").fill("new")
    form_.get_by_role("button", name="Save").click()
    expect(form_).to_have_count(0)
    assert bench.last("/add") == {"code": "new", "line": "l1"}


def test_boxes_that_are_read_only_cannot_be_ticked(look: Page, bench: Bench) -> None:
    data = [{"value": "a", "text": "A"}, {"value": "b", "text": "B"}]
    field = {"name": "many", "uitype": "checkbox", "readonly": True, "value": "b", "data": data}
    show(look, bench, form(field))
    for name in ("A", "B"):
        expect(look.get_by_label(name, exact=True)).to_be_disabled()
    expect(look.get_by_label("B", exact=True)).to_be_checked()


def test_a_required_file_that_is_stored_need_not_be_chosen_again(look: Page, bench: Bench) -> None:
    field = {"name": "picture", "title": "Picture", "uitype": "file", "required": True}
    show(look, bench, form({**field, "value": "/1/2/3/4/x.png"}))
    submit(look)
    assert bench.last("/save") == {}

    show(look, bench, form(field))
    submit(look)
    expect(look.locator("[data-field=picture]").get_by_role("alert")).to_be_visible()
    assert len(bench.requests_of("/save")) == 1


def test_a_form_of_a_record_sends_what_was_edited(look: Page, bench: Bench) -> None:
    fields = [{"name": name, "title": name.title(), "uitype": kind} for name, kind in (
        ("id", "hide"), ("note", "text"), ("price", "decimal"), ("share", "percent"),
        ("more", "json"), ("line", "str"), ("begun", "datetime"),
    )]  # fmt: skip
    record = {"id": "r1", "note": "a\r\nb", "price": "1.5000", "share": "0.850000",
              "more": '{"n":1.0,"big":9007199254740993}', "line": "a\nb",
              "begun": "2026-11-24T06:00:00.000Z"}  # fmt: skip
    show(look, bench, form(*fields, record=record, mode="update"))
    submit(look)
    assert bench.requests_of("/save") == []  # nothing was edited

    look.get_by_label("Price").fill("1,250.75")
    submit(look)
    assert bench.last("/save") == {"id": "r1", "price": "1250.75"}
    look.get_by_label("Note").fill("a\nb\nc")
    submit(look)
    assert bench.last("/save") == {"id": "r1", "note": "a\r\nb\r\nc"}

    # A form without a record's mode sends all, as it was given.
    show(look, bench, form(*fields, record=record))
    submit(look)
    params = bench.last("/save")
    assert {name: params[name] for name in ("note", "more", "line")} == {
        name: record[name] for name in ("note", "more", "line")
    }


def test_a_file_is_kept_as_it_was_when_it_was_chosen(
    look: Page, bench: Bench, tmp_path: Path
) -> None:
    field = {"name": "picture", "title": "Picture", "uitype": "file", "required": True}
    file = tmp_path / "x.txt"
    file.write_text("first")
    show(look, bench, form(field))
    chooser = look.get_by_label("Picture")
    chooser.set_input_files(file)
    expect(look.locator(".file-names")).to_have_text("x.txt")
    expect(chooser).to_have_value("")
    file.write_text("second, longer")  # a browser does not read a file that was changed
    submit(look)
    assert "first" in str(bench.last("/save"))
    chooser.set_input_files(file)
    expect(chooser).to_have_value("")
    submit(look)
    assert "second, longer" in str(bench.last("/save"))
