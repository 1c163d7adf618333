"""Trees, tabs, menus, toolbars, search bars."""

from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, on, show, text
from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Reply, Request

NODES = {
    None: [{"orgid": "a", "name": "Alpha", "kind": "x"}, {"orgid": "b", "name": "Beta"}],
    "a": [{"orgid": "a1", "name": "Alpha one"}],
    "a1": [],
}


def tree(**options: Any) -> dict[str, Any]:
    """A description as the generator writes it."""
    return {
        "widgettype": "Tree", "id": "orgs", "options": {
            "title": "Orgs", "idField": "orgid", "textField": "name", "parentField": "parentid",
            "typeField": "kind", "dataurl": "/get_orgs",
            "editable": {"add_url": "/new", "update_url": "/update", "delete_url": "/delete",
                         "fields": [{"name": "name", "title": "Name", "uitype": "str"}]},
            **options,
        },
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _nodes(bench: Bench) -> None:
    def nodes(request: Request) -> Any:
        return NODES[request.params.get("orgid")]

    def save(request: Request) -> Any:
        record = {"orgid": "new", "id": "new", **request.params}
        return {"widgettype": "Message", "options": {"title": "Saved", "user_data": record}}

    bench.answers |= {"/get_orgs": nodes, "/new": save, "/update": save, "/delete": save}


def test_a_tree_loads_level_by_level_and_works_by_keys(look: Page, bench: Bench) -> None:
    show(look, bench, box(tree(), box(id="heard"), binds=[
        {"wid": "orgs", "event": "node_selected", "actiontype": "bricks", "target": "heard",
         "options": text("${orgid}")}]))  # fmt: skip
    items = look.get_by_role("treeitem")
    expect(items).to_have_count(2)
    assert bench.last("/get_orgs") == {}
    items.first.focus()
    look.keyboard.press("ArrowRight")
    expect(items).to_have_count(3)
    assert bench.last("/get_orgs") == {"orgid": "a", "id": "a", "type": "x"}
    look.keyboard.press("ArrowDown")
    expect(look.locator("#heard")).to_have_text("a1")
    look.keyboard.press("ArrowRight")
    expect(items.nth(1)).not_to_have_attribute("aria-expanded", "false")
    look.keyboard.press("ArrowLeft")
    expect(look.locator("#heard")).to_have_text("a")
    look.keyboard.press("ArrowLeft")
    expect(look.get_by_text("Alpha one")).to_be_hidden()


def test_nodes_are_added_changed_and_deleted(look: Page, bench: Bench) -> None:
    show(look, bench, tree(newdata_params={"fixed": "f"}))
    look.get_by_role("button", name="Add").click()
    look.get_by_label("Name").fill("Gamma")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_role("treeitem", name="Gamma")).to_be_visible()
    # At the root the parent is left out: an empty one would hide the node for ever.
    assert bench.last("/new") == {"name": "Gamma", "fixed": "f"}
    look.get_by_text("Beta").click()
    look.get_by_role("button", name="Edit").click()
    look.get_by_label("Name").fill("Delta")
    look.get_by_role("button", name="Save").click()
    expect(look.get_by_role("treeitem", name="Delta")).to_be_visible()
    assert bench.last("/update") == {"name": "Delta", "id": "b", "orgid": "b"}
    look.get_by_role("button", name="Delete").click()
    look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(look.get_by_role("treeitem", name="Delta")).to_have_count(0)
    assert bench.last("/delete") == {"id": "b", "orgid": "b"}


def test_children_that_are_on_their_way_are_not_asked_for_again(look: Page, bench: Bench) -> None:
    go_on = bench.gate()
    answer = bench.answers["/get_orgs"]

    def slowly(request: Request) -> Any:
        if "id" in request.params:
            go_on.wait()
        return answer(request)

    bench.answers["/get_orgs"] = slowly
    show(look, bench, tree())
    items = look.get_by_role("treeitem")
    items.first.focus()
    look.keyboard.press("ArrowRight")
    look.keyboard.press("ArrowRight")
    go_on.set()

    expect(look.get_by_text("Alpha one")).to_have_count(1)
    settle(look)
    assert len(bench.requests_of("/get_orgs")) == 2  # the root and this one
    expect(items).to_have_count(3)


def test_the_tab_key_reaches_a_tree_that_has_lost_its_chosen_node(look: Page, bench: Bench) -> None:
    show(look, bench, tree())
    tabbable = look.locator("[role=treeitem][tabindex='0']")
    for name, rest in (("Alpha", "Beta"), ("Beta", None)):
        look.get_by_text(name).click()
        look.get_by_role("button", name="Delete").click()
        look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
        expect(look.get_by_text(name)).to_have_count(0)
        expect(tabbable).to_have_text([rest] if rest else [])
    look.get_by_role("button", name="Add").click()
    look.get_by_label("Name").fill("Gamma")
    look.get_by_role("button", name="Save").click()
    expect(tabbable).to_have_text("Gamma")


def test_tabs_build_when_first_shown_and_keep_what_was_built(look: Page, bench: Bench) -> None:
    bench.answers["/two.ui"] = text("second")
    show(look, bench, {"widgettype": "TabPanel", "options": {"items": [
        {"name": "one", "label": "One", "content": text("first")},
        {"name": "two", "label": "Two",
         "content": {"widgettype": "urlwidget", "options": {"url": "/two.ui"}}}]}})  # fmt: skip
    expect(look.get_by_role("tabpanel")).to_have_text("first")
    assert bench.requests_of("/two.ui") == []
    look.get_by_role("tab", name="One").focus()
    look.keyboard.press("ArrowRight")
    expect(look.get_by_role("tabpanel")).to_have_text("second")
    look.keyboard.press("ArrowLeft")
    look.keyboard.press("ArrowRight")
    expect(look.get_by_role("tab", name="Two")).to_have_attribute("aria-selected", "true")
    assert len(bench.requests_of("/two.ui")) == 1


