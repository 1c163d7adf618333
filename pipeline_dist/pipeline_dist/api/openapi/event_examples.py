"""Examples of events for the OpenAPI document."""

from typing import Any

Example = dict[str, Any]

QUOTA_EVENT: Example = {
    "event_no": 42,
    "type": "quota.threshold",
    "created_at": "2026-11-29T07:14:02.118Z",
    "data": {
        "scope": "distributor_month",
        "pipeline": None,
        "percent": 80,
        "limit": 10000,
        "used": 8000,
        "period": "2026-11",
        "resets_at": "2026-11-30T16:00:00.000Z",
    },
}
EVENT_LIST: Example = {
    "rows": [QUOTA_EVENT],
    "next_after": 42,
    "first_event_no": 1,
    "last_event_no": 42,
}
