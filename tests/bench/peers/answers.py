"""What all peers answer: the same JSON and headers as the application."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    raise TypeError(type(value))


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def keys(moment: datetime) -> tuple[str, str]:
    """Quota day and month of *moment*."""
    local = moment.replace(tzinfo=UTC).astimezone(ZONE)
    return local.strftime("%Y-%m-%d"), local.strftime("%Y-%m")


def lease_end(moment: datetime) -> datetime:
    return moment + timedelta(seconds=300)


def begin_answer(call_no: str, code: str, moment: datetime) -> dict[str, Any]:
    return {
        "call_no": call_no, "pipeline": code, "version_no": 1, "status": "reserved",
        "started_at": moment, "lease_expires_at": lease_end(moment), "estimate": None,
        "client_ref": None,
    }  # fmt: skip


def finish_answer(
    call_no: str, code: str, started_at: datetime, moment: datetime, line: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "call_no": call_no, "pipeline": code, "version_no": 1, "status": "succeeded",
        "started_at": started_at, "lease_expires_at": None, "finished_at": moment,
        "duration_ms": round((moment - started_at).total_seconds() * 1000), "client_ref": None,
        "currency": "CNY", "amount": line["amount"], "late": False, "error": None,
        "lines": [{
            "line_no": 0, "step_key": "", "model": "", "unit": line["unit"],
            "quantity": line["quantity"], "pricing_type": "unit",
            "unit_price": line["unit_price"], "unit_size": 1, "package_size": None,
            "package_price": None, "amount": line["amount"],
            "price_scope": "general", "matched": "all",
        }],
    }  # fmt: skip


def limit_headers(limit: int, count: int) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit), "RateLimit-Remaining": str(limit - count),
        "RateLimit-Reset": "3600", "Cache-Control": "no-store",
    }  # fmt: skip


def body(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=plain).encode()


class Refused(Exception):
    """A call that is not let in: an HTTP status and a code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code
