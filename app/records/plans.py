"""
Which index carries a list of a large table: its filter, its order and the way on from any row.

Left to itself the optimiser walks the primary key in the list's order until a page is full, which
takes millions of rows where those of the filter are old; or it sorts all that the filter leaves.
What a model's indexes say is enough to do neither. A filter binds some columns to one value each
(*equal*); behind those an index is in the order of its further columns and then of the primary
key. So a list may go by these, at any depth, and read no row twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.records.filters import Condition, Group, Node
from app.schema.tables import Table

PRIMARY = "PRIMARY"
_RANGES = frozenset({">", ">=", "<", "<=", "IN"})


@dataclass(frozen=True, slots=True)
class Term:
    """One column to sort by, or the text of a code (`<code>_text`)."""

    name: str
    is_descending: bool = False

    def __str__(self) -> str:
        return f"{self.name} desc" if self.is_descending else self.name


Terms = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The columns that a filter binds to one value, and those that it bounds otherwise."""

    equal: frozenset[str] = frozenset()
    ranges: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """What the database expects to read for a filter: by which indexes, and how many rows."""

    indexes: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The indexes to read by (none: as the optimiser likes) and the whole order of the rows."""

    indexes: tuple[str, ...]
    terms: Terms


@dataclass(frozen=True, slots=True)
class _Way:
    """An index behind the columns that are bound: of how many, and in which order it is then."""

    index: str
    depth: int
    columns: tuple[str, ...]


def bounds(node: Node | None) -> Bounds:
    """Return what the conditions that every row must meet say of single columns."""
    equal: set[str] = set()
    ranges: set[str] = set()
    for condition in _every(node):
        one_value = condition.op == "IN" and len(condition.value) == 1
        if condition.op in ("=", "IS NULL") or one_value:
            equal.add(condition.field)
        elif condition.op in _RANGES:
            ranges.add(condition.field)
    return Bounds(frozenset(equal), frozenset(ranges - equal))


def _every(node: Node | None) -> list[Condition]:
    if isinstance(node, Condition):
        return [node]
    if isinstance(node, Group) and (node.op == "AND" or (node.op == "OR" and len(node.parts) == 1)):
        return [condition for part in node.parts for condition in _every(part)]
    return []


def filter_indexes(model: Table, limits: Bounds) -> tuple[str, ...]:
    """Return the indexes by which the rows within *limits* can be reached without all others."""
    names = limits.equal | limits.ranges
    return tuple(name for name, columns in _indexes(model).items() if columns[0] in names)


def in_full(model: Table, terms: Terms) -> Terms:
    """Return *terms* with the primary key as the last word, unless they tell all rows apart:
    without it, rows with equal values could change places between two pages."""
    names = {term.name for term in terms}
    if not names.isdisjoint(model.primary):
        return terms
    if any(names.issuperset(columns) for columns in _unique_keys(model)):
        return terms
    return (*terms, *(Term(key, terms[-1].is_descending) for key in model.primary))


def sort_plan(model: Table, limits: Bounds, terms: Terms) -> Plan | None:
    """
    Return how an index carries an order that begins with *terms*; None where none does.

    Of several that which reaches the fewest rows, and then the one whose order says the least
    beyond *terms*.
    """
    open_terms = [term for term in terms if term.name not in limits.equal]
    names = _up_to_key(model, [term.name for term in open_terms])
    open_terms = open_terms[: len(names)]
    if len({term.is_descending for term in open_terms}) > 1:
        return None
    ways = [way for way in _ways(model, limits) if way.columns[: len(names)] == names]
    if not ways:
        return None
    last = (open_terms or terms)[-1]
    best = min(ways, key=lambda way: (-_reach(way, limits), len(way.columns)))
    return _plan(best, is_descending=last.is_descending)


def usual_plan(model: Table, limits: Bounds, terms: Terms, reach: Reach | None) -> Plan:
    """
    Return the order of a list whose reader asks for none, *terms* as far as an index carries it.

    Where the filter has an index (*reach*) that the order of *terms* would not use, the list goes
    by the index of the filter.
    """
    plan = sort_plan(model, limits, terms)
    is_filter_used = reach is None or len(reach.indexes) != 1
    if plan is not None and (is_filter_used or _is_narrow(model, plan, limits)):
        return plan
    if reach is not None and len(reach.indexes) == 1:
        by_filter = _by_filter(model, limits, reach.indexes[0], terms)
        if by_filter is not None:
            return by_filter
    for count in range(len(terms), 0, -1):
        if (plan := sort_plan(model, limits, terms[:count])) is not None:
            return plan
    return Plan((PRIMARY,), tuple(Term(key, terms[-1].is_descending) for key in model.primary))


def sortable_columns(model: Table, limits: Bounds) -> list[str]:
    """Return the columns by which a list within *limits* may be sorted at any size."""
    return [
        name
        for name, column in model.columns.items()
        if not column.confidential and sort_plan(model, limits, (Term(name),)) is not None
    ]


def _indexes(model: Table) -> dict[str, tuple[str, ...]]:
    """Return the columns of each index whose values may stand in cursors."""
    indexes = {PRIMARY: model.primary} | {one.name: one.columns for one in model.indexes}
    return {
        name: columns
        for name, columns in indexes.items()
        if not any(model.columns[column].confidential for column in columns)
    }


def _unique_keys(model: Table) -> list[tuple[str, ...]]:
    """Return the columns of each unique index that tells all rows apart by itself, which it does
    not where a column may be NULL."""
    return [
        one.columns
        for one in model.indexes
        if one.unique and not any(model.columns[column].nullable for column in one.columns)
    ]


def _ways(model: Table, limits: Bounds) -> list[_Way]:
    """
    Return the indexes that are in one order of all their rows.

    The database takes the primary key for the end of an index, but not of a unique one: that has to
    tell its rows apart by itself, which it does not where a column may be NULL.
    """
    unique = {one.name for one in model.indexes if one.unique}
    ways = []
    for name, columns in _indexes(model).items():
        if name not in unique:
            ways.append(_way(model, name, (*columns, *model.primary), limits))
        elif not any(model.columns[column].nullable for column in columns):
            ways.append(_way(model, name, columns, limits))
    return ways


def _way(model: Table, name: str, columns: Sequence[str], limits: Bounds) -> _Way:
    depth = _depth(columns, limits)
    rest = [one for one in dict.fromkeys(columns[depth:]) if one not in limits.equal]
    return _Way(name, depth, _up_to_key(model, rest))


def _depth(columns: Sequence[str], limits: Bounds) -> int:
    """Return how many columns, from the first, are bound to one value."""
    return next(
        (at for at, column in enumerate(columns) if column not in limits.equal), len(columns)
    )


def _reach(way: _Way, limits: Bounds) -> float:
    """Return how far *limits* narrow an index: its columns that are bound, a range half."""
    has_range = bool(way.columns) and way.columns[0] in limits.ranges
    return way.depth + (0.5 if has_range else 0)


def _is_narrow(model: Table, plan: Plan, limits: Bounds) -> bool:
    return any(_reach(way, limits) > 0 for way in _ways(model, limits) if way.index in plan.indexes)


def _by_filter(model: Table, limits: Bounds, index: str, terms: Terms) -> Plan | None:
    """Return the plan of the simplest index that narrows the rows as *index* does."""
    indexes = _indexes(model)
    head = _head(indexes[index], limits)
    alike = [way for way in _ways(model, limits) if _head(indexes[way.index], limits) == head]
    if not alike:
        return None
    best = min(alike, key=lambda way: len(way.columns))
    return _plan(best, is_descending=terms[-1].is_descending)


def _head(columns: Sequence[str], limits: Bounds) -> tuple[frozenset[str], str | None]:
    """Return the columns of an index that are bound to one value, and the one behind them that is
    bounded otherwise."""
    depth = _depth(columns, limits)
    following = columns[depth] if depth < len(columns) else None
    return frozenset(columns[:depth]), following if following in limits.ranges else None


def _plan(way: _Way, *, is_descending: bool) -> Plan:
    return Plan((way.index,), tuple(Term(name, is_descending) for name in way.columns))


def _up_to_key(model: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Return *names* of columns without those behind a whole primary key, which say nothing any
    more of an order."""
    for at in range(len(names)):
        if set(names[: at + 1]) >= set(model.primary):
            return tuple(names[: at + 1])
    return tuple(names)
