"""
What modules do about rows of their tables, for parts of the host that may not know the modules.

Each module offers the functions by which its own endpoints change a row, so that a value put back
from the audit trail meets the same rules as one typed into a form; and checks of the rows that a
list reads.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.base.actor import Actor
from app.db.sqlor import SafeSqlor

# (sor, id, lock_version, values, actor) -> the record as it is afterwards
Editor = Callable[[SafeSqlor, str, int | None, Mapping[str, Any], Actor], Awaitable[dict[str, Any]]]
RowCheck = Callable[[dict[str, Any]], None]
_editors: dict[str, Editor] = {}
_checks: dict[str, RowCheck] = {}


def offer_editors(editors: Mapping[str, Editor]) -> None:
    """Say for each table by which function its rows are changed."""
    _editors.update(editors)


def editor_of(table: str) -> Editor | None:
    """The function that changes rows of *table*, or None where nobody edits them."""
    return _editors.get(table)


def offer_row_checks(checks: Mapping[str, RowCheck]) -> None:
    """Say for each table what looks at its rows; it may add to a row what it finds."""
    _checks.update(checks)


def check_rows(table: str, rows: list[Any]) -> None:
    """Let the check of *table*, if there is one, look at *rows*."""
    check = _checks.get(table)
    if check is not None:
        for row in rows:
            check(row)
