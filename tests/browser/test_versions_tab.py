"""Versions on a pipeline's page: what differs to the word, old texts, other people's changes."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.installation import Installation
from tests.support.selling import make_pipeline, post

PROMPT = [f"第 {number} 行：写一个平静的句子。" for number in range(1, 41)]


def pipeline_with_prompts(server: Installation, code: str) -> dict[str, Any]:
    """A pipeline whose live version has a prompt of forty lines, two characters of it changed."""
    pipeline = make_pipeline(server.admin, code, publish=False)
    (step,) = steps(server, pipeline)
    change_prompt(server, step, PROMPT)
    post(server.admin, "/pipeline_core/api/pipeline_publish.dspy", pipeline_id=pipeline["id"])
    (step,) = steps(server, pipeline)
    change_prompt(server, step, [*PROMPT[:20], "第 21 行：写一个热烈的句子。", *PROMPT[21:]])
    return pipeline


def steps(server: Installation, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    answer = server.admin.get(
        "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy",
        params={"pipeline_id": pipeline["id"]},
    )
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def change_prompt(server: Installation, step: dict[str, Any], lines: list[str]) -> None:
    config = json.dumps({"prompt": "\n".join(lines)})
    path = "/pipeline_core/api/pipeline_steps_update.dspy"
    post(server.admin, path, id=step["id"], lock_version=step["lock_version"], config=config)


def open_page(page: Page, pipeline: dict[str, Any], **more: str) -> None:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}&{query}")
    expect(page.locator(".pipeline-page [data-tool=publish]")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_prompt_is_compared_to_the_word(
    admin_page: Page, server: Installation, width: int
) -> None:
    page = admin_page
    page.set_viewport_size({"width": width, "height": 800})
    pipeline = pipeline_with_prompts(server, f"words-{width}")
    open_page(page, pipeline)

    page.locator(".page-head [data-tool=compare]").click()

    diff = page.locator(".comparison .text-diff")
    expect(diff.locator(".text-diff-removed")).to_have_count(1)
    expect(diff.locator("del")).to_have_text(["平静"])
    expect(diff.locator("ins")).to_have_text(["热烈"])
    expect(diff.locator(".text-diff-same")).to_have_count(6)
    expect(page).to_have_url(re.compile("from=live&to=draft"))
    fold = diff.locator(".text-diff-fold").first
    fold.click()
    expect(diff.locator(".text-diff-same")).to_have_count(6 + 17)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1440, "height": 800})


def test_two_versions_are_compared_by_the_address_and_an_old_one_is_read_whole(
    admin_page: Page, server: Installation
) -> None:
    page = admin_page
    pipeline = pipeline_with_prompts(server, "any-two")
    post(server.admin, "/pipeline_core/api/pipeline_publish.dspy", pipeline_id=pipeline["id"])
    open_page(page, pipeline, tab="versions", **{"from": "1", "to": "2"})
    comparison = page.locator(".comparison")
    expect(comparison.locator("del, ins").first).to_be_visible()

    comparison.locator("select").nth(1).select_option("1")
    expect(comparison).to_contain_text("没有差异")
    expect(page).to_have_url(re.compile("from=1&to=1"))

    page.locator('[data-version="1"] [data-tool=show_version]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".text-diff-line").nth(39)).to_contain_text("第 40 行")
    expect(page).to_have_url(re.compile("version=1"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("version=1"))


def test_who_publishes_what_was_changed_meanwhile_is_told_and_looks_again(
    admin_page: Page, server: Installation
) -> None:
    page = admin_page
    pipeline = pipeline_with_prompts(server, "moved")
    open_page(page, pipeline)
    page.locator("[data-tool=publish]").click()
    dialog = page.get_by_role("dialog", name="发布产线")
    dialog.locator("[data-field=notes] textarea").fill("我的说明")
    (step,) = steps(server, pipeline)
    change_prompt(server, step, ["完全不同"])

    dialog.get_by_role("button", name="发布", exact=True).click()

    notice = page.get_by_role("dialog", name="产线已被他人修改")
    expect(notice).to_contain_text("admin")
    notice.locator("[data-tool=look_again]").click()
    again = page.get_by_role("dialog", name="发布产线")
    expect(again.locator("ins, .text-diff-added").first).to_be_visible()
    expect(again).to_contain_text("完全不同")
    expect(again.locator("[data-field=notes] textarea")).to_have_value("我的说明")
    again.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_old_version_is_loaded_into_the_draft(admin_page: Page, server: Installation) -> None:
    page = admin_page
    pipeline = pipeline_with_prompts(server, "load")
    open_page(page, pipeline, tab="versions")

    page.locator('[data-version="1"] [data-tool=load_version]').click()
    dialog = page.get_by_role("dialog", name="载入草稿")
    dialog.locator("[data-field=replace_draft] input").check()
    dialog.get_by_role("button", name="载入草稿").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "热烈" not in steps(server, pipeline)[0]["config"]


def test_a_publication_is_scheduled_and_approved_on_the_page(
    admin_page: Page, server: Installation
) -> None:
    page = admin_page
    pipeline = pipeline_with_prompts(server, "approval")
    open_page(page, pipeline)
    page.locator("[data-tool=approval]").click()
    page.get_by_role("dialog").get_by_role("button", name="要求批准").click()
    expect(page.locator(".page-title")).to_contain_text("需批准")

    page.locator("[data-tool=publish]").click()
    dialog = page.get_by_role("dialog", name="发布产线")
    dialog.get_by_role("button", name="申请批准").click()
    panel = page.locator(".publication-panel")
    expect(panel).to_contain_text("等待批准")
    expect(panel.locator("[data-tool=approve]")).to_have_count(0)

    panel.locator("[data-tool=cancel_publication]").click()
    page.get_by_role("alertdialog").get_by_role("button", name="取消申请").click()
    expect(panel).to_have_count(0)
