"""The words of a list's cells: prices, spans of time, states, relative times, aligned numbers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import show
from tests.browser.generated_list import expect_cells, expect_rows
from tests.browser.page_bench import Bench

SPAN = ["since", "until"]
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "title": "Id", "uitype": "str"},
    {"name": "label", "title": "Label", "uitype": "str", "length": 80},
    {"name": "unit_price", "title": "Unit price", "uitype": "decimal", "words": "price"},
    {"name": "since", "title": "Since", "uitype": "datetime", "words": "validity", "span": SPAN},
    {"name": "until", "title": "Until", "uitype": "datetime"},
    {"name": "enabled", "title": "On", "uitype": "check", "words": "in_force", "span": SPAN},
    {"name": "amount", "title": "Amount", "uitype": "decimal"},
    {"name": "changed", "title": "Changed", "uitype": "datetime"},
    {"name": "note", "title": "Note", "uitype": "str"},
]
BESIDE_DEFAULT = {"default": ["label", "unit_price", "since", "enabled", "amount", "changed"]}


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def prices(look: Page, bench: Bench) -> list[dict[str, Any]]:
    """A list of four rows, each in another state, in a window narrower than its columns."""
    now = datetime.now(UTC).replace(microsecond=0)
    start = datetime(now.year, 1, 1, tzinfo=UTC) - timedelta(hours=9)  # of Tokyo's year
    first = {"unit_price": "7.200000", "unit_size": 1_000_000, "currency": "CNY",
             "pricing_type": "unit", "since": iso(start), "until": None, "enabled": 1,
             "amount": "3.0000", "changed": iso(now - timedelta(hours=3, minutes=1))}  # fmt: skip
    package = {"pricing_type": "package", "package_price": "25.00", "package_size": 100}
    rows = [
        {"id": "a", "label": "A name that is much too long for its place in the list", **first},
        {"id": "b", "label": "b", **first, **package, "until": iso(start + timedelta(hours=1)),
         "amount": "21.250000"},
        {"id": "c", "label": "c", **first, "unit_size": 1, "since": iso(now + timedelta(days=9)),
         "changed": iso(now - timedelta(days=40))},
        {"id": "d", "label": "d", **first, "enabled": 0, "amount": "0.44064"},
    ]  # fmt: skip
    bench.answers["/get"] = lambda request: {"total": 4, "rows": rows}
    options = {"title": "Prices", "height": "100%", "data_url": "/get", "data_params": {},
               "toolbar": {"tools": [{"name": "use", "label": "Use", "selected_row": True}]},
               "row_options": {"fields": FIELDS,
                               "browserfields": BESIDE_DEFAULT}}  # fmt: skip
    look.set_viewport_size({"width": 800, "height": 600})
    show(look, bench, {"widgettype": "Tabular", "options": options})
    expect_rows(look)
    return rows


def test_cells_say_what_a_reader_wants_to_know(look: Page, prices: list[dict[str, Any]]) -> None:
    heads = look.get_by_role("columnheader").locator("button")
    names = ["Label", "Price", "Validity", "State", "Amount", "Changed"]
    expect(heads).to_have_text(names)
    expect_cells(look, "unit_price", [
        "7.20 CNY / 1,000,000", "25 CNY a package of 100", "7.20 CNY", "7.20 CNY / 1,000,000",
    ])  # fmt: skip
    expect(look.locator("td[data-name=since]").first).to_have_text("from 01-01")
    expect_cells(look, "enabled", ["In force", "Ended", "Coming", "Disabled"])
    expect(look.locator("td[data-value=in_force]")).to_have_count(1)
    # Decimals are as many as the longest needs.
    expect_cells(look, "amount", ["3.00000", "21.25000", "3.00000", "0.44064"])

    changes = look.locator("td[data-name=changed]")
    expect(changes.first).to_have_text("3 hours ago")
    exact = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
    expect(changes.first).to_have_attribute("title", exact)
    expect(changes.nth(2)).to_have_text(re.compile(r"^(\d{4}-)?\d\d-\d\d$"))
    name = look.locator("td[data-name=label]").first
    expect(name).to_have_attribute("title", prices[0]["label"])


def test_the_record_and_its_menu_stay_in_view(look: Page, prices: list[dict[str, Any]]) -> None:
    scroller = look.locator(".table-scroll")
    name = look.locator("td[data-name=label]").first
    button = look.locator(".row-menu-button").first
    before = [name.bounding_box(), button.bounding_box()]
    scroller.evaluate("(node) => { node.scrollLeft = 10_000; }")
    assert scroller.evaluate("(node) => node.scrollLeft") > 50

    assert [name.bounding_box(), button.bounding_box()] == before
    # Nothing shines through from what has gone below it.
    box = before[0]
    assert box is not None
    at = {"x": box["x"] + box["width"] - 4, "y": box["y"] + box["height"] / 2}
    hit = look.evaluate(
        "({x, y}) => document.elementFromPoint(x, y).closest('td').dataset.name", at
    )
    assert hit == "label"


def test_columns_left_out_at_first_can_be_chosen(look: Page, prices: list[dict[str, Any]]) -> None:
    look.get_by_role("button", name="Columns").click()
    look.get_by_role("checkbox", name="Until").check()
    expect(look.get_by_role("columnheader", name="Until")).to_be_visible()
