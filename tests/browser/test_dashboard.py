"""The overview: what it says while there is nothing, then figures of a chosen period, and what each
of them leads to."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.runtime.processes import wait_until
from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller

USED = [{"step_key": "answer", "unit": "input_token", "quantity": 50_000, "model": "m-1"}]
FIGURES = "/pipeline_ops/api/usage_figures.dspy"


def calls_today(server: Installation) -> int:
    """Return what the overview's figures say; on a slow machine they are kept for a while."""
    figures = server.admin.get(FIGURES, params={"period": "today"}).json()["data"]
    return int(figures["total"]["calls"])


def card(page: Page, label: str) -> Locator:
    return page.locator(f'#main .figure-card[data-name="{label}"]')


def call_count(page: Page) -> Locator:
    """What the list of calls says it has."""
    return page.locator("#main [data-name=listed]")


def test_nothing_yet_says_what_to_do_first(admin_page: Page) -> None:
    admin_page.goto("/")

    expect(admin_page.get_by_role("heading", name="开始使用")).to_be_visible()
    expect(admin_page.get_by_role("link", name="新建产线")).to_be_visible()
    expect(admin_page.locator(".empty-note")).to_contain_text("还没有调用")
    expect(admin_page.get_by_role("link", name="接口说明")).to_be_visible()
    expect(card(admin_page, "Calls")).to_be_hidden()


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=5)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    """Two calls that succeeded, one that failed."""
    reseller = make_reseller(server, pipeline)
    for status in ("succeeded", "succeeded", "failed"):
        assert reseller.begin(pipeline, status=status, lines=USED).status_code == 201
    assert wait_until(lambda: calls_today(server) == 3, 30)
    return reseller


