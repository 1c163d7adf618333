"""What has left the page is let go of: no listener, timer or bind of it stays behind."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, button, on, show, text
from tests.browser.every_page import settle
from tests.browser.generated_list import open_table
from tests.browser.page_bench import Bench

# How many listeners of an event there are beyond those before.
COUNT = """
(name) => {
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  window.kept = 0;
  EventTarget.prototype.addEventListener = function (event, ...rest) {
    if (event === name) window.kept += 1;
    return add.call(this, event, ...rest);
  };
  EventTarget.prototype.removeEventListener = function (event, ...rest) {
    if (event === name) window.kept -= 1;
    return remove.call(this, event, ...rest);
  };
}
"""


def loading(label: str, url: str) -> dict[str, Any]:
    return button(label, on("click", "urlwidget", target="sink", options={"url": url}))


def test_texts_that_are_replaced_wait_for_no_other_language(look: Page, bench: Bench) -> None:
    bench.answers |= {
        "/many.ui": [text(str(n)) for n in range(20)], "/few.ui": [text("a"), text("b")],
    }  # fmt: skip
    show(look, bench, box(loading("many", "/many.ui"), loading("few", "/few.ui"), box(id="sink")))
    look.evaluate(COUNT, "change_language")
    for _ in range(3):
        look.get_by_role("button", name="many").click()
        expect(look.locator("#sink > *")).to_have_count(20)
        look.get_by_role("button", name="few").click()
        expect(look.locator("#sink > *")).to_have_count(2)

    assert look.evaluate("kept") == 2


def test_a_bind_on_the_application_lasts_as_long_as_its_owner(look: Page, bench: Bench) -> None:
    signed_in = {"wid": "app", "event": "user_logined", "actiontype": "urlwidget",
                 "target": "self", "options": {"url": "/heard.dspy"}}  # fmt: skip
    bench.answers |= {
        "/listening.ui": text("listening", binds=[signed_in]), "/other.ui": text("other"),
        "/heard.dspy": {"widgettype": "Message", "options": {"title": "Heard"}},
    }  # fmt: skip
    show(look, bench, box(loading("listen", "/listening.ui"), loading("leave", "/other.ui"),
                          box(id="sink")))  # fmt: skip
    look.get_by_role("button", name="listen").click()
    expect(look.get_by_text("listening")).to_be_visible()
    look.evaluate("bricks.app.dispatch('user_logined', {username: 'ann'})")
    expect(look.get_by_text("Heard")).to_be_visible()
    assert bench.last("/heard.dspy") == {"username": "ann"}

    look.get_by_role("button", name="leave").click()
    expect(look.get_by_text("other")).to_be_visible()
    look.evaluate("bricks.app.dispatch('user_logined', {username: 'ann'})")
    settle(look)
    assert len(bench.requests_of("/heard.dspy")) == 1


def test_what_is_in_a_window_hears_that_it_closes(look: Page, bench: Bench) -> None:
    closing = {"wid": "win", "event": "dismissed", "actiontype": "bricks", "target": "app.heard",
               "options": text("closed")}  # fmt: skip
    bench.answers["/window.ui"] = {
        "widgettype": "PopupWindow", "id": "win", "options": {"title": "Win"},
        "subwidgets": [text("inside", binds=[closing])],
    }  # fmt: skip
    show(look, bench, box(button("go", on("click", "urlwidget", options={"url": "/window.ui"})),
                          box(id="heard")))  # fmt: skip
    look.click("text=go")
    expect(look.get_by_text("inside")).to_be_visible()
    look.keyboard.press("Escape")
    expect(look.locator("#heard")).to_have_text("closed")


def test_what_was_on_tabs_and_in_folds_goes_with_them(look: Page, bench: Bench) -> None:
    """Also what is not in view when the page is left."""
    bench.answers |= {
        "/tabs.ui": {"widgettype": "TabPanel", "options": {"items": [
            {"name": name, "label": name, "content": text(f"on {name}")}
            for name in ("one", "two")]}},
        "/folds.ui": {"widgettype": "Accordion", "options": {"items": [
            {"name": "fold", "text": "fold", "content": text("folded")}]}},
        "/empty.ui": box(),
    }  # fmt: skip
    show(look, bench, box(loading("tabs", "/tabs.ui"), loading("folds", "/folds.ui"),
                          loading("leave", "/empty.ui"), box(id="sink")))  # fmt: skip
    look.evaluate(COUNT, "change_language")
    look.get_by_role("button", name="tabs").click()
    expect(look.get_by_text("on one")).to_be_visible()
    look.get_by_role("tab", name="two").click()
    expect(look.get_by_text("on two")).to_be_visible()
    assert look.evaluate("kept") == 2
    look.get_by_role("button", name="folds").click()
    look.locator("summary").click()
    expect(look.get_by_text("folded")).to_be_visible()
    assert look.evaluate("kept") == 1

    look.get_by_role("button", name="leave").click()
    expect(look.locator("#sink .accordion")).to_have_count(0)
    assert look.evaluate("kept") == 0


def test_a_bind_follows_its_widget_when_that_is_made_anew(look: Page, bench: Bench) -> None:
    """Found in what is about to go, or gone while the owner stays: the next of that id counts."""
    bind = {"wid": "late", "event": "click", "actiontype": "method", "target": "self",
            "method": "set_text", "params": "heard it"}  # fmt: skip
    bench.answers |= {
        "/page.ui": box(text("waiting", id="owner", binds=[bind]), button("Late", id="late")),
        "/late.ui": lambda _: button(f"Late {len(bench.requests_of('/late.ui'))}", id="late"),
    }  # fmt: skip
    show(look, bench, box(
        loading("load", "/page.ui"), box(id="sink"),
        button("renew", on("click", "urlwidget", target="part", options={"url": "/late.ui"})),
        box(text("outer", id="outer", binds=[bind | {"wid": "part.late"}]), box(id="part")),
    ))  # fmt: skip
    for _ in range(2):
        look.get_by_role("button", name="load").click()
        expect(look.locator("#owner")).to_have_text("waiting")
        look.locator("#sink #late").click()
        expect(look.locator("#owner")).to_have_text("heard it")
    for count in (1, 2):
        look.get_by_role("button", name="renew").click()
        expect(look.locator("#part #late")).to_have_text(f"Late {count}")
        look.evaluate("bricks.getWidgetById('outer').set_text('outer')")
        look.locator("#part #late").click()
        expect(look.locator("#outer")).to_have_text("heard it")


def test_details_of_a_row_are_let_go_when_they_close(
    look: Page, bench: Bench, rows: list[dict[str, Any]]
) -> None:
    open_table(look, bench, content_view=text("more of ${code}"))
    look.evaluate(COUNT, "change_language")
    details = look.get_by_role("button", name="Details")
    for number in (0, 1, 2, 0):
        details.nth(number).click()
        expect(look.locator(".detail-row")).to_contain_text(f"code{number + 1}")
    assert look.evaluate("kept") == 1
    look.get_by_role("button", name="Reload").click()
    expect(look.locator(".detail-row")).to_have_count(0)
    look.wait_for_function("kept === 0")
