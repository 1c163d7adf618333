"""
What a distributor used: sums per day, line, model or step, and the single lines.

A call counts where it began. Voided calls are left out; a call that is still running has no lines
yet. Reads only, over the index (distributor_id, started_at).
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import (
    FieldProblem,
    InvalidFields,
    Rule,
    SafeSqlor,
    check_params,
    day_bounds,
    iso,
    month_bounds,
    now,
    quota_month,
)
from pipeline_ops.pricing import with_shown_prices

GROUPS = {"day": "u.day_key", "pipeline": "p.code", "model": "u.model", "step": "u.step_key"}
LONGEST_DAYS = 400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A time from here on could not be reckoned with: the calendar ends.
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)
_ROW_ID = re.compile(r"[0-9a-zA-Z_-]{1,32}")
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


def span(start: str | None, end: str | None) -> Span:
    """
    The time that the parameters `from` and `to` mean; by default this quota month until now.

    A date is a whole quota day, `to` included; a time is exact, `to` excluded. Raises
    InvalidFields, also for more than 400 days.
    """
    problems: list[FieldProblem] = []
    first = _moment("from", start, 0, problems) or month_bounds(quota_month(now()))[0]
    last = _moment("to", end, 1, problems) or max(now(), first) + timedelta(milliseconds=1)
    if not problems and last <= first:
        problems.append(FieldProblem("to", "out_of_order", "The end must be after the start."))
    if not problems and last - first > timedelta(days=LONGEST_DAYS):
        problems.append(
            FieldProblem("to", "too_long", "Ask for at most {most} days.", most=LONGEST_DAYS)
        )
    if problems:
        raise InvalidFields(problems)
    return Span(first, last)


async def sums(
    sor: SafeSqlor, distributor_id: str, asked: Span, group_by: str
) -> list[dict[str, Any]]:
    """Calls, quantity and amount per group and unit; *group_by* is one of GROUPS."""
    column = GROUPS[group_by]
    rows: list[dict[str, Any]] = await sor.sqlExe(
        f"select {column} as `{group_by}`, u.unit, u.currency,"
        " count(distinct u.call_no) as calls, sum(u.quantity) as quantity, sum(u.amount) as amount"
        f"{_WHERE} and u.line_no > 0 group by {column}, u.unit, u.currency"
        f" order by {column}, u.unit, u.currency",
        _values(distributor_id, asked),
    )
    return rows


async def total(sor: SafeSqlor, distributor_id: str, asked: Span) -> dict[str, Any]:
    """How many calls were made, and what all of it costs."""
    row = await sor.one(
        f"select coalesce(sum(u.line_no = 0), 0) as calls, sum(u.amount) as amount{_WHERE}",
        _values(distributor_id, asked),
    )
    assert row is not None
    return {"calls": int(row["calls"]), "amount": row["amount"] or Decimal("0.0000000000")}


async def lines(
    sor: SafeSqlor, distributor_id: str, asked: Span, cursor: str | None, most: int
) -> tuple[list[dict[str, Any]], str | None]:
    """
    Up to *most* lines in the order they began, from behind *cursor* on, and the next cursor.

    Pages are cut at a key, not counted off: no line comes twice or is left out while calls are
    booked. A call that ends while pages are read has its lines where it began, perhaps on a page
    that was read already. Raises InvalidFields for a cursor that was not given by this function.
    """
    after, after_id = _read_cursor(cursor) if cursor else (asked.start, "")
    rows = await sor.sqlExe(
        "select u.id, u.call_no, u.line_no, p.code as pipeline, u.version_no, u.step_key, u.model,"
        " u.unit, u.quantity, u.pricing_type, u.unit_price, u.unit_size, u.package_size,"
        " u.package_price, u.amount, u.currency, u.status, u.started_at, u.finished_at"
        f"{_WHERE} and u.line_no > 0 and u.started_at >= ${{after}}$"
        " and (u.started_at > ${after}$ or u.id > ${after_id}$)"
        " order by u.started_at, u.id limit ${most}$",
        _values(distributor_id, asked)
        | {"after": max(after, asked.start), "after_id": after_id, "most": most + 1},
    )
    shown = rows[:most]
    more = _write_cursor(shown[-1]) if len(rows) > most else None
    return [with_shown_prices({n: row[n] for n in row if n != "id"}) for row in shown], more


def _values(distributor_id: str, asked: Span) -> dict[str, Any]:
    return {"distributor_id": distributor_id, "start": asked.start, "end": asked.end}


def _moment(
    name: str, text: str | None, edge: int, problems: list[FieldProblem]
) -> datetime | None:
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return day_bounds(text)[edge]
        found: datetime = check_params({name: Rule(kind="datetime")}, {name: text})[name]
        if found < _LATEST:
            return found
        raise ValueError(text)
    except InvalidFields as exc:
        problems += exc.problems
    except ValueError:
        problems.append(
            FieldProblem(name, "bad_date", "Give a date such as {example}.", example="2026-11-24")
        )
    return None


def _write_cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(f"{iso(row['started_at'])} {row['id']}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        when, _, row_id = base64.urlsafe_b64decode(cursor).decode("ascii").partition(" ")
        moment = datetime.fromisoformat(when.replace("Z", "+00:00"))
        if _ROW_ID.fullmatch(row_id) and moment.tzinfo is not None:
            return moment.astimezone(UTC), row_id
    except (binascii.Error, ValueError, OverflowError):
        pass
    raise InvalidFields(
        [FieldProblem("next", "bad_cursor", "Send `next` as the answer before gave it.")]
    )
