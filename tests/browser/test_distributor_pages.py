"""For a distributor, in the browser: a key, a statement."""

from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from pipeline_dist.accounts import keys
from tests.browser.row_tools import row_of, use_row_tool
from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back, void
from tests.support.selling import Reseller, make_distributor, make_pipeline, make_reseller, new_key


@pytest.fixture
def complaints(admin_page: Page) -> list[str]:
    """What the browser complained about, blocked scripts and styles among it."""
    result: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            result.append(message.text)

    admin_page.on("console", note)
    admin_page.on("pageerror", lambda error: result.append(str(error)))
    return result


def open_tool(page: Page, distributor: dict[str, Any], tool: str) -> None:
    """Use a tool on the distributor in the list."""
    page.goto("/pipeline_dist/distributors/")
    use_row_tool(row_of(page, distributor["code"]), tool)


def test_a_key_is_made_shown_once_and_works(
    server: Installation, admin_page: Page, complaints: list[str]
) -> None:
    distributor = make_distributor(server.admin)
    open_tool(admin_page, distributor, "generate_key")
    admin_page.locator("dialog button[data-tool=submit]").click()
    key_box = admin_page.locator("code[data-name=key]")
    expect(key_box).to_be_visible()
    key = key_box.inner_text()

    assert keys.is_well_formed(key)
    assert key in admin_page.locator("code[data-name=curl]").inner_text()
    me = Reseller(server, distributor, key).get("me")
    assert me.json()["code"] == distributor["code"]

    admin_page.reload()
    assert key not in admin_page.content()
    assert complaints == []


def test_a_rotation_within_the_grace_of_another_is_asked_about(
    server: Installation, admin_page: Page
) -> None:
    distributor = make_distributor(server.admin)
    new_key(server.admin, distributor)
    new_key(server.admin, distributor, grace_hours=5)
    open_tool(admin_page, distributor, "generate_key")
    dialog = admin_page.locator("dialog")
    dialog.locator("button[data-tool=submit]").click()
    field = dialog.locator("[data-field=end_previous]")
    expect(field).to_contain_text("请选择此项")

    field.get_by_role("checkbox").check()
    dialog.locator("button[data-tool=submit]").click()

    expect(admin_page.locator("code[data-name=key]")).to_be_visible()


def test_a_wrong_grace_period_is_told_at_its_field(server: Installation, admin_page: Page) -> None:
    open_tool(admin_page, make_distributor(server.admin), "generate_key")
    dialog = admin_page.locator("dialog")
    dialog.locator("input").first.fill("99999")
    dialog.locator("button[data-tool=submit]").click()

    expect(dialog.get_by_text("2160").last).to_be_visible()
    expect(admin_page.locator("code[data-name=key]")).to_have_count(0)


def test_a_statement_is_shown_in_words_and_lines(
    server: Installation, admin_page: Page, complaints: list[str]
) -> None:
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(server, pipeline)
    usage = [{"unit": "input_token", "quantity": 4_005_000}]
    assert reseller.begin(pipeline, status="succeeded", lines=usage).status_code == 201
    open_tool(admin_page, reseller.distributor, "statement")

    expect(admin_page.get_by_text("应付 4.01 USD")).to_be_visible()
    expect(admin_page.get_by_role("gridcell", name="input_token")).to_be_visible()
    assert complaints == []


def test_a_month_is_closed_in_the_list_of_statements(
    server: Installation, admin_page: Page, complaints: list[str]
) -> None:
    prices = [{"unit": "call", "unit_price": "0.125", "effective_from": LONG_AGO}]
    pipeline = make_pipeline(server.admin, prices=prices)
    reseller = make_reseller(server, pipeline)
    last = month_back(1)
    usage = [{"unit": "call", "quantity": 5}]
    book_in(server, last, reseller.distributor, pipeline, usage)
    admin_page.goto("/pipeline_dist/statements.ui")
    row = admin_page.locator("tbody tr").filter(has_text=reseller.distributor["code"])
    expect(row).to_contain_text("待关账")
    use_row_tool(row.first, "close_month")
    dialog = admin_page.locator("dialog")
    expect(dialog.locator("[data-field=month] input")).to_have_value(last)
    # Nothing reopens it: whose month it is must be seen.
    name = dialog.locator("[data-field=distributor] input")
    expect(name).to_have_value(reseller.distributor["name"])
    expect(name).not_to_be_editable()
    dialog.locator("button[data-tool=submit]").click()

    expect(row).to_contain_text("已关账")
    expect(row).to_contain_text(f"{last}-0001")
    with admin_page.expect_popup() as popup:
        use_row_tool(row.first, "print")
    expect(popup.value.get_by_role("heading", level=1)).to_have_text(f"账单 {last}-0001")
    assert complaints == []


@pytest.mark.parametrize("width", [390, 688])
def test_the_print_page_fits_the_paper_and_a_telephone(
    server: Installation, admin_page: Page, width: int
) -> None:
    """688 pixels are what A4 has between its margins."""
    prices = [{"unit": "call", "unit_price": "0.012345", "effective_from": LONG_AGO}]
    pipeline = make_pipeline(server.admin, name="a-long-name-of-a-line" * 4, prices=prices)
    reseller = make_reseller(server, pipeline)
    usage = [{"unit": "call", "quantity": 99_999_999_999}]
    call = book_in(server, month_back(2), reseller.distributor, pipeline, usage)
    close(server, reseller.distributor, month_back(2))
    void(server, call, "reason" * 20)
    book_in(server, month_back(1), reseller.distributor, pipeline, usage)
    admin_page.set_viewport_size({"width": width, "height": 900})
    if width == 688:
        admin_page.emulate_media(media="print")
    admin_page.goto(
        "/pipeline_dist/api/distributor_statement_page.dspy"
        f"?distributor_id={reseller.distributor['id']}&month={month_back(1)}"
    )
    outside = "" if width == 688 else ".filter(node => !node.closest('.wide'))"
    widths = admin_page.evaluate(
        f"[...document.querySelectorAll('body *')]{outside}"
        ".map(node => node.getBoundingClientRect().right)"
    )

    assert max(widths) <= width
