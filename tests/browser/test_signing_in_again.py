"""Signing in again when a session has ended in the middle of work."""

from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.descriptions import box, button, on, show
from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Reply, Request


@pytest.fixture(autouse=True)
def _sessions_end(bench: Bench) -> None:
    """Writing is refused until somebody, whoever it is, has signed in."""
    signed_in: list[str] = []

    def write(_request: Request) -> Any:
        if not signed_in:
            return Reply("401: Unauthorized", 401, "text/plain")
        return {"widgettype": "Message", "options": {"title": "Saved"}}

    def login(request: Request) -> Any:
        signed_in.append(request.params["username"])
        return {"data": {"username": request.params["username"]}}

    bench.answers |= {"/write": write, "/login.dspy": login}


def write_as_ann_and_sign_in(look: Page, bench: Bench, name: str) -> None:
    field = {"name": "words", "title": "Words", "uitype": "str"}
    write = on("click", "urlwidget", options={"url": "/write", "method": "POST"})
    show(look, bench, box(
        button("go", write),
        {"widgettype": "Form", "options": {"submit_url": "/never", "fields": [field]}},
    ))  # fmt: skip
    look.evaluate("bricks.app.user = {username: 'ann'}")
    look.get_by_label("Words").fill("typed by Ann")
    look.click("text=go")
    expect(look.locator("input[name=username]")).to_have_value("ann")
    look.fill("input[name=username]", name)
    look.fill("input[name=password]", "right")
    look.click("dialog button[type=submit]")


def test_what_one_person_wanted_is_not_sent_as_another(look: Page, bench: Bench) -> None:
    """The page is loaded anew, and asks nobody whether Ann's words may be lost."""
    questions: list[str] = []

    def agree(question: Dialog) -> None:
        questions.append(question.type)
        question.accept()

    look.on("dialog", agree)
    with look.expect_navigation():
        write_as_ann_and_sign_in(look, bench, "eve")
    look.wait_for_selector("body[data-ready]")
    settle(look)

    assert len(bench.requests_of("/write")) == 1
    assert questions == []


def test_the_same_person_goes_on_where_he_was(look: Page, bench: Bench) -> None:
    write_as_ann_and_sign_in(look, bench, "ann")

    expect(look.get_by_text("Saved")).to_be_visible()
    expect(look.get_by_label("Words")).to_have_value("typed by Ann")
    assert len(bench.requests_of("/write")) == 2
