"""Examples for the OpenAPI document: requests and the answers to them, which tests ask for."""

from typing import Any

Example = dict[str, Any]

CALL_NO = "019ab4f0c1d27c3e9a5b6f7081920a1b"
_OF_ACME = [
    {
        "scope": "spend",
        "limit": "500.000000",
        "used": "12.0481200000",
        "reserved": "2.5000000000",
        "remaining": "485.4518800000",
        "resets_at": "2026-11-30T16:00:00.000Z",
    },
    {
        "scope": "distributor_month",
        "limit": 10000,
        "used": 1201,
        "remaining": 8799,
        "resets_at": "2026-11-30T16:00:00.000Z",
    },
]
_OF_THE_LINE = {
    "scope": "concurrency",
    "limit": 8,
    "used": 1,
    "remaining": 7,
    "resets_at": None,
}
_LINE = {
    "step_key": "draft",
    "model": "claude-haiku-4-5",
    "unit": "input_token",
    "quantity": "4808",
}
_PRICED = {
    "line_no": 0,
    **_LINE,
    "quantity": "4808.000000",
    "pricing_type": "unit",
    "unit_price": "1.000000",
    "unit_size": 1000000,
    "package_size": None,
    "package_price": None,
    "amount": "0.0048080000",
    "price_scope": "general",
    "matched": "model",
}

