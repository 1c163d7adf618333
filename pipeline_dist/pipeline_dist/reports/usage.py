"""
What a distributor used: sums by what is asked for, and the single lines.

A call counts where it began: on its quota day, or in the month of its statement. A call that is
still running has no lines yet. Reads only.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
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
    month_bounds,
    now,
    quota_day,
    quota_month,
)
from pipeline_dist.reports.cursors import Cursor, read_cursor, write_cursor
from pipeline_dist.reports.usage_groups import HEADER_OF_ROW, Grouping, group_sums
from pipeline_ops.errors import PERIOD_TOO_LONG
from pipeline_ops.ledger.call_tags import read_tags
from pipeline_ops.ledger.entries import starts_of_days
from pipeline_ops.ledger.matches import MATCH_COLUMNS, PRICE_OF_ROW
from pipeline_ops.rollup.kinds import TOTALS
from pipeline_ops.rollup.ledger_rows import FIRST_DAY, LAST_DAY
from pipeline_ops.rollup.read import UsageReader, Use, of_month, usage_source
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.pricing import with_shown_prices

MAX_ENTRY_NO = 2**63 - 1
MAX_DAYS = 400
DAY_OR_TIME = "day_or_time"
PAGE_QUERY = {
    "month": MONTH_RULE,
    "from": FieldRule(kind="str", length=40, format=DAY_OR_TIME),
    "to": FieldRule(kind="str", length=40, format=DAY_OR_TIME),
    "rows": FieldRule(kind="int", minimum=1, maximum=1000, default=100),
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE = {
    "entry_no": FieldRule(kind="int", minimum=0, required=True),
    "line_no": FieldRule(kind="int", minimum=0, required=True),
}
# Before and behind these a time could not be reckoned with: a year has four digits, and the month
# of the last one has no next.
_EARLIEST, _LATEST = datetime(1000, 1, 2, tzinfo=UTC), datetime(9999, 11, 30, tzinfo=UTC)
_LINES = (
    "select u.entry_no, u.entry_type, u.call_no, u.line_no, p.code as pipeline, u.version_no,"  # noqa: S608  constants
    " u.step_key, u.model,"
    " u.unit, u.quantity, u.pricing_type, u.unit_price, u.unit_size, u.package_size,"
    f" u.package_price, u.amount, {MATCH_COLUMNS},"
    " u.currency, u.calls, u.status, u.started_at, u.finished_at, u.reason, u.reference,"
    " if(u.line_no = 0, u.client_ref, h.client_ref) as client_ref, u.archive_batch"
    " from pipeline_usage_log u force index (pipeline_usage_log_entry)"
    # Adjustments and top-ups have no line.
    f" left join pipelines p on p.id = u.pipeline_id{PRICE_OF_ROW}{HEADER_OF_ROW}"
    " where u.distributor_id = ${distributor_id}$ and "
)
_IN_MONTH = "u.month_key = ${month}$"
_ON_DAYS = (
    "u.day_key between ${first_day}$ and ${last_day}$"
    " and u.started_at >= ${earliest}$ and u.started_at < ${latest}$"
)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """
    A time from `start` up to and without `end`.

    What belongs to it is said by the rows' own quota days, `first_day` to `last_day`, where it
    begins and ends with a day, and by the starts of calls, from `earliest` up to and without
    `latest`, where it does not; or, with `month`, by the month of their statement.
    """

    start: datetime
    end: datetime
    first_day: str
    last_day: str
    earliest: datetime
    latest: datetime
    month: str | None = None

    @property
    def condition(self) -> str:
        """What a row `u` of the ledger fulfils that belongs to it."""
        return _IN_MONTH if self.month else _ON_DAYS

    def use(self, distributor_id: str, pipeline_id: str | None = None) -> Use:
        """Return what a distributor used in it, with *pipeline_id* of that pipeline."""
        if self.month:
            return of_month(distributor_id, self.month)
        return Use(
            distributor_id=distributor_id,
            pipeline_id=pipeline_id,
            first_day=self.first_day,
            last_day=self.last_day,
            earliest=self.earliest if self.first_day == FIRST_DAY else None,
            latest=self.latest if self.last_day == LAST_DAY else None,
        )

    @property
    def values(self) -> dict[str, Any]:
        """The values in `condition`."""
        if self.month:
            return {"month": self.month}
        names = ("first_day", "last_day", "earliest", "latest")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Page:
    """
    Up to `rows` lines of a time that stand behind `after`: the number of a settlement and of a line
    in it. `query` is what the pages behind it are asked with.
    """

    span: Span
    rows: int
    after: tuple[int, int]
    query: Mapping[str, Any]


def whole_days(first: str, last: str) -> Span:
    """Return the time of the quota days *first* to *last*."""
    return _span_of_days(day_bounds(first)[0], day_bounds(last)[1])


def month_span(month: str) -> Span:
    """Return the time of what stands in the statement of *month*."""
    return replace(_span_of_days(*month_bounds(month)), month=month)


def span(start: str | None, end: str | None, *, may_be_long: bool = False) -> Span:
    """
    Return the time that the parameters `from` and `to` mean; by default this quota month until now.

    A date is a whole quota day, `to` included; a time is exact, `to` excluded. Raises
    InvalidFields, also for more than 400 days, unless it *may_be_long*.
    """
    problems: list[FieldProblem] = []
    first = moment_of("from", start, 0, problems) or month_bounds(quota_month(now()))[0]
    last = moment_of("to", end, 1, problems) or max(now(), first) + _MILLISECOND
    if not problems and last <= first:
        problems.append(OUT_OF_ORDER("to"))
    if not problems and not may_be_long and last - first > timedelta(days=MAX_DAYS):
        problems.append(PERIOD_TOO_LONG("to", most=MAX_DAYS))
    if problems:
        raise InvalidFields(problems)
    result = _span_of_days(first, last)
    if _is_time(start):
        result = replace(result, first_day=FIRST_DAY, earliest=first)
    if _is_time(end):
        result = replace(result, last_day=LAST_DAY, latest=last)
    return result


def _span_of_days(start: datetime, end: datetime) -> Span:
    """Return the time of all quota days that *start* to *end* touches."""
    first_day, last_day = quota_day(start), quota_day(end - _MILLISECOND)
    earliest, latest = starts_of_days(first_day, last_day)
    return Span(
        start=start,
        end=end,
        first_day=first_day,
        last_day=last_day,
        earliest=earliest,
        latest=latest,
    )


def query_span(query: Mapping[str, Any], *, is_open: bool = False) -> Span:
    """Return the time that the parameters *query* mean: a `month`, or `from` and `to`; *is_open*:
    it has grown to now since it was asked for."""
    if query["month"]:
        return month_span(query["month"])
    return span(query["from"], query["to"], may_be_long=is_open)


def page(owner: str, query: Mapping[str, Any], names: Collection[str]) -> Page:
    """
    Return the page that the parameters *query* mean; of them *names* were sent. With `next` it is
    the page behind that of the cursor, which was made for *owner*, of the same time and length;
    where the first was asked for no end, the time goes on to now.

    Raises InvalidFields, also for a parameter that is otherwise than in the cursor's query.
    """
    if not query["next"]:
        times = query_span(query)
        next_query = {name: query[name] for name in ("month", "from", "to", "rows") if query[name]}
        if not query["month"]:
            # The start stays where it was when the month turns.
            next_query["from"] = query["from"] or quota_day(times.start)
        return Page(times, query["rows"], (0, 0), next_query)
    cursor = read_cursor(owner, query["next"], query=PAGE_QUERY, place=_PLACE)
    # Who reads on and on does so for longer than anybody may ask for at once.
    times = query_span(cursor.query, is_open=not cursor.query["to"])
    _check_same(cursor, times, {name: query[name] for name in PAGE_QUERY if name in names})
    next_query = {name: value for name, value in cursor.query.items() if value}
    after = (cursor.place["entry_no"], cursor.place["line_no"])
    return Page(times, cursor.query["rows"], after, next_query)


def _check_same(cursor: Cursor, times: Span, query: Mapping[str, Any]) -> None:
    """Raise InvalidFields for what *query* says otherwise than the cursor's query, which means
    *times*; one time may be written in many ways."""
    problems: list[FieldProblem] = []
    parameters = dict(query)
    for edge, (name, moment) in enumerate({"from": times.start, "to": times.end}.items()):
        if name in query and moment_of(name, query[name], edge, problems) in (None, moment):
            parameters[name] = cursor.query[name]
    if problems:
        raise InvalidFields(problems)
    cursor.check_same(parameters)


async def sums(
    sor: SafeSqlor, distributor_id: str, period: Span, group_by: str
) -> list[dict[str, Any]]:
    """
    Return the calls, the quantity and the amount per group and unit; *group_by* as `Grouping.of`
    takes it.

    A call counts in each group where it has an item that was not reversed, so that the calls do not
    add up to those of `total`. The amounts do: adjustments, which are of no line, stand in groups
    without a unit. Raises InvalidFields for too many groups.
    """
    use, grouping = period.use(distributor_id), Grouping.of(group_by)
    return await group_sums(sor, use, grouping, period.start)


async def total(sor: SafeSqlor, distributor_id: str, period: Span) -> dict[str, Any]:
    """Return how many calls were made, and what all of it costs."""
    columns = ("entry_type", "calls", "amount")
    source = await usage_source(sor, period.use(distributor_id), (TOTALS,), columns)
    row = await sor.one(
        "select coalesce(sum(r.calls), 0) as calls, sum(r.amount) as amount"  # noqa: S608  constants
        f" from {source.text} where r.entry_type <> 'topup'",
        source.values,
    )
    assert row is not None
    return {"calls": int(row["calls"]), "amount": row["amount"] or Decimal("0.0000000000")}


async def list_lines(
    sor: SafeSqlor, owner: str, distributor_id: str, window: Page
) -> tuple[list[dict[str, Any]], str]:
    """
    One page of lines in the order they were settled, and the cursor of what comes behind it for
    *owner*: also where nothing does yet, so that a reader who keeps it goes on from there. All that
    is settled is in it, once: calls that used nothing, reversals, adjustments and top-ups as well,
    so that the numbers of settlement have no gap. What is archived is one line a settlement.

    The numbers of settlement are written in the order of the commits (ledger/numbers.py), so a line
    that is not there yet has a higher one: none comes twice or is left out, also of a call that
    ends late.
    """
    first, end = await _numbers(sor, distributor_id, window.span)
    rows = await sor.sqlExe(
        f"{_LINES}{window.span.condition} and u.entry_no >= ${{first}}$"
        " and u.entry_no <= ${end}$ and (u.entry_no > ${after}$ or u.line_no > ${after_line}$)"
        # One call has a number: its number is in the order only because it is in the index.
        " order by u.entry_no, u.call_no, u.line_no limit ${most}$",
        {
            "distributor_id": distributor_id,
            **window.span.values,
            "first": max(first, window.after[0]),
            "end": end,
            "after": window.after[0],
            "after_line": window.after[1],
            "most": window.rows,
        },
    )
    last = (rows[-1]["entry_no"], rows[-1]["line_no"]) if rows else window.after
    place = dict(zip(_PLACE, last, strict=True))
    tags = await read_tags(sor, [row["call_no"] for row in rows])
    lines = [_usage_line(row) | {"tags": tags.get(row["call_no"], {})} for row in rows]
    return lines, write_cursor(owner, window.query, place)


def _usage_line(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the ledger as it is told; of an archived settlement there is one, without an
    item."""
    line = with_shown_prices(row)
    is_archived = line.pop("archive_batch") is not None
    return line | {"matched": None, "archived": True} if is_archived else line


