"""
Which days of the rollup (pipeline_ops/rollup) are not what the ledger says any more: marked by
whoever writes rows of them, in the same transaction.

The sums of a distributor's day are kept, and rows of that day still come: voids, late ends, calls
that expire, bookings with an earlier start. What the reader of the sums may rely on:

1. A *fence* stands on each distributor's row (`usage_day`): the last day whose sums are being kept.
   Whoever writes rows of a distributor holds that row, and marks every day up to the fence; of a
   day behind it nothing is marked, which costs nothing and is decided in memory. Without a fence
   on the row, and where the row is not held (calls of our own, calls that expire), each day is
   marked.
2. The builder raises the fences first, each in a short transaction that writes the row: it waits
   for those who hold it, and who comes after it sees the fence. Only then are the sums of the day
   made: so each row of it was committed before, or has its mark. No clock is relied on.
3. The builder holds the mark of a day, `for update`, before it reads the ledger, and deletes it
   with the commit of the new sums. Who marks the day meanwhile waits, or has a mark of their own
   that stays; who had marked it before has committed when the builder gets the lock.
4. Fences and marks are written, not only locked: on two database nodes one of two transactions
   that do not know of each other is refused when it commits, and repeated.
5. The reader takes a day from the sums only if it is built and has no mark, else from the ledger,
   all in one snapshot; but for what is archived of it, which has sums of its own
   (rollup/batch_sums.py). Taking rows out, or putting them back, marks their days too.
"""

from collections.abc import Iterable, Mapping

from app.global_func import SafeSqlor, bulk_insert_tuples
from pipeline_ops.ledger.rows import Entry

MARKS = "app_usage_dirty"
# (distributor, '' for our own calls; day).
Day = tuple[str, str]
# The fences of distributors whose rows are held; None: there is none yet.
Fences = Mapping[str, str | None]
NO_FENCES: Fences = {}


def days_to_mark(entries: Iterable[Entry], fences: Fences) -> set[Day]:
    """Return the days that *entries* change and that may be kept as sums, by what *fences* say."""
    days = set()
    for entry in entries:
        header = entry.header
        whose = header.distributor_id or ""
        fence = fences.get(whose)
        if fence is None or header.day_key <= fence:
            days.add((whose, header.day_key))
    return days


async def mark_days(sor: SafeSqlor, days: Iterable[Day]) -> None:
    """Mark *days*: their sums are made anew; until then the ledger is read."""
    rows = [(*day, 1) for day in sorted(set(days))]
    if rows:
        columns = ("distributor_id", "day_key", "mark_no")
        await bulk_insert_tuples(sor, MARKS, columns, rows, on_duplicate="mark_no = mark_no + 1")
