"""The statements of the plain peer, and the rows it inserts."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

CALLER = "select id, status from distributors where api_key_hash = %s"
LOCK_DISTRIBUTOR = (
    "select id, code, status, currency, quota_calls, quota_key, quota_used, spend_limit,"
    " spend_used, entry_no from distributors where id = %s for update"
)
PIPELINE = "select id, code, status, current_version, terms_no from pipelines where code = %s"
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
    "update distributors set quota_key = %s, quota_used = %s, spend_used = %s, entry_no = %s"
    " where id = %s"
)
SAVE_SPEND = "update distributors set spend_used = %s, entry_no = %s where id = %s"
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
    " updated_at = %s, lock_version = lock_version + 1, entry_no = %s, spend_day = %s, unit = %s,"
    " quantity = %s, pricing_id = %s, matched = %s, pricing_type = %s, unit_price = %s,"
    " unit_size = %s, amount = %s where id = %s"
)
CALL_BEGIN = "call bench_begin(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
CALL_FINISH = "call bench_finish(%s, %s, %s, %s, %s, %s, %s, %s)"

_ITEM = (
    "unit", "quantity", "pricing_id", "matched", "pricing_type", "unit_price", "unit_size",
    "amount",
)  # fmt: skip
_COLUMNS = (
    "id", "call_no", "line_no", "entry_no", "calls", "distributor_id", "pipeline_id", "version_no",
    *_ITEM, "pricing_mode", "currency", "status", "idempotency_key", "request_hash", "source",
    "started_at", "finished_at", "lease_seconds", "lease_expires_at", "duration_ms", "day_key",
    "month_key", "spend_day", "quota_key", "terms_no", "created_at", "created_by", "updated_at",
    "updated_by",
)  # fmt: skip
INSERT = (
    f"insert into pipeline_usage_log ({', '.join(_COLUMNS)})"
    f" values ({', '.join(['%s'] * len(_COLUMNS))})"
)


def item_values(item: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """What a row says of its metered item, which is priced; of none for None."""
    if item is None:
        return "", 0, None, None, None, None, None, 0
    price: Decimal = item["unit_price"]
    return (
        item["unit"], item["quantity"], item["id"], "all", "unit", price, item["unit_size"],
        item["amount"],
    )  # fmt: skip


def row_of(
    call_no: str,
    distributor: Mapping[str, Any],
    pipeline: Mapping[str, Any],
    key: str,
    request_hash: str,
    day: str,
    moment: datetime,
    lease_ends: datetime | None,
    item: Mapping[str, Any] | None,
) -> tuple[Any, ...]:
    """The row of a new call, as the application writes it: over, or with a lease that runs."""
    over = lease_ends is None
    return (
        call_no, call_no, 0, distributor["entry_no"] + 1 if over else None, 1, distributor["id"],
        pipeline["id"], 1, *item_values(item), "inherit", distributor["currency"],
        "succeeded" if over else "reserved", key, request_hash, "api", moment,
        moment if over else None, None if over else 300, lease_ends, 0 if over else None, day,
        day[:7], day if over else None, day[:7], pipeline["terms_no"], moment, distributor["code"],
        moment, distributor["code"],
    )  # fmt: skip
