"""
The list of a table that is too large to be sorted and searched at will.

How the rows are reached is settled from the model's indexes (app/records/plans.py) and by asking
the database how many rows it would read for the filter. Where these are few, the list is like any
other. Where they are many it is sorted by what an index carries, and searched by the beginnings
of texts; the answer says so in `large`, for the page to say it before somebody tries:
`sortable` and `searchable` are columns, `order` is what the rows are sorted by, and below `limit`
rows everything is possible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.base.catalogue.records import NOTHING_TO_SEARCH, SORT_WITHOUT_INDEX
from app.base.settings import settings
from app.db.sqlor import SafeSqlor
from app.endpoints.list_search import PrefixSearch, prefix_search, search_paths
from app.records.filters import Node
from app.records.plans import (
    Bounds,
    Plan,
    Reach,
    Terms,
    bounds,
    filter_indexes,
    in_full,
    sort_plan,
    sortable_columns,
    usual_plan,
)
from app.records.selection import Selection

Large = tuple[Selection, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a list: a filter, an order (`is_usual`: the list's own), a search."""

    node: Node | None
    terms: Terms
    is_usual: bool
    text: str


async def large_list(sor: SafeSqlor, request: Request, whole: Selection, bare: Selection) -> Large:
    """
    Return how a large table is read for *request*, and what the answer says of it.

    *whole* searches all texts, *bare* leaves the search out. Raises BadRequest `bad_sort`,
    `bad_search`.
    """
    model, most = whole.table, settings().options.list_counted_rows
    limits = bounds(request.node)
    indexes = filter_indexes(model, limits)
    reach = await bare.reach(sor, indexes) if indexes else None
    if reach is not None and reach.rows <= most:
        return _read_by(whole, reach), {}
    paths = await search_paths(sor, model, limits)
    words: Mapping[str, Any] = {
        "limit": most,
        "sortable": sortable_columns(model, limits),
        "searchable": [path.column.name for path in paths],
    }
    selection = bare
    if request.text:
        if not paths:
            raise NOTHING_TO_SEARCH(most=most)
        search = prefix_search(paths, request.text)
        selection = _search(bare, search)
        hits = await selection.reach(sor, tuple(dict.fromkeys((*indexes, *search.indexes))))
        if hits is not None and hits.rows <= most:
            # So few may be sorted by anything.
            large = {**words, "sortable": None, "order": _words(in_full(model, request.terms))}
            return _read_by(selection, hits), {"large": large}
    plan = _plan(selection, request, limits, reach, most)
    large = {**words, "order": _words(plan.terms)}
    by_plan = replace(selection, indexes=plan.indexes, terms=plan.terms, is_large=True)
    # What a search finds too much of is met soon in any order; gathered first, it is all read.
    counting = plan.indexes if request.text else reach.indexes if reach else ()
    return replace(by_plan, count_indexes=counting), {"large": large}


def _read_by(selection: Selection, reach: Reach) -> Selection:
    return replace(selection, indexes=reach.indexes, count_indexes=reach.indexes, is_large=True)


def _search(selection: Selection, search: PrefixSearch) -> Selection:
    where = f"{selection.where} and {search.sql}" if selection.where else search.sql
    return replace(selection, where=where, values=selection.values | search.values)


def _plan(
    selection: Selection, request: Request, limits: Bounds, reach: Reach | None, most: int
) -> Plan:
    model = selection.table
    if request.is_usual:
        return usual_plan(model, limits, request.terms, reach)
    plan = sort_plan(model, limits, request.terms)
    if plan is None:
        columns = ", ".join(sortable_columns(model, limits))
        raise SORT_WITHOUT_INDEX(sort=_words(request.terms), known=columns, most=most)
    return plan


def _words(terms: Terms) -> str:
    return ",".join(map(str, terms))
