"""
The calls of a distributor as a list, the newest first, page by page: those that run, failed, ran
out, were cancelled or voided too.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import OUT_OF_ORDER, FieldProblem, FieldRule, InvalidFields, SafeSqlor, iso
from pipeline_dist.admission.call_view import call_summary
from pipeline_dist.reports.call_rows import Page, read_rows
from pipeline_dist.reports.cursors import read_cursor, write_cursor
from pipeline_dist.reports.usage import PAGE_QUERY as USAGE_PAGE, moment_of
from pipeline_ops.ledger.rows import header_of
from pipeline_ops.ledger.states import CallStatus

PAGE_QUERY = {
    "status": FieldRule(kind="str", choices=tuple(CallStatus)),
    "from": USAGE_PAGE["from"],
    "to": USAGE_PAGE["to"],
    "pipeline": FieldRule(kind="str", length=64),
    "client_ref": FieldRule(kind="str", length=128),
    "rows": USAGE_PAGE["rows"],
}
# In a cursor they are a list, as they may be in an address.
_TAGS = {"tag": FieldRule(kind="json", json="list")}
_PLACE = {
    "started_at": FieldRule(kind="datetime", required=True),
    "id": FieldRule(kind="str", length=32, required=True),
}
_NOTHING = Decimal(0).scaleb(-10)
_AMOUNTS = (
    "select call_no, sum(amount) from pipeline_usage_log force index (pipeline_usage_log_call)"
    " where call_no in ${call_nos}$ and entry_type = 'charge' group by call_no"
)


def page(
    owner: str,
    query: Mapping[str, Any],
    tags: Collection[tuple[str, str]],
    names: Collection[str],
) -> Page:
    """
    Return the page that the parameters *query* and *tags* mean; of them *names* were sent. With
    `next` it is the one behind that of the cursor, which was made for *owner*.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    parameters = {name: query[name] for name in PAGE_QUERY} | {"tag": sorted(set(tags))}
    if not query["next"]:
        return _page(parameters, None)
    cursor = read_cursor(owner, query["next"], query=PAGE_QUERY | _TAGS, place=_PLACE)
    first_query = dict(cursor.query)
    first_query["tag"] = sorted((key, value) for key, value in first_query["tag"].value)
    parameters = {name: parameters[name] for name in parameters if name in names}
    for edge, name in enumerate(("from", "to")):
        problems: list[FieldProblem] = []
        if name in parameters:
            moment = moment_of(name, parameters[name], edge, problems)
            parameters[name] = None if moment is None else iso(moment)
        if problems:
            raise InvalidFields(problems)
    type(cursor)(first_query, cursor.place).check_same(parameters)
    return _page(first_query, (cursor.place["started_at"], cursor.place["id"]))


def _page(query: Mapping[str, Any], before: tuple[datetime, str] | None) -> Page:
    problems: list[FieldProblem] = []
    first = moment_of("from", query["from"], 0, problems)
    last = moment_of("to", query["to"], 1, problems)
    if first is not None and last is not None and last <= first:
        problems.append(OUT_OF_ORDER("to"))
    if problems:
        raise InvalidFields(problems)
    # A day is asked for once: its zone may be another one by the next page.
    times = {name: iso(at) for name, at in (("from", first), ("to", last)) if at is not None}
    next_query = {name: value for name, value in query.items() if value} | times
    return Page(
        rows=query["rows"],
        status=query["status"],
        first=first,
        last=last,
        pipeline=query["pipeline"],
        client_ref=query["client_ref"],
        tags=tuple(query["tag"]),
        before=before,
        query=next_query | {"tag": [list(tag) for tag in query["tag"]]},
    )


async def list_calls(
    sor: SafeSqlor,
    owner: str,
    distributor_id: str,
    window: Page,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return `{rows, next}`: a page of calls, of those of the lines with the codes *only* (None: of
    all), and the cursor of what comes behind it for *owner*; None where nothing does."""
    pipelines = await _pipeline_ids(sor, window.pipeline, only)
    if pipelines == []:
        return {"rows": [], "next": None}
    rows = await read_rows(sor, distributor_id, window, pipelines)
    headers = [(header_of(row[1:]), row[0] or "") for row in rows[: window.rows]]
    more = None
    if len(rows) > window.rows:
        last = headers[-1][0]
        place = {"started_at": iso(last.started_at), "id": last.id}
        more = write_cursor(owner, window.query, place)
    amounts: dict[str, Decimal] = {}
    if headers:
        call_nos = sorted(header.call_no for header, _ in headers)
        amounts = dict(await sor.tuples(_AMOUNTS, {"call_nos": call_nos}))
    return {
        "rows": [
            call_summary(header, code, amounts.get(header.call_no, _NOTHING))
            | ({"archived": True} if header.archive_batch is not None else {})
            for header, code in headers
        ],
        "next": more,
    }


async def _pipeline_ids(
    sor: SafeSqlor, pipeline: str | None, only: Collection[str] | None
) -> list[str] | None:
    """Return the ids of the lines that a list is of; None: of all."""
    if pipeline is None and only is None:
        return None
    codes = sorted(only or ()) if pipeline is None else [pipeline]
    if only is not None:
        codes = [code for code in codes if code in only]
    if not codes:
        return []
    text = "select id from pipelines where code in ${codes}$"
    return await sor.firsts(text, {"codes": codes})
