"""Which of several limits the headers tell, and how its policy is spelled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base import clock
from pipeline_dist.admission.limits import rate_limit_headers
from pipeline_ops.rules.limits import Limit, retry_after

NOON = datetime(2026, 11, 10, 4, tzinfo=UTC)
DAY_ENDS = datetime(2026, 11, 10, 16, tzinfo=UTC)
MONTH_ENDS = datetime(2026, 11, 30, 16, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    clock.set_zone("Asia/Shanghai")
    yield
    clock.set_zone("Asia/Shanghai")


def limit(scope: str, maximum: Any, count: Any, resets_at: datetime | None = DAY_ENDS) -> Limit:
    return Limit(scope=scope, limit=maximum, used=count, resets_at=resets_at)


def headers_of(*limits: Limit, moment: datetime = NOON) -> tuple[str | None, ...]:
    headers = rate_limit_headers(limits, moment)
    names = ("Policy", "Limit", "Remaining", "Reset")
    return tuple(headers.get(f"RateLimit-{name}") for name in names)


FULL_DAY = limit("link_day", 5, 5)
FULL_MONTH = limit("capacity_month", 9, 9, MONTH_ENDS)
SPENT = limit("spend", Decimal(3), Decimal("3.5"), None)
OFF = limit("capacity", 0, 0, None)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([], (None, None, None, None)),
        ([limit("spend", Decimal(3), Decimal(1), None)], (None, None, None, None)),
        ([limit("link_day", 5, 4), limit("rate", 9, 7, NOON + timedelta(seconds=3.2))],
         ('"link_day";q=5;w=86400', "5", "1", "43200")),
        ([limit("link_day", 5, 4), limit("rate", 9, 9, NOON + timedelta(seconds=3.2))],
         ('"rate";q=9;w=60', "9", "0", "4")),
        ([FULL_DAY, FULL_MONTH], ('"capacity_month";q=9;w=2592000', "9", "0", "1771200")),
        ([FULL_MONTH, FULL_DAY], ('"capacity_month";q=9;w=2592000', "9", "0", "1771200")),
        ([limit("concurrency", 2, 1, None)],
         ('"concurrency";q=2;qu="concurrent-requests"', "2", "1", "0")),
        ([FULL_MONTH, SPENT], ('"spend";q=0', "0", "0", None)),
        ([SPENT, FULL_MONTH], ('"spend";q=0', "0", "0", None)),
        ([FULL_MONTH, OFF], ('"capacity";q=0', "0", "0", None)),
        ([FULL_MONTH, limit("distributor_day", 0, 0)],
         ('"distributor_day";q=0;w=86400', "0", "0", None)),
        ([limit("link_day", 5, 7)], ('"link_day";q=5;w=86400', "5", "0", "43200")),
    ],
)  # fmt: skip
def test_the_one_with_the_fewest_calls_left_and_of_equal_ones_the_longest(
    limits: list[Limit], expected: tuple[str | None, ...]
) -> None:
    assert headers_of(*limits) == expected


def test_a_day_is_as_long_as_it_is_in_the_zone() -> None:
    clock.set_zone("Europe/Berlin")
    for ends, hours in ((datetime(2026, 3, 29, 22, tzinfo=UTC), 23),
                        (datetime(2026, 10, 25, 23, tzinfo=UTC), 25)):  # fmt: skip
        headers = headers_of(limit("link_day", 5, 1, ends), moment=ends - timedelta(hours=hours))
        assert headers == (f'"link_day";q=5;w={hours * 3600}', "5", "4", str(hours * 3600))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([FULL_DAY], 43_200),
        ([FULL_DAY, FULL_MONTH, limit("rate", 1, 1, NOON)], 1_771_200),
        ([FULL_DAY, SPENT], None),
        ([OFF], None),
        ([limit("link_day", 0, 0)], None),
        ([limit("link_day", 5, 5, NOON)], None),
        ([limit("concurrency", 5, 5, NOON)], 1),
        ([limit("concurrency", 5, 5, None)], None),
        ([FULL_DAY, limit("link_month", 5, 4, NOON)], 43_200),
    ],
)
def test_trying_again_waits_for_all_that_is_full(limits: list[Limit], expected: int | None) -> None:
    assert retry_after(limits, NOON) == expected
