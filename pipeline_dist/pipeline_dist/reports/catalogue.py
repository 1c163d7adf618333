"""The lines a distributor may call: at which prices, with how much left, and how they are made."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import FieldRule, Row, SafeSqlor, any_case, like_pattern, now
from pipeline_core.lifecycle.live import live_version, pipeline_by_code
from pipeline_dist.admission.account import check_pipeline, effective_terms
from pipeline_dist.admission.limits import Limit, limits_of
from pipeline_dist.reports.cursors import read_cursor, write_cursor
from pipeline_ops.rules.counters import read_capacity
from pipeline_ops.rules.pricing import Terms, prices_in_force

MAX_ROWS = 100
PAGE_QUERY = {
    "q": FieldRule(kind="str", length=128, default=""),
    "page": FieldRule(kind="int", minimum=1, maximum=1_000_000, default=1),
    "rows": FieldRule(kind="int", minimum=1, maximum=MAX_ROWS, default=20),
}
_PLACE = {"code": FieldRule(kind="str", length=64, required=True)}

_CALLABLE = (
    " from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
    " where l.distributor_id = ${distributor_id}$ and l.enabled = 1 and p.status = 'published'"
    " and (l.valid_from is null or l.valid_from <= ${moment}$)"
    " and (l.valid_to is null or l.valid_to > ${moment}$)"
)
_COUNT = "select count(*) as total" + _CALLABLE
_PAGE = (
    "select p.id as line_id, p.code, p.name, p.description, p.current_version, l.*" + _CALLABLE
)
_BEHIND = " and p.code > ${after}$ order by p.code limit ${skipped}$, ${most}$"
_LINK = (
    "select * from distributor_pipeline"
    " where distributor_id = ${distributor_id}$ and pipeline_id = ${pipeline_id}$"
)
_SHOWN_OF_STEP = ("step_key", "name", "step_type", "model", "timeout_seconds")
_SHOWN_OF_TERMS = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """Page number `page` of the lines whose code or name contains `text`: `rows` of them, counted
    off, or, with `after`, those behind the line of this code."""

    text: str
    page: int
    rows: int
    after: str = ""


def page(owner: str, asked: Mapping[str, Any], given: Collection[str]) -> Page:
    """
    The page that the parameters *asked* mean; of them *given* were sent. With `next` it is the
    one behind that of the cursor, which was made for *owner*, with its text and length.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    if not asked["next"]:
        return Page(asked["q"], asked["page"], asked["rows"])
    cursor = read_cursor(owner, asked["next"], query=PAGE_QUERY, place=_PLACE)
    cursor.check_same({name: asked[name] for name in PAGE_QUERY if name in given})
    kept = cursor.query
    return Page(kept["q"], kept["page"], kept["rows"], cursor.place["code"])


async def pipelines(
    sor: SafeSqlor, owner: str, distributor: Mapping[str, Any], asked: Page
) -> dict[str, Any]:
    """
    `{total, page, rows, next}`: how many lines may be called, one page of them, and the cursor of
    the next page for *owner*. Behind a cursor no line comes twice or is left out because others
    were added or taken away meanwhile.
    """
    name, pattern = any_case("p.name", like_pattern(asked.text))
    code, _ = any_case("p.code", pattern)
    holds_text = f" and ({code} like ${{pattern}}$ or {name} like ${{pattern}}$)"
    values = {
        "distributor_id": distributor["id"],
        "moment": now(),
        "pattern": pattern,
        "after": asked.after,
        "skipped": 0 if asked.after else (asked.page - 1) * asked.rows,
        "most": asked.rows + 1,
    }
    counted = await sor.one(_COUNT + holds_text, values)
    assert counted is not None
    found = await sor.sqlExe(_PAGE + holds_text + _BEHIND, values)
    rows, more = found[: asked.rows], None
    if len(found) > asked.rows:
        query = {"q": asked.text, "page": asked.page + 1, "rows": asked.rows}
        more = write_cursor(owner, query, {"code": rows[-1]["code"]})
    described = [(await _described(sor, distributor, row, row))[0] for row in rows]
    return {"total": counted["total"], "page": asked.page, "rows": described, "next": more}


async def pipeline(
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
    check_pipeline(found, link, now())
    assert found is not None
    assert link is not None
    described, limits = await _described(sor, distributor, found, link)
    version = await live_version(sor, found["id"])
    return {**described, "version": _version(version) if version else None}, limits


async def _described(
    sor: SafeSqlor, distributor: Mapping[str, Any], pipeline: Mapping[str, Any], link: Row
) -> tuple[dict[str, Any], list[Limit]]:
    terms = await prices_in_force(sor, link["pipeline_id"], now())
    capacity = await read_capacity(sor, link["pipeline_id"])
    limits = await limits_of(sor, distributor, link, capacity)
    described = {
        "code": pipeline["code"],
        "name": pipeline["name"],
        "description": pipeline["description"],
        "version_no": pipeline["current_version"],
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
