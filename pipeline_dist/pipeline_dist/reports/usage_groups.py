"""
What sums of use go by: one dimension or two of time, of what was called, and of the client's own.

Days, months, lines, models and steps are summed up beforehand (pipeline_ops/rollup), and read from
there. Hours, references and tags are not: they are summed up out of the ledger's rows, by the index
that has the distributor's of the time; a tag is looked up by its call, never in JSON. Both are sums
over the same rows, and come to the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.global_func import FieldRule, InvalidFields, SafeSqlor, zone_offset
from pipeline_dist.reports.errors import BAD_GROUP, TOO_MANY_GROUPS
from pipeline_ops.rollup.kinds import LINES, MODEL_UNITS, STEP_UNITS, UNITS, Kind
from pipeline_ops.rollup.ledger_rows import Conditions
from pipeline_ops.rollup.read import Use, rows_of, usage_source

MAX_GROUPS = 10_000
# Leaves out groups of which nothing is left.
NOT_ALL_REVERSED = " having calls <> 0 or quantity <> 0 or amount <> 0"
TAG = "tag:"
# Of what is summed up beforehand: the column, and what is said of it.
_KEPT = {
    "day": ("day_key", "r.day_key"),
    "month": ("day_key", "left(r.day_key, 7)"),
    "pipeline": ("pipeline_id", "r.pipeline_id"),
    "model": ("model", "r.model"),
    "step": ("step_key", "r.step_key"),
}
# Of the ledger's rows `u`. Names by their letters: the column takes great and small ones for one.
_OF_ROWS = {
    "day": "u.day_key",
    "month": "left(u.day_key, 7)",
    "pipeline": "u.pipeline_id",
    "model": "u.model",
    "step": "u.step_key",
    "hour": "timestampadd(second, floor((timestampdiff(second, '2000-01-01', u.started_at)"
    " + ${offset}$) / 3600) * 3600 - ${offset}$, cast('2000-01-01' as datetime))",
    "client_ref": "if(u.line_no = 0, u.client_ref, h.client_ref) collate utf8mb4_bin",
}
GROUPS = tuple(_OF_ROWS)
# The header of a row that is none, which alone has the client's reference.
HEADER_OF_ROW = (
    " left join pipeline_usage_log h force index (pipeline_usage_log_call)"
    " on u.line_no <> 0 and h.call_no = u.call_no and h.line_no = 0"
)
_TAG_OF_ROW = (
    " left join app_call_tag t{number} force index (primary)"
    " on t{number}.call_no = u.call_no and t{number}.tag_key = ${{tag{number}}}$"
)
_WORD = r"[^\s,:\x00-\x1f\x7f-\x9f\u2028\u2029]"
_INNER = r"[^,:\x00-\x1f\x7f-\x9f\u2028\u2029]"
_ONE = rf"(?:{'|'.join(GROUPS)}|{TAG}{_WORD}(?:{_INNER}{{0,38}}{_WORD})?)"
GROUP_RULE = FieldRule(
    kind="str", length=100, pattern=re.compile(f"{_ONE}(?:,{_ONE})?"), problem=BAD_GROUP
)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Sums by these, one or two of GROUPS and `tag:…`."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Grouping":
        """Return what a parameter that GROUP_RULE lets through means; the same twice is once."""
        return cls(tuple(dict.fromkeys(text.split(","))))

    @property
    def is_kept(self) -> bool:
        """Whether all of it is summed up beforehand."""
        return all(name in _KEPT for name in self.names)

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of rows that say how many calls are in a group. By model, step and unit the
        lines do: a call has one price for one use."""
        corrections = {
            (False, False): [UNITS],
            (True, False): [MODEL_UNITS],
            (False, True): [STEP_UNITS],
            (True, True): [],
        }
        return (LINES, *corrections["model" in self.names, "step" in self.names])

    def rename(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of sums with its groups, read as `k0` and `k1`, by their names."""
        groups = {name: row[f"k{number}"] for number, name in enumerate(self.names)}
        return groups | {name: value for name, value in row.items() if name not in _PLACES}


_PLACES = ("k0", "k1")


async def group_sums(
    sor: SafeSqlor, use: Use, grouping: Grouping, start: datetime
) -> list[dict[str, Any]]:
    """
    Return the calls, the quantity and the amount of *use* per group and unit, in the order of both;
    raises InvalidFields for more than MAX_GROUPS. *start* is when the time of *use* begins.

    A call counts in each group where it has an item that was not reversed.
    """
    if grouping.is_kept:
        text, values = await _kept_sums(sor, use, grouping)
    else:
        text, values = _ledger_sums(use, grouping, start)
    rows = await sor.sqlExe(text, values | {"most": MAX_GROUPS + 1})
    if len(rows) > MAX_GROUPS:
        raise InvalidFields([TOO_MANY_GROUPS("group_by", most=MAX_GROUPS)])
    return [grouping.rename(row) for row in rows]


async def _kept_sums(sor: SafeSqlor, use: Use, grouping: Grouping) -> tuple[str, dict[str, Any]]:
    calls = "month_calls" if use.month else "calls"
    own = dict.fromkeys(_KEPT[name][0] for name in grouping.names)
    columns = (*own, "unit", "currency", calls, "quantity", "amount")
    source = await usage_source(sor, use, grouping.kinds, columns)
    terms = [f"{_KEPT[name][1]} as k{n}" for n, name in enumerate(grouping.names)]
    sums = (
        f"select {', '.join(terms)}, r.unit, r.currency, cast(sum(r.{calls}) as signed) as calls,"  # noqa: S608  constants
        f" sum(r.quantity) as quantity, sum(r.amount) as amount from {source.text}"
    )
    return _in_order(sums, "r", grouping), source.values


def _ledger_sums(use: Use, grouping: Grouping, start: datetime) -> tuple[str, dict[str, Any]]:
    calls = LINES.sums["month_calls" if use.month else "calls"]
    conditions = Conditions("l")
    rows = rows_of(use, conditions)
    values: dict[str, Any] = {"offset": zone_offset(start).seconds % 3600}
    terms = []
    for number, name in enumerate(grouping.names):
        if name.startswith(TAG):
            rows += _TAG_OF_ROW.format(number=number)
            values[f"tag{number}"] = name.removeprefix(TAG)
            terms.append(f"t{number}.tag_value as k{number}")
        else:
            rows += HEADER_OF_ROW if name == "client_ref" else ""
            terms.append(f"{_OF_ROWS[name]} as k{number}")
    sums = (
        f"select {', '.join(terms)}, u.unit, u.currency, {calls} as calls,"  # noqa: S608  constants
        f" sum(u.quantity) as quantity, sum(u.amount) as amount from {rows}"
        f" where ({conditions.text}) and {LINES.condition}"
    )
    return _in_order(sums, "u", grouping), values | conditions.values


def _in_order(sums: str, rows: str, grouping: Grouping) -> str:
    """Return the statement of *sums* over *rows*, grouped and in order. A pipeline's code is looked
    up after its sums, so that no plan begins with the pipelines."""
    places = [f"k{number}" for number in range(len(grouping.names))]
    groups = ", ".join((*places, f"{rows}.unit", f"{rows}.currency"))
    terms, names = [], ""
    for place, name in zip(places, grouping.names, strict=True):
        terms.append("p.code" if name == "pipeline" else f"g.{place}")
        names = names or (
            f" left join pipelines p on p.id = g.{place}" if name == "pipeline" else ""
        )
    terms_text = ", ".join(f"{term} as {place}" for term, place in zip(terms, places, strict=True))
    return (
        f"select {terms_text}, g.unit, g.currency, g.calls, g.quantity, g.amount"  # noqa: S608  constants
        f" from ({sums} group by {groups}{NOT_ALL_REVERSED}) g{names}"
        f" order by {', '.join((*terms, 'g.unit', 'g.currency'))} limit ${{most}}$"
    )
