"""The lines a distributor may call: at which prices, with how much left, and how they are made."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.global_func import FieldRule, SafeSqlor, any_case, like_pattern, now, quota_month
from pipeline_core.definition.snapshot import load
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.admission import looks
from pipeline_dist.admission.account import check_pipeline, link_terms
from pipeline_dist.admission.limits import Limit
from pipeline_dist.admission.looks import Look
from pipeline_dist.admission.present_limits import limits_of_lines
from pipeline_dist.errors import PIPELINE_NOT_FOUND
from pipeline_dist.reports.cursors import read_cursor, write_cursor
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
    " and (l.valid_from is null or l.valid_from <= ${at}$)"
    " and (l.valid_to is null or l.valid_to > ${at}$)"
)
_BEHIND = " and p.code > ${after}$ order by p.code limit ${skipped}$, ${most}$"
_OF_CODE = (
    " from pipelines p join distributor_pipeline l"
    " on l.pipeline_id = p.id and l.distributor_id = ${distributor_id}$"
)
_VERSION_COLUMNS = ("version_no", "checksum", "published_at", "snapshot")
# The version is in a row of its own, since its snapshot may be long.
_ONE = (
    f"select {looks.COLUMNS}, {', '.join(['null'] * len(_VERSION_COLUMNS))}{_OF_CODE}"
    f"{looks.PRICES}{looks.PACKAGES} where p.code = ${{code}}$ union all"
    f" select {', '.join(['null'] * looks.WIDTH + ['v.' + name for name in _VERSION_COLUMNS])}"
    f"{_OF_CODE} join pipeline_versions v on v.pipeline_id = p.id and v.status = 'published'"
    " where p.code = ${code}$"
)
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
    sor: SafeSqlor,
    owner: str,
    distributor: Distributor,
    window: Page,
    only: Sequence[str] | None = None,
) -> dict[str, Any]:
    """
    Return `{total, page, rows, next}`: how many lines may be called, of those with the codes *only*
    (None: of all), one page of them, and the cursor of the next page for *owner*. Behind a cursor
    no line comes twice or is left out because others were added or taken away meanwhile.
    """
    name, pattern = any_case("p.name", like_pattern(window.text))
    code, _ = any_case("p.code", pattern)
    holds_text = f" and ({code} like ${{pattern}}$ or {name} like ${{pattern}}$)"
    if only is not None:
        holds_text += " and p.code in ${only}$"
    moment = now()
    values = {
        **looks.look_values(distributor.id, moment),
        "pattern": pattern,
        "after": window.after,
        "skipped": 0 if window.after else (window.page - 1) * window.rows,
        "most": window.rows + 1,
        "only": only,
    }
    rows = await sor.tuples(_page_statement(holds_text), values)
    # Put in order here, where it costs nothing: codes are compared by their bytes.
    lines = sorted(looks.looks_of(row[1:] for row in rows), key=lambda look: look.pipeline.code)
    more = None
    if len(lines) > window.rows:
        lines = lines[: window.rows]
        query = {"q": window.text, "page": window.page + 1, "rows": window.rows}
        more = write_cursor(owner, query, {"code": lines[-1].pipeline.code})
    own, by_line = await limits_of_lines(sor, distributor, [look.offer for look in lines], moment)
    items = [
        _describe(distributor, look, moment, own + limits)
        for look, limits in zip(lines, by_line, strict=True)
    ]
    return {"total": rows[0][0], "page": window.page, "rows": items, "next": more}


def _page_statement(holds_text: str) -> str:
    """Return the statement of one page of the lines for which *holds_text*, with how many these
    are: also where the page has none."""
    callable_lines = _CALLABLE + holds_text
    return (
        f"select t.total, {looks.COLUMNS} from (select count(*) as total{callable_lines}) t"  # noqa: S608
        # What is sorted has no long texts: with them it would be sorted on the disk.
        f" left join (select l.id as link_id, l.pipeline_id, p.code{callable_lines}{_BEHIND}) k"
        " on 1 = 1 left join distributor_pipeline l on l.id = k.link_id"
        f" left join pipelines p on p.id = k.pipeline_id{looks.PRICES}{looks.PACKAGES}"
    )


async def pipeline(
    sor: SafeSqlor, distributor: Distributor, code: str
) -> tuple[dict[str, Any], list[Limit]]:
    """
    One line with its live version, and the limits of calling it.

    Raises what a call would be refused with: pipeline_not_found, pipeline_offline, not_enabled.
    """
    moment = now()
    rows = await sor.tuples(_ONE, looks.look_values(distributor.id, moment) | {"code": code})
    lines = looks.looks_of(rows)
    if not lines:
        raise PIPELINE_NOT_FOUND()
    look = lines[0]
    check_pipeline(look.pipeline.status, look.link, moment)
    own, by_line = await limits_of_lines(sor, distributor, [look.offer], moment)
    limits = own + by_line[0]
    versions = [row[looks.WIDTH :] for row in rows if row[looks.WIDTH] is not None]
    item = _describe(distributor, look, moment, limits)
    return {**item, "version": _version(versions[0]) if versions else None}, limits


def _describe(
    distributor: Distributor, look: Look, moment: datetime, limits: Sequence[Limit]
) -> dict[str, Any]:
    pipeline, link = look.pipeline, look.link
    usable = [item for item in look.terms if item.currency == distributor.currency]
    return {
        "code": pipeline.code,
        "name": pipeline.name,
        "description": pipeline.description,
        "version_no": pipeline.current_version,
        "pricing_mode": link.pricing_mode,
        "valid_from": link.valid_from,
        "valid_to": link.valid_to,
        "prices": _prices(look, link_terms(distributor.id, link).effective(usable), moment),
        "limits": [limit.public() for limit in limits],
    }


def _prices(look: Look, terms: Iterable[Terms], moment: datetime) -> list[dict[str, Any]]:
    """Return the prices with the units of their packages that are left this month."""
    rows = sorted(terms, key=lambda item: (item.step_key, item.model, item.unit))
    packages = look.packages(quota_month(moment), rows)
    return [
        {name: getattr(item, name) for name in _SHOWN_OF_TERMS}
        | {"units_left": packages.units_left(item.step_key, item.model, item.unit)}
        for item in rows
    ]


def _version(values: Sequence[Any]) -> dict[str, Any]:
    """Return the version of the values of `_VERSION_COLUMNS`; raises VersionCorrupted."""
    version = dict(zip(_VERSION_COLUMNS, values, strict=True))
    stages: dict[int, list[dict[str, Any]]] = {}
    for step in load(version)["steps"]:
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
