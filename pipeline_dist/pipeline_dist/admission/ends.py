"""Deciding how a call ends, or goes on for longer: on locked rows in memory, as `decide` does."""

from dataclasses import replace

from app.global_func import iso
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.admission.account import DistributorAccount
from pipeline_dist.admission.call_view import call_answer, current_state
from pipeline_dist.admission.commands import ExtendCall, FinishCall, FinishResult
from pipeline_dist.admission.request_hash import is_same_request
from pipeline_dist.admission.rows import pipeline_code
from pipeline_dist.admission.told_limits import limits_at
from pipeline_dist.admission.workset import WorkSet
from pipeline_dist.errors import ALREADY_FINISHED, CALL_NOT_FOUND, LEASE_OVER
from pipeline_ops.calls.capacity import Capacity, end_call
from pipeline_ops.errors import ARCHIVED
from pipeline_ops.ledger.expiry import longer_lease
from pipeline_ops.ledger.rows import CallHeader, call_lines, end_entry
from pipeline_ops.ledger.states import OPEN_STATUSES, CallStatus
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import PricedLine


async def decide_finish(
    workset: WorkSet, distributor: Distributor, command: FinishCall, key: ApiKey | None
) -> FinishResult:
    """End a call that runs or ran out, or answer a repeated end; raises what keeps it from that."""
    header = workset.headers.get(command.call_no)
    if header is None or header.distributor_id != distributor.id:
        raise CALL_NOT_FOUND()
    account = workset.account(distributor.id, header.pipeline_id)
    capacity = workset.capacities[header.pipeline_id]
    code = await code_of(workset, header.pipeline_id)
    if key is not None and not key.may_call(code):
        raise CALL_NOT_FOUND()
    for side in (account, capacity):
        await side.load_counts(workset.sor, workset.moment)
    if header.status not in OPEN_STATUSES:
        return await _replay_finish(workset, header, code, command, account, capacity)
    if header.archive_batch is not None:
        raise ARCHIVED()
    moment, lease_ends = workset.moment, header.lease_expires_at
    assert lease_ends is not None  # who has no lease has an end from the beginning
    if header.status == CallStatus.EXPIRED:
        # Also where the clock was set back since: the end is not before the lease's.
        moment = max(moment, lease_ends)
    pipeline_id, started_at = header.pipeline_id, header.started_at
    await check_steps(workset.sor, pipeline_id, header.version_no, command.lines)
    # A header without a number is older than the numbers, and than every price that has one.
    terms_no = header.terms_no or 0
    packages = workset.packages_of(distributor.id, pipeline_id, header.month_key)
    priced_lines: list[PricedLine] = []
    if command.lines:
        priced_lines = await workset.price_lines(
            header.terms, packages, started_at, terms_no, command.lines, account.currency
        )
    ended_header = end_call(
        header,
        command.status,
        moment,
        priced_lines,
        account,
        capacity,
        settled_at=workset.moment,
        currency=account.currency,
        end_hash=str(command.body_hash),
        error=command.error,
        updated_at=moment,
        updated_by=account.distributor.code,
        lock_version=header.lock_version + 1,
    )
    entry = end_entry(header, ended_header, call_lines(priced_lines), packages.month_key)
    workset.packages.use(priced_lines)
    workset.end(entry)
    limits = limits_at(account, capacity, workset.moment, slot=True)
    return FinishResult(call_answer(entry.header, code, entry.items), False, limits)


async def decide_extend(
    workset: WorkSet, distributor: Distributor, command: ExtendCall, key: ApiKey | None
) -> FinishResult:
    """Let a call that runs go on for longer; raises what keeps it from that."""
    header = workset.headers.get(command.call_no)
    if header is None or header.distributor_id != distributor.id:
        raise CALL_NOT_FOUND()
    code = await code_of(workset, header.pipeline_id)
    if key is not None and not key.may_call(code):
        raise CALL_NOT_FOUND()
    moment, lease_ends = workset.moment, header.lease_expires_at
    if header.status not in OPEN_STATUSES or lease_ends is None:
        raise ALREADY_FINISHED(outcome=header.status)
    # The slot of one that ran out may be another's already, or is as soon as somebody looks.
    if header.status == CallStatus.EXPIRED or lease_ends <= moment:
        raise LEASE_OVER(when=iso(lease_ends))
    account = workset.account(distributor.id, header.pipeline_id)
    capacity = workset.capacities[header.pipeline_id]
    for side in (account, capacity):
        await side.load_counts(workset.sor, moment)
    longer = longer_lease(header, moment, command.lease_seconds)
    if longer > lease_ends:
        capacity.keep_slot(lease_ends, longer)
        header = replace(
            header, lease_expires_at=longer, updated_at=moment, updated_by=distributor.code,
            lock_version=header.lock_version + 1,
        )  # fmt: skip
        workset.extend(header)
    limits = limits_at(account, capacity, moment, slot=True)
    return FinishResult(call_answer(header, code, ()), False, limits)


async def _replay_finish(
    workset: WorkSet,
    header: CallHeader,
    code: str,
    command: FinishCall,
    account: DistributorAccount,
    capacity: Capacity,
) -> FinishResult:
    if not is_same_request(header.end_hash, command.body_hash):
        raise ALREADY_FINISHED(outcome=header.status)
    lines = await workset.lines_of(header.call_no)
    answer = call_answer(header, code, lines, status=command.status)
    limits = limits_at(account, capacity, workset.moment, slot=True)
    return FinishResult(answer, True, limits, current_state(header, lines))


async def code_of(workset: WorkSet, pipeline_id: str) -> str:
    """Return the code of a line, also of one that this batch did not ask for."""
    pipeline = workset.pipelines.get(pipeline_id)
    return pipeline.code if pipeline else await pipeline_code(workset.sor, pipeline_id)
