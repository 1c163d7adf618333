"""
What is summed up of a day: the kinds of rows in app_usage_day, each as a statement over the ledger.

Everything a report tells follows from them, to the last digit: sums of amounts, quantities and
calls add up over days, and so do numbers of distinct calls, since a call is of one distributor,
pipeline, day and month. They do not add up over the items of a call: so for each grouping in which
they are told there is a kind of its own, which says by how much the calls of the lines in a group
are too many. Its numbers are negative; where calls have one item, or items of different groups,
there are no such rows. The same statements give the rows of days that are not kept
(rollup/read.py), and those of what goes into an archive (rollup/batch_sums.py): a batch has all
that was settled together, and a call is settled once, so numbers of calls add up over batches.

What is counted is the same everywhere: calls are sum(calls), amounts sum(amount) and quantities
sum(quantity) over all rows but top-ups, whatever became of the call: what was voided is taken back
by rows of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Rows of a metered item, those that reverse one included. Of an archived settlement the stub, where
# only a part of its day is asked for: a price tells that it had an item, and no more is known.
IS_ITEM = "(u.unit <> '' or u.archive_batch is not null and u.pricing_id is not null)"
# Rows that stand in the ledger whole. What an archived batch came to is summed up once, when it is
# taken out, in rows of app_usage_day that are its own.
IS_WHOLE = "u.archive_batch is null"
# These: their numbers are below 0, which every index of app_usage_day has.
IS_OF_BATCH = "row_no < 0"
# Of a group of items: the calls that have one there which was not reversed. A call can have items
# in several groups, so these do not add up to the calls of the whole.
_CALLS_WITH_ITEM = (
    f"count(distinct if({IS_ITEM} and u.entry_type = 'charge' and ({{which}}), u.call_no, null))"
)
# Of a month's statement, which a later void does not change: its reversal stands in another one.
_IS_OF_MONTH = (
    "u.status <> 'voided' or not exists (select 1 from pipeline_usage_log r"
    " where r.reverses = u.id and r.month_key = u.month_key)"
)
# Of days, which have the reversals of their calls whenever these were voided.
_CALLS = _CALLS_WITH_ITEM.format(which="u.status <> 'voided'")
_MONTH_CALLS = _CALLS_WITH_ITEM.format(which=_IS_OF_MONTH)
# What a row has of each column that its kind says nothing of.
_NOTHING = {
    "version_no": "cast(null as signed)",
    "step_key": "''",
    "model": "''",
    "unit": "''",
    "pricing_type": "null",
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
# How the columns that are no keys are put together.
_FUNCTIONS = {
    **dict.fromkeys(
        ("calls", "month_calls", "succeeded", "failed", "running", "quantity", "amount",
         "row_count", "items"),
        "sum",
    ),
    "first_entry": "min",
    "last_entry": "max",
}  # fmt: skip
# Of every row, whatever its kind.
OF_EVERY = ("day_key", "month_key", "currency", "pipeline_id")
COLUMNS = ("distributor_id", "kind", *OF_EVERY, *_NOTHING)


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of rows: the columns `keys` that tell them apart beside those of every row, what is
    summed, and which rows `u` of the ledger are. With `by_call` not these are summed, but what is
    one of them for each call and line.
    """

    name: str
    keys: tuple[str, ...]
    sums: Mapping[str, str]
    condition: str
    by_call: bool = False

    def select(
        self,
        columns: Iterable[str],
        ledger: str,
        where: str,
        groups_by: Sequence[str] | None = None,
    ) -> str:
        """Return the statement of its rows, as *columns*, out of the rows `u` that *ledger* (what
        is behind `from`) and *where* choose; *groups_by* are the keys in the place of all."""
        keys = ("distributor_id", *OF_EVERY, *self.keys) if groups_by is None else groups_by
        terms = ", ".join(f"{self._value(name)} as {name}" for name in columns)
        groups = ", ".join(f"u.{name}" for name in keys)
        rows, having = f"{ledger} where ({where}) and {self.condition}", ""
        if self.by_call:
            rows = _BY_CALL.format(rows=rows)
            having = f" having {' or '.join(f'{text} <> 0' for text in self.sums.values())}"
        groups = groups and f" group by {groups}"
        return f"select {terms} from {rows}{groups}{having}"  # noqa: S608  constants

    def _value(self, column: str) -> str:
        if column == "distributor_id":
            return "coalesce(u.distributor_id, '')"
        if column == "kind":
            return f"'{self.name}'"
        if column in OF_EVERY or column in self.keys:
            return f"u.{column}"
        return self.sums.get(column) or _NOTHING[column]


