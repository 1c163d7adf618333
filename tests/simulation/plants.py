"""Faults to be planted into the application, each of which the simulation must find."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.db import settlement, two_trips
from pipeline_dist.admission import decide, ends, queue, rows
from pipeline_dist.errors import QUEUE_FULL
from pipeline_ops.calls.capacity import Capacity
from tests.simulation.server import Database

Undo = Callable[[], None]


def _swap(owner: Any, name: str, value: Any) -> Undo:
    old = getattr(owner, name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, old)


def _all(*undos: Undo) -> Undo:
    def undo_all() -> None:
        for undo in undos:
            undo()

    return undo_all


def _without_locks(owner: Any, name: str) -> Undo:
    return _swap(owner, name, getattr(owner, name).replace(" for update", ""))


def forget_locks(database: Database) -> Undo:
    """Read distributors and links without a lock."""
    return _all(
        _without_locks(rows, "_LOCK_DISTRIBUTORS"),
        _without_locks(rows, "_LOCK_ONE"),
    )


def answer_before_commit(database: Database) -> Undo:
    """Tell who asks what was decided before it is written."""
    recheck_before = decide._recheck_refusals

    async def recheck(workset: Any, requests: Any, outcomes: Any) -> None:
        await recheck_before(workset, requests, outcomes)
        for request, outcome in zip(requests, outcomes, strict=True):
            request.answer(outcome)

    return _swap(decide, "_recheck_refusals", recheck)


def refuse_lost_commits(database: Database) -> Undo:
    """Say of a commit whose answer was lost that nothing was booked."""

    def refusal() -> Any:
        return QUEUE_FULL(headers={"Retry-After": "1"})

    return _all(
        _swap(two_trips, "unknown_outcome", refusal), _swap(settlement, "unknown_outcome", refusal)
    )


def drop_unique_key(database: Database) -> Undo:
    """Have a ledger without the unique key of idempotency keys, and trust it all the same."""
    database.keys_off = frozenset({"pipeline_usage_log_idempotency"})
    return lambda: None


def forget_slots(database: Database) -> Undo:
    """Do not give a slot back when its call ends."""
    return _swap(Capacity, "free_slot", lambda self, until=None: None)


def lose_those_who_wait(database: Database) -> Undo:
    """Forget the requests of a batch that is to be decided again."""

    async def commit_batch(self: Any, batch: Any, **how: Any) -> Any:
        outcomes = await original(self, batch, **how)
        if not outcomes:
            self._waiting = [one for one in self._waiting if one not in batch]
        return outcomes

    original = queue.AdmissionQueue._commit_batch
    return _swap(queue.AdmissionQueue, "_commit_batch", commit_batch)


def charge_twice(database: Database) -> Undo:
    """Replay an end by ending the call again."""

    original = ends.decide_finish

    async def decide_finish(workset: Any, distributor: Any, command: Any, key: Any) -> Any:
        header = workset.headers.get(command.call_no)
        if header is not None and header.status in ("succeeded", "failed", "cancelled"):
            workset.headers[command.call_no] = replace(header, status="reserved")
        return await original(workset, distributor, command, key)

    return _swap(decide, "decide_finish", decide_finish)


PLANTS: dict[str, Callable[[Database], Undo]] = {
    plant.__name__: plant
    for plant in (
        forget_locks, answer_before_commit, refuse_lost_commits, drop_unique_key,
        forget_slots, lose_those_who_wait, charge_twice,
    )
}  # fmt: skip
