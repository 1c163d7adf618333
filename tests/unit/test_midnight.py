"""When the tests wait for a day to end."""

from datetime import UTC, datetime

import pytest

from tests.support.midnight import seconds_to_midnight
from tests.support.months import ZONE


@pytest.mark.parametrize(
    ("moment", "here", "there"),
    [
        ("2026-11-30T23:59:59+00:00", 1, 16 * 3600 + 1),
        ("2026-11-30T15:59:58+00:00", 8 * 3600 + 2, 2),
        ("2026-11-30T16:00:00+00:00", 8 * 3600, 24 * 3600),
    ],
)
def test_the_end_of_the_day_is_seen_in_both_zones(moment: str, here: float, there: float) -> None:
    then = datetime.fromisoformat(moment)
    assert (seconds_to_midnight(then, UTC), seconds_to_midnight(then, ZONE)) == (here, there)
