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
    SafeSqlor,
    now,
    quota_month,
    reading,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import AuthenticatedDistributor, Credentials
from pipeline_dist.accounts.rows import DISTRIBUTOR_COLUMNS, Distributor
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission import looks
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_pipeline,
    check_pipeline_of_key,
    check_rate,
)
from pipeline_dist.admission.call_view import call_answer, quote_answer
from pipeline_dist.admission.commands import (
    BeginCall,
    BeginResult,
    ExtendCall,
    FinishCall,
    FinishResult,
)
from pipeline_dist.admission.limits import Limit, key_limits
from pipeline_dist.admission.looks import Look
from pipeline_dist.admission.present_limits import limits_of_lines
from pipeline_dist.admission.queue import admission_queue
from pipeline_dist.admission.spending import check_amount
from pipeline_dist.errors import CALL_NOT_FOUND, PIPELINE_NOT_FOUND
from pipeline_ops.ledger.looks import find_call
from pipeline_ops.rules.limits import check_room
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.pricing import apply_prices, choose_terms, total
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


async def begin_many(
    caller: str | AuthenticatedDistributor, commands: Sequence[BeginCall]
) -> list[BeginResult | BaseException]:
    """Let finished calls in as `begin` does, at most `group_size`, by one transaction: the outcome
    of each, in their order."""
    return await admission_queue().begin_many(caller, commands)


def check_queue() -> None:
    """Raise Unavailable `busy` where a call that begins would be refused for want of room: before
    its body is looked at, so that refusing costs as little as it can."""
    admission_queue().check_queue()


def group_size() -> int:
    """Return how many calls may be begun together now."""
    return admission_queue().group_size()


async def finish(caller: str | Credentials, command: FinishCall) -> FinishResult:
    """
    End a call, and charge its lines.

    Raises call_not_found, already_finished (asked otherwise than the first time),
    archived (it ran out in a month that is archived since),
    unknown_step (by the version with which it began), price_missing: the call then stays as it is.
    """
    return await admission_queue().finish(caller, command)


async def extend(caller: str | Credentials, command: ExtendCall) -> FinishResult:
    """
    Let a call that runs go on: its lease ends `lease_seconds` from now, unless it ends later anyway
    and at most MAX_LEASE after the begin.

    Raises distributor_suspended, as for a call that begins; call_not_found; already_finished, also
    where its lease ran out.
    """
    return await admission_queue().extend(caller, command)


async def quote(
    distributor_id: str,
    *,
    pipeline: str,
    lines: Lines,
    lang: str = "en",
    key: ApiKey | None = None,
) -> tuple[dict[str, Any], list[Limit]]:
    """
    Return what *lines* would cost in a call that begins now, and whether it would be let in (if
    not, why, in *lang*), with the limits that it would meet; books nothing. *key*: by which it is
    asked. Raises pipeline_not_found, unknown_step, price_missing.
    """
    check_pipeline_of_key(key, pipeline)
    items, moment = usage_lines(lines), now()
    async with reading() as sor:
        distributor, look = await _look(sor, distributor_id, pipeline, items, moment)
        sold_pipeline, link = look.pipeline, look.link
        await check_steps(sor, sold_pipeline.id, sold_pipeline.current_version, items)
        account = DistributorAccount(distributor, link)
        line_terms = choose_terms(items, look.terms, account.terms, account.currency)
        packages = look.packages(account.month_of(quota_month(moment)), line_terms)
        priced_lines = apply_prices(items, line_terms, packages)
        own, by_line = await limits_of_lines(sor, distributor, [look.offer], moment)
    of_key = key_limits(key, moment)
    limits = of_key + own + by_line[0]
    refusal: AppError | None = None
    try:
        check_active(distributor.status)
        check_rate(distributor, of_key, moment)
        check_pipeline(sold_pipeline.status, link, moment)
        check_amount(distributor, moment, total(priced_lines))
        check_room([x for x in limits if x.scope not in ("rate", "key", "spend")], moment)
    except AppError as exc:
        refusal = exc
    return quote_answer(sold_pipeline, distributor.currency, priced_lines, refusal, lang), limits


async def read_call(distributor_id: str, call_no: str, key: ApiKey | None = None) -> dict[str, Any]:
    """One call of this distributor with its lines; raises NotFound `call_not_found`, also for one
    of a pipeline that is not the *key*'s."""
    async with reading() as sor:
        result = await find_call(sor, call_no, distributor_id)
    if result is None or (key is not None and not key.may_call(result[1])):
        raise CALL_NOT_FOUND()
    return call_answer(*result)


_ACCOUNT = (
    f"select {', '.join('d.' + name for name in DISTRIBUTOR_COLUMNS)}, {looks.COLUMNS}"  # noqa: S608
    " from distributors d join pipelines p on p.code = ${code}$ join distributor_pipeline l"
    f" on l.distributor_id = d.id and l.pipeline_id = p.id{looks.PRICES}"
)
_OF_UNITS = " and r.unit in ${units}$"
_OF_ACCOUNT = f"{looks.PACKAGES} where d.id = ${{distributor_id}}$"


async def _look(
    sor: SafeSqlor, distributor_id: str, code: str, items: Sequence[UsageLine], moment: datetime
) -> tuple[Distributor, Look]:
    """Read, without locks, the account and the line with the prices that may be those of *items*;
    raises NotFound `pipeline_not_found`."""
    values = looks.look_values(distributor_id, moment) | {
        "code": code,
        "units": sorted({item.unit for item in items}),
    }
    # Where there are no items, the refusal asks for all currencies that the line is sold in.
    text = _ACCOUNT + (_OF_UNITS if items else "") + _OF_ACCOUNT
    rows = await sor.tuples(text, values)
    if not rows:
        raise PIPELINE_NOT_FOUND()
    width = len(DISTRIBUTOR_COLUMNS)
    return Distributor(*rows[0][:width]), looks.looks_of(row[width:] for row in rows)[0]
