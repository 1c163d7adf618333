"""The endpoints of a distributor's own page: overview, and use by what."""

from typing import Any

from app.global_func import (
    TOO_SLOW,
    Actor,
    FieldRule,
    check_params,
    get_row,
    reading,
)
from pipeline_dist.accounts.distributors import TABLE
from pipeline_dist.reports import figures
from pipeline_dist.reports.usage import span

_ID = FieldRule(kind="str", required=True, length=32)
_USAGE = {
    "distributor_id": _ID,
    "from": FieldRule(kind="str", length=40),
    "to": FieldRule(kind="str", length=40),
    "group_by": FieldRule(kind="str", choices=tuple(figures.GROUPS), default="day"),
    "pipeline": FieldRule(kind="str", length=64),
}


async def distributor_overview(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return everything that a distributor's page shows first."""
    query = check_params({"id": _ID}, params)
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return await figures.overview(sor, query["id"])


async def distributor_usage(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a distributor used from `from` to `to`, by day, line, step or model."""
    query = check_params(_USAGE, params)
    period = span(query["from"], query["to"])
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        await get_row(sor, TABLE, query["distributor_id"])
        rows = await figures.sums(
            sor, query["distributor_id"], period, query["group_by"], query["pipeline"]
        )
    return {"from": period.start, "to": period.end, "group_by": query["group_by"], "groups": rows}
