"""A step with another code, and one that goes: what the page says of references and of prices."""

import re
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.pipelines import do, new_pipeline, new_step, rows
from tests.support.selling import post


def open_board(page: Page, pipeline: dict[str, Any]) -> None:
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")


def card(page: Page, key: str) -> Locator:
    return page.locator(f'.step-card[data-key="{key}"]')


def two_steps(admin: httpx.Client) -> dict[str, Any]:
    """A live pipeline whose second step uses the first, which has a price of its own."""
    pipeline = new_pipeline(admin, "a")
    new_step(admin, pipeline, "b", config={"inputs": {"x": "steps.a.text"}})
    post(
        admin, "/pipeline_ops/api/pipeline_pricing_create.dspy", pipeline_id=pipeline["id"],
        step_key="a", unit="image", unit_price="2", currency="USD",
    )  # fmt: skip
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="first")
    return pipeline


def rename(page: Page, old: str, new: str) -> None:
    card(page, old).dblclick()
    dialog = page.get_by_role("dialog", name="编辑步骤")
    dialog.locator("[data-field=step_key] input").fill(new)
    dialog.locator("button[data-tool=submit]").click()


def test_a_new_code_says_which_references_followed(admin: httpx.Client, admin_page: Page) -> None:
    pipeline = two_steps(admin)
    open_board(admin_page, pipeline)

    rename(admin_page, "a", "plan")

    window = admin_page.get_by_role("dialog", name="随新代码更新的引用")
    expect(window).to_contain_text(
        re.compile(r"b.*config\.inputs\.x.*steps\.a\.text → steps\.plan\.text")
    )
    expect(card(admin_page, "plan")).to_be_visible()
    admin_page.keyboard.press("Escape")
    expect(admin_page.get_by_role("dialog")).to_have_count(0)


def test_a_step_that_others_use_is_not_deleted(admin: httpx.Client, admin_page: Page) -> None:
    pipeline = two_steps(admin)
    open_board(admin_page, pipeline)

    card(admin_page, "a").locator("[data-tool=delete_step]").click()
    admin_page.get_by_role("alertdialog").get_by_role("button", name="删除").click()

    expect(admin_page.get_by_role("alertdialog")).to_contain_text("b (config.inputs.x)")
    assert len(rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])) == 2


def test_publishing_offers_to_carry_prices_over(admin: httpx.Client, admin_page: Page) -> None:
    page = admin_page
    pipeline = two_steps(admin)
    open_board(page, pipeline)
    rename(page, "a", "plan")
    page.get_by_role("dialog", name="随新代码更新的引用").press("Escape")
    page.locator("[data-tool=publish]").click()
    dialog = page.get_by_role("dialog", name="发布产线")

    expect(dialog).to_contain_text(re.compile(r"a → plan · image · 2.* USD"))
    expect(dialog.locator(".difference-removed")).to_contain_text("阶段 1 第 1 位")
    dialog.locator("button[data-tool=submit]").click()
    expect(dialog).to_contain_text("carry_prices=1")  # refused, and said how to go on
    dialog.get_by_label("一并处理这些价格").check()
    dialog.locator("button[data-tool=submit]").click()

    expect(page.locator(".page-title")).to_contain_text("v2")
    answer = admin.get(
        "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy",
        params={"pipeline_id": pipeline["id"], "step_key": "plan"},
    )
    assert answer.json()["total"] == 1

    page.get_by_role("tab", name="版本").click()
    page.locator('[data-version="1"] [data-tool=rollback]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("plan → a · image")
    dialog.locator("[data-field=reason] textarea").fill("back")
    dialog.get_by_label("一并处理这些价格").check()
    dialog.locator("button[data-tool=submit]").click()
    expect(page.locator(".page-title")).to_contain_text("v1")
