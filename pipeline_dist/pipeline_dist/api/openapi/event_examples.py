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

_ID = "V1StGXR8_Z5jdHi6B-myT"
WEBHOOK: Example = {
    "id": _ID,
    "url": "https://hooks.acme.example/pipeline",
    "types": ["quota.threshold", "call.expired"],
    "enabled": True,
    "disabled_reason": None,
    "delivered_event_no": 41,
    "failing_since": None,
    "next_try_at": None,
    "previous_secret_until": None,
    "created_at": "2026-11-29T07:00:00.000Z",
}
WEBHOOK_LIST: Example = {"rows": [WEBHOOK]}
NEW_WEBHOOK: Example = {
    "url": "https://hooks.acme.example/pipeline",
    "types": ["quota.threshold", "call.expired"],
}
WEBHOOK_SECRET: Example = WEBHOOK | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
WEBHOOK_CHANGE: Example = {"webhook_id": _ID, "enabled": False}
WEBHOOK_ROTATION: Example = {"webhook_id": _ID, "grace_hours": 24}
WEBHOOK_ID: Example = {"webhook_id": _ID}
DELIVERY: Example = {
    "id": "019ab4f0c1d27c3e9a5b6f7081920a1c",
    "webhook_id": _ID,
    "event_no": 42,
    "type": "quota.threshold",
    "kind": "event",
    "attempt": 2,
    "outcome": "delivered",
    "http_status": 204,
    "duration_ms": 83,
    "answer": "",
    "error": None,
    "next_try_at": None,
    "created_at": "2026-11-29T07:14:09.402Z",
}
DELIVERY_LIST: Example = {"rows": [DELIVERY], "next_before": None}
WEBHOOK_REPLAY: Example = {"webhook_id": _ID, "from_event_no": 40}
WEBHOOK_REPLAYED: Example = {"webhook": WEBHOOK | {"delivered_event_no": 39}, "delivery": None}
