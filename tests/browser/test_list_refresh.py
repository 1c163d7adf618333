"""Lists that others change meanwhile, the page in the address, quick filters and chips."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from tests.browser.generated_list import expect_rows
from tests.browser.list_of_things import table
from tests.browser.page_bench import Bench, Reply, Request

Row = dict[str, Any]
PAGE_ROWS = 40
QUICK = [
    {"name": "beans", "label": "Beans", "filter": {"field": "kind", "op": "=", "const": "b"}},
    {"name": "today", "label": "Today",
     "filter": {"AND": [{"field": "begun", "op": ">=", "const": "${day_start}"},
                        {"field": "begun", "op": "<", "const": "${day_end}"}]}},
]  # fmt: skip


def thing(number: int) -> Row:
    return {"id": f"t{number}", "name": f"thing{number}", "share": "0.850000", "kind": "a",
            "enabled": 1, "lock_version": 1}  # fmt: skip


@pytest.fixture
def world(look: Page, bench: Bench) -> list[Row]:
    """A list of 120 rows, newest first, in pages by number, as the shell shows it."""
    rows = [thing(number) for number in range(120, 0, -1)]

    def get(request: Request) -> Any:
        size = int(request.params["rows"])
        start = (int(request.params["page"]) - 1) * size
        return {"total": len(rows), "rows": [dict(row) for row in rows[start : start + size]]}

    bench.answers["/get"] = get
    bench.answers["/list"] = lambda request: table(
        page_rows=PAGE_ROWS, toolbar={"quick": QUICK}, data_params=dict(request.params)
    )
    bench.answers["/whoami.dspy"] = {"data": {"user_id": "u1", "username": "ann", "roles": []}}
    look.set_viewport_size({"width": 1000, "height": 500})
    open_shell(look, bench, "")
    return rows


def open_shell(look: Page, bench: Bench, query: str) -> None:
    shell = {"widgettype": "AppShell", "options": {
        "home": "/list", "menu": [{"label": "Lines", "url": "/list"}],
        "time_zone": "Pacific/Kiritimati"}}  # fmt: skip
    bench.page = shell
    look.goto("about:blank")
    look.goto(f"/page#/list{query}")
    look.wait_for_selector("body[data-ready]")
    expect_rows(look)


def come_back(look: Page) -> None:
    """As if the reader had been elsewhere for a while."""
    look.wait_for_timeout(3200)
    with look.expect_response("**/get*"):
        look.evaluate("window.dispatchEvent(new Event('focus'))")
    look.wait_for_timeout(200)


def names(look: Page) -> list[str]:
    return look.locator("td[data-name=name]").all_inner_texts()


def expect_each_once(look: Page, rows: list[Row]) -> None:
    """What is loaded is the beginning of *rows*, in order, without a gap."""
    texts = names(look)
    assert texts == [row["name"] for row in rows[: len(texts)]]


def scroll_to_end(look: Page) -> None:
    with look.expect_response("**/get*"):
        look.locator(".table-scroll").evaluate("(node) => { node.scrollTop = node.scrollHeight; }")
    look.locator("tbody").nth(1).wait_for()


def test_new_and_gone_rows_come_in_their_place(look: Page, world: list[Row]) -> None:
    scroll_to_end(look)
    look.get_by_role("row").filter(has_text="thing90").click(position={"x": 200, "y": 10})
    look.locator("tr", has_text="thing89").get_by_label("Mark", exact=True).check()
    row = look.locator("tr", has_text="thing90")
    before = row.bounding_box()
    world[0:0] = [thing(number) for number in (123, 122, 121)]
    del world[10]
    world[40]["name"] = "renamed"
    come_back(look)

    expect_each_once(look, world)
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) <= 1
    expect(row).to_have_attribute("aria-selected", "true")
    expect(look.locator("tr", has_text="thing89").get_by_label("Mark", exact=True)).to_be_checked()
    expect(look.get_by_text("1 marked", exact=True)).to_be_visible()
    expect(look.locator("td[data-name=name]", has_text="renamed")).to_have_count(1)


@pytest.mark.parametrize(
    "change",
    [lambda rows: rows.insert(0, thing(121)), lambda rows: rows.__delitem__(slice(3, 8))],
    ids=["new", "gone"],
)
def test_no_row_is_doubled_or_left_out_while_one_scrolls(
    look: Page, world: list[Row], change: Callable[[list[Row]], None]
) -> None:
    change(world)
    scroll_to_end(look)
    look.wait_for_timeout(500)

    expect_each_once(look, world)
    assert len(names(look)) >= 2 * PAGE_ROWS - 1


def test_what_is_marked_and_no_longer_in_view_is_told(look: Page, world: list[Row]) -> None:
    for number in (119, 118):
        row = look.locator("tr", has_text=f"thing{number}")
        row.get_by_label("Mark", exact=True).check()
    del world[1]
    come_back(look)

    expect(look.get_by_text("2 marked, 1 of them not in view")).to_be_visible()


def test_a_list_that_has_become_short_ends_where_it_ends(look: Page, world: list[Row]) -> None:
    scroll_to_end(look)
    del world[10:]
    come_back(look)
    expect(look.locator("tbody")).to_have_count(1)
    expect_each_once(look, world)
    expect(look.locator(".pager-position")).to_have_text("1–10 of 10")


def test_a_failure_while_nobody_asked_is_passed_over(
    look: Page, bench: Bench, world: list[Row]
) -> None:
    bench.answers["/get"] = Reply({"code": "busy", "detail": "busy"}, 503)
    come_back(look)
    expect(look.get_by_role("dialog")).to_have_count(0)
    expect(look.get_by_role("alertdialog")).to_have_count(0)
    expect_each_once(look, world)


def test_what_is_half_typed_waits(look: Page, world: list[Row]) -> None:
    look.locator("td[data-name=name]").nth(1).click()
    look.keyboard.press("F2")
    look.keyboard.type("half")
    world.insert(0, thing(121))
    look.wait_for_timeout(3200)
    look.evaluate("window.dispatchEvent(new Event('focus'))")
    look.wait_for_timeout(300)

    expect(look.locator("td.editing input")).to_have_value("half")
    expect(look.locator("td[data-name=name]").first).to_have_text("thing120")


def test_a_selected_row_that_is_gone_is_no_longer_selected(look: Page, world: list[Row]) -> None:
    look.locator("td[data-name=kind]").nth(1).click()
    del world[1]
    come_back(look)

    expect(look.locator("tr[aria-selected=true]")).to_have_count(0)
    expect_each_once(look, world)


def test_the_page_stands_in_the_address(look: Page, bench: Bench, world: list[Row]) -> None:
    look.get_by_role("button", name="Last page").click()
    expect(look.locator("td[data-name=name]").first).to_have_text("thing40")
    expect(look).to_have_url(re.compile("_view="))
    view = parse_qs(look.url.partition("?")[2])["_view"][0]
    assert json.loads(view) == {"p": 3}

    look.reload()
    expect(look.locator(".pager-position")).to_have_text("81–120 of 120")
    expect(look.locator("td[data-name=name]").first).to_have_text("thing40")
    # Of a list that has become shorter the last page that there is.
    del world[50:]
    look.reload()
    expect(look.locator(".pager-position")).to_have_text("41–50 of 50")
    look.get_by_role("button", name="First page").click()
    expect(look).not_to_have_url(re.compile("_view="))


def test_quick_filters_and_chips(look: Page, bench: Bench, world: list[Row]) -> None:
    group = look.get_by_role("group", name="Quick filters")
    expect(group.get_by_role("button")).to_have_text(["All", "Beans", "Today"])
    group.get_by_role("button", name="Beans").click()
    expect(group.get_by_role("button", name="Beans")).to_have_attribute("aria-pressed", "true")
    expect(look).to_have_url(re.compile("beans"))
    assert json.loads(bench.last("/get")["data_filter"]) == QUICK[0]["filter"]

    # A day of the zone by which the application counts, fourteen hours ahead.
    with look.expect_response("**/get*"):
        group.get_by_role("button", name="Today").click()
    start, end = json.loads(bench.last("/get")["data_filter"])["AND"]
    assert start["const"].endswith("T10:00:00.000Z")
    assert end["const"].endswith("T10:00:00.000Z")
    assert start["const"] < end["const"]

    look.get_by_role("button", name="Filter", exact=True).click()
    look.get_by_label("Column", exact=True).select_option("kind")
    look.locator(".filter-value select").select_option("b")
    look.get_by_role("button", name="Apply").click()
    chips = look.locator(".filter-chips li")
    expect(chips).to_have_text(["Kind equals Bean"])
    assert len(json.loads(bench.last("/get")["data_filter"])["AND"]) == 2
    look.reload()
    expect(chips).to_have_text(["Kind equals Bean"])
    expect(group.get_by_role("button", name="Today")).to_have_attribute("aria-pressed", "true")
    look.get_by_role("button", name='Remove "Kind equals Bean"').click()
    expect(chips).to_have_count(0)
    with look.expect_response("**/get*"):
        group.get_by_role("button", name="All").click()
    assert "data_filter" not in bench.last("/get")


def test_a_quick_filter_that_is_gone_is_none(look: Page, bench: Bench, world: list[Row]) -> None:
    open_shell(look, bench, "?_view=%7B%22k%22%3A%22nowhere%22%2C%22p%22%3A%22x%22%7D")
    assert "data_filter" not in bench.last("/get")
    group = look.get_by_role("group", name="Quick filters")
    expect(group.get_by_role("button", name="All")).to_have_attribute("aria-pressed", "true")
