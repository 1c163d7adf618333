"""Statements from the list to paper: months with data, sums, links to calls, closing, files."""

import re
from email import message_from_bytes
from email.policy import default

import pytest
from playwright.sync_api import Page, expect

from tests.browser.every_page import open_page, settle
from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back, void
from tests.support.pdf import pdf_pages
from tests.support.selling import make_pipeline, make_reseller, post

MODELS = 60
API = "/pipeline_dist/api/"


class Sold:
    """A distributor with three months: one closed, one over with a correction of it and a line for
    each of many models, one that runs with an adjustment."""

    def __init__(self, server: Installation) -> None:
        price = {"unit": "call", "unit_price": "0.5", "effective_from": LONG_AGO}
        pipeline = self.pipeline = make_pipeline(server.admin, name="短剧生产线", prices=[price])
        self.reseller = make_reseller(server, pipeline, email="books@example.com")
        self.distributor = self.reseller.distributor
        self.oldest, self.last = month_back(2), month_back(1)
        one = {"unit": "call", "quantity": "1"}
        call = book_in(server, self.oldest, self.distributor, pipeline, [one | {"quantity": 40}])
        self.number = close(server, self.distributor, self.oldest)["number"]
        void(server, call, "wrong customer")
        lines = [one | {"model": f"model-{number}"} for number in range(MODELS)]
        book_in(server, self.last, self.distributor, pipeline, lines)
        post(server.admin, f"{API}distributor_adjust.dspy", distributor_id=self.distributor["id"],
             amount="-1.5", reason="goodwill")  # fmt: skip

    def address(self, month: str = "") -> str:
        """The address of the statement's tab."""
        of_month = f"&month={month}" if month else ""
        return f"/pipeline_dist/distributor.ui?id={self.distributor['id']}&tab=statement{of_month}"


@pytest.fixture(scope="module")
def sold(server: Installation) -> Sold:
    return Sold(server)


def test_from_the_list_to_a_statement_with_its_sums_and_calls(admin_page: Page, sold: Sold) -> None:
    page = admin_page
    open_page(page, "/pipeline_dist/statements.ui")
    row = page.get_by_role("row").filter(has_text=sold.distributor["name"])
    row.filter(has_text="待关账").dblclick()

    month = page.locator("select[data-name=month]")
    expect(month).to_have_value(sold.last)
    # Months with something in them only, each with what has become of it.
    options = month.locator("option").all_inner_texts()
    assert [text.split(" · ")[0] for text in options][-2:] == [sold.last, sold.oldest]
    assert len(options) <= 3
    assert options[-1].endswith(f"已关账 · {sold.number}")
    due = page.locator(".quote-total")
    expect(due).to_contain_text("尚未关账")
    # 60 lines of 0.50 less the 20.00 of the voided call.
    expect(due).to_contain_text("应付 10.00 USD")
    expect(page.locator("tfoot").first).to_contain_text("30.00")
    expect(page.locator(".statement-sums")).to_contain_text("-20.00 USD")
    # The month before had 20.00.
    expect(due).to_contain_text(f"▼ 50% 较上月 {sold.oldest}")
    expect(page.locator(".page-card").last).to_contain_text("+10.00 ▲ 50%")

    model = page.get_by_role("cell", name="model-7", exact=True)
    page.get_by_role("row").filter(has=model).get_by_role("link").last.click()
    expect(page.locator(".call-row")).to_have_count(1)
    expect(page.get_by_text("model-7").first).to_be_visible()


