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
    Conflict,
    NotFound,
    Row,
    SafeSqlor,
    Unavailable,
    Unprocessable,
)
from pipeline_dist.accounts.authentication import check_caller
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import (
    DistributorAccount,
    check_line,
    check_rate,
    check_spend,
    line_not_found,
)
from pipeline_dist.admission.call_view import begun, current, ended
from pipeline_dist.admission.commands import Admitted, End, Finished, Start, Wanted
from pipeline_dist.admission.limits import Limit, rate_limit_headers, rate_limits, spend_limits
from pipeline_dist.admission.request_hash import is_same_request
from pipeline_dist.admission.workset import Begun, Book, Header, open_book
from pipeline_ops.calls.capacity import Capacity, end_call
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.rules.limits import check_room, retry_after, retry_header
from pipeline_ops.rules.pricing import PricedLine, total

Outcome = Admitted | Finished | AppError


async def decide_all(
    sor: SafeSqlor, wanted: Sequence[Wanted], *, look_first: bool = False
) -> list[Outcome]:
    """
    Decide *wanted* in their order and write what came of it; one outcome for each.

    With *look_first* the ledger is asked for the idempotency keys beforehand. Without it
    DuplicateKey is raised when one of them has its call already. Raises Unavailable.
    """
    book = await open_book(sor, wanted)
    if look_first:
        await book.find_first(item for item in wanted if isinstance(item, Start))
    outcomes = [await _decided(book, item) for item in wanted]
    if not look_first:
        await _look_at_refused(book, wanted, outcomes)
    await book.save()
    return outcomes


async def _look_at_refused(book: Book, wanted: Sequence[Wanted], outcomes: list[Outcome]) -> None:
    """A refused request may be a repetition: then neither a quota used up since nor a price that
    is gone matters, and it is answered as the first time."""
    refused = {
        number: item
        for number, (item, outcome) in enumerate(zip(wanted, outcomes, strict=True))
        if isinstance(item, Start) and isinstance(outcome, AppError)
    }
    await book.find_first(refused.values())
    for number, item in refused.items():
        if (item.distributor_id, item.idempotency_key) in book.first:
            outcomes[number] = await _decided(book, item)


async def _decided(book: Book, wanted: Wanted) -> Outcome:
    try:
        distributor = _asking(book, wanted)
    except AppError as exc:
        return exc  # who is not let in at all hears that, and no more
    try:
        if isinstance(wanted, Start):
            return await _begin(book, distributor, wanted)
        return await _finish(book, wanted)
    except Unavailable:
        raise
    except AppError as exc:
        await _tell_limits(book, wanted, exc)
        return exc


async def _tell_limits(book: Book, wanted: Wanted, refused: AppError) -> None:
    """Put on a refusal the limits that applied, and the time until all of them have room."""
    moment = book.moment
    account, capacity = _sides(book, wanted)
    slot = isinstance(wanted, End) or wanted.status is None
    started_at = (isinstance(wanted, Start) and wanted.started_at) or moment
    for side in (account, capacity):
        await side.count(book.sor, moment)
        await side.count(book.sor, started_at)
    limits = _limits(account, capacity, moment, slot=slot)
    refused.headers.update(rate_limit_headers(limits, moment))
    if "Retry-After" in refused.headers:
        # What refused it may have room before what was not looked at any more.
        del refused.headers["Retry-After"]
        limits = _limits(account, capacity, moment, slot=slot, started_at=started_at)
        refused.headers.update(retry_header(retry_after(limits, moment)))


def _sides(book: Book, wanted: Wanted) -> tuple[DistributorAccount, Capacity]:
    """The account and the capacity that a request is about; of a line that is not the asker's
    nothing."""
    pipeline_id = ""
    if isinstance(wanted, Start):
        line = book.codes.get(wanted.pipeline)
        if line is not None and (wanted.distributor_id, line["id"]) in book.links:
            pipeline_id = line["id"]
    else:
        header = book.headers.get(wanted.call_no)
        if header is not None and header["distributor_id"] == wanted.distributor_id:
            pipeline_id = header["pipeline_id"]
    return book.account(wanted.distributor_id, pipeline_id), _capacity(book, pipeline_id)


def _capacity(book: Book, pipeline_id: str) -> Capacity:
    found = book.capacities.get(pipeline_id)
    return found or Capacity(pipeline_id=pipeline_id, row=None, counted={})


def _asking(book: Book, wanted: Wanted) -> Row:
    """The row of the distributor who asks; raises what keeps it from asking."""
    distributor = book.distributor(wanted.distributor_id)
    if wanted.shown is not None:
        check_caller(distributor, wanted.shown)
    else:
        check_active(distributor)
    return distributor


async def _begin(book: Book, distributor: Row, wanted: Start) -> Admitted:
    first = book.first.get((wanted.distributor_id, wanted.idempotency_key))
    if first is not None:
        return await _replayed(book, first, wanted)
    moment = book.moment
    check_rate(distributor, moment)
    line = book.codes.get(wanted.pipeline)
    if line is None:
        raise line_not_found()
    account = book.account(wanted.distributor_id, line["id"])
    check_line(line, account.link, moment)
    check_spend(distributor)
    capacity = book.capacities[line["id"]]
    started_at = wanted.started_at or moment
    slot = wanted.status is None
    for side in (account, capacity):
        await side.count(book.sor, started_at)
        side.turn(started_at)
        if started_at is not moment:
            await side.count(book.sor, moment)  # for what is told of the limits now
    check_room(account.limits(started_at) + capacity.limits(started_at, slot=slot), moment)
    priced = await book.priced(account, line["id"], started_at, wanted.lines)

    header = _header(account, line, wanted, moment, started_at)
    _charge(account, capacity, header, priced, moment, slot=slot)
    rows = ledger.line_rows(header, priced, moment=moment, by=header["created_by"])
    book.begin(header, rows)
    answer = begun(header, line["code"]) if slot else ended(header, line["code"], rows)
    return Admitted(answer, False, _limits(account, capacity, moment, slot=slot), line["id"])


