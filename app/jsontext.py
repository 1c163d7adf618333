"""JSON as this application writes it: money as text, times as ISO 8601 with Z, no NaN."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from app.clock import iso
from app.json_numbers import JsonNumber, encoder


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def _quickly_plain(value: Any) -> Any:
    if isinstance(value, JsonNumber):
        return orjson.Fragment(value.spelling)
    return _plain(value)


_encode = encoder(_plain)
_encode_canonical = encoder(_plain, sort_keys=True)


def to_json(value: Any) -> str:
    """Compact JSON text; Decimal as a string, times as ISO 8601 with Z; ValueError for NaN."""
    return _encode(value)


def json_bytes(value: Any) -> bytes:
    """As `to_json`, in UTF-8, by a quicker encoder; for answers."""
    try:
        return orjson.dumps(value, _quickly_plain, orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:
        # Whole numbers of more than 64 bits are rare here, and JSON has them. Halves of surrogate
        # pairs, repeated from a request, have a spelling there too.
        return to_json(value).encode("utf-8", "backslashreplace")


def canonical_json(value: Any) -> str:
    """The one spelling of *value*, for checksums: keys sorted, no blanks."""
    return _encode_canonical(value)
