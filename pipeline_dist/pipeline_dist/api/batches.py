"""
Booking a batch: many finished calls in one request, each decided on its own.

A batch goes to admission in portions, the next one when the one before is decided, and so do all
batches of a distributor that are under way at the same time in one process: however large they
are, they fill one transaction and not the queue, in which nobody waits for long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from weakref import WeakValueDictionary

from app.global_func import AppError, InvalidFields, Unavailable, json_bytes, translate
from pipeline_dist.admission.commands import BeginCall, BeginResult
from pipeline_dist.api import input as api_input
from pipeline_dist.errors import ITEM_FAILED
from pipeline_ops.rules.limits import retry_header

# What is checked, decided and written at once: others are served in between.
ITEM_BATCH_SIZE = 100
LINE_BATCH_SIZE = 500

log = logging.getLogger("pipeline.distributor_api")
Outcome = BeginResult | AppError
Book = Callable[[BeginCall], Awaitable[BeginResult]]
# By distributor, as long as somebody holds or waits for it.
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def book_all(
    distributor_id: str, items: Sequence[Any], book: Book
) -> tuple[list[Outcome], dict[str, str]]:
    """
    Book *items* by *book*, which lets one call in: the outcome of each, in order, and
    `Retry-After` where some may be repeated with success.

    Raises Unavailable, or what went wrong on our side, where not one of them was decided.
    """
    turn = _turns.setdefault(distributor_id, asyncio.Lock())
    outcomes: list[Outcome] = []
    for portion in _portions(items):
        async with turn:
            outcomes += await asyncio.gather(*(_book_one(item, book) for item in portion))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, AppError)]
    waits = [wait for outcome in refusals if (wait := _retry_after(outcome)) is not None]
    headers = retry_header(min(waits, default=None))
    if len(refusals) == len(outcomes) and all(outcome.status >= 500 for outcome in refusals):
        first = next((one for one in refusals if isinstance(one, Unavailable)), refusals[0])
        first.headers.update(headers)
        raise first
    return outcomes, headers


def answer(outcomes: Sequence[Outcome], lang: str) -> bytes:
    """Return the answer to a batch as JSON, refusals in *lang*. It may take long: thousands of
    lines."""
    accepted = sum(isinstance(outcome, BeginResult) for outcome in outcomes)
    return json_bytes(
        {
            "accepted": accepted,
            "refused": len(outcomes) - accepted,
            "results": [_result(outcome, lang) for outcome in outcomes],
        }
    )


def _portions(items: Sequence[Any]) -> Iterator[list[Any]]:
    portion: list[Any] = []
    line_count = 0
    for item in items:
        lines = item.get("lines") if isinstance(item, dict) else None
        count = len(lines) if isinstance(lines, list) else 0
        if portion and (len(portion) >= ITEM_BATCH_SIZE or line_count + count > LINE_BATCH_SIZE):
            yield portion
            portion, line_count = [], 0
        portion.append(item)
        line_count += count
    if portion:
        yield portion


async def _book_one(item: Any, book: Book) -> Outcome:
    try:
        return await book(api_input.batch_item(item))
    except AppError as exc:
        return exc
    except Exception:
        log.exception("an item of a batch failed", extra={"action": "batch_item_failed"})
        return ITEM_FAILED()


def _result(outcome: Outcome, lang: str) -> dict[str, Any]:
    if isinstance(outcome, BeginResult):
        return {"status": 201, "replayed": outcome.replayed, "call": outcome.answer}
    result: dict[str, Any] = {"status": outcome.status, "error": _problem(outcome, lang)}
    if outcome.status in (429, 503):
        result["retry_after"] = _retry_after(outcome)
    return result


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
