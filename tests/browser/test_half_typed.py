"""What is half typed: words that an input method composes, a cell whose window goes back."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browser.descriptions import show
from tests.browser.every_page import settle
from tests.browser.forms import form
from tests.browser.list_of_things import FIELDS, table
from tests.browser.page_bench import Bench, Request


@pytest.fixture
def method(look: Page) -> CDPSession:
    """The browser's own door for input methods and keys."""
    return look.context.new_cdp_session(look)


def compose(method: CDPSession, *steps: str) -> None:
    """An input method shows *steps* one after the other; none is a word yet."""
    for text in steps:
        caret = {"selectionStart": len(text), "selectionEnd": len(text)}
        method.send("Input.imeSetComposition", {"text": text, **caret})


def cell(page: Page, name: str, row: int = 0) -> Locator:
    return page.locator("tbody tr").nth(row).locator(f"td[data-name={name}]")


def press_composing(page: Page, place: Locator, key: str, *, is_safari: bool) -> None:
    """A key of the input method: Safari tells it after the composition's end."""
    place.evaluate(
        """(node, [key, isSafari]) => node.dispatchEvent(new KeyboardEvent('keydown', {
            key, keyCode: 229, isComposing: !isSafari, bubbles: true, cancelable: true}))""",
        [key, is_safari],
    )


def test_a_search_waits_for_the_word(
    look: Page, bench: Bench, things: list[dict[str, Any]], method: CDPSession
) -> None:
    search = look.get_by_role("searchbox")
    search.click()
    before = len(bench.requests_of("/get"))
    compose(method, "d", "du", "duan", "duanju")
    expect(search).to_have_value("duanju")
    look.wait_for_timeout(600)  # longer than a search waits for more letters
    assert len(bench.requests_of("/get")) == before
    assert "duan" not in look.url

    method.send("Input.insertText", {"text": "短剧"})
    settle(look)
    expect(look.locator("tbody tr")).to_have_count(0)
    assert [one.params.get("q") for one in bench.requests_of("/get")[before:]] == ["短剧"]


@pytest.mark.parametrize("is_safari", [False, True])
def test_keys_of_the_input_method_do_nothing_in_a_cell(
    look: Page, bench: Bench, things: list[dict[str, Any]], method: CDPSession, is_safari: bool
) -> None:
    cell(look, "name").click()
    look.keyboard.press("F2")
    box = cell(look, "name").get_by_role("textbox")
    look.keyboard.press("ControlOrMeta+a")
    compose(method, "ce", "ceshi")
    for key in ("Enter", "Escape", "ArrowDown", "ArrowUp", "Tab"):
        press_composing(look, box, key, is_safari=is_safari)
    expect(box).to_be_focused()
    expect(box).to_have_value("ceshi")
    assert bench.requests_of("/update") == []


@pytest.mark.parametrize("is_safari", [False, True])
def test_keys_of_the_input_method_choose_nothing_in_a_combobox(
    look: Page, bench: Bench, method: CDPSession, is_safari: bool
) -> None:
    choices = [{"value": str(n), "text": f"Choice {n}"} for n in range(40)]
    owner = {"name": "owner", "title": "Owner", "uitype": "code", "data": choices}
    show(look, bench, form(owner))
    box = look.get_by_label("Owner")
    box.click()
    expect(look.get_by_role("option")).not_to_have_count(0)
    count = look.get_by_role("option").count()
    compose(method, "9", "39")
    for key in ("ArrowDown", "Enter", "Escape"):
        press_composing(look, box, key, is_safari=is_safari)
    look.wait_for_timeout(600)  # longer than a list waits for more letters
    expect(look.get_by_role("option")).to_have_count(count)
    assert bench.requests_of("/save") == []
    assert box.get_attribute("aria-activedescendant") is None
    expect(box).to_have_value("39")


def test_a_half_typed_cell_waits_while_another_window_is_in_front(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    bench.answers["/update"] = {"widgettype": "Message", "options": {"title": "Saved"}}
    cell(look, "name").click()
    look.keyboard.press("F2")
    look.keyboard.type("hal")
    box = cell(look, "name").get_by_role("textbox")
    look.evaluate("""() => {
        const node = document.activeElement;
        // The window goes: its element is told, and stays the active one.
        node.dispatchEvent(new FocusEvent('blur'));
        node.dispatchEvent(new FocusEvent('focusout', {bubbles: true}));
    }""")
    settle(look)
    expect(box).to_have_value("hal")
    assert bench.requests_of("/update") == []
    # Going on within the page saves, as before.
    cell(look, "share", 1).click()
    expect(box).to_have_count(0)
    assert [one.params["name"] for one in bench.requests_of("/update")] == ["hal"]


def test_f2_edits_the_cell_that_was_clicked(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    cell(look, "share", 1).click()
    look.keyboard.press("F2")
    expect(cell(look, "share", 1).get_by_role("textbox")).to_be_focused()
    look.keyboard.press("Escape")

    fields = [*FIELDS[:2], {"name": "made_by", "title": "Made by", "uitype": "str"}]
    columns = {"exclouded": ["id"], "alters": {}}
    options = {"fields": fields, "browserfields": columns, "editexclouded": ["made_by"]}
    show(look, bench, table(row_options=options))
    cell(look, "made_by").click()
    look.keyboard.press("F2")
    expect(look.get_by_text("This cell is not edited in its place.")).to_be_visible()
    expect(look.locator("td.editing")).to_have_count(0)


def test_rows_that_others_make_double_none(look: Page, bench: Bench) -> None:
    rows = [{"id": f"t{n}", "name": f"thing{n}", "lock_version": n} for n in range(120, 0, -1)]

    def get(request: Request) -> Any:
        at = (int(request.params.get("page", 1)) - 1) * 50
        return {"total": len(rows), "rows": rows[at : at + 50]}

    bench.answers["/get"] = get
    show(look, bench, table())
    expect(look.locator("tbody tr")).to_have_count(50)
    rows[:0] = [{"id": f"new{n}", "name": f"new{n}", "lock_version": 1} for n in range(3)]
    scroller = look.locator("table.grid").locator("xpath=..")
    scroller.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(look.get_by_text("thing60", exact=True)).to_be_attached()
    names = look.locator("tbody td[data-name=name]").all_inner_texts()
    assert len(names) == len(set(names))


def test_a_new_key_is_not_lost_by_one_key_press(look: Page, bench: Bench) -> None:
    show(look, bench, {"widgettype": "VBox"})
    look.evaluate(
        "bricks.app.buildOverlay({widgettype: 'ApiKey', options: {api_key: 'ppk_secret'}})"
    )
    box = look.locator("dialog.api-key-box")
    question = look.get_by_role("alertdialog")
    for key in ("Escape", "Enter"):  # the focus stands on the cross
        box.get_by_role("button", name="Close").focus()
        look.keyboard.press(key)
        expect(question).to_contain_text("cannot be shown again")
        question.get_by_role("button", name="Cancel").click()
        expect(question).to_have_count(0)
        expect(box).to_be_visible()
    box.get_by_role("button", name="I have stored it").click()
    expect(box).to_have_count(0)
