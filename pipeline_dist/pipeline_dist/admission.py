"""
Admission: letting calls in and ending them, exactly.

Each function is one transaction that locks distributor, distributor_pipeline, capacity and
ledger rows, in this order, decides on the locked rows in memory and then writes. A refused call
leaves nothing behind. Who made a call first is decided by the ledger's unique key
(distributor_id, idempotency_key, line_no).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    AppError,
    Conflict,
    FieldProblem,
    InvalidFields,
    NotFound,
    Row,
    SafeSqlor,
    Unavailable,
    Unprocessable,
    in_transaction,
    now,
    reading,
)
from pipeline_dist.accounts import (
    DistributorAccount,
    check_active,
    check_line,
    check_rate,
    check_spend,
    line_not_found,
    lock_account,
    lock_distributor,
    lock_link,
)
from pipeline_dist.answers import begun, ended, quoted
from pipeline_dist.limits import Limit, limits_of, rate_limits
from pipeline_ops import ledger
from pipeline_ops.calls import (
    Capacity,
    end_call,
    lock_capacity,
    open_capacity,
    save_call_end,
    save_call_start,
)
from pipeline_ops.capacity import read_capacity
from pipeline_ops.limits import check_room
from pipeline_ops.lines import UsageLine, usage_lines
from pipeline_ops.pricing import PricedLine, price_lines, total

DEFAULT_LEASE_SECONDS = 300
# Lines as they come in: objects, or mappings whose values are checked already.
Lines = Sequence[UsageLine | Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that was let in: the answer, whether it is a repeated one, the limits it met."""

    call: dict[str, Any]
    replayed: bool
    limits: list[Limit]


