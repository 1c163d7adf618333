"""
The ledger, pipeline_usage_log: every statement that writes it, each in one place.

A call has one header row (`line_no` 0) and one row per metered item. Rows are never removed.
All functions work inside the caller's transaction; whoever changes a call holds the locks of
its distributor, its line with the distributor and its capacity first, in this order.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import (
    Row,
    SafeSqlor,
    bulk_insert,
    bulk_update,
    quota_day,
    quota_month,
    time_ordered_id,
)
from pipeline_ops.ledger.states import COUNTED_STATUSES, CallStatus, statuses_before
from pipeline_ops.rules.pricing import PricedLine

EXPIRE_BATCH_SIZE = 200
TABLE = "pipeline_usage_log"

_COLUMNS = (
    "id", "call_no", "line_no", "distributor_id", "pipeline_id", "version_no", "step_key", "model",
    "unit", "quantity", "pricing_id", "pricing_type", "pricing_mode", "unit_price", "unit_size",
    "package_size", "package_price", "amount", "currency", "status", "idempotency_key",
    "request_hash", "end_hash", "client_ref", "error", "source", "started_at", "finished_at",
    "lease_seconds", "lease_expires_at", "duration_ms", "day_key", "month_key", "quota_key",
    "remark", "created_at", "created_by", "updated_at", "updated_by", "lock_version",
)  # fmt: skip
_EMPTY: dict[str, Any] = dict.fromkeys(_COLUMNS) | {
    "line_no": 0, "step_key": "", "model": "", "unit": "", "quantity": Decimal(0),
    "amount": Decimal(0), "lock_version": 1,
}  # fmt: skip
# What the rows of a call's lines have in common with its header.
_SHARED = (
    "call_no", "distributor_id", "pipeline_id", "version_no", "currency", "status",
    "idempotency_key", "source", "started_at", "finished_at", "day_key", "month_key", "quota_key",
)  # fmt: skip


# What the end of a call changes in its header.
_CLOSED = (
    "status", "finished_at", "duration_ms", "end_hash", "error", "currency", "updated_at",
    "updated_by", "lock_version",
)  # fmt: skip


def new_header(*, moment: datetime, by: str, **values: Any) -> dict[str, Any]:
    """
    Return the header row of a new call, not yet written. *values* need pipeline_id, status,
    currency, source and started_at (whose day and month the call belongs to).
    """
    call_no = time_ordered_id()
    started_at = values["started_at"]
    return _EMPTY | {
        "id": call_no,
        "call_no": call_no,
        "day_key": quota_day(started_at),
        "month_key": quota_month(started_at),
        "created_at": moment,
        "created_by": by,
        "updated_at": moment,
        "updated_by": by,
        **values,
    }


def line_rows(
    header: Mapping[str, Any], priced_lines: Sequence[PricedLine], *, moment: datetime, by: str
) -> list[dict[str, Any]]:
    """Return the rows of a call's priced lines, not yet written."""
    shared = {name: header[name] for name in _SHARED}
    return [
        _EMPTY
        | shared
        | {
            "id": time_ordered_id(),
            "line_no": line.line_no,
            "step_key": line.usage.step_key,
            "model": line.usage.model,
            "unit": line.usage.unit,
            "quantity": line.usage.quantity,
            "pricing_id": line.terms.pricing_id,
            "pricing_type": line.terms.pricing_type,
            "pricing_mode": line.terms.pricing_mode,
            "unit_price": line.terms.unit_price,
            "unit_size": line.terms.unit_size,
            "package_size": line.terms.package_size,
            "package_price": line.terms.package_price,
            "amount": line.amount,
            "created_at": moment,
            "created_by": by,
            "updated_at": moment,
            "updated_by": by,
        }
        for line in priced_lines
    ]


