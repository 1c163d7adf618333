"""
What the search box of a list looks through: every text of a small table; of a large one the
beginnings of what an index carries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.access.user_names import USER_COLUMNS
from app.base.catalogue.records import BAD_SEARCH
from app.db.sqlor import SafeSqlor
from app.records.filters import (
    Condition,
    Group,
    Node,
    any_case,
    has_rare_letters,
    like_pattern,
    like_prefix,
)
from app.records.plans import Bounds
from app.schema.tables import Column, Index, Table

MAX_CHARACTERS = 200
# More values of one column than this, and the database estimates instead of looking.
MAX_SPREAD = 200


@dataclass(frozen=True, slots=True)
class Path:
    """
    An index that leads to a text's beginning: all columns before it are bound by the filter, but
    for one perhaps (`spread`), which can only have `values` (None among them where it may be NULL).
    """

    column: Column
    index: str
    spread: str | None = None
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefixSearch:
    """The SQL of a search by beginnings, and the indexes that carry it."""

    sql: str
    values: dict[str, Any]
    indexes: tuple[str, ...]


def search_text(text: Any) -> str:
    """Return what `q` asks for, '' for nothing; raises BadRequest `bad_search`."""
    if text is None or text == "":
        return ""
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise BAD_SEARCH(most=MAX_CHARACTERS)
    return text.strip()


def search_condition(model: Table, text: str) -> Node:
    """Return the condition that *text* stands anywhere in any of the columns that people read as
    text."""
    names = [column.name for column in _texts(model)]
    names += [f"{code.field}_text" for code in model.codes]
    pattern = like_pattern(text)
    return Group("OR", tuple(Condition(name, "LIKE", pattern) for name in names))


async def search_paths(sor: SafeSqlor, model: Table, limits: Bounds) -> list[Path]:
    """Return how the beginnings of the texts of *model* can be reached within *limits*."""
    paths = []
    for name in model.search:
        column = model.columns[name]
        for index in model.indexes:
            if (path := await _path(sor, model, limits, column, index)) is not None:
                paths.append(path)
                break
    return paths


def prefix_search(paths: Iterable[Path], text: str) -> PrefixSearch:
    """Return the search for rows one of whose texts begins with *text*, letters as the column
    compares them."""
    values: dict[str, Any] = {"search": like_prefix(text)}
    parts, indexes = [], []
    for number, path in enumerate(paths):
        expression = f"a.`{path.column.name}`"
        part = f"{expression} like ${{search}}$"
        if path.column.collation is None and has_rare_letters(text):
            exact, values["search_exact"] = any_case(expression, like_prefix(text))
            part += f" and {exact} like ${{search_exact}}$"
        if path.spread is not None:
            values[f"spread_{number}"] = [one for one in path.values if one is not None]
            spread = f"a.`{path.spread}` in ${{spread_{number}}}$"
            part += f" and ({spread} or a.`{path.spread}` is null)" if None in path.values else (
                f" and {spread}"
            )  # fmt: skip
        parts.append(f"({part})")
        indexes.append(path.index)
    return PrefixSearch(f"({' or '.join(parts)})", values, tuple(dict.fromkeys(indexes)))


def _texts(model: Table) -> list[Column]:
    return [column for column in model.columns.values() if _is_read_as_text(model, column)]


def _is_read_as_text(model: Table, column: Column) -> bool:
    if column.confidential or column.kind not in ("str", "text") or column.choices:
        return False
    is_key = column.name in model.primary or column.name in USER_COLUMNS
    return not is_key and column.references is None and model.code(column.name) is None


async def _path(
    sor: SafeSqlor, model: Table, limits: Bounds, column: Column, index: Index
) -> Path | None:
    if column.name not in index.columns:
        return None
    before = index.columns[: index.columns.index(column.name)]
    free = [name for name in before if name not in limits.equal]
    if not free:
        return Path(column, index.name)
    if len(free) > 1:
        return None
    spread = model.columns[free[0]]
    values = await _all_values(sor, spread)
    if not values:
        return None
    return Path(column, index.name, spread.name, (*values, None) if spread.nullable else values)


async def _all_values(sor: SafeSqlor, column: Column) -> tuple[str, ...]:
    """Return all values that *column* can have; none where they are many, or nobody knows."""
    if column.choices:
        return tuple(column.choices)
    if column.references is None:
        return ()
    sql = f"select a.`id` from `{column.references}` a limit {MAX_SPREAD + 1}"  # noqa: S608
    ids = await sor.firsts(sql, {})
    return tuple(ids) if len(ids) <= MAX_SPREAD else ()
