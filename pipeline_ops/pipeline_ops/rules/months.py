"""Quota months: as a parameter, and the one whose statement a row of the ledger belongs to."""

import re

from app.global_func import FieldRule
from pipeline_ops.errors import BAD_MONTH

MONTH_RULE = FieldRule(
    kind="str",
    pattern=re.compile("2[0-9]{3}-(?:0[1-9]|1[0-2])"),
    problem=BAD_MONTH,
)


def open_month(month: str, closed_month: str | None) -> str:
    """
    Return *month* (`YYYY-MM`), or, if it is closed, the oldest that is not: the month whose
    statement a row of the ledger belongs to.

    Months close in order: *closed_month* and all before it are closed; None: none is.
    """
    if closed_month is None or month > closed_month:
        return month
    return month_after(closed_month)


def month_after(month: str) -> str:
    """Return the month that follows *month*."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return f"{year:04d}-{number + 1:02d}"