@dataclass(frozen=True, slots=True)
class Finished:
    """A call that has ended: the answer, whether it is a repeated one, the limits it met."""

    call: dict[str, Any]
    replayed: bool
    limits: list[Limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What a begin asks for; with `status` it is a finished call to be booked in one go."""

    pipeline: str
    idempotency_key: str
    request_hash: str
    client_ref: str | None
    lease_seconds: int | None
    lines: list[UsageLine]
    status: str | None
    error: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What a finish says."""

    call_no: str
    status: str
    lines: list[UsageLine]
    error: str | None
    body_hash: str


async def begin(
    distributor_id: str,
    *,
    pipeline: str,
    idempotency_key: str,
    request_hash: str,
    client_ref: str | None = None,
    lease_seconds: int | None = DEFAULT_LEASE_SECONDS,
    lines: Lines | None = None,
    status: str | None = None,
    error: str | None = None,
    started_at: datetime | None = None,
) -> Admitted:
    """
    Let a call of the line *pipeline* (its code) in: one of each quota, and a slot for
    *lease_seconds*. With *status* (succeeded, failed) and *lines* it books a finished call, which
    needs no slot. *started_at* is for calls booked afterwards.

    Raises, in this order: distributor_suspended, rate_limited, pipeline_not_found,
    pipeline_offline, not_enabled, spend_limit_reached, quota_exceeded, capacity_exceeded,
    concurrency_exceeded; price_missing for a finished call; idempotency_key_reused.
    """
    wanted = _Start(
        pipeline=pipeline,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        client_ref=client_ref,
        lease_seconds=None if status else lease_seconds or DEFAULT_LEASE_SECONDS,
        lines=usage_lines(lines),
        status=status,
        error=error,
        started_at=started_at,
    )
    return await in_transaction(lambda sor: _begin(sor, distributor_id, wanted))


async def finish(
    distributor_id: str,
    *,
    call_no: str,
    status: str,
    lines: Lines | None = None,
    error: str | None = None,
    body_hash: str,
) -> Finished:
    """
    End a call as succeeded, failed or cancelled, and charge its *lines*.

    Raises call_not_found, already_finished (with another body than the first time),
    lease_expired (cancelled after its time), price_missing: the call then stays as it is.
    """
    wanted = _End(
        call_no=call_no, status=status, lines=usage_lines(lines), error=error, body_hash=body_hash
    )
    if wanted.lines and status == "cancelled":
        raise InvalidFields(
            [FieldProblem("lines", "not_allowed", "A cancelled call has used nothing.")]
        )
    return await in_transaction(lambda sor: _finish(sor, distributor_id, wanted))


async def quote(distributor_id: str, *, pipeline: str, lines: Lines) -> dict[str, Any]:
    """
    What *lines* would cost in a call that begins now, and whether it would be let in; books
    nothing. Raises pipeline_not_found, price_missing.
    """
    wanted = usage_lines(lines)
    async with reading(snapshot=True) as sor:
        account, line = await _read_account(sor, distributor_id, pipeline)
        moment = now()
        priced = await _priced(sor, account, line["id"], moment, wanted)
        refused: AppError | None = None
        try:
            check_active(account.distributor)
            check_rate(account.distributor, moment)
            check_line(line, account.link, moment)
            check_spend(account.distributor)
            capacity = await read_capacity(sor, line["id"])
            found = await limits_of(sor, account.distributor, account.link, capacity, moment)
            check_room([x for x in found if x.scope not in ("rate", "spend")], moment)
        except AppError as exc:
            refused = exc
    return quoted(line, account.currency, priced, refused)


async def read_call(distributor_id: str, call_no: str) -> dict[str, Any]:
    """One call of this distributor with its lines; raises NotFound `call_not_found`."""
    async with reading(snapshot=True) as sor:
        header = await ledger.find_header(sor, call_no, distributor_id=distributor_id)
        if header is None:
            raise _call_not_found()
        return ended(
            header, await _code_of(sor, header["pipeline_id"]), await ledger.lines_of(sor, call_no)
        )


async def _begin(sor: SafeSqlor, distributor_id: str, wanted: _Start) -> Admitted:
    distributor = await lock_distributor(sor, distributor_id)
    check_active(distributor)
    try:
        return await _admit(sor, distributor, wanted)
    except Unavailable:
        raise
    except AppError:
        # Nothing of the admission is written yet. If the key has its call already, neither a
        # quota used up since nor the ledger's refusal of a second row matters.
        first = await ledger.find_by_key(sor, distributor_id, wanted.idempotency_key)
        if first is None:
            raise
        return await _replayed(sor, await lock_distributor(sor, distributor_id), first, wanted)


async def _admit(sor: SafeSqlor, distributor: Row, wanted: _Start) -> Admitted:
    check_rate(distributor, now())
    line = await _find_line(sor, wanted.pipeline)
    if line is None:
        raise line_not_found()
    account = DistributorAccount(distributor, await lock_link(sor, distributor["id"], line["id"]))
    check_line(line, account.link, now())
    check_spend(distributor)
    capacity = await lock_capacity(sor, line["id"])

    # The clock is read when all locks are held: the order of calls is the order of their times.
    moment = now()
    started_at = wanted.started_at or moment
    slot = wanted.status is None
    await account.open(sor, started_at)
    await open_capacity(sor, capacity, started_at, slot=slot)
    check_room(account.limits(started_at) + capacity.limits(started_at, slot=slot), moment)
    priced = await _priced(sor, account, line["id"], started_at, wanted.lines)

    header = _header(account, line, wanted, moment, started_at)
    _charge(account, capacity, header, priced, moment, slot=slot)
    await save_call_start(sor, header, priced, account, capacity)
    answer = (
        begun(header, line["code"])
        if slot
        else ended(header, line["code"], ledger.line_rows(header, priced, moment=moment, by=""))
    )
    return Admitted(answer, False, _limits(account, capacity, moment, slot=slot))


def _header(
    account: DistributorAccount,
    line: Row,
    wanted: _Start,
    moment: datetime,
    started_at: datetime,
) -> dict[str, Any]:
    """The header row of the call."""
    lease_ends = moment + timedelta(seconds=wanted.lease_seconds) if wanted.lease_seconds else None
    return ledger.new_header(
        moment=moment,
        by=account.distributor["code"],
        distributor_id=account.distributor_id,
        pipeline_id=line["id"],
        version_no=line["current_version"],
        currency=account.currency,
        status=wanted.status or "reserved",
        source="api",
        idempotency_key=wanted.idempotency_key,
        request_hash=wanted.request_hash,
        client_ref=wanted.client_ref,
        error=wanted.error,
        started_at=started_at,
        finished_at=moment if wanted.status else None,
        duration_ms=0 if wanted.status else None,
        lease_seconds=wanted.lease_seconds,
        lease_expires_at=lease_ends,
    )


def _charge(
    account: DistributorAccount,
    capacity: Capacity,
    header: dict[str, Any],
    priced: Sequence[PricedLine],
    moment: datetime,
    *,
    slot: bool,
) -> None:
    """Take what the call takes, in memory."""
    account.count_rate(moment)
    account.take(header["day_key"], header["month_key"])
    capacity.take(header["day_key"], header["month_key"], slot=slot)
    account.settle(total(priced))
    header["quota_key"] = account.distributor["quota_key"]


async def _replayed(sor: SafeSqlor, distributor: Row, first: Row, wanted: _Start) -> Admitted:
    if first["request_hash"] != wanted.request_hash:
        raise Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new key for a new call.",
        )
    code = await _code_of(sor, first["pipeline_id"])
    link = await lock_link(sor, distributor["id"], first["pipeline_id"])
    capacity = await read_capacity(sor, first["pipeline_id"])
    limits = await limits_of(sor, distributor, link, capacity)
    if wanted.status is None:
        return Admitted(begun(first, code), True, limits)
    lines = await ledger.lines_of(sor, first["call_no"])
    return Admitted(ended(first, code, lines, status=wanted.status), True, limits)


