"""
Choices of the drop-downs that `xls2ui` generates: `/appbase/get_code.dspy`.

The generated fields send table, columns and condition along. They are answered only for the sets
that a model declares in its `codes`; anything else is refused, whoever asks.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web

from app.access.permissions import may_list_any, no_right
from app.base.catalogue.records import BAD_CODE, LIST_TOO_SLOW
from app.db.transactions import reading
from app.records.filters import any_case, like_pattern
from app.schema.tables import Table, table as table_model, tables
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

MAX_CHOICES = 500
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_SPEC = {
    "dbname": FieldRule(kind="str", length=64, default="pipeline"),
    "table": FieldRule(kind="str", required=True, length=64),
    "tblvalue": FieldRule(kind="str", required=True, length=64),
    "tbltext": FieldRule(kind="str", required=True, length=64),
    "valueField": FieldRule(kind="str", pattern=_NAME),
    "textField": FieldRule(kind="str", pattern=_NAME),
    "cond": FieldRule(kind="str", length=500),
    "q": FieldRule(kind="str", length=200),
    "value": FieldRule(kind="str", length=64),
}


@cache
def declared() -> Mapping[tuple[str, str, str, str | None], list[Table]]:
    """Return the (table, value column, text column, condition) sets that models declare, each with
    the tables whose models do."""
    lookups: dict[tuple[str, str, str, str | None], list[Table]] = {}
    for model in tables().values():
        for code in model.codes:
            lookup = (code.table, code.valuefield, code.textfield, code.cond)
            lookups.setdefault(lookup, []).append(model)
    return lookups


@answering("GET", "POST")
async def get_code(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """
    Choices for a drop-down, sorted by text: at most 500, those containing `q` if given, and
    always the one with the key `value` if given.

    Each choice has the two names asked for as `valueField` and `textField` (default `value`,
    `text`). Raises BadRequest `bad_code` for a set that no model declares, Forbidden for callers
    who see neither the list of the table itself nor one in which these texts stand.
    """
    query = check_params(_SPEC, params)
    lookup = (query["table"], query["tblvalue"], query["tbltext"], query["cond"])
    if lookup not in declared() or query["dbname"] != "pipeline":
        raise BAD_CODE(table=query["table"], text=query["tbltext"])
    if not await may_list_any(request, [table_model(query["table"]), *declared()[lookup]]):
        raise no_right()
    rows = await _choices(lookup, query["q"], query["value"])
    value_name, text_name = query["valueField"] or "value", query["textField"] or "text"
    return json_response(
        [{value_name: row["code_value"], text_name: row["code_text"]} for row in rows]
    )


async def _choices(
    lookup: tuple[str, str, str, str | None], q: str | None, value: str | None
) -> list[Any]:
    table, value_column, text_column, cond = lookup  # declared by a model: names, not input
    where = [f"({cond})"] if cond else []
    text, pattern = any_case(f"`{text_column}`", like_pattern(q or ""))
    values: dict[str, Any] = {"q": pattern, "value": value}
    if q:
        where.append(f"{text} like ${{q}}$")
    select = f"select `{value_column}` as code_value, `{text_column}` as code_text from `{table}`"  # noqa: S608
    sql = f"{select}{' where ' + ' and '.join(where) if where else ''}"
    async with reading(refusal=LIST_TOO_SLOW) as sor:
        rows: list[Any] = await sor.sqlExe(
            f"{sql} order by code_text, code_value limit {MAX_CHOICES}", values
        )
        if value and all(row["code_value"] != value for row in rows):
            rows += await sor.sqlExe(f"{select} where `{value_column}` = ${{value}}$", values)
    return rows
