"""Checks of rows on every reading by a list, offered by the modules that know what to look for."""

from collections.abc import Callable, Mapping
from typing import Any

RowCheck = Callable[[dict[str, Any]], None]
_checks: dict[str, RowCheck] = {}


def offer_row_checks(checks: Mapping[str, RowCheck]) -> None:
    """Say for each table what looks at its rows; it may add to a row what it finds."""
    _checks.update(checks)


def check_rows(table: str, rows: list[Any]) -> None:
    """Let the check of *table*, if there is one, look at *rows*."""
    check = _checks.get(table)
    if check is not None:
        for row in rows:
            check(row)