def summed_up(columns: Sequence[str], rows: str) -> str:
    """Return the statement of *rows* summed up by those of *columns* that are no sums: so what is
    put together with the ledger's is little."""
    keys = [name for name in columns if name not in _FUNCTIONS]
    terms = ", ".join(
        f"{_FUNCTIONS[name]}({name}) as {name}" if name in _FUNCTIONS else name for name in columns
    )
    groups = f" group by {', '.join(keys)}" if keys else ""
    return f"select {terms} from {rows}{groups}"  # noqa: S608  constants


def select_together(
    kinds: Sequence[Kind], columns: Sequence[str], ledger: str, where: str
) -> list[str]:
    """
    Return the statements of the rows of *kinds*, as `Kind.select` does for each, in fewer and wider
    groups where that comes to the same: it is much quicker.

    What only adds up goes in the groups that are asked for. So do lines with a kind that corrects
    their calls, where all keys of that are asked for: the calls are counted as they are, and the
    rows of the kind are left out.
    """
    keys = [name for name in columns if name in ("distributor_id", *OF_EVERY, *LINES.keys)]
    if tuple(kinds) == (TOTALS,):
        return [TOTALS.select(columns, ledger, where, keys)]
    if len(kinds) == 2 and kinds[0] is LINES and kinds[1].by_call:
        corrected = set(kinds[1].keys)
        if corrected <= set(keys) <= {*corrected, "distributor_id", *OF_EVERY, "entry_type"}:
            return [LINES.select(columns, ledger, where, keys)]
    return [kind.select(columns, ledger, where) for kind in kinds]


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
# What of TOTALS is the same for good once a row is settled: a later void changes only its state.
SETTLED = frozenset(
    ("distributor_id", *OF_EVERY, "entry_type", "calls", "amount", "row_count", "first_entry",
     "last_entry")
)  # fmt: skip
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


_CALL_KEYS = ", ".join(
    f"u.{name}" for name in ("distributor_id", *OF_EVERY, *LINES.keys, "call_no")
)
# Once for each call and line, whether it counts there.
_BY_CALL = (
    f"(select {_CALL_KEYS}, max(u.status <> 'voided') as is_call,"  # noqa: S608  constants
    f" max({_IS_OF_MONTH}) as is_of_month from {{rows}} group by {_CALL_KEYS}) u"
)
_TOO_MANY = "cast(count(distinct if(u.{flag}, u.call_no, null)) - sum(u.{flag}) as signed)"


def _calls_by(name: str, *keys: str) -> Kind:
    """Return the kind that, with the lines of a group by *keys*, says how many calls have an item
    there."""
    sums = {
        "calls": _TOO_MANY.format(flag="is_call"),
        "month_calls": _TOO_MANY.format(flag="is_of_month"),
    }
    return Kind(name, keys, sums, f"{IS_ITEM} and u.entry_type = 'charge'", by_call=True)


UNITS = _calls_by("unit", "unit")
STEPS = _calls_by("step", "step_key")
MODELS = _calls_by("model", "model")
STEP_UNITS = _calls_by("step_unit", "step_key", "unit")
MODEL_UNITS = _calls_by("model_unit", "model", "unit")
KINDS = (TOTALS, LINES, UNITS, STEPS, MODELS, STEP_UNITS, MODEL_UNITS)
