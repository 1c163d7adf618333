"""A list that is not counted to its end: on from its rows, and what it says of itself."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.every_page import settle
from tests.browser.generated_list import open_table, row
from tests.browser.page_bench import Bench, Request

COUNT = 400
LIMIT = 100
LARGE = {"limit": LIMIT, "sortable": ["code", "begun"], "searchable": ["code"],
         "order": "begun desc,id desc"}  # fmt: skip
# Until the page has heard of it: it tells ups from downs.
TO_THE_END = """e => new Promise((done) => {
  e.scrollTop = e.scrollHeight;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


@pytest.fixture
def queries(bench: Bench) -> list[dict[str, Any]]:
    """The pages that were asked for; a cursor is the number of its row."""
    rows = [row(number) for number in range(1, COUNT + 1)]
    requests: list[dict[str, Any]] = []

    def page(request: Request) -> Any:
        params = request.params
        requests.append(params)
        size = int(params["rows"])
        if "_last" in params:
            start = COUNT - size
        elif "_after" in params:
            start = int(params["_after"])
        elif "_before" in params:
            start = max(0, int(params["_before"]) - 1 - size)
        else:
            start = (int(params["page"]) - 1) * size
            assert start <= LIMIT
        end = min(start + size, COUNT)
        return {"total": LIMIT + 1, "capped": True, "rows": rows[start:end],
                "next": str(end) if end < COUNT else None,
                "previous": str(start + 1) if start else None, "large": LARGE}  # fmt: skip

    bench.answers |= {"/get": page, "/get_code": []}
    return requests


def position(look: Page, text: str) -> None:
    expect(look.locator(".pager-position")).to_have_text(text)


def press(look: Page, bench: Bench, name: str) -> None:
    """Press a button and wait until what it asks for is shown."""
    count = len(bench.requests_of("/get"))
    look.get_by_role("button", name=name, exact=True).click()
    bench.expect_requests("/get", count + 1)
    settle(look)


def code(look: Page) -> Locator:
    return look.locator("td[data-name=code]")


def test_it_goes_on_from_its_rows_and_numbers_what_was_counted(
    look: Page, bench: Bench, queries: list[dict[str, Any]]
) -> None:
    open_table(look, bench, page_rows=20)
    position(look, "1–20 of more than 100")
    expect(look.locator(".pager-steps")).to_contain_text("/ 5+")
    press(look, bench, "Next page")
    assert queries[-1]["_after"] == "20"
    assert "page" not in queries[-1]
    position(look, "21–40 of more than 100")
    number = look.get_by_label("Page", exact=True)
    number.fill("999")
    look.keyboard.press("Enter")
    expect(number).to_have_value("5")
    assert queries[-1]["page"] == "5"
    position(look, "81–100 of more than 100")
    # Beyond what has a number by the way on.
    press(look, bench, "Next page")
    press(look, bench, "Next page")
    position(look, "121–140 of more than 100")
    expect(number).to_have_value("7")
    expect(code(look).first).to_have_text("code121")
    press(look, bench, "Reload")
    assert queries[-1]["_after"] == "120"
    position(look, "121–140 of more than 100")
    press(look, bench, "Previous page")
    assert queries[-1]["_before"] == "121"
    position(look, "101–120 of more than 100")
    press(look, bench, "First page")
    position(look, "1–20 of more than 100")
    expect(look.get_by_role("button", name="First page")).to_be_disabled()


def test_its_last_page_is_asked_for_from_the_end(
    look: Page, bench: Bench, queries: list[dict[str, Any]]
) -> None:
    open_table(look, bench, page_rows=20)
    press(look, bench, "Last page")
    assert queries[-1]["_last"] == "1"
    position(look, "20–1 from the end, of more than 100")
    expect(code(look).last).to_have_text("code400")
    for name in ("Next page", "Last page"):
        expect(look.get_by_role("button", name=name)).to_be_disabled()
    expect(look.get_by_label("Page", exact=True)).to_have_value("")
    press(look, bench, "Previous page")
    assert queries[-1]["_before"] == "381"
    position(look, "40–21 from the end, of more than 100")
    press(look, bench, "Reload")
    assert queries[-1]["_before"] == "381"
    press(look, bench, "Next page")
    position(look, "20–1 from the end, of more than 100")
    expect(code(look).last).to_have_text("code400")


def test_scrolling_goes_either_way_to_the_ends(
    look: Page, bench: Bench, queries: list[dict[str, Any]]
) -> None:
    open_table(look, bench, page_rows=40, cache_limit=3)
    scroller = look.locator(".table-scroll")
    for end in range(2, 11):
        scroller.evaluate("e => e.scrollTop = e.scrollHeight")
        expect(look.locator(f"tbody[data-page='{end}']")).to_have_count(1)
    expect(code(look).last).to_have_text("code400")
    assert [params.get("_after") for params in queries] == [
        None, *(str(n * 40) for n in range(1, 10))]  # fmt: skip
    count = len(queries)
    scroller.evaluate("e => e.scrollTop = e.scrollHeight")
    settle(look)
    assert len(queries) == count
    expect(look.get_by_role("button", name="Last page")).to_be_disabled()  # it is there
    press(look, bench, "First page")
    press(look, bench, "Last page")
    for number in range(2, 5):
        scroller.evaluate(TO_THE_END)
        scroller.evaluate("e => { e.scrollTop = 0; }")
        expect(look.locator(f"tbody[data-page='-{number}']")).to_have_count(1)
    expect(code(look).first).to_have_text(f"code{COUNT - 160 + 1}")


def test_it_says_what_can_be_searched_and_sorted(
    look: Page, bench: Bench, queries: list[dict[str, Any]]
) -> None:
    open_table(look, bench, page_rows=20, searchable=True)
    hint = look.locator(".table-hint")
    expect(hint).to_contain_text("finds those whose Code begins with it")
    expect(hint).to_contain_text("fewer than 100 records")
    expect(look.get_by_role("searchbox")).to_have_accessible_description(hint.inner_text())
    expect(look.get_by_role("columnheader", name="Begun")).to_have_attribute(
        "aria-sort", "descending"
    )
    price = look.get_by_role("button", name="Price")
    expect(price).to_be_disabled()  # and it says so to those who ask
    expect(price).to_have_attribute(
        "title", "Price: not to be sorted by, there are too many records"
    )
    count = len(queries)
    price.click(force=True)
    settle(look)
    assert len(queries) == count
    press(look, bench, "Code")
    assert queries[-1]["sort"] == "code"
    expect(look.get_by_role("button", name="Code", exact=True)).to_be_focused()
    # A filter that leaves few makes it a list like others.
    bench.answers["/get"] = {"total": 1, "rows": [row(1)]}
    press(look, bench, "Reload")
    expect(hint).to_be_hidden()
    expect(price).to_be_enabled()
    position(look, "1–1 of 1")
