"""
Closing a month of a distributor: once, in order, for good.

The distributor's row is locked and written first, as every booking does (`entry_no`): what is
settled before has its row before the content is read, what comes after sees `closed_month` and goes
into the open month. On several database nodes too: the loser of two that wrote the row is repeated.

What the statement says is kept in that transaction; its files are made after it.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    Change,
    SafeSqlor,
    get_row,
    in_transaction,
    iso,
    month_bounds,
    now,
    record_changes,
    time_ordered_id,
)
from pipeline_dist.accounts.distributors import TABLE as DISTRIBUTORS
from pipeline_dist.accounts.rows import Distributor, distributor_of
from pipeline_dist.closing import store
from pipeline_dist.closing.content import content_checksum, statement_content
from pipeline_dist.closing.errors import (
    CALLS_RUNNING,
    MONTH_CLOSED,
    MONTH_NOT_OVER,
    OLDER_MONTH_OPEN,
)
from pipeline_dist.closing.files import keep_all_files
from pipeline_dist.closing.store import Statement
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import add_events
from pipeline_dist.reports.statement import HAS_STATEMENT, Closing, statement

log = logging.getLogger("pipeline_dist.closing")

_ROWS = (
    "select count(*) as row_count, coalesce(sum(u.calls), 0) as calls,"
    " coalesce(sum(u.amount), 0) as amount,"
    " coalesce(sum(u.line_no = 0 and u.status = 'reserved'), 0) as running"
    # All of it is in this index.
    " from pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
    " where u.distributor_id = ${id}$ and u.month_key = ${month}$ and u.entry_type <> 'topup'"
)


async def months_with_rows(sor: SafeSqlor, row: Mapping[str, Any], until: str) -> list[str]:
    """Return the months up to *until* that are not closed for the distributor of *row* and have
    something that a statement lists, in order."""
    months = await sor.firsts(
        "select m.month from (select distinct u.distributor_id, u.month_key as month"  # noqa: S608  constants
        " from pipeline_usage_log u where u.distributor_id = ${id}$ and u.month_key > ${closed}$"
        f" and u.month_key <= ${{until}}$) m where {HAS_STATEMENT} order by m.month",
        {"id": row["id"], "closed": row["closed_month"] or "", "until": until},
    )
    return [str(month) for month in months]


async def close_month(
    sor: SafeSqlor, distributor_id: str, month: str, actor: Actor
) -> Statement | None:
    """
    Close *month* for a distributor, with the months before it that have nothing in them; its
    statement, None where there is nothing in it.

    Raises NotFound, Conflict `month_not_over`, `month_closed`, `older_month_open` (`month`: the
    next one), `calls_running`.
    """
    row = await get_row(sor, DISTRIBUTORS, distributor_id, lock=True)
    check_over(month)
    if row["closed_month"] is not None and month <= row["closed_month"]:
        raise MONTH_CLOSED(extra={"closed_month": row["closed_month"]}, month=month)
    months = await months_with_rows(sor, row, month)
    if months and months[0] < month:
        raise OLDER_MONTH_OPEN(extra={"month": months[0]}, month=months[0])
    result = None
    if months:
        result = await _keep_statement(sor, distributor_of(row), month, actor)
    await sor.sqlExe(
        "update distributors set closed_month = ${month}$, entry_no = ${entry_no}$"
        " where id = ${id}$",
        {"month": month, "entry_no": row["entry_no"], "id": distributor_id},
    )
    if result is not None:
        await add_events(sor, [_closed_event(result)])
    before, after = {"closed_month": row["closed_month"]}, {"closed_month": month}
    detail = {"month": month, "number": result.number if result else None}
    await record_changes(
        sor, actor, Change("close_month", DISTRIBUTORS, row, before, after, detail)
    )
    return result


def _closed_event(result: Statement) -> NewEvent:
    names = ("number", "month", "total", "currency", "calls", "checksum", "closed_at")
    data = {name: getattr(result, name) for name in names}
    return NewEvent(
        result.distributor_id, EventType.STATEMENT_CLOSED, result.month, data
    )  # fmt: skip


async def close(distributor_id: str, month: str, actor: Actor) -> Statement | None:
    """Do as `close_month` in a transaction of its own, and make the files of the statement, when
    nothing is locked any more."""
    result = await in_transaction(lambda sor: close_month(sor, distributor_id, month, actor))
    if result is not None:
        await keep_all_files(result.id)
    return result


def check_over(month: str) -> None:
    """Raise Conflict `month_not_over` until the last day of *month* is over."""
    ends_at = month_bounds(month)[1]
    if ends_at > now():
        raise MONTH_NOT_OVER(extra={"ends_at": ends_at}, month=month)


async def _keep_statement(
    sor: SafeSqlor, distributor: Distributor, month: str, actor: Actor
) -> Statement:
    counts = await sor.one(_ROWS, {"id": distributor.id, "month": month})
    assert counts is not None
    if counts["running"]:
        running = int(counts["running"])
        raise CALLS_RUNNING(extra={"running": running}, month=month, count=running)
    closing = Closing(await store.next_number(sor, month), now())
    document = await statement(sor, distributor, month, closing)
    if (document["calls"], document["amount"]) != (int(counts["calls"]), counts["amount"]):
        # What is closed is closed for good: the ledger decides, whatever the sums of days say.
        log.error("sums of days differ from the ledger: run check-ledger --month %s", month)
        document = await statement(sor, distributor, month, closing, of_ledger=True)
    content = await asyncio.to_thread(statement_content, document)
    result = Statement(
        id=time_ordered_id(),
        number=closing.number,
        distributor_id=distributor.id,
        month=month,
        zone=document["time_zone"],
        starts_at=document["from"],
        ends_at=document["to"],
        currency=document["currency"],
        calls=document["calls"],
        amount=document["amount"],
        total=document["total"],
        entry_no=distributor.entry_no,
        row_count=int(counts["row_count"]),
        checksum=content_checksum(content),
        closed_at=closing.moment,
        closed_by=actor.user_id or "",
    )
    await store.keep(sor, result, content)
    return result


def closed_answer(result: Statement | None, month: str) -> dict[str, Any]:
    """Return what is answered of a month that was closed."""
    return {
        "month": month,
        "status": "closed",
        "number": result.number if result else None,
        "total": result.total if result else None,
        "currency": result.currency if result else None,
        "checksum": result.checksum if result else None,
        "closed_at": iso(result.closed_at) if result else None,
    }
