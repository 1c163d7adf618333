"""The pages of the API: read without a script, searched and tried with one, on any screen."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.every_page import IS_WHOLE, serious_problems
from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller

DOCS = "/pipeline_dist/v1/docs"
GUIDE = f"{DOCS}/guide?name=retrying"


@pytest.fixture
def context(browser: Browser, server: Installation) -> Iterator[BrowserContext]:
    """A fresh profile in which nobody is signed in."""
    context = browser.new_context(base_url=server.base_url, locale="zh-CN")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def docs(context: BrowserContext) -> Iterator[Page]:
    """The page of all calls in English; it must end without a complaint of the browser."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text)
            if message.type == "error" and "status of 4" not in message.text else None)  # fmt: skip
    page.goto(f"{DOCS}?_lang=en")
    yield page
    assert complaints == []


@pytest.fixture(scope="module")
def seller(server: Installation) -> Reseller:
    """A distributor who may call one pipeline."""
    return make_reseller(server, make_pipeline(server.admin, "tried"))


def test_everything_can_be_read_without_a_script(browser: Browser, server: Installation) -> None:
    context = browser.new_context(
        base_url=server.base_url, locale="zh-CN", java_script_enabled=False
    )
    page = context.new_page()
    page.goto(DOCS)

    expect(page.get_by_role("heading", level=1)).to_contain_text("分销商接口")
    expect(page.locator("#search")).to_be_hidden()
    page.get_by_role("link", name="POST /calls/batch").click()
    expect(page.locator("#book_batch h2")).to_be_in_viewport()
    sample = page.locator("#quote .sample").first
    sample.locator("summary", has_text="Go").click()
    expect(sample.get_by_text("package main")).to_be_visible()
    expect(sample.get_by_text("curl -sS")).to_be_hidden()
    page.get_by_role("link", name="重试", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("重试")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retrying")
    context.close()


@pytest.mark.parametrize(
    ("lang", "width", "theme"),
    [("zh", 390, "dark"), ("en", 390, "light"), ("en", 1440, "dark"), ("zh", 1440, "light")],
)
def test_they_look_right_on_any_screen(
    browser: Browser, server: Installation, lang: str, width: int, theme: Literal["light", "dark"]
) -> None:
    """Nothing serious for axe-core, nothing sticks out, also with everything opened."""
    with_axe = IS_WHOLE or lang == "zh"  # in each theme and width once
    context = browser.new_context(
        base_url=server.base_url, color_scheme=theme, viewport={"width": width, "height": 844}
    )
    page = context.new_page()
    for path in (f"{DOCS}?_lang={lang}", f"{GUIDE}&_lang={lang}"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details.more').forEach(d => { d.open = true })")
        edges = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(node => !node.closest('pre, table'))"
            ".map(node => node.getBoundingClientRect().right)"
        )

        assert max(edges) <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not with_axe or serious_problems(page, other_theme=False) == []
    if width == 390:
        expect(page.locator("#menu")).to_be_hidden()
        page.locator(".menu-link").click()
        expect(page.locator("#search")).to_be_in_viewport()
        assert not with_axe or serious_problems(page, other_theme=False) == []
        page.get_by_role("link", name="GET /me", exact=True).click()
        expect(page.locator("#me h2")).to_be_in_viewport()
        expect(page.locator("#menu")).to_be_hidden()
    context.close()


def test_search_by_keyboard_leads_to_calls_fields_codes_and_guides(docs: Page) -> None:
    for text, kind, title in (
        ("lease_seconds", "Field", "lease_seconds"), ("quota_exceeded", "Code", "quota_exceeded"),
        ("calls/finish", "Call", "POST /pipeline_dist/v1/calls/finish"),
        ("time zones", "Guide", "Time zones"),
    ):  # fmt: skip
        docs.keyboard.press("/")
        docs.keyboard.type(text)
        option = docs.locator("#results [role=option]").first
        expect(option).to_contain_text(title)
        expect(option.locator("em")).to_have_text(kind)
        docs.keyboard.press("Escape")
        docs.locator("#search").fill("")
        docs.locator("h1").click()
    docs.keyboard.press("/")
    docs.keyboard.type("quota_exceeded")
    expect(docs.locator("#results [role=option]").first).to_be_visible()
    docs.keyboard.press("ArrowDown")
    docs.keyboard.press("Enter")
    expect(docs.locator("#code-quota_exceeded")).to_be_in_viewport()
    docs.keyboard.press("/")
    docs.keyboard.type("no such thing <b>")
    expect(docs.locator("#results")).to_contain_text("Nothing was found.")


def test_a_language_that_is_chosen_is_chosen_everywhere(docs: Page) -> None:
    docs.locator("#me .sample summary", has_text="PHP").click()

    expect(docs.locator("#quote .sample details[open] summary").first).to_have_text("PHP")
    assert docs.locator(".sample details[open]").count() == docs.locator(".sample").count()


def test_a_call_is_tried_with_the_readers_key_which_stays_in_the_page(
    docs: Page, context: BrowserContext, seller: Reseller
) -> None:
    addresses: list[str] = []
    docs.on("request", lambda request: addresses.append(request.url))
    docs.locator("#pipelines").get_by_role("button", name="Try it").click()
    trial = docs.locator("#pipelines .trial")
    trial.get_by_role("button", name="Send").click()
    expect(trial).to_contain_text("Give your key first")
    trial.get_by_role("link", name="Your API key").click()
    expect(docs.locator("#key")).to_be_focused()
    docs.locator("#key").fill(seller.key)
    docs.locator("#key").press("Enter")
    expect(trial.get_by_role("button", name="Send")).to_be_focused()
    trial.locator("input[name=code]").fill("tried")
    trial.get_by_role("button", name="Send").click()

    expect(trial.locator(".result")).to_contain_text("200")
    expect(trial.locator("pre")).to_contain_text('"code": "tried"')
    expect(trial).to_contain_text("x-request-id")
    trial.locator("input[name=code]").fill("none")
    trial.get_by_role("button", name="Send").click()
    expect(trial.locator(".result")).to_contain_text("404")
    assert len(addresses) > 2
    assert not any(seller.key in address for address in addresses)
    assert context.cookies() == []
    assert docs.evaluate("localStorage.length + sessionStorage.length") == 0
    docs.reload()
    expect(docs.locator("#key")).to_have_value("")


def test_what_changes_something_asks_first(
    docs: Page, server: Installation, seller: Reseller
) -> None:
    docs.locator("#key").fill(seller.key)
    docs.locator("#begin_call").get_by_role("button", name="Try it").click()
    trial = docs.locator("#begin_call .trial")
    trial.locator("textarea").fill('{"pipeline": "tried"}')
    send = trial.get_by_role("button", name="Send")
    dialog = docs.locator("dialog")
    send.click()
    expect(dialog).to_contain_text("This is no trial")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert count_of_calls(server, seller) == 0
    send.click()
    dialog.get_by_role("button", name="Send").click()

    expect(trial.locator(".result")).to_contain_text("201")
    assert count_of_calls(server, seller) == 1
    docs.locator("#quote").get_by_role("button", name="Try it").click()
    quote = docs.locator("#quote .trial")
    quote.locator("textarea").fill(
        '{"pipeline": "tried", "lines": [{"unit": "input_token", "quantity": "0.50"}]}'
    )
    quote.get_by_role("button", name="Send").click()
    expect(quote.locator(".result")).to_contain_text("200")
    expect(quote.locator("pre")).to_contain_text('"quantity": "0.500000"')


def test_what_could_not_be_loaded_is_said_and_loaded_when_asked_again(
    context: BrowserContext,
) -> None:
    page = context.new_page()
    page.route("**/*.json*", lambda route: route.abort())
    page.goto(f"{DOCS}?_lang=en")
    call = page.locator("#me")
    call.get_by_role("button", name="Try it").click()
    expect(call.get_by_role("alert")).to_contain_text("No answer came")
    page.locator("#search").fill("quota")
    expect(page.locator("#results")).to_contain_text("No answer came")
    page.unroute("**/*.json*")

    page.locator("#search").fill("quota_exceeded")
    expect(page.locator("#results [role=option]").first).to_contain_text("quota_exceeded")
    call.get_by_role("button", name="Try it").click()
    expect(call.locator(".trial")).to_be_visible()
    expect(call.get_by_role("alert")).to_be_hidden()


def count_of_calls(server: Installation, seller: Reseller) -> int:
    (row,) = server.query(
        "select count(*) as calls from pipeline_usage_log where distributor_id = %s",
        seller.distributor["id"],
    )
    return int(row["calls"])
