"""The lines a distributor may call: at which prices, with how much left, and how they are made."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.global_func import Row, SafeSqlor, now
from pipeline_core.live import live_version, pipeline_by_code
from pipeline_dist.accounts import check_line, effective_terms
from pipeline_dist.limits import Limit, limits_of
from pipeline_ops.capacity import read_capacity
from pipeline_ops.pricing import Terms, prices_in_force

MOST_ROWS = 100

_CALLABLE = (
    " from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
    " where l.distributor_id = ${distributor_id}$ and l.enabled = 1 and p.status = 'published'"
    " and (l.valid_from is null or l.valid_from <= ${moment}$)"
    " and (l.valid_to is null or l.valid_to > ${moment}$)"
    " and (p.code like ${pattern}$ escape '!' or p.name like ${pattern}$ escape '!')"
)
_COUNT = "select count(*) as total" + _CALLABLE
_PAGE = (
    "select p.id as line_id, p.code, p.name, p.description, p.current_version, l.*"
    + _CALLABLE
    + " order by p.code limit ${skipped}$, ${rows}$"
)
_LINK = (
    "select * from distributor_pipeline"
    " where distributor_id = ${distributor_id}$ and pipeline_id = ${pipeline_id}$"
)
_SHOWN_OF_STEP = ("step_key", "name", "step_type", "model", "timeout_seconds")
_SHOWN_OF_TERMS = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency",
)  # fmt: skip


async def lines(
    sor: SafeSqlor, distributor: Mapping[str, Any], text: str, page: int, rows: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many lines may be called whose code or name contains *text*, and one page of them."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    values = {
        "distributor_id": distributor["id"],
        "moment": now(),
        "pattern": f"%{escaped}%",
        "skipped": (page - 1) * rows,
        "rows": rows,
    }
    counted = await sor.one(_COUNT, values)
    assert counted is not None
    found = [
        (await _described(sor, distributor, row, row))[0] for row in await sor.sqlExe(_PAGE, values)
    ]
    return counted["total"], found


async def line(
    sor: SafeSqlor, distributor: Mapping[str, Any], code: str
) -> tuple[dict[str, Any], list[Limit]]:
    """
    One line with its live version, and the limits of calling it.

    Raises what a call would be refused with: pipeline_not_found, pipeline_offline, not_enabled.
    """
    found = await pipeline_by_code(sor, code)
    link = None
    if found is not None:
        link = await sor.one(
            _LINK, {"distributor_id": distributor["id"], "pipeline_id": found["id"]}
        )
    check_line(found, link, now())
    assert found is not None
    assert link is not None
    described, limits = await _described(sor, distributor, found, link)
    version = await live_version(sor, found["id"])
    return {**described, "version": _version(version) if version else None}, limits


async def _described(
    sor: SafeSqlor, distributor: Mapping[str, Any], line: Mapping[str, Any], link: Row
) -> tuple[dict[str, Any], list[Limit]]:
    terms = await prices_in_force(sor, link["pipeline_id"], now())
    capacity = await read_capacity(sor, link["pipeline_id"])
    limits = await limits_of(sor, distributor, link, capacity)
    described = {
        "code": line["code"],
        "name": line["name"],
        "description": line["description"],
        "version_no": line["current_version"],
        "pricing_mode": link["pricing_mode"],
        "valid_from": link["valid_from"],
        "valid_to": link["valid_to"],
        "prices": _prices(effective_terms(link, distributor["currency"], terms)),
        "limits": [limit.public() for limit in limits],
    }
    return described, limits


def _prices(terms: Iterable[Terms]) -> list[dict[str, Any]]:
    ordered = sorted(terms, key=lambda item: (item.step_key, item.model, item.unit))
    return [{name: getattr(item, name) for name in _SHOWN_OF_TERMS} for item in ordered]


def _version(version: Mapping[str, Any]) -> dict[str, Any]:
    stages: dict[int, list[dict[str, Any]]] = {}
    for step in version["definition"]["steps"]:
        # What a step is configured with, addresses and credentials among it, is the operator's.
        if step["enabled"]:
            shown = {name: step[name] for name in _SHOWN_OF_STEP}
            stages.setdefault(step["stage"], []).append(shown)
    return {
        "version_no": version["version_no"],
        "checksum": version["checksum"],
        "published_at": version["published_at"],
        "stages": [{"stage": number, "steps": stages[number]} for number in sorted(stages)],
    }
