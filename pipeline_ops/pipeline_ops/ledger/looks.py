"""
Looks into the ledger by one statement each: a call with all that it used, and, for many lines at
once, what is told of limits where the counters do not say it.

Such a statement of many lines holds a part for each, as it would be asked for alone, since each is
found by its own few entries of an index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.global_func import SafeSqlor
from pipeline_ops.ledger.archived_items import ArchivedItems
from pipeline_ops.ledger.entries import counting
from pipeline_ops.ledger.matches import MATCH_COLUMNS, PRICE_OF_ROW
from pipeline_ops.ledger.rows import (
    HEADER_COLUMNS,
    LINE_COLUMNS,
    CallHeader,
    CallLine,
    header_of,
    line_of,
)


class CallCount(NamedTuple):
    """What is counted: calls of a quota day or month (`key`) of a line, of a distributor, or of a
    distributor on a line."""

    key: str
    pipeline_id: str | None = None
    distributor_id: str | None = None


@dataclass(slots=True)
class HeldSlots:
    """Of a line's calls that hold a slot: how many should have ended, and when the others must
    have, the first of them in order."""

    overdue: int = 0
    ends: list[datetime] = field(default_factory=list)


async def find_call(
    sor: SafeSqlor, call_no: str, distributor_id: str
) -> tuple[CallHeader, str, Sequence[CallLine]] | None:
    """Return a distributor's call: its header, the code of its line ('' where that is gone) and
    its metered items in their order, `ArchivedItems` of an archived one. None where it is not the
    distributor's, or not there."""
    rows = await sor.tuples(_CALL, {"call_no": call_no, "distributor_id": distributor_id})
    if not rows:
        return None
    lines = [line_of(row[_ITEM_AT:]) for row in rows]
    items: Sequence[CallLine] = [one for one in lines if one.unit]
    if not items and any(row[1] is not None for row in rows):
        items = ArchivedItems(sum((one.amount for one in lines), Decimal(0)))
    return header_of(rows[0][2:_ITEM_AT]), rows[0][0] or "", items


async def count_calls_of(sor: SafeSqlor, questions: Sequence[CallCount]) -> dict[CallCount, int]:
    """Count calls as `count_calls` does, all *questions* by one statement; none for none."""
    if not questions:
        return {}
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, one in enumerate(dict.fromkeys(questions)):
        text, own_values = counting(*one)
        parts.append(f"select {number} as number, ({_renamed(text, number)}) as calls")
        values |= {f"{name}_{number}": value for name, value in own_values.items()}
    rows = await sor.tuples(" union all ".join(parts), values)
    counts = {number: int(calls) for number, calls in rows}
    return {one: counts[number] for number, one in enumerate(dict.fromkeys(questions))}


async def held_slots(
    sor: SafeSqlor, lengths: Mapping[str, int], moment: datetime
) -> dict[str, HeldSlots]:
    """Look at who holds the slots of lines at *moment*; *lengths* says, by the line's id, how many
    ends are asked for. One statement, none for no line."""
    if not lengths:
        return {}
    parts: list[str] = []
    values: dict[str, Any] = {"moment": moment}
    for number, (pipeline_id, length) in enumerate(lengths.items()):
        values |= {f"pipeline_id_{number}": pipeline_id, f"length_{number}": length}
        parts += [_renamed(f"({text})", number) for text in (_OVERDUE, _ENDS)]
    slots = {pipeline_id: HeldSlots() for pipeline_id in lengths}
    for pipeline_id, overdue, end in await sor.tuples(" union all ".join(parts), values):
        if end is None:
            slots[pipeline_id].overdue = overdue
        else:
            slots[pipeline_id].ends.append(end)
    for one in slots.values():
        one.ends.sort()
    return slots


def _renamed(text: str, number: int) -> str:
    """Return a statement with names of its own for all its values, but `moment`."""
    return text.replace("}$", f"_{number}}}$").replace(f"${{moment_{number}}}$", "${moment}$")


_OF_ROW = ", ".join("u." + name for name in (*HEADER_COLUMNS, *LINE_COLUMNS))
# Reversals have no part in what the call was; adjustments and top-ups are no calls.
_CALL = (
    f"select p.code, u.archive_batch, {_OF_ROW}, {MATCH_COLUMNS}"  # noqa: S608
    f" from pipeline_usage_log u{PRICE_OF_ROW}"
    " left join pipelines p on p.id = u.pipeline_id where u.call_no = ${call_no}$"
    " and u.distributor_id = ${distributor_id}$ and u.entry_type = 'charge'"
    " order by u.line_no"
)
_ITEM_AT = 2 + len(HEADER_COLUMNS)
_RUNNING = (
    " from pipeline_usage_log where status = 'reserved' and line_no = 0"
    " and pipeline_id = ${pipeline_id}$ and lease_expires_at"
)
_OVERDUE = (
    "select ${pipeline_id}$ as pipeline_id, count(*) as overdue,"
    f" cast(null as datetime(3)) as ends{_RUNNING} <= ${{moment}}$"
)
_ENDS = (
    f"select pipeline_id, 0, lease_expires_at{_RUNNING} > ${{moment}}$"
    " order by lease_expires_at limit ${length}$"
)
