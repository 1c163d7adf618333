"""
The end of calls whose lease ran out: they give their slots back, and what was reserved for them.

An estimate goes back on its distributor's row, which is locked before the line's capacity; a call
that has one is ended only by who holds that row (`may_end`).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.global_func import SafeSqlor
from pipeline_ops.ledger.day_marks import mark_days
from pipeline_ops.ledger.states import CallStatus, statuses_before

EXPIRE_BATCH_SIZE = 200


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
    running_ids = set(
        await sor.firsts(
            "select id from pipeline_usage_log where id in ${ids}$ and status in ${before}$"
            " order by id for update",
            {
                "ids": sorted(call.id for call in calls),
                "before": statuses_before(CallStatus.EXPIRED),
            },
        )
    )
    if not running_ids:
        return []
    await sor.sqlExe(
        "update pipeline_usage_log set status = ${expired}$, finished_at = lease_expires_at,"
        " duration_ms = lease_seconds * 1000, updated_at = ${moment}$,"
        " updated_by = 'system', lock_version = lock_version + 1 where id in ${ids}$",
        {"ids": sorted(running_ids), "moment": moment, "expired": CallStatus.EXPIRED},
    )
    expired_calls = [call for call in calls if call.id in running_ids]
    await mark_days(sor, {(call.distributor_id or "", call.day_key) for call in expired_calls})
    return expired_calls


def estimates_of(calls: Sequence[OverdueCall]) -> dict[str, Decimal]:
    """Return what was reserved for *calls*, by distributor."""
    sums: dict[str, Decimal] = {}
    for call in calls:
        if call.estimate is not None and call.distributor_id is not None:
            sums[call.distributor_id] = sums.get(call.distributor_id, Decimal(0)) + call.estimate
    return sums
