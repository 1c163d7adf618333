"""Months that are over: calls booked in them by hand, and what closes them."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.support.installation import Installation
from tests.support.selling import post

ZONE = ZoneInfo("Asia/Shanghai")
LONG_AGO = "2020-01-01T00:00:00Z"


def month_back(count: int) -> str:
    """The quota month *count* months before this one."""
    now = datetime.now(ZONE)
    year, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    return f"{year:04d}-{month + 1:02d}"


def day_in(month: str) -> str:
    """A time in this month."""
    return datetime.fromisoformat(f"{month}-15T04:00:00").replace(tzinfo=UTC).isoformat()


def book_in(
    server: Installation,
    month: str,
    distributor: dict[str, Any],
    pipeline: dict[str, Any],
    lines: list[dict[str, Any]],
) -> dict[str, Any]:
    """A call that ended in *month*, booked by hand now."""
    return post(
        server.admin,
        "/pipeline_ops/api/pipeline_usage_log_create.dspy",
        distributor_id=distributor["id"],
        pipeline_id=pipeline["id"],
        status="succeeded",
        started_at=day_in(month),
        finished_at=day_in(month),
        lines=lines,
    )


def void(server: Installation, call: dict[str, Any], reason: str) -> dict[str, Any]:
    """Void a call that was booked."""
    return post(
        server.admin,
        "/pipeline_ops/api/pipeline_usage_log_delete.dspy",
        id=call["id"],
        reason=reason,
    )


def try_close(
    server: Installation, distributor: dict[str, Any], month: str, **more: Any
) -> httpx.Response:
    """Close a month of a distributor, whatever comes of it."""
    body = {"distributor_id": distributor["id"], "month": month, **more}
    return server.admin.post("/pipeline_dist/api/statement_close.dspy", json=body)


def close(
    server: Installation, distributor: dict[str, Any], month: str, **more: Any
) -> dict[str, Any]:
    """Close a month of a distributor; what is answered."""
    answer = try_close(server, distributor, month, **more)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data
