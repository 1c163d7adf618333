"""The figures of a period as the overview draws them, with answers that the test sets."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_bench import Bench, Reply, Request

FIGURES = "/pipeline_ops/api/usage_figures.dspy"
FIRST = date(2026, 11, 1)


def sums(calls: int, failures: int | None = 0) -> dict[str, Any]:
    """A hundredth of a yuan and a ten-thousandth for each call."""
    amount = (Decimal("0.0101") * calls).quantize(Decimal("1.0000000000"))
    return {"calls": calls, "failed": failures, "amounts": {"CNY": str(amount)}}


def period(calls: int, failures: int = 0) -> dict[str, Any]:
    own = {"succeeded": calls - failures, "running": 0, "success_rate": "0.9000"}
    return sums(calls, failures) | own


def figures(request: Request) -> dict[str, Any]:
    """Thirty days: a hundred calls more on each."""
    by = request.params.get("group_by", "pipeline")
    days = [(FIRST + timedelta(days=number)).isoformat() for number in range(30)]
    bars = [
        {"start": day, **sums(100 * number, number)}
        for number, day in enumerate(days)
    ]  # fmt: skip
    groups = [
        {"id": key, "name": name, **sums(calls, None if by == "model" else 3),
         "before": sums(before)}
        for key, name, calls, before in (("a", "=A", 40_000, 36_000), ("", "", 3500, 0))
    ]  # fmt: skip
    span = {"first_day": days[0], "last_day": days[-1], "until": None}
    data = {
        "now": "2026-11-30T11:40:00Z", "period": span, "step": "day", "bars": bars,
        "before": {"first_day": "2026-10-02", "last_day": "2026-10-31", "until": None},
        "total": period(43_500, 435), "total_before": period(38_909),
        "group_by": by, "groups": groups, "group_count": 25,
        "others": {"id": "c", **sums(77, None if by == "model" else 3), "before": sums(70)},
    }  # fmt: skip
    return {"status": "ok", "data": data}


@pytest.fixture
def overview(look: Page, bench: Bench) -> Page:
    bench.answers[FIGURES] = figures
    bench.page = {
        "widgettype": "Dashboard",
        "options": {"refresh_seconds": 30, "may_see_figures": True},
    }
    look.goto("/page#/dashboard.ui?period=30d")
    expect(look.locator(".chart-bar").last).to_be_visible()
    return look


def last_query(bench: Bench) -> dict[str, Any]:
    return bench.last(FIGURES)


def test_changes_are_rounded_and_amounts_exact(overview: Page) -> None:
    cards = overview.locator(".figure-card")
    calls = cards.filter(has_text="Calls").first
    expect(calls).to_contain_text("43,500")
    expect(calls).to_contain_text("▲ 12 %")
    amount = cards.filter(has_text="Amount")
    expect(amount).to_contain_text("439.35 CNY")
    expect(amount).to_contain_text("Failed calls are billed like others.")
    rows = overview.get_by_role("region", name="By line").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("▲ 11 %")
    expect(rows.nth(1)).to_contain_text("404.00")
    expect(rows.nth(2)).to_contain_text("no data before")
    expect(overview.get_by_text("The 2 busiest of 25")).to_be_visible()


def test_what_is_chosen_stands_in_the_address(overview: Page, bench: Bench) -> None:
    page = overview
    assert last_query(bench) == {"period": "30d", "group_by": "pipeline"}
    page.get_by_role("button", name="Model").click()
    expect(page.get_by_role("region", name="By model")).to_be_visible()
    expect(page.get_by_role("button", name="Model")).to_be_focused()
    page.get_by_role("button", name="Amount (CNY)").click()
    expect(page.locator(".chart-failed")).to_have_count(0)
    page.get_by_role("button", name="Own period").click()
    expect(page.get_by_label("First day")).to_have_value("2026-11-01")
    page.get_by_label("First day").fill("2026-10-05")
    page.get_by_label("First day").press("Enter")
    choice = {"first_day": "2026-10-05", "last_day": "2026-11-30", "group_by": "model"}
    bench.expect_requests(FIGURES, 4)
    assert last_query(bench) == choice
    page.reload()
    bench.expect_requests(FIGURES, 5)
    assert last_query(bench) == choice
    measure = page.get_by_role("button", name="Amount (CNY)")
    expect(measure).to_have_attribute("aria-pressed", "true")

    # Nobody means all models: the list of calls knows those without one.
    row = page.get_by_role("region", name="By model").get_by_role("row").nth(2)
    link = row.get_by_role("link")
    expect(link).to_have_text("(no model)")
    expect(link).to_have_attribute(
        "href", "#/pipeline_ops/calls.ui?first_day=2026-11-01&last_day=2026-11-30&model=-"
    )


def test_figures_at_the_pointer_and_at_focus(overview: Page) -> None:
    tip = overview.locator(".chart-tip")
    bar = overview.locator("a.chart-bar").nth(9)
    box = bar.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 30
    overview.mouse.move(x, y)
    expect(tip).to_contain_text("1,000 calls")
    expect(tip).to_contain_text("10.10 CNY")
    place = tip.bounding_box()
    assert place is not None
    assert abs(place["x"] + place["width"] / 2 - x) < 2
    assert place["y"] + place["height"] < y
    overview.mouse.move(5, 5)
    expect(tip).to_be_hidden()

    bar.focus()
    expect(tip).to_contain_text("10 failed")
    overview.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_a_chart_as_files(overview: Page, tmp_path: Path) -> None:
    def file_of(tool: str) -> bytes:
        with overview.expect_download() as caught:
            overview.locator(f"[data-tool={tool}]").click()
        caught.value.save_as(tmp_path / tool)
        return (tmp_path / tool).read_bytes()

    def cells(content: bytes) -> list[list[str]]:
        assert content.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(content.decode("utf-8-sig").splitlines()))

    head, *rows = cells(file_of("chart_csv"))
    assert head == ["Day", "Calls", "Failed", "Amount (CNY)"]
    assert rows[29] == ["2026-11-30", "2900", "29", "29.2900000000"]
    # What a spreadsheet would take for a formula is a text.
    assert cells(file_of("groups_csv"))[1] == ["'=A", "40000", "3", "404.0000000000"]
    picture = file_of("chart_png")
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 5000


def test_it_refreshes_itself_and_says_when_it_could_not(look: Page, bench: Bench) -> None:
    look.clock.install()
    bench.answers[FIGURES] = figures
    bench.page = {
        "widgettype": "Dashboard",
        "options": {"refresh_seconds": 30, "may_see_figures": True},
    }
    look.goto("/page#/dashboard.ui")
    bar = look.locator('.chart-bar[data-key="2026-11-09"]')
    bar.focus()
    look.clock.fast_forward(31_000)
    bench.expect_requests(FIGURES, 2)
    # Who is on a bar stays there.
    expect(bar).to_be_focused()
    when = look.locator("[data-name=refreshed]")
    expect(when).to_contain_text("As of 2026-11-30 20:40:00")

    bench.answers[FIGURES] = Reply("503: busy", 503, "text/plain")
    look.clock.fast_forward(31_000)
    expect(when).to_contain_text("they could not be read anew")
    expect(look.locator(".figure-card").first).to_contain_text("43,500")
    bench.answers[FIGURES] = figures
    look.clock.fast_forward(31_000)
    expect(when).not_to_contain_text("anew")


@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_cards_fill_their_rows(overview: Page, width: int) -> None:
    overview.set_viewport_size({"width": width, "height": 1000})
    expect(overview.locator(".chart-bar").last).to_be_visible()

    edges = overview.locator(".figure-card").evaluate_all(
        """nodes => {
          const rows = new Map();
          for (const node of nodes) {
            const { top, right } = node.getBoundingClientRect();
            rows.set(Math.round(top), Math.max(rows.get(Math.round(top)) ?? 0, Math.round(right)));
          }
          return [...rows.values()];
        }"""
    )
    assert len(set(edges)) == 1
    overflow = overview.locator(".bar-chart").evaluate(
        """picture => {
          const frame = picture.getBoundingClientRect();
          return [...picture.querySelectorAll('text')].filter((text) => {
            const { left, right } = text.getBoundingClientRect();
            return left < frame.left - 1 || right > frame.right + 1;
          }).map((text) => text.textContent);
        }"""
    )
    assert overflow == []
    assert overview.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
