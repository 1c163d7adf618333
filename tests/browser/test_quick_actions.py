"""Actions that overtake each other: each refusal is told, of two pages the later one stays."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, button, on, show, text
from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Request


def test_the_refusal_of_a_slow_first_box_is_told_and_taken_back(look: Page, bench: Bench) -> None:
    """On a relation page both boxes have the same target; the second answers before the first."""
    second_is_over = bench.gate()

    def check(request: Request) -> Any:
        if request.params["role"] == "one":
            second_is_over.wait()
            return {"widgettype": "Error", "options": {"message": "Not this one."}}
        return {"widgettype": "Message", "options": {"title": "Changed"}}

    rows = [{"id": name, "role": name, "has_role": 0} for name in ("one", "two")]
    bench.answers |= {"/get": {"total": 2, "rows": rows}, "/check": check}
    show(look, bench, {
        "widgettype": "Tabular", "options": {"data_url": "/get", "row_options": {
            "checkField": "has_role", "fields": [{"name": "role", "uitype": "str"},
                                                 {"name": "has_role", "uitype": "str"}]}},
        "binds": [on("row_check_changed", "urlwidget", target="self", options={"url": "/check"})],
    })  # fmt: skip
    boxes = look.locator(".row-check")
    boxes.nth(0).click()
    boxes.nth(1).click()
    expect(look.get_by_text("Changed")).to_be_visible()
    second_is_over.set()

    expect(look.get_by_role("alertdialog")).to_contain_text("Not this one.")
    expect(boxes.nth(0)).not_to_be_checked()
    expect(boxes.nth(1)).to_be_checked()


def test_of_two_pages_for_one_place_the_later_stays(look: Page, bench: Bench) -> None:
    """Also when the first has come already and waits for a part of its own."""
    later_is_there = bench.gate()

    def part(_request: Request) -> Any:
        later_is_there.wait()
        return text("first")

    bench.answers |= {
        "/first.ui": box({"widgettype": "urlwidget", "options": {"url": "/part.ui"}}),
        "/part.ui": part, "/later.ui": text("later"),
    }  # fmt: skip
    show(look, bench, box(
        button("one", on("click", "urlwidget", target="sink", options={"url": "/first.ui"})),
        button("two", on("click", "urlwidget", target="sink", options={"url": "/later.ui"})),
        box(id="sink"),
    ))  # fmt: skip
    look.get_by_role("button", name="one").click()
    bench.expect_requests("/part.ui", 1)
    look.get_by_role("button", name="two").click()
    expect(look.locator("#sink")).to_have_text("later")
    later_is_there.set()
    settle(look)

    expect(look.locator("#sink")).to_have_text("later")


def test_of_two_things_added_to_one_place_both_stay(look: Page, bench: Bench) -> None:
    second_is_there = bench.gate()

    def slow(_request: Request) -> Any:
        second_is_there.wait()
        return text("slow")

    bench.answers |= {"/slow.ui": slow, "/quick.ui": text("quick")}
    show(look, bench, box(
        button("one", on("click", "urlwidget", target="sink", mode="append",
                         options={"url": "/slow.ui"})),
        button("two", on("click", "urlwidget", target="sink", mode="append",
                         options={"url": "/quick.ui"})),
        box(id="sink"),
    ))  # fmt: skip
    look.get_by_role("button", name="one").click()
    bench.expect_requests("/slow.ui", 1)
    look.get_by_role("button", name="two").click()
    expect(look.locator("#sink")).to_have_text("quick")
    second_is_there.set()

    expect(look.locator("#sink > *")).to_have_text(["quick", "slow"])
