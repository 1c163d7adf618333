"""A real Chromium, the system's own package, driven by Playwright."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.every_page import new_page
from tests.browser.generated_list import served_rows
from tests.browser.list_of_things import list_of_things
from tests.browser.page_bench import Bench, running_bench
from tests.support.chromium import chromium
from tests.support.installation import PASSWORDS, Installation

# Two busy cores may take longer than the 5 s that are usual.
expect.set_options(timeout=15_000)
# Chromium's own pop-up of the address bar, made for each new window in a process of its own, in a
# headless window too: nearly half of the processor time that a test's window takes.
# And a process held ready for the profile's next window, which hardly a test opens.
UNSEEN = (
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    "SpareRendererForSitePerProcess"
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """
    Headless Chromium.

    For this folder only: Playwright's loop would be in the way of the asyncio tests of others.
    """
    program = chromium()
    if program is None:
        pytest.fail(
            "Chromium is missing: install chromium-headless-shell (tests/run.sh does as root)"
        )
    arguments = [UNSEEN]
    # Chromium's own sandbox does not work for root.
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server(database: Installation) -> Iterator[Installation]:
    """The application with one worker: what two of them agree on is tested over HTTP."""
    database.start(workers=1)
    yield database
    database.leave()


@pytest.fixture
def page(browser: Browser, server: Installation) -> Iterator[Page]:
    """A page of a fresh browser profile on the running application, nobody signed in."""
    context = browser.new_context(base_url=server.base_url, locale="zh-CN")
    context.set_default_timeout(15_000)
    yield new_page(context)
    context.close()


@pytest.fixture
def admin_page(browser: Browser, server: Installation) -> Iterator[Page]:
    """A page whose session is an administrator's."""
    context = browser.new_context(base_url=server.base_url, locale="zh-CN")
    context.set_default_timeout(15_000)
    answer = context.request.post(
        "/login.dspy",
        data={
            "username": "admin",
            "password": PASSWORDS["admin"],
        },
    )
    assert answer.ok, answer.text()
    yield new_page(context)
    context.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A server that gives the runtime the answers that the test sets; no application behind it."""
    with running_bench() as running:
        yield running


@pytest.fixture
def look(browser: Browser, bench: Bench) -> Iterator[Page]:
    """An English tab on the bench; it must end without an exception of the runtime."""
    context = browser.new_context(base_url=bench.base_url, locale="en-GB", timezone_id="Asia/Tokyo")
    context.set_default_timeout(15_000)
    page = new_page(context)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def rows(bench: Bench) -> list[dict[str, Any]]:
    """The rows of a generated list; what a test does to them the list shows when it loads."""
    return served_rows(bench)


@pytest.fixture
def things(bench: Bench, look: Page) -> list[dict[str, Any]]:
    """The rows of the list that is shown."""
    return list_of_things(look, bench)
