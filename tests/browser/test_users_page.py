"""Users, one's own account and the second factor, as people use them."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.every_page import (
    keep_picture,
    new_page,
    open_page,
    serious_problems,
    settle,
    window_in_front,
)
from tests.support.installation import PASSWORDS, Installation
from tests.support.sage_users import make_user
from tests.support.second_factors import code_of, take_all_away

PASSWORD = "a-good-password-7"


@pytest.fixture(autouse=True)
def _afresh(server: Installation) -> None:
    take_all_away(server)


@pytest.fixture
def english(browser: Browser, server: Installation) -> Iterator[BrowserContext]:
    """A fresh profile, nobody signed in."""
    context = browser.new_context(
        base_url=server.base_url, locale="en-GB", viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(15_000)
    yield context
    context.close()


def signed_in(context: BrowserContext, username: str, password: str = "") -> Page:
    body = {"username": username, "password": password or PASSWORDS[username]}
    answer = context.request.post("/login.dspy", data=body)
    assert answer.ok, answer.text()
    return new_page(context)


def fill_in(page: Page, values: dict[str, str]) -> None:
    """Fill the window's form in and send it."""
    for name, value in values.items():
        page.locator(f"dialog[open] [data-field={name}] input").fill(value)
    page.locator("dialog[open] button[data-tool=submit]").click()


def test_a_user_is_invited_by_a_link_and_disabled(
    english: BrowserContext, browser: Browser, server: Installation
):
    page = signed_in(english, "admin")
    open_page(page, "/users.ui")
    keep_picture(page, "users")
    page.locator("#main [data-tool=invite]").click()
    window_in_front(page)
    fill_in(page, {"username": "invited-one"})
    link = page.locator("dialog[open] code[data-name=key]").text_content() or ""
    assert re.fullmatch(rf"{re.escape(server.base_url)}/welcome\.ui#[\w-]{{43}}", link)
    page.locator("dialog[open] .box-buttons button").last.click()
    row = page.get_by_role("row").filter(has_text="invited-one")
    expect(row).to_contain_text("Invited")

    other = browser.new_context(locale="en-GB", reduced_motion="reduce")
    guest = new_page(other)
    guest.goto(link)
    expect(guest.locator("main")).to_contain_text("invited-one")
    assert serious_problems(guest) == []
    guest.locator("[data-field=new_password] input").fill(PASSWORD)
    guest.locator("[data-field=again] input").fill("another")
    guest.locator("button[data-tool=submit]").click()
    expect(guest.locator("main")).to_contain_text("This is not the same.")
    guest.locator("[data-field=again] input").fill(PASSWORD)
    guest.locator("button[data-tool=submit]").click()
    expect(guest.locator("main")).to_contain_text("The password is set.")
    guest.get_by_role("link", name="Sign in").click()
    guest.locator("input[name=username]").fill("invited-one")
    guest.locator("input[name=password]").fill(PASSWORD)
    guest.locator("button[type=submit]").click()
    expect(guest.locator(".user-name")).to_have_text("invited-one")
    guest.goto(link)
    expect(guest.get_by_role("alert")).to_contain_text("used already")
    other.close()

    page.locator("#main [data-tool=refresh]").click()
    expect(row).to_contain_text("Active")
    row.locator("[data-tool=disable]").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")


def test_other_roles_are_given_in_a_window(english: BrowserContext, server: Installation):
    make_user(server, "promoted")
    page = signed_in(english, "admin")
    open_page(page, "/users.ui")
    page.get_by_role("searchbox").fill("promo")
    row = page.get_by_role("row").filter(has_text="promoted")
    expect(page.locator("#main tbody tr")).to_have_count(1)

    row.locator("[data-tool=roles]").click()
    window_in_front(page)
    page.locator("dialog[open]").get_by_label("Operator").check()
    page.locator("dialog[open] button[data-tool=submit]").click()

    expect(row).to_contain_text("Operator")
    expect(row).to_contain_text("Viewer")


def test_a_second_factor_is_set_up_and_asked_for_at_signing_in(
    english: BrowserContext, server: Installation
):
    page = signed_in(english, "viewer")
    page.goto("/")
    page.locator("button.user").click()
    page.get_by_role("link", name="My account").click()
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    settle(page)
    keep_picture(page, "account")
    page.locator("#main [data-tool=turn_on]").click()
    window_in_front(page)
    fill_in(page, {"password": PASSWORDS["viewer"]})
    text = page.locator("dialog[open] code[data-name=secret]").text_content() or ""
    secret = text.replace(" ", "")
    expect(page.locator("dialog[open] .factor-picture")).to_be_visible()
    assert serious_problems(page) == []
    keep_picture(page, "account-setup")
    fill_in(page, {"code": code_of(secret, -1)})
    codes = (page.locator("dialog[open] code[data-name=key]").text_content() or "").split()
    assert len(codes) == 10
    page.locator("dialog[open] .box-buttons button").last.click()
    expect(page.locator("#main")).to_contain_text("10 recovery codes are left.")

    page.locator("button.user").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.locator("input[name=username]").fill("viewer")
    page.locator("input[name=password]").fill(PASSWORDS["viewer"])
    page.locator("button[type=submit]").click()
    expect(page.locator("input[name=code]")).to_be_focused()
    expect(page.locator("input[name=password]")).not_to_be_visible()
    assert serious_problems(page) == []
    keep_picture(page, "sign-in-code")
    page.locator("input[name=code]").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    page.locator("input[name=code]").fill(code_of(secret))
    page.keyboard.press("Enter")
    expect(page.locator(".user-name")).to_have_text("viewer")


def test_ones_password_and_sessions_on_ones_own_page(english: BrowserContext, server: Installation):
    make_user(server, "owner-of-it")
    server.sign_in("owner-of-it", "owner-of-it-password")
    page = signed_in(english, "owner-of-it", "owner-of-it-password")
    open_page(page, "/account.ui")
    expect(page.locator("#main tbody tr")).to_have_count(2)
    page.locator("#main [data-tool=end_others]").click()
    expect(page.locator("#main tbody tr")).to_have_count(1)

    page.locator("#main [data-tool=change_password]").click()
    window_in_front(page)
    fill_in(page, {"password": "wrong", "new_password": PASSWORD, "again": PASSWORD})
    expect(page.locator("dialog[open]")).to_contain_text("This is not your password.")
    fill_in(page, {"password": "owner-of-it-password"})

    expect(page.locator("dialog[open] form")).to_have_count(0)
    assert server.sign_in("owner-of-it", PASSWORD)
    page.reload()
    expect(page.locator(".user-name")).to_have_text("owner-of-it")
