"""
Deciding: each request of a batch in its turn, on locked rows in memory.

A request that is refused changes nothing; one that is let in changes the rows that the next one
sees. Nothing is written here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    AppError,
    Row,
    SafeSqlor,
    Unavailable,
)
from pipeline_dist.accounts.authentication import check_caller
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_pipeline,
    check_rate,
    check_spend,
    pipeline_not_found,
)
from pipeline_dist.admission.call_view import begin_answer, call_answer, current_state
from pipeline_dist.admission.commands import (
    BeginCall,
    BeginResult,
    Command,
    FinishCall,
    FinishResult,
)
from pipeline_dist.admission.limits import Limit, rate_limit_headers, rate_limits, spend_limits
from pipeline_dist.admission.request_hash import is_same_request
from pipeline_dist.admission.workset import Header, PendingCall, WorkSet, lock_workset
from pipeline_dist.errors import (
    ALREADY_FINISHED,
    CALL_NOT_FOUND,
    IDEMPOTENCY_KEY_REUSED,
    LEASE_EXPIRED,
)
from pipeline_ops.calls.capacity import Capacity, end_call
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules.limits import check_room, retry_after, retry_header
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import PricedLine, total

Outcome = BeginResult | FinishResult | AppError


async def decide_all(
    sor: SafeSqlor, commands: Sequence[Command], *, check_ledger_first: bool = False
) -> list[Outcome]:
    """
    Decide *commands* in their order and write what came of it; one outcome for each.

    With *check_ledger_first* the ledger is asked for the idempotency keys beforehand. Without it
    DuplicateKey is raised when one of them has its call already. Raises Unavailable.
    """
    workset = await lock_workset(sor, commands)
    if check_ledger_first:
        await workset.load_existing_calls(item for item in commands if isinstance(item, BeginCall))
    outcomes = [await _decide(workset, item) for item in commands]
    if not check_ledger_first:
        await _recheck_refusals(workset, commands, outcomes)
    await workset.save()
    return outcomes


async def _recheck_refusals(
    workset: WorkSet, commands: Sequence[Command], outcomes: list[Outcome]
) -> None:
    """Look again at refused requests, which may be repetitions: then neither a quota used up since
    nor a price that is gone matters, and it is answered as the first time."""
    refused_commands = {
        number: item
        for number, (item, outcome) in enumerate(zip(commands, outcomes, strict=True))
        if isinstance(item, BeginCall) and isinstance(outcome, AppError)
    }
    await workset.load_existing_calls(refused_commands.values())
    for number, item in refused_commands.items():
        if (item.distributor_id, item.idempotency_key) in workset.existing_calls:
            outcomes[number] = await _decide(workset, item)


async def _decide(workset: WorkSet, command: Command) -> Outcome:
    try:
        distributor = _require_caller(workset, command)
    except AppError as exc:
        return exc  # who is not let in at all hears that, and no more
    try:
        if isinstance(command, BeginCall):
            return await _decide_begin(workset, distributor, command)
        return await _decide_finish(workset, command)
    except Unavailable:
        raise
    except AppError as exc:
        await _add_limit_headers(workset, command, exc)
        return exc


async def _add_limit_headers(workset: WorkSet, command: Command, refusal: AppError) -> None:
    """Put on a refusal the limits that applied, and the time until all of them have room."""
    moment = workset.moment
    account, capacity = _sides(workset, command)
    slot = isinstance(command, FinishCall) or command.status is None
    started_at = (isinstance(command, BeginCall) and command.started_at) or moment
    for side in (account, capacity):
        await side.load_counts(workset.sor, moment)
        await side.load_counts(workset.sor, started_at)
    limits = _limits(account, capacity, moment, slot=slot)
    refusal.headers.update(rate_limit_headers(limits, moment))
    if "Retry-After" in refusal.headers:
        # What refused it may have room before what was not looked at any more.
        del refusal.headers["Retry-After"]
        limits = _limits(account, capacity, moment, slot=slot, started_at=started_at)
        refusal.headers.update(retry_header(retry_after(limits, moment)))


def _sides(workset: WorkSet, command: Command) -> tuple[DistributorAccount, Capacity]:
    """Return the account and the capacity that a request is about; of a line that is not the
    asker's nothing."""
    pipeline_id = ""
    if isinstance(command, BeginCall):
        pipeline = workset.pipelines_by_code.get(command.pipeline)
        if pipeline is not None and (command.distributor_id, pipeline["id"]) in workset.links:
            pipeline_id = pipeline["id"]
    else:
        header = workset.headers.get(command.call_no)
        if header is not None and header["distributor_id"] == command.distributor_id:
            pipeline_id = header["pipeline_id"]
    return workset.account(command.distributor_id, pipeline_id), _capacity(workset, pipeline_id)


