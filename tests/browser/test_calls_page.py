"""The list of calls: one row a call with its amount, its items, its panel, its filter and sums."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller

PRICES: list[dict[str, Any]] = [
    {"unit": "call", "unit_price": "1"},
    {"unit": "token", "unit_price": "7.2", "unit_size": 1_000_000},
    {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"},
]


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, prices=PRICES)


@pytest.fixture(scope="module")
def buyer(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    """A distributor with a discount, with a few calls."""
    buyer = make_reseller(
        server, pipeline, terms={"pricing_mode": "discount", "discount_rate": "0.85"}
    )
    for number, (status, lines) in enumerate(
        [
            ("succeeded", [("image", 30)]),
            ("succeeded", [("image", 90), ("token", 500)]),
            ("failed", [("call", 1)]),
        ]
    ):
        answer = buyer.begin(
            pipeline, status=status, client_ref=f"order-{number}", tags={"film": "a"},
            lines=[{"unit": unit, "quantity": quantity} for unit, quantity in lines],
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
    return buyer


def open_calls(page: Page, buyer: Reseller, more: str = "") -> None:
    page.goto(f"/#/pipeline_ops/calls.ui?distributor_id={buyer.distributor['id']}{more}")
    expect(page.locator("#main .calls-total")).to_contain_text("共列出")


def test_one_row_a_call_opened_to_its_items(admin_page: Page, buyer: Reseller) -> None:
    page = admin_page
    open_calls(page, buyer)
    rows = page.locator(".call-row")
    expect(rows).to_have_count(3)
    second = rows.filter(has_text="order-1")
    expect(second).to_contain_text(buyer.distributor["name"])
    expect(second.locator(".call-pipeline")).to_contain_text("v1")
    expect(second.locator(".call-status")).to_have_text("成功")
    expect(second.locator(".call-amount")).to_have_text("21.25306 USD")
    # As many decimals in each row, so that they line up.
    expect(rows.filter(has_text="order-2").locator(".call-amount")).to_have_text("0.85000 USD")
    total = page.locator(".calls-total")
    expect(total).to_contain_text("共列出 3 次调用")
    expect(total.locator("[data-currency=USD]")).to_contain_text("43.35306")

    # By the keyboard: to the next call, and open it.
    rows.first.locator("a").focus()
    page.keyboard.press("ArrowDown")
    expect(second.locator("a")).to_be_focused()
    page.keyboard.press("ArrowRight")
    items = page.locator(".item-row")
    expect(items).to_have_count(2)
    expect(items.first).to_contain_text("image")
    expect(items.nth(1).locator(".call-amount")).to_have_text("0.00306 USD")
    ends = page.locator(".call-amount .amount").evaluate_all(
        "nodes => nodes.map((node) => Math.round(node.getBoundingClientRect().right))"
    )
    assert len(set(ends)) == 1
    page.keyboard.press("ArrowLeft")
    expect(items).to_have_count(0)
    second.locator(".expander").click()
    expect(items).to_have_count(2)


def test_why_a_call_cost_that_and_its_own_address(admin_page: Page, buyer: Reseller) -> None:
    page = admin_page
    open_calls(page, buyer)
    opener = page.locator(".call-row").filter(has_text="order-1").locator("a")
    opener.click()
    panel = page.locator(".call-panel")
    expect(panel.get_by_role("heading", level=2)).to_be_focused()
    images = panel.locator(".call-item").filter(has_text="image")
    expect(images).to_contain_text("用量 90，尚余 70：购入 1 包（每包 100）× 21.25 = 21.25 USD")
    expect(images).to_contain_text("25 × 85 %（折扣）= 21.25")
    expect(images).to_contain_text("剩余 80 image")
    tokens = panel.locator(".call-item").filter(has_text="token")
    expect(tokens).to_contain_text("500 × 6.12 ÷ 1,000,000 = 0.00306 USD")
    expect(panel).to_contain_text("film: a")
    expect(panel.get_by_role("link", name=buyer.distributor["name"])).to_be_visible()
    address = page.url
    assert "call=" in address

    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()
    assert "call=" not in page.url
    # What was copied leads there again; so does the link itself in another tab.
    with page.context.expect_page() as other:
        opener.click(modifiers=["Control"])
    expect(other.value.locator(".call-panel")).to_contain_text("购入 1 包")
    other.value.close()
    page.goto("/#/dashboard.ui")
    page.goto(address)
    expect(panel).to_contain_text("购入 1 包")


def test_periods_states_and_a_text(admin_page: Page, buyer: Reseller) -> None:
    page = admin_page
    open_calls(page, buyer)
    rows = page.locator(".call-row")
    expect(page.locator("[data-period='7d']")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-period=yesterday]").click()
    expect(page.locator(".call-none")).to_contain_text("没有符合筛选条件的调用")
    assert "period=yesterday" in page.url
    page.locator("[data-period=today]").click()
    expect(rows).to_have_count(3)
    page.locator("[data-period=own]").click()
    expect(page.locator("input[name=first_day]")).not_to_have_value("")
    page.locator("input[name=last_day]").fill("2026-01-02")
    page.locator("input[name=q]").focus()
    expect(page.locator("input[name=first_day]")).to_have_value("2026-01-02")
    page.locator("input[name=first_day]").fill("2026-01-01")
    expect(rows).to_have_count(0)
    page.locator("[data-period=month]").click()
    expect(rows).to_have_count(3)
    page.locator("select[name=status]").select_option("failed,expired")
    expect(rows).to_have_count(1)
    expect(page.locator(".calls-total")).to_contain_text("0.85")
    page.locator("select[name=status]").select_option("")
    expect(rows).to_have_count(3)
    page.locator("input[name=q]").fill("order-1")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator("input[name=q]")).to_have_value("order-1")


def test_figures_lead_to_exactly_their_calls(admin_page: Page, buyer: Reseller) -> None:
    page = admin_page
    page.goto(f"/#/pipeline_dist/distributor.ui?id={buyer.distributor['id']}&tab=statement")
    line = page.get_by_role("row").filter(has_text="token")
    line.get_by_role("link").first.click()
    rows = page.locator(".call-row")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("order-1")
    # Only what stands in the line.
    expect(rows.locator(".call-amount")).to_have_text("0.00306 USD")
    expect(page.locator("[data-chip=item]")).to_contain_text("token: 6.12 / 1,000,000")
    page.locator("[data-chip=item] button").click()
    expect(rows).to_have_count(3)

    page.goto(f"/#/pipeline_dist/distributor.ui?id={buyer.distributor['id']}")
    page.locator("a.chart-bar").last.click()
    expect(rows).to_have_count(3)
    page.goto("/#/dashboard.ui")
    page.locator("a.chart-bar").last.click()
    expect(rows.first).to_be_visible()


def test_who_may_only_look_voids_nothing(page: Page, server: Installation, buyer: Reseller) -> None:
    answer = page.context.request.post(
        f"{server.base_url}/login.dspy",
        data={"username": "viewer", "password": PASSWORDS["viewer"]},
    )
    assert answer.ok
    open_calls(page, buyer)
    expect(page.locator(".call-row input")).to_have_count(0)
    page.locator(".call-row a").first.click()
    expect(page.locator(".call-panel .call-total")).to_be_visible()
    expect(page.locator("[data-tool=void]")).to_have_count(0)
    expect(page.locator(".call-panel a").filter(has_text=buyer.distributor["name"])).to_have_count(
        0
    )
