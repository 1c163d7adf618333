"""Counters by day and month, slots, and what a refusal tells."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.base.errors import TooManyRequests
from pipeline_ops.calls.capacity import Capacity
from pipeline_ops.rules import counters as rules
from pipeline_ops.rules.counters import CapacityRow, PeriodCounts
from pipeline_ops.rules.limits import Limit, check_room

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
DAY, MONTH = "2026-11-24", "2026-11"


def make_record(**changes: Any) -> CapacityRow:
    """A capacity row with room; say only what the test is about."""
    fields: dict[str, Any] = {
        "id": "c", "pipeline_id": "p",
        "daily_quota": 10, "monthly_quota": 100, "max_concurrency": 3, "enabled": 1,
        "day_key": DAY, "day_used": 4, "month_key": MONTH, "month_used": 40, "running": 1,
    }  # fmt: skip
    return CapacityRow(**fields | changes)


def test_a_counter_turns_over_to_a_later_day_and_takes_up_the_ledgers_count() -> None:
    record = make_record()

    assert rules.keys_to_count(record, ("2026-11-25", MONTH)) == ["2026-11-25"]
    rules.roll_over(record, "2026-11-25", MONTH, {"2026-11-25": 2})
    assert (record.day_key, record.day_used) == ("2026-11-25", 2)
    assert (record.month_key, record.month_used) == (MONTH, 40)


def test_a_counter_never_turns_back() -> None:
    record = make_record()
    counts = PeriodCounts()
    counts.load("2026-10-31", 9)
    counts.load("2026-10", 99)

    rules.roll_over(record, "2026-10-31", "2026-10", counts)
    rules.consume(record, "2026-10-31", "2026-10", counts)

    assert record == make_record()
    assert counts == {"2026-10-31": 10, "2026-10": 100}
    limits = rules.period_limits(record, "capacity", "2026-10-31", "2026-10", NOON, counts)
    assert [limit.used for limit in limits] == [10, 100]


def test_a_new_counter_starts_at_what_the_ledger_says() -> None:
    record = make_record(day_key=None, month_key=None)

    rules.roll_over(record, DAY, MONTH, {DAY: 3, MONTH: 5})

    assert (record.day_used, record.month_used) == (3, 5)


def test_what_is_taken_is_given_back_only_to_its_own_day_and_month() -> None:
    record = make_record()

    rules.consume(record, DAY, MONTH, PeriodCounts())
    assert (record.day_used, record.month_used) == (5, 41)
    rules.release(record, "2026-11-23", MONTH, PeriodCounts())
    assert (record.day_used, record.month_used) == (5, 40)
    rules.release(record, DAY, "2026-10", PeriodCounts())
    assert (record.day_used, record.month_used) == (4, 40)


def test_limits_come_in_the_order_of_admission() -> None:
    capacity = Capacity(pipeline_id="p", row=make_record())

    scopes = [limit.scope for limit in capacity.limits(NOON, slot=True)]

    assert scopes == ["capacity_day", "capacity_month", "concurrency"]
    assert len(capacity.limits(NOON, slot=False)) == 2


def test_no_quota_is_no_limit_and_no_row_limits_nothing() -> None:
    open_capacity = make_record(daily_quota=None, monthly_quota=None, max_concurrency=None)

    assert Capacity(pipeline_id="p", row=open_capacity).limits(NOON, slot=True) == []
    assert Capacity(pipeline_id="p", row=None).limits(NOON, slot=True) == []


def test_a_pipeline_that_is_switched_off_takes_no_calls() -> None:
    capacity = Capacity(pipeline_id="p", row=make_record(enabled=0))

    with pytest.raises(TooManyRequests) as caught:
        check_room(capacity.limits(NOON, slot=True), NOON)

    assert caught.value.code == "capacity_exceeded"
    assert caught.value.extra["limit"] == 0


def make_limit(scope: str, seconds: float | None, *, full: bool = True) -> Limit:
    resets_at = None if seconds is None else NOON + timedelta(seconds=seconds)
    return Limit(scope=scope, limit=5, used=5 if full else 4, resets_at=resets_at)


def test_the_first_full_limit_decides_the_code_and_the_longest_one_the_wait() -> None:
    limits = [
        make_limit("distributor_day", 10, full=False),
        make_limit("link_day", 100.2),
        make_limit("link_month", 5000),
        make_limit("capacity_month", 9000),
        make_limit("concurrency", 3),
    ]

    with pytest.raises(TooManyRequests) as caught:
        check_room(limits, NOON)

    assert caught.value.code == "quota_exceeded"
    assert caught.value.extra["scope"] == "link_month"
    assert caught.value.extra["resets_at"] == NOON + timedelta(seconds=5000)
    assert caught.value.headers["Retry-After"] == "9000"


@pytest.mark.parametrize(("seconds", "expected"), [(0.2, "1"), (-3, "1"), (1.001, "2"), (60, "60")])
def test_retry_after_is_the_real_time_and_at_least_one(seconds: float, expected: str) -> None:
    with pytest.raises(TooManyRequests) as caught:
        check_room([make_limit("concurrency", seconds)], NOON)

    assert caught.value.headers["Retry-After"] == expected


def test_room_everywhere_refuses_nothing() -> None:
    check_room([make_limit("link_day", 1, full=False), make_limit("rate", 1, full=False)], NOON)
