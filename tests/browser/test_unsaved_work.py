"""Windows with typed words in them ask before they close, whatever the form in them is."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, button, on, show, text
from tests.browser.page_bench import Bench

WORDS = {"name": "words", "title": "Words", "uitype": "str"}
FORM: dict[str, Any] = {"widgettype": "Form", "options": {"fields": [WORDS], "submit_url": "/save"}}
QUESTION = "Close and lose what you typed?"


def open_window(look: Page, bench: Bench, content: Any) -> None:
    bench.answers["/window.ui"] = content
    show(look, bench, box(button("go", on(
        "click", "urlwidget", target="PopupWindow", options={"url": "/window.ui"},
        popup_options={"title": "Window"}))))  # fmt: skip
    look.click("text=go")
    expect(look.get_by_role("dialog", name="Window")).to_be_visible()


@pytest.mark.parametrize("form", [
    FORM,
    {**FORM, "options": {"fields": [WORDS]}},
    box(text("a page around it"), FORM),
])  # fmt: skip
def test_escape_asks_before_typed_words_are_lost(look: Page, bench: Bench, form: Any) -> None:
    open_window(look, bench, form)
    look.get_by_label("Words").fill("typed")
    look.keyboard.press("Escape")
    question = look.get_by_role("alertdialog")
    expect(question).to_contain_text(QUESTION)
    question.get_by_role("button", name="Cancel").click()
    expect(look.get_by_label("Words")).to_have_value("typed")

    look.get_by_role("dialog", name="Window").get_by_role("button", name="Close").click()
    question.get_by_role("button", name="Close").last.click()
    expect(look.get_by_role("dialog")).to_have_count(0)


def test_a_form_on_another_tab_counts_too(look: Page, bench: Bench) -> None:
    open_window(look, bench, {"widgettype": "TabPanel", "options": {"items": [
        {"name": "one", "label": "One", "content": FORM},
        {"name": "two", "label": "Two", "content": text("two")}]}})  # fmt: skip
    look.get_by_label("Words").fill("typed")
    look.get_by_role("tab", name="Two").click()
    expect(look.get_by_role("tabpanel")).to_have_text("two")
    look.keyboard.press("Escape")
    expect(look.get_by_role("alertdialog")).to_contain_text(QUESTION)


@pytest.mark.parametrize("widget", ["Form", "InlineForm"])
def test_what_is_unchanged_or_only_a_search_is_closed_at_once(
    look: Page, bench: Bench, widget: str
) -> None:
    open_window(look, bench, {"widgettype": widget, "options": {"fields": [WORDS]}})
    look.get_by_label("Words").fill("typed" if widget == "InlineForm" else "")
    look.keyboard.press("Escape")
    expect(look.get_by_role("dialog")).to_have_count(0)


def test_what_a_bind_has_saved_is_no_longer_unsaved(look: Page, bench: Bench) -> None:
    bench.answers["/save"] = {"widgettype": "Message", "options": {"title": "Saved"}}
    save = on("submit", "urlwidget", options={"url": "/save", "method": "POST"})
    open_window(
        look, bench, {"widgettype": "Form", "options": {"fields": [WORDS]}, "binds": [save]}
    )
    look.get_by_label("Words").fill("typed")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_text("Saved")).to_be_visible()
    look.keyboard.press("Escape")
    expect(look.get_by_role("dialog")).to_have_count(0)
