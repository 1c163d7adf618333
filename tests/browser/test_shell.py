"""The shell around the pages, on the bench."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, text
from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Request


@pytest.fixture(autouse=True)
def _shell(bench: Bench) -> None:
    bench.answers |= {
        "/whoami.dspy": {"data": {"username": "ann"}}, "/home.ui": text("home"),
        "/x.ui": text("a page"),
    }  # fmt: skip
    menu = [{"name": "home", "label": "Home", "url": "/home.ui"},
            {"name": "x", "label": "X", "url": "/x.ui"}]  # fmt: skip
    bench.page = {"widgettype": "AppShell", "options": {"menu": menu}}


def open_shell(look: Page, address: str = "") -> None:
    look.goto(f"/page#{address}")
    look.wait_for_selector("body[data-ready]")


@pytest.mark.parametrize("address", ["//evil.test/x.ui", "/\\evil.test/x.ui", "/\t/evil.test/x"])
def test_an_address_of_another_host_leads_home(look: Page, bench: Bench, address: str) -> None:
    """A link to the application must not make it show, or ask, what another host sends."""
    result: list[str] = []
    look.on("request", lambda request: result.append(request.url))
    open_shell(look)
    look.evaluate("address => { location.hash = address }", "/x.ui")
    expect(look.locator("#main")).to_have_text("a page")
    look.evaluate("address => { location.hash = address }", address)

    expect(look.locator("#main")).to_have_text("home")
    assert [url for url in result if "evil" in url] == []


def test_a_page_whose_parts_come_late_does_not_take_the_place_of_the_next(
    look: Page, bench: Bench
) -> None:
    may_come = bench.gate()

    def part(_: Request) -> Any:
        may_come.wait()
        return text("late")

    bench.answers |= {
        "/slow.ui": box({"widgettype": "urlwidget", "options": {"url": "/part.ui"}}),
        "/part.ui": part,
    }  # fmt: skip
    open_shell(look, "/slow.ui")
    bench.expect_requests("/part.ui", 1)
    look.evaluate("location.hash = '/x.ui'")
    expect(look.locator("#main")).to_have_text("a page")
    may_come.set()
    settle(look)

    expect(look.locator("#main")).to_have_text("a page")


def test_the_menu_of_a_narrow_screen_takes_the_focus_and_gives_it_back(
    look: Page, bench: Bench
) -> None:
    look.set_viewport_size({"width": 390, "height": 800})
    open_shell(look)
    expect(look.locator("#main")).to_have_text("home")
    opener = look.get_by_role("button", name="Menu")
    opener.focus()
    look.keyboard.press("Enter")
    expect(look.get_by_role("link", name="Home")).to_be_focused()
    look.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(look.get_by_role("link", name="Home")).to_have_count(0)

    look.keyboard.press("Enter")
    look.keyboard.press("Tab")
    look.keyboard.press("Enter")
    expect(look.locator("#main")).to_have_text("a page")
    expect(opener).to_be_focused()


def test_the_version_stands_at_the_foot_of_the_menu(look: Page, bench: Bench) -> None:
    bench.page["options"]["version"] = "1.2.3+abc"
    open_shell(look)

    expect(look.get_by_role("navigation").locator("footer")).to_have_text("1.2.3+abc")
