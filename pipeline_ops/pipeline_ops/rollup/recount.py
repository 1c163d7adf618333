"""
The sums of one day worked out from the ledger in another way than that in which they are built
(kinds.py), and in two statements for all kinds: one for what adds up over rows, one for how many
distinct calls there are.

The second one groups calls by what they have: of those that have the same items, which are most of
them, one tells of all how they count in each kind.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.rollup.kinds import IS_IN_MONTH, IS_ITEM, KINDS, LINES, TOTALS, Kind
from pipeline_ops.rollup.ledger_rows import OF_A_DAY

# What tells the rows of one day and kind apart, beside the keys of the kind.
PLACE = ("distributor_id", "month_key", "currency", "pipeline_id")
Key = tuple[Any, ...]
# By kind and by PLACE and the keys of the kind: the sums of the kind, in its order.
DaySums = dict[str, dict[Key, list[Any]]]

_CALL_SUMS = ("calls", "month_calls")
_ADDED = {**{k: v for k, v in LINES.sums.items() if k not in _CALL_SUMS}, **TOTALS.sums}
_FINE = Kind("fine", LINES.keys, _ADDED, "1 = 1")
_FINE_COLUMNS = (*PLACE, *_FINE.keys, *_ADDED)
_OF_DAY = "u.day_key = ${day}$"
_ROWS = _FINE.select(_FINE_COLUMNS, OF_A_DAY, _OF_DAY)
# An item, as JSON: all keys of its line but the type, and whether it counts in days and in months.
_ITEM_KEYS = tuple(name for name in LINES.keys if name != "entry_type")
_ITEM = (
    f"json_array({', '.join('u.' + name for name in _ITEM_KEYS)},"
    f" u.status <> 'voided', u.status <> 'voided' or {IS_IN_MONTH})"
)
_OF_CALLS = ", ".join(f"c.{name}" for name in (*PLACE, "items"))
# A call may have any number of items.
_CALLS = (
    "set statement group_concat_max_len = 1073741824 for"  # noqa: S608  constants
    f" select {_OF_CALLS}, count(*) from (select coalesce(u.distributor_id, '') as distributor_id,"
    f" u.month_key, u.currency, u.pipeline_id, group_concat({_ITEM} order by u.line_no) as items"
    f" from {OF_A_DAY} where {_OF_DAY} and {IS_ITEM} and u.entry_type = 'charge'"
    f" group by u.call_no, {', '.join('u.' + name for name in PLACE)}) c group by {_OF_CALLS}"
)
_FIRST, _LAST = "first_entry", "last_entry"


def kept_sums(kind: Kind) -> str:
    """Return the statement of what is kept of a day in *kind*: PLACE, keys, sums."""
    columns = ", ".join((*PLACE, *kind.keys, *kind.sums))
    return (
        f"select {columns} from app_usage_day force index (app_usage_day_day)"  # noqa: S608
        f" where kind = '{kind.name}' and day_key = ${{day}}$"
    )


async def recount(sor: SafeSqlor, day: str) -> DaySums:
    """Return the sums of *day* as the ledger has them; what comes to nothing may be left out."""
    sums: DaySums = {kind.name: {} for kind in KINDS}
    for row in await sor.tuples(_ROWS, {"day": day}):
        values = dict(zip(_FINE_COLUMNS, row, strict=True))
        place = row[: len(PLACE)]
        _add_total(sums[TOTALS.name], (*place, values["entry_type"]), values)
        if values["unit"] or values["entry_type"] == "adjustment":
            key = (*place, *row[len(PLACE) : len(PLACE) + len(LINES.keys)])
            sums[LINES.name][key] = [0 if n in _CALL_SUMS else values[n] for n in LINES.sums]
    for *whose, items, calls in await sor.tuples(_CALLS, {"day": day}):
        for name, keys, in_day, in_month in _counts(items):
            of_kind, key = sums[name], (*whose, *keys)
            call_sums = of_kind.get(key)
            if call_sums is None:
                # Of a line all else stands there, since it has rows.
                call_sums = of_kind[key] = [0] * len(_CALL_SUMS)
            # They come first in every kind.
            call_sums[0] += calls if in_day else 0
            call_sums[1] += calls if in_month else 0
    return sums


def _add_total(totals: dict[Key, list[Any]], key: Key, values: Mapping[str, Any]) -> None:
    row = [values[name] for name in TOTALS.sums]
    before = totals.get(key)
    if before is not None:
        for number, (name, one) in enumerate(zip(TOTALS.sums, before, strict=True)):
            row[number] = _union(name, one, row[number])
    totals[key] = row


def _union(name: str, one: Any, other: Any) -> Any:
    if name not in (_FIRST, _LAST):
        return one + other
    if one is None or other is None:
        return other if one is None else one
    return min(one, other) if name == _FIRST else max(one, other)


@lru_cache(maxsize=10_000)
def _counts(items: str) -> tuple[tuple[str, Key, bool, bool], ...]:
    """Return in which rows of which kind a call with *items* counts, and whether in days and in
    months."""
    those = [_item(*item) for item in json.loads(f"[{items}]", parse_float=Decimal)]
    return tuple(
        (kind.name, keys, in_day, in_month)
        for kind in KINDS
        if kind is not TOTALS
        for keys, in_day, in_month in _counts_in(kind, those)
    )


def _item(*values: Any) -> dict[str, Any]:
    return dict(zip((*_ITEM_KEYS, "in_day", "in_month"), values, strict=True)) | {
        "entry_type": "charge"
    }


def _counts_in(kind: Kind, items: list[dict[str, Any]]) -> Iterator[tuple[Key, bool, bool]]:
    rows: dict[Key, tuple[bool, bool]] = {}
    for item in items:
        keys = tuple(item[name] for name in kind.keys)
        in_day, in_month = rows.get(keys, (False, False))
        rows[keys] = in_day or bool(item["in_day"]), in_month or bool(item["in_month"])
    for keys, (in_day, in_month) in rows.items():
        yield keys, in_day, in_month
