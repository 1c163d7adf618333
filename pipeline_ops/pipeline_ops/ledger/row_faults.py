"""
What rows of the ledger say that does not go together: within a row, within a call, and between a
reversal and the row that it takes back.

Sums are held against counters elsewhere, but a counter knows only the period that runs; here a row
of any month is looked at, whatever it amounts to.
"""

from collections.abc import Iterable

from app.global_func import Row, SafeSqlor
from pipeline_ops.ledger.counted import Difference

# Rows beside the header `h` of their call, and reversals with the row `c` that they take back.
_BESIDE_HEADER = (
    "join pipeline_usage_log h on h.call_no = u.call_no and h.line_no = 0", "u.line_no > 0",
)  # fmt: skip
# Of what is archived the file is held against it (archiving/check.py).
_OF_CHARGE = (
    "join pipeline_usage_log c on c.id = u.reverses and c.archive_batch is null",
    "u.entry_type = 'reversal'",
)
# What rows have in common with those.
_OF_CALL = ("distributor_id", "pipeline_id", "currency", "started_at", "day_key")
_OF_REVERSED = (
    "step_key", "model", "unit", "pricing_id", "pricing_type", "pricing_mode", "unit_price",
    "unit_size", "package_size", "package_price",
)  # fmt: skip
_CREDITS = "u.entry_type in ('adjustment', 'topup')"


def _text(says: str, should_be: str, wrong: str, rows: tuple[str, str] = ("", "1 = 1")) -> str:
    """Return the statement of those of *rows* (a join, a condition) that are *wrong*."""
    return (
        f"select u.id, u.call_no, u.line_no, {says} as says, {should_be} as should_be"  # noqa: S608  constants
        f" from pipeline_usage_log u {rows[0]} where {rows[1]}{{month}} and ({wrong})"
    )


def _same(names: Iterable[str], other: str, rows: tuple[str, str]) -> dict[str, str]:
    """Return for each of the columns *names* the statement of *rows* that do not say there what
    the row *other* says."""
    return {
        name: _text(
            f"cast(u.{name} as char)", f"cast({other}.{name} as char)",
            f"not u.{name} <=> {other}.{name}", rows,
        )
        for name in names
    }  # fmt: skip


_FAULTS = {
    # One for every call that keeps its quota: also of one that was cancelled when its month was
    # closed, and has no number; a row in the open month takes that back.
    "calls": _text(
        "u.calls", "u.status <> 'cancelled'",
        "u.line_no = 0 and u.pipeline_id is not null and u.calls <> (u.status <> 'cancelled')"
        " and not (u.status = 'cancelled' and u.entry_no is null and u.calls = 1)",
    ),
    # The other rows first: most calls have none.
    "calls of other rows": (
        "select u.id, u.call_no, u.line_no, cast(sum(i.calls) as signed) as says,"
        " if(u.status in ('cancelled', 'voided'), -u.calls, 0) as should_be"
        " from pipeline_usage_log i straight_join pipeline_usage_log u"
        " on u.call_no = i.call_no and u.line_no = 0 where i.line_no > 0{month}"
        " group by u.id, u.call_no, u.line_no, u.status, u.calls having says <> should_be"
    ),
    "calls of a credit": _text("u.calls", "0", f"{_CREDITS} and u.calls <> 0"),
    "quantity of a credit": _text("u.quantity", "0", f"{_CREDITS} and u.quantity <> 0"),
    "price of an item": _text("'-'", "'a price'", "u.unit <> '' and u.pricing_id is null"),
    # The day that a moment has in some zone on earth.
    "day_key of its start": _text(
        "u.day_key", "cast(date(u.started_at) as char)",
        "u.day_key not between date(u.started_at - interval 12 hour)"
        " and date(u.started_at + interval 14 hour)",
    ),
    "status": _text(
        "u.status", "'succeeded'",
        "u.entry_no is not null and (u.status in ('reserved', 'expired')"
        f" or {_CREDITS} and u.status <> 'succeeded')",
    ),
    "status of an item": _text("u.status", "h.status", "u.status <> h.status", _BESIDE_HEADER),
    # A statement is never an earlier one than that of the call's own month; ours never close.
    "month_key": _text(
        "u.month_key", "left(u.day_key, 7)",
        "u.month_key < left(u.day_key, 7)"
        " or u.distributor_id is null and u.month_key <> left(u.day_key, 7)",
    ),
    "month_key of an item": _text(
        "u.month_key", "h.month_key", "u.entry_no = h.entry_no and u.month_key <> h.month_key",
        _BESIDE_HEADER,
    ),
    "month_key of a reversal": _text(
        "u.month_key", "c.month_key", "u.month_key < c.month_key", _OF_CHARGE
    ),
    "reason": _text("u.reason", "c.void_reason", "not u.reason <=> c.void_reason", _OF_CHARGE),
    # What was never settled, as a call that expired, was spent on no day.
    "spend_day": _text(
        "u.spend_day", "c.spend_day",
        "c.spend_day is not null and not u.spend_day <=> c.spend_day", _OF_CHARGE,
    ),
    # Charges of before packages were kept do not have it.
    "matched": _text(
        "u.matched", "c.matched", "c.matched is not null and not u.matched <=> c.matched",
        _OF_CHARGE,
    ),
    **_same(_OF_CALL, "h", _BESIDE_HEADER),
    **_same(_OF_REVERSED, "c", _OF_CHARGE),
}  # fmt: skip


async def row_faults(sor: SafeSqlor, month: str | None) -> list[Difference]:
    """Return what rows say that they should not; with *month* only those of that month."""
    of_month = " and u.month_key = ${month}$" if month else ""
    return [
        _difference(row, counter)
        for counter, text in _FAULTS.items()
        for row in await sor.sqlExe(text.format(month=of_month), {"month": month})
    ]


def _difference(row: Row, counter: str) -> Difference:
    key = f"{row['call_no']}/{row['line_no']}"
    return Difference("rows", key, counter, row["says"], row["should_be"], row["id"])
