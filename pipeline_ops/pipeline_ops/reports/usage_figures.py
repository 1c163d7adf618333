"""Figures of a period: what all calls in it come to, beside the time before, by bars and groups."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.global_func import (
    TOO_SLOW,
    Actor,
    FieldRule,
    Row,
    SafeSqlor,
    check_params,
    get_row,
    now,
    quota_day,
    reading,
)
from pipeline_ops.reports.cache import slow_answer
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.reports.figure_periods import (
    PERIOD_RULES,
    BarStep,
    Comparison,
    Days,
    comparison_of,
)
from pipeline_ops.reports.recent import Hours
from pipeline_ops.reports.stats import OUTCOMES, amounts_of, summary, sums
from pipeline_ops.rollup.kinds import LINES, MODELS
from pipeline_ops.rollup.read import Use, usage_source

MAX_GROUPS_SHOWN = 20


class GroupBy(StrEnum):
    """What the calls of a period are told apart by."""

    DISTRIBUTOR = "distributor"
    PIPELINE = "pipeline"
    MODEL = "model"


_COLUMNS = {GroupBy.DISTRIBUTOR: "distributor_id", GroupBy.PIPELINE: "pipeline_id"}
_RULES = {
    **PERIOD_RULES,
    "group_by": FieldRule(kind="str", choices=tuple(GroupBy), default=GroupBy.PIPELINE),
    "pipeline_id": FieldRule(kind="str", length=32),
}
_NAMES = "select id, name from pipelines where id in ${ids}$"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: which days, of which pipeline (None: of all), told apart by what."""

    comparison: Comparison
    group_by: GroupBy
    pipeline_id: str | None

    def use(self, days: Days) -> Use:
        """Return the use on *days*."""
        return Use(
            pipeline_id=self.pipeline_id, first_day=days.first.isoformat(),
            last_day=days.last.isoformat(), latest=days.until,
        )  # fmt: skip


