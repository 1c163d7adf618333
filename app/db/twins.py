"""
Tables that have a twin: another table of the same columns, whose rows are apart.

Within `use_twins` every statement that names such a table means its twin instead. So work that is
to leave no trace in the real rows, and see none of them, is the same code on the same statements.
A connection's object keeps what held when it was made.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache

from app.schema.tables import TWIN_PREFIX, tables

_in_use: ContextVar[bool] = ContextVar("twins", default=False)


@contextmanager
def use_twins(*, on: bool = True) -> Iterator[None]:
    """Within it, tables that have a twin mean that; with *on* False themselves again."""
    token = _in_use.set(on)
    try:
        yield
    finally:
        _in_use.reset(token)


def twins_in_use() -> bool:
    """Return whether tables mean their twins."""
    return _in_use.get()


@cache
def _words() -> re.Pattern[str]:
    # Texts come first, so that nothing within one is taken for a name.
    names = "|".join(re.escape(one.twin_of) for one in tables().values() if one.twin_of)
    return re.compile(rf"'(?:[^'\\]|\\.|'')*'|\b({names})\b", re.DOTALL)


def rename(statement: str) -> str:
    """Return *statement* with twins in place of the tables that have one."""
    return _words().sub(lambda m: f"{TWIN_PREFIX}{m[1]}" if m[1] else m[0], statement)


_rename_template: Callable[[str], str] = lru_cache(maxsize=1024)(rename)


def rename_template(statement: str) -> str:
    """Do as `rename` for a statement whose values are bound: one of few."""
    return _rename_template(statement)
