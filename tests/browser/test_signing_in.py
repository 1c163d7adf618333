"""Where signing in leads: to a page of this site, whatever the address of the sign-in page says."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import APIResponse, Page, Route

from tests.support.installation import PASSWORDS, Installation

# Each would be another site once its dots, slashes, letters or blanks are read as browsers do.
TRICKS = [
    "/.//evil.example/x", "/%2e//evil.example/x", "/%2E//evil.example", "/..//evil.example/x",
    "/%2e%2e//evil.example/x", "/a/..//evil.example", "/a/../..//evil.example?b=1",
    "/./..//evil.example", "//evil.example/x", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "/.\\\\evil.example", "/./\\evil.example", "/.\\/evil.example",
    "/\t/evil.example", "/\n/evil.example", "/.\t//evil.example", "\t//evil.example",
    " //evil.example",
    "/.//user@evil.example", "/.//evil.example:80/x", "http://evil.example/", "http:evil.example",
    "https:/evil.example", "javascript:alert(1)", "/.//evil.example#/.//evil.example",
]  # fmt: skip
OURS = {
    "/whoami.dspy?a=1&b=%2F%2Fevil.example": "/whoami.dspy?a=1&b=%2F%2Fevil.example",
    "/pipeline_core/../whoami.dspy": "/whoami.dspy",
    "/whoami.dspy/%5Cevil.example": "/whoami.dspy/%5Cevil.example",
    "": "/", "/": "/", "whoami.dspy": "/", "/login.ui?next=/x": "/", "/./login.ui": "/",
}  # fmt: skip


@pytest.fixture
def sign_in(page: Page) -> Callable[[str], str]:
    """
    Signs in with this `next`; answers the address that the browser is then sent to.

    The browser does not get there, so that the sign-in page stays for the next one.
    """
    page.goto("/login.ui")
    page.fill("input[name=username]", "viewer")
    addresses: list[str] = []
    answers: list[APIResponse] = []

    def hold(route: Route) -> None:
        if route.request.url.endswith("/login.dspy"):
            # What is answered does not depend on `next`: the first time does for all.
            answers.extend([] if answers else [route.fetch()])
            route.fulfill(response=answers[0])
        elif route.request.is_navigation_request():
            addresses.append(route.request.url)
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route(lambda _: True, hold)

    def go(following: str) -> str:
        page.evaluate(
            "(query) => history.replaceState(null, '', `/login.ui?${query}`)",
            urlencode({"next": following}),
        )
        page.fill("input[name=password]", PASSWORDS["viewer"])
        with page.expect_event("requestfailed", lambda request: request.is_navigation_request()):
            page.click("button[type=submit]")
        return addresses.pop()

    return go


def test_no_address_leads_to_another_site(server: Installation, sign_in) -> None:
    landings = {following: sign_in(following) for following in TRICKS}

    assert {
        following: there
        for following, there in landings.items()
        # Nor may it be a path that, written into a link, would be a site.
        if not there.startswith(f"{server.base_url}/")
        or there.startswith((f"{server.base_url}//", f"{server.base_url}/\\"))
    } == {}


def test_a_page_of_ours_is_gone_back_to(server: Installation, sign_in) -> None:
    landings = {following: sign_in(following) for following in OURS}

    assert landings == {following: f"{server.base_url}{there}" for following, there in OURS.items()}
