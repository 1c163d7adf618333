"""Sending a request until it is answered: which answers are tried again, how often, how long."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from pipeline_client.problems import BadAnswer, NoAnswer, problem_of_response
from pipeline_client.wire import Lost, Pause, Plan, Request, Response, T

# 429 and 503 were not carried out. With the others nobody knows, as when no answer came.
NOT_CARRIED_OUT = frozenset({429, 503})
UNKNOWN_OUTCOME = frozenset({408, 500, 502, 504})


@dataclass(frozen=True)
class Retries:
    """
    How a request is tried again, always with the same idempotency key: at most `tries` times and
    for `patience` seconds in all, after pauses that double from `first_pause` to `max_pause` and
    are never alike, but not before the API's `Retry-After` is over.

    A wait that would be longer than the patience is not begun: the refusal is raised, with its
    `retry_after`. A 429 without `Retry-After` does not pass by itself and is raised at once.
    """

    tries: int = 8
    patience: float = 120.0
    first_pause: float = 0.2
    max_pause: float = 30.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def pause(self, attempt: int, reply: Response | Lost) -> float | None:
        """Return how long to wait after the try number *attempt*; None where it does not help."""
        grown = min(self.first_pause * 2.0**attempt, self.max_pause) * (0.5 + self.jitter() / 2)
        if isinstance(reply, Lost):
            return grown
        wait = reply.retry_after()
        if wait is None:
            return None if reply.status == 429 else grown
        return wait + grown


@dataclass(frozen=True)
class Operation(Generic[T]):
    """A request, and what makes a value of its answer (else it raises ValueError)."""

    request: Request
    parse: Callable[[Response], T]


def perform(operation: Operation[T], retries: Retries) -> Plan[T]:
    """Return what *operation* answers; raises Problem, NoAnswer, BadAnswer."""
    response = yield from exchange(operation.request, retries)
    try:
        return operation.parse(response)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as exc:
        path = operation.request.path
        raise BadAnswer(f"The answer to {path} is not understood: {exc!r}") from exc


def exchange(request: Request, retries: Retries) -> Plan[Response]:
    """Return the answer to *request* that is no refusal; raises Problem and NoAnswer."""
    patience = retries.patience
    for attempt in range(retries.tries):
        reply = yield request
        assert reply is not None
        if isinstance(reply, Response) and reply.status < 300:
            return reply
        wait = retries.pause(attempt, reply) if _may_repeat(request, reply) else None
        if wait is None or wait > patience or attempt == retries.tries - 1:
            raise NoAnswer(reply.reason) if isinstance(reply, Lost) else problem_of_response(reply)
        patience -= wait
        yield Pause(wait)
    raise ValueError("retries of no try")


def _may_repeat(request: Request, reply: Response | Lost) -> bool:
    if isinstance(reply, Lost) or reply.status in UNKNOWN_OUTCOME:
        return request.is_repeatable
    return reply.status in NOT_CARRIED_OUT
