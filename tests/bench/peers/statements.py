"""The statements of the plain peer, and the rows it inserts."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

CALLER = "select id, status from distributors where api_key_hash = %s"
LOCK_DISTRIBUTOR = (
    "select id, code, status, currency, quota_calls, quota_key, quota_used, spend_limit,"
    " spend_used from distributors where id = %s for update"
)
PIPELINE = "select id, code, status, current_version from pipelines where code = %s"
CODE = "select code from pipelines where id = %s"
LOCK_LINK = (
    "select id, daily_quota, monthly_quota, day_key, day_used, month_key, month_used"
    " from distributor_pipeline where distributor_id = %s and pipeline_id = %s for update"
)
LOCK_CAPACITY = (
    "select id, daily_quota, monthly_quota, max_concurrency, day_key, day_used, month_key,"
    " month_used, running from pipeline_capacity where pipeline_id = %s for update"
)
PRICE = (
    "select id, unit, unit_price, unit_size, currency from pipeline_pricing"
    " where pipeline_id = %s and unit = %s and enabled = 1 and effective_from <= %s"
    " and (effective_to is null or effective_to > %s) order by step_key desc, model desc limit 1"
)
HEADER = (
    "select id, distributor_id, pipeline_id from pipeline_usage_log"
    " where call_no = %s and line_no = 0"
)
LOCK_HEADER = "select * from pipeline_usage_log where call_no = %s and line_no = 0 for update"
SAVE_DISTRIBUTOR = (
    "update distributors set quota_key = %s, quota_used = %s, spend_used = %s where id = %s"
)
SAVE_SPEND = "update distributors set spend_used = %s where id = %s"
SAVE_LINK = (
    "update distributor_pipeline set day_key = %s, day_used = %s, month_key = %s, month_used = %s"
    " where id = %s"
)
SAVE_CAPACITY = (
    "update pipeline_capacity set day_key = %s, day_used = %s, month_key = %s, month_used = %s,"
    " running = %s where id = %s"
)
SAVE_RUNNING = "update pipeline_capacity set running = %s where id = %s"
CLOSE = (
    "update pipeline_usage_log set status = %s, finished_at = %s, duration_ms = %s, end_hash = %s,"
    " updated_at = %s, lock_version = lock_version + 1 where id = %s"
)
CALL_BEGIN = "call bench_begin(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
CALL_FINISH = "call bench_finish(%s, %s, %s, %s, %s, %s, %s, %s)"

_COLUMNS = (
    "id", "call_no", "line_no", "distributor_id", "pipeline_id", "version_no", "unit", "quantity",
    "pricing_id", "pricing_type", "pricing_mode", "unit_price", "unit_size", "amount", "currency",
    "status", "idempotency_key", "request_hash", "source", "started_at", "finished_at",
    "lease_seconds", "lease_expires_at", "duration_ms", "day_key", "month_key", "quota_key",
    "created_at", "created_by", "updated_at", "updated_by",
)  # fmt: skip
_GROUP = "(" + ", ".join(["%s"] * len(_COLUMNS)) + ")"
_INSERT = f"insert into pipeline_usage_log ({', '.join(_COLUMNS)}) values "


def insert(rows: int) -> str:
    return _INSERT + ", ".join([_GROUP] * rows)


def header(
    call_no: str,
    distributor: Mapping[str, Any],
    pipeline_id: str,
    key: str,
    request_hash: str,
    day: str,
    month: str,
    moment: datetime,
    lease_ends: datetime | None,
) -> tuple[Any, ...]:
    over = lease_ends is None
    return (
        call_no, call_no, 0, distributor["id"], pipeline_id, 1, "", 0, None, None, None, None,
        None, 0, distributor["currency"], "succeeded" if over else "reserved", key, request_hash,
        "api", moment, moment if over else None, None if over else 300, lease_ends,
        0 if over else None, day, month, month,
        moment, distributor["code"], moment, distributor["code"],
    )  # fmt: skip


def line(row_id: str, of: tuple[Any, ...], number: int, item: Mapping[str, Any]) -> tuple[Any, ...]:
    of_call = dict(zip(_COLUMNS, of, strict=True))
    return line_of(row_id, of_call, number, item, of_call["finished_at"])


def line_of(
    row_id: str, of: Mapping[str, Any], number: int, item: Mapping[str, Any], moment: datetime
) -> tuple[Any, ...]:
    price: Decimal = item["unit_price"]
    return (
        row_id, of["call_no"], number, of["distributor_id"], of["pipeline_id"], 1, item["unit"],
        item["quantity"], item["id"], "unit", "inherit", price, item["unit_size"], item["amount"],
        of["currency"], "succeeded", of["idempotency_key"], None, "api", of["started_at"], moment,
        None, None, None, of["day_key"], of["month_key"], of["quota_key"], moment,
        of["created_by"], moment, of["created_by"],
    )  # fmt: skip
