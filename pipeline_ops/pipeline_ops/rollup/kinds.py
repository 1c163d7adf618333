"""
What is summed up of a day: the kinds of rows in app_usage_day, each as a statement over the ledger.

Everything a report tells follows from them, to the last digit: sums of amounts, quantities and
calls add up over days, and so do numbers of distinct calls, since a call is of one distributor,
pipeline, day and month. They do not add up over the items of a call; so for each grouping in which
they are told there is a kind of its own. The same statements give the rows of days that are not
kept (rollup/read.py).

What is counted is the same everywhere: calls are sum(calls), amounts sum(amount) and quantities
sum(quantity) over all rows but top-ups, whatever became of the call: what was voided is taken back
by rows of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Rows of a metered item, those that reverse one included.
IS_ITEM = "u.unit <> ''"
# Of a group of items: the calls that have one there which was not reversed. A call can have items
# in several groups, so these do not add up to the calls of the whole.
_CALLS_WITH_ITEM = (
    "count(distinct if(u.unit <> '' and u.entry_type = 'charge'"
    " and (u.status <> 'voided'{or_else}), u.call_no, null))"
)
# Of days, which have the reversals of their calls whenever these were voided.
_CALLS = _CALLS_WITH_ITEM.format(or_else="")
# Of a month's statement, which a later void does not change: its reversal stands in another one.
IS_IN_MONTH = (
    "not exists (select 1 from pipeline_usage_log r"
    " where r.reverses = u.id and r.month_key = u.month_key)"
)
_MONTH_CALLS = _CALLS_WITH_ITEM.format(or_else=f" or {IS_IN_MONTH}")
# What a row has of each column that its kind says nothing of.
_NOTHING = {
    "version_no": "cast(null as signed)",
    "step_key": "''",
    "model": "''",
    "unit": "''",
    "pricing_type": "cast(null as char)",
    "unit_price": "cast(null as decimal(24,10))",
    "unit_size": "cast(null as signed)",
    "package_size": "cast(null as signed)",
    "package_price": "cast(null as decimal(24,10))",
    "entry_type": "'charge'",
    "calls": "0",
    "month_calls": "0",
    "succeeded": "0",
    "failed": "0",
    "running": "0",
    "quantity": "cast(0 as decimal(30,6))",
    "amount": "cast(0 as decimal(30,10))",
    "row_count": "0",
    "items": "0",
    "first_entry": "cast(null as signed)",
    "last_entry": "cast(null as signed)",
}
# Of every row, whatever its kind.
_OF_EVERY = ("day_key", "month_key", "currency", "pipeline_id")
COLUMNS = ("distributor_id", "kind", *_OF_EVERY, *_NOTHING)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of rows: the columns `keys` that tell them apart beside those of every row, what is
    summed, and which rows `u` of the ledger are."""

    name: str
    keys: tuple[str, ...]
    sums: Mapping[str, str]
    condition: str

    def select(self, columns: Iterable[str], ledger: str, where: str) -> str:
        """Return the statement of its rows, as *columns*, out of the rows `u` that *ledger* (what
        is behind `from`) and *where* choose."""
        keys = ("distributor_id", *_OF_EVERY, *self.keys)
        terms = ", ".join(f"{self._value(name)} as {name}" for name in columns)
        groups = ", ".join(f"u.{name}" for name in keys)
        return (
            f"select {terms} from {ledger} where ({where}) and {self.condition}"  # noqa: S608
            f" group by {groups}"
        )

    def _value(self, column: str) -> str:
        if column == "distributor_id":
            return "coalesce(u.distributor_id, '')"
        if column == "kind":
            return f"'{self.name}'"
        if column in _OF_EVERY or column in self.keys:
            return f"u.{column}"
        return self.sums.get(column) or _NOTHING[column]


# Calls by outcome and amounts; top-ups too, which no sum has but the order of settlement.
TOTALS = Kind(
    "total",
    ("entry_type",),
    {
        "calls": "sum(u.calls)",
        "succeeded": "sum(u.line_no = 0 and u.status = 'succeeded' and u.pipeline_id is not null)",
        "failed": "sum(u.line_no = 0 and u.status in ('failed', 'expired'))",
        "running": "sum(u.line_no = 0 and u.status = 'reserved')",
        "amount": "sum(u.amount)",
        "row_count": "count(*)",
        "first_entry": "min(u.entry_no)",
        "last_entry": "max(u.entry_no)",
    },
    "1 = 1",
)
# All that amounts to something, by price: items, and what changes the bill by hand.
LINES = Kind(
    "line",
    (
        "version_no", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size",
        "package_size", "package_price", "entry_type",
    ),
    {
        "calls": _CALLS,
        "month_calls": _MONTH_CALLS,
        "quantity": "sum(u.quantity)",
        "amount": "sum(u.amount)",
        "items": "sum(u.entry_type = 'charge' and u.status <> 'voided' and u.unit <> '')",
        "first_entry": "min(u.entry_no)",
        "last_entry": "max(u.entry_no)",
    },
    f"({IS_ITEM} or u.entry_type = 'adjustment')",
)  # fmt: skip


def _calls_by(name: str, *keys: str) -> Kind:
    """Return the kind of how many calls have an item in a group by *keys*."""
    sums = {"calls": _CALLS, "month_calls": _MONTH_CALLS}
    return Kind(name, keys, sums, f"{IS_ITEM} and u.entry_type = 'charge'")


UNITS = _calls_by("unit", "unit")
STEPS = _calls_by("step", "step_key")
MODELS = _calls_by("model", "model")
STEP_UNITS = _calls_by("step_unit", "step_key", "unit")
MODEL_UNITS = _calls_by("model_unit", "model", "unit")
KINDS = (TOTALS, LINES, UNITS, STEPS, MODELS, STEP_UNITS, MODEL_UNITS)
