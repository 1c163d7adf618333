"""What every section of the configuration is checked with; the problems are told all at once."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


class ConfigError(Exception):
    """The configuration cannot be used; the message says where and what to do."""


def unknown_names(
    members: Iterable[str], names: Iterable[str], where: str, problems: list[str]
) -> None:
    """Add a problem for each of *members* that is none of *names*; it tells the nearest of them."""
    names = sorted(names)
    for name in members:
        if name not in names:
            nearest = get_close_matches(str(name), names, n=1, cutoff=0.5)
            hint = f" (did you mean {nearest[0]}?)" if nearest else f" (known: {', '.join(names)})"
            problems.append(f"unknown setting {where}{name}{hint}")


def section(
    raw: Mapping[str, Any], name: str, problems: list[str], where: str = ""
) -> dict[str, Any]:
    """Return the object *name* of *raw*, empty where there is none."""
    value = raw.get(name) or {}
    if not isinstance(value, dict):
        problems.append(f"{where}{name} must be an object")
        return {}
    return value


def whole_number(value: Any, name: str, low: int, high: int, problems: list[str]) -> int:
    """Return *value* as a whole number; a problem where it is none, or not from *low* to *high*."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = low - 1
    if not low <= number <= high:
        problems.append(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return number
