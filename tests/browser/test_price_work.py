"""Work with prices: from when, whom it reaches, discounts, own prices, many at once, a copy."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.row_tools import use_row_tool
from tests.support.installation import Installation
from tests.support.selling import link, make_distributor, make_pipeline, make_reseller

PRICES = "/pipeline_ops/pipeline_pricing"
LINKS = "/pipeline_dist/distributor_pipeline"


def prices_of(server: Installation, pipeline: dict[str, Any], owner: str = "") -> list[Any]:
    """(unit, amount, begins later than it was made, has an end) of each price."""
    rows = server.query(
        "select unit, coalesce(unit_price, package_price) as amount, effective_to,"
        " effective_from > created_at + interval 1 second as later from pipeline_pricing"
        " where pipeline_id = %s and distributor_id = %s order by unit, effective_from",
        pipeline["id"], owner,
    )  # fmt: skip
    return [(row["unit"], float(row["amount"]), bool(row["later"]), row["effective_to"] is not None)
            for row in rows]  # fmt: skip


def last_dialog(page: Page) -> Locator:
    return page.get_by_role("dialog").last


def fill_in(form: Locator, **values: str) -> None:
    for name, value in values.items():
        form.locator(f"[data-field={name}] input").fill(value)


def expect_prices(server: Installation, page: Page, pipeline: Any, *rows: Any) -> None:
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert prices_of(server, pipeline) == list(rows)


@pytest.fixture
def sold(server: Installation) -> tuple[dict[str, Any], dict[str, Any]]:
    """A pipeline, and a distributor that has called it once: 2 calls at 10."""
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "10"}])
    reseller = make_reseller(server, pipeline)
    lines = [{"unit": "call", "quantity": 2}]
    assert reseller.begin(pipeline, status="succeeded", lines=lines).status_code == 201
    return pipeline, reseller.distributor


def test_a_cell_asks_from_when_and_says_whom_it_reaches(
    admin_page: Page, server: Installation, sold: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    page, (pipeline, distributor) = admin_page, sold
    page.goto(f"/#{PRICES}?pipeline_id={pipeline['id']}")
    cell = page.locator("#main tbody tr").first.locator("td[data-name=unit_price]")
    cell.evaluate("cell => { cell.tabIndex = -1; cell.focus(); }")
    page.keyboard.press("F2")
    cell.locator("input").fill("12.5")
    page.keyboard.press("Enter")

    question = last_dialog(page)
    expect(question.get_by_label("自下月 1 日起")).to_be_checked()
    expect(question.get_by_text(re.compile("该月没有调用按此价格计费"))).to_be_visible()
    # Another time that is not said is no "at once".
    question.locator("input[type=datetime-local]").fill("")
    question.get_by_role("button", name="从该时起生效并保存").click()
    expect(question.locator(".when-choice .field-error")).to_be_visible()
    question.get_by_label("自下月 1 日起").check()
    question.locator(".price-impact select").select_option(index=1)
    impact = question.locator(".price-impact table")
    expect(impact).to_contain_text(distributor["name"])
    expect(impact.locator("tfoot tr")).to_contain_text(re.compile(r"1\s*20\s*25\s*\+5 USD"))
    question.get_by_role("button", name="从该时起生效并保存").click()

    expect(page.locator("#main tbody tr")).to_have_count(2)
    expect_prices(server, page, pipeline, ("call", 10, False, True), ("call", 12.5, True, False))


def test_the_form_shows_what_the_type_needs(admin_page: Page, server: Installation) -> None:
    page = admin_page
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    page.goto(f"/#{PRICES}?pipeline_id={pipeline['id']}")
    page.locator("#main [data-tool=add]").click()
    form = last_dialog(page)
    expect(form.locator("[data-field=unit_price]")).to_be_visible()
    expect(form.locator("[data-field=package_price]")).to_be_hidden()
    fill_in(form, unit="input_token", unit_price="7.2", unit_size="1000000", currency="USD")
    expect(form.locator("[data-field=unit_size] .field-note")).to_have_text(
        "1,000 input_token = 0.0072 USD · 1,000,000 input_token = 7.2 USD"
    )
    for name, offer in (("step_key", "answer"), ("model", "claude-haiku-4-5"), ("unit", "second")):
        form.locator(f"[data-field={name}] input").focus()
        options = form.locator(f"[data-field={name}] datalist option[value='{offer}']")
        expect(options).to_have_count(1)

    # What does not apply is neither checked nor sent.
    form.locator("[data-field=pricing_type] select").select_option("package")
    expect(form.locator("[data-field=unit_price]")).to_be_hidden()
    fill_in(form, unit="image", step_key="nosuchstep", package_size="100", package_price="25")
    expect(form.locator("[data-field=package_price] .field-note")).to_contain_text(
        "1 image = 0.25 USD"
    )
    form.locator("button[type=submit]").click()
    question = form.locator(".form-question")
    expect(question).to_contain_text("nosuchstep")
    assert len(prices_of(server, pipeline)) == 1
    fill_in(form, step_key="answer")
    form.locator("button[type=submit]").click()

    expect_prices(server, page, pipeline, ("call", 1, False, False), ("image", 25, False, False))


def test_a_discount_is_shown_in_one_notation_and_asked_about(
    admin_page: Page, server: Installation, sold: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    page, (pipeline, distributor) = admin_page, sold
    page.goto(f"/#{LINKS}?distributor_id={distributor['id']}")
    use_row_tool(page.locator("#main tbody tr").first, "update")
    form = last_dialog(page)
    expect(form.locator("[data-field=discount_rate]")).to_be_hidden()
    form.locator("[data-field=pricing_mode] select").select_option("discount")
    note = form.locator("[data-field=discount_rate] .field-note")
    fill_in(form, discount_rate="8.5折")
    expect(note).to_contain_text("85%（8.5 折）")
    expect(note).to_contain_text("call: 10 → 8.5 USD")
    fill_in(form, discount_rate="0.85")
    expect(note).to_contain_text("10 → 0.085 USD")
    form.locator("button[type=submit]").click()
    question = form.locator(".form-question")
    expect(question).to_contain_text("0.85%（0.085 折）：是否想填 85%（8.5 折）")
    question.get_by_role("button", name="改为该值").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("gridcell", name="85%（8.5 折）")).to_be_visible()
    (row,) = server.query(
        "select discount_rate from distributor_pipeline where distributor_id = %s",
        distributor["id"],
    )
    assert str(row["discount_rate"]) == "0.8500"
    page.goto(f"/#/pipeline_dist/distributor.ui?id={distributor['id']}&tab=lines")
    expect(page.locator(f"[data-pipeline={pipeline['code']}]")).to_contain_text("85%（8.5 折）")


def test_own_prices_are_rows_beside_the_price_of_the_line(
    admin_page: Page, server: Installation
) -> None:
    page = admin_page
    pipeline = make_pipeline(
        server.admin,
        prices=[{"unit": "call", "unit_price": "10"}, {"unit": "image", "unit_price": "4"}],
    )
    distributor = make_distributor(server.admin)
    discount = {"pricing_mode": "discount", "discount_rate": "0.5"}
    link(server.admin, distributor, pipeline, **discount)
    page.goto(f"/#/pipeline_dist/distributor.ui?id={distributor['id']}&tab=lines")
    page.locator("#main [data-tool=own_prices]").click()
    window = last_dialog(page)
    row = window.locator("tbody tr").filter(has_text="call")
    expect(row).to_contain_text("50%（5 折） → 5 USD")
    row.locator("[data-name=price]").fill("3.5")
    window.locator("[data-tool=add_own_price]").click()
    more = window.locator("tbody tr").last
    more.locator("[data-name=unit]").fill("second")
    window.get_by_label("立即").check()
    window.get_by_role("button", name="保存").click()
    expect(window.locator(".field-error:visible")).to_have_count(1)
    more.locator("[data-name=price]").fill("0.25")
    more.locator("[data-name=size]").fill("60")
    window.get_by_role("button", name="保存").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(f"[data-pipeline={pipeline['code']}]")).to_contain_text("3.50 USD")
    assert prices_of(server, pipeline, distributor["id"]) == [
        ("call", 3.5, False, False), ("second", 0.25, False, False),
    ]  # fmt: skip

    # From the list of links, and from next month on: the one is changed, the other ends.
    page.goto(f"/#{LINKS}?distributor_id={distributor['id']}")
    use_row_tool(page.locator("#main tbody tr").first, "own_prices")
    window = last_dialog(page)
    window.locator("tbody tr").filter(has_text="call").locator("[data-name=price]").fill("4")
    window.locator("tbody tr").filter(has_text="second").get_by_role("button").click()
    window.get_by_role("button", name="保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert prices_of(server, pipeline, distributor["id"]) == [
        ("call", 3.5, False, True), ("call", 4, True, False), ("second", 0.25, False, True),
    ]  # fmt: skip


def test_many_are_changed_by_a_percentage(
    admin_page: Page, server: Installation, sold: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    page, (pipeline, distributor) = admin_page, sold
    server.admin.post(
        "/pipeline_ops/api/pipeline_pricing_create.dspy",
        json={"pipeline_id": pipeline["id"], "unit": "image", "unit_price": "1.11",
              "currency": "USD"},
    )  # fmt: skip
    page.goto(f"/#{PRICES}?pipeline_id={pipeline['id']}")
    rows = page.locator("#main tbody tr")
    expect(rows).to_have_count(2)
    for number in range(2):
        rows.nth(number).locator("input[type=checkbox]").first.check()
    page.get_by_role("button", name="按百分比调价").click()
    window = last_dialog(page)
    window.locator("select").first.select_option("2")
    table = window.locator(".plain-table").first
    expect(table).to_contain_text("10.50 USD")
    expect(table).to_contain_text("1.17* USD")
    expect(window).to_contain_text("四舍五入到小数点后 2 位")
    window.locator(".price-impact select").select_option(index=1)
    expect(window.locator(".price-impact table")).to_contain_text(distributor["name"])
    save = window.get_by_role("button", name="从该时起生效并保存")

    # What is typed, and is not tried yet, cannot be saved; nor what would be free.
    expect(save).to_be_enabled()
    window.get_by_label("调整幅度").press_sequentially("0")
    expect(save).to_be_disabled()
    window.get_by_label("调整幅度").fill("5")
    window.locator("select").first.select_option("0")
    expect(window.get_by_role("alert").first).to_contain_text("image：1.11")
    expect(save).to_be_disabled()
    # A day that is to be said and is not: nothing is sent, and it is said at the field.
    window.get_by_label("指定时间").check()
    day = window.locator("input[type=datetime-local]")
    day.fill("")
    window.locator("select").first.select_option("2")
    expect(window.locator(".when-choice .field-error")).to_have_text("请填写日期和时间。")
    expect(save).to_be_disabled()
    window.get_by_label("自下月 1 日起").check()
    expect(window.locator(".when-choice .field-error")).to_be_hidden()
    save.click()

    expect(rows).to_have_count(4)
    expect_prices(
        server, page, pipeline,
        ("call", 10, False, True), ("call", 10.5, True, False),
        ("image", 1.11, False, True), ("image", 1.17, True, False),
    )  # fmt: skip


def test_prices_are_copied_to_another_line(
    admin_page: Page, server: Installation, sold: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    page, (pipeline, _) = admin_page, sold
    other = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}&tab=prices")
    page.locator("#main [data-tool=copy_prices]").click()
    window = last_dialog(page)
    field = window.locator("[data-field=to_pipeline_id]")
    field.locator("input").fill(other["name"])
    page.get_by_role("option", name=other["name"]).click()
    expect(window.locator(".plain-table")).to_contain_text("接替原价")
    window.locator("input[type=datetime-local]").fill("")
    window.locator("button[type=submit]").click()
    expect(window.locator(".when-choice .field-error")).to_be_visible()
    window.get_by_label("自下月 1 日起").check()
    window.locator("button[type=submit]").click()

    expect_prices(server, page, other, ("call", 1, False, True), ("call", 10, True, False))
