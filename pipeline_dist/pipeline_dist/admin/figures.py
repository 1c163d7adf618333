"""The endpoints of a distributor's own page: overview, use by what, statement as a file."""

import asyncio
from typing import Any

from app.global_func import (
    CSV_TYPE,
    XLSX_TYPE,
    Actor,
    Answer,
    FieldRule,
    check_params,
    get_row,
    reading,
)
from pipeline_dist.accounts.distributors import TABLE
from pipeline_dist.accounts.rows import distributor_of
from pipeline_dist.reports import figures, statement_files
from pipeline_dist.reports.statement import check_month, statement
from pipeline_dist.reports.usage import span

_ID = FieldRule(kind="str", required=True, length=32)
_USAGE = {
    "distributor_id": _ID,
    "from": FieldRule(kind="str", length=40),
    "to": FieldRule(kind="str", length=40),
    "group_by": FieldRule(kind="str", choices=tuple(figures.GROUPS), default="day"),
    "pipeline": FieldRule(kind="str", length=64),
}
_FILE = {
    "distributor_id": _ID,
    "month": FieldRule(kind="str", length=20),
    "format": FieldRule(kind="str", choices=("csv", "xlsx"), default="csv"),
}


async def distributor_overview(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return everything that a distributor's page shows first."""
    query = check_params({"id": _ID}, params)
    async with reading(snapshot=True) as sor:
        return await figures.overview(sor, query["id"])


async def distributor_usage(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a distributor used from `from` to `to`, by day, line, step or model."""
    query = check_params(_USAGE, params)
    period = span(query["from"], query["to"])
    async with reading(snapshot=True) as sor:
        await get_row(sor, TABLE, query["distributor_id"])
        rows = await figures.sums(
            sor, query["distributor_id"], period, query["group_by"], query["pipeline"]
        )
    return {"from": period.start, "to": period.end, "group_by": query["group_by"], "groups": rows}


async def distributor_statement_file(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return the statement of a month to keep: a CSV file, marked as UTF-8 for Excel, or an Excel
    file, as the distributor itself gets it."""
    query = check_params(_FILE, params)
    month = check_month(query["month"])
    async with reading(snapshot=True) as sor:
        distributor = distributor_of(await get_row(sor, TABLE, query["distributor_id"]))
        document = await statement(sor, distributor, month)
    content: str | bytes
    if query["format"] == "csv":
        content, kind = statement_files.as_csv(document, bom=True), CSV_TYPE
    else:
        content = await asyncio.to_thread(statement_files.as_xlsx, document, actor.lang)
        kind = XLSX_TYPE
    name = f"statement-{distributor.code}-{month}.{query['format']}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(content, headers=headers, content_type=kind)
