"""
No day ends while a test counts what was done today, here or where quotas are counted.

A run that goes over midnight waits for it, a minute at most, before the next test with a server.
"""

import time
from datetime import UTC, datetime, timedelta, tzinfo

from tests.support.months import ZONE

# No test takes as long that looks at days, months or their ends.
ROOM_SECONDS = 60


def seconds_to_midnight(moment: datetime, zone: tzinfo) -> float:
    """How long *moment*'s day lasts in *zone*."""
    start = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return (start + timedelta(days=1) - moment).total_seconds()


def wait_for_room() -> None:
    """Return when neither here nor where quotas are counted a day ends soon."""
    while min(seconds_to_midnight(datetime.now(UTC), zone) for zone in (UTC, ZONE)) < ROOM_SECONDS:
        time.sleep(0.2)
