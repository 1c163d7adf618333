"""What could not be asked for is said to be so, and never looks like "nothing there"."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import show, text
from tests.browser.page_bench import Bench, Reply

EDITOR = "/pipeline_core/api/pipeline_editor.dspy"
VERSIONS = "/pipeline_core/pipeline_versions/get_pipeline_versions.dspy"
NOTHING = "There is no version yet."
PIPELINE: dict[str, Any] = {"name": "A line", "code": "l", "status": "published"}


@pytest.fixture
def versions(look: Page, bench: Bench) -> Any:
    """Opens the versions of a published pipeline, where the list of them is answered so."""
    bench.answers[EDITOR] = {"data": {
        "line": PIPELINE, "live": {"version_no": 1}, "draft_differs": False, "stages": [],
        "problems": [], "types": {}, "models": [], "functions": [], "contributors": [],
        "publications": [], "state": "a.b",
    }}  # fmt: skip

    def open_versions(reply: Any) -> None:
        bench.answers[VERSIONS] = reply
        bench.page = {"widgettype": "PipelinePage", "options": {"pipeline_id": "l"}}
        look.goto("/page#/line.ui?tab=versions")

    return open_versions


@pytest.mark.parametrize(
    "reply",
    [
        Reply("500 Internal Server Error", 500, "text/plain"),
        {"widgettype": "Error", "options": {"message": "The database is away."}},
    ],
)
def test_versions_that_cannot_be_had_are_no_lack_of_versions(
    look: Page, bench: Bench, versions: Any, reply: Any
) -> None:
    versions(reply)
    expect(look.get_by_role("alertdialog")).to_be_visible()
    look.keyboard.press("Escape")
    expect(look.get_by_text("This could not be loaded.")).to_be_visible()
    expect(look.get_by_text(NOTHING)).to_have_count(0)

    bench.answers[VERSIONS] = {"total": 0, "rows": []}
    look.get_by_role("button", name="Try again").click()
    expect(look.get_by_text(NOTHING)).to_be_visible()


def test_an_ended_session_is_asked_to_sign_in_for_the_versions(look: Page, versions: Any) -> None:
    versions(Reply("401: Unauthorized", 401, "text/plain"))
    expect(look.locator("dialog.login-window")).to_be_visible()
    expect(look.get_by_text(NOTHING)).to_have_count(0)


def test_what_a_role_may_not_see_is_left_out_without_a_word(look: Page, versions: Any) -> None:
    versions(Reply("403: Forbidden", 403, "text/plain"))
    expect(look.get_by_text(NOTHING)).to_be_visible()
    expect(look.get_by_role("alertdialog")).to_have_count(0)


def test_a_part_that_loads_itself_says_why_it_shows_nothing(look: Page, bench: Bench) -> None:
    """And goes on to show what it showed when only a later time fails."""
    away = Reply("500 Internal Server Error", 500, "text/plain")
    bench.answers["/part.ui"] = away
    show(look, bench, {"widgettype": "RefreshWidget", "id": "part", "options": {"url": "/part.ui"}})
    expect(look.locator("#part")).to_contain_text("The server answered with an error (500).")
    bench.answers["/part.ui"] = text("the part")
    look.get_by_role("button", name="Try again").click()
    expect(look.locator("#part")).to_have_text("the part")

    bench.answers["/part.ui"] = away
    look.evaluate("bricks.getWidgetById('part').render()")
    expect(look.locator("#part")).to_have_text("the part")