async def usage_figures(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return {now, period, before: {first_day, last_day, until}, total, total_before, step, bars,
    group_by, groups, group_count} of the days asked for.

    `until` is when the time before ends, where it ends within its last day: there as much of the
    day has gone by as now. `step` is what a bar is of: an hour, a day or a month, `start`. Amounts
    are by currency. Of the groups the busiest are told; by model a call counts in each group where
    it has an item, and nothing is known of its outcome. `now`: as in `usage_stats`.
    """
    query = check_params(_RULES, params)
    moment = now()
    question = Question(
        comparison_of(query, moment), GroupBy(query["group_by"]), query["pipeline_id"]
    )
    if question.pipeline_id is not None:
        async with reading() as sor:
            await get_row(sor, "pipelines", question.pipeline_id)
    days = question.comparison.days
    key = (
        "usage_figures", quota_day(moment), days.first, days.last, question.comparison.before.first,
        question.group_by, question.pipeline_id,
    )  # fmt: skip
    return await slow_answer(key, lambda: _figures(question, moment))


async def _figures(question: Question, moment: datetime) -> dict[str, Any]:
    days, before = question.comparison.days, question.comparison.before
    # Side by side: somebody waits for all of them.
    present, past, hours = await asyncio.gather(
        _sums(question, days, by_day=days.step != BarStep.HOUR),
        _sums(question, before, by_day=False),
        _hours(question),
    )
    groups = _Groups(_by_id(present.groups), _by_id(past.groups))
    busiest, others = groups.ids[:MAX_GROUPS_SHOWN], groups.ids[MAX_GROUPS_SHOWN:]
    return {
        "now": moment,
        "period": _days_view(days),
        "before": _days_view(before),
        "total": summary(present.totals),
        "total_before": summary(past.totals),
        "step": days.step,
        "bars": hours or _bars(days, present.totals),
        "group_by": question.group_by,
        "groups": await _with_names(question.group_by, [groups.figures(id_) for id_ in busiest]),
        "others": groups.figures(*others) if others else None,
        "group_count": len(groups.ids),
    }


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of some days by currency: of all, by day where that is asked for, and of groups."""

    totals: list[Row]
    groups: list[Row]


async def _sums(question: Question, days: Days, *, by_day: bool) -> _Sums:
    """Return the sums of *days*, in as few statements as tell them."""
    use, group_by = question.use(days), question.group_by
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        if group_by == GroupBy.MODEL:
            return _Sums(await sums(sor, use, ("day_key",), OUTCOMES), await _by_model(sor, use))
        column = _COLUMNS[group_by]
        # There are few pipelines: their days are little to read. Of distributors they would be not.
        keys = ("day_key", column) if group_by == GroupBy.PIPELINE else (column,)
        rows = await sums(sor, use, keys, OUTCOMES)
        groups = [Row(row | {"id": row[column]}) for row in rows]
        if by_day and group_by != GroupBy.PIPELINE:
            return _Sums(await sums(sor, use, ("day_key",), OUTCOMES), groups)
    return _Sums(groups, groups)


async def _hours(question: Question) -> list[dict[str, Any]]:
    """Return the bars of the hours of a day; none of several days."""
    days = question.comparison.days
    if days.step != BarStep.HOUR:
        return []
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        hours = await Hours.read(sor, *days.bounds, question.pipeline_id)
    return [{"start": bar.pop("hour"), **bar} for bar in hours.by_hour()]


async def _by_model(sor: SafeSqlor, use: Use) -> list[Row]:
    columns = ("pipeline_id", "model", "currency", "calls", "amount")
    source = await usage_source(sor, use, (LINES, MODELS), columns)
    rows: list[Row] = await sor.sqlExe(
        "select r.model as id, r.currency, sum(r.calls) as calls, sum(r.amount) as amount,"  # noqa: S608  constants
        f" null as failed from {source.text} where r.pipeline_id is not null"
        " group by r.model, r.currency having calls <> 0 or amount <> 0",
        source.values,
    )
    return rows


def _bars(days: Days, rows: list[Row]) -> list[dict[str, Any]]:
    keys = days.keys()
    rows_by_key: dict[str, list[Row]] = {key: [] for key in keys}
    for row in rows:
        rows_by_key[row["day_key"][: len(keys[0])]].append(row)
    return [{"start": key, **_figures_of(some)} for key, some in rows_by_key.items()]


class _Groups:
    """The rows of all groups by their ids, beside those of before: who has stopped is a group too.
    `ids`: of the busiest first."""

    def __init__(self, rows: dict[str, list[Row]], rows_before: dict[str, list[Row]]) -> None:
        self._rows, self._rows_before = rows, rows_before
        self.ids = sorted(rows | rows_before, key=self._place)

    def _place(self, id_: str) -> tuple[int, int, str]:
        present, before = self._rows.get(id_, []), self._rows_before.get(id_, [])
        return -_figures_of(present)["calls"], -_figures_of(before)["calls"], id_

    def figures(self, *ids: str) -> dict[str, Any]:
        """Return what the groups *ids* come to together, and came to before; `id` is the first."""
        present = [row for id_ in ids for row in self._rows.get(id_, [])]
        before = [row for id_ in ids for row in self._rows_before.get(id_, [])]
        return {"id": ids[0], **_figures_of(present), "before": _figures_of(before)}


def _by_id(rows: list[Row]) -> dict[str, list[Row]]:
    rows_by_id: dict[str, list[Row]] = {}
    for row in rows:
        rows_by_id.setdefault(row["id"], []).append(row)
    return rows_by_id


def _figures_of(rows: list[Row]) -> dict[str, Any]:
    failures = [row["failed"] for row in rows]
    return {
        "calls": sum(int(row["calls"]) for row in rows),
        "failed": None if None in failures else sum(int(number) for number in failures),
        "amounts": amounts_of(rows),
    }


async def _with_names(group_by: GroupBy, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *groups* with their names: a model is one, our own use has none."""
    if group_by == GroupBy.MODEL:
        return [group | {"name": group["id"]} for group in groups]
    text = _NAMES if group_by == GroupBy.PIPELINE else distributor_statements().names
    async with reading() as sor:
        names = await sor.sqlExe(text, {"ids": [group["id"] for group in groups]})
    name_of = {row["id"]: row["name"] for row in names}
    return [group | {"name": name_of.get(group["id"], "")} for group in groups]


def _days_view(days: Days) -> dict[str, Any]:
    return {
        "first_day": days.first.isoformat(),
        "last_day": days.last.isoformat(),
        "until": days.until,
    }
