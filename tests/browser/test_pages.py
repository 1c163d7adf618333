"""The pages on the running server: sign-in, shell, the eight lists, both languages."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, expect

from app.runtime.processes import wait_until
from tests.browser.every_page import open_page
from tests.browser.row_tools import row_of, use_row_tool
from tests.support.installation import PASSWORDS, Installation

LISTS = (
    "/pipeline_core/pipelines",
    "/pipeline_core/pipeline_steps",
    "/pipeline_core/pipeline_versions",
    "/pipeline_ops/pipeline_pricing",
    "/pipeline_ops/pipeline_capacity",
    "/pipeline_ops/pipeline_usage_log",
    "/pipeline_dist/distributors",
    "/pipeline_dist/distributor_pipeline",
)
HOSTILE = "<img src=x onerror=window.hacked=1>{{7*7}}${id}$"


@pytest.fixture(autouse=True)
def _no_faults(page: Page, admin_page: Page) -> Iterator[None]:
    """No page may throw, nor break its own Content-Security-Policy."""
    faults: list[str] = []
    for one in (page, admin_page):
        one.on("pageerror", lambda error: faults.append(str(error)))
        one.on(
            "console",
            lambda message: (
                faults.append(message.text) if "Content Security" in message.text else None
            ),
        )
    yield
    assert faults == []


def open_list(page: Page, address: str) -> None:
    page.goto(f"/#{address}")
    expect(page.locator(f'a[data-url="{address}"]')).to_have_attribute("aria-current", "page")
    expect(page.locator("#main .tabular")).to_be_visible()
    expect(page.locator("#main [aria-busy=true], #main[aria-busy=true]")).to_have_count(0)


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label(re.compile("用户名|User name")).fill(name)
    page.get_by_label(re.compile("密码|Password")).fill(password)
    page.get_by_role("button", name=re.compile("^(登录|Sign in)$")).click()


def test_signing_in_leads_back_to_where_one_was(page: Page) -> None:
    page.goto("/#/pipeline_ops/pipeline_pricing")
    expect(page.get_by_role("heading", name="产线平台")).to_be_visible()
    sign_in(page, "admin", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码错误")
    expect(page.get_by_label("密码")).to_have_value("")
    sign_in(page, "admin", PASSWORDS["admin"])
    expect(page.locator("#main .tabular")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/#/pipeline_ops/pipeline_pricing$"))
    expect(page.locator(".user-name")).to_have_text("admin")
    page.get_by_role("button", name="当前用户").click()
    page.get_by_role("button", name="退出登录", exact=True).click()
    expect(page).to_have_url(re.compile(r"/login\.ui"))
    page.goto("/")
    expect(page.get_by_label("密码")).to_be_visible()


def test_every_list_opens_in_both_languages_with_nothing_untranslated(admin_page: Page) -> None:
    for language in ("zh", "en"):
        for address in LISTS:
            open_list(admin_page, address)
            expect(admin_page.locator("html")).to_have_attribute(
                "lang", "zh-CN" if language == "zh" else "en"
            )
            expect(admin_page.locator("#main thead th").nth(3)).to_be_visible()
            add = admin_page.locator("#main [data-tool=add]")
            if add.count():
                add.click()
                expect(admin_page.get_by_role("dialog")).to_be_visible()
                admin_page.keyboard.press("Escape")
                expect(admin_page.get_by_role("dialog")).to_have_count(0)
        assert admin_page.evaluate("bricks.untranslated()") == []
        if language == "zh":
            admin_page.get_by_role("button", name="English").click()
            expect(admin_page.get_by_role("button", name="中文")).to_be_visible()


def test_a_list_opened_by_its_own_address_stands_in_the_shell(admin_page: Page) -> None:
    admin_page.goto("/pipeline_core/pipelines")
    expect(admin_page.locator("#main .tabular")).to_be_visible()
    expect(admin_page).to_have_url(re.compile(r"/#/pipeline_core/pipelines$"))


def test_records_are_made_changed_found_and_deleted(admin_page: Page) -> None:
    page = admin_page
    open_list(page, LISTS[0])
    for code, name in (("alpha", HOSTILE), ("beta", "第二条产线 😀")):
        page.locator("#main [data-tool=add]").click()
        page.get_by_label("产线代码").fill(code)
        page.get_by_label("产线名称").fill(name)
        page.get_by_role("button", name="保存").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("gridcell", name=HOSTILE)).to_be_visible()
    assert page.evaluate("window.hacked") is None
    # The server's word stands at the field.
    page.locator("#main [data-tool=add]").click()
    page.get_by_label("产线代码").fill("alpha")
    page.get_by_label("产线名称").fill("again")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("[data-field=code]").get_by_role("alert")).not_to_be_empty()
    page.keyboard.press("Escape")
    page.get_by_role("alertdialog").get_by_role("button", name="关闭").last.click()
    use_row_tool(row_of(page, "beta"), "update")
    page.get_by_label("说明").fill("changed")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="筛选").click()
    page.locator(".filter-row select").first.select_option("code")
    page.get_by_label("值").fill("alph")
    page.get_by_role("button", name="应用").click()
    expect(page.locator(".pager-position")).to_have_text("第 1–1 条，共 1 条")
    page.get_by_role("button", name="清空").click()
    use_row_tool(row_of(page, "beta"), "delete")
    page.get_by_role("alertdialog").get_by_role("button", name="删除").click()
    expect(page.locator(".pager-position")).to_have_text("第 1–1 条，共 1 条")


def test_an_order_of_columns_stands_in_the_address_and_in_a_view(admin_page: Page) -> None:
    page = admin_page
    open_list(page, "/pipeline_dist/distributors")
    first = page.locator("#main thead th .sort-button").first
    expect(first).to_have_text("分销商名称")
    page.locator("#main [data-tool=columns]").click()
    page.locator(".column-row[data-name=code] .move-up").click()
    page.keyboard.press("Escape")
    expect(first).to_have_text("分销商代码")
    expect(page).to_have_url(re.compile("_view="))
    view = parse_qs(page.url.partition("?")[2])["_view"][0]
    assert json.loads(view)["c"][:2] == ["code", "name"]
    page.locator("#main [data-tool=views]").click()
    page.get_by_label("视图名称").fill("代码在前")
    page.keyboard.press("Enter")

    address = str(page.evaluate("location.href"))
    page.locator("#main [data-tool=columns]").click()
    page.get_by_role("button", name="恢复初始").click()
    page.keyboard.press("Escape")
    expect(first).to_have_text("分销商名称")
    expect(page).not_to_have_url(re.compile("_view="))
    page.locator("#main [data-tool=views]").click()
    page.get_by_role("button", name="代码在前", exact=True).click()
    expect(first).to_have_text("分销商代码")
    page.evaluate("localStorage.clear()")  # as another browser that is given the address
    page.goto("about:blank")
    page.goto(address)
    expect(first).to_have_text("分销商代码")


def test_every_kind_of_column_has_its_input(admin_page: Page, server: Installation) -> None:
    """Exact amounts, shares, moments, JSON, and a drop-down to search in when there are many."""
    page = admin_page
    for number in range(13):
        answer = server.admin.post(
            "/pipeline_core/api/pipelines_create.dspy",
            json={"code": f"many-{number}", "name": f"第 {number} 条"},
        )
        assert answer.status_code == 200, answer.text
    open_list(page, "/pipeline_ops/pipeline_pricing")
    page.locator("#main [data-tool=add]").click()
    form = page.get_by_role("dialog")
    form.locator("[data-field=pipeline_id] input[role=combobox]").fill("第 12")
    page.get_by_role("option", name="第 12 条").click()
    form.get_by_label("计量单位").fill("call")
    form.locator("[data-field=unit_price] input").fill("0.1234567")
    expect(form.locator("[data-field=effective_from] input")).to_have_attribute(
        "type", "datetime-local"
    )
    expect(form.locator("[data-field=effective_from]")).to_contain_text("UTC")
    form.get_by_role("button", name="保存").click()
    expect(form.locator("[data-field=unit_price]").get_by_role("alert")).to_contain_text("6")
    form.locator("[data-field=unit_price] input").fill("0.123456")
    form.get_by_role("button", name="保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("gridcell", name="0.123456")).to_be_visible()

    open_list(page, "/pipeline_dist/distributor_pipeline")
    page.locator("#main [data-tool=add]").click()
    form = page.get_by_role("dialog")
    expect(form.locator("[data-field=discount_rate]")).to_contain_text("%")
    page.keyboard.press("Escape")
    open_list(page, "/pipeline_core/pipeline_steps")
    page.locator("#main [data-tool=add]").click()
    form = page.get_by_role("dialog")
    form.locator("[data-field=config] textarea").fill("[{")
    form.get_by_role("button", name="保存").click()
    expect(form.locator("[data-field=config]").get_by_role("alert")).to_contain_text("JSON")
    page.keyboard.press("Escape")
    page.get_by_role("alertdialog").get_by_role("button", name="关闭").last.click()


def test_a_pipeline_opens_its_steps(admin_page: Page) -> None:
    page = admin_page
    open_list(page, LISTS[0])
    use_row_tool(row_of(page, "alpha"), "pipeline_steps")
    window = page.get_by_role("dialog", name="步骤")
    expect(window.locator(".table-note")).to_contain_text("还没有记录")
    window.locator("[data-tool=add]").click()
    form = page.get_by_role("dialog").last
    form.get_by_label("步骤代码").fill("ask")
    form.get_by_label("步骤名称").fill("提问")
    form.get_by_label("模型").last.fill("m1")
    form.get_by_label("配置").fill("{broken")
    form.get_by_role("button", name="保存").click()
    expect(form.locator("[data-field=config]").get_by_role("alert")).to_contain_text("JSON")
    form.get_by_label("配置").fill("{}")
    form.get_by_role("button", name="保存").click()
    expect(window.get_by_role("gridcell", name="ask")).to_be_visible()


def test_an_ended_session_asks_once_and_goes_on(admin_page: Page) -> None:
    page = admin_page
    open_list(page, LISTS[0])
    page.context.clear_cookies()
    page.get_by_role("button", name="刷新").click()
    window = page.get_by_role("dialog")
    expect(window).to_contain_text("会话已过期")
    window.get_by_label("密码").fill(PASSWORDS["admin"])
    window.get_by_role("button", name="登录").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("gridcell", name="alpha")).to_be_visible()


def test_refusals_stand_in_the_place_of_the_page(admin_page: Page) -> None:
    admin_page.goto("/#/pipeline_core/nowhere.ui")
    expect(admin_page.locator(".error-page")).to_be_visible()
    admin_page.get_by_role("link", name="返回首页").click()
    expect(admin_page.get_by_role("heading", name="总览")).to_be_visible()


def test_a_narrow_screen_has_a_drawer_and_no_sideways_scrolling(
    browser: Browser, server: Installation, admin_page: Page
) -> None:
    admin_page.set_viewport_size({"width": 390, "height": 844})
    open_list(admin_page, LISTS[0])
    admin_page.get_by_role("button", name="菜单").click()
    admin_page.get_by_role("link", name="分销商", exact=True).click()
    expect(admin_page.locator('a[data-url="/pipeline_dist/distributors"]')).to_be_hidden()
    for address in ("/dashboard.ui", *LISTS):
        open_page(admin_page, address)
        assert admin_page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_theme_is_kept(admin_page: Page) -> None:
    open_list(admin_page, LISTS[0])
    for _ in range(2):
        admin_page.locator("[data-name=theme]").click()
    admin_page.reload()
    expect(admin_page.locator("html")).to_have_attribute("data-theme", "dark")
    ground = admin_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(15, 20, 29)"


def test_signing_out_on_all_devices_ends_the_other_sessions(
    admin_page: Page, server: Installation
) -> None:
    other = server.sign_in("admin")
    open_list(admin_page, LISTS[0])
    admin_page.get_by_role("button", name="当前用户").click()
    admin_page.get_by_role("button", name="在所有设备上退出登录").click()
    expect(admin_page).to_have_url(re.compile(r"/login\.ui"))
    # Another worker may remember a session for five seconds.
    assert wait_until(lambda: other.get("/appbase/get_code.dspy").status_code == 401, 60)
