"""
What a statement says as one text: canonical JSON, which its checksum is of and its files are made
of, whoever makes them and whenever.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from app.global_func import canonical_json, parse_json
from pipeline_dist.reports.statement import LINE_COLUMNS

_DECIMALS = frozenset({
    "adjustments_amount", "amount", "corrections_amount", "lines_amount", "package_price",
    "quantity", "total", "unit_price",
})  # fmt: skip
_MOMENTS = frozenset({"booked_at", "closed_at", "from", "made_at", "started_at", "to"})
# In which order a statement says things, and those of its parts that are rows of their own:
# canonical JSON has them by the alphabet.
_ORDER = (
    "number", "status", "final", "sender", "distributor", "month", "from", "to", "time_zone",
    "currency", "calls", "running", "lines", "corrections", "adjustments", "lines_amount",
    "corrections_amount", "adjustments_amount", "amount", "total", "closed_at", "made_at",
)  # fmt: skip
_ORDER_OF_PARTS = {
    "lines": LINE_COLUMNS,
    "corrections": (
        "call_no", "line_no", "entry_no", "entry_type", "month", "started_at", *LINE_COLUMNS,
        "reason",
    ),
    "adjustments": ("entry_no", "booked_at", "amount", "currency", "reason", "reference"),
}  # fmt: skip


def content_checksum(content: str) -> str:
    """Return the checksum of a statement's canonical JSON: SHA-256, hexadecimal."""
    return sha256(content.encode()).hexdigest()


def statement_content(document: Mapping[str, Any]) -> str:
    """Return the canonical JSON of a statement, which its checksum is of: all but that."""
    return canonical_json({key: value for key, value in document.items() if key != "checksum"})


def document_of(content: str) -> dict[str, Any]:
    """Return the statement that *content* says, with its checksum, in the order and the kinds of
    values that it was made of: the inverse of `statement_content`; takes time where it is long."""
    document = _restore(parse_json(content), _ORDER)
    for part, order in _ORDER_OF_PARTS.items():
        document[part] = [_restore(row, order) for row in document[part]]
    return {**document, "checksum": content_checksum(content)}


def _restore(values: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    # What a content of another version of the code has besides stands behind.
    names = [name for name in order if name in values]
    names += [name for name in values if name not in order]
    return {name: _value(name, values[name]) for name in names}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DECIMALS:
        return Decimal(value)
    return datetime.fromisoformat(value) if name in _MOMENTS else value
