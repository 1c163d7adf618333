"""A telephone: steps moved by finger, columns put in order by buttons."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.runtime.processes import wait_until
from tests.browser.every_page import new_page
from tests.browser.test_pages import LISTS
from tests.browser.test_pipeline_page import Board
from tests.support.installation import PASSWORDS, Installation
from tests.support.pipelines import new_pipeline, places


@pytest.fixture
def phone(browser: Browser, server: Installation) -> Iterator[Page]:
    """An administrator's page on a screen of 390 pixels that is touched."""
    context = browser.new_context(
        base_url=server.base_url, locale="zh-CN", has_touch=True, is_mobile=True,
        viewport={"width": 390, "height": 844},
    )  # fmt: skip
    context.set_default_timeout(15_000)
    answer = context.request.post(
        "/login.dspy", data={"username": "admin", "password": PASSWORDS["admin"]}
    )
    assert answer.ok, answer.text()
    yield new_page(context)
    context.close()


def swipe(page: Page, start: Locator, goal: Locator) -> None:
    """A finger put down on the middle of *start*, moved to the middle of *goal*, lifted."""
    a, b = start.bounding_box(), goal.bounding_box()
    assert a is not None
    assert b is not None
    session = page.context.new_cdp_session(page)
    x, y = a["x"] + a["width"] / 2, a["y"] + a["height"] / 2
    to_x, to_y = b["x"] + b["width"] / 2, b["y"] + b["height"] / 2

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": px, "y": py} for px, py in points]},
        )

    touch("touchStart", (x, y))
    for part in range(1, 11):
        touch("touchMove", (x + (to_x - x) * part / 10, y + (to_y - y) * part / 10))
    touch("touchEnd")


def test_a_step_is_moved_by_its_grip(server: Installation, phone: Page) -> None:
    pipeline = new_pipeline(server.admin, "a", "b")
    phone.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    board = Board(phone)
    board.expect_layout([["a"], ["b"]])

    swipe(phone, board.card("a").locator(".step-grip"), board.card("b"))

    expect(phone.locator(".lane")).to_have_count(1)
    assert wait_until(lambda: {stage for stage, _, _ in places(server.admin, pipeline)} == {1}, 10)
    board.expect_layout([order(server, pipeline)])
    expect(phone.locator(".step-ghost")).to_have_count(0)


def order(server: Installation, pipeline: dict[str, str]) -> list[str]:
    """The steps' keys as the database has them."""
    return [key for _, _, key in places(server.admin, pipeline)]


def test_a_finger_beside_the_grip_scrolls_and_moves_nothing(
    server: Installation, phone: Page
) -> None:
    pipeline = new_pipeline(server.admin, "a", "b")
    phone.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    board = Board(phone)
    board.expect_layout([["a"], ["b"]])

    swipe(phone, board.card("a").locator(".step-name"), board.card("b"))

    board.expect_layout([["a"], ["b"]])
    assert order(server, pipeline) == ["a", "b"]


def test_columns_are_put_in_order_by_buttons(server: Installation, phone: Page) -> None:
    new_pipeline(server.admin, "a")
    phone.goto(f"/#{LISTS[0]}")
    first = phone.locator("#main tbody tr").first.locator("td[data-name]").first
    expect(first).to_have_attribute("data-name", "name")

    phone.locator("#main [data-tool=columns]").tap()
    phone.locator(".column-row[data-name=code] .move-up").tap()

    expect(first).to_have_attribute("data-name", "code")
