"""Values that are bound in statements, and the types of columns that take them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_TEXT_TYPES = frozenset({"varchar", "char", "text", "longtext", "mediumtext", "tinytext"})
_WHOLE_TYPES = frozenset({"int", "bigint", "smallint", "tinyint", "mediumint"})
_TIME_TYPES = frozenset({"datetime", "timestamp", "date", "time"})


def fits(column_type: str, value: Any) -> bool:
    """Return whether *value* is of a kind that a column of this type takes."""
    if column_type in _TEXT_TYPES:
        return isinstance(value, str)
    if column_type in _WHOLE_TYPES:
        return isinstance(value, int)
    if column_type == "decimal":
        return isinstance(value, Decimal) or (
            isinstance(value, int) and not isinstance(value, bool)
        )
    if column_type in _TIME_TYPES:
        return isinstance(value, datetime | str) or hasattr(value, "isoformat")
    return isinstance(value, str | bytes | int | float | Decimal)


def expand(text: str, values: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Expand a list into as many marks as it has items, for `in ${ids}$`."""
    pieces = text.split("%s")
    sql = pieces[0]
    flat: list[Any] = []
    for value, piece in zip(values, pieces[1:], strict=True):
        items = value if isinstance(value, list) else [value]
        marks = ", ".join(["%s"] * len(items))
        sql += (f"({marks})" if isinstance(value, list) else marks) + piece
        flat += items
    return sql, tuple(flat)


def bindable(name: str, value: Any) -> Any:
    """Return *value*, of the placeholder *name*, as the driver is to write it: times in UTC, a
    list for several; raises TypeError for what is no value."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return [bindable(name, item) for item in value] or [None]
    if isinstance(value, dict | set):
        raise TypeError(f"{name}: a {type(value).__name__} cannot be bound")
    return value