ME: Example = {
    "code": "acme",
    "name": "ACME Cloud",
    "status": "active",
    "currency": "USD",
    "quota_period": "month",
    "quota_calls": 10000,
    "quota_used": 1201,
    "quota_remaining": 8799,
    "quota_resets_at": "2026-11-30T16:00:00.000Z",
    "time_zone": "Asia/Shanghai",
    "rate_limit_per_minute": None,
    "billing_mode": "postpaid",
    "balance": None,
    "spend_limit": "500.000000",
    "spend_period": "month",
    "spend_used": "12.0481200000",
    "spend_reserved": "2.5000000000",
    "spend_remaining": "485.4518800000",
    "spend_resets_at": "2026-11-30T16:00:00.000Z",
    "allowed_ips": ["203.0.113.0/24"],
    "api_key_prefix": "ppk_7Hq2xWz9",
    "api_key_expires_at": None,
    "sandbox": False,
    "api_key_name": "default",
    "api_key_scopes": ["admin", "calls", "finance", "read"],
    "api_key_pipelines": None,
    "limits": _OF_ACME,
}
_PIPELINE: Example = {
    "code": "script-to-video",
    "name": "Script to video",
    "description": None,
    "version_no": 3,
    "pricing_mode": "inherit",
    "valid_from": None,
    "valid_to": None,
    "prices": [
        {
            "step_key": "",
            "model": "claude-haiku-4-5",
            "unit": "input_token",
            "pricing_type": "unit",
            "unit_price": "1.000000",
            "unit_size": 1000000,
            "package_size": None,
            "package_price": None,
            "currency": "USD",
            "price_scope": "general",
            "units_left": None,
        }
    ],
    "limits": [*_OF_ACME, _OF_THE_LINE],
}
_STEP = {"name": "Draft", "step_type": "model", "model": "claude-haiku-4-5", "timeout_seconds": 300}
PIPELINE_DETAIL: Example = _PIPELINE | {
    "version": {
        "version_no": 3,
        "checksum": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "published_at": "2026-11-20T02:00:00.000Z",
        "stages": [{"stage": 1, "steps": [{"step_key": "draft", **_STEP}]}],
    }
}
PIPELINE_LIST: Example = {"total": 1, "page": 1, "rows": [_PIPELINE], "next": None}
QUOTE_REQUEST: Example = {"pipeline": "script-to-video", "lines": [_LINE]}
QUOTE: Example = {
    "pipeline": "script-to-video",
    "version_no": 3,
    "currency": "USD",
    "lines": [_PRICED | {"units_left": None}],
    "total": "0.0048080000",
    "admitted": True,
    "refusal": None,
}
BEGIN: Example = {
    "pipeline": "script-to-video",
    "client_ref": "order 88",
    "tags": {"team": "video"},
    "lease_seconds": 600,
    "estimate": "2.50",
}
ONE_GO: Example = {"pipeline": "script-to-video", "status": "succeeded", "lines": [_LINE]}
EXTENSION: Example = {"call_no": CALL_NO, "lease_seconds": 900}
BEGUN: Example = {
    "call_no": CALL_NO,
    "pipeline": "script-to-video",
    "version_no": 3,
    "status": "reserved",
    "started_at": "2026-11-24T06:00:00.000Z",
    "lease_expires_at": "2026-11-24T06:10:00.000Z",
    "estimate": "2.5000000000",
    "client_ref": "order 88",
    "tags": {"team": "video"},
}
_MONEY_OF_NOTHING = "0.0000000000"
RUNNING: Example = {
    **{name: BEGUN[name] for name in BEGUN if name not in ("client_ref", "estimate", "tags")},
    "finished_at": None,
    "duration_ms": None,
    "client_ref": "order 88",
    "tags": {"team": "video"},
    "currency": "USD",
    "amount": _MONEY_OF_NOTHING,
    "late": False,
    "error": None,
    "lines": [],
}
EXTENDED: Example = RUNNING | {"lease_expires_at": "2026-11-24T06:24:30.000Z"}
REPLAYED: Example = BEGUN | {
    "current": {
        "status": "succeeded",
        "lease_expires_at": BEGUN["lease_expires_at"],
        "finished_at": "2026-11-24T06:00:02.481Z",
        "amount": "0.0048080000",
    }
}
ENDING: Example = {"call_no": CALL_NO, "status": "succeeded", "lines": [_LINE]}
FINISHED: Example = RUNNING | {
    "status": "succeeded",
    "finished_at": "2026-11-24T06:00:02.481Z",
    "duration_ms": 2481,
    "amount": "0.0048080000",
    "lines": [_PRICED],
}
# Begun and ended at once: there was no lease.
BOOKED: Example = FINISHED | {
    "lease_expires_at": None,
    "finished_at": BEGUN["started_at"],
    "duration_ms": 0,
    "client_ref": None,
    "tags": {},
}
CALL_LIST: Example = {
    "rows": [{name: value for name, value in FINISHED.items() if name != "lines"}],
    "next": None,
}
BATCH: Example = {"calls": [{"idempotency_key": f"job-17/{number}", **ONE_GO} for number in (1, 2)]}
BATCH_RESULT: Example = {
    "accepted": 1,
    "refused": 1,
    "results": [
        {"status": 201, "replayed": False, "call": BOOKED},
        {
            "status": 429,
            "error": {
                "code": "quota_exceeded",
                "detail": "The quota of 10000 calls is used up. There is room again at"
                " 2026-11-30T16:00:00.000Z.",
                "scope": "distributor_month",
                "limit": 10000,
                "used": 10000,
                "resets_at": "2026-11-30T16:00:00.000Z",
            },
            "retry_after": 554400,
        },
    ],
}
_SPAN = {
    "from": "2026-10-31T16:00:00.000Z",
    "to": "2026-11-30T16:00:00.000Z",
    "time_zone": "Asia/Shanghai",
    "currency": "USD",
}
USAGE_SUMS: Example = _SPAN | {
    "group_by": "day",
    "rows": [
        {
            "day": "2026-11-24",
            "unit": "input_token",
            "currency": "USD",
            "calls": 1201,
            "quantity": "4808000.000000",
            "amount": "4.8080000000",
        }
    ],
    "total": {"calls": 1201, "amount": "4.8080000000"},
}
USAGE_LINES: Example = _SPAN | {
    "rows": [
        {
            "entry_no": 1201,
            "entry_type": "charge",
            "call_no": CALL_NO,
            "line_no": 0,
            "pipeline": "script-to-video",
            "version_no": 3,
            **{name: value for name, value in _PRICED.items() if name != "line_no"},
            "currency": "USD",
            "calls": 1,
            "status": "succeeded",
            "started_at": FINISHED["started_at"],
            "finished_at": FINISHED["finished_at"],
            "reason": None,
            "reference": None,
            "client_ref": "order 88",
            "tags": {"team": "video"},
        }
    ],
    "next": "q5bWcL0jhBZhW3siZnJvbSI6IjIwMjYtMTEtMDEifSx7fV0",
}
_PRICE_COLUMNS = ("pricing_type", "unit_price", "unit_size", "package_size", "package_price")
_CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
STATEMENTS: Example = {
    "rows": [
        {
            "number": "2026-11-0001",
            "month": "2026-11",
            **_SPAN,
            "calls": 1200,
            "amount": "3.3031920000",
            "total": "3.30",
            "closed_at": "2026-12-03T16:00:21.000Z",
            "checksum": _CHECKSUM,
        }
    ],
    "next": None,
}
STATEMENT: Example = {
    "number": "2026-11-0001",
    "status": "closed",
    "final": True,
    "sender": "Pipeline",
    "distributor": {"code": "acme", "name": "ACME Cloud"},
    "month": "2026-11",
    **_SPAN,
    "calls": 1200,
    "running": 0,
    "lines": [
        {
            "pipeline": "script-to-video",
            "pipeline_name": "Script to video",
            "step_key": "draft",
            "model": "claude-haiku-4-5",
            "unit": "input_token",
            **{name: _PRICED[name] for name in _PRICE_COLUMNS},
            "calls": 1201,
            "quantity": "4808000.000000",
            "amount": "4.8080000000",
            "currency": "USD",
        }
    ],
    "corrections": [
        {
            "call_no": CALL_NO,
            "line_no": 1,
            "entry_no": 1202,
            "entry_type": "reversal",
            "month": "2026-10",
            "started_at": "2026-10-24T05:59:57.182Z",
            "pipeline": "script-to-video",
            "pipeline_name": "Script to video",
            "step_key": "draft",
            "model": "claude-haiku-4-5",
            "unit": "input_token",
            **{name: _PRICED[name] for name in _PRICE_COLUMNS},
            "calls": -1,
            "quantity": "-4808.000000",
            "amount": "-0.0048080000",
            "currency": "USD",
            "reason": "booked twice",
        }
    ],
    "adjustments": [
        {
            "entry_no": 1203,
            "booked_at": "2026-11-30T05:00:00.000Z",
            "amount": "-1.5000000000",
            "currency": "USD",
            "reason": "Goodwill for the outage of 20 November",
            "reference": "CN-2026-017",
        }
    ],
    "lines_amount": "4.8080000000",
    "corrections_amount": "-0.0048080000",
    "adjustments_amount": "-1.5000000000",
    "amount": "3.3031920000",
    "total": "3.30",
    "closed_at": "2026-12-03T16:00:21.000Z",
    "made_at": "2026-12-03T16:00:21.000Z",
    "checksum": _CHECKSUM,
}
PROBLEM: Example = {
    "type": "urn:pipeline:problem:invalid_fields",
    "title": "The request is not right",
    "status": 400,
    "detail": "1 field(s) need correction: lines/0/quantity.",
    "code": "invalid_fields",
    "request_id": "8f1c2a7b5d3e9f04",
    "errors": [
        {
            "pointer": "/lines/0/quantity",
            "code": "not_a_number",
            "detail": "Give a number.",
        }
    ],
}

