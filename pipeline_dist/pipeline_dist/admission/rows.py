"""The rows that admission goes by: distributors and their lines, locked in the fixed order and
written, and what is only read of a pipeline."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from app.global_func import (
    Query,
    Rows,
    SafeSqlor,
    bulk_update,
    column_names,
    quote_of,
    update_texts,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_dist.accounts.rows import DISTRIBUTOR_COLUMNS, LINK_COLUMNS, Distributor, Link
from pipeline_ops.rules import counters as capacity
from pipeline_ops.rules.counters import CapacityRow


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What admission asks of a line: a row of pipelines."""

    id: str
    code: str
    status: PipelineStatus
    current_version: int | None
    terms_no: int


PIPELINE_COLUMNS = column_names(Pipeline)

# Who a link belongs to: (distributor_id, pipeline_id).
Pair = tuple[str, str]

# What admission changes of a distributor.
SAVED = (
    "quota_key", "quota_used", "spend_key", "spend_used", "spend_reserved", "balance", "entry_no",
    "rate_window",
)  # fmt: skip

Counters = Callable[[Any], tuple[Any, ...]]
# The values of the counters of a row, by which a changed one is told.
distributor_counters: Counters = attrgetter(*SAVED)
link_counters: Counters = attrgetter(*capacity.COUNTERS)
capacity_counters: Counters = attrgetter(*capacity.COUNTERS_WITH_SLOTS)

# By force, since reading a small table whole would lock other distributors' rows on the way.
_LOCK_DISTRIBUTORS = (
    f"select {', '.join(DISTRIBUTOR_COLUMNS)}"  # noqa: S608  constants
    " from distributors force index (primary) where id in ${ids}$ order by id for update"
)
_LINKS = (
    f"select {', '.join(LINK_COLUMNS)}"  # noqa: S608  constants
    " from distributor_pipeline force index (distributor_pipeline_pair) where "
)
_OUTER = (("d", DISTRIBUTOR_COLUMNS), ("l", LINK_COLUMNS), ("c", capacity.COLUMNS))
_NAMES = ", ".join(f"{table}.{name}" for table, names in _OUTER for name in names)
_LOCK_ONE = (
    f"select {_NAMES} from distributors d"  # noqa: S608  constants
    " left join distributor_pipeline l"
    " on l.distributor_id = d.id and l.pipeline_id = ${pipeline_id}$"
    " left join pipeline_capacity c on c.pipeline_id = l.pipeline_id"
    " where d.id = ${distributor_id}$ for update"
)
# Where the link's values begin in a row of that, and the capacity's.
_LINK_AT = len(DISTRIBUTOR_COLUMNS)
_CAPACITY_AT = _LINK_AT + len(LINK_COLUMNS)
_SAVED_OF_ONE = (
    ("d", SAVED),
    ("l", capacity.COUNTERS),
    ("c", capacity.COUNTERS_WITH_SLOTS),
)
_SAVE_ONE = (
    "update distributors d, distributor_pipeline l, pipeline_capacity c set "  # noqa: S608
    + ", ".join(f"{table}.{name}=%s" for table, names in _SAVED_OF_ONE for name in names)
    + " where d.id=%s and l.id=%s and c.id=%s"
)


async def pipeline_code(sor: SafeSqlor, pipeline_id: str) -> str:
    """Return the code of a line; '' where it is gone."""
    codes = await sor.firsts("select code from pipelines where id = ${id}$", {"id": pipeline_id})
    return str(codes[0]) if codes else ""


def one_query(distributor_id: str, pipeline_id: str) -> Query:
    """Return the query that locks distributor, link and capacity of one pair, in this order."""
    return Query(_LOCK_ONE, {"distributor_id": distributor_id, "pipeline_id": pipeline_id})


def one_of(rows: Rows) -> tuple[Distributor | None, Link | None, CapacityRow | None]:
    """Return what `one_query` gave; None for what is not there, and for the capacity of a line that
    is not linked."""
    if not rows:
        return None, None, None
    values = rows[0]
    # Each begins with its id, which is not there where the row is not.
    link = None if values[_LINK_AT] is None else Link(*values[_LINK_AT:_CAPACITY_AT])
    row = None if values[_CAPACITY_AT] is None else CapacityRow(*values[_CAPACITY_AT:])
    return Distributor(*values[:_LINK_AT]), link, row


