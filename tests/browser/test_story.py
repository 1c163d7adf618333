"""
The main job, end to end, in the browser and over the API.

An administrator signs in, defines a line with serial and parallel steps, publishes it, sets prices
and capacity, makes a distributor with a key; the distributor's program begins and finishes calls;
every call is admitted, priced and in the ledger; the administrator sees it in the pages.
"""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.every_page import settle
from tests.browser.row_tools import row_of, use_row_tool
from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import Reseller


def choose(form: Locator, field: str, text: str) -> None:
    """Choose *text* in the field called *field*, a plain list or one with a search."""
    place = form.locator(f"[data-field={field}]")
    settle(form.page)  # a plain list becomes one with a search when there is much to choose from
    if place.locator("select").count():
        place.locator("select").select_option(label=text)
        return
    place.locator("input").first.fill(text)
    place.get_by_role("option", name=re.compile(re.escape(text))).first.click()


def add(page: Page, window: Locator, fields: dict[str, str], choices: dict[str, str]) -> None:
    """Make a record by the form of *window*'s list."""
    window.locator("[data-tool=add]").click()
    form = page.get_by_role("dialog").last
    for field, text in choices.items():
        choose(form, field, text)
    for field, text in fields.items():
        form.locator(f"[data-field={field}]").locator("input, textarea").first.fill(text)
    form.get_by_role("button", name="保存").click()
    expect(page.get_by_role("dialog").filter(has=page.locator("[data-field]"))).to_have_count(0)


def open_list(page: Page, address: str) -> Locator:
    page.goto(f"/#{address}")
    expect(page.locator(f'a[data-url="{address}"]')).to_have_attribute("aria-current", "page")
    expect(page.locator("#main .tabular")).to_be_visible()
    expect(page.locator("#main [aria-busy=true], #main[aria-busy=true]")).to_have_count(0)
    return page.locator("#main")


def close_window(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.fixture
def signed_in(page: Page) -> Page:
    page.goto("/")
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码").fill(PASSWORDS["admin"])
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.locator(".user-name")).to_have_text("admin")
    return page


def test_from_a_pipeline_to_its_ledger(signed_in: Page, server: Installation) -> None:
    page = signed_in

    # A line: one serial step, then two in parallel.
    pipelines = open_list(page, "/pipeline_core/pipelines")
    add(page, pipelines, {"code": "story", "name": "讲故事"}, {})
    use_row_tool(row_of(pipelines, "story"), "pipeline_steps")
    window = page.get_by_role("dialog", name="步骤")
    for key, stage in (("plan", "1"), ("draw", "2"), ("speak", "2")):
        fields = {"step_key": key, "name": key, "stage": stage, "model": "m-1"}
        add(page, window, fields, {})
        expect(window.get_by_role("gridcell", name=key, exact=True).first).to_be_visible()
    close_window(page)

    # Prices and capacity.
    prices = open_list(page, "/pipeline_ops/pipeline_pricing")
    add(
        page, prices,
        {"unit": "input_token", "unit_price": "2.5", "unit_size": "1000000"},
        {"pipeline_id": "讲故事"},
    )  # fmt: skip
    add(page, prices, {"unit": "image", "unit_price": "0.123456"}, {"pipeline_id": "讲故事"})
    capacity = open_list(page, "/pipeline_ops/pipeline_capacity")
    add(page, capacity, {"daily_quota": "3", "max_concurrency": "2"}, {"pipeline_id": "讲故事"})

    # Publish.
    pipelines = open_list(page, "/pipeline_core/pipelines")
    use_row_tool(row_of(pipelines, "story"), "publish")
    dialog = page.get_by_role("dialog").last
    dialog.locator("[data-field=notes]").locator("input, textarea").first.fill("first")
    dialog.locator("button[data-tool=submit]").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    open_list(page, "/pipeline_core/pipelines")
    expect(page.get_by_role("row", name=re.compile("story")).get_by_text("已发布")).to_be_visible()

    # A distributor with the line and a key.
    shops = open_list(page, "/pipeline_dist/distributors")
    add(page, shops, {"code": "shop", "name": "小店"}, {})
    links = open_list(page, "/pipeline_dist/distributor_pipeline")
    add(page, links, {}, {"distributor_id": "小店", "pipeline_id": "讲故事"})
    shops = open_list(page, "/pipeline_dist/distributors")
    use_row_tool(row_of(shops, "shop"), "generate_key")
    page.get_by_role("dialog").locator("button[data-tool=submit]").click()
    key = page.locator("code[data-name=key]").inner_text()
    page.get_by_role("dialog").get_by_role("button", name="我已保存").click()

    # The distributor's program.
    program = Reseller(server, {"code": "shop"}, key)
    beginning = program.begin({"code": "story"})
    assert beginning.status_code == 201, beginning.text
    quantities = [
        {"step_key": "plan", "model": "m-1", "unit": "input_token", "quantity": 12_345},
        {"step_key": "draw", "model": "m-1", "unit": "image", "quantity": "3"},
    ]
    ending = program.finish(beginning.json(), lines=quantities)
    expected = Decimal(12_345) / 1_000_000 * Decimal("2.5") + 3 * Decimal("0.123456")
    assert ending.status_code == 200, ending.text
    assert Decimal(ending.json()["amount"]) == expected
    statuses = [program.begin({"code": "story"}).status_code for _ in range(4)]
    assert statuses == [201, 201, 429, 429]

    # What the administrator sees.
    usage = open_list(page, "/pipeline_ops/pipeline_usage_log")
    expect(usage.get_by_role("row").filter(has_text="input_token")).to_have_count(1)
    expect(usage.get_by_role("row").filter(has_text="image")).to_contain_text("0.370368")
    page.goto("/#/dashboard.ui")
    expect(page.locator("#main")).to_contain_text("讲故事")
    process = server.manage("check-ledger")
    assert process.returncode == 0, process.stdout
