"""
Admission: letting calls in and ending them, exactly.

Requests that wait at the same moment are decided in one transaction (`queue`), each in its turn:
it locks distributor, distributor_pipeline, capacity and ledger rows, in this order (`workset`),
decides on the locked rows in memory (`decide`) and then writes. A refused call leaves nothing
behind. Who made a call first is decided by the ledger's unique key (distributor_id,
idempotency_key, line_no).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import (
    AppError,
    InvalidFields,
    Row,
    SafeSqlor,
    now,
    reading,
)
from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_pipeline,
    check_rate,
    check_spend,
    pipeline_not_found,
)
from pipeline_dist.admission.call_view import call_answer, quote_answer
from pipeline_dist.admission.commands import BeginCall, BeginResult, FinishCall, FinishResult
from pipeline_dist.admission.limits import Limit, limits_of
from pipeline_dist.admission.queue import AdmissionQueue, admission_queue
from pipeline_dist.errors import CALL_NOT_FOUND, CANCELLED_USED_NOTHING
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules.counters import read_capacity
from pipeline_ops.rules.limits import check_room
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import PricedLine, price_lines
from pipeline_ops.rules.usage_lines import UsageLine, usage_lines

__all__ = ["BeginResult", "FinishResult", "begin", "finish", "quote", "read_call"]

DEFAULT_LEASE_SECONDS = 300
# Lines as they come in: objects, or mappings whose values are checked already.
Lines = Sequence[UsageLine | Mapping[str, Any]]


async def begin(
    caller: str | Credentials,
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
) -> BeginResult:
    """
    Let a call of the line *pipeline* (its code) in for *caller*, a distributor's id or what a
    request shows (then the key is checked too, first of all): one of each quota, and a slot for
    *lease_seconds*. With *status* (succeeded, failed) and *lines* it books a finished call, which
    needs no slot. *started_at* is for calls booked afterwards.

    Raises, in this order: distributor_suspended, rate_limited, pipeline_not_found,
    pipeline_offline, not_enabled, unknown_step, spend_limit_reached, quota_exceeded,
    capacity_exceeded, concurrency_exceeded; price_missing for a finished call;
    idempotency_key_reused.
    """
    queue = admission_queue()
    command = BeginCall(
        distributor_id=await _identify(queue, caller),
        credentials=None if isinstance(caller, str) else caller,
        pipeline=pipeline,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        client_ref=client_ref,
        lease_seconds=None if status else lease_seconds or DEFAULT_LEASE_SECONDS,
        lines=usage_lines(lines),
        status=status,
        error=error,
        started_at=started_at,
        pipeline_id=queue.known_pipeline(pipeline),
    )
    return await queue.begin(command)


async def finish(
    caller: str | Credentials,
    *,
    call_no: str,
    status: str,
    lines: Lines | None = None,
    error: str | None = None,
    body_hash: str,
) -> FinishResult:
    """
    End a call as succeeded, failed or cancelled, and charge its *lines*.

    Raises call_not_found, already_finished (asked otherwise than the first time),
    lease_expired (cancelled after its time), unknown_step (by the version with which it began),
    price_missing: the call then stays as it is.
    """
    queue = admission_queue()
    command = FinishCall(
        distributor_id=await _identify(queue, caller),
        credentials=None if isinstance(caller, str) else caller,
        call_no=call_no,
        status=status,
        lines=usage_lines(lines),
        error=error,
        body_hash=body_hash,
        pipeline_id=queue.known_pipeline_of(call_no),
    )
    if command.lines and status == "cancelled":
        raise InvalidFields([CANCELLED_USED_NOTHING("lines")])
    return await queue.finish(command)


async def _identify(queue: AdmissionQueue, caller: str | Credentials) -> str:
    return caller if isinstance(caller, str) else await queue.identify(caller)


async def quote(
    distributor_id: str, *, pipeline: str, lines: Lines, lang: str = "en"
) -> tuple[dict[str, Any], list[Limit]]:
    """
    Return what *lines* would cost in a call that begins now, and whether it would be let in (if
    not, why, in *lang*), with the limits that it would meet; books nothing. Raises
    pipeline_not_found, unknown_step, price_missing.
    """
    items = usage_lines(lines)
    async with reading(snapshot=True) as sor:
        account, pipeline_row = await _read_account(sor, distributor_id, pipeline)
        moment = now()
        await check_steps(sor, pipeline_row["id"], pipeline_row["current_version"], items)
        priced_lines = await _price_lines(sor, account, pipeline_row["id"], moment, items)
        capacity = await read_capacity(sor, pipeline_row["id"])
        limits = await limits_of(sor, account.distributor, account.link, capacity, moment)
    refusal: AppError | None = None
    try:
        check_active(account.distributor)
        check_rate(account.distributor, moment)
        check_pipeline(pipeline_row, account.link, moment)
        check_spend(account.distributor)
        check_room([x for x in limits if x.scope not in ("rate", "spend")], moment)
    except AppError as exc:
        refusal = exc
    return quote_answer(pipeline_row, account.currency, priced_lines, refusal, lang), limits


async def read_call(distributor_id: str, call_no: str) -> dict[str, Any]:
    """One call of this distributor with its lines; raises NotFound `call_not_found`."""
    async with reading(snapshot=True) as sor:
        header = await ledger.find_header(sor, call_no, distributor_id=distributor_id)
        if header is None:
            raise _call_not_found()
        pipeline = await sor.one(
            "select code from pipelines where id = ${id}$", {"id": header["pipeline_id"]}
        )
        assert pipeline is not None
        return call_answer(header, pipeline["code"], await ledger.lines_of(sor, call_no))


async def _price_lines(
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
    """Read the account and the line without locks; raises NotFound `pipeline_not_found`."""
    distributor = await sor.one(
        "select * from distributors where id = ${id}$", {"id": distributor_id}
    )
    pipeline_row = await _find_pipeline(sor, pipeline)
    link = pipeline_row and await sor.one(
        "select * from distributor_pipeline where distributor_id = ${distributor_id}$"
        " and pipeline_id = ${pipeline_id}$",
        {"distributor_id": distributor_id, "pipeline_id": pipeline_row["id"]},
    )
    if distributor is None or pipeline_row is None or link is None:
        raise pipeline_not_found()
    return DistributorAccount(distributor, link), pipeline_row


async def _find_pipeline(sor: SafeSqlor, code: str) -> Row | None:
    row: Row | None = await sor.one(
        "select id, code, status, current_version from pipelines where code = ${code}$",
        {"code": code},
    )
    return row


def _call_not_found() -> AppError:
    return CALL_NOT_FOUND()
