"""The lines a distributor may call: at which prices, with how much left, and how they are made."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import FieldRule, SafeSqlor, any_case, like_pattern, now, quota_month
from pipeline_core.lifecycle.live import live_version, pipeline_by_code
from pipeline_dist.accounts.rows import Distributor, Link, link_of, read_link
from pipeline_dist.admission.account import check_pipeline, link_terms
from pipeline_dist.admission.limits import Limit, limits_of
from pipeline_dist.errors import PIPELINE_NOT_FOUND
from pipeline_dist.reports.cursors import read_cursor, write_cursor
from pipeline_ops.rules.counters import read_capacity
from pipeline_ops.rules.package_use import Packages, read_uses
from pipeline_ops.rules.pricing import package_keys, prices_in_force
from pipeline_ops.rules.terms import Terms

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
_PAGE = "select p.id as line_id, p.code, p.name, p.description, p.current_version, l.*" + _CALLABLE
_BEHIND = " and p.code > ${after}$ order by p.code limit ${skipped}$, ${most}$"
_SHOWN_OF_STEP = ("step_key", "name", "step_type", "model", "timeout_seconds")
_SHOWN_OF_TERMS = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency", "price_scope",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """Page number `page` of the lines whose code or name contains `text`: `rows` of them, counted
    off, or, with `after`, those behind the line of this code."""

    text: str
    page: int
    rows: int
    after: str = ""


def page(owner: str, query: Mapping[str, Any], names: Collection[str]) -> Page:
    """
    Return the page that the parameters *query* mean; of them *names* were sent. With `next` it is
    the one behind that of the cursor, which was made for *owner*, with its text and length.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    if not query["next"]:
        return Page(query["q"], query["page"], query["rows"])
    cursor = read_cursor(owner, query["next"], query=PAGE_QUERY, place=_PLACE)
    cursor.check_same({name: query[name] for name in PAGE_QUERY if name in names})
    first_query = cursor.query
    return Page(first_query["q"], first_query["page"], first_query["rows"], cursor.place["code"])


async def pipelines(
    sor: SafeSqlor, owner: str, distributor: Distributor, window: Page
) -> dict[str, Any]:
    """
    Return `{total, page, rows, next}`: how many lines may be called, one page of them, and the
    cursor of the next page for *owner*. Behind a cursor no line comes twice or is left out because
    others were added or taken away meanwhile.
    """
    name, pattern = any_case("p.name", like_pattern(window.text))
    code, _ = any_case("p.code", pattern)
    holds_text = f" and ({code} like ${{pattern}}$ or {name} like ${{pattern}}$)"
    values = {
        "distributor_id": distributor.id,
        "moment": now(),
        "pattern": pattern,
        "after": window.after,
        "skipped": 0 if window.after else (window.page - 1) * window.rows,
        "most": window.rows + 1,
    }
    count = await sor.one(_COUNT + holds_text, values)
    assert count is not None
    all_rows = await sor.sqlExe(_PAGE + holds_text + _BEHIND, values)
    rows, more = all_rows[: window.rows], None
    if len(all_rows) > window.rows:
        query = {"q": window.text, "page": window.page + 1, "rows": window.rows}
        more = write_cursor(owner, query, {"code": rows[-1]["code"]})
    items = [(await _describe(sor, distributor, row, link_of(row)))[0] for row in rows]
    return {"total": count["total"], "page": window.page, "rows": items, "next": more}


async def pipeline(
    sor: SafeSqlor, distributor: Distributor, code: str
) -> tuple[dict[str, Any], list[Limit]]:
    """
    One line with its live version, and the limits of calling it.

    Raises what a call would be refused with: pipeline_not_found, pipeline_offline, not_enabled.
    """
    row = await pipeline_by_code(sor, code)
    link = None if row is None else await read_link(sor, distributor.id, row["id"])
    if row is None or link is None:
        raise PIPELINE_NOT_FOUND()
    check_pipeline(row["status"], link, now())
    item, limits = await _describe(sor, distributor, row, link)
    version = await live_version(sor, row["id"])
    return {**item, "version": _version(version) if version else None}, limits


async def _describe(
    sor: SafeSqlor, distributor: Distributor, pipeline: Mapping[str, Any], link: Link
) -> tuple[dict[str, Any], list[Limit]]:
    terms = await prices_in_force(sor, link.pipeline_id, now(), distributor_id=distributor.id)
    usable = [item for item in terms if item.currency == distributor.currency]
    capacity = await read_capacity(sor, link.pipeline_id)
    limits = await limits_of(sor, distributor, link, capacity)
    item = {
        "code": pipeline["code"],
        "name": pipeline["name"],
        "description": pipeline["description"],
        "version_no": pipeline["current_version"],
        "pricing_mode": link.pricing_mode,
        "valid_from": link.valid_from,
        "valid_to": link.valid_to,
        "prices": await _prices(sor, link, link_terms(distributor.id, link).effective(usable)),
        "limits": [limit.public() for limit in limits],
    }
    return item, limits


async def _prices(sor: SafeSqlor, link: Link, terms: Iterable[Terms]) -> list[dict[str, Any]]:
    """Return the prices with the units of their packages that are left this month."""
    rows = sorted(terms, key=lambda item: (item.step_key, item.model, item.unit))
    packages = Packages(link.distributor_id, link.pipeline_id, quota_month(now()))
    packages.uses = await read_uses(sor, package_keys(rows, packages))
    return [
        {name: getattr(item, name) for name in _SHOWN_OF_TERMS}
        | {"units_left": packages.units_left(item.step_key, item.model, item.unit)}
        for item in rows
    ]


def _version(version: Mapping[str, Any]) -> dict[str, Any]:
    stages: dict[int, list[dict[str, Any]]] = {}
    for step in version["definition"]["steps"]:
        # What a step is configured with, addresses and credentials among it, is the operator's.
        if step["enabled"]:
            step_values = {name: step[name] for name in _SHOWN_OF_STEP}
            stages.setdefault(step["stage"], []).append(step_values)
    return {
        "version_no": version["version_no"],
        "checksum": version["checksum"],
        "published_at": version["published_at"],
        "stages": [{"stage": number, "steps": stages[number]} for number in sorted(stages)],
    }
