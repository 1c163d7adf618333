"""Quota days and months turn at the configured zone's midnight."""

from datetime import UTC, datetime, timedelta

import pytest

from app.base import clock


@pytest.fixture(autouse=True)
def _zone():
    yield
    clock.set_zone("Asia/Shanghai")
    clock.set_source(None)


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, 999000, UTC), "2026-11-23", "2026-11"),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), "2026-11-24", "2026-11"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2027-01-01", "2027-01"),
    ],
)
def test_day_and_month_turn_at_shanghai_midnight(moment, day, month):
    clock.set_zone("Asia/Shanghai")

    assert clock.quota_day(moment) == day
    assert clock.quota_month(moment) == month


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_days_of_daylight_saving_changes_have_their_true_length(day, hours):
    clock.set_zone("Europe/Berlin")

    start, end = clock.day_bounds(day)

    assert end - start == timedelta(hours=hours)
    assert clock.next_day_start(start) == end


def test_month_bounds_meet_at_the_turn_of_the_year():
    clock.set_zone("Asia/Shanghai")

    assert clock.month_bounds("2026-12")[1] == clock.month_bounds("2027-01")[0]


@pytest.mark.parametrize(
    "month", ["2026-1", "2026-13", "26-11", "２０２６-11", "0000-01", "0001-01", "9999-12", "later"]
)
def test_what_is_no_month_has_no_bounds(month):
    with pytest.raises(ValueError, match=r"\S"):
        clock.month_bounds(month)


@pytest.mark.parametrize(
    "day", ["2026-1-1", "2026-02-30", "٢٠٢٦-١١-٢٤", "0001-01-01", "9999-12-31", "later"]
)
def test_what_is_no_day_has_no_bounds(day):
    with pytest.raises(ValueError, match=r"\S"):
        clock.day_bounds(day)


def test_now_is_cut_to_milliseconds():
    clock.set_source(lambda: datetime(2026, 1, 1, 0, 0, 0, 123999, UTC))

    assert clock.iso(clock.now()) == "2026-01-01T00:00:00.123Z"
