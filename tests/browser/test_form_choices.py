"""Choices in forms: loaded, searched, and nothing else is sent."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import show, text
from tests.browser.forms import form, submit
from tests.browser.page_bench import Bench, Request


@pytest.fixture(autouse=True)
def _saving(bench: Bench) -> None:
    bench.answers["/save"] = {"widgettype": "Message", "options": {"title": "Saved"}}


def test_a_code_loads_its_choices_under_the_names_it_sent(look: Page, bench: Bench) -> None:
    bench.answers["/get_code"] = [{"orgid": "o1", "orgid_text": "First"},
                                  {"orgid": "o2", "orgid_text": "Second"}]  # fmt: skip
    show(look, bench, form(
        {"name": "orgid", "title": "Org", "uitype": "code", "valueField": "orgid",
         "textField": "orgid_text", "dataurl": "/get_code", "params": {"table": "orgs"}},
        binds=[{"wid": "self", "event": "submit", "actiontype": "bricks", "target": "root.heard",
                "options": text("${orgid}")}],
    ))  # fmt: skip
    expect(look.get_by_label("Org").locator("option")).to_have_text(["", "First", "Second"])
    assert bench.last("/get_code") == {"table": "orgs"}
    look.get_by_label("Org").select_option("o2")
    submit(look)
    assert bench.last("/save") == {"orgid": "o2"}


def test_a_long_list_is_searched_by_typing(look: Page, bench: Bench) -> None:
    choices = [{"value": str(n), "text": f"Choice {n}"} for n in range(40)]
    show(look, bench, form({"name": "value", "title": "Value", "uitype": "code", "data": choices}))
    box_ = look.get_by_role("combobox")
    box_.fill("choice 3")
    expect(look.get_by_role("option")).to_have_count(11)
    look.keyboard.press("ArrowDown")
    look.keyboard.press("ArrowDown")
    look.keyboard.press("Enter")
    expect(box_).to_have_value("Choice 30")
    submit(look)
    assert bench.last("/save") == {"value": "30"}
    box_.fill("no such thing")
    expect(look.get_by_text("Nothing found")).to_be_visible()
    look.get_by_role("button", name="Save").focus()
    expect(box_).to_have_value("Choice 30")


@pytest.mark.parametrize("leave", ["Enter", "Tab"])
@pytest.mark.parametrize(("entry", "choice", "value"), [
    ("", "", "null"),
    ("Choice 7", "Choice 7", "7"),
    ("choice 12", "Choice 12", "12"),
])  # fmt: skip
def test_what_is_seen_in_a_long_list_is_sent(
    look: Page, bench: Bench, leave: str, entry: str, choice: str, value: str
) -> None:
    choices = [{"value": str(n), "text": f"Choice {n}"} for n in range(20)]
    field = {"name": "value", "title": "Value", "uitype": "code", "data": choices, "value": "3"}
    show(look, bench, form(field, keep_open=True))
    box_ = look.get_by_role("combobox", name="Value")
    expect(box_).to_have_value("Choice 3")
    box_.fill(entry)
    look.keyboard.press(leave)
    if leave == "Tab":
        submit(look)
    expect(look.get_by_text("Saved")).to_be_visible()

    expect(box_).to_have_value(choice)
    assert bench.last("/save") == {"value": value}


def test_a_word_that_is_no_choice_is_not_sent_as_another(look: Page, bench: Bench) -> None:
    choices = [{"value": str(n), "text": f"Choice {n}"} for n in range(20)]
    field = {"name": "value", "title": "Value", "uitype": "code", "data": choices, "value": "3"}
    show(look, bench, form(field))
    look.get_by_role("combobox").fill("hoice")
    look.keyboard.press("Enter")
    expect(look.get_by_role("option")).to_have_count(20)
    assert bench.requests_of("/save") == []


def test_the_server_searches_where_it_offers_to(look: Page, bench: Bench) -> None:
    def search(request: Request) -> Any:
        words = request.params.get("q", "")
        return [{"value": "", "text": "All"}, {"value": "p1", "text": f"Line {words}"}]

    bench.answers["/api/get_search_pipeline_id.dspy"] = search
    show(look, bench, form({"name": "line", "title": "Line", "uitype": "code",
                            "dataurl": "/api/get_search_pipeline_id.dspy"}))  # fmt: skip
    look.get_by_role("combobox").fill("abc")
    look.get_by_role("option", name="Line abc").click()
    submit(look)
    assert bench.last("/save") == {"line": "p1"}
