"""
Leases of calls that run: longer ones, and the end of calls whose lease ran out, which give their
slots back, and what was reserved for them.

An estimate goes back on its distributor's row, which is locked before the line's capacity; a call
that has one is ended only by who holds that row (`may_end`).
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from app.global_func import SafeSqlor, bulk_update, update_texts
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.rows import CallHeader
from pipeline_ops.ledger.states import CallStatus, statuses_before

EXPIRE_BATCH_SIZE = 200
# A call holds its slot no longer than this, however often its lease is extended.
MAX_LEASE = timedelta(days=7)
_ENDED = (
    "status", "finished_at", "duration_ms", "updated_at", "updated_by", "lock_version",
)  # fmt: skip
_EXTENDED = ("lease_expires_at", "updated_at", "updated_by", "lock_version")


def longer_lease(header: CallHeader, moment: datetime, seconds: int) -> datetime:
    """Return until when a call may run that is given *seconds* more from *moment* on: never less
    than it had, and never beyond MAX_LEASE after its begin."""
    assert header.lease_expires_at is not None
    asked_for = min(moment + timedelta(seconds=seconds), header.created_at + MAX_LEASE)
    return max(header.lease_expires_at, asked_for)


def lease_texts(sor: SafeSqlor, headers: Iterable[CallHeader]) -> Iterator[str]:
    """Return the statements that write the leases of locked headers."""
    return update_texts(sor, "pipeline_usage_log", _EXTENDED, list(headers))


@dataclass(frozen=True, slots=True)
class OverdueCall:
    """A call whose lease ran out: whose it is, and what was reserved for it, if anything; `id`,
    that of its header, is its number."""

    id: str
    distributor_id: str | None
    day_key: str
    estimate: Decimal | None
    pipeline_id: str
    client_ref: str | None
    started_at: datetime
    lease_expires_at: datetime

    def may_end(self, distributors: Container[object]) -> bool:
        """Return whether who has locked these *distributors* may end it."""
        return self.estimate is None or self.distributor_id in distributors


async def find_overdue(
    sor: SafeSqlor, pipeline_id: str, moment: datetime, *, at_most: int = EXPIRE_BATCH_SIZE
) -> list[OverdueCall]:
    """Return a line's calls whose lease ran out by *moment*, the oldest first; not locked."""
    rows = await sor.tuples(
        "select id, distributor_id, day_key, estimate, pipeline_id, client_ref, started_at,"
        " lease_expires_at from pipeline_usage_log"
        " where status = 'reserved' and line_no = 0 and pipeline_id = ${pipeline_id}$"
        " and lease_expires_at <= ${moment}$"
        " order by lease_expires_at limit ${at_most}$",
        {"pipeline_id": pipeline_id, "moment": moment, "at_most": at_most},
    )
    return [OverdueCall(*values) for values in rows]


async def expire(
    sor: SafeSqlor, calls: Sequence[OverdueCall], moment: datetime
) -> list[OverdueCall]:
    """
    End those of *calls* that still run; these. The caller holds the line's capacity, takes that
    many off `running`, and gives back their estimates (`estimates_of`).
    """
    if not calls:
        return []
    # Locked first, since of what is given back each call must be counted once: a finish of the same
    # call may have come between. By primary key, so that no other line's rows are locked on the
    # way.
    rows = await sor.tuples(
        "select id, started_at, lease_expires_at, lock_version from pipeline_usage_log"
        " where id in ${ids}$ and status in ${before}$"
        # Its lease may have been extended since it was found overdue.
        " and lease_expires_at <= ${moment}$ order by id for update",
        {
            "ids": sorted(call.id for call in calls),
            "before": statuses_before(CallStatus.EXPIRED),
            "moment": moment,
        },
    )
    if not rows:
        return []
    ends = [_ended_row(row, moment) for row in rows]
    await bulk_update(sor, "pipeline_usage_log", _ENDED, ends)
    running_ids = {row.id for row in ends}
    expired_calls = [call for call in calls if call.id in running_ids]
    await mark_days(sor, {(call.distributor_id or "", call.day_key) for call in expired_calls})
    return expired_calls


def _ended_row(values: Sequence[Any], moment: datetime) -> SimpleNamespace:
    """Return the header of a call that expires, out of its id, start, lease and lock_version."""
    row_id, started_at, lease_ends, lock_version = values
    return SimpleNamespace(
        id=row_id, status=CallStatus.EXPIRED, finished_at=lease_ends,
        duration_ms=max(0, round((lease_ends - started_at).total_seconds() * 1000)),
        updated_at=moment, updated_by="system", lock_version=lock_version + 1,
    )  # fmt: skip


def estimates_of(calls: Sequence[OverdueCall]) -> dict[str, Decimal]:
    """Return what was reserved for *calls*, by distributor."""
    sums: dict[str, Decimal] = {}
    for call in calls:
        if call.estimate is not None and call.distributor_id is not None:
            sums[call.distributor_id] = sums.get(call.distributor_id, Decimal(0)) + call.estimate
    return sums
