"""The calls of all distributors, the newest first, page by page, and what they come to."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.global_func import (
    Actor,
    FieldRule,
    Row,
    SafeSqlor,
    check_params,
    reading,
    settings,
)
from pipeline_ops.errors import CALLS_TOO_SLOW
from pipeline_ops.ledger.tag_texts import tags_of
from pipeline_ops.reports.call_filter import (
    FILTER_RULES,
    MAX_HITS,
    CallFilter,
    filter_of,
    look_up,
    meant_rows,
    row_conditions,
    way_of,
)
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.rollup.kinds import LINES, MODELS, TOTALS, Kind
from pipeline_ops.rollup.ledger_rows import FIRST_DAY, LAST_DAY
from pipeline_ops.rollup.read import usage_source

Params = Mapping[str, Any]
_ID = FieldRule(kind="str", length=32)
_PAGE_RULES = {
    **FILTER_RULES,
    "rows": FieldRule(kind="int", minimum=1, maximum=200, default=50),
    # The last call of the page before: when it began (of a list by days its day), and its id.
    "after_time": FieldRule(kind="datetime"),
    "after_day": FieldRule(kind="date"),
    "after_id": _ID,
}
_NOTHING = Decimal(0).scaleb(-10)
_PIPELINE = "select name from pipelines where id = ${id}$"
_COLUMNS = (
    "id", "call_no", "lock_version", "distributor_id", "pipeline_id", "version_no", "client_ref",
    "status", "source", "started_at", "finished_at", "duration_ms", "day_key", "currency", "tags",
    "archive_batch",
)  # fmt: skip
_MODEL_COLUMNS = ("pipeline_id", "currency", "model", "calls", "month_calls", "amount")
# The page first, by its index alone; then the rows of its calls.
_PAGE = (
    "select h.*, p.name as pipeline, coalesce(sum(if({meant}, i.amount, 0)), 0) as amount,"
    " coalesce(sum(if({meant} and i.entry_type = 'charge', i.amount, 0)), 0) as charge,"
    " sum(i.unit <> '' and i.entry_type = 'charge') as items"
    " from (select {columns} from {ledger} where {where} order by u.{order} desc, u.id desc"
    " limit ${{most}}$) h"
    " join pipeline_usage_log i force index (pipeline_usage_log_call) on i.call_no = h.call_no"
    " left join pipelines p on p.id = h.pipeline_id"
    " group by h.id order by h.{order} desc, h.id desc"
)
# A value, not `exists`: of that the optimiser may make a join which begins elsewhere.
_HAS_ITEM = (
    " and (select 1 from pipeline_usage_log i force index (pipeline_usage_log_call)"
    " where i.call_no = u.call_no and i.entry_type = 'charge' and {meant} limit 1) = 1"
)


async def usage_calls(actor: Actor, params: Params) -> dict[str, Any]:
    """
    Return `{rows, next, period: {first_day, last_day}, distributor, pipeline}`: a page of calls,
    the parameters that are added for what comes behind it (None where nothing does), and the names
    of what the filter names.

    `amount` is what a call comes to now, what was voided taken off, `charge` what it was charged;
    with a statement's line, or its month, both are of the rows in it. `items` counts the metered
    items.
    """
    query = check_params(_PAGE_RULES, params)
    choice = filter_of(query)
    async with reading(snapshot=True, refusal=CALLS_TOO_SLOW) as sor:
        choice = await look_up(sor, choice, query)
        rows = await _page(sor, await _with_days(sor, choice), query)
        names = await distributor_names(sor, rows, choice.distributor_id)
        pipelines = await sor.firsts(_PIPELINE, {"id": choice.pipeline_id})
    size = query["rows"]
    return {
        "rows": [_row(row, names) for row in rows[:size]],
        "next": _next(choice, rows[size - 1]) if len(rows) > size else None,
        "period": period_of(choice),
        "distributor": names.get(choice.distributor_id or ""),
        "pipeline": pipelines[0] if pipelines else None,
    }


async def usage_calls_total(actor: Actor, params: Params) -> dict[str, Any]:
    """
    Return `{count, capped, sums: [{currency, calls, amount}]}` of the whole filter: how many calls
    its list has (`capped`: more than `count`), and what they come to, exactly.

    `calls` are counted as everywhere: what was voided or cancelled is none.
    """
    query = check_params(FILTER_RULES, params)
    choice = filter_of(query)
    most = settings().options.list_counted_rows
    async with reading(snapshot=True, refusal=CALLS_TOO_SLOW) as sor:
        choice = await look_up(sor, choice, query)
        count = await _count(sor, await _with_days(sor, choice), most)
        sums = await _sums(sor, choice) if count else []
    return {
        "count": min(count, most),
        "capped": count > most or len(choice.call_nos or ()) >= MAX_HITS,
        "sums": [
            {"currency": row["currency"], "calls": int(row["calls"]), "amount": row["amount"]}
            for row in sums
            if row["calls"] or row["amount"]
        ],
    }


async def distributor_names(
    sor: SafeSqlor, rows: Iterable[Mapping[str, Any]], further: str | None = None
) -> dict[str, str]:
    """Return the names of the distributors of *rows*, and of a *further* one, by id."""
    ids = sorted({*(row["distributor_id"] for row in rows), further} - {None, ""}, key=str)
    if not ids:
        return {}
    names = await sor.sqlExe(distributor_statements().names, {"ids": ids})
    return {row["id"]: row["name"] for row in names}


def period_of(choice: CallFilter) -> dict[str, str | None]:
    """Return the first and the last day that *choice* is of; None where it has no such edge."""
    first, last = choice.first_day, choice.last_day
    return {
        "first_day": None if first == FIRST_DAY else first,
        "last_day": None if last == LAST_DAY else last,
    }


async def _with_days(sor: SafeSqlor, choice: CallFilter) -> CallFilter:
    """Return *choice* with the days on which there are items such as it asks for, by the sums of
    days: a month may have millions of calls and one of these, or none."""
    if choice.items is None or choice.call_nos is not None:
        return choice
    columns = (
        "day_key", "pipeline_id", "step_key", "model", "unit", "pricing_type", "unit_price",
        "unit_size", "package_size", "package_price", "month_key", "entry_type",
    )  # fmt: skip
    use = replace(choice, statuses=()).use
    assert use is not None  # of every choice without states and hits
    source = await usage_source(sor, use, (LINES,), columns)
    items = meant_rows(replace(choice, month=None), "r")
    days = await sor.firsts(
        f"select distinct r.day_key from {source.text} where r.entry_type = 'charge'"  # noqa: S608
        f" and {items.text} order by r.day_key",
        source.values | items.values,
    )
    if not days:
        return replace(choice, call_nos=())
    first, last = max(choice.first_day, days[0]), min(choice.last_day, days[-1])
    return replace(choice, first_day=first, last_day=last, item_days=tuple(days))


async def _page(sor: SafeSqlor, choice: CallFilter, query: Params) -> list[Row]:
    if choice.call_nos == ():
        return []
    way = way_of(choice)
    where, values = _header_where(choice)
    after = query["after_day"] if way.order == "day_key" else query["after_time"]
    if after is not None and query["after_id"]:
        where += (
            f" and u.{way.order} <= ${{after}}$ and (u.{way.order} < ${{after}}$"
            " or u.id < ${after_id}$)"
        )
        place = after.isoformat() if way.order == "day_key" else after
        values |= {"after": place, "after_id": query["after_id"]}
    text = _PAGE.format(
        meant=meant_rows(choice, "i").text,
        columns=", ".join(f"u.{name}" for name in _COLUMNS),
        ledger=way.ledger, where=where, order=way.order,
    )  # fmt: skip
    values |= meant_rows(choice, "i").values | {"most": query["rows"] + 1}
    rows: list[Row] = await sor.sqlExe(text, values)
    return rows


def _header_where(choice: CallFilter) -> tuple[str, dict[str, Any]]:
    conditions = row_conditions(choice)
    text, values = f"{conditions.text} and u.line_no = 0", dict(conditions.values)
    if choice.items is not None:
        items = meant_rows(choice, "i")
        text += _HAS_ITEM.format(meant=items.text)
        values |= items.values
    return text, values


def _row(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    values = dict(row)
    return values | {
        "distributor": names.get(row["distributor_id"] or ""),
        "items": int(row["items"]),
        "amount": _NOTHING + row["amount"],
        "charge": _NOTHING + row["charge"],
        "tags": tags_of(row["tags"]),
        "archived": values.pop("archive_batch") is not None,
    }


def _next(choice: CallFilter, last: Row) -> dict[str, Any]:
    if way_of(choice).order == "day_key":
        return {"after_day": last["day_key"], "after_id": last["id"]}
    return {"after_time": last["started_at"], "after_id": last["id"]}


async def _count(sor: SafeSqlor, choice: CallFilter, most: int) -> int:
    if choice.call_nos == ():
        return 0
    where, values = _header_where(choice)
    text = (
        f"select count(*) from (select 1 from {way_of(choice).ledger} where {where}"  # noqa: S608
        " limit ${most}$) x"
    )
    return int((await sor.firsts(text, values | {"most": most + 1}))[0])


async def _sums(sor: SafeSqlor, choice: CallFilter) -> list[Row]:
    """Return the sums by currency: of days that are kept where these tell them, else of the
    ledger."""
    if choice.use is None:
        return await _ledger_sums(sor, choice)
    columns: tuple[str, ...] = ("pipeline_id", "currency", "entry_type", "calls", "amount")
    if choice.items is None:
        source = await usage_source(sor, choice.use, (TOTALS,), columns)
        text, values, calls = "1 = 1", {}, "calls"
    else:
        items = meant_rows(replace(choice, month=None), "r")
        calls = "month_calls" if choice.month else "calls"
        columns += (
            "month_calls", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size",
            "package_size", "package_price", "day_key", "month_key",
        )  # fmt: skip
        kinds: tuple[Kind, ...] = (LINES,)
        if choice.items.unit is None:
            # A call can have several lines of one model.
            kinds, columns = (LINES, MODELS), _MODEL_COLUMNS
        source = await usage_source(sor, choice.use, kinds, columns)
        text, values = items.text, items.values
    rows: list[Row] = await sor.sqlExe(
        f"select r.currency, sum(r.{calls}) as calls, sum(r.amount) as amount from {source.text}"  # noqa: S608
        f" where r.pipeline_id is not null and {text} group by r.currency order by r.currency",
        source.values | values,
    )
    return rows


async def _ledger_sums(sor: SafeSqlor, choice: CallFilter) -> list[Row]:
    conditions = row_conditions(choice)
    calls, text, values = "sum(u.calls)", conditions.text, dict(conditions.values)
    if choice.items is not None:
        items = meant_rows(choice, "u")
        calls = (
            "count(distinct if(u.entry_type = 'charge' and u.status <> 'voided', u.call_no, null))"
        )
        text, values = f"{text} and {items.text}", values | items.values
    rows: list[Row] = await sor.sqlExe(
        f"select u.currency, {calls} as calls, sum(u.amount) as amount"  # noqa: S608  constants
        f" from {way_of(choice).ledger} where {text} group by u.currency order by u.currency",
        values,
    )
    return rows