def test_cards_bars_and_groups_lead_to_exactly_their_calls(
    admin_page: Page, reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    page = admin_page
    page.goto("/")

    expect(card(page, "Calls")).to_contain_text("3")
    expect(card(page, "Calls")).to_contain_text("此前无数据")
    expect(card(page, "Success rate")).to_contain_text("66.67 %")
    expect(card(page, "Amount")).to_contain_text("0.15 USD")
    expect(card(page, "Amount")).to_contain_text("失败的调用同样计费")
    hours = page.get_by_role("table", name="按小时")
    expect(hours.get_by_role("row").filter(has_text="0.15 USD")).to_contain_text("3")
    groups = page.get_by_role("region", name="按产线")
    # The whole of a card is its link.
    for target, count in (
        (card(page, "Failed"), 1),
        (page.locator("a.chart-bar"), 3),
        (groups.get_by_role("link", name=pipeline["name"], exact=True), 3),
    ):
        target.click(position={"x": 8, "y": 8} if count == 1 else None)
        expect(call_count(page)).to_have_text(f"共列出 {count} 次调用")
        page.go_back()
        expect(card(page, "Calls")).to_be_visible()

    page.get_by_role("group", name="分组方式").get_by_role("button", name="模型").click()
    by_model = page.get_by_role("region", name="按模型")
    expect(by_model.get_by_role("row").filter(has_text="m-1")).to_contain_text("0.15")
    expect(page).to_have_url(re.compile("group_by=model"))
    by_model.get_by_role("link", name="m-1").click()
    expect(call_count(page)).to_have_text("共列出 3 次调用")
    expect(page.locator("#main [data-currency=USD]")).to_contain_text("0.15")


def test_the_period_stands_in_the_address(admin_page: Page, reseller: Reseller) -> None:
    page = admin_page
    page.goto("/#/dashboard.ui?period=30d&group_by=distributor")

    periods = page.get_by_role("group", name="时段")
    expect(periods.get_by_role("button", name="30 天")).to_have_attribute("aria-pressed", "true")
    by_distributor = page.get_by_role("region", name="按分销商")
    expect(by_distributor).to_contain_text(reseller.distributor["name"])
    expect(page.get_by_role("table", name="按日").locator("tbody tr")).to_have_count(30)
    today = datetime.now(UTC) + timedelta(hours=8)
    first = f"{today - timedelta(days=29):%Y-%m-%d}"
    expect(page.locator(".figures-words")).to_contain_text(f"{first} – {today:%Y-%m-%d}，对比")

    periods.get_by_role("button", name="自定时段").click()
    page.get_by_label("起始日").fill(f"{today - timedelta(days=120):%Y-%m-%d}")
    expect(page.get_by_role("table", name="按月")).to_contain_text(f"{today:%Y-%m}")
    expect(page).to_have_url(re.compile(r"first_day=\d{4}-\d\d-\d\d&last_day="))
    page.reload()
    expect(page.get_by_role("table", name="按月")).to_contain_text(f"{today:%Y-%m}")
    expect(periods.get_by_role("button", name="自定时段")).to_have_attribute("aria-pressed", "true")


def test_it_refreshes_itself_and_shows_what_to_look_at(
    admin_page: Page, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    page = admin_page
    page.clock.install()
    page.goto("/")
    expect(card(page, "Calls")).to_contain_text("3")
    expect(page.locator(".near-limits")).to_have_count(0)
    failures = page.locator(".page-card").filter(has_text="24 小时内有失败的产线")
    expect(failures.get_by_role("row").filter(has_text=pipeline["name"])).to_contain_text("66.67 %")
    page.get_by_role("button", name="金额（USD）").click()
    expect(page.locator(".chart-failed")).to_have_count(0)

    # Two more calls, and the page knows without a hand on it; who is on a button stays there.
    for _ in range(2):
        assert reseller.begin(pipeline, status="succeeded", lines=USED).status_code == 201
    assert wait_until(lambda: calls_today(server) == 5, 30)
    page.clock.fast_forward(31_000)
    expect(card(page, "Calls")).to_contain_text("5")
    expect(page.get_by_role("button", name="金额（USD）")).to_be_focused()
    near = page.locator(".near-limits li").filter(has_text=pipeline["name"])
    expect(near.get_by_role("meter")).to_have_attribute("aria-valuetext", "5 / 5")

    # Where the figures cannot be had, those that are there stay, and say of when they are.
    page.route(f"**{FIGURES}*", lambda route: route.fulfill(status=503, json={}))
    page.clock.fast_forward(31_000)
    expect(page.locator("[data-name=refreshed]")).to_contain_text("暂时无法更新")
    expect(card(page, "Calls")).to_contain_text("5")

    near.get_by_role("link", name=re.compile("打开")).click()
    expect(page.get_by_role("tab", name="供应量")).to_have_attribute("aria-selected", "true")


def test_keys_prices_and_months_to_see_to(
    admin_page: Page, page: Page, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    server.query(
        "update app_key set expires_at = %s where distributor_id = %s",
        soon[:19], reseller.distributor["id"],
    )  # fmt: skip
    server.query(
        "update pipeline_pricing set effective_to = %s where pipeline_id = %s and unit = %s",
        soon[:19], pipeline["id"], "output_token",
    )  # fmt: skip
    cards = admin_page.locator("#main .page-card")
    admin_page.goto("/")
    prices = cards.filter(has_text="即将失效的价格")
    expect(prices.get_by_role("row").filter(has_text="output_token")).to_be_visible()
    expect(cards.filter(has_text="待关账的账单")).to_have_count(0)
    keys = cards.filter(has_text="即将到期的密钥")
    keys.get_by_role("link", name=reseller.distributor["name"]).click()
    expect(admin_page.get_by_role("tab", name="密钥", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )

    # Who may not see distributors' keys is not told of them, and asks for nothing that is refused.
    refusals: list[str] = []
    page.on("response", lambda one: refusals.append(one.url) if one.status == 403 else None)
    answer = page.request.post(
        "/login.dspy", data={"username": "viewer", "password": PASSWORDS["viewer"]}
    )
    assert answer.ok
    page.goto("/")
    cards = page.locator("#main .page-card")
    expect(cards.filter(has_text="即将失效的价格")).to_be_visible()
    expect(cards.filter(has_text="即将到期的密钥")).to_have_count(0)
    assert refusals == []


def test_a_pipelines_own_overview(
    admin_page: Page, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    other = make_pipeline(server.admin)
    buyer = make_reseller(server, other)
    assert buyer.begin(other, status="failed", lines=USED).status_code == 201
    page = admin_page
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={other['id']}")
    page.get_by_role("tab", name="总览").click()

    expect(card(page, "Calls")).to_contain_text("1")
    by_distributor = page.get_by_role("region", name="按分销商")
    expect(by_distributor.locator("tbody tr")).to_have_count(1)
    expect(by_distributor).to_contain_text(buyer.distributor["name"])
    card(page, "Failed").click()
    expect(call_count(page)).to_have_text("共列出 1 次调用")