def test_a_tab_clicked_twice_is_built_once(look: Page, bench: Bench) -> None:
    def slow(_request: Request) -> Any:
        gates[-1].wait()
        return text("second")

    gates: list[Event] = []
    bench.answers["/two.ui"] = slow
    second = {"widgettype": "urlwidget", "options": {"url": "/two.ui"}}
    show(look, bench, {"widgettype": "TabPanel", "options": {"items": [
        {"name": "one", "label": "One", "content": text("first")},
        {"name": "two", "label": "Two", "content": second},
        {"name": "fresh", "label": "Fresh", "content": second, "refresh": True}]}})  # fmt: skip
    for name, count in (("Two", 1), ("Fresh", 2), ("Two", 2), ("Fresh", 3)):
        gates.append(bench.gate())
        look.get_by_role("tab", name=name).dblclick()
        gates[-1].set()
        expect(look.get_by_role("tabpanel").get_by_text("second")).to_have_count(1)
        settle(look)
        assert len(bench.requests_of("/two.ui")) == count


def test_a_tab_that_could_not_be_loaded_is_asked_for_again(look: Page, bench: Bench) -> None:
    bench.answers["/two.ui"] = Reply("500 Internal Server Error", 500, "text/plain")
    show(look, bench, {"widgettype": "TabPanel", "options": {"items": [
        {"name": "one", "label": "One", "content": text("first")},
        {"name": "two", "label": "Two",
         "content": {"widgettype": "urlwidget", "options": {"url": "/two.ui"}}}]}})  # fmt: skip
    look.get_by_role("tab", name="Two").click()
    expect(look.get_by_role("alertdialog")).to_be_visible()
    look.keyboard.press("Escape")
    bench.answers["/two.ui"] = text("second")
    look.get_by_role("tab", name="Two").click()
    expect(look.get_by_role("tabpanel")).to_have_text("second")


def test_menus_toolbars_and_search_bars_fire_their_events(look: Page, bench: Bench) -> None:
    bench.answers["/page.ui"] = text("page")
    heard = {"actiontype": "bricks", "target": "heard"}
    show(look, bench, box(
        {"widgettype": "Menu", "options": {"target": "root.sink", "items": [
            {"name": "group", "label": "Group", "items": [
                {"name": "p", "label": "Page", "url": "/page.ui"}]}]}},
        {"widgettype": "Toolbar", "options": {"tools": [{"name": "cut", "label": "Cut"}]},
         "binds": [{"wid": "self", "event": "cut", **heard, "options": text("${name}")}]},
        {"widgettype": "SearchBar", "options": {"placeholder": "Words"},
         "binds": [{"wid": "self", "event": "search", **heard, "options": text("${keyword}")}]},
        box(id="sink"), box(id="heard"),
    ))  # fmt: skip
    look.get_by_role("button", name="Group").click()
    look.get_by_role("button", name="Page").click()
    expect(look.locator("#sink")).to_have_text("page")
    look.get_by_role("button", name="Cut").click()
    expect(look.locator("#heard")).to_have_text("cut")
    look.get_by_role("searchbox").fill("lines")
    look.keyboard.press("Enter")
    expect(look.locator("#heard")).to_have_text("lines")


def test_late_children_of_a_window_are_found_from_its_form(look: Page, bench: Bench) -> None:
    bench.answers["/window.ui"] = {
        "widgettype": "PopupWindow", "id": "win", "options": {"title": "Win"},
        "subwidgets": [box(id="inner")],
    }  # fmt: skip
    bench.answers["/closing"] = {
        "widgettype": "Message", "options": {"title": "Done"},
        "binds": [on("opened", "method", target="body.win", method="destroy")],
    }  # fmt: skip
    show(look, bench, box({"widgettype": "urlwidget", "options": {"url": "/window.ui"}}))
    expect(look.get_by_role("dialog", name="Win")).to_be_visible()
    look.evaluate("""void bricks.buildUrlwidgetHandler(bricks.app.root, 'self', {},
        {options: {url: '/closing'}})()""")
    expect(look.get_by_role("dialog", name="Win")).to_have_count(0)


def test_markdown_is_read_and_never_becomes_html(look: Page, bench: Bench) -> None:
    bench.answers["/doc/a.md"] = Reply(
        "# Head\n\nSome **bold** `code` <img src=x onerror=window.hacked=1>\n\n"
        "- one\n- [two](b.md)\n- [bad](javascript:window.hacked=1)\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nraw *text*\n```\n",
        content_type="text/html",
    )
    bench.answers["/doc/b.md"] = Reply("## Second", content_type="text/html")
    show(look, bench, {"widgettype": "MarkdownViewer", "options": {
        "md_url": "/doc/a.md", "navigator": True}})  # fmt: skip
    expect(look.get_by_role("heading", name="Head")).to_be_visible()
    expect(look.locator(".markdown strong")).to_have_text("bold")
    expect(look.locator(".markdown td")).to_have_text(["1", "2"])
    expect(look.locator(".markdown pre")).to_have_text("raw *text*")
    expect(look.locator(".markdown img")).to_have_count(0)
    expect(look.locator(".markdown a")).to_have_text(["two"])
    look.get_by_role("link", name="two").click()
    expect(look.get_by_role("heading", name="Second")).to_be_visible()
    look.get_by_role("button", name="Back").click()
    expect(look.get_by_role("heading", name="Head")).to_be_visible()
    assert look.evaluate("window.hacked") is None
