"""A list page as xls2ui generates it, on the bench, for the tests of lists."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import show
from tests.browser.page_bench import Bench, Request

FIELDS = [
    {"name": "id", "title": "Id", "uitype": "str", "type": "str", "length": 32},
    {
        "name": "code",
        "title": "Code",
        "uitype": "str",
        "type": "str",
        "length": 64,
        "nullable": "no",
        "pattern": "[a-z]+",
    },
    {"name": "price", "title": "Price", "uitype": "str", "type": "decimal(18,6)"},
    {
        "name": "owner",
        "title": "Owner",
        "uitype": "code",
        "valueField": "id",
        "textField": "owner_text",
        "dataurl": "/get_code",
        "params": {"table": "owners"},
    },
    {"name": "secret", "title": "Secret", "uitype": "password", "type": "str"},
    {"name": "begun", "title": "Begun", "uitype": "str", "type": "datetime(3)"},
    {"name": "parent_id", "title": "Parent", "uitype": "str", "type": "str"},
    {"name": "lock_version", "title": "Version", "uitype": "hide", "set_by": "server"},
]


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"i{number}", "code": f"code{number}", "price": "1234567.120000", "owner": "o1",
        "owner_text": "Ann", "secret": "hash", "begun": "2026-11-24T06:00:00.000Z",
        "parent_id": "p1", "lock_version": 3, "row_num_": number, **more,
    }  # fmt: skip


def table(**options: Any) -> dict[str, Any]:
    """A description as the generator writes it."""
    binds = options.pop("binds", [])
    row_options = {
        "browserfields": {"exclouded": ["id", "parent_id"], "alters": {}}, "fields": FIELDS,
        **options.pop("row_options", {}),
    }  # fmt: skip
    return {
        "id": "things_tbl", "widgettype": "Tabular", "binds": binds,
        "options": {
            "width": "100%", "height": "100%", "title": "Things", "css": "card",
            "editable": {"new_data_url": "/add", "update_data_url": "/update",
                         "delete_data_url": "/delete"},
            "data_url": "/get", "data_method": "GET", "data_params": {},
            "row_options": row_options, "page_rows": 160, "cache_limit": 5, **options,
        },
    }  # fmt: skip


def served_rows(bench: Bench) -> list[dict[str, Any]]:
    """The rows that the bench's list has; sliced by page and rows."""
    rows = [row(number) for number in range(1, 4)]

    def page(request: Request) -> Any:
        number, size = int(request.params["page"]), int(request.params["rows"])
        return {"total": len(rows), "rows": rows[(number - 1) * size : number * size]}

    bench.answers |= {
        "/get": page,
        "/get_code": [{"id": "o1", "owner_text": "Ann"}, {"id": "o2", "owner_text": "Bob"}],
    }
    return rows


def save_answer(record: dict[str, Any]) -> dict[str, Any]:
    return {"widgettype": "Message", "options": {"title": "Saved", "user_data": record}}


def expect_cells(page: Page, name: str, texts: list[str]) -> None:
    """Wait until the column *name* has these texts, one a row."""
    expect(page.locator(f"td[data-name={name}]")).to_have_text(texts, use_inner_text=True)


def expect_rows(page: Page) -> None:
    """Wait until the list shows its rows, or why it has none."""
    place = ".tabular:not([aria-busy=true])"
    page.wait_for_selector(f"{place} tbody tr, {place} .table-note:visible")


def open_table(page: Page, bench: Bench, **options: Any) -> None:
    show(page, bench, table(**options))
    expect_rows(page)
