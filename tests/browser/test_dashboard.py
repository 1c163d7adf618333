"""The overview: what it says while there is nothing, then figures that come by themselves."""

import re

from playwright.sync_api import Page, expect

from app.runtime.processes import wait_until
from tests.support.installation import Installation
from tests.support.selling import make_pipeline, make_reseller

USED = [{"step_key": "answer", "unit": "input_token", "quantity": 50_000}]


def calls_today(server: Installation) -> int:
    """Return what the overview's figures say; on a slow machine they are kept for a while."""
    figures = server.admin.get("/pipeline_ops/api/usage_stats.dspy").json()["data"]
    return int(figures["today"]["calls"])


def test_nothing_yet_says_what_to_do_first(admin_page: Page) -> None:
    admin_page.goto("/")

    expect(admin_page.get_by_role("heading", name="开始使用")).to_be_visible()
    expect(admin_page.get_by_role("link", name="新建产线")).to_be_visible()
    expect(admin_page.locator(".empty-note")).to_contain_text("还没有调用")
    expect(admin_page.get_by_role("link", name="接口说明")).to_be_visible()


def test_figures_and_how_they_refresh(admin_page: Page, server: Installation) -> None:
    page = admin_page
    pipeline = make_pipeline(server.admin, daily_quota=5)
    reseller = make_reseller(server, pipeline)
    for status in ("succeeded", "succeeded", "failed"):
        assert reseller.begin(pipeline, status=status, lines=USED).status_code == 201
    assert wait_until(lambda: calls_today(server) == 3, 30)
    page.clock.install()
    page.goto("/")

    card = page.locator(".figure-card")
    expect(card.filter(has_text="今日调用")).to_contain_text("3")
    expect(card.filter(has_text="今日成功率")).to_contain_text("66.67 %")
    expect(card.filter(has_text="今日金额")).to_contain_text("0.15 USD")
    expect(page.locator(".page-card").filter(has_text="接近限额")).to_contain_text("没有接近")
    failures = page.locator(".page-card").filter(has_text="24 小时内有失败的产线")
    expect(failures.get_by_role("row").filter(has_text=pipeline["name"])).to_contain_text("66.67 %")
    hours = page.get_by_role("table", name="最近 24 小时")
    expect(hours.get_by_role("row").filter(has_text="0.15 USD")).to_contain_text("3")

    # Two more calls, and the page knows without a hand on it.
    for _ in range(2):
        assert reseller.begin(pipeline, status="succeeded", lines=USED).status_code == 201
    assert wait_until(lambda: calls_today(server) == 5, 30)
    page.clock.fast_forward(31_000)
    expect(card.filter(has_text="今日调用")).to_contain_text("5")
    near = page.locator(".near-limits li").filter(has_text=pipeline["name"])
    expect(near.get_by_role("meter")).to_have_attribute("aria-valuetext", "5 / 5")

    # The charts show the amount as well.
    page.get_by_label("最近 24 小时: 显示内容").select_option("USD")
    expect(page.get_by_label("最近 14 天: 显示内容")).to_have_value("USD")
    expect(page.locator(".chart-failed")).to_have_count(0)

    near.get_by_role("link", name=re.compile("打开")).click()
    expect(page.get_by_role("tab", name="供应量")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("meter").first).to_have_attribute("aria-valuetext", "5 / 5 次调用")


def test_a_list_that_is_not_counted_to_its_end_says_so(admin_page: Page) -> None:
    admin_page.route(
        "**/get_pipeline_usage_log.dspy*",
        lambda route: route.fulfill(json={"total": 10_001, "capped": True, "rows": []}),
    )
    admin_page.goto("/")

    card = admin_page.locator(".count-card").filter(has_text="使用记录")
    expect(card.locator("strong")).to_have_text("10,000+")