def one_text(
    sor: SafeSqlor, distributor: Distributor, link: Link, capacity_row: CapacityRow
) -> str:
    """Return the statement that writes what admission changes of one pair."""
    values = (
        *distributor_counters(distributor), *link_counters(link), *capacity_counters(capacity_row),
        distributor.id, link.id, capacity_row.id,
    )  # fmt: skip
    return _SAVE_ONE % tuple(map(quote_of(sor), values))


async def lock_distributors(sor: SafeSqlor, ids: Iterable[str]) -> dict[str, Distributor]:
    """Lock the distributors with these ids, by id and in one order; those that are gone are not in
    it."""
    return distributors_of(*await sor.together(distributors_query(ids)))


def distributors_query(ids: Iterable[str]) -> Query:
    """Return the query of `lock_distributors`."""
    return Query(_LOCK_DISTRIBUTORS, {"ids": sorted(set(ids))})


def distributors_of(rows: Rows) -> dict[str, Distributor]:
    """Return what `distributors_query` gave, by id."""
    return {row.id: row for row in [Distributor(*values) for values in rows]}


async def lock_links(sor: SafeSqlor, pairs: Collection[Pair]) -> dict[Pair, Link]:
    """Lock the rows of these pairs of distributor and line, in one order; pairs that are not
    linked are not in it."""
    return links_of(*await sor.together(links_query(pairs))) if pairs else {}


def links_query(pairs: Iterable[Pair]) -> Query:
    """Return the query of `lock_links` for *pairs*, at least one."""
    pipelines: dict[str, list[str]] = {}
    for distributor_id, pipeline_id in sorted(set(pairs)):
        pipelines.setdefault(distributor_id, []).append(pipeline_id)
    values: dict[str, Any] = {}
    terms = []
    for number, (distributor_id, pipeline_ids) in enumerate(pipelines.items()):
        values |= {f"d{number}": distributor_id, f"p{number}": pipeline_ids}
        terms.append(f"(distributor_id = ${{d{number}}}$ and pipeline_id in ${{p{number}}}$)")
    text = f"{_LINKS}{' or '.join(terms)} order by distributor_id, pipeline_id for update"
    return Query(text, values)


def links_of(rows: Rows) -> dict[Pair, Link]:
    """Return what `links_query` gave, by pair."""
    links = [Link(*row) for row in rows]
    return {(link.distributor_id, link.pipeline_id): link for link in links}


def counters_texts(
    sor: SafeSqlor,
    distributors: Sequence[Distributor],
    links: Sequence[Link],
    capacities: Sequence[CapacityRow],
) -> list[str]:
    """Return the statements that write what admission changes of these locked rows."""
    if len(distributors) == len(links) == len(capacities) == 1:
        return [one_text(sor, distributors[0], links[0], capacities[0])]
    return [
        *update_texts(sor, "distributors", SAVED, distributors),
        *update_texts(sor, "distributor_pipeline", capacity.COUNTERS, links),
        *capacity.capacities_texts(sor, capacities),
    ]


def write_texts(
    sor: SafeSqlor, *, distributors: Collection[str], pipelines: Collection[str]
) -> list[str]:
    """Return the statements that write these locked rows though nothing else of them changes."""
    texts = []
    for table, ids in (("distributors", distributors), ("pipelines", pipelines)):
        if ids:
            values = ",".join(map(quote_of(sor), sorted(ids)))
            texts.append(f"update {table} set lock_no = lock_no + 1 where id in ({values})")  # noqa: S608
    return texts


async def save_distributors(sor: SafeSqlor, rows: Sequence[Distributor]) -> None:
    """Write what admission changes of locked distributors."""
    await bulk_update(sor, "distributors", SAVED, rows)


async def save_links(sor: SafeSqlor, rows: Sequence[Link]) -> None:
    """Write the counters of locked links."""
    await bulk_update(sor, "distributor_pipeline", capacity.COUNTERS, rows)