def _capacity(workset: WorkSet, pipeline_id: str) -> Capacity:
    capacity = workset.capacities.get(pipeline_id)
    return capacity or Capacity(pipeline_id=pipeline_id, row=None, counts={})


def _require_caller(workset: WorkSet, command: Command) -> Row:
    """Return the row of the distributor who asks; raises what keeps it from asking."""
    distributor = workset.distributor(command.distributor_id)
    if command.credentials is not None:
        check_caller(distributor, command.credentials)
    else:
        check_active(distributor)
    return distributor


async def _decide_begin(workset: WorkSet, distributor: Row, command: BeginCall) -> BeginResult:
    existing = workset.existing_calls.get((command.distributor_id, command.idempotency_key))
    if existing is not None:
        return await _replay_begin(workset, existing, command)
    moment = workset.moment
    check_rate(distributor, moment)
    pipeline = workset.pipelines_by_code.get(command.pipeline)
    if pipeline is None:
        raise pipeline_not_found()
    account = workset.account(command.distributor_id, pipeline["id"])
    check_pipeline(pipeline, account.link, moment)
    version_no = pipeline["current_version"]
    await check_steps(workset.sor, pipeline["id"], version_no, command.lines)
    check_spend(distributor)
    capacity = workset.capacities[pipeline["id"]]
    started_at = command.started_at or moment
    slot = command.status is None
    for side in (account, capacity):
        await side.load_counts(workset.sor, started_at)
        side.roll_over(started_at)
        if started_at is not moment:
            await side.load_counts(workset.sor, moment)  # for what is told of the limits now
    check_room(account.limits(started_at) + capacity.limits(started_at, slot=slot), moment)
    priced_lines = await workset.price_lines(account, pipeline["id"], started_at, command.lines)

    header = _header(account, pipeline, command, moment, started_at)
    _consume(account, capacity, header, priced_lines, moment, slot=slot)
    rows = ledger.line_rows(header, priced_lines, moment=moment, by=header["created_by"])
    workset.begin(header, rows)
    answer = (
        begin_answer(header, pipeline["code"])
        if slot
        else call_answer(header, pipeline["code"], rows)
    )
    return BeginResult(answer, False, _limits(account, capacity, moment, slot=slot), pipeline["id"])


def _header(
    account: DistributorAccount,
    pipeline: Row,
    command: BeginCall,
    moment: datetime,
    started_at: datetime,
) -> Header:
    """Return the header row of the call."""
    lease_ends = (
        moment + timedelta(seconds=command.lease_seconds) if command.lease_seconds else None
    )
    return ledger.new_header(
        moment=moment,
        by=account.distributor["code"],
        distributor_id=account.distributor_id,
        pipeline_id=pipeline["id"],
        version_no=pipeline["current_version"],
        currency=account.currency,
        status=command.status or "reserved",
        source="api",
        idempotency_key=command.idempotency_key,
        request_hash=str(command.request_hash),
        client_ref=command.client_ref,
        error=command.error,
        started_at=started_at,
        finished_at=moment if command.status else None,
        duration_ms=0 if command.status else None,
        lease_seconds=command.lease_seconds,
        lease_expires_at=lease_ends,
    )


def _consume(
    account: DistributorAccount,
    capacity: Capacity,
    header: Header,
    priced_lines: Sequence[PricedLine],
    moment: datetime,
    *,
    slot: bool,
) -> None:
    """Take what the call takes, in memory."""
    account.count_rate(moment)
    account.consume(header["day_key"], header["month_key"])
    capacity.consume(header["day_key"], header["month_key"], slot=slot)
    if priced_lines:
        account.charge(total(priced_lines))
    header["quota_key"] = account.distributor["quota_key"]
    if slot:
        capacity.hold_slot(header["lease_expires_at"])