NEW_KEY: Example = {
    "name": "bookkeeping",
    "scopes": ["finance", "read"],
    "rate_limit_per_minute": 60,
    "allowed_ips": ["203.0.113.0/24"],
}
_KEY: Example = {
    "id": "5f0c3a9be1d24c7f8a6b1d2e3f405162",
    "name": "bookkeeping",
    "prefix": "ppk_2Kd81fTq",
    "scopes": ["finance", "read"],
    "rate_limit_per_minute": 60,
    "pipelines": None,
    "allowed_ips": ["203.0.113.0/24"],
    "expires_at": None,
    "previous_expires_at": None,
    "sandbox": False,
    "last_used_at": None,
    "last_used_ip": None,
    "created_at": "2026-11-12T08:30:00.000Z",
    "revoked_at": None,
}
KEY_WITH_SECRET: Example = {**_KEY, "api_key": "ppk_…", "shown_before": False}
KEY_ROTATION: Example = {"key_id": _KEY["id"], "grace_hours": 24}
ROTATED_KEY: Example = {
    **KEY_WITH_SECRET,
    "prefix": "ppk_9Xw3mLc0",
    "previous_expires_at": "2026-11-13T08:45:00.000Z",
}
KEY_REVOCATION: Example = {"key_id": _KEY["id"]}
REVOKED_KEY: Example = {**_KEY, "revoked_at": "2026-11-14T10:00:00.000Z"}
KEYS: Example = {"rows": [_KEY]}