def _header(
    account: DistributorAccount,
    line: Row,
    wanted: Start,
    moment: datetime,
    started_at: datetime,
) -> Header:
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
        request_hash=str(wanted.request_hash),
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
    header: Header,
    priced: Sequence[PricedLine],
    moment: datetime,
    *,
    slot: bool,
) -> None:
    """Take what the call takes, in memory."""
    account.count_rate(moment)
    account.take(header["day_key"], header["month_key"])
    capacity.take(header["day_key"], header["month_key"], slot=slot)
    if priced:
        account.settle(total(priced))
    header["quota_key"] = account.distributor["quota_key"]
    if slot:
        capacity.hold_slot(header["lease_expires_at"])


async def _replayed(book: Book, first: Row | Begun, wanted: Start) -> Admitted:
    header = first.header if isinstance(first, Begun) else first
    if not is_same_request(header["request_hash"], wanted.request_hash):
        raise Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new key for a new call.",
        )
    pipeline_id = header["pipeline_id"]
    code = await _code_of(book, pipeline_id)
    account = book.account(wanted.distributor_id, pipeline_id)
    capacity = _capacity(book, pipeline_id)
    for side in (account, capacity):
        await side.count(book.sor, book.moment)
    limits = _limits(account, capacity, book.moment, slot=wanted.status is None)
    header = book.latest(header)
    if isinstance(first, Begun):
        lines: Sequence[Header] = first.lines
    else:
        has_lines = header["status"] not in ("reserved", "expired", "cancelled")
        lines = await book.lines_of(header["call_no"]) if has_lines else []
    if wanted.status is None:
        answer = begun(header, code)
    else:
        answer = ended(header, code, lines, status=wanted.status)
    return Admitted(answer, True, limits, pipeline_id, current(header, lines))


async def _finish(book: Book, wanted: End) -> Finished:
    header = book.headers.get(wanted.call_no)
    if header is None or header["distributor_id"] != wanted.distributor_id:
        raise _call_not_found()
    account = book.account(wanted.distributor_id, header["pipeline_id"])
    capacity = book.capacities[header["pipeline_id"]]
    code = await _code_of(book, header["pipeline_id"])
    for side in (account, capacity):
        await side.count(book.sor, book.moment)
    if header["status"] not in ("reserved", "expired"):
        return await _finished_before(book, header, code, wanted, account, capacity)
    moment = book.moment
    if header["status"] == "expired":
        # Also where the clock was set back since: the end is not before the lease's.
        moment = max(moment, header["lease_expires_at"])
    if moment >= header["lease_expires_at"] and wanted.status == "cancelled":
        raise Conflict(
            "lease_expired",
            "The call's time ran out before it was cancelled; it counts as expired.",
        )
    pipeline_id, started_at = header["pipeline_id"], header["started_at"]
    priced = await book.priced(account, pipeline_id, started_at, wanted.lines)
    by = account.distributor["code"]
    end_call(header, wanted.status, moment, priced, account, capacity)
    header |= {
        "currency": account.currency,
        "end_hash": str(wanted.body_hash),
        "error": wanted.error,
        "updated_at": moment,
        "updated_by": by,
        "lock_version": header["lock_version"] + 1,
    }
    rows = ledger.line_rows(header, priced, moment=moment, by=by)
    book.end(header, rows)
    limits = _limits(account, capacity, book.moment, slot=True)
    return Finished(ended(header, code, rows), False, limits)


async def _finished_before(
    book: Book,
    header: Row,
    code: str,
    wanted: End,
    account: DistributorAccount,
    capacity: Capacity,
) -> Finished:
    if not is_same_request(header["end_hash"], wanted.body_hash):
        raise Conflict(
            "already_finished",
            "The call has ended already ({outcome}); what it used cannot be told again.",
            outcome=header["status"],
        )
    lines = await book.lines_of(header["call_no"])
    answer = ended(header, code, lines, status=wanted.status)
    limits = _limits(account, capacity, book.moment, slot=True)
    return Finished(answer, True, limits, current(header, lines))


def _limits(
    account: DistributorAccount,
    capacity: Capacity,
    moment: datetime,
    *,
    slot: bool,
    started_at: datetime | None = None,
) -> list[Limit]:
    """The limits of a call that begins now, or began at *started_at*, as they stand."""
    at = started_at or moment
    return [
        *rate_limits(account.distributor, moment),
        *spend_limits(account.distributor),
        *account.limits(at),
        *capacity.limits(at, slot=slot),
    ]


async def _code_of(book: Book, pipeline_id: str) -> str:
    line: dict[str, Any] | None = book.lines.get(pipeline_id)
    if line is None:
        line = await book.sor.one(
            "select code from pipelines where id = ${id}$", {"id": pipeline_id}
        )
    return str(line["code"]) if line else ""


def _call_not_found() -> NotFound:
    return NotFound("call_not_found", "There is no call of this number for this account.")
