"""A list for the tests of lists: what it is made of, what its files look like."""

import struct
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

from tests.browser.descriptions import show
from tests.browser.generated_list import expect_rows
from tests.browser.page_bench import Bench, Reply, Request

FIELDS: list[dict[str, Any]] = [
    {"name": "id", "title": "Id", "uitype": "str", "type": "str", "length": 32},
    {"name": "name", "title": "Name", "uitype": "str", "type": "str", "length": 8,
     "nullable": "no"},
    {"name": "share", "title": "Share", "uitype": "percent", "type": "decimal(9,6)"},
    {"name": "kind", "title": "Kind", "uitype": "code", "data": [
        {"value": "a", "text": "Apple"}, {"value": "b", "text": "Bean"}]},
    {"name": "enabled", "title": "Enabled", "uitype": "check", "type": "tinyint(1)"},
    {"name": "made_by", "title": "Made by", "uitype": "str", "set_by": "server"},
    {"name": "lock_version", "uitype": "hide", "set_by": "server"},
]  # fmt: skip


def table(**more: Any) -> dict[str, Any]:
    return {
        "widgettype": "Tabular",
        "options": {
            "title": "Things", "height": "100%", "data_url": "/get", "data_params": {},
            "editable": {"new_data_url": "/add", "update_data_url": "/update",
                         "delete_data_url": "/delete"},
            "searchable": True, "exportable": True, "import_url": "/import",
            "import_table": "things", "page_rows": 50,
            "row_options": {"fields": FIELDS,
                            "browserfields": {"exclouded": ["id", "made_by"], "alters": {}},
                            "editexclouded": ["made_by"]},
            **more,
        },
    }  # fmt: skip


def piece(rows: int, body: bytes) -> bytes:
    return struct.pack(">II", rows, len(body)) + body


def in_pieces(pieces: Iterator[bytes], total: int) -> Reply:
    return Reply(
        pieces,
        content_type="application/vnd.pipeline-app.pieces",
        headers={
            "X-Total-Rows": str(total),
            "Content-Disposition": "attachment; filename*=UTF-8''x%20y.csv",
        },
    )


def list_of_things(look: Page, bench: Bench) -> list[dict[str, Any]]:
    """Show a list of three rows; the rows."""
    rows: list[dict[str, Any]] = [
        {"id": f"t{n}", "name": f"thing{n}", "share": "0.850000", "kind": "a", "enabled": 1,
         "made_by": "u1", "made_by_text": "Ann", "lock_version": n}
        for n in (1, 2, 3)
    ]  # fmt: skip

    def get(request: Request) -> Any:
        text = request.params.get("q", "")
        result = [row for row in rows if text in row["name"]]
        if request.params.get("_export") == "csv":
            return in_pieces(iter([piece(1, b"\xef\xbb\xbfName\r\nthing1\r\n")]), 1)
        return {"total": len(result), "rows": result}

    bench.answers["/get"] = get
    show(look, bench, table())
    expect_rows(look)
    return rows
