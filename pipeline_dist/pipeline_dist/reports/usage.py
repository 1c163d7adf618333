"""
What a distributor used: sums per day, line, model or step, and the single lines.

A call counts where it began. Voided calls are left out; a call that is still running has no lines
yet. Reads only, over the index (distributor_id, started_at).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import (
    BAD_DATE,
    OUT_OF_ORDER,
    FieldProblem,
    FieldRule,
    InvalidFields,
    SafeSqlor,
    check_params,
    day_bounds,
    iso,
    month_bounds,
    now,
    quota_month,
)
from pipeline_dist.errors import TOO_MANY_DAYS
from pipeline_dist.reports.cursors import read_cursor, write_cursor
from pipeline_ops.rules.pricing import with_shown_prices

GROUPS = {"day": "u.day_key", "pipeline": "p.code", "model": "u.model", "step": "u.step_key"}
MAX_DAYS = 400
DAY_OR_TIME = "day_or_time"
PAGE_QUERY = {
    "from": FieldRule(kind="str", length=40, format=DAY_OR_TIME),
    "to": FieldRule(kind="str", length=40, format=DAY_OR_TIME),
    "rows": FieldRule(kind="int", minimum=1, maximum=1000, default=100),
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE = {
    "started_at": FieldRule(kind="datetime", required=True),
    "id": FieldRule(kind="str", length=32, required=True),
}
# A time from here on could not be reckoned with: the calendar ends.
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)
_WHERE = (
    " from pipeline_usage_log u join pipelines p on p.id = u.pipeline_id"
    " where u.distributor_id = ${distributor_id}$ and u.started_at >= ${start}$"
    " and u.started_at < ${end}$ and u.status <> 'voided'"
)


@dataclass(frozen=True)
class Span:
    """A time from `start` up to and without `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Page:
    """Up to `rows` lines of a time that stand behind `after`: a line's start and its id."""

    span: Span
    rows: int
    after: tuple[datetime, str]


def span(start: str | None, end: str | None) -> Span:
    """
    Return the time that the parameters `from` and `to` mean; by default this quota month until now.

    A date is a whole quota day, `to` included; a time is exact, `to` excluded. Raises
    InvalidFields, also for more than 400 days.
    """
    problems: list[FieldProblem] = []
    first = _moment("from", start, 0, problems) or month_bounds(quota_month(now()))[0]
    last = _moment("to", end, 1, problems) or max(now(), first) + timedelta(milliseconds=1)
    if not problems and last <= first:
        problems.append(OUT_OF_ORDER("to"))
    if not problems and last - first > timedelta(days=MAX_DAYS):
        problems.append(TOO_MANY_DAYS("to", most=MAX_DAYS))
    if problems:
        raise InvalidFields(problems)
    return Span(first, last)


def page(owner: str, query: Mapping[str, Any], names: Collection[str]) -> Page:
    """
    Return the page that the parameters *query* mean; of them *names* were sent. With `next` it is
    the page behind that of the cursor, which was made for *owner*, of the same time and length.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    if not query["next"]:
        times = span(query["from"], query["to"])
        return Page(times, query["rows"], (times.start, ""))
    cursor = read_cursor(owner, query["next"], query=PAGE_QUERY, place=_PLACE)
    times = span(cursor.query["from"], cursor.query["to"])
    problems: list[FieldProblem] = []
    whole_query = {
        "from": iso(_moment("from", query["from"], 0, problems) or times.start),
        "to": iso(_moment("to", query["to"], 1, problems) or times.end),
        "rows": query["rows"],
    }
    if problems:
        raise InvalidFields(problems)
    cursor.check_same({name: whole_query[name] for name in whole_query if name in names})
    after = max(cursor.place["started_at"], times.start)
    return Page(times, cursor.query["rows"], (after, cursor.place["id"]))


async def sums(
    sor: SafeSqlor, distributor_id: str, period: Span, group_by: str
) -> list[dict[str, Any]]:
    """Return the calls, the quantity and the amount per group and unit; *group_by* is one of
    GROUPS."""
    column = GROUPS[group_by]
    rows: list[dict[str, Any]] = await sor.sqlExe(
        f"select {column} as `{group_by}`, u.unit, u.currency,"
        " count(distinct u.call_no) as calls, sum(u.quantity) as quantity, sum(u.amount) as amount"
        f"{_WHERE} and u.line_no > 0 group by {column}, u.unit, u.currency"
        f" order by {column}, u.unit, u.currency",
        _values(distributor_id, period),
    )
    return rows


async def total(sor: SafeSqlor, distributor_id: str, period: Span) -> dict[str, Any]:
    """Return how many calls were made, and what all of it costs."""
    row = await sor.one(
        f"select coalesce(sum(u.line_no = 0), 0) as calls, sum(u.amount) as amount{_WHERE}",
        _values(distributor_id, period),
    )
    assert row is not None
    return {"calls": int(row["calls"]), "amount": row["amount"] or Decimal("0.0000000000")}


async def list_lines(
    sor: SafeSqlor, owner: str, distributor_id: str, window: Page
) -> tuple[list[dict[str, Any]], str | None]:
    """
    One page of lines in the order they began, and the cursor of the next page for *owner*.

    Pages are cut at a key, not counted off: no line comes twice or is left out while calls are
    booked. A call that ends while pages are read has its lines where it began, perhaps on a page
    that was read already.
    """
    rows = await sor.sqlExe(
        "select u.id, u.call_no, u.line_no, p.code as pipeline, u.version_no, u.step_key, u.model,"
        " u.unit, u.quantity, u.pricing_type, u.unit_price, u.unit_size, u.package_size,"
        " u.package_price, u.amount, u.currency, u.status, u.started_at, u.finished_at"
        f"{_WHERE} and u.line_no > 0 and u.started_at >= ${{after}}$"
        " and (u.started_at > ${after}$ or u.id > ${after_id}$)"
        " order by u.started_at, u.id limit ${most}$",
        _values(distributor_id, window.span)
        | {"after": window.after[0], "after_id": window.after[1], "most": window.rows + 1},
    )
    page_rows, more = rows[: window.rows], None
    if len(rows) > window.rows:
        query = {"from": iso(window.span.start), "to": iso(window.span.end), "rows": window.rows}
        more = write_cursor(owner, query, {name: page_rows[-1][name] for name in _PLACE})
    return [with_shown_prices({n: row[n] for n in row if n != "id"}) for row in page_rows], more


def _values(distributor_id: str, period: Span) -> dict[str, Any]:
    return {"distributor_id": distributor_id, "start": period.start, "end": period.end}


def _moment(
    name: str, text: str | None, edge: int, problems: list[FieldProblem]
) -> datetime | None:
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return day_bounds(text)[edge]
        moment: datetime = check_params(
            {name: FieldRule(kind="datetime")}, {name: text}, strict=True
        )[name]
        if moment < _LATEST:
            return moment
        raise ValueError(text)
    except InvalidFields as exc:
        problems += exc.problems
    except ValueError:
        problems.append(BAD_DATE(name, example="2026-11-24"))
    return None
