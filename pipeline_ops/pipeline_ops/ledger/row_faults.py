"""
What rows of the ledger say that does not go together: within a row, within a call, and between a
reversal and the row that it takes back.

Sums are held against counters elsewhere, but a counter knows only the period that runs; here a row
of any month is looked at, whatever it amounts to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.global_func import SafeSqlor
from pipeline_ops.ledger.counted import Difference
from pipeline_ops.ledger.slices import HEADERS, REVERSED, ROWS, Slice

# Which rows are looked at: (what is joined, a condition). All; those beside the header `h` of their
# call; and reversals with the row `c` that they take back.
_ALL = ("", "1 = 1")
_BESIDE_HEADER = (HEADERS, "u.line_no > 0")
_OF_CHARGE = (REVERSED, "u.entry_type = 'reversal'")
# What rows have in common with those.
_OF_CALL = ("distributor_id", "pipeline_id", "currency", "started_at", "day_key")
_OF_REVERSED = (
    "step_key", "model", "unit", "pricing_id", "pricing_type", "pricing_mode", "unit_price",
    "unit_size", "package_size", "package_price",
)  # fmt: skip
# Of a table of its own, since it is money that is wrong.
_AMOUNT = "amount"
_CREDITS = "u.entry_type in ('adjustment', 'topup')"


@dataclass(frozen=True, slots=True)
class _Fault:
    """What rows say, should say, and when that is wrong, as terms of a statement."""

    says: str
    should_be: str
    wrong: str


def _same(names: Iterable[str], other: str) -> dict[str, _Fault]:
    """Return for each of the columns *names* the fault of not saying what the row *other* says."""
    return {
        name: _Fault(
            f"cast(u.{name} as char)", f"cast({other}.{name} as char)",
            f"not u.{name} <=> {other}.{name}",
        )
        for name in names
    }  # fmt: skip


# Of the rows themselves.
_OWN_FAULTS = {
    # One for every call that keeps its quota: also of one that was cancelled when its month was
    # closed, and has no number; a row in the open month takes that back.
    "calls": _Fault(
        "u.calls",
        "u.status <> 'cancelled'",
        "u.line_no = 0 and u.pipeline_id is not null and u.calls <> (u.status <> 'cancelled')"
        " and not (u.status = 'cancelled' and u.entry_no is null and u.calls = 1)",
    ),
    "calls of a credit": _Fault("u.calls", "0", f"{_CREDITS} and u.calls <> 0"),
    "quantity of a credit": _Fault("u.quantity", "0", f"{_CREDITS} and u.quantity <> 0"),
    "price of an item": _Fault("'-'", "'a price'", "u.unit <> '' and u.pricing_id is null"),
    # The day that a moment has in some zone on earth.
    "day_key of its start": _Fault(
        "u.day_key",
        "cast(date(u.started_at) as char)",
        "u.day_key not between date(u.started_at - interval 12 hour)"
        " and date(u.started_at + interval 14 hour)",
    ),
    "status": _Fault(
        "u.status",
        "'succeeded'",
        "u.entry_no is not null and (u.status in ('reserved', 'expired')"
        f" or {_CREDITS} and u.status <> 'succeeded')",
    ),
    # A statement is never an earlier one than that of the call's own month; ours never close.
    "month_key": _Fault(
        "u.month_key",
        "left(u.day_key, 7)",
        "u.month_key < left(u.day_key, 7)"
        " or u.distributor_id is null and u.month_key <> left(u.day_key, 7)",
    ),
}
_ITEM_FAULTS = {
    "status of an item": _Fault("u.status", "h.status", "u.status <> h.status"),
    "month_key of an item": _Fault(
        "u.month_key", "h.month_key", "u.entry_no = h.entry_no and u.month_key <> h.month_key"
    ),
    **_same(_OF_CALL, "h"),
}
_REVERSAL_FAULTS = {
    "month_key of a reversal": _Fault("u.month_key", "c.month_key", "u.month_key < c.month_key"),
    "reason": _Fault("u.reason", "c.void_reason", "not u.reason <=> c.void_reason"),
    # What was never settled, as a call that expired, was spent on no day.
    "spend_day": _Fault(
        "u.spend_day", "c.spend_day",
        "c.spend_day is not null and not u.spend_day <=> c.spend_day",
    ),
    # Charges of before packages were kept do not have it.
    "matched": _Fault(
        "u.matched", "c.matched", "c.matched is not null and not u.matched <=> c.matched"
    ),
    # What packages give back is told by their replay.
    _AMOUNT: _Fault("u.amount", "-c.amount", "u.pricing_type = 'unit' and u.amount <> -c.amount"),
    **_same(_OF_REVERSED, "c"),
}  # fmt: skip
# What the other rows of a call count, wherever in the ledger they stand.
_CALLS_OF_OTHERS = (
    "select u.id, u.call_no, u.line_no, (select cast(sum(i.calls) as signed)"  # noqa: S608  constants
    " from pipeline_usage_log i where i.call_no = u.call_no and i.line_no > 0) as says,"
    " if(u.status in ('cancelled', 'voided'), -u.calls, 0) as should_be"
    f"{ROWS} where {{slice}} and u.line_no = 0 having says <> should_be"
)


def _text(faults: Mapping[str, _Fault], rows: tuple[str, str]) -> str:
    """Return the statement of those of *rows* that have any of *faults*, each with what it says and
    should say and whether that is wrong."""
    terms = ", ".join(f"{one.wrong}, {one.says}, {one.should_be}" for one in faults.values())
    wrong = " or ".join(f"({one.wrong})" for one in faults.values())
    return (
        f"select u.id, concat(u.call_no, '/', u.line_no), {terms}{ROWS}{rows[0]}"
        f" where {{slice}} and {rows[1]} and ({wrong})"
    )


_PASSES = [
    (tuple(faults), _text(faults, rows))
    for faults, rows in (
        (_OWN_FAULTS, _ALL),
        (_ITEM_FAULTS, _BESIDE_HEADER),
        (_REVERSAL_FAULTS, _OF_CHARGE),
    )
]


async def row_faults(sor: SafeSqlor, part: Slice) -> list[Difference]:
    """Return what rows of *part* say that they should not."""
    differences = [
        Difference(
            "rows", f"{row['call_no']}/{row['line_no']}", "calls of other rows", row["says"],
            row["should_be"], row["id"],
        )
        for row in await sor.sqlExe(part.narrowed(_CALLS_OF_OTHERS), part.values)
    ]  # fmt: skip
    for counters, text in _PASSES:
        for row in await sor.tuples(part.narrowed(text), part.values):
            row_id, key, *faults = row
            differences += [
                Difference(
                    "amounts" if counter == _AMOUNT else "rows",
                    key,
                    counter,
                    says,
                    should_be,
                    row_id,
                )
                for counter, wrong, says, should_be in zip(
                    counters, faults[::3], faults[1::3], faults[2::3], strict=True
                )
                if wrong
            ]
    return differences