async def _finish(sor: SafeSqlor, distributor_id: str, wanted: _End) -> Finished:
    found = await ledger.find_header(sor, wanted.call_no, distributor_id=distributor_id)
    if found is None:
        raise _call_not_found()
    account = await lock_account(sor, distributor_id, found["pipeline_id"])
    check_active(account.distributor)
    capacity = await lock_capacity(sor, found["pipeline_id"])
    header = await ledger.find_header(sor, wanted.call_no, lock=True)
    assert header is not None
    code = await _code_of(sor, header["pipeline_id"])
    moment = now()
    if header["status"] not in ("reserved", "expired"):
        return await _finished_before(sor, header, code, wanted, account, capacity, moment)
    if header["status"] == "expired":
        # Also where the clock was set back since: the end is not before the lease's.
        moment = max(moment, header["lease_expires_at"])
    overdue = moment >= header["lease_expires_at"]
    if overdue and wanted.status == "cancelled":
        raise Conflict(
            "lease_expired",
            "The call's time ran out before it was cancelled; it counts as expired.",
        )
    priced = await _priced(sor, account, header["pipeline_id"], header["started_at"], wanted.lines)
    header |= {"currency": account.currency, "end_hash": wanted.body_hash, "error": wanted.error}
    end_call(header, wanted.status, moment, priced, account, capacity)
    by = account.distributor["code"]
    await save_call_end(sor, header, priced, account, capacity, by=by)
    rows = ledger.line_rows(header, priced, moment=moment, by=by)
    limits = await _limits_after(sor, account, capacity, moment)
    return Finished(ended(header, code, rows), False, limits)


async def _finished_before(
    sor: SafeSqlor,
    header: Row,
    code: str,
    wanted: _End,
    account: DistributorAccount,
    capacity: Capacity,
    moment: datetime,
) -> Finished:
    if header["end_hash"] != wanted.body_hash:
        raise Conflict(
            "already_finished",
            "The call has ended already ({outcome}); what it used cannot be told again.",
            outcome=header["status"],
        )
    lines = await ledger.lines_of(sor, header["call_no"])
    limits = await _limits_after(sor, account, capacity, moment)
    return Finished(ended(header, code, lines, status=wanted.status), True, limits)


async def _limits_after(
    sor: SafeSqlor, account: DistributorAccount, capacity: Capacity, moment: datetime
) -> list[Limit]:
    return await limits_of(sor, account.distributor, account.link, capacity.row, moment)


def _limits(
    account: DistributorAccount, capacity: Capacity, moment: datetime, *, slot: bool
) -> list[Limit]:
    return [
        *rate_limits(account.distributor, moment),
        *account.limits(moment),
        *capacity.limits(moment, slot=slot),
    ]


async def _priced(
    sor: SafeSqlor,
    account: DistributorAccount,
    pipeline_id: str,
    started_at: datetime,
    lines: Sequence[UsageLine],
) -> list[PricedLine]:
    return await price_lines(
        sor,
        account.distributor_id,
        pipeline_id,
        started_at,
        lines,
        account.adjust,
        account.currency,
    )


async def _read_account(
    sor: SafeSqlor, distributor_id: str, pipeline: str
) -> tuple[DistributorAccount, Row]:
    """The account and the line, only read; raises NotFound `pipeline_not_found`."""
    distributor = await sor.one(
        "select * from distributors where id = ${id}$", {"id": distributor_id}
    )
    line = await _find_line(sor, pipeline)
    link = line and await sor.one(
        "select * from distributor_pipeline where distributor_id = ${distributor_id}$"
        " and pipeline_id = ${pipeline_id}$",
        {"distributor_id": distributor_id, "pipeline_id": line["id"]},
    )
    if distributor is None or line is None or link is None:
        raise line_not_found()
    return DistributorAccount(distributor, link), line


async def _find_line(sor: SafeSqlor, code: str) -> Row | None:
    row: Row | None = await sor.one(
        "select id, code, status, current_version from pipelines where code = ${code}$",
        {"code": code},
    )
    return row


async def _code_of(sor: SafeSqlor, pipeline_id: str) -> str:
    row = await sor.one("select code from pipelines where id = ${id}$", {"id": pipeline_id})
    return str(row["code"]) if row else ""


def _call_not_found() -> NotFound:
    return NotFound("call_not_found", "There is no call of this number for this account.")
