"""The statements of a distributor's closed months, page by page, the newest first."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import FieldRule, SafeSqlor
from pipeline_dist.closing import store
from pipeline_dist.reports.cursors import read_cursor, write_cursor
from pipeline_dist.reports.statement import round_amount

PAGE_QUERY = {"rows": FieldRule(kind="int", minimum=1, maximum=100, default=20)}
NUMBER_RULE = FieldRule(kind="str", length=24, pattern=re.compile("[0-9]{4}-[0-9]{2}-[0-9]{4,}"))
_PLACE = {"month": FieldRule(kind="str", length=7, required=True)}


@dataclass(frozen=True)
class Page:
    """`rows` statements of months before `before`; of the newest for ''."""

    rows: int
    before: str = ""


def page(owner: str, query: Mapping[str, Any], names: Collection[str]) -> Page:
    """
    Return the page that the parameters *query* mean; of them *names* were sent. With `next` it is
    the one behind that of the cursor, which was made for *owner*.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    if not query["next"]:
        return Page(query["rows"])
    cursor = read_cursor(owner, query["next"], query=PAGE_QUERY, place=_PLACE)
    cursor.check_same({name: query[name] for name in PAGE_QUERY if name in names})
    return Page(cursor.query["rows"], cursor.place["month"])


async def list_page(
    sor: SafeSqlor, owner: str, distributor_id: str, window: Page
) -> dict[str, Any]:
    """Return `{rows, next}`: a page of statements, and the cursor of what comes behind it for
    *owner*; None where nothing does."""
    all_rows = await store.newest(sor, distributor_id, before=window.before, rows=window.rows + 1)
    rows, more = all_rows[: window.rows], None
    if len(all_rows) > window.rows:
        more = write_cursor(owner, {"rows": window.rows}, {"month": rows[-1]["month"]})
    shown_rows = [{**row, "total": round_amount(row["total"], row["currency"])} for row in rows]
    return {"rows": shown_rows, "next": more}
