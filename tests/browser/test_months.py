"""The months of a distributor's use and statement: late answers, failures, work by keyboard."""

import threading
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Reply, Request

DAYS = {"first": "2026-10-27", "last": "2026-11-25"}


def statement(request: Request) -> Any:
    """Each month costs its own number."""
    month = request.params["month"]
    return {"data": {
        "total": str(int(month[5:])), "currency": "USD", "calls": 1, "running": 0, "number": None,
        "status": "open", "corrections": [], "adjustments": [],
        "from": f"{month}-01T00:00:00Z", "to": f"{month}-28T00:00:00Z", "lines": [],
        "month": month, "time_zone": "UTC", "closed_at": None, "amount": "1", "lines_amount": "1",
        "corrections_amount": "0", "adjustments_amount": "0",
    }}  # fmt: skip


MONTHS = {"total": 4, "rows": [
    {"month": f"2026-{number:02d}", "state": "open", "number": None} for number in (11, 10, 9, 8)
]}  # fmt: skip


def usage(request: Request) -> Any:
    """Two days with calls, one line named after the time that was asked for."""
    first = request.params["from"]
    row = {"currency": "USD", "calls": 3, "failed": 0, "amount": "1"}
    groups = {
        "day": [{"group": f"{first[:8]}0{n}", **row} for n in (3, 4)],
        "pipeline": [{"group": "l", "pipeline_id": "l", "name": f"line of {first}", **row}],
        "model": [],
    }  # fmt: skip
    return {"data": {"groups": groups[request.params["group_by"]]}}


@pytest.fixture(autouse=True)
def _distributor(bench: Bench) -> None:
    api = "/pipeline_dist/api/distributor_"
    record = {"id": "d", "name": "A distributor", "code": "d", "status": "active"}
    bench.answers |= {
        f"{api}overview.dspy": {"data": {"distributor": record, "days": DAYS}},
        "/pipeline_dist/api/statement_list.dspy": MONTHS,
        f"{api}statement.dspy": statement, f"{api}usage.dspy": usage,
    }  # fmt: skip


def open_tab(look: Page, bench: Bench, tab: str) -> None:
    bench.page = {"widgettype": "DistributorPage", "options": {"distributor_id": "d"}}
    look.goto(f"/page#/distributor.ui?tab={tab}")
    expect(look.get_by_label("Month")).to_have_value("2026-11")
    expect(
        look.get_by_text(
            "To be paid" if tab == "statement" else "line of 2026-11", exact=tab == "statement"
        )
    ).to_be_visible()


def late(bench: Bench, address: str, name: str, value: str) -> threading.Event:
    """Answer that value of a parameter only when the event is set."""
    answer, may_come = bench.answers[address], bench.gate()

    def slow(request: Request) -> Any:
        if request.params.get(name) == value:
            may_come.wait()
        return answer(request)

    bench.answers[address] = slow
    return may_come


def test_a_late_statement_is_not_shown_under_another_month(look: Page, bench: Bench) -> None:
    open_tab(look, bench, "statement")
    may_come = late(bench, "/pipeline_dist/api/distributor_statement.dspy", "month", "2026-08")
    with look.expect_request("**/distributor_statement.dspy?*month=2026-08*") as request:
        look.get_by_label("Month").select_option("2026-08")
    look.get_by_label("Month").select_option("2026-09")
    expect(look.get_by_text("To be paid 9 USD")).to_be_visible()
    may_come.set()
    assert request.value.response() is not None
    settle(look)

    expect(look.get_by_text("To be paid 9 USD")).to_be_visible()
    expect(look.get_by_label("Month")).to_have_value("2026-09")
    expect(look.locator("[data-tool=statement_csv]")).to_have_attribute(
        "href", "/pipeline_dist/api/distributor_statement_file.dspy?"
        "distributor_id=d&month=2026-09&format=csv&_lang=en",
    )  # fmt: skip


def test_late_usage_is_not_shown_under_another_month(look: Page, bench: Bench) -> None:
    open_tab(look, bench, "usage")
    may_come = late(bench, "/pipeline_dist/api/distributor_usage.dspy", "from", "2026-08-01")
    with look.expect_request("**/distributor_usage.dspy?*from=2026-08-01*") as request:
        look.get_by_label("Month").select_option("2026-08")
    look.get_by_label("Month").select_option("2026-09")
    expect(look.get_by_text("line of 2026-09-01")).to_be_visible()
    may_come.set()
    assert request.value.response() is not None
    settle(look)

    expect(look.get_by_text("line of 2026-09-01")).to_be_visible()
    expect(look.locator('.chart-bar[data-key="2026-09-03"]')).to_be_visible()


@pytest.mark.parametrize("tab", ["statement", "usage"])
def test_the_months_are_gone_through_by_keyboard(look: Page, bench: Bench, tab: str) -> None:
    open_tab(look, bench, tab)
    look.get_by_label("Month").focus()
    for month in ("2026-10", "2026-09"):
        look.keyboard.press("ArrowDown")
        expect(look.get_by_label("Month")).to_have_value(month)
        text = "To be paid" if tab == "statement" else f"line of {month}"
        expect(look.get_by_text(text, exact=tab == "statement")).to_be_visible()
        expect(look.get_by_label("Month")).to_be_focused()


@pytest.mark.parametrize("tab", ["statement", "usage"])
def test_a_month_that_cannot_be_had_shows_no_other(look: Page, bench: Bench, tab: str) -> None:
    open_tab(look, bench, tab)
    address = f"/pipeline_dist/api/distributor_{tab}.dspy"
    answer = bench.answers[address]
    bench.answers[address] = Reply("500 Internal Server Error", 500, "text/plain")
    look.get_by_label("Month").select_option("2026-10")
    expect(look.get_by_role("alertdialog")).to_be_visible()
    look.keyboard.press("Escape")
    expect(look.get_by_text("This could not be loaded.")).to_be_visible()
    expect(look.get_by_text("To be paid")).to_have_count(0)
    expect(look.get_by_text("line of")).to_have_count(0)

    bench.answers[address] = answer
    look.get_by_role("button", name="Try again").click()
    text = "To be paid 10 USD" if tab == "statement" else "line of 2026-10-01"
    expect(look.get_by_text(text)).to_be_visible()


def test_from_a_bar_to_its_calls_by_keyboard(look: Page, bench: Bench) -> None:
    open_tab(look, bench, "usage")
    calls = look.locator("[data-name=calls]")
    month = "?distributor_id=d&first_day=2026-11-01&last_day=2026-11-30"
    expect(calls).to_have_attribute("href", f"#/pipeline_ops/calls.ui{month}")
    bar = look.locator('.chart-bar[data-key="2026-11-03"]')
    bar.focus()
    look.keyboard.press("Enter")
    expect(look.get_by_text("line of 2026-11-03")).to_be_visible()
    expect(bar).to_be_focused()
    day = "first_day=2026-11-03&last_day=2026-11-03"
    expect(calls).to_have_attribute("href", f"#/pipeline_ops/calls.ui?distributor_id=d&{day}")
    expect(look.locator("[data-pipeline]")).to_have_attribute(
        "href", f"#/pipeline_ops/calls.ui?distributor_id=d&pipeline_id=l&{day}"
    )

    look.get_by_role("button", name="(whole month)").focus()
    look.keyboard.press("Enter")
    expect(look.get_by_text("line of 2026-11-01")).to_be_visible()
    expect(calls).to_be_focused()
