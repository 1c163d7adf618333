"""Months that are due: closed by a worker some days after their end, oldest first."""

import logging
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    SYSTEM_ACTOR,
    Actor,
    AppError,
    Gauge,
    month_bounds,
    quota_month,
    reading,
    settings,
)
from pipeline_dist.closing.close import close, months_with_rows
from pipeline_dist.closing.store import Statement

NOT_CLOSED = (
    "select id, code, closed_month, statements_from, created_at from distributors"
    " where (closed_month is null or closed_month < ${until}$) order by code"
)

log = logging.getLogger("pipeline_dist.closing")
_waiting = Gauge(
    "pipeline_statements_waiting",
    "Distributors with a month that is due and could not be closed",
    merging="latest",
)


def month_before(month: str) -> str:
    """Return the month before *month*."""
    start, _ = month_bounds(month)
    return quota_month(start - timedelta(milliseconds=1))


def due_month(moment: datetime) -> str:
    """Return the last month that ended `statement_grace_days` or more before *moment*."""
    grace = timedelta(days=settings().options.statement_grace_days)
    return month_before(quota_month(moment - grace))


async def close_due(moment: datetime) -> int:
    """
    Close every month that is due at *moment*; how many distributors' months that were.

    Where one distributor's cannot be closed, the log says why, and the others' are closed.
    """
    until = due_month(moment)
    async with reading() as sor:
        rows = await sor.sqlExe(NOT_CLOSED, {"until": until})
    count = waiting_count = 0
    for row in filter(lambda row: _is_due(row, until), rows):
        month_count = 0
        try:
            month_count = await _close_due_of(row, until)
        except AppError as exc:
            log.warning("closing months of %s waits: %s", row["code"], exc)
        except Exception:
            log.exception(
                "closing months of %s failed", row["code"], extra={"action": "close_failed"}
            )
        count += month_count
        waiting_count += not month_count
    _waiting.set(waiting_count)
    return count


def _is_due(row: dict[str, Any], until: str) -> bool:
    # What was entered for months before there was the distributor may go on being entered.
    begin = row["statements_from"] or quota_month(row["created_at"])
    return bool(begin <= until)


async def _close_due_of(row: dict[str, Any], until: str) -> int:
    if row["statements_from"] is None:
        return await _close_until(row, until)
    return await _close_since(row, until)


async def _close_since(row: dict[str, Any], until: str) -> int:
    """Close up to *until* unless something from before `statements_from` is open, which is for
    people to close."""
    async with reading() as sor:
        months = await months_with_rows(sor, row, month_before(row["statements_from"]))
    return 0 if months else await _close_until(row, until)


async def _close_until(row: dict[str, Any], until: str) -> int:
    try:
        return len(await close_up_to(row["id"], until, SYSTEM_ACTOR))
    except AppError as exc:
        if exc.code not in ("calls_running", "month_closed", "older_month_open"):
            raise
        return 0  # it waits, or another process was here


async def close_up_to(
    distributor_id: str, until: str, actor: Actor
) -> list[tuple[str, Statement | None]]:
    """
    Close every month up to *until* for a distributor, each in a transaction of its own, oldest
    first; each with its statement, if it has one.

    Raises what `close_month` raises; months before are closed then.
    """
    pairs: list[tuple[str, Statement | None]] = []
    while (month := await _next(distributor_id, until)) is not None:
        pairs.append((month, await close(distributor_id, month, actor)))
    return pairs


async def _next(distributor_id: str, until: str) -> str | None:
    async with reading() as sor:
        row = await sor.one(
            "select id, closed_month from distributors where id = ${id}$", {"id": distributor_id}
        )
        if row is None or (row["closed_month"] or "") >= until:
            return None
        months = await months_with_rows(sor, row, until)
    return months[0] if months else until
