"""A price in force, edited in its list: the form asks from when, and shows what ended."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.row_tools import use_row_tool
from tests.support.installation import Installation
from tests.support.selling import make_pipeline

LIST = "/pipeline_ops/pipeline_pricing"


def prices_of(server: Installation, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return server.query(
        "select * from pipeline_pricing where pipeline_id = %s order by effective_from, created_at",
        pipeline["id"],
    )


def open_form(page: Page, pipeline: dict[str, Any]) -> Locator:
    page.goto(f"/#{LIST}?pipeline_id={pipeline['id']}")
    page.locator("#main tbody tr").first.dblclick()
    form = page.get_by_role("dialog").last
    expect(form.locator("[data-field=effective_to]")).to_be_visible()
    return form


def expect_no_form(page: Page) -> None:
    expect(page.get_by_role("dialog").filter(has=page.locator("[data-field]"))).to_have_count(0)


def test_the_form_asks_from_when(admin_page: Page, server: Installation) -> None:
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    form = open_form(admin_page, pipeline)

    form.locator("[data-field=unit_price] input").fill("2")
    form.locator("button[type=submit]").click()
    question = form.locator(".form-summary")
    expect(question.locator("[data-field=change_from]")).to_be_visible()
    question.locator("button.primary").click()
    expect_no_form(admin_page)

    old, new = prices_of(server, pipeline)
    assert (new["replaces"], new["unit_price"]) == (old["id"], 2)
    assert old["effective_to"] == new["effective_from"]


def test_a_later_start_typed_in_the_form_is_taken_over(
    admin_page: Page, server: Installation
) -> None:
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    form = open_form(admin_page, pipeline)

    form.locator("[data-field=effective_from] input").fill("2099-01-01T08:00:00")
    form.locator("[data-field=unit_price] input").fill("2")
    form.locator("button[type=submit]").click()
    question = form.locator(".form-summary")
    day = question.locator("[data-field=change_from] input[type=datetime-local]")
    expect(day).to_have_value("2099-01-01T08:00")
    day.press("Enter")
    expect_no_form(admin_page)

    old, new = prices_of(server, pipeline)
    assert new["effective_from"].year in (2098, 2099)
    assert old["effective_to"] == new["effective_from"]


def test_another_currency_is_asked_about(admin_page: Page, server: Installation) -> None:
    prices = [{"unit": "call", "unit_price": "1"}, {"unit": "image", "unit_price": "1"}]
    pipeline = make_pipeline(server.admin, prices=prices)
    admin_page.goto(f"/#{LIST}?pipeline_id={pipeline['id']}")
    admin_page.locator("#main [data-tool=add]").click()
    form = admin_page.get_by_role("dialog").last
    form.locator("[data-field=unit] input").fill("second")
    form.locator("[data-field=unit_price] input").fill("3")
    form.locator("[data-field=currency] input").fill("EUR")
    form.locator("button[type=submit]").click()
    question = form.locator(".form-summary")
    expect(question).to_contain_text("USD")
    question.locator("button.primary").click()
    expect_no_form(admin_page)

    assert [row["currency"] for row in prices_of(server, pipeline)].count("EUR") == 1


def test_deleting_it_ends_it_and_says_so(admin_page: Page, server: Installation) -> None:
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    admin_page.goto(f"/#{LIST}?pipeline_id={pipeline['id']}")
    use_row_tool(admin_page.locator("#main tbody tr").first, "delete")
    admin_page.get_by_role("alertdialog").locator("button.primary, button.danger").last.click()

    expect(admin_page.locator("#main tbody tr")).to_have_count(1)
    expect(admin_page.get_by_text("仍保留在列表中")).to_be_visible()
    (row,) = prices_of(server, pipeline)
    assert row["effective_to"] is not None
