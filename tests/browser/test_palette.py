"""The command palette: pages, actions and records, by keyboard and by mouse, for who may."""

import os
import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.every_page import new_page, settle
from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import make_distributor, make_pipeline, make_reseller


def open_palette(page: Page) -> Locator:
    expect(page.locator(".shell-content")).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press("Control+k")
    palette = page.locator("dialog.palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    return palette


def test_records_pages_and_actions_by_keyboard(admin_page: Page, server: Installation) -> None:
    pipeline = make_pipeline(server.admin, name="短剧生产线")
    seller = make_reseller(server, pipeline)
    call = seller.begin(pipeline, key="by-palette", client_ref="订单-77").json()
    page = admin_page
    page.goto("/")

    palette = open_palette(page)
    look(page, "empty")
    page.keyboard.type("短剧")
    option = palette.get_by_role("option", name="短剧生产线")
    expect(option).to_have_attribute("aria-selected", "true")
    look(page, "line")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"line.ui.pipeline_id={pipeline['id']}"))
    expect(page.get_by_role("heading", name="短剧生产线")).to_be_visible()
    page.go_back()

    for words in ("订单-77", call["call_no"]):
        palette = open_palette(page)
        page.keyboard.type(words)
        option = palette.get_by_role("option", name=call["call_no"])
        expect(option).to_contain_text("订单-77")
        page.keyboard.press("Enter")
        expect(page.locator(".call-panel")).to_contain_text(call["call_no"])

    palette = open_palette(page)
    page.keyboard.type("新增 产线")
    expect(palette.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=re.compile("新增"))).to_be_visible()
    page.keyboard.press("Control+k")  # what is begun stays in front
    expect(page.locator("dialog.palette")).to_have_count(0)
    page.keyboard.press("Escape")

    palette = open_palette(page)
    page.keyboard.type("no such thing")
    expect(palette.get_by_text("没有找到")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)


def test_an_entry_is_a_link(admin_page: Page, server: Installation) -> None:
    owner = make_distributor(server.admin, name="星河传媒")
    admin_page.goto("/")
    palette = open_palette(admin_page)
    admin_page.keyboard.type("星河")
    link = palette.get_by_role("option", name="星河传媒").locator("a")
    with admin_page.context.expect_page() as news:
        link.click(modifiers=["Control"])
    expect(news.value).to_have_url(re.compile(f"distributor.ui.id={owner['id']}"))


def test_a_viewer_is_led_nowhere_that_is_refused(browser: Browser, server: Installation) -> None:
    make_distributor(server.admin, name="星河影业")
    context = browser.new_context(base_url=server.base_url, locale="zh-CN")
    context.request.post(
        "/login.dspy", data={"username": "viewer", "password": PASSWORDS["viewer"]}
    )
    page = new_page(context)
    refusals: list[str] = []
    page.on("response", lambda answer: refusals.extend([answer.url] * (answer.status == 403)))
    page.goto("/")
    links = page.locator(".shell-menu a")
    expect(links.first).to_be_visible()
    for address in links.evaluate_all("nodes => nodes.map(node => node.hash)"):
        page.goto(f"/{address}")
        settle(page)
        expect(page.locator(".shell-content")).not_to_have_attribute("aria-busy", "true")
    palette = open_palette(page)
    page.keyboard.type("星河影业")
    expect(palette.get_by_text("没有找到")).to_be_visible()
    assert refusals == []
    context.close()


def look(page: Page, name: str) -> None:
    """A picture in each theme, on a screen and on a telephone; nothing stands beyond the edge."""
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("PIPELINE_LOOK"):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=Path(folder) / f"palette_{name}_{width}_{scheme}.png")
