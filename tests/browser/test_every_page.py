"""
Every page in both languages and themes: nothing untranslated, no serious problem for people who
see or move differently, hostile words as words, and room enough from a telephone to a wall.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.every_page import (
    HOSTILE,
    IS_WHOLE,
    LISTS,
    Things,
    check,
    hostile_things,
    is_english,
    keep_picture,
    new_page,
    open_page,
    settle,
    window_in_front,
)
from tests.browser.row_tools import open_row_menu, use_row_tool
from tests.support.installation import PASSWORDS, Installation

STICKS_OUT = """
() => [document.documentElement,
       ...document.querySelectorAll('.view-tools *, .pager *, .top-bar *')]
  .filter(node => node === document.documentElement
    ? node.scrollWidth > innerWidth : node.getBoundingClientRect().right > innerWidth + 1)
  .map(node => `${location.hash}: ${node.tagName} ${node.className}`)
"""


# When what changes with the window's width has changed, and was drawn.
NEXT_PICTURE = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


# Each choice fills the box anew.
SHOW_ALL_COLUMNS = """() => {
  const next = () => document.querySelector('.popover-box:popover-open input:not(:checked)');
  for (let count = 0; next() && count < 100; count += 1) next().click();
}"""


@pytest.fixture(scope="module")
def things(server: Installation) -> Things:
    return hostile_things(server)


DRESSES = (("zh-CN", "light"), ("en-GB", "dark"))


@pytest.fixture(scope="module", params=DRESSES)
def dressed(
    browser: Browser, server: Installation, things: Things, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """An administrator's tab in one of the languages, in one of the themes."""
    language, theme = request.param
    context = browser.new_context(
        base_url=server.base_url, locale=language, color_scheme=theme,
        viewport={"width": 1440, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(15_000)
    answer = context.request.post(
        "/login.dspy", data={"username": "admin", "password": PASSWORDS["admin"]}
    )
    assert answer.ok
    page = new_page(context)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    yield page
    context.close()


def sign_in(context: BrowserContext) -> None:
    answer = context.request.post(
        "/login.dspy", data={"username": "admin", "password": PASSWORDS["admin"]}
    )
    assert answer.ok, answer.text()


def test_no_page_has_a_serious_problem(dressed: Page, things: Things) -> None:
    problems = []
    for number, address in enumerate(things.pages):
        open_page(dressed, address)
        if address in LISTS:
            dressed.locator("#main tbody tr").first.wait_for()
        # Every other page in each dress.
        is_new = is_english(dressed) == bool(number % 2)
        problems += check(dressed, address.partition("?")[0], other_theme=False, is_new=is_new)
    assert problems == []


# What a language changes of these is only whether all of it is translated, and English is the
# language of the code; both themes are looked at in one.
IN_CHINESE = pytest.mark.parametrize("dressed", DRESSES[:1], indirect=True)
IN_EITHER_OF_WHOLE = pytest.mark.parametrize(
    "dressed", DRESSES if IS_WHOLE else DRESSES[:1], indirect=True
)


@IN_CHINESE
def test_no_tool_that_opens_no_window_has_a_serious_problem(dressed: Page, things: Things) -> None:
    """They are the same above every list."""
    problems = []
    open_page(dressed, LISTS[0])
    for tool in ("filter", "columns", "views", "files", "help"):
        dressed.locator(f"#main [data-tool={tool}]").click()
        problems += check(dressed, f"{LISTS[0]}-{tool}")
        dressed.keyboard.press("Escape")
        expect(dressed.locator("dialog[open], .popover-box:popover-open")).to_have_count(0)
    assert problems == []


# Tools that leave the page, remove the record, or open no window.
NO_WINDOW = {
    "open", "delete", "refresh", "columns", "views", "files", "filter", "help", "copy_link",
}  # fmt: skip


# What a tool of a list has done when it is done.
WINDOW_OR_PAGE = (
    "address => document.querySelector('dialog[open]') !== null"
    " || !location.hash.startsWith(`#${address}`)"
)


def is_at(page: Page, address: str) -> bool:
    """Whether the page is still the list at *address*."""
    return page.url.partition("#")[2].startswith(address)


@IN_CHINESE
def test_no_window_of_a_list_has_a_serious_problem(dressed: Page, things: Things) -> None:
    problems = []
    kinds: set[str] = set()  # their windows have the same parts, whatever the list, but for forms
    for address in LISTS:
        open_page(dressed, address)
        row = dressed.locator("#main tbody tr").first
        tools = names_of_tools(dressed.locator("#main .table-tools"))
        of_row: list[str] = []
        if row.locator(".row-menu-button").count():
            of_row = names_of_tools(open_row_menu(row))
            problems += check(dressed, f"{address}-row", is_new="row" not in kinds)
            kinds.add("row")
            dressed.keyboard.press("Escape")
        for name in [*tools, *of_row]:
            if name in NO_WINDOW:
                continue
            if name in of_row:
                use_row_tool(row, name)
            else:
                dressed.locator(f"#main .table-tools [data-tool={name}]").click()
            dressed.wait_for_function(WINDOW_OR_PAGE, arg=address)
            if not dressed.locator("dialog[open]").count() and not is_at(dressed, address):
                open_page(dressed, address)  # it leads to the record's own page, looked at there
                continue
            window_in_front(dressed)
            is_new = name == "update" or name not in kinds
            problems += check(dressed, f"{address}-{name}", other_theme=is_new, is_new=is_new)
            kinds.add(name)
            close_windows(dressed)
            if not is_at(dressed, address):
                open_page(dressed, address)  # the window is the record's own page's
        if dressed.locator("#main [data-tool=files]").count():
            dressed.locator("#main [data-tool=files]").click()
            imports = dressed.locator(".popover-box:popover-open button").nth(2)
            if imports.count():
                imports.click()
                window_in_front(dressed)
                problems += check(dressed, f"{address}-import", is_new="import" not in kinds)
                kinds.add("import")
                close_windows(dressed)
            else:
                dressed.keyboard.press("Escape")
        if row.locator(".row-mark").count():
            row.locator(".row-mark").check()
            problems += check(dressed, f"{address}-marked", is_new="marked" not in kinds)
            kinds.add("marked")
    assert problems == []


OWN_TOOLS = (
    "publish", "approval", "load_version", "export", "change_status", "add_step", "show_version",
    "change_capacity", "edit_distributor", "generate_key",
)  # fmt: skip


@IN_CHINESE
def test_no_part_of_a_page_of_its_own_has_a_serious_problem(dressed: Page, things: Things) -> None:
    problems = []
    for address in things.pages[-2:]:
        open_page(dressed, address)
        for tab in dressed.get_by_role("tab").all():
            tab.click()
            settle(dressed)
            problems += check(dressed, f"{address.split('?')[0]}-{tab.get_attribute('data-name')}")
            for tool in OWN_TOOLS:
                button = dressed.locator(f"#main [data-tool={tool}]").first
                if not button.count() or not button.is_enabled():
                    continue
                button.click()
                window_in_front(dressed)
                problems += check(dressed, f"{address.split('?')[0]}-{tool}")
                close_windows(dressed)
    assert problems == []


@IN_EITHER_OF_WHOLE
def test_no_window_of_a_deed_has_a_serious_problem(
    dressed: Page, things: Things, server: Installation
) -> None:
    """What opens only when something is done: the whole way to it is taken."""
    problems = []
    page = dressed
    row = page.locator("#main tbody tr").first

    open_page(page, LISTS[0])
    page.route("**/get_pipelines.dspy?*_export=*", lambda route: None)  # no answer: it goes on
    page.locator("#main [data-tool=files]").click()
    page.locator(".popover-box:popover-open button").nth(1).click()
    expect(page.locator("dialog[open] .bulk-report button")).to_be_visible()
    problems += check(page, "export-progress", other_theme=not IS_WHOLE)
    page.locator("dialog[open] .bulk-report button").click()
    page.unroute("**/get_pipelines.dspy?*_export=*")
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.locator("#main [data-tool=files]").click()
    page.locator(".popover-box:popover-open button").nth(2).click()
    window_in_front(page)
    file = f"code,name\nNo Code,{HOSTILE}\nfine,{HOSTILE}\n".encode()
    page.locator("dialog[open] input[type=file]").set_input_files(
        {"name": "x.csv", "mimeType": "text/csv", "buffer": file}
    )
    expect(page.locator("dialog[open] .import-problems tbody tr")).to_have_count(1)
    problems += check(page, "import-problems", other_theme=not IS_WHOLE)
    close_windows(page)

    use_row_tool(row, "update")
    window_in_front(page)
    page.locator("dialog[open] [data-field=name] input").fill("mine")
    pipeline = server.admin.get(
        "/pipeline_core/pipelines/get_pipelines.dspy", params={"id": things.pipeline}
    ).json()["rows"][0]
    update = server.admin.post(
        "/pipeline_core/api/pipelines_update.dspy",
        json={"id": things.pipeline, "lock_version": pipeline["lock_version"],
              "description": f"{HOSTILE} {pipeline['lock_version']}"},
    )  # fmt: skip
    assert update.status_code == 200, update.text
    page.locator("dialog[open] button[data-tool=submit]").click()
    expect(page.locator("dialog[open] .form-summary button").first).to_be_visible()
    problems += check(page, "conflict", other_theme=not IS_WHOLE)
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    problems += check(page, "unsaved", other_theme=not IS_WHOLE)
    page.get_by_role("alertdialog").locator(".box-buttons button").last.click()
    expect(page.locator("dialog[open]")).to_have_count(0)

    open_page(page, LISTS[3])
    row.locator(".row-mark").check()
    bulk = page.locator("#main .bulk-bar button")
    bulk.nth(1).click()  # delete, behind the change by a percentage
    expect(page.get_by_role("alertdialog")).to_be_visible()
    problems += check(page, "bulk-delete", other_theme=not IS_WHOLE)
    close_windows(page)
    bulk.nth(2).click()  # enable
    expect(page.locator("dialog[open] .bulk-results .good")).to_have_count(1)
    problems += check(page, "bulk-results", other_theme=not IS_WHOLE)
    close_windows(page)
    assert problems == []


@IN_EITHER_OF_WHOLE
def test_no_window_of_a_distributor_has_a_serious_problem(dressed: Page, things: Things) -> None:
    problems = []
    page = dressed
    open_page(page, things.pages[-1])
    page.locator("#main [data-tool=generate_key]").click()
    window_in_front(page)
    page.locator("dialog[open] button[data-tool=submit]").click()
    expect(page.locator("dialog[open] code[data-name=key]")).to_be_visible()
    problems += check(page, "key-shown", other_theme=not IS_WHOLE)
    page.locator("dialog[open] .box-buttons button").last.click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.locator("#main [data-tool=revoke_key]").click()
    window_in_front(page)
    problems += check(page, "key-revoke", other_theme=not IS_WHOLE)
    close_windows(page)

    page.locator("[role=tab][data-name=usage]").click()
    page.locator("#main [data-pipeline]").first.click()
    page.locator("#main .call-row a").first.click()
    expect(page.locator("#main .call-total")).to_be_visible()
    page.locator("#main .expander:enabled").first.click()
    expect(page.locator("#main .item-row").first).to_be_visible()
    problems += check(page, "call")
    page.locator("#main .call-panel [data-tool=void]").click()
    window_in_front(page)
    problems += check(page, "call-void", other_theme=not IS_WHOLE)
    close_windows(page)
    assert problems == []


@IN_EITHER_OF_WHOLE
def test_neither_signing_in_nor_refusals_have_a_serious_problem(dressed: Page) -> None:
    problems = []
    page = dressed
    open_page(page, "/pipeline_core/nowhere.ui")
    problems += check(page, "refused", other_theme=not IS_WHOLE)

    open_page(page, LISTS[0])
    page.context.clear_cookies()
    page.locator("#main [data-tool=refresh]").click()
    window_in_front(page)
    problems += check(page, "session-ended", other_theme=not IS_WHOLE)

    page.goto("/login.ui")
    page.locator("input[autocomplete=username]").fill("nobody")
    page.locator("input[type=password]").fill("wrong")
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    problems += check(page, "sign-in", other_theme=not IS_WHOLE)
    sign_in(page.context)  # for the tests that follow
    assert problems == []


def names_of_tools(place: Locator) -> list[str]:
    """The tools in *place* that can be used now, but for those in a menu that is closed."""
    buttons = place.locator("button[data-tool]:enabled:visible").all()
    return [button.get_attribute("data-tool") or "" for button in buttons]


def close_windows(page: Page) -> None:
    """Escape until no window is open; a form that was not touched does not ask."""
    for _ in range(3):
        if not page.locator("dialog[open]").count():
            break
        page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


@IN_CHINESE
def test_hostile_words_stand_as_words_wherever_they_are_shown(
    dressed: Page, things: Things
) -> None:
    for address in LISTS[:-1]:
        open_page(dressed, address)
        texts = dressed.evaluate(
            "() => [...document.querySelectorAll('#main td')].map(cell => cell.textContent)"
        )
        if address not in ("/pipeline_core/pipeline_versions",):
            assert any("onerror=window.hacked" in text for text in texts), address
        expect(dressed.locator("#main td img, #main td b, #main td script")).to_have_count(0)
        # Every column, also those that are not shown at first.
        dressed.locator("#main [data-tool=columns]").click()
        dressed.evaluate(SHOW_ALL_COLUMNS)
        expect(dressed.locator(".popover-box:popover-open input:not(:checked)")).to_have_count(0)
        dressed.keyboard.press("Escape")
        expect(dressed.locator("#main td img, #main td script")).to_have_count(0)
        dressed.locator("#main [data-tool=columns]").click()
        dressed.locator(".popover-box:popover-open > button").click()
        dressed.keyboard.press("Escape")
    open_page(dressed, f"/pipeline_core/line.ui?pipeline_id={things.pipeline}")
    expect(dressed.locator("#main")).to_contain_text(HOSTILE)
    assert dressed.evaluate("window.hacked") is None


def test_nothing_sticks_out_at_any_width(dressed: Page, things: Things) -> None:
    wide = []
    for address in ("/dashboard.ui", LISTS[0], LISTS[3], *things.pages[-2:]):
        for width in (390, 1024, 2560):
            dressed.set_viewport_size({"width": width, "height": 844})
            # As wide as a page is when it opens, and as it becomes.
            if width == 390 or IS_WHOLE:
                open_page(dressed, address)
            dressed.evaluate(NEXT_PICTURE)
            keep_picture(dressed, f"{width}{address.partition('?')[0]}")
            wide += dressed.evaluate(STICKS_OUT)
    dressed.set_viewport_size({"width": 1440, "height": 900})
    assert wide == []


def test_a_list_is_worked_with_by_keyboard_alone(dressed: Page, things: Things) -> None:
    open_page(dressed, LISTS[0])
    dressed.keyboard.press("/")
    dressed.keyboard.type("hostile")
    # Its one row is there before the search is answered, and comes anew then.
    dressed.keyboard.press("ArrowDown")
    dressed.keyboard.press("ArrowRight")
    expect(dressed.locator("td[data-name=name]:focus")).to_have_count(1)
    dressed.keyboard.press("F2")
    expect(dressed.locator("td[data-name=name] input")).to_have_value(HOSTILE)
    dressed.keyboard.press("Escape")
    expect(dressed.locator("td[data-name=name]:focus")).to_have_text(HOSTILE)
    dressed.keyboard.press("?")
    expect(dressed.get_by_role("dialog")).to_be_visible()
    dressed.keyboard.press("Escape")
    expect(dressed.get_by_role("dialog")).to_have_count(0)
