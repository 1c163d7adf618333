"""
The row of a call that is over and has one metered item, written as text.

What calls of one account and moment have in common, and what items of one price have, is made a
text once; of each call only what is its own is quoted. The table gets the same as by
`entries.insert_entries`, which takes any call.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.global_func import Quote, insert_texts
from pipeline_ops.ledger.entries import TABLE
from pipeline_ops.ledger.rows import ITEM_COLUMNS, LABELS
from pipeline_ops.rules.terms import Terms

_OF_CALL = (
    "id", "call_no", "status", "idempotency_key", "request_hash", *LABELS, "entry_no", "quantity",
    "amount",
)  # fmt: skip
_OF_ITEM = tuple(name for name in ITEM_COLUMNS if name not in _OF_CALL)
# What a call has of its account and moment; the rest is as its row is made (1, 1, 0).
ACCOUNT_COLUMNS = (
    "distributor_id", "pipeline_id", "version_no", "currency", "source", "started_at",
    "finished_at", "duration_ms", "day_key", "month_key", "quota_key", "terms_no", "pricing_mode",
    "discount_rate", "spend_day", "created_at", "created_by", "updated_at", "updated_by",
)  # fmt: skip
_FIXED = {"calls": 1, "lock_version": 1, "line_no": 0}
_COLUMNS = (*_OF_CALL, *_OF_ITEM, *ACCOUNT_COLUMNS, *_FIXED)


def account_text(quote: Quote, values: Mapping[str, Any]) -> str:
    """Return what the rows of calls have of their account and moment; *values* by
    ACCOUNT_COLUMNS."""
    texts = [quote(values[name]) for name in ACCOUNT_COLUMNS]
    return ",".join([*texts, *map(str, _FIXED.values())])


def item_text(quote: Quote, terms: Terms, step_key: str, model: str, unit: str) -> str:
    """Return what the rows of items of such a use have that are charged by *terms*, whatever their
    quantity."""
    use = {"step_key": step_key, "model": model, "unit": unit}
    values = [use[name] if name in use else getattr(terms, name) for name in _OF_ITEM]
    return ",".join([quote(value) for value in values])


def row_text(quote: Quote, own: Sequence[Any], amounts: str, item: str, account: str) -> str:
    """Return a call's row: *own* values (id, call_no, status, idempotency_key, request_hash, the
    labels, entry_no), the texts of quantity and amount, and those of its item and account."""
    return f"({','.join([quote(value) for value in own])},{amounts},{item},{account})"


def ready_texts(rows: Iterable[str]) -> Iterable[str]:
    """Return the statements that insert *rows*, each by `row_text`."""
    return insert_texts(TABLE, _COLUMNS, rows)
