"""
Deciding: each request of a batch in its turn, on locked rows in memory.

A request that is refused changes nothing; one that is let in changes the rows that the next one
sees. Nothing is written here.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import (
    AppError,
    SafeSqlor,
    Unavailable,
    quota_month,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import check_caller
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_pipeline,
    check_pipeline_of_key,
    check_rate,
)
from pipeline_dist.admission.call_view import begin_answer, call_answer, current_state
from pipeline_dist.admission.commands import (
    BeginCall,
    BeginResult,
    Command,
    ExtendCall,
    FinishCall,
    FinishResult,
    Request,
    is_begin,
)
from pipeline_dist.admission.common_call import CommonCalls
from pipeline_dist.admission.ends import code_of, decide_extend, decide_finish
from pipeline_dist.admission.limits import key_limits, quota_key
from pipeline_dist.admission.locking import lock_workset
from pipeline_dist.admission.request_hash import is_same_request
from pipeline_dist.admission.rows import Pipeline
from pipeline_dist.admission.spending import check_amount, check_begin
from pipeline_dist.admission.told_limits import add_limit_headers, capacity_of, limits_at
from pipeline_dist.admission.workset import WorkSet
from pipeline_dist.errors import (
    IDEMPOTENCY_KEY_REUSED,
    PIPELINE_NOT_FOUND,
)
from pipeline_ops.calls.capacity import Capacity
from pipeline_ops.ledger.rows import CallHeader, Entry, call_lines, new_header
from pipeline_ops.ledger.states import OPEN_STATUSES, CallSource, CallStatus
from pipeline_ops.rules.limits import check_room
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.package_use import Packages
from pipeline_ops.rules.pricing import PricedLine, total

# Of many requests so many, and items of theirs, are decided in one go; then the loop serves others.
BATCH_SIZE = 200

Outcome = BeginResult | FinishResult | AppError


async def decide_all(
    sor: SafeSqlor,
    requests: Sequence[Request[Command]],
    *,
    check_ledger_first: bool = False,
    also_lock: Collection[str] = (),
) -> list[Outcome]:
    """
    Decide *requests* in their order and write what came of it; one outcome for each.

    With *check_ledger_first* the ledger is asked for the idempotency keys beforehand. Without it
    DuplicateKey is raised when one of them has its call already. Raises Unavailable, and
    UnlockedReservations, after which the distributors that it names are to be locked as well.
    """
    workset = await lock_workset(sor, requests, also_lock=also_lock)
    if check_ledger_first:
        await workset.load_existing_calls(item for item in requests if is_begin(item))
    await workset.load_past(item for item in requests if is_begin(item))
    common = CommonCalls(workset)
    outcomes: list[Outcome] = []
    count = 0
    for item in requests:
        outcome: Outcome | None = common.decide(item)
        if outcome is None:
            outcome = await _decide(workset, item)
            common.forget()
        outcomes.append(outcome)
        count += 1 + len(item.command.lines)
        if count >= BATCH_SIZE:
            count = 0
            await asyncio.sleep(0)
    if not check_ledger_first:
        await _recheck_refusals(workset, requests, outcomes)
    await workset.save()
    # A call's row is known by its account, and that knows the workset: without this circle all of
    # a batch goes when its answers are written, and not when the garbage collector comes by.
    workset.existing_calls.clear()
    return outcomes


async def _recheck_refusals(
    workset: WorkSet, requests: Sequence[Request[Command]], outcomes: list[Outcome]
) -> None:
    """Look again at refused requests, which may be repetitions: then neither a quota used up since
    nor a price that is gone matters, and it is answered as the first time."""
    refusals = {
        number: item
        for number, (item, outcome) in enumerate(zip(requests, outcomes, strict=True))
        if is_begin(item) and isinstance(outcome, AppError)
    }
    await workset.load_existing_calls(refusals.values())
    for number, item in refusals.items():
        if (item.distributor_id, item.command.idempotency_key) in workset.existing_calls:
            outcomes[number] = await _decide(workset, item)


async def _decide(workset: WorkSet, request: Request[Any]) -> Outcome:
    try:
        distributor = await _require_caller(workset, request)
    except AppError as exc:
        return exc  # who is not let in at all hears that, and no more
    try:
        if is_begin(request):
            return await _decide_begin(workset, distributor, request.command, request.key)
        if isinstance(request.command, ExtendCall):
            return await decide_extend(workset, distributor, request.command, request.key)
        return await decide_finish(workset, distributor, request.command, request.key)
    except Unavailable:
        raise
    except AppError as exc:
        _name_estimate(request.command, exc)
        await add_limit_headers(workset, request, exc)
        return exc


def _name_estimate(command: Command, refusal: AppError) -> None:
    """Say of what is wrong with lines where they stand: a call has some, or estimates some."""
    if isinstance(command, BeginCall) and command.estimate_lines is not None:
        for problem in refusal.problems:
            problem.field = problem.field.replace("lines/", "estimate/", 1)


async def _require_caller(workset: WorkSet, request: Request[Command]) -> Distributor:
    """Return the row of the distributor who asks; raises what keeps it from asking. The request's
    key is then as it is now."""
    distributor = workset.distributor(request.distributor_id)
    to_end = isinstance(request.command, FinishCall)
    credentials = request.credentials
    if credentials is not None:
        request.key = await workset.key(request.key, credentials.digest, distributor)
        check_caller(distributor, request.key, credentials, to_end=to_end)
        return distributor
    if not to_end:
        check_active(distributor.status)
    return distributor


async def _decide_begin(
    workset: WorkSet, distributor: Distributor, command: BeginCall, key: ApiKey | None
) -> BeginResult:
    existing = workset.existing_call(distributor.id, command.idempotency_key)
    if existing is not None:
        check_pipeline_of_key(key, command.pipeline)
        return await _replay_begin(workset, distributor, existing, command, key)
    moment = workset.moment
    check_rate(distributor, key_limits(key, moment), moment)
    check_pipeline_of_key(key, command.pipeline)
    pipeline = workset.pipelines_by_code.get(command.pipeline)
    if pipeline is None:
        raise PIPELINE_NOT_FOUND()
    account = workset.account(distributor.id, pipeline.id)
    if account.link is None:
        raise PIPELINE_NOT_FOUND()
    check_pipeline(pipeline.status, account.link, moment)
    started_at, version_no = command.started_at or moment, pipeline.current_version
    if command.is_told:
        started_at, version_no = await workset.event_times.event_of(
            account.link, pipeline, command, moment
        )
    await check_steps(workset.sor, pipeline.id, version_no, command.all_lines)
    packages = workset.packages_of(distributor.id, pipeline.id, quota_month(started_at))
    priced_lines = await workset.price_lines(
        account.terms, packages, started_at, pipeline.terms_no, command.lines, account.currency
    )
    estimate = await _estimate(workset, account, pipeline, command, packages)
    if command.status is None:
        check_begin(distributor, moment, estimate)
    else:
        check_amount(distributor, moment, total(priced_lines))
    capacity = workset.capacities[pipeline.id]
    slot = command.status is None
    for side in (account, capacity):
        await side.load_counts(workset.sor, started_at)
        side.roll_over(started_at)
        if started_at is not moment:
            await side.load_counts(workset.sor, moment)  # for what is told of the limits now
    check_room(account.limits(started_at) + capacity.limits(started_at, slot=slot), moment)
    header = _header(
        account, pipeline, command, moment, started_at, estimate, version_no=version_no
    )
    _consume(account, capacity, header, priced_lines, moment, slot=slot)
    workset.count_key(key)
    lines = call_lines(priced_lines)
    workset.packages.use(priced_lines)
    workset.begin(header, lines)
    answer = (
        begin_answer(header, pipeline.code) if slot else call_answer(header, pipeline.code, lines)
    )
    limits = limits_at(account, capacity, moment, slot=slot, of_key=key_limits(key, moment))
    return BeginResult(answer, False, limits, pipeline.id)


async def _estimate(
    workset: WorkSet,
    account: DistributorAccount,
    pipeline: Pipeline,
    command: BeginCall,
    packages: Packages,
) -> Decimal | None:
    """Return what a call that begins is to reserve, its lines priced as they would be now; raises
    `price_missing`, `amount_too_large`."""
    if command.estimate_lines is None:
        return command.estimate
    # Priced only: nothing of a package is taken before the call has ended.
    priced_lines = await workset.price_lines(
        account.terms, packages, command.started_at or workset.moment, pipeline.terms_no,
        command.estimate_lines, account.currency,
    )  # fmt: skip
    return total(priced_lines)


def _header(
    account: DistributorAccount,
    pipeline: Pipeline,
    command: BeginCall,
    moment: datetime,
    started_at: datetime,
    estimate: Decimal | None,
    *,
    version_no: int | None,
) -> CallHeader:
    """Return the header row of the call; one that is over is settled here."""
    runs = command.status is None
    settlement = {} if runs else account.settle(moment)._asdict()
    lease_ends = moment + timedelta(seconds=command.lease_seconds) if runs else None
    return new_header(
        moment=moment,
        by=account.distributor.code,
        distributor_id=account.distributor_id,
        pipeline_id=pipeline.id,
        version_no=version_no,
        currency=account.currency,
        status=command.status or CallStatus.RESERVED,
        source=CallSource.API,
        idempotency_key=command.idempotency_key,
        request_hash=str(command.request_hash),
        **command.labels,
        error=command.error,
        quota_key=quota_key(account.distributor, started_at),
        terms_no=pipeline.terms_no,
        pricing_mode=account.terms.pricing_mode,
        discount_rate=account.terms.discount_rate,
        estimate=estimate,
        **settlement,
        started_at=started_at,
        month_key=account.month_of(quota_month(started_at)),
        # Of a call that is told of afterwards no more is known than when it was.
        finished_at=None if runs else (started_at if command.is_told else moment),
        duration_ms=None if runs else 0,
        lease_seconds=command.lease_seconds if runs else None,
        lease_expires_at=lease_ends,
    )


def _consume(
    account: DistributorAccount,
    capacity: Capacity,
    header: CallHeader,
    priced_lines: Sequence[PricedLine],
    moment: datetime,
    *,
    slot: bool,
) -> None:
    """Take what the call takes, in memory."""
    account.count_rate(moment)
    account.consume(header.day_key, header.quota_month)
    capacity.consume(header.day_key, header.quota_month, slot=slot)
    if header.estimate is not None:
        account.reserve(header.estimate)
    if priced_lines:
        account.charge(total(priced_lines), header.spend_day)
    if header.lease_expires_at is not None:
        capacity.hold_slot(header.lease_expires_at)


async def _replay_begin(
    workset: WorkSet,
    distributor: Distributor,
    existing: CallHeader | Entry,
    command: BeginCall,
    key: ApiKey | None,
) -> BeginResult:
    header = existing.header if isinstance(existing, Entry) else existing
    if not is_same_request(header.request_hash, command.request_hash):
        raise IDEMPOTENCY_KEY_REUSED()
    pipeline_id = header.pipeline_id
    code = await code_of(workset, pipeline_id)
    account = workset.account(distributor.id, pipeline_id)
    capacity = capacity_of(workset, pipeline_id)
    for side in (account, capacity):
        await side.load_counts(workset.sor, workset.moment)
    limits = limits_at(
        account, capacity, workset.moment, slot=command.status is None,
        of_key=key_limits(key, workset.moment),
    )  # fmt: skip
    header = workset.latest(header)
    if isinstance(existing, Entry):
        lines = existing.lines
    else:
        has_lines = header.status not in (*OPEN_STATUSES, CallStatus.CANCELLED)
        lines = await workset.lines_of(header.call_no) if has_lines else []
    if command.status is None:
        answer = begin_answer(header, code)
    else:
        answer = call_answer(header, code, lines, status=command.status)
    return BeginResult(answer, True, limits, pipeline_id, current_state(header, lines))
