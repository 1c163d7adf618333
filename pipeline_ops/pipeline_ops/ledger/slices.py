"""
The whole ledger, or one month of it, read in slices of its rows in the order of their ids: each
page of the table is read once, whatever is looked for in it, and no statement is of more than one
slice.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from app.global_func import SafeSqlor

SLICE_ROWS = 50_000
TELL_SECONDS = 5.0
# Told how far something is: what it is and how many rows or parts of it are done.
Tell = Callable[[str], None]
# Rows `u` of a slice, to which statements add what they join.
ROWS = " from pipeline_usage_log u force index (primary)"
# Their calls' headers `h`, and the rows `c` that reversals take back. (No plan may turn round: few
# calls stand in a slice, and all of the ledger beside it.)
HEADERS = (
    " straight_join pipeline_usage_log h force index (pipeline_usage_log_call)"
    " on h.call_no = u.call_no and h.line_no = 0"
)
# Of what is archived the file is held against it (archiving/check.py).
REVERSED = (
    " straight_join pipeline_usage_log c force index (primary)"
    " on c.id = u.reverses and c.archive_batch is null"
)
_LAST = (
    "select u.id from pipeline_usage_log u force index (primary)"
    " where u.id > ${after}$ and (${until}$ is null or u.id <= ${until}$)"
    " order by u.id limit 1 offset ${skip}$"
)
# From an index, of each distributor by itself: without one of them all months would be read.
_ENDS_OF_MONTH = (
    "select min(u.id), max(u.id) from pipeline_usage_log u"
    " force index (pipeline_usage_log_distributor_month)"
    " where u.month_key = ${month}$ and (u.distributor_id is null or u.distributor_id in ${whose}$)"
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows `u` with an id behind `after` and up to `until` (None: to the end), of `month` alone
    where it is given."""

    after: str
    until: str | None
    month: str | None

    @property
    def condition(self) -> str:
        """What its rows fulfil, behind `where`."""
        text = "u.id > ${after}$"
        if self.until is not None:
            text += " and u.id <= ${until}$"
        return text + (" and u.month_key = ${month}$" if self.month is not None else "")

    def narrowed(self, text: str) -> str:
        """Return the statement *text* with its condition where `{slice}` stands."""
        return text.replace("{slice}", self.condition)

    @property
    def values(self) -> dict[str, Any]:
        """The values in `condition`."""
        return {"after": self.after, "until": self.until, "month": self.month}


async def account_ids(sor: SafeSqlor) -> list[str | None]:
    """Return the distributors that have rows, None for our own: jumped to in an index."""
    return await sor.firsts(
        "select distinct distributor_id from pipeline_usage_log"
        " force index (pipeline_usage_log_distributor_month)",
        {},
    )


async def row_slices(sor: SafeSqlor, month: str | None, tell: Tell) -> AsyncIterator[Slice]:
    """Yield the slices of all rows, or of those of *month*, telling how far it is."""
    after, end = "", None
    if month is not None:
        # Ids rise with time: rows of other months are few between its first one and its last.
        whose = [one for one in await account_ids(sor) if one is not None] or [""]
        first, end = (await sor.tuples(_ENDS_OF_MONTH, {"month": month, "whose": whose}))[0]
        if first is None:
            return
        after = first[:-1]
    count = 0
    while True:
        last = await sor.firsts(_LAST, {"after": after, "until": end, "skip": SLICE_ROWS - 1})
        yield Slice(after, last[0] if last else end, month)
        if not last:
            return
        after, count = last[0], count + SLICE_ROWS
        tell(f"rows {count:,}")


class Progress:
    """Tells on the standard error output how far a long command is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, text: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_SECONDS
            sys.stderr.write(text + "\n")
