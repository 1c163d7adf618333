"""
How a field of a table is changed, for parts of the host that may not know the modules.

Each module offers the functions that its own endpoints use, so that a value put back from the
audit trail meets the same rules as one typed into a form.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.base.actor import Actor
from app.db.sqlor import SafeSqlor

# (sor, id, lock_version, values, actor) -> the record as it is afterwards
Editor = Callable[[SafeSqlor, str, int | None, Mapping[str, Any], Actor], Awaitable[dict[str, Any]]]
_editors: dict[str, Editor] = {}


def offer_editors(editors: Mapping[str, Editor]) -> None:
    """Say for each table by which function its rows are changed."""
    _editors.update(editors)


def editor_of(table: str) -> Editor | None:
    """The function that changes rows of *table*, or None where nobody edits them."""
    return _editors.get(table)
