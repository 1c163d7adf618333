"""
Admission: letting calls in and ending them, exactly.

Requests that wait at the same moment are decided in one transaction (`queue`), each in its turn:
it locks distributor, distributor_pipeline, capacity and ledger rows, in this order (`workset`),
decides on the locked rows in memory (`decide`) and then writes. A refused call leaves nothing
behind. Who made a call first is decided by the ledger's unique key (distributor_id,
idempotency_key, line_no).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import (
    AppError,
    SafeSqlor,
    now,
    quota_month,
    reading,
)
from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.accounts.rows import Distributor, Link, read_distributor, read_link
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_pipeline,
    check_rate,
)
from pipeline_dist.admission.call_view import call_answer, quote_answer
from pipeline_dist.admission.commands import BeginCall, BeginResult, FinishCall, FinishResult
from pipeline_dist.admission.limits import Limit, limits_of
from pipeline_dist.admission.queue import admission_queue
from pipeline_dist.admission.rows import Pipeline, find_pipeline, pipeline_code
from pipeline_dist.admission.spending import check_amount
from pipeline_dist.errors import CALL_NOT_FOUND, PIPELINE_NOT_FOUND
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules.counters import read_capacity
from pipeline_ops.rules.limits import check_room
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import price_lines, total
from pipeline_ops.rules.usage_lines import UsageLine, usage_lines

# Lines as they come in: objects, or mappings whose values are checked already.
Lines = Sequence[UsageLine | Mapping[str, Any]]


async def begin(caller: str | Credentials, command: BeginCall) -> BeginResult:
    """
    Let a call in for *caller*, a distributor's id or what a request shows (then the key is checked
    too, first of all): one of each quota and, unless it is over already, a slot.

    Raises, in this order: distributor_suspended, rate_limited, pipeline_not_found,
    pipeline_offline, not_enabled, unknown_step, price_missing (of a begun call only for its
    estimate's lines, and where all prices are in another currency), spend_limit_reached,
    quota_exceeded, capacity_exceeded, concurrency_exceeded; idempotency_key_reused.
    """
    return await admission_queue().begin(caller, command)


async def finish(caller: str | Credentials, command: FinishCall) -> FinishResult:
    """
    End a call, and charge its lines.

    Raises call_not_found, already_finished (asked otherwise than the first time),
    archived (it ran out in a month that is archived since),
    unknown_step (by the version with which it began), price_missing: the call then stays as it is.
    """
    return await admission_queue().finish(caller, command)


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
        distributor, link, pipeline_row = await _read_account(sor, distributor_id, pipeline)
        moment = now()
        await check_steps(sor, pipeline_row.id, pipeline_row.current_version, items)
        account = DistributorAccount(distributor, link)
        priced_lines = await price_lines(
            sor, account.terms, pipeline_row.id, moment, items, account.currency,
            month=account.month_of(quota_month(moment)),
        )  # fmt: skip
        capacity = await read_capacity(sor, pipeline_row.id)
        limits = await limits_of(sor, distributor, link, capacity, moment)
    refusal: AppError | None = None
    try:
        check_active(distributor.status)
        check_rate(distributor, moment)
        check_pipeline(pipeline_row.status, link, moment)
        check_amount(distributor, moment, total(priced_lines))
        check_room([x for x in limits if x.scope not in ("rate", "spend")], moment)
    except AppError as exc:
        refusal = exc
    return quote_answer(pipeline_row, distributor.currency, priced_lines, refusal, lang), limits


async def read_call(distributor_id: str, call_no: str) -> dict[str, Any]:
    """One call of this distributor with its lines; raises NotFound `call_not_found`."""
    async with reading(snapshot=True) as sor:
        header = await ledger.find_header(sor, call_no, distributor_id)
        if header is None:
            raise CALL_NOT_FOUND()
        code = await pipeline_code(sor, header.pipeline_id)
        return call_answer(header, code, await ledger.lines_of(sor, call_no))


async def _read_account(
    sor: SafeSqlor, distributor_id: str, code: str
) -> tuple[Distributor, Link, Pipeline]:
    """Read the account and the line without locks; raises NotFound `pipeline_not_found`."""
    distributor = await read_distributor(sor, distributor_id)
    pipeline = await find_pipeline(sor, code)
    link = None if pipeline is None else await read_link(sor, distributor_id, pipeline.id)
    if distributor is None or pipeline is None or link is None:
        raise PIPELINE_NOT_FOUND()
    return distributor, link, pipeline
