"""
Booking a batch: many finished calls in one request, each decided on its own.

A batch goes to admission as groups that have a transaction each, the next one when the one before
is decided: up to 1,000 calls where nobody else is served, 250 where others are. So a call that
waits beside batches waits for one group. Batches that have a row in common take turns: of those
that are under way in one process, one group at a time is in the queue, in which nobody waits for
long.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from app.global_func import (
    TWIN_PREFIX,
    AppError,
    InvalidFields,
    Unavailable,
    json_bytes,
    translate,
    twins_in_use,
)
from pipeline_dist.accounts.authentication import AuthenticatedDistributor
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.commands import BeginCall, BeginResult
from pipeline_dist.api import input as api_input
from pipeline_dist.errors import ITEM_FAILED
from pipeline_ops.rules.limits import retry_header

# What is checked in one go: others are served in between.
ITEM_BATCH_SIZE = 50
LINE_BATCH_SIZE = 500
# What is told of one item, so that a flood of them is no flood of answers, and no heap of objects
# that is walked through while others wait.
MAX_ITEM_PROBLEMS = 20
# A group of 250 calls has at most so many metered items (but for a single call with more), a
# larger one as many more.
LINES_A_CALL = 4

log = logging.getLogger("pipeline.distributor_api")
Outcome = BeginResult | AppError
# By what batches lock, as long as somebody holds or waits for it.
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


@dataclass(slots=True)
class BatchResult:
    """What came of a batch: the outcome of each item, in order; the codes of the lines that were
    asked for; and `Retry-After` where some may be repeated with success."""

    outcomes: list[Outcome]
    codes: set[str]
    headers: dict[str, str] = field(default_factory=dict)


async def book_all(
    caller: str | AuthenticatedDistributor, items: Sequence[Any], request_id: str | None = None
) -> BatchResult:
    """
    Book *items*, that came with the request *request_id*, for *caller*, a distributor's id or whose
    key was looked up.

    Raises Unavailable, or what went wrong on our side, where not one of them was decided.
    """
    checked_items = await _check_all(items, request_id)
    commands = {n: one for n, one in enumerate(checked_items) if isinstance(one, BeginCall)}
    codes = {command.pipeline for command in commands.values()}
    outcomes = await _begin_all(caller, list(commands.values()), codes)
    by_number = dict(zip(commands, outcomes, strict=True))
    result = BatchResult(
        [one if isinstance(one, AppError) else by_number[n] for n, one in enumerate(checked_items)],
        codes,
    )
    refusals = [outcome for outcome in result.outcomes if isinstance(outcome, AppError)]
    waits = [wait for outcome in refusals if (wait := _retry_after(outcome)) is not None]
    result.headers = retry_header(min(waits, default=None))
    if len(refusals) == len(items) and all(outcome.status >= 500 for outcome in refusals):
        first = next((one for one in refusals if isinstance(one, Unavailable)), refusals[0])
        first.headers.update(result.headers)
        raise first
    return result


def answer(outcomes: Sequence[Outcome], lang: str) -> bytes:
    """Return the answer to a batch as JSON, refusals in *lang*. It may take long: thousands of
    lines."""
    accepted = sum(isinstance(outcome, BeginResult) for outcome in outcomes)
    head = b'{"accepted":%d,"refused":%d,"results":[' % (accepted, len(outcomes) - accepted)
    return head + b",".join([_result(outcome, lang) for outcome in outcomes]) + b"]}"


async def _check_all(items: Sequence[Any], request_id: str | None) -> list[BeginCall | AppError]:
    result: list[BeginCall | AppError] = []
    line_count = 0
    for number, item in enumerate(items, 1):
        lines = item.get("lines") if isinstance(item, dict) else None
        line_count += len(lines) if isinstance(lines, list) else 0
        try:
            result.append(api_input.batch_item(item, request_id))
        except AppError as exc:
            result.append(_short(exc))
        except Exception as exc:  # noqa: BLE001
            result.append(_failure(exc))
        if number % ITEM_BATCH_SIZE == 0 or line_count > LINE_BATCH_SIZE:
            line_count = 0
            await asyncio.sleep(0)
    return result


def _short(refusal: AppError) -> AppError:
    """Return *refusal* as it is told of one item among many, without the frames it was raised in:
    they hold all that was looked at, for as long as the batch takes."""
    del refusal.problems[MAX_ITEM_PROBLEMS:]
    refusal.__context__ = refusal.__cause__ = None
    return refusal.with_traceback(None)


async def _begin_all(
    caller: str | AuthenticatedDistributor, commands: Sequence[BeginCall], codes: Iterable[str]
) -> list[Outcome]:
    """Let *commands*, calls of the lines with these *codes*, in group by group."""
    distributor_id = caller if isinstance(caller, str) else caller.id
    outcomes: list[Outcome] = []
    while len(outcomes) < len(commands):
        async with _turn({distributor_id, *codes}):
            group = _next_group(commands, len(outcomes), admission.group_size())
            results = await admission.begin_many(caller, group)
        outcomes += [
            one if isinstance(one, BeginResult | AppError) else _failure(one) for one in results
        ]
    return outcomes


def _next_group(commands: Sequence[BeginCall], start: int, size: int) -> Sequence[BeginCall]:
    """Return those of *commands* from *start* on that go together where *size* calls may."""
    line_count = 0
    for end in range(start, min(start + size, len(commands))):
        line_count += len(commands[end].lines)
        if line_count > size * LINES_A_CALL and end > start:
            return commands[start:end]
    return commands[start : start + size]


@asynccontextmanager
async def _turn(rows: Iterable[str]) -> AsyncIterator[None]:
    """Wait until no other batch that goes before has a group of *rows* in the queue."""
    # Those of the sandbox have rows of their own.
    place = TWIN_PREFIX if twins_in_use() else ""
    locks = [_turns.setdefault(place + row, asyncio.Lock()) for row in sorted(rows)]
    async with AsyncExitStack() as stack:
        for lock in locks:  # in one order, so that nobody waits for each other
            await stack.enter_async_context(lock)
        yield


def _failure(fault: BaseException) -> AppError:
    """Return the refusal of an item that something went wrong with on our side."""
    log.error("an item of a batch failed", exc_info=fault, extra={"action": "batch_item_failed"})
    return ITEM_FAILED()


def _result(outcome: Outcome, lang: str) -> bytes:
    """Return an item's result as JSON."""
    if isinstance(outcome, BeginResult):
        replayed = b"true" if outcome.replayed else b"false"
        body = outcome.body
        call = body if isinstance(body, bytes) else json_bytes(body)
        return b'{"status":201,"replayed":%s,"call":%s}' % (replayed, call)
    result: dict[str, Any] = {"status": outcome.status, "error": _problem(outcome, lang)}
    if outcome.status in (429, 503):
        result["retry_after"] = _retry_after(outcome)
    return json_bytes(result)


def _retry_after(refusal: AppError) -> int | None:
    seconds = refusal.headers.get("Retry-After")
    return int(seconds) if seconds is not None else None


def _problem(error: AppError, lang: str) -> dict[str, Any]:
    """Return an error inside an answer: what the problem document has, for one item."""
    problem: dict[str, Any] = {"code": error.code, "detail": translate(error.text, lang)}
    if isinstance(error, InvalidFields) or error.problems:
        problem["errors"] = [
            {
                "pointer": p.field and f"/{p.field}",
                "code": p.code,
                "detail": translate(p.text, lang),
            }
            for p in error.problems
        ]
    return problem | error.extra