def test_what_a_statement_is_kept_and_sent_as(admin_page: Page, sold: Sold) -> None:
    page = admin_page
    open_page(page, sold.address(sold.oldest))
    with page.expect_download() as download:
        page.locator("[data-tool=statement_csv]").click()
    text = download.value.path().read_bytes().decode()
    assert text.startswith("\ufeff类别,产线,名称,")
    assert ",已关账," in text
    assert sold.number in text
    assert "0.5000" not in text

    page.locator("[data-tool=statement_mail]").click()
    expect(page.get_by_label("收件人")).to_have_value("books@example.com")
    with page.expect_download() as download:
        page.locator("[data-tool=mail_draft]").click()
    assert download.value.suggested_filename == f"statement-{sold.number}.eml"
    mail = message_from_bytes(download.value.path().read_bytes(), policy=default)
    assert (mail["To"], mail["X-Unsent"]) == ("books@example.com", "1")
    names = [part.get_filename() for part in mail.iter_attachments()]
    assert names == [f"statement-{sold.number}.html", f"statement-{sold.number}.xlsx"]


def test_a_statement_on_paper(admin_page: Page, sold: Sold) -> None:
    """Printed by Chromium, as the reader's dialog does it."""
    page = admin_page
    page.context.add_init_script("window.print = () => { window.printed = true }")
    open_page(page, sold.address(sold.last))
    with page.expect_popup() as popup:
        page.locator("[data-tool=statement_print]").click()
    paper = popup.value
    paper.wait_for_function("window.printed === true")
    pages = pdf_pages(paper.pdf(prefer_css_page_size=True))

    assert len(pages) >= 2
    for number, text in enumerate(pages, 1):
        # 页 has its glyph in common with a radical, and a PDF may call it that.
        assert re.search(rf"第{number}[页⻚]，共{len(pages)}[页⻚]", re.sub(r"\s", "", text)), text
        assert f"账单 {sold.last}" in text.replace("\n", "")
    everything = "".join(pages)
    assert all(f"model-{number}\n" in everything for number in range(MODELS))
    assert "wrong customer" in everything
    assert "10.00 USD" in pages[-1]


def test_pages_on_paper_have_no_frame_and_whole_tables(admin_page: Page, sold: Sold) -> None:
    page = admin_page
    whose = f"distributor_id={sold.distributor['id']}"
    for address, words in {
        sold.address(sold.last): ["model-59", "10.00 USD", "wrong customer"],
        "/pipeline_dist/statements.ui": [sold.number, "已关账"],
        f"/pipeline_ops/calls.ui?period=all&{whose}": ["30.00"],
        "/pipeline_dist/distributors": [sold.distributor["code"]],
    }.items():
        open_page(page, address)
        page.emulate_media(media="print")
        frame = page.locator(".top-bar, .shell-menu, .toolbar, .pager-steps")
        assert [one for one in frame.all() if one.is_visible()] == [], address
        overflows = page.evaluate(
            "[...document.querySelectorAll('main th, main td')].filter(cell =>"
            " cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1)"
            ".map(cell => cell.textContent)"
        )
        assert overflows == [], address
        text = "".join(pdf_pages(page.pdf(prefer_css_page_size=True)))
        assert [word for word in words if word not in text.replace("\n", "")] == [], address
        page.emulate_media(media="screen")


def test_adjusted_and_closed_from_its_page(
    admin_page: Page, server: Installation, sold: Sold
) -> None:
    page = admin_page
    open_page(page, sold.address(month_back(0)))
    expect(page.locator("[data-tool=statement_close]")).to_have_count(0)
    open_page(page, sold.address(sold.last))
    page.locator("[data-tool=statement_close]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="月份")).to_have_value(sold.last)
    dialog.locator("button[data-tool=submit]").click()
    expect(page.locator(".quote-total")).to_contain_text("已关账")
    expect(page.locator(".facts")).to_contain_text(f"{sold.last}-0001")
    settle(page)

    page.locator("[data-tool=adjust]").click()
    dialog.locator("[data-field=amount] input").fill("2.5")
    dialog.locator("[data-field=reason] input").fill("late fee")
    dialog.locator("button[data-tool=submit]").click()
    expect(dialog).to_have_count(0)
    page.locator("select[data-name=month]").select_option(month_back(0))
    expect(page.get_by_role("row").filter(has_text="late fee")).to_contain_text("2.50")
