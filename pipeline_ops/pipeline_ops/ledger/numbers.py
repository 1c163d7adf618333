"""
The numbers of settlement: what `entry_no` says of each account, or of our own calls on a line.

A number is one settlement's, on all rows that it wrote; the numbers of an account go from 1 to its
own `entry_no` without a gap, so that a reader who follows them misses nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.global_func import SafeSqlor

# From an index that has all it takes. The numbers of our own calls are counted for each line.
_NUMBERS = (
    "select e.distributor_id, e.own_line, count(*) as numbers, sum(e.calls > 1) as doubles,"
    " min(e.entry_no) as first, max(e.entry_no) as last from ("
    "select {whose}, u.entry_no, count(distinct u.call_no) as calls"
    " from pipeline_usage_log u where {those} and u.entry_no is not null group by {keys}) e"
    " group by e.distributor_id, e.own_line"
)
_OF_DISTRIBUTORS = _NUMBERS.format(
    whose="u.distributor_id, '' as own_line",
    those="u.distributor_id is not null",
    keys="u.distributor_id, u.entry_no",
)
_OF_OURS = _NUMBERS.format(
    whose="'' as distributor_id, u.pipeline_id as own_line",
    those="u.distributor_id is null",
    keys="u.pipeline_id, u.entry_no",
)
_FAULTS = (
    "select coalesce(u.distributor_id, '') as distributor_id,"
    " if(u.distributor_id is null, u.pipeline_id, '') as own_line, count(*) as faults"
    " from pipeline_usage_log u {rows} group by 1, 2"
)
# Rows that are wrong by themselves, each with the counter that tells how many there are.
_WRONG_ROWS = {
    # Items are settled, and so are calls whose end was told; of a late one its items tell it.
    "unnumbered": _FAULTS.format(
        rows="where u.entry_no is null"
        " and (u.line_no > 0 or u.status in ('succeeded', 'failed', 'cancelled'))"
        " and not (u.line_no = 0 and exists (select 1 from pipeline_usage_log i"
        " where i.call_no = u.call_no and i.line_no > 0 and i.entry_no is not null))"
    ),
    # What was charged is taken back; of packages those that are free then, whoever paid for them.
    "loose_reversals": _FAULTS.format(
        rows="left join pipeline_usage_log c on c.id = u.reverses and c.call_no = u.call_no"
        " and c.entry_type = 'charge' and c.status = 'voided' and u.quantity = -c.quantity"
        " and (u.amount = -c.amount or u.pricing_type = 'package' and u.matched is not null)"
        " where u.reverses is not null and c.id is null"
        # What it takes back may be in a file (archiving/check.py).
        " and not exists (select 1 from pipeline_usage_log h where h.call_no = u.call_no"
        " and h.line_no = 0 and h.archive_batch is not null)"
    ),
    # Of a voided call each item, or the header of one that used nothing.
    "unreversed": _FAULTS.format(
        rows="left join pipeline_usage_log r on r.reverses = u.id"
        " where u.status = 'voided' and u.entry_type = 'charge' and r.id is null"
        " and u.archive_batch is null and (u.unit <> ''"
        " or u.line_no = 0 and not exists (select 1 from pipeline_usage_log i"
        " where i.call_no = u.call_no and i.entry_type = 'charge' and i.unit <> ''))"
    ),
}


@dataclass(slots=True)
class EntryNumbers:
    """
    The numbers of one account: how many there are, the first and the last of them, how many stand
    on the rows of more than one call, and how many settled rows have none.

    With them how many reversals have no charge to take back, or another than theirs, and how many
    rows of voided calls nothing reverses. (That one is reversed twice, a unique key prevents.)
    """

    count: int = 0
    first: int = 1
    last: int = 0
    doubles: int = 0
    unnumbered: int = 0
    loose_reversals: int = 0
    unreversed: int = 0

    def faults(self) -> Iterable[tuple[str, int, int]]:
        """Yield what is wrong with them: its name, what is and what should be."""
        if self.count != self.last or self.first < 1:
            yield "numbers", self.count, self.last
        if self.doubles:
            yield "numbers of two calls", self.doubles, 0
        if self.unnumbered:
            yield "rows without a number", self.unnumbered, 0
        if self.loose_reversals:
            yield "reversals without their charge", self.loose_reversals, 0
        if self.unreversed:
            yield "voided rows without a reversal", self.unreversed, 0


async def read_numbers(sor: SafeSqlor) -> dict[tuple[str, str], EntryNumbers]:
    """Return the numbers by (distributor_id, '') and, of our own calls, by ('', pipeline_id)."""
    numbers = {
        (row["distributor_id"], row["own_line"]): EntryNumbers(
            int(row["numbers"]), row["first"], row["last"], int(row["doubles"])
        )
        for text in (_OF_DISTRIBUTORS, _OF_OURS)
        for row in await sor.sqlExe(text, {})
    }
    for name, text in _WRONG_ROWS.items():
        for row in await sor.sqlExe(text, {}):
            whose = (row["distributor_id"], row["own_line"])
            setattr(numbers.setdefault(whose, EntryNumbers()), name, row["faults"])
    return numbers


async def last_entry(
    sor: SafeSqlor, *, distributor_id: str | None = None, pipeline_id: str | None = None
) -> int:
    """Return the last number of a distributor, or, for None, of our own calls on a line; 0 before
    the first."""
    text = "select coalesce(max(entry_no), 0) as last from pipeline_usage_log where distributor_id"
    text += " = ${distributor_id}$" if distributor_id else " is null and pipeline_id = ${line}$"
    row = await sor.one(text, {"distributor_id": distributor_id, "line": pipeline_id})
    assert row is not None
    return int(row["last"])