async def insert_rows(sor: SafeSqlor, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write *rows*; DuplicateKey for a repeated idempotency key."""
    filled = [name for name in _COLUMNS if any(row[name] is not None for row in rows)]
    await bulk_insert(sor, TABLE, filled, rows)


async def find_header(
    sor: SafeSqlor, call_no: str, *, distributor_id: str | None = None, lock: bool = False
) -> Row | None:
    """Find the header of a call; with *distributor_id* only if it is this distributor's."""
    row: Row | None = await sor.one(_HEADER_LOCKED if lock else _HEADER, {"call_no": call_no})
    if row is not None and distributor_id is not None and row.distributor_id != distributor_id:
        return None
    return row


async def find_places(sor: SafeSqlor, call_nos: Sequence[str]) -> list[Row]:
    """Return whose calls these are and of which lines: call_no, distributor_id, pipeline_id, as far
    as they are known. None of it ever changes."""
    rows: list[Row] = await sor.sqlExe(
        "select call_no, distributor_id, pipeline_id from pipeline_usage_log"
        " where call_no in ${call_nos}$ and line_no = 0",
        {"call_nos": list(call_nos)},
    )
    return rows


async def lock_headers(sor: SafeSqlor, call_nos: Sequence[str]) -> dict[str, Row]:
    """Lock the headers of calls, by call_no, in one order."""
    rows = await sor.sqlExe(
        "select * from pipeline_usage_log force index (pipeline_usage_log_call)"
        " where call_no in ${call_nos}$ and line_no = 0 order by call_no for update",
        {"call_nos": list(call_nos)},
    )
    return {row["call_no"]: row for row in rows}


async def find_by_keys(sor: SafeSqlor, distributor_id: str, keys: Sequence[str]) -> list[Row]:
    """Find the headers of a distributor's calls that were made with these idempotency keys."""
    rows: list[Row] = await sor.sqlExe(
        "select * from pipeline_usage_log where distributor_id = ${distributor_id}$"
        " and idempotency_key in ${keys}$ and line_no = 0",
        {"distributor_id": distributor_id, "keys": list(keys)},
    )
    return rows


async def lines_of(sor: SafeSqlor, call_no: str) -> list[Row]:
    """Return the metered items of a call, in their order."""
    lines_by_call = await lines_of_calls(sor, [call_no])
    return [row for rows in lines_by_call.values() for row in rows]


async def lines_of_calls(sor: SafeSqlor, call_nos: Sequence[str]) -> dict[str, list[Row]]:
    """Return the metered items of calls by call_no, each in their order; calls without any are not
    in it."""
    lines_by_call: dict[str, list[Row]] = {}
    rows = await sor.sqlExe(
        "select * from pipeline_usage_log where call_no in ${call_nos}$ and line_no > 0"
        " order by call_no, line_no",
        {"call_nos": list(call_nos)},
    )
    for row in rows:
        lines_by_call.setdefault(row["call_no"], []).append(row)
    return lines_by_call


async def close_calls(sor: SafeSqlor, headers: Sequence[Mapping[str, Any]]) -> None:
    """Write the ends of calls: what `_CLOSED` names of their locked headers."""
    await bulk_update(sor, TABLE, _CLOSED, headers)


async def void_call(
    sor: SafeSqlor, call_no: str, *, moment: datetime, by: str, reason: str | None
) -> Decimal:
    """Mark all rows of a call as voided, and tell the amount that is to be given back."""
    row = await sor.one(
        "select sum(amount) as amount from pipeline_usage_log where call_no = ${call_no}$",
        {"call_no": call_no},
    )
    await sor.sqlExe(
        "update pipeline_usage_log set status = ${voided}$, voided_at = ${moment}$,"
        " voided_by = ${by}$, void_reason = ${reason}$, updated_at = ${moment}$,"
        " updated_by = ${by}$, lock_version = lock_version + 1 where call_no = ${call_no}$",
        {
            "call_no": call_no,
            "moment": moment,
            "by": by,
            "reason": reason,
            "voided": CallStatus.VOIDED,
        },
    )
    return Decimal(row.amount) if row and row.amount is not None else Decimal(0)


async def count_calls(
    sor: SafeSqlor,
    key: str,
    *,
    pipeline_id: str | None = None,
    distributor_id: str | None = None,
) -> int:
    """
    Count calls of a quota day or month (*key*) that have used up quota: of a line, of a
    distributor, or of a distributor on a line.
    """
    values: dict[str, Any] = {
        "pipeline_id": pipeline_id,
        "distributor_id": distributor_id,
        "counted": list(COUNTED_STATUSES),
    }
    if len(key) == len("2026-11-24"):
        period = "day"
        day = datetime.fromisoformat(key).replace(tzinfo=UTC)
        values |= {"first": key, "last": key, "start": day - _EAST, "end": day + _DAY_AND_WEST}
    else:
        period = "month"
        values |= {"first": f"{key}-01", "last": f"{key}-31", "month": key}
    whose = (pipeline_id is not None, distributor_id is not None)
    row = await sor.one(_COUNTS[(period, *whose)], values)
    assert row is not None
    return int(row.calls)


async def count_running(sor: SafeSqlor, pipeline_id: str) -> int:
    """Count calls of a line that hold a slot."""
    row = await sor.one(
        "select count(*) as calls from pipeline_usage_log"
        " where status = 'reserved' and line_no = 0 and pipeline_id = ${pipeline_id}$",
        {"pipeline_id": pipeline_id},
    )
    assert row is not None
    return int(row.calls)


async def count_overdue(sor: SafeSqlor, pipeline_id: str, moment: datetime) -> int:
    """Count calls of a line that hold a slot though their lease ran out by *moment*."""
    row = await sor.one(
        "select count(*) as calls from pipeline_usage_log where status = 'reserved'"
        " and line_no = 0 and pipeline_id = ${pipeline_id}$ and lease_expires_at <= ${moment}$",
        {"pipeline_id": pipeline_id, "moment": moment},
    )
    assert row is not None
    return int(row.calls)


async def lease_ends(
    sor: SafeSqlor, pipeline_id: str, moment: datetime, count: int
) -> list[datetime]:
    """Return when a line's calls that run at *moment* must have ended: the first *count*, in
    order."""
    rows = await sor.sqlExe(
        "select lease_expires_at as ends from pipeline_usage_log"
        " where status = 'reserved' and line_no = 0 and pipeline_id = ${pipeline_id}$"
        " and lease_expires_at > ${moment}$ order by lease_expires_at limit ${count}$",
        {"pipeline_id": pipeline_id, "moment": moment, "count": count},
    )
    return [row.ends for row in rows]


async def expire_overdue(
    sor: SafeSqlor, pipeline_id: str, moment: datetime, *, at_most: int = EXPIRE_BATCH_SIZE
) -> int:
    """
    End a line's calls whose lease ran out by *moment*; how many. The caller holds the line's
    capacity and takes that many off `running`.
    """
    rows = await sor.sqlExe(
        "select id from pipeline_usage_log where status = 'reserved' and line_no = 0"
        " and pipeline_id = ${pipeline_id}$ and lease_expires_at <= ${moment}$"
        " order by lease_expires_at limit ${at_most}$",
        {"pipeline_id": pipeline_id, "moment": moment, "at_most": at_most},
    )
    if not rows:
        return 0
    # By primary key, so that no other line's rows are locked on the way.
    return int(
        await sor.sqlExe(
            "update pipeline_usage_log set status = ${expired}$, finished_at = lease_expires_at,"
            " duration_ms = lease_seconds * 1000, updated_at = ${moment}$,"
            " updated_by = 'system', lock_version = lock_version + 1"
            " where id in ${ids}$ and status in ${before}$",
            {
                "ids": [row.id for row in rows],
                "moment": moment,
                "expired": CallStatus.EXPIRED,
                "before": statuses_before(CallStatus.EXPIRED),
            },
        )
    )


_HEADER = "select * from pipeline_usage_log where call_no = ${call_no}$ and line_no = 0"
_HEADER_LOCKED = _HEADER + " for update"

_COUNT = (
    "select count(*) as calls from pipeline_usage_log where line_no = 0 and status in ${counted}$"
)
_BY_PIPELINE = " and pipeline_id = ${pipeline_id}$ and day_key between ${first}$ and ${last}$"
_BY_DISTRIBUTOR = " and distributor_id = ${distributor_id}$"
_OF_PIPELINE = " and pipeline_id = ${pipeline_id}$"
_MONTH = " and month_key = ${month}$"
# The day's calls are those with its key; when they began is for the index (distributor_id,
# started_at), which has no key. So the bounds are those of the day in every zone on earth: calls
# keep their key when the quota zone is changed.
_DAY = " and day_key = ${first}$ and started_at >= ${start}$ and started_at < ${end}$"
_EAST, _DAY_AND_WEST = timedelta(hours=14), timedelta(hours=24 + 12)
_COUNTS = {
    # (period, of a line?, of a distributor?)
    ("day", True, False): _COUNT + _BY_PIPELINE,
    ("month", True, False): _COUNT + _BY_PIPELINE,
    ("day", False, True): _COUNT + _BY_DISTRIBUTOR + _DAY,
    ("month", False, True): _COUNT + _BY_DISTRIBUTOR + _MONTH,
    ("day", True, True): _COUNT + _BY_DISTRIBUTOR + _OF_PIPELINE + _DAY,
    ("month", True, True): _COUNT + _BY_DISTRIBUTOR + _OF_PIPELINE + _MONTH,
}
