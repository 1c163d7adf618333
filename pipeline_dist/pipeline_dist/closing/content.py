"""
What a statement says as one text: canonical JSON, which its checksum is of and its files are made
of, whoever makes them and whenever.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from app.global_func import canonical_json, parse_json

_DECIMALS = frozenset({
    "adjustments_amount", "amount", "corrections_amount", "lines_amount", "package_price",
    "quantity", "total", "unit_price",
})  # fmt: skip
_MOMENTS = frozenset({"booked_at", "closed_at", "from", "made_at", "started_at", "to"})
# The parts of a statement that are rows of their own.
_PARTS = ("lines", "corrections", "adjustments")


def content_checksum(content: str) -> str:
    """Return the checksum of a statement's canonical JSON: SHA-256, hexadecimal."""
    return sha256(content.encode()).hexdigest()


def statement_content(document: Mapping[str, Any]) -> str:
    """Return the canonical JSON of a statement, which its checksum is of: all but that."""
    return canonical_json({key: value for key, value in document.items() if key != "checksum"})


def document_of(content: str) -> dict[str, Any]:
    """Return the statement that *content* says, with its checksum, in the kinds of values that it
    was made of: the inverse of `statement_content`; takes time where it is long."""
    document = _restore(parse_json(content))
    for part in _PARTS:
        document[part] = [_restore(row) for row in document[part]]
    return {**document, "checksum": content_checksum(content)}


def _restore(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DECIMALS:
        return Decimal(value)
    return datetime.fromisoformat(value) if name in _MOMENTS else value
