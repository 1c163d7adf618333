"""What is told of the limits that a request met: on the locked rows, after it was decided."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.global_func import AppError, settings
from pipeline_dist.admission.account import DistributorAccount
from pipeline_dist.admission.commands import BeginCall, Command, Request
from pipeline_dist.admission.limits import (
    Limit,
    key_limits,
    rate_limit_headers,
    rate_limits,
)
from pipeline_dist.admission.spending import spend_limits
from pipeline_dist.admission.workset import WorkSet
from pipeline_ops.calls.capacity import Capacity
from pipeline_ops.rules.limits import retry_after, retry_header


def limits_at(
    account: DistributorAccount,
    capacity: Capacity,
    moment: datetime,
    *,
    slot: bool,
    started_at: datetime | None = None,
    of_key: Sequence[Limit] = (),
) -> list[Limit]:
    """Return the limits of a call that begins now, or began at *started_at*, as they stand;
    *of_key*: those of the key it is asked for by."""
    at = started_at or moment
    return [
        *rate_limits(account.distributor, moment),
        *of_key,
        *spend_limits(account.distributor, moment),
        *account.limits(at),
        *capacity.limits(at, slot=slot),
    ]


async def add_limit_headers(workset: WorkSet, request: Request[Command], refusal: AppError) -> None:
    """Put on a refusal the limits that applied, and the time until all of them have room."""
    moment, command = workset.moment, request.command
    account, capacity = _sides(workset, request)
    slot = not isinstance(command, BeginCall) or command.status is None
    for side in (account, capacity):
        await side.load_counts(workset.sor, moment)
    of_key = key_limits(request.key, moment)
    limits = limits_at(account, capacity, moment, slot=slot, of_key=of_key)
    refusal.headers.update(rate_limit_headers(limits, moment))
    if "Retry-After" in refusal.headers:
        # What refused it may have room before what was not looked at any more.
        del refusal.headers["Retry-After"]
        started_at = _event_time(command, moment)
        for side in (account, capacity):
            await side.load_counts(workset.sor, started_at)
        limits = limits_at(
            account, capacity, moment, slot=slot, started_at=started_at, of_key=of_key
        )
        refusal.headers.update(retry_header(retry_after(limits, moment)))


def _event_time(command: Command, moment: datetime) -> datetime:
    """Return when the call happened that is asked for; *moment* of one that may not have happened
    then: of its time nothing is counted."""
    started_at = command.started_at if isinstance(command, BeginCall) else None
    first = moment - timedelta(days=settings().options.backdating_days)
    return started_at if started_at is not None and first <= started_at <= moment else moment


def _sides(workset: WorkSet, request: Request[Command]) -> tuple[DistributorAccount, Capacity]:
    """Return the account and the capacity that a request is about; of a line that is not the
    asker's, or not its key's, nothing."""
    pipeline_id, command, key = "", request.command, request.key
    if isinstance(command, BeginCall):
        pipeline = workset.pipelines_by_code.get(command.pipeline)
        if key is not None and not key.may_call(command.pipeline):
            pipeline = None
        if pipeline is not None and (request.distributor_id, pipeline.id) in workset.links:
            pipeline_id = pipeline.id
    else:
        header = workset.headers.get(command.call_no)
        if header is not None and header.distributor_id == request.distributor_id:
            pipeline = workset.pipelines.get(header.pipeline_id)
            if key is None or (pipeline is not None and key.may_call(pipeline.code)):
                pipeline_id = header.pipeline_id
    return workset.account(request.distributor_id, pipeline_id), capacity_of(workset, pipeline_id)


def capacity_of(workset: WorkSet, pipeline_id: str) -> Capacity:
    """Return a line's locked capacity; one without limits where it has none."""
    capacity = workset.capacities.get(pipeline_id)
    return capacity or Capacity(pipeline_id=pipeline_id, row=None)