async def _numbers(sor: SafeSqlor, distributor_id: str, period: Span) -> tuple[int, int]:
    """Return a first and a last number of settlement between which stands all of *period*: what
    comes before and behind in the index need not be looked through."""
    reader = await UsageReader.open(sor, period.use(distributor_id), without_states=True)
    if not reader.is_built:
        return 0, MAX_ENTRY_NO
    source = reader.source((TOTALS,), ("first_entry", "last_entry"))
    row = await sor.one(
        "select min(r.first_entry) as first, max(r.last_entry) as last"  # noqa: S608  constants
        f" from {source.text}",
        source.values,
    )
    return (row["first"], row["last"]) if row and row["last"] is not None else (0, 0)


def _is_time(text: str | None) -> bool:
    """Return whether a parameter is an exact time, and not a day or left out."""
    return bool(text) and not _DAY.fullmatch(str(text))


def moment_of(
    name: str, text: str | None, edge: int, problems: list[FieldProblem]
) -> datetime | None:
    """Return the time that the parameter *name* means: a day's start (*edge* 0) or end (1), or an
    exact one; None for none, and where it is none, which goes to *problems*."""
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            moment = day_bounds(text)[edge]
        else:
            moment = check_params({name: FieldRule(kind="datetime")}, {name: text}, strict=True)[
                name
            ]
        if _EARLIEST <= moment < _LATEST:
            return moment
        raise ValueError(text)
    except InvalidFields as exc:
        problems += exc.problems
    except ValueError:
        problems.append(BAD_DATE(name, example="2026-11-24"))
    return None
