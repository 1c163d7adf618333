"""A distributor's statement for administrators: as data, and as a page."""

from functools import partial
from typing import Any

from app.global_func import (
    Actor,
    FieldRule,
    Message,
    check_params,
    get_row,
    reading,
    sort_terms,
    translate,
)
from pipeline_dist.accounts.rows import distributor_of
from pipeline_dist.errors import STATEMENT_COLUMN_UNKNOWN
from pipeline_dist.reports.statement import LINE_COLUMNS, check_month, statement
from pipeline_dist.reports.statement_files import HEADINGS

_QUERY = {
    "distributor_id": FieldRule(kind="str", required=True, length=32),
    "month": FieldRule(kind="str", length=20),
}
_PAGING = {
    "page": FieldRule(kind="int", minimum=1, default=1),
    "rows": FieldRule(kind="int", minimum=1, maximum=1000, default=160),
    "sort": FieldRule(kind="str", length=200, default=""),
}
_NUMBERS = ("unit_price", "unit_size", "package_size", "package_price", "calls", "quantity")
_DECIMALS = {"unit_price": 10, "package_price": 10, "quantity": 6, "amount": 10}


async def distributor_statement(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the statement of a distributor for a month, this one by default."""
    query = check_params(_QUERY, params)
    return await _read_statement(query)


async def distributor_statement_lines(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the lines of a statement as a table wants them: sorted, and one page."""
    query = check_params(_QUERY | _PAGING, params)
    document = await _read_statement(query)
    rows = [{"id": str(number), **line} for number, line in enumerate(document["lines"])]
    for name, down in reversed(sort_terms(query["sort"]) if query["sort"] else []):
        if name not in LINE_COLUMNS:
            raise STATEMENT_COLUMN_UNKNOWN(column=name)
        rows.sort(key=partial(_place, name), reverse=down)
    start = (query["page"] - 1) * query["rows"]
    return {"total": len(rows), "rows": rows[start : start + query["rows"]]}


async def distributor_statement_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the statement in words, with a table of its lines."""
    query = check_params(_QUERY, params)
    document = await _read_statement(query)
    heading = Message(
        "{month}: {total} {currency} for {calls} calls (exactly {amount}), {running} still running",
        **{name: str(document[name]) for name in ("month", "total", "currency", "calls", "amount")},
        running=document["running"],
    )
    return {
        "widgettype": "VBox",
        "options": {"width": "100%", "height": "100%", "gap": "8px"},
        "subwidgets": [
            {"widgettype": "Title4", "options": {"text": translate(heading, actor.lang)}},
            _table(query["distributor_id"], document["month"], actor.lang),
        ],
    }


def _place(column: str, row: dict[str, Any]) -> tuple[bool, Any]:
    """Return where a row stands by *column*: nothing comes before everything."""
    return row[column] is not None, row[column]


def _table(distributor_id: str, month: str, lang: str) -> dict[str, Any]:
    return {
        "widgettype": "Tabular",
        "options": {
            "width": "100%",
            "nofilter": True,
            "height": "100%",
            "data_url": "/pipeline_dist/api/distributor_statement_lines.dspy",
            "data_params": {"distributor_id": distributor_id, "month": month},
            "row_options": {
                "idField": "id",
                "browserfields": {"exclouded": ["id"]},
                "fields": [
                    _field(name, translate(Message(label), lang))
                    for name, label in HEADINGS.items()
                ],
            },
        },
    }


def _field(name: str, label: str) -> dict[str, Any]:
    decimals = _DECIMALS.get(name)
    kind = "decimal" if decimals else "int" if name in _NUMBERS else "str"
    return {"name": name, "label": label, "uitype": kind} | ({"dec": decimals} if decimals else {})


async def _read_statement(query: dict[str, Any]) -> dict[str, Any]:
    month = check_month(query["month"])
    async with reading(snapshot=True) as sor:
        row = await get_row(sor, "distributors", query["distributor_id"])
        return await statement(sor, distributor_of(row), month)
