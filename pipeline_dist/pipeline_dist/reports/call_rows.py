"""
Which rows of the ledger a page of calls is, each list read by an index that has its order: of the
calls with a tag, with a reference, of some lines or states, or of all.

No index has the order of several lines or states together, but one has that of each (line, state)
of a distributor. So the groups that there are come first, which is a look at the index for each
that there may be; then a page of every group, of which the newest are the page. What a page costs
goes by its size and by how many lines there are, whatever else the distributor has called in its
life. No line with calls is missing among them, the sandbox's included: only what is live can be
called, and a line that was live once is not deleted (pipeline_core/draft/context.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.ledger.rows import HEADER_COLUMNS
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rollup.ledger_rows import Conditions

# More groups than this are read by more than one statement.
MAX_GROUPS = 100
_LEDGER = "pipeline_usage_log u force index (pipeline_usage_log_{index})"
_BY_ID = "pipeline_usage_log u force index (primary)"
_BY_GROUP = _LEDGER.format(index="pipeline_time")
_BY_TAG = (
    "app_call_tag t force index (app_call_tag_value) straight_join"
    f" {_LEDGER.format(index='call')} on u.call_no = t.call_no and u.line_no = 0"
)
# A look at the index for each line. By itself the database may read all calls for it (distinct).
_PIPELINES_WITH = (
    "select p.id, ${{{state}}}$ from pipelines p where {which} and (select 1"  # noqa: S608  constants
    f" from {_BY_GROUP} where u.distributor_id = ${{{{distributor_id}}}}$"
    " and u.line_no = 0 and u.pipeline_id = p.id and u.status = ${{{state}}}$ limit 1) = 1"
)
_COLUMNS = ", ".join(f"u.{name}" for name in HEADER_COLUMNS)
_ROWS = (
    f"select p.code, {_COLUMNS} from %s left join pipelines p on p.id = u.pipeline_id"  # noqa: S608  constants
    " where %s and u.line_no = 0 and u.pipeline_id is not null"
    " order by %s desc, %s desc limit ${most}$"
)


@dataclass(frozen=True)
class Page:
    """
    `rows` calls before `before` (when it began, and its id), the newest first, of those that
    are in `status`, began from `first` up to and without `last`, are of the line with the code
    `pipeline`, have this `client_ref` and all of `tags`. `query` is what the pages behind it are
    asked with.
    """

    rows: int
    status: str | None = None
    first: datetime | None = None
    last: datetime | None = None
    pipeline: str | None = None
    client_ref: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    before: tuple[datetime, str] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)


async def read_rows(
    sor: SafeSqlor, distributor_id: str, window: Page, pipelines: Sequence[str] | None
) -> Sequence[tuple[Any, ...]]:
    """Return the code of its line and the HEADER_COLUMNS of each call of a page, of the lines with
    the ids *pipelines* (None: of all), and of one more where there is. *sor* reads a snapshot."""
    is_grouped = window.status is not None or pipelines is not None
    if window.tags or window.client_ref is not None or not is_grouped:
        return await _in_one_order(sor, distributor_id, window, pipelines)
    ids = await _ids_in_groups(sor, distributor_id, window, pipelines)
    if not ids:
        return []
    text = _ROWS % (_BY_ID, "u.id in ${ids}$", "u.started_at", "u.id")
    return await sor.tuples(text, {"ids": ids, "most": len(ids)})


async def _in_one_order(
    sor: SafeSqlor, distributor_id: str, window: Page, pipelines: Sequence[str] | None
) -> Sequence[tuple[Any, ...]]:
    conditions = Conditions("c")
    started_at, call_no = "u.started_at", "u.id"
    if window.tags:
        started_at, call_no = "t.started_at", "t.call_no"
        rows = _BY_TAG + "".join(_tag_conditions(distributor_id, window, conditions))
    else:
        index = "distributor_time" if window.client_ref is None else "client_ref"
        rows = _LEDGER.format(index=index)
        conditions.add("u.distributor_id = {}", distributor_id)
    _add_filters(conditions, window, pipelines)
    _add_times(conditions, window, started_at, call_no)
    text = _ROWS % (rows, conditions.text, started_at, call_no)
    return await sor.tuples(text, conditions.values | {"most": window.rows + 1})


async def _ids_in_groups(
    sor: SafeSqlor, distributor_id: str, window: Page, pipelines: Sequence[str] | None
) -> list[str]:
    """Return the ids of the rows of a page, and one more, the newest first."""
    states: list[str] = list(CallStatus) if window.status is None else [window.status]
    text = " union all ".join(
        _PIPELINES_WITH.format(
            state=f"s{number}", which="true" if pipelines is None else "p.id in ${pipelines}$"
        )
        for number in range(len(states))
    )
    values: dict[str, Any] = {"distributor_id": distributor_id, "pipelines": pipelines}
    values |= {f"s{number}": state for number, state in enumerate(states)}
    groups = [(str(pipeline), str(state)) for pipeline, state in await sor.tuples(text, values)]
    places: list[tuple[datetime, str]] = []
    for start in range(0, len(groups), MAX_GROUPS):
        text, values = _places(distributor_id, window, groups[start : start + MAX_GROUPS])
        places += [(at, row_id) for at, row_id in await sor.tuples(text, values)]
    places.sort(reverse=True)
    return [row_id for _, row_id in places[: window.rows + 1]]


def _places(
    distributor_id: str, window: Page, groups: Sequence[tuple[str, str]]
) -> tuple[str, dict[str, Any]]:
    """Return the statement that reads when the newest calls of all *groups* began, and their ids,
    and its values."""
    times = Conditions("t")
    times.add("u.distributor_id = {} and u.line_no = 0", distributor_id)
    _add_times(times, window, "u.started_at", "u.id")
    order = " order by {0}started_at desc, {0}id desc limit ${{most}}$"
    values = times.values | {"most": window.rows + 1}
    parts: list[str] = []
    for number, (pipeline, status) in enumerate(groups):
        group = Conditions(f"g{number}_")
        group.add("u.pipeline_id = {}", pipeline)
        group.add("u.status = {}", status)
        values |= group.values
        parts.append(
            f"(select u.started_at, u.id from {_BY_GROUP}"  # noqa: S608  constants
            f" where {times.text} and {group.text}{order.format('u.')})"
        )
    return " union all ".join(parts) + order.format(""), values


def _tag_conditions(distributor_id: str, window: Page, conditions: Conditions) -> Iterator[str]:
    """Add to *conditions* that a call has all tags; yield the joins of the second on."""
    conditions.add("t.distributor_id = {}", distributor_id)
    for number, (key, value) in enumerate(window.tags):
        table = f"t{number}" if number else "t"
        if number:
            yield (
                f" straight_join app_call_tag {table} force index (primary)"
                f" on {table}.call_no = t.call_no"
            )
        conditions.add(f"{table}.tag_key = {{}}", key)
        conditions.add(f"{table}.tag_value = {{}}", value)


def _add_filters(conditions: Conditions, window: Page, pipelines: Sequence[str] | None) -> None:
    if window.status is not None:
        conditions.add("u.status = {}", window.status)
    if pipelines is not None:
        conditions.add("u.pipeline_id in {}", pipelines)
    if window.client_ref is not None:
        # By its letters: the index takes great and small ones for one.
        conditions.add("u.client_ref = {}", window.client_ref)
        conditions.add("u.client_ref collate utf8mb4_bin = {}", window.client_ref)


def _add_times(conditions: Conditions, window: Page, started_at: str, call_no: str) -> None:
    if window.first is not None:
        conditions.add(f"{started_at} >= {{}}", window.first)
    if window.last is not None:
        conditions.add(f"{started_at} < {{}}", window.last)
    if window.before is not None:
        at, place = window.before
        conditions.add(f"{started_at} <= {{}}", at)
        conditions.text += f" and ({started_at} < ${{before}}$ or {call_no} < ${{place}}$)"
        conditions.values |= {"before": at, "place": place}
