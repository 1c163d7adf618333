"""
The tables whose rows count what the ledger says, each with how that is held against the ledger.

Modules above contribute theirs.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.global_func import Contributions, Row, SafeSqlor
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.numbers import EntryNumbers, last_entry

ZERO = Decimal(0)
# What a counter says: a number, or of the packages that were bought their JSON.
Value = int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter of one row that does not say what the ledger says. `row_id` is the row's; of one
    that is not there, `missing` has what it would be made of."""

    table: str
    key: str
    counter: str
    says: Value
    should_be: Value
    row_id: str
    missing: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Sums:
    """What the ledger says, by what it is asked for."""

    # Calls that have used up quota by (line, day or month), (distributor, …), (both, …).
    calls: dict[tuple[str, ...], int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    # By distributor what counts as spent on each day; what is not settled amounts to nothing.
    spends: dict[str, dict[str | None, Decimal]] = field(default_factory=dict)
    # By (distributor, month): what all rows amount to, and the rows that statements list.
    months: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)
    # (distributor, month, later month): rows that stand in another statement than their month's.
    moves: set[tuple[str, str, str]] = field(default_factory=set)
    # By (distributor, "") or, of calls without one, ("", line); None where a month alone is asked.
    entries: dict[tuple[str, str], EntryNumbers] | None = None
    rows: int = 0
    headers: int = 0

    def add(self, row: Row) -> None:
        """Take in one group of ledger rows."""
        distributor, pipeline = row["distributor_id"], row["pipeline_id"]
        self.rows += int(row["row_count"])
        self.headers += int(row["headers"])
        self.running[pipeline] = self.running.get(pipeline, 0) + int(row["running"])
        calls = int(row["calls"])
        for period in (row["day_key"], row["day_key"][:7]):
            self._count(("line", pipeline, period), calls)
            if distributor is not None:
                self._count(("distributor", distributor, period), calls)
                self._count(("link", distributor, pipeline, period), calls)
        if distributor is not None and row["month_key"] != row["day_key"][:7]:
            self.moves.add((distributor, row["day_key"][:7], row["month_key"]))
        if distributor is not None and not row["is_topup"]:
            days = self.spends.setdefault(distributor, {})
            days[row["spend_day"]] = days.get(row["spend_day"], ZERO) + row["amount"]
            month = self.months.setdefault((distributor, row["month_key"]), [ZERO, ZERO])
            month[0] += row["amount"]
            month[1] += row["stated"]

    def spending(self, distributor: str, key: str | None) -> Decimal:
        """Return what a distributor spent in the period *key*, a day or month; None: in all."""
        days = self.spends.get(distributor, {})
        return sum((days[day] for day in days if key is None or (day or "").startswith(key)), ZERO)

    def _count(self, key: tuple[str, ...], calls: int) -> None:
        self.calls[key] = self.calls.get(key, 0) + calls


Compare = Callable[[SafeSqlor, Sums, str | None], Awaitable[list[Difference]]]
Count = Callable[[SafeSqlor, Mapping[str, Any]], Awaitable[Value]]


@dataclass(frozen=True, slots=True)
class CountedTable:
    """
    A table whose rows count.

    `compare` finds the differences between its rows and the sums of one month, or of all time;
    `counts` has for each counter how it is counted anew for one row; where that is done for what a
    row stands for as a whole, `rebuild` does it by the `row_id` of a difference.
    """

    name: str
    compare: Compare
    counts: Mapping[str, Count]
    rebuild: Callable[[str], Awaitable[None]] | None = None


def period_differences(
    table: str, row: Row, whose: tuple[str, ...], sums: Sums, month: str | None
) -> Iterable[Difference]:
    """Hold the calls of a row's day and month against those of *whose* in *sums*."""
    for period in ("day", "month"):
        key = row[f"{period}_key"]
        if key is not None and is_of(key, month):
            should_be = sums.calls.get((*whose, key), 0)
            name = f"{row['name']} {key}"
            yield from counter_differences(table, row, name, f"{period}_used", should_be)


def counter_differences(
    table: str, row: Row, key: str, counter: str, should_be: Value
) -> Iterable[Difference]:
    """Yield the difference, if there is one, between a row's *counter* and what it should be."""
    if row[counter] != should_be:
        yield Difference(table, key, counter, row[counter], should_be, row["id"])


def entry_differences(
    table: str, row: Row, whose: tuple[str, str], sums: Sums
) -> Iterable[Difference]:
    """Hold a row's `entry_no` against the last number that the ledger has of *whose*, and the
    numbers against one another: each is one call's, and none is left out."""
    if sums.entries is None:
        return
    numbers = sums.entries.get(whose, EntryNumbers())
    yield from counter_differences(table, row, row["name"], "entry_no", numbers.last)
    for counter, says, should_be in numbers.faults():
        yield Difference("entries", row["name"], counter, says, should_be, row["id"])


def is_of(key: str, month: str | None) -> bool:
    """Return whether *key*, a day or a month, is within *month*; None is all time."""
    return month is None or key[:7] == month


_CAPACITY_ROWS = (
    "select c.*, p.code as name from pipeline_capacity c join pipelines p on p.id = c.pipeline_id"
)


async def _compare_capacities(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    for row in await sor.sqlExe(_CAPACITY_ROWS, {}):
        whose = ("line", row["pipeline_id"])
        differences += period_differences("pipeline_capacity", row, whose, sums, month)
        running = sums.running.get(row["pipeline_id"], 0)
        differences += counter_differences(
            "pipeline_capacity", row, row["name"], "running", running
        )
    return differences


async def _pipeline_period(sor: SafeSqlor, row: Mapping[str, Any], key: str) -> int:
    return await ledger.count_calls(sor, row[key], pipeline_id=row["pipeline_id"])


CAPACITIES = CountedTable(
    "pipeline_capacity",
    _compare_capacities,
    {
        "day_used": lambda sor, row: _pipeline_period(sor, row, "day_key"),
        "month_used": lambda sor, row: _pipeline_period(sor, row, "month_key"),
        "running": lambda sor, row: ledger.count_running(sor, row["pipeline_id"]),
    },
)
_OWN_ROWS = (
    "select o.id, o.entry_no, p.code as name from pipelines p join app_own_entries o on o.id = p.id"
)


async def _compare_own(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    return [
        difference
        for row in await sor.sqlExe(_OWN_ROWS, {})
        for difference in entry_differences("app_own_entries", row, ("", row["id"]), sums)
    ]


OWN_ENTRIES = CountedTable(
    "app_own_entries",
    _compare_own,
    {"entry_no": lambda sor, row: last_entry(sor, pipeline_id=row["id"])},
)
# In the order in which they are told.
COUNTED_TABLES = Contributions(CountedTable, lambda table: table.name)