async def _replay_begin(
    workset: WorkSet, existing: Row | PendingCall, command: BeginCall
) -> BeginResult:
    header = existing.header if isinstance(existing, PendingCall) else existing
    if not is_same_request(header["request_hash"], command.request_hash):
        raise IDEMPOTENCY_KEY_REUSED()
    pipeline_id = header["pipeline_id"]
    code = await _code_of(workset, pipeline_id)
    account = workset.account(command.distributor_id, pipeline_id)
    capacity = _capacity(workset, pipeline_id)
    for side in (account, capacity):
        await side.load_counts(workset.sor, workset.moment)
    limits = _limits(account, capacity, workset.moment, slot=command.status is None)
    header = workset.latest(header)
    if isinstance(existing, PendingCall):
        lines: Sequence[Header] = existing.lines
    else:
        has_lines = header["status"] not in ("reserved", "expired", "cancelled")
        lines = await workset.lines_of(header["call_no"]) if has_lines else []
    if command.status is None:
        answer = begin_answer(header, code)
    else:
        answer = call_answer(header, code, lines, status=command.status)
    return BeginResult(answer, True, limits, pipeline_id, current_state(header, lines))


async def _decide_finish(workset: WorkSet, command: FinishCall) -> FinishResult:
    header = workset.headers.get(command.call_no)
    if header is None or header["distributor_id"] != command.distributor_id:
        raise _call_not_found()
    account = workset.account(command.distributor_id, header["pipeline_id"])
    capacity = workset.capacities[header["pipeline_id"]]
    code = await _code_of(workset, header["pipeline_id"])
    for side in (account, capacity):
        await side.load_counts(workset.sor, workset.moment)
    if header["status"] not in ("reserved", "expired"):
        return await _replay_finish(workset, header, code, command, account, capacity)
    moment = workset.moment
    if header["status"] == "expired":
        # Also where the clock was set back since: the end is not before the lease's.
        moment = max(moment, header["lease_expires_at"])
    if moment >= header["lease_expires_at"] and command.status == "cancelled":
        raise LEASE_EXPIRED()
    pipeline_id, started_at = header["pipeline_id"], header["started_at"]
    await check_steps(workset.sor, pipeline_id, header["version_no"], command.lines)
    priced_lines = await workset.price_lines(account, pipeline_id, started_at, command.lines)
    by = account.distributor["code"]
    end_call(header, command.status, moment, priced_lines, account, capacity)
    header |= {
        "currency": account.currency,
        "end_hash": str(command.body_hash),
        "error": command.error,
        "updated_at": moment,
        "updated_by": by,
        "lock_version": header["lock_version"] + 1,
    }
    rows = ledger.line_rows(header, priced_lines, moment=moment, by=by)
    workset.end(header, rows)
    limits = _limits(account, capacity, workset.moment, slot=True)
    return FinishResult(call_answer(header, code, rows), False, limits)


async def _replay_finish(
    workset: WorkSet,
    header: Row,
    code: str,
    command: FinishCall,
    account: DistributorAccount,
    capacity: Capacity,
) -> FinishResult:
    if not is_same_request(header["end_hash"], command.body_hash):
        raise ALREADY_FINISHED(outcome=header["status"])
    lines = await workset.lines_of(header["call_no"])
    answer = call_answer(header, code, lines, status=command.status)
    limits = _limits(account, capacity, workset.moment, slot=True)
    return FinishResult(answer, True, limits, current_state(header, lines))


def _limits(
    account: DistributorAccount,
    capacity: Capacity,
    moment: datetime,
    *,
    slot: bool,
    started_at: datetime | None = None,
) -> list[Limit]:
    """Return the limits of a call that begins now, or began at *started_at*, as they stand."""
    at = started_at or moment
    return [
        *rate_limits(account.distributor, moment),
        *spend_limits(account.distributor),
        *account.limits(at),
        *capacity.limits(at, slot=slot),
    ]


async def _code_of(workset: WorkSet, pipeline_id: str) -> str:
    pipeline: dict[str, Any] | None = workset.pipelines.get(pipeline_id)
    if pipeline is None:
        pipeline = await workset.sor.one(
            "select code from pipelines where id = ${id}$", {"id": pipeline_id}
        )
    return str(pipeline["code"]) if pipeline else ""


def _call_not_found() -> AppError:
    return CALL_NOT_FOUND()
