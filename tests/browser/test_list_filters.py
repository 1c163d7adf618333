"""The filter of a list: which conditions fit a column, what is sent, the keyboard in its panel."""

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import button, on, show
from tests.browser.list_of_things import FIELDS, table
from tests.browser.page_bench import Bench


def test_a_share_is_filtered_by_the_per_cent_that_one_sees(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_role("button", name="Filter").click()
    look.get_by_label("Column", exact=True).select_option("share")
    look.get_by_label("Condition", exact=True).select_option("le")
    look.get_by_label("Value").fill("85.5")
    with look.expect_response("**/get?*"):
        look.keyboard.press("Enter")
    condition = {"field": "share", "op": "<=", "const": "0.855"}
    assert json.loads(bench.last("/get")["data_filter"]) == condition

    view = json.dumps({"f": [["share", "eq", "0.855"]]})
    show(look, bench, table(data_params={"_view": view}))
    look.get_by_role("button", name="Filter").click()
    expect(look.get_by_label("Value")).to_have_value("85.5")
