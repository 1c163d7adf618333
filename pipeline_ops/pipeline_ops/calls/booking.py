"""
Calls booked by hand, and calls voided.

A booking meets the same limits and prices as a call through the API, as of the time it began. A
voided call keeps its rows; rows that reverse them give its amount back, and its quota goes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import (
    OUT_OF_ORDER,
    Actor,
    Change,
    InvalidFields,
    SafeSqlor,
    check_lock_version,
    check_references,
    get_row,
    now,
    quota_month,
    record_changes,
)
from pipeline_ops.calls.account import Account, lock_account
from pipeline_ops.calls.capacity import (
    lock_capacity,
    milliseconds,
    save_call_start,
)
from pipeline_ops.errors import (
    BEGINS_IN_FUTURE,
    ENDS_IN_FUTURE,
    NOT_A_CALL,
)
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.rows import CallHeader, new_header
from pipeline_ops.ledger.states import CallSource, CallStatus
from pipeline_ops.ledger.voidable import check_voidable
from pipeline_ops.rules.limits import check_room
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import price_lines, total
from pipeline_ops.rules.usage_lines import UsageLine

TABLE = "pipeline_usage_log"


async def book(
    sor: SafeSqlor, values: Mapping[str, Any], lines: Sequence[UsageLine], actor: Actor
) -> dict[str, Any]:
    """
    Book a call that is over; the header row with its `lines` and their `total`.

    *values*: pipeline_id, distributor_id (None: a call of our own), status, started_at,
    finished_at, duration_ms, client_ref, error, remark. Raises in this order InvalidFields, then
    what admission refuses: `unknown_step`, `price_missing`, `spend_limit_reached`,
    `quota_exceeded`, `capacity_exceeded`.
    """
    await check_references(sor, TABLE, values)
    pipeline_id = values["pipeline_id"]
    account = await lock_account(sor, values["distributor_id"], pipeline_id)
    capacity = await lock_capacity(sor, pipeline_id)
    moment = now()
    times = _times(values, moment)
    started_at = times[0]
    account.check_link()
    pipeline = await get_row(sor, "pipelines", pipeline_id)
    await check_steps(sor, pipeline_id, pipeline["current_version"], lines)
    month = account.month_of(quota_month(started_at))
    priced_lines = await price_lines(
        sor, account.terms, pipeline_id, started_at, lines, account.currency, month=month, lock=True
    )
    amount = total(priced_lines)
    await account.check(sor, started_at, amount)
    await capacity.load_counts(sor, started_at)
    capacity.roll_over(started_at)
    check_room(capacity.limits(started_at, slot=False), moment)
    settlement = account.settle(moment)
    header = _header_of(values, account, pipeline, month=month, times=times, moment=moment,
                        by=actor.user_id or "", **settlement._asdict())  # fmt: skip
    account.consume(header.day_key, header.quota_month)
    capacity.consume(header.day_key, header.quota_month, slot=False)
    account.charge(amount, settlement.spend_day)
    await save_call_start(sor, header, priced_lines, account, capacity)
    return await call_record(sor, header.call_no)


def _header_of(
    values: Mapping[str, Any],
    account: Account,
    pipeline: Mapping[str, Any],
    *,
    month: str,
    times: tuple[datetime, datetime, int],
    **more: Any,
) -> CallHeader:
    """Return the header of a call that is booked by hand; *times* are its begin, its end and the
    milliseconds between, *more* is when and by whom it is booked, and how it is settled."""
    started_at, finished_at, duration_ms = times
    return new_header(
        distributor_id=account.distributor_id,
        pipeline_id=pipeline["id"],
        version_no=pipeline["current_version"],
        currency=account.currency,
        status=values["status"],
        source=CallSource.MANUAL,
        terms_no=pipeline["terms_no"],
        pricing_mode=account.terms.pricing_mode,
        discount_rate=account.terms.discount_rate,
        started_at=started_at,
        month_key=month,
        finished_at=finished_at,
        duration_ms=duration_ms,
        **{name: values[name] for name in ("client_ref", "error", "remark")},
        **more,
    )


async def void(
    sor: SafeSqlor, row_id: str, lock_version: int | None, reason: str, actor: Actor
) -> dict[str, Any]:
    """
    Void the call that the row belongs to: a reversal for each of its items, its amount and what it
    counts given back. One that runs is cancelled instead; then nothing is known of what it used.

    Raises NotFound, EditConflict, Conflict `call_running`, `not_voidable`, `archived`.
    """
    unlocked_row = await get_row(sor, TABLE, row_id)
    if unlocked_row["pipeline_id"] is None:
        raise NOT_A_CALL()
    account = await lock_account(sor, unlocked_row["distributor_id"], unlocked_row["pipeline_id"])
    capacity = await lock_capacity(sor, unlocked_row["pipeline_id"])
    header = await ledger.lock_header(sor, unlocked_row["call_no"])
    assert header is not None
    # Under the locks, since the call may have ended while they were waited for.
    row = await get_row(sor, TABLE, row_id)
    check_lock_version(TABLE, row, lock_version)
    check_voidable(header)
    capacity.release(header.day_key, header.quota_month)
    account.release(header.day_key, header.quota_month)
    moment = now()
    amount = await ledger.void_call(
        sor,
        header.call_no,
        entry_no=account.settle(moment).entry_no,
        moment=moment,
        by=actor.user_id or "",
        reason=reason,
        month_of=account.month_of,
    )
    account.charge(-amount, header.spend_day)
    account.tell_voided(header, amount, reason)
    await account.save(sor)
    await capacity.save(sor)
    before, after = {"status": header.status}, {"status": CallStatus.VOIDED}
    detail = {"amount": amount, "currency": header.currency, "reason": reason}
    await record_changes(sor, actor, Change("void", TABLE, asdict(header), before, after, detail))
    return await call_record(sor, header.call_no)


async def call_record(sor: SafeSqlor, call_no: str) -> dict[str, Any]:
    """Return a call as pages show it: its header row, the rows of its items and of what reverses
    them as `lines`, and their `total`."""
    rows = await ledger.call_rows(sor, call_no)
    lines = [row for row in rows if row["line_no"] or row["unit"]]
    nothing = Decimal(0).scaleb(-10)
    return {**rows[0], "lines": lines, "total": sum((line["amount"] for line in lines), nothing)}


def _times(values: Mapping[str, Any], moment: datetime) -> tuple[datetime, datetime, int]:
    """Start, end and duration of a booking; what is not told follows from the others."""
    started_at = values["started_at"] or moment
    finished_at = values["finished_at"] or moment
    problems = []
    if started_at > moment:
        problems.append(BEGINS_IN_FUTURE("started_at"))
    if finished_at > moment:
        problems.append(ENDS_IN_FUTURE("finished_at"))
    if finished_at < started_at and not problems:
        problems.append(OUT_OF_ORDER("finished_at"))
    if problems:
        raise InvalidFields(problems)
    duration = values["duration_ms"]
    if duration is None:
        duration = milliseconds(started_at, finished_at)
    return started_at, finished_at, duration
