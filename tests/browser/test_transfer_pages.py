"""Copying a pipeline and bringing one in, in the browser."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.browser.every_page import window_in_front
from tests.browser.row_tools import row_of, use_row_tool
from tests.browser.test_pages import LISTS, open_list
from tests.support.installation import PASSWORDS, Installation
from tests.support.pipelines import ask, do, fresh, new_pipeline, new_step, places, rows
from tests.support.transfers import export, rich_pipeline


def test_a_pipeline_is_copied_from_its_list(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    page = admin_page
    open_list(page, LISTS[0])
    use_row_tool(row_of(page, pipeline["code"]), "clone")
    window = page.get_by_role("dialog")
    window.get_by_label("新产线代码").fill("copied-here")
    window.get_by_role("button", name="复制", exact=True).click()

    expect(page.get_by_role("gridcell", name="copied-here")).to_be_visible()
    (copy,) = rows(admin, "pipelines", code="copied-here")
    assert places(admin, copy) == places(admin, pipeline)


def test_a_file_is_tried_first_and_then_brought_in(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    text = export(admin, new_pipeline(admin, "a"), format="yaml")
    page = admin_page
    open_list(page, LISTS[0])
    page.locator("#main [data-tool=bring_in]").click()
    window = page.get_by_role("dialog")
    window.get_by_label("文件内容").fill(text)
    window.get_by_label("另用代码（可空）").fill("brought-in")
    window.get_by_role("button", name="试运行").click()
    expect(window).to_contain_text("试运行：可以导入。")
    expect(window).to_contain_text("a：新建")
    assert rows(admin, "pipelines", code="brought-in") == []

    window.get_by_role("button", name="立即导入").click()
    expect(page.get_by_role("gridcell", name="brought-in")).to_be_visible()  # in the list again
    expect(window).to_have_count(0)
    assert len(rows(admin, "pipelines", code="brought-in")) == 1
    assert page.evaluate("bricks.untranslated()") == []


def test_a_draft_is_replaced_only_as_the_dry_run_saw_it(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    old = export(admin, pipeline, format="json")
    new_step(admin, pipeline, "c")
    page = admin_page
    open_list(page, LISTS[0])
    page.locator("#main [data-tool=bring_in]").click()
    window = page.get_by_role("dialog").first
    window.get_by_label("文件内容").fill(old)
    dry_run = window.get_by_role("button", name="试运行")
    import_now = window.get_by_role("button", name="立即导入")
    dry_run.click()
    expect(window).to_contain_text("已有此代码的产线")
    expect(import_now).to_have_count(0)
    window.get_by_label("替换同代码产线的草稿").check()
    dry_run.click()
    expect(window).to_contain_text("c：移除")
    do(admin, "pipelines_update", **version_of(admin, pipeline), name="Meanwhile")

    import_now.click()
    expect(window).to_contain_text("该记录已由 admin 于")
    assert len(places(admin, pipeline)) == 3

    dry_run.click()
    expect(import_now).to_be_enabled()
    import_now.click()
    expect(window).to_have_count(0)
    assert [key for *_, key in places(admin, pipeline)] == ["a", "b"]


def version_of(client: httpx.Client, pipeline: dict[str, str]) -> dict[str, Any]:
    record = fresh(client, pipeline)
    return {"id": record["id"], "lock_version": record["lock_version"]}


def take_out(page: Page, pipeline: dict[str, str]) -> None:
    open_list(page, LISTS[0])
    use_row_tool(row_of(page, pipeline["code"]), "take_out")


def save(page: Page, tool: str) -> tuple[str, str]:
    """Name and content of the file that a button of the export window gives."""
    with page.expect_download() as download:
        page.get_by_role("dialog").locator(f"[data-tool={tool}]").click()
    return download.value.suggested_filename, Path(download.value.path()).read_text("utf-8")


def test_a_pipeline_is_saved_as_a_file_and_brought_in_from_it(
    server: Installation, admin: httpx.Client, admin_page: Page, tmp_path: Path
) -> None:
    pipeline = rich_pipeline(admin)
    page = admin_page
    take_out(page, pipeline)

    name, text = save(page, "export_yaml")

    assert name == f"{pipeline['code']}.yaml"
    assert text == export(admin, pipeline, format="yaml", with_prices=1, with_capacity=1)
    page.get_by_role("dialog").get_by_label("连同定价").uncheck()
    assert save(page, "export_json") == (
        f"{pipeline['code']}.json", export(admin, pipeline, format="json", with_capacity=1)
    )  # fmt: skip
    assert page.evaluate("bricks.untranslated()") == []
    page.keyboard.press("Escape")

    (tmp_path / name).write_text(text, "utf-8")
    page.locator("#main [data-tool=bring_in]").click()
    window = page.get_by_role("dialog")
    window.get_by_label("选择文件").set_input_files(tmp_path / name)
    expect(window.get_by_label("文件内容")).to_have_value(text)
    window.get_by_label("另用代码（可空）").fill("from-a-file")
    window.get_by_role("button", name="试运行").click()
    window.get_by_role("button", name="立即导入").click()
    expect(page.get_by_role("gridcell", name="from-a-file", exact=True)).to_be_visible()
    (copy,) = rows(admin, "pipelines", code="from-a-file")
    assert places(admin, copy) == places(admin, pipeline)


def test_a_file_that_was_mended_is_read_again(
    server: Installation, admin: httpx.Client, admin_page: Page, tmp_path: Path
) -> None:
    text = export(admin, new_pipeline(admin, "a"), format="yaml").replace(
        "name: Line", "name: 产线"
    )
    file = tmp_path / "line.yaml"
    file.write_bytes(text.encode("gb18030"))
    page = admin_page
    open_list(page, LISTS[0])
    page.locator("#main [data-tool=bring_in]").click()
    window = page.get_by_role("dialog")
    chooser = window.get_by_label("选择文件")
    chooser.set_input_files(file)

    line_no = text[: text.index("产")].count("\n") + 1
    error = window.locator(".file-source .field-error")
    expect(error).to_contain_text(f"line.yaml 不是 UTF-8 编码：第 {line_no} 行")
    expect(window.get_by_label("文件内容")).to_have_value("")
    # An emptied chooser tells of the same file again; a browser is silent else.
    expect(chooser).to_have_value("")
    file.write_text(text, "utf-8")
    chooser.set_input_files(file)
    expect(window.get_by_label("文件内容")).to_have_value(text)
    expect(error).to_be_hidden()
    expect(window.locator(".file-names")).to_have_text("line.yaml")
    expect(chooser).to_have_value("")
    assert page.evaluate("bricks.untranslated()") == []


def test_a_published_pipeline_is_saved_for_other_programs(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a", "b")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "later")
    page = admin_page
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    page.locator(".pipeline-page [data-tool=export]").click()

    name, text = save(page, "export_workflow")
    assert name == f"{pipeline['code']}.workflow.yaml"
    assert "dsl:" in text
    assert "later" not in text
    name, text = save(page, "export_mermaid")
    assert (name, text.split()[0]) == (f"{pipeline['code']}.mmd", "flowchart")
    page.get_by_role("dialog").get_by_label("内容").select_option("draft")
    assert "later" in save(page, "export_json")[1]


def test_an_ended_session_asks_to_sign_in_and_saves_the_file(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a")
    page = admin_page
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    page.locator(".pipeline-page [data-tool=export]").click()
    window_in_front(page)
    page.context.clear_cookies()

    with page.expect_download() as download:
        page.locator("dialog [data-tool=export_json]").click()
        window = page.get_by_role("dialog").filter(has_text="会话已过期")
        window.get_by_label("密码").fill(PASSWORDS["admin"])
        window.get_by_role("button", name="登录").click()

    assert download.value.suggested_filename == f"{pipeline['code']}.json"


def test_a_pipeline_that_is_gone_meanwhile_is_told(
    server: Installation, admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "a")
    page = admin_page
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    page.locator(".pipeline-page [data-tool=export]").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_label("内容").locator("option")).to_have_text(["草稿"])
    ask(admin, "pipelines_delete", id=pipeline["id"])

    window.locator("[data-tool=export_json]").click()

    expect(page.get_by_role("alertdialog")).to_contain_text("没有")
