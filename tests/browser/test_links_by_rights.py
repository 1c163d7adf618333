"""Nobody is led to a refusal: menu, home, links and buttons are those that the reader may use."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.every_page import hostile_things, new_page, open_page, settle
from tests.browser.walking import Walk
from tests.support.installation import PASSWORDS, Installation
from tests.support.sage_users import make_role, make_user

# Roles that an installation may have beside ours: who looks at the audit trail, who may do nothing.
AUDIT = ("/app_audit/index.ui", "/app_audit/get_app_audit.dspy", "/appbase/audit_entry_view.dspy")


@pytest.fixture(scope="module")
def passwords(server: Installation) -> dict[str, str]:
    """Passwords of one user for each role, in a world with one record of each kind."""
    hostile_things(server)
    for name, paths in (("auditor", AUDIT), ("guest", ())):
        make_role(server, name, paths)
        make_user(server, name, name)
    return PASSWORDS | {name: f"{name}-password" for name in ("auditor", "guest")}


@pytest.mark.parametrize(
    ("role", "least"), [("viewer", 10), ("operator", 11), ("auditor", 1), ("guest", 1)]
)
def test_no_link_and_no_button_leads_to_a_refusal(
    browser: Browser, server: Installation, passwords: dict[str, str], role: str, least: int
):
    context = browser.new_context(
        base_url=server.base_url, locale="en-GB", viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(15_000)
    answer = context.request.post(
        "/login.dspy", data={"username": role, "password": passwords[role]}
    )
    assert answer.ok, answer.text()
    walk = Walk(new_page(context))

    walk.follow_all()

    assert walk.refusals == []
    assert len(walk.pages) >= least
    context.close()


def test_who_may_see_no_figures_comes_to_the_first_page_of_the_menu(
    browser: Browser, server: Installation, passwords: dict[str, str]
):
    context = browser.new_context(base_url=server.base_url, locale="en-GB")
    context.request.post(
        "/login.dspy", data={"username": "auditor", "password": passwords["auditor"]}
    )
    page = new_page(context)

    page.goto("/")
    settle(page)
    expect(page.locator("#main h1, #main h2").first).to_have_text("Audit trail")
    open_page(page, "/dashboard.ui")

    expect(page.locator("#main .empty-note")).to_contain_text("stands in the menu")
    context.close()
