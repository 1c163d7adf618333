"""The list of use with more than ten thousand records, in the application."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.every_page import IS_WHOLE, serious_problems
from tests.support.installation import Installation, write_config
from tests.support.large_ledger import fill_ledger

VIEW = quote(json.dumps({"c": ["call_no", "idempotency_key"]}))
USE = f"/#/pipeline_ops/pipeline_usage_log?_view={VIEW}"


@pytest.fixture(scope="module")
def server(database: Installation) -> Iterator[Installation]:
    """With a list that is long from so few rows on that a test can make them."""
    write_config(database.var_dir, list_free_rows=10_500)
    fill_ledger(database, 12_000)
    database.start(workers=1)
    yield database
    database.stop()
    write_config(database.var_dir)


def open_use(page: Page) -> None:
    page.goto(USE)
    expect(page.locator("#main tbody tr").first).to_be_visible()


def test_it_is_paged_to_its_end_and_says_so_in_both_languages(admin_page: Page) -> None:
    page = admin_page
    open_use(page)
    position = page.locator(".pager-position")
    expect(position).to_have_text("第 1–50 条，共 10,000 条以上")
    expect(page.locator(".table-hint")).to_contain_text("调用号或幂等键以所输入内容开头")
    page.get_by_role("button", name="最后一页").click()
    expect(position).to_have_text("倒数第 50–1 条，共 10,000 条以上")
    expect(page.locator("td[data-name=idempotency_key]").last).to_have_text("key-1")
    page.get_by_role("button", name="上一页").click()
    expect(page.locator("td[data-name=idempotency_key]").first).to_have_text("key-100")
    assert page.evaluate("bricks.untranslated()") == []
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    open_use(page)
    expect(position).to_have_text("1–50 of more than 10,000")
    page.get_by_role("searchbox").fill("key-77")
    expect(position).to_have_text("1–50 of 111")
    expect(page.locator("td[data-name=idempotency_key]").first).to_have_text("key-7799")
    assert page.evaluate("bricks.untranslated()") == []


@pytest.mark.parametrize("width", [1440, 390])
def test_everybody_can_read_it(admin_page: Page, width: int) -> None:
    page = admin_page
    page.emulate_media(reduced_motion="reduce")  # colours that fade in are judged when there
    page.set_viewport_size({"width": width, "height": 844})
    open_use(page)
    if width == 1440 or IS_WHOLE:
        assert serious_problems(page, other_theme=IS_WHOLE) == []
    expect(page.get_by_role("button", name="最后一页")).to_be_in_viewport(ratio=1)
