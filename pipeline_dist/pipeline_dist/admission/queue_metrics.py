"""What of admission `/metrics` tells: outcomes, how many go together, how long they wait."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.global_func import AppError, Count, Counter, Gauge, Histogram
from pipeline_dist.admission.commands import BeginCall, ExtendCall
from pipeline_dist.admission.decide import Outcome
from pipeline_dist.admission.pending import PendingRequest

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
ADMITTED, REPEATED, FAULT = "admitted", "repeated", "fault"
BEGIN, BOOK, FINISH, EXTEND = "begin", "book", "finish", "extend"

QUEUE_DEPTH = Gauge("pipeline_admission_queue_depth", "Requests that wait for their turn")
observe_wait = (
    Histogram(
        "pipeline_admission_queue_wait_seconds",
        "Time from a call's arrival to the start of its transaction",
    )
    .child()
    .observe
)
observe_batch = (
    Histogram(
        "pipeline_admission_batch_size", "Calls decided in one transaction", bounds=BATCH_SIZES
    )
    .child()
    .observe
)
_outcomes = Counter(
    "pipeline_admissions",
    "Calls to begin, book, finish or extend, by what came of them: admitted, repeated, fault, or"
    " the code of the refusal",
    ["operation", "outcome"],
)
_children: dict[tuple[str, str], Count] = {}


def count_batch(batch: Sequence[PendingRequest], moment: float) -> None:
    """Count what begins to be decided together at *moment* of the loop's clock."""
    observe_batch(len(batch))
    for request in batch:
        observe_wait(moment - request.since)


def count_outcomes(pairs: Iterable[tuple[PendingRequest, Outcome | BaseException]]) -> None:
    """Count what is told of requests."""
    for request, outcome in pairs:
        key = _operation(request.command), _word(outcome)
        child = _children.get(key)
        if child is None:
            child = _children[key] = _outcomes.child(*key)
        child.value += 1


def _operation(command: Any) -> str:
    if not isinstance(command, BeginCall):
        return EXTEND if isinstance(command, ExtendCall) else FINISH
    return BEGIN if command.status is None else BOOK


def _word(outcome: Outcome | BaseException) -> str:
    if isinstance(outcome, AppError):
        return outcome.code
    if isinstance(outcome, BaseException):
        return FAULT
    return REPEATED if outcome.replayed else ADMITTED
