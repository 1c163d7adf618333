"""
What modules do about rows of their tables, for parts of the host that may not know the modules.

Each module contributes the functions by which its own endpoints change a row, so that a value put
back from the audit trail meets the same rules as one typed into a form; and checks of the rows that
a list reads.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.base.actor import Actor
from app.base.contributions import Contributions
from app.db.sqlor import SafeSqlor

# (sor, id, lock_version, values, actor) -> the record as it is afterwards
Editor = Callable[[SafeSqlor, str, int | None, Mapping[str, Any], Actor], Awaitable[dict[str, Any]]]
RowCheck = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class TableHooks:
    """What changes rows of *table*, and what looks at rows that a list reads; it may add to a row
    what it finds."""

    table: str
    editor: Editor | None = None
    check: RowCheck | None = None


TABLE_HOOKS = Contributions(TableHooks, lambda hooks: hooks.table)


def editor_of(table: str) -> Editor | None:
    """Return the function that changes rows of *table*, or None where nobody edits them."""
    hooks = TABLE_HOOKS.get(table)
    return None if hooks is None else hooks.editor


def check_rows(table: str, rows: list[Any]) -> None:
    """Let the check of *table*, if there is one, look at *rows*."""
    hooks = TABLE_HOOKS.get(table)
    if hooks is not None and hooks.check is not None:
        for row in rows:
            hooks.check(row)
