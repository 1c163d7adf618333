"""Which days figures are of, and what they are compared with."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.base.refusals import InvalidFields
from pipeline_ops.reports.figure_periods import BarStep, Comparison, Days, comparison_of

# A Monday evening; the quota zone of the tests is Shanghai.
MOMENT = datetime(2026, 3, 30, 11, 30, tzinfo=UTC)


def comparison_at(moment: datetime = MOMENT, **query: Any) -> Comparison:
    return comparison_of({"period": None, "first_day": None, "last_day": None, **query}, moment)


def edges(days: Days) -> tuple[str, str, datetime | None]:
    return days.first.isoformat(), days.last.isoformat(), days.until


@pytest.mark.parametrize(
    ("period", "days", "before", "until"),
    [
        ("today", ("2026-03-30", "2026-03-30"), ("2026-03-29", "2026-03-29"), (2026, 3, 29)),
        ("yesterday", ("2026-03-29", "2026-03-29"), ("2026-03-28", "2026-03-28"), None),
        ("7d", ("2026-03-24", "2026-03-30"), ("2026-03-17", "2026-03-23"), (2026, 3, 23)),
        ("30d", ("2026-03-01", "2026-03-30"), ("2026-01-30", "2026-02-28"), (2026, 2, 28)),
        # February has no 30th day: it is compared with the whole of it.
        ("month", ("2026-03-01", "2026-03-30"), ("2026-02-01", "2026-02-28"), None),
        ("last_month", ("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31"), None),
    ],
)
def test_as_much_time_before(
    period: str, days: tuple[str, str], before: tuple[str, str], until: tuple[int, int, int] | None
) -> None:
    comparison = comparison_at(period=period)
    end = None if until is None else datetime(*until, 11, 30, tzinfo=UTC)

    assert edges(comparison.days) == (*days, None)
    assert edges(comparison.before) == (*before, end)


def test_a_month_that_runs_is_compared_with_the_same_days() -> None:
    comparison = comparison_at(datetime(2026, 3, 10, 1, tzinfo=UTC), period="month")

    assert edges(comparison.before) == (
        "2026-02-01", "2026-02-10", datetime(2026, 2, 10, 1, tzinfo=UTC),
    )  # fmt: skip


def test_days_to_come_are_left_out() -> None:
    comparison = comparison_at(first_day=date(2026, 3, 28), last_day=date(2026, 4, 30))

    assert edges(comparison.days)[:2] == ("2026-03-28", "2026-03-30")
    assert edges(comparison.before)[:2] == ("2026-03-25", "2026-03-27")


@pytest.mark.parametrize(
    ("first", "step", "count"),
    [
        (date(2026, 3, 30), BarStep.HOUR, 1),
        (date(2025, 12, 29), BarStep.DAY, 92),
        (date(2025, 12, 28), BarStep.MONTH, 4),
    ],
)
def test_what_a_bar_is_of(first: date, step: BarStep, count: int) -> None:
    days = comparison_at(first_day=first).days

    assert (days.step, len(days.keys())) == (step, count)


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"first_day": date(2026, 3, 2), "last_day": date(2026, 3, 1)}, ["out_of_order"]),
        ({"first_day": date(2026, 3, 31), "last_day": date(9999, 12, 31)}, ["in_future"]),
        ({"first_day": date(1, 1, 1), "last_day": date(1, 1, 2)}, ["out_of_range"]),
        ({"first_day": date(2025, 2, 23)}, ["too_long"]),
    ],
)
def test_what_is_refused(query: dict[str, Any], codes: list[str]) -> None:
    with pytest.raises(InvalidFields) as caught:
        comparison_at(**query)

    assert [problem.code for problem in caught.value.problems] == codes
