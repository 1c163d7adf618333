"""Days and times in files: the year first, in whatever spelling, or refused."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.records.file_dates import DayFirst, is_night_of_change, iso_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026/12/1", "2026-12-01T00:00:00"),
        ("2026-12-1", "2026-12-01T00:00:00"),
        ("2026.12.01", "2026-12-01T00:00:00"),
        ("2026年12月1日", "2026-12-01T00:00:00"),
        ("2026/12/1 8:00", "2026-12-01T08:00:00"),
        ("2026年12月1日8:00", "2026-12-01T08:00:00"),
        ("2026年12月1日 8时30分15秒", "2026-12-01T08:30:15"),
        ("2026年12月1日 8時", "2026-12-01T08:00:00"),
        ("2026-12-01T08:00:00.123+08:00", "2026-12-01T08:00:00.123+08:00"),
        ("2026/12/1 8:00Z", "2026-12-01T08:00:00Z"),
        # No times, or none that are understood: for the check of the field to refuse.
        *[(text, text) for text in (
            "2026/12-1", "2026-12", "明天", "", "2026/12/1 8", "2026/12/1 下午 3:00", "2026-12-01Z",
            "2026年12月1", "20261201", "٢٠٢٦/12/1", "2026/123/1",
        )],
        ("2026/13/1", "2026-13-01T00:00:00"),
    ],
)  # fmt: skip
def test_the_year_comes_first(text: str, expected: str) -> None:
    assert iso_text(text) == expected


@pytest.mark.parametrize(
    "text", ["1/12/2026", "25/12/2026", "1.12.2026", "1-12-26", "12/1/26 8:00", "26/12/1"]
)
def test_what_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(DayFirst):
        iso_text(text)


def test_hours_that_clocks_show_twice_or_never() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert is_night_of_change(datetime(2026, 3, 29, 2, 30), berlin)
    assert is_night_of_change(datetime(2026, 10, 25, 2, 30), berlin)
    assert not is_night_of_change(datetime(2026, 10, 25, 3, 0), berlin)
    assert not is_night_of_change(datetime(2026, 10, 25, 2, 30), ZoneInfo("Asia/Shanghai"))
